/* SPDX-License-Identifier: Apache-2.0
 *
 * Inception-v3: Szegedy et al. 2015, arXiv:1512.00567, table 1 and figures 5 to 8. 94 convolutions. Keras: batch
 * norm without gamma, average pools that leave the border out, no auxiliary head; torchvision: with gamma, the border
 * counts as zeros, and on demand the head that training uses. */
#include "blocks.h"

/* One convolution of a tower: out maps, h x w; H: 3x3, stride 2, valid, which halves the map. */
/* clang-format off */
#define C(maps, h, w) { .out = (maps), .kernel_h = (h), .kernel_w = (w) }
#define H(maps) { .out = (maps), .kernel = 3, .stride = 2, .padding = WEFT_VALID }
/* clang-format on */

static weft_var avg_pool_tower(const weft_net *n, weft_var x, int maps)
{
    weft_var y = weft_avg_pool2d(
        n->g, x, POOL(.name = "pool", .kernel = 3, .stride = 1, .count_border = n->dialect == WEFT_TORCH));
    return conv_bn_relu(n, y, CONV(.name = "pool_proj", .out = maps, .kernel = 1));
}

static weft_var halving_pool(const weft_net *n, weft_var x)
{
    return weft_max_pool2d(n->g, x, POOL(.kernel = 3, .stride = 2, .padding = WEFT_VALID));
}

/* Figure 5: 5x5 and two 3x3 towers. */
static weft_var mixed_a(const weft_net *n, weft_var x, int pool_maps)
{
    weft_var towers[4];
    towers[0] = TOWER(n, x, "1x1", C(64, 1, 1));
    towers[1] = TOWER(n, x, "5x5", C(48, 1, 1), C(64, 5, 5));
    towers[2] = TOWER(n, x, "3x3", C(64, 1, 1), C(96, 3, 3), C(96, 3, 3));
    towers[3] = avg_pool_tower(n, x, pool_maps);
    return weft_concat(n->g, towers, COUNT(towers));
}

/* Figure 6: 7x7 factorised into 1x7 and 7x1. */
static weft_var mixed_b(const weft_net *n, weft_var x, int mid)
{
    weft_var towers[4];
    towers[0] = TOWER(n, x, "1x1", C(192, 1, 1));
    towers[1] = TOWER(n, x, "7x7", C(mid, 1, 1), C(mid, 1, 7), C(192, 7, 1));
    towers[2] = TOWER(n, x, "7x7x2", C(mid, 1, 1), C(mid, 7, 1), C(mid, 1, 7), C(mid, 7, 1), C(192, 1, 7));
    towers[3] = avg_pool_tower(n, x, 192);
    return weft_concat(n->g, towers, COUNT(towers));
}

/* 1x3 and 3x1 side by side. */
static weft_var fork_arms(const weft_net *n, weft_var x, const char *name)
{
    weft_scope_push(n->g, "%s", name);
    weft_var arms[2];
    arms[0] = conv_bn_relu(n, x, CONV(.name = "1x3", .out = 384, .kernel_h = 1, .kernel_w = 3));
    arms[1] = conv_bn_relu(n, x, CONV(.name = "3x1", .out = 384, .kernel_h = 3, .kernel_w = 1));
    const weft_var y = weft_concat(n->g, arms, 2);
    weft_scope_pop(n->g);
    return y;
}

/* Figure 7: the expanded filter bank of the coarsest grid. */
static weft_var mixed_c(const weft_net *n, weft_var x, int pool_maps)
{
    weft_var towers[4];
    towers[0] = TOWER(n, x, "1x1", C(320, 1, 1));
    towers[1] = fork_arms(n, TOWER(n, x, "3x3", C(384, 1, 1)), "3x3_fork");
    towers[2] = fork_arms(n, TOWER(n, x, "3x3x2", C(448, 1, 1), C(384, 3, 3)), "3x3x2_fork");
    towers[3] = avg_pool_tower(n, x, pool_maps);
    return weft_concat(n->g, towers, COUNT(towers));
}

/* Figure 10: the grid is halved by convolutions beside a pool. */
static weft_var reduce_a(const weft_net *n, weft_var x, int maps)
{
    weft_var towers[3];
    towers[0] = TOWER(n, x, "3x3", H(maps));
    towers[1] = TOWER(n, x, "3x3x2", C(64, 1, 1), C(96, 3, 3), H(96));
    towers[2] = halving_pool(n, x);
    return weft_concat(n->g, towers, COUNT(towers));
}

static weft_var reduce_b(const weft_net *n, weft_var x, int maps)
{
    weft_var towers[3];
    towers[0] = TOWER(n, x, "3x3", C(192, 1, 1), H(maps));
    towers[1] = TOWER(n, x, "7x7x3", C(192, 1, 1), C(192, 1, 7), C(192, 7, 1), H(192));
    towers[2] = halving_pool(n, x);
    return weft_concat(n->g, towers, COUNT(towers));
}

/* x [N, 299, 299, 3] -> [N, 35, 35, 192]. */
static weft_var stem(const weft_net *n, weft_var x)
{
    x = conv_bn_relu(n, x, CONV(.name = "a", .out = 32, .kernel = 3, .stride = 2, .padding = WEFT_VALID));
    x = conv_bn_relu(n, x, CONV(.name = "b", .out = 32, .kernel = 3, .padding = WEFT_VALID));
    x = conv_bn_relu(n, x, CONV(.name = "c", .out = 64, .kernel = 3));
    x = halving_pool(n, x);
    x = conv_bn_relu(n, x, CONV(.name = "d", .out = 80, .kernel = 1, .padding = WEFT_VALID));
    x = conv_bn_relu(n, x, CONV(.name = "e", .out = 192, .kernel = 3, .padding = WEFT_VALID));
    return halving_pool(n, x);
}

/* Figure 8: on the last 17x17 map. */
static weft_var auxiliary_head(const weft_net *n, weft_var x)
{
    weft_scope_push(n->g, "aux1");
    weft_var y = weft_avg_pool2d(n->g, x, POOL(.kernel = 5, .stride = 3, .padding = WEFT_VALID));
    y = conv_bn_relu(n, y, CONV(.name = "a", .out = 128, .kernel = 1));
    y = conv_bn_relu(n, y, CONV(.name = "b", .out = 768, .kernel = 5, .padding = WEFT_VALID));
    y = weft_net_pool_head(n, y, 0);
    weft_scope_pop(n->g);
    return y;
}

void weft_build_inception_v3(weft_net *n)
{
    static const struct {
        weft_var (*module)(const weft_net *n, weft_var x, int maps);
        int maps;
        bool aux; /* the auxiliary head reads it */
    } modules[] = {
        { mixed_a, 32, false },  { mixed_a, 64, false },  { mixed_a, 64, false }, { reduce_a, 384, false },
        { mixed_b, 128, false }, { mixed_b, 160, false }, { mixed_b, 160, false }, { mixed_b, 192, true },
        { reduce_b, 320, false }, { mixed_c, 192, false }, { mixed_c, 192, false },
    };
    const bool torch = n->dialect == WEFT_TORCH;
    weft_var x = weft_net_input(n), aux = { 0 };

    n->bn.no_gamma = !torch;
    n->bn.momentum = torch ? .9 : .99;
    n->conv_init = n->dense_init = WEFT_INIT_GLOROT_UNIFORM;
    weft_scope_push(n->g, "stem");
    x = stem(n, x);
    weft_scope_pop(n->g);
    for (int i = 0; i < COUNT(modules); i++) {
        weft_scope_push(n->g, "mixed%d", i);
        x = modules[i].module(n, x, modules[i].maps);
        weft_scope_pop(n->g);
        if (n->aux && modules[i].aux)
            aux = auxiliary_head(n, x);
    }
    weft_net_output(n, weft_net_pool_head(n, x, torch ? .5 : 0));
    if (n->aux)
        weft_net_aux_output(n, aux, "aux1");
}
