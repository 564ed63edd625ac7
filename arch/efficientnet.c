/* SPDX-License-Identifier: Apache-2.0
 *
 * EfficientNet-B0 to B7: Tan & Le 2019, arXiv:1905.11946, table 1, and the width and depth of each size as the
 * authors' code ships them (rounded by hand, they do not follow equation 3). As in Keras: the input is rescaled and
 * normalised inside, strided convolutions are padded like TensorFlow's, batch norm has epsilon 1e-3; and as in
 * torchvision: bare images, even pads. EfficientNet-Lite0 to 4 of the same authors, as in timm: ReLU6, no
 * squeeze-and-excitation; stem, top and the depth of the first and last stage do not grow. */
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

enum { LITE = 8 }; /* the variant from which on sizes are Lite0 to 4 */

/* B0 to B7, Lite0 to 4; depth in tenths, so that repeats round up exactly. */
static const struct {
    double width;
    int depth_tenths;
    double dropout;
} sizes[] = {
    { 1.0, 10, .2 }, { 1.0, 11, .2 }, { 1.1, 12, .3 }, { 1.2, 14, .3 }, { 1.4, 18, .4 },
    { 1.6, 22, .4 }, { 1.8, 26, .5 }, { 2.0, 31, .5 }, { 1.0, 10, .2 }, { 1.0, 11, .2 },
    { 1.1, 12, .3 }, { 1.2, 14, .3 }, { 1.4, 18, .3 },
};

static const double drop_connect = .2; /* of the last unit; rises linearly from 0 */

static weft_pad pad(const weft_net *n, weft_var x, int kernel, int stride)
{
    const bool even = stride == 1 || (n->dialect == WEFT_TORCH && n->variant < LITE);
    return even ? pad_all(kernel / 2) : weft_net_half_pad(n->g, x, kernel);
}

/* MBConv: an inverted residual (Sandler et al. 2018) with squeeze-and-excitation on the expanded maps, reduced to a
 * quarter of the unit's input, not of the expansion. */
static weft_var mbconv(const weft_net *n, weft_var x, const stage *s, int out, int stride, double drop)
{
    const bool lite = n->variant >= LITE;
    const weft_act act = lite ? WEFT_ACT_RELU6 : WEFT_ACT_SWISH;
    weft_graph *const g = n->g;
    const int64_t in = weft_channels(g, x), mid = in * s->expand;
    const weft_squeeze_excite_opt se = {
        .name = "se", .reduced = in >= 4 ? in / 4 : 1, .act = WEFT_ACT_SWISH, .init = n->conv_init
    };
    weft_var y = x;
    if (s->expand != 1)
        y = weft_net_conv_bn_act(n, y, CONV(.name = "expand", .out = mid, .kernel = 1), act);
    y = weft_net_conv_bn_act(n, y,
                             CONV(.name = "depthwise", .out = mid, .kernel = s->kernel, .stride = stride, .groups = mid,
                                  PADDED(pad(n, x, s->kernel, stride)),
                                  .init = WEFT_INIT_HE_NORMAL), /* the fan-out of one filter, in Keras */
                             act);
    if (!lite)
        y = weft_squeeze_excite(g, y, &se);
    y = conv_bn(n, y, CONV(.name = "project", .out = out, .kernel = 1));

    if (stride == 1 && in == out) {
        if (drop > 0)
            y = weft_drop_path(g, y, drop);
        y = weft_add(g, y, x);
    }
    return y;
}

/* How often stage i is repeated: rounded up, but in Lite the first and last stage stay as they are. */
static int repeats(const weft_net *n, int i)
{
    const bool fixed = n->variant >= LITE && (i == 0 || i == COUNT(stages) - 1);
    return fixed ? stages[i].repeats : (stages[i].repeats * sizes[n->variant].depth_tenths + 9) / 10;
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

/* torchvision took the authors' constants for B5 to B7 only. */
static void set_constants(weft_net *n)
{
    const bool torchs = n->dialect == WEFT_TORCH && n->variant < 5;
    n->bn = (weft_batch_norm_opt){ .epsilon = torchs ? 1e-5 : 1e-3, .momentum = torchs ? .9 : .99 };
    n->conv_init = WEFT_INIT_FAN_OUT_NORMAL;
    n->dense_init = WEFT_INIT_UNIFORM_FAN_OUT;
}

void weft_build_efficientnet(weft_net *n)
{
    const bool lite = n->variant >= LITE;
    const double width = sizes[n->variant].width, ends = lite ? 1 : width;
    weft_var x = weft_net_input(n);
    set_constants(n);
    if (n->dialect == WEFT_KERAS)
        x = normalize(n, x);
    int units = 0, unit = 0;
    for (int i = 0; i < COUNT(stages); i++)
        units += repeats(n, i);

    const weft_act act = lite ? WEFT_ACT_RELU6 : WEFT_ACT_SWISH;
    x = weft_net_conv_bn_act(
        n, x,
        CONV(.name = "stem", .out = weft_net_round_width(32 * ends), .kernel = 3, .stride = 2, PADDED(pad(n, x, 3, 2))),
        act);
    for (int i = 0; i < COUNT(stages); i++) {
        for (int j = 0; j < repeats(n, i); j++, unit++) {
            weft_scope_push(n->g, "stage%d.%d", i + 1, j);
            x = mbconv(n, x, &stages[i], weft_net_round_width(stages[i].out * width), j == 0 ? stages[i].stride : 1,
                       drop_connect * unit / units);
            weft_scope_pop(n->g);
        }
    }
    x = weft_net_conv_bn_act(n, x, CONV(.name = "top", .out = weft_net_round_width(1280 * ends), .kernel = 1), act);
    weft_net_output(n, weft_net_pool_head(n, x, sizes[n->variant].dropout));
}
