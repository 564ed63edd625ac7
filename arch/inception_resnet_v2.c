/* SPDX-License-Identifier: Apache-2.0
 *
 * Inception-ResNet-v2: Szegedy et al. 2016, arXiv:1602.07261, as in Keras (the authors' later code): Inception-v3's
 * stem, then residual inception units whose sum is scaled before it is added. Batch norm without gamma; the 1x1 that
 * ends a unit has a bias instead. 244 convolutions. */
#include "blocks.h"

/* clang-format off */
#define C(maps, h, w) { .out = (maps), .kernel_h = (h), .kernel_w = (w) }
#define H(maps) { .out = (maps), .kernel = 3, .stride = 2, .padding = WEFT_VALID } /* halves the map */
/* clang-format on */

static weft_var halving_pool(const weft_net *n, weft_var x)
{
    return weft_max_pool2d(n->g, x, POOL(.kernel = 3, .stride = 2, .padding = WEFT_VALID));
}

/* x + scale * conv1x1(concat(towers)), activated unless it is the last unit. */
static weft_var residual(const weft_net *n, weft_var x, const weft_var *towers, int count, double scale, bool act)
{
    weft_graph *const g = n->g;
    weft_var y = weft_concat(g, towers, count);
    y = weft_net_conv(n, y, CONV(.name = "up", .out = weft_channels(g, x), .kernel = 1, .bias = true));
    y = weft_add_scaled(g, x, y, &(weft_add_opt){ .scale = scale });
    return act ? weft_relu(g, y) : y;
}

static weft_var block35(const weft_net *n, weft_var x, double scale, bool act)
{
    weft_var towers[3];
    towers[0] = TOWER(n, x, "1x1", C(32, 1, 1));
    towers[1] = TOWER(n, x, "3x3", C(32, 1, 1), C(32, 3, 3));
    towers[2] = TOWER(n, x, "3x3x2", C(32, 1, 1), C(48, 3, 3), C(64, 3, 3));
    return residual(n, x, towers, COUNT(towers), scale, act);
}

static weft_var block17(const weft_net *n, weft_var x, double scale, bool act)
{
    weft_var towers[2];
    towers[0] = TOWER(n, x, "1x1", C(192, 1, 1));
    towers[1] = TOWER(n, x, "7x7", C(128, 1, 1), C(160, 1, 7), C(192, 7, 1));
    return residual(n, x, towers, COUNT(towers), scale, act);
}

static weft_var block8(const weft_net *n, weft_var x, double scale, bool act)
{
    weft_var towers[2];
    towers[0] = TOWER(n, x, "1x1", C(192, 1, 1));
    towers[1] = TOWER(n, x, "3x3", C(192, 1, 1), C(224, 1, 3), C(256, 3, 1));
    return residual(n, x, towers, COUNT(towers), scale, act);
}

/* x [N, 299, 299, 3] -> [N, 35, 35, 320]. */
static weft_var stem(const weft_net *n, weft_var x)
{
    x = conv_bn_relu(n, x, CONV(.name = "a", .out = 32, .kernel = 3, .stride = 2, .padding = WEFT_VALID));
    x = conv_bn_relu(n, x, CONV(.name = "b", .out = 32, .kernel = 3, .padding = WEFT_VALID));
    x = conv_bn_relu(n, x, CONV(.name = "c", .out = 64, .kernel = 3));
    x = halving_pool(n, x);
    x = conv_bn_relu(n, x, CONV(.name = "d", .out = 80, .kernel = 1, .padding = WEFT_VALID));
    x = conv_bn_relu(n, x, CONV(.name = "e", .out = 192, .kernel = 3, .padding = WEFT_VALID));
    x = halving_pool(n, x);
    const weft_var pool = weft_avg_pool2d(n->g, x, POOL(.kernel = 3, .stride = 1));

    weft_var towers[4];
    towers[0] = TOWER(n, x, "1x1", C(96, 1, 1));
    towers[1] = TOWER(n, x, "5x5", C(48, 1, 1), C(64, 5, 5));
    towers[2] = TOWER(n, x, "3x3x2", C(64, 1, 1), C(96, 3, 3), C(96, 3, 3));
    towers[3] = TOWER(n, pool, "pool", C(64, 1, 1));
    return weft_concat(n->g, towers, COUNT(towers));
}

/* [N, 35, 35, 320] -> [N, 17, 17, 1088]. */
static weft_var reduce_a(const weft_net *n, weft_var x)
{
    weft_var towers[3];
    towers[0] = TOWER(n, x, "3x3", H(384));
    towers[1] = TOWER(n, x, "3x3x2", C(256, 1, 1), C(256, 3, 3), H(384));
    towers[2] = halving_pool(n, x);
    return weft_concat(n->g, towers, COUNT(towers));
}

/* [N, 17, 17, 1088] -> [N, 8, 8, 2080]. */
static weft_var reduce_b(const weft_net *n, weft_var x)
{
    weft_var towers[4];
    towers[0] = TOWER(n, x, "3x3a", C(256, 1, 1), H(384));
    towers[1] = TOWER(n, x, "3x3b", C(256, 1, 1), H(288));
    towers[2] = TOWER(n, x, "3x3x2", C(256, 1, 1), C(288, 3, 3), H(320));
    towers[3] = halving_pool(n, x);
    return weft_concat(n->g, towers, COUNT(towers));
}

void weft_build_inception_resnet_v2(weft_net *n)
{
    static const struct {
        weft_var (*entry)(const weft_net *n, weft_var x);
        const char *entry_name, *name;
        weft_var (*block)(const weft_net *n, weft_var x, double scale, bool act);
        int blocks;
        double scale;
    } stages[] = {
        { stem, "stem", "block35", block35, 10, .17 },
        { reduce_a, "reduce_a", "block17", block17, 20, .1 },
        { reduce_b, "reduce_b", "block8", block8, 9, .2 },
    };
    weft_var x = weft_net_input(n);

    n->bn.no_gamma = true;
    n->conv_init = n->dense_init = WEFT_INIT_GLOROT_UNIFORM;
    for (int i = 0; i < COUNT(stages); i++) {
        weft_scope_push(n->g, "%s", stages[i].entry_name);
        x = stages[i].entry(n, x);
        weft_scope_pop(n->g);
        for (int j = 0; j < stages[i].blocks; j++) {
            weft_scope_push(n->g, "%s.%d", stages[i].name, j);
            x = stages[i].block(n, x, stages[i].scale, true);
            weft_scope_pop(n->g);
        }
    }
    weft_scope_push(n->g, "block8.9");
    x = block8(n, x, 1, false);
    weft_scope_pop(n->g);
    x = conv_bn_relu(n, x, CONV(.name = "top", .out = 1536, .kernel = 1));
    weft_net_output(n, weft_net_pool_head(n, x, 0));
}
