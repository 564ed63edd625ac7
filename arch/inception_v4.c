/* SPDX-License-Identifier: Apache-2.0
 *
 * Inception-v4: Szegedy et al. 2016, arXiv:1602.07261, figures 3 to 9: pure inception, no residual sums; as in timm,
 * which ported the authors' weights: average pools leave the border out, no auxiliary head. 149 convolutions. */
#include "blocks.h"

/* One convolution of a tower: out maps, h x w; V: 3x3, valid; H: 3x3, stride 2, valid, which halves the map. */
/* clang-format off */
#define C(maps, h, w) { .out = (maps), .kernel_h = (h), .kernel_w = (w) }
#define V(maps) { .out = (maps), .kernel = 3, .padding = WEFT_VALID }
#define H(maps) { .out = (maps), .kernel = 3, .stride = 2, .padding = WEFT_VALID }
/* clang-format on */

static weft_var avg_pool_tower(const weft_net *n, weft_var x, int maps)
{
    weft_var y = weft_avg_pool2d(n->g, x, POOL(.name = "pool", .kernel = 3, .stride = 1));
    return conv_bn_relu(n, y, CONV(.name = "pool_proj", .out = maps, .kernel = 1));
}

static weft_var halving_pool(const weft_net *n, weft_var x)
{
    return weft_max_pool2d(n->g, x, POOL(.kernel = 3, .stride = 2, .padding = WEFT_VALID));
}

/* Figure 3, in three parts: x [N, 299, 299, 3] -> [N, 35, 35, 384]. */
static weft_var stem(const weft_net *n, weft_var x)
{
    x = TOWER(n, x, "in", H(32), V(32), C(64, 3, 3));
    weft_var towers[2];
    towers[0] = halving_pool(n, x);
    towers[1] = TOWER(n, x, "half", H(96));
    x = weft_concat(n->g, towers, COUNT(towers));

    towers[0] = TOWER(n, x, "3x3", C(64, 1, 1), V(96));
    towers[1] = TOWER(n, x, "7x7", C(64, 1, 1), C(64, 1, 7), C(64, 7, 1), V(96));
    x = weft_concat(n->g, towers, COUNT(towers));

    towers[0] = TOWER(n, x, "quarter", H(192));
    towers[1] = halving_pool(n, x);
    return weft_concat(n->g, towers, COUNT(towers));
}

/* Figure 4. */
static weft_var inception_a(const weft_net *n, weft_var x)
{
    weft_var towers[4];
    towers[0] = TOWER(n, x, "1x1", C(96, 1, 1));
    towers[1] = TOWER(n, x, "3x3", C(64, 1, 1), C(96, 3, 3));
    towers[2] = TOWER(n, x, "3x3x2", C(64, 1, 1), C(96, 3, 3), C(96, 3, 3));
    towers[3] = avg_pool_tower(n, x, 96);
    return weft_concat(n->g, towers, COUNT(towers));
}

/* Figure 5. */
static weft_var inception_b(const weft_net *n, weft_var x)
{
    weft_var towers[4];
    towers[0] = TOWER(n, x, "1x1", C(384, 1, 1));
    towers[1] = TOWER(n, x, "7x7", C(192, 1, 1), C(224, 1, 7), C(256, 7, 1));
    towers[2] = TOWER(n, x, "7x7x2", C(192, 1, 1), C(192, 7, 1), C(224, 1, 7), C(224, 7, 1), C(256, 1, 7));
    towers[3] = avg_pool_tower(n, x, 128);
    return weft_concat(n->g, towers, COUNT(towers));
}

/* 1x3 and 3x1 side by side. */
static weft_var fork_arms(const weft_net *n, weft_var x, const char *name)
{
    weft_scope_push(n->g, "%s", name);
    weft_var arms[2];
    arms[0] = conv_bn_relu(n, x, CONV(.name = "1x3", .out = 256, .kernel_h = 1, .kernel_w = 3));
    arms[1] = conv_bn_relu(n, x, CONV(.name = "3x1", .out = 256, .kernel_h = 3, .kernel_w = 1));
    const weft_var y = weft_concat(n->g, arms, COUNT(arms));
    weft_scope_pop(n->g);
    return y;
}

/* Figure 6. */
static weft_var inception_c(const weft_net *n, weft_var x)
{
    weft_var towers[4];
    towers[0] = TOWER(n, x, "1x1", C(256, 1, 1));
    towers[1] = fork_arms(n, TOWER(n, x, "3x3", C(384, 1, 1)), "3x3_fork");
    towers[2] = fork_arms(n, TOWER(n, x, "3x3x2", C(384, 1, 1), C(448, 3, 1), C(512, 1, 3)), "3x3x2_fork");
    towers[3] = avg_pool_tower(n, x, 256);
    return weft_concat(n->g, towers, COUNT(towers));
}

/* Figure 7 with k, l, m, n of table 1: 192, 224, 256, 384. */
static weft_var reduction_a(const weft_net *n, weft_var x)
{
    weft_var towers[3];
    towers[0] = TOWER(n, x, "3x3", H(384));
    towers[1] = TOWER(n, x, "3x3x2", C(192, 1, 1), C(224, 3, 3), H(256));
    towers[2] = halving_pool(n, x);
    return weft_concat(n->g, towers, COUNT(towers));
}

/* Figure 8. */
static weft_var reduction_b(const weft_net *n, weft_var x)
{
    weft_var towers[3];
    towers[0] = TOWER(n, x, "3x3", C(192, 1, 1), H(192));
    towers[1] = TOWER(n, x, "7x7", C(256, 1, 1), C(256, 1, 7), C(320, 7, 1), H(320));
    towers[2] = halving_pool(n, x);
    return weft_concat(n->g, towers, COUNT(towers));
}

void weft_build_inception_v4(weft_net *n)
{
    static const struct {
        const char *name;
        weft_var (*module)(const weft_net *n, weft_var x);
        int count;
    } stages[] = {
        { "stem", stem, 1 },     { "a", inception_a, 4 },        { "reduce_a", reduction_a, 1 },
        { "b", inception_b, 7 }, { "reduce_b", reduction_b, 1 }, { "c", inception_c, 3 },
    };
    weft_var x = weft_net_input(n);

    n->bn.momentum = .9;
    n->conv_init = n->dense_init = WEFT_INIT_GLOROT_UNIFORM;
    for (int i = 0; i < COUNT(stages); i++) {
        for (int j = 0; j < stages[i].count; j++) {
            weft_scope_push(n->g, "%s.%d", stages[i].name, j);
            x = stages[i].module(n, x);
            weft_scope_pop(n->g);
        }
    }
    weft_net_output(n, weft_net_pool_head(n, x, 0));
}
