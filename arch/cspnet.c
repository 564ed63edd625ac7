/* SPDX-License-Identifier: Apache-2.0
 *
 * CSPResNet-50, CSPResNeXt-50 and CSPDarknet-53: Wang et al. 2019, arXiv:1911.11929, figure 2, as in timm, which
 * ported the authors' weights. Half of a stage's channels go through its units, the other half past them to the
 * stage's end. timm makes both halves with one 1x1 convolution and splits its maps; here, as in the authors' own
 * descriptions, each half has its convolution: the same function. Leaky ReLU throughout. */
#include "blocks.h"

enum { MAX_STAGES = 5 };

/* Residual units: Darknet's 1x1-3x3, and ResNet's 1x1-3x3-1x1 with an activation behind the sum. */
typedef enum unit_kind { DARK, BOTTLENECK } unit_kind;

typedef struct stage {
    int units, out;
    int down;   /* maps of the 3x3 of stride 2 at its head; 0: no such layer */
    int expand; /* maps of both halves together */
    int inner;  /* maps of a unit's output */
    int middle; /* maps inside a unit */
} stage;

/* The registry's variant is an index into this table. */
/* clang-format off */
static const struct variant {
    unit_kind kind;
    int groups;
    bool linear_halves; /* no activation behind the convolutions that make the halves */
    int stem;           /* maps of the first layer: 7x7/2 and a pool, or Darknet's 3x3 */
    stage stages[MAX_STAGES];
} variants[] = {
    { BOTTLENECK, 1, true, 64,
      { { 3,  128,   0,  256, 128,  64 }, { 3,  256, 128,  512, 256, 128 },
        { 5,  512, 256, 1024, 512, 256 }, { 2, 1024, 512, 2048, 1024, 512 } } },
    { BOTTLENECK, 32, true, 64,
      { { 3,  256,   0,  256, 128, 128 }, { 3,  512,  256,  512, 256, 256 },
        { 5, 1024, 512, 1024, 512, 512 }, { 2, 2048, 1024, 2048, 1024, 1024 } } },
    { DARK, 1, false, 32,
      { { 1,   64,   64,  128,  64,  32 }, { 2,  128,  128,  128,  64,  64 }, { 8, 256, 256, 256, 128, 128 },
        { 8,  512,  512,  512, 256, 256 }, { 4, 1024, 1024, 1024, 512, 512 } } },
};
/* clang-format on */

static weft_var conv(const weft_net *n, weft_var x, const weft_conv2d_opt *opt)
{
    return weft_net_conv_bn_act(n, x, opt, WEFT_ACT_LEAKY_RELU);
}

/* x [N, H, W, s->inner] -> the same shape. */
static weft_var unit(const weft_net *n, weft_var x, const struct variant *v, const stage *s)
{
    weft_var y = conv(n, x, CONV(.name = "a", .out = s->middle, .kernel = 1));
    if (v->kind == DARK)
        return weft_add(n->g, conv(n, y, CONV(.name = "b", .out = s->inner, .kernel = 3)), x);
    y = conv(n, y, CONV(.name = "b", .out = s->middle, .kernel = 3, .groups = v->groups));
    y = conv_bn(n, y, CONV(.name = "c", .out = s->inner, .kernel = 1));
    return weft_activation(n->g, weft_add(n->g, y, x), WEFT_ACT_LEAKY_RELU);
}

/* x [N, H, W, C] -> [N, H, W, s->out], half the size each way if the stage has a `down`. */
static weft_var cross_stage(const weft_net *n, weft_var x, const struct variant *v, const stage *s)
{
    const weft_act act = v->linear_halves ? WEFT_ACT_NONE : WEFT_ACT_LEAKY_RELU;
    if (s->down)
        x = conv(n, x,
                 CONV(.name = "down", .out = s->down, .kernel = 3, .stride = 2, .groups = v->groups,
                      PADDED(pad_all(1))));
    weft_var half[2];
    half[0] = weft_net_conv_bn_act(n, x, CONV(.name = "past", .out = s->expand / 2, .kernel = 1), act);
    half[1] = weft_net_conv_bn_act(n, x, CONV(.name = "through", .out = s->expand / 2, .kernel = 1), act);
    for (int i = 0; i < s->units; i++) {
        weft_scope_push(n->g, "%d", i);
        half[1] = unit(n, half[1], v, s);
        weft_scope_pop(n->g);
    }
    half[1] = conv(n, half[1], CONV(.name = "transition_b", .out = s->expand / 2, .kernel = 1));
    return conv(n, weft_concat(n->g, half, 2), CONV(.name = "transition", .out = s->out, .kernel = 1));
}

void weft_build_cspnet(weft_net *n)
{
    const struct variant *v = &variants[n->variant];
    n->bn = (weft_batch_norm_opt){ .epsilon = 1e-5, .momentum = .9 };
    n->conv_init = WEFT_INIT_HE_NORMAL;
    n->dense_init = WEFT_INIT_NORMAL;
    n->dense_scale = .01;

    weft_var x = weft_net_input(n);
    if (v->kind == DARK) {
        x = conv(n, x, CONV(.name = "stem", .out = v->stem, .kernel = 3));
    } else {
        x = conv(n, x, CONV(.name = "stem", .out = v->stem, .kernel = 7, .stride = 2, PADDED(pad_all(3))));
        x = weft_max_pool2d(n->g, x, POOL(.kernel = 3, .stride = 2, PADDED(pad_all(1))));
    }
    for (int i = 0; i < MAX_STAGES && v->stages[i].units; i++) {
        weft_scope_push(n->g, "stage%d", i + 1);
        x = cross_stage(n, x, v, &v->stages[i]);
        weft_scope_pop(n->g);
    }
    weft_net_output(n, weft_net_pool_head(n, x, 0));
}
