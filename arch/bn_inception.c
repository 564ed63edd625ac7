/* SPDX-License-Identifier: Apache-2.0
 *
 * BN-Inception: Ioffe & Szegedy 2015, arXiv:1502.03167, appendix figure 5; and SE-Inception, which is its module with
 * squeeze-and-excitation, reduced 16 times, behind the concatenation: Hu et al. 2017, arXiv:1709.01507, figure 2 and
 * table 2 (SE-BN-Inception). As in the Caffe models of both: 128 maps for the pools of 4c and 4d, whose sums in the
 * paper's table do not add up, no biases before batch norm, and max pools that count their last, partial window. */
#include "blocks.h"

typedef enum pool_kind { AVERAGE, MAXIMUM, HALVING } pool_kind;

/* Maps of the towers: 1x1; 1x1, 3x3; 1x1, 3x3, 3x3; the pool and its projection. HALVING: the last convolutions and
 * the pool have stride 2, there is no 1x1 tower and no projection. */
/* clang-format off */
static const struct module {
    const char *name;
    int maps_1x1, reduce_3x3, maps_3x3, reduce_double, maps_double, pool_proj;
    pool_kind pool;
} modules[] = {
    { "3a",  64,  64,  64,  64,  96,  32, AVERAGE },
    { "3b",  64,  64,  96,  64,  96,  64, AVERAGE },
    { "3c",   0, 128, 160,  64,  96,   0, HALVING },
    { "4a", 224,  64,  96,  96, 128, 128, AVERAGE },
    { "4b", 192,  96, 128,  96, 128, 128, AVERAGE },
    { "4c", 160, 128, 160, 128, 160, 128, AVERAGE },
    { "4d",  96, 128, 192, 160, 192, 128, AVERAGE },
    { "4e",   0, 128, 192, 192, 256,   0, HALVING },
    { "5a", 352, 192, 320, 160, 224, 128, AVERAGE },
    { "5b", 352, 192, 320, 192, 224, 128, MAXIMUM },
};
/* clang-format on */

/* On even sizes the last window is partial, as Caffe's; on odd ones the map is as large as the convolutions' beside it,
 * which the paper has no case of. */
static weft_var halving_pool(const weft_net *n, weft_var x)
{
    return weft_max_pool2d(n->g, x, POOL(.kernel = 3, .stride = 2, PADDED(weft_net_half_pad(n->g, x, 3))));
}

static weft_var pool_tower(const weft_net *n, weft_var x, const struct module *m)
{
    if (m->pool == HALVING)
        return halving_pool(n, x);
    x = m->pool == MAXIMUM ? weft_max_pool2d(n->g, x, POOL(.name = "pool", .kernel = 3, .stride = 1))
                           : weft_avg_pool2d(n->g, x, POOL(.name = "pool", .kernel = 3, .stride = 1,
                                                           .count_border = true));
    return conv_bn_relu(n, x, CONV(.name = "pool_proj", .out = m->pool_proj, .kernel = 1));
}

static weft_var inception(const weft_net *n, weft_var x, const struct module *m)
{
    const int stride = m->pool == HALVING ? 2 : 1;
    int count = 0;
    weft_var towers[4];
    if (m->maps_1x1)
        towers[count++] = TOWER(n, x, "1x1", { .out = m->maps_1x1, .kernel = 1 });
    towers[count++] = TOWER(n, x, "3x3", { .out = m->reduce_3x3, .kernel = 1 },
                            { .out = m->maps_3x3, .kernel = 3, .stride = stride, PADDED(pad_all(1)) });
    towers[count++] = TOWER(n, x, "3x3x2", { .out = m->reduce_double, .kernel = 1 },
                            { .out = m->maps_double, .kernel = 3 },
                            { .out = m->maps_double, .kernel = 3, .stride = stride, PADDED(pad_all(1)) });
    towers[count++] = pool_tower(n, x, m);
    return weft_concat(n->g, towers, count);
}

void weft_build_bn_inception(weft_net *n)
{
    const bool se = n->variant != 0;
    weft_var x = weft_net_input(n);
    n->bn = (weft_batch_norm_opt){ .epsilon = 1e-5, .momentum = .9 };
    n->conv_init = WEFT_INIT_HE_NORMAL;
    n->dense_init = WEFT_INIT_NORMAL;
    n->dense_scale = .01;

    weft_scope_push(n->g, "stem");
    x = conv_bn_relu(n, x, CONV(.name = "a", .out = 64, .kernel = 7, .stride = 2, PADDED(pad_all(3))));
    x = conv_bn_relu(n, halving_pool(n, x), CONV(.name = "b", .out = 64, .kernel = 1));
    x = halving_pool(n, conv_bn_relu(n, x, CONV(.name = "c", .out = 192, .kernel = 3)));
    weft_scope_pop(n->g);
    for (int i = 0; i < COUNT(modules); i++) {
        weft_scope_push(n->g, "%s", modules[i].name);
        x = inception(n, x, &modules[i]);
        if (se)
            x = weft_squeeze_excite(n->g, x,
                                    &(weft_squeeze_excite_opt){ .name = "se", .reduced = weft_channels(n->g, x) / 16,
                                                                .init = n->conv_init });
        weft_scope_pop(n->g);
    }
    weft_net_output(n, weft_net_pool_head(n, x, 0));
}
