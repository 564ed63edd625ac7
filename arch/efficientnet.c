/* SPDX-License-Identifier: Apache-2.0
 *
 * EfficientNet-B0 to B7: Tan & Le 2019, arXiv:1905.11946, table 1, and the width and depth of each size as the
 * authors' code ships them (rounded by hand, they do not follow equation 3). As in Keras: the input is rescaled and
 * normalised inside, strided convolutions are padded explicitly, batch norm has epsilon 1e-3. */
#include "blocks.h"

typedef struct stage {
    int kernel, repeats, out, expand, stride;
} stage;

/* clang-format off */
static const stage stages[] = {
    { 3, 1,  16, 1, 1 },
    { 3, 2,  24, 6, 2 },
    { 5, 2,  40, 6, 2 },
    { 3, 3,  80, 6, 2 },
    { 5, 3, 112, 6, 1 },
    { 5, 4, 192, 6, 2 },
    { 3, 1, 320, 6, 1 },
};
/* clang-format on */

/* B0 to B7; depth in tenths, so that repeats round up exactly. */
static const struct {
    double width;
    int depth_tenths;
    double dropout;
} sizes[] = {
    { 1.0, 10, .2 }, { 1.0, 11, .2 }, { 1.1, 12, .3 }, { 1.2, 14, .3 },
    { 1.4, 18, .4 }, { 1.6, 22, .4 }, { 1.8, 26, .5 }, { 2.0, 31, .5 },
};

static const double drop_connect = .2; /* of the last unit; rises linearly from 0 */

/* MBConv: an inverted residual (Sandler et al. 2018) with squeeze-and-excitation on the expanded maps, reduced to a
 * quarter of the unit's input, not of the expansion. */
static weft_var mbconv(const weft_net *n, weft_var x, const stage *s, int out, int stride, double drop)
{
    weft_graph *const g = n->g;
    const int64_t in = weft_channels(g, x), mid = in * s->expand;
    const weft_pad pad = stride == 1 ? pad_all(s->kernel / 2) : weft_net_half_pad(g, x, s->kernel);
    const weft_squeeze_excite_opt se = {
        .name = "se", .reduced = in >= 4 ? in / 4 : 1, .act = WEFT_ACT_SWISH, .init = n->conv_init
    };
    weft_var y = x;

    if (s->expand != 1)
        y = conv_bn_swish(n, y, CONV(.name = "expand", .out = mid, .kernel = 1));
    y = conv_bn_swish(n, y,
                      CONV(.name = "depthwise", .out = mid, .kernel = s->kernel, .stride = stride, .groups = mid,
                           PADDED(pad), .init = WEFT_INIT_HE_NORMAL)); /* the fan-out of one filter, in Keras */
    y = weft_squeeze_excite(g, y, &se);
    y = conv_bn(n, y, CONV(.name = "project", .out = out, .kernel = 1));

    if (stride == 1 && in == out) {
        if (drop > 0)
            y = weft_drop_path(g, y, drop);
        y = weft_add(g, y, x);
    }
    return y;
}

static int repeats(const stage *s, int depth_tenths)
{
    return (s->repeats * depth_tenths + 9) / 10;
}

/* 0..255 -> (x / 255 - mean) / deviation of ImageNet, whose values are statistics as in Keras. */
static weft_var normalize(const weft_net *n, weft_var x)
{
    const weft_normalize_opt opt = {
        .scale = 1. / 255,
        .mean = { .485, .456, .406 },
        .variance = { .229 * .229, .224 * .224, .225 * .225 },
        .stats = true,
    };

    return weft_normalize(n->g, x, &opt);
}

void weft_build_efficientnet(weft_net *n)
{
    const double width = sizes[n->variant].width;
    const int depth = sizes[n->variant].depth_tenths;
    int units = 0, unit = 0;
    weft_var x = normalize(n, weft_net_input(n));

    n->conv_init = WEFT_INIT_FAN_OUT_NORMAL;
    n->dense_init = WEFT_INIT_UNIFORM_FAN_OUT;
    for (int i = 0; i < COUNT(stages); i++)
        units += repeats(&stages[i], depth);

    x = conv_bn_swish(n, x,
                      CONV(.name = "stem", .out = weft_net_round_width(32 * width), .kernel = 3, .stride = 2,
                           PADDED(weft_net_half_pad(n->g, x, 3))));
    for (int i = 0; i < COUNT(stages); i++) {
        for (int j = 0; j < repeats(&stages[i], depth); j++, unit++) {
            weft_scope_push(n->g, "stage%d.%d", i + 1, j);
            x = mbconv(n, x, &stages[i], weft_net_round_width(stages[i].out * width), j == 0 ? stages[i].stride : 1,
                       drop_connect * unit / units);
            weft_scope_pop(n->g);
        }
    }
    x = conv_bn_swish(n, x, CONV(.name = "top", .out = weft_net_round_width(1280 * width), .kernel = 1));
    weft_net_output(n, weft_net_pool_head(n, x, sizes[n->variant].dropout));
}
