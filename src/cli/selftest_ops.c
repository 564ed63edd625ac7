/* SPDX-License-Identifier: Apache-2.0
 *
 * weft selftest, ops: one-op networks of every kind, from a few pixels to the shapes of the networks, each against the
 * CPU. Inputs and parameters are rounded to u of the precision, sums are fp32: an element y of `terms` products may be
 * off by depth * (8 u + (24 + 8 sqrt(terms)) 2^-24) * (|y| + rms(y)), the errors of random signs growing with the root
 * of their number (Higham & Mary 2019, a new approach to probabilistic rounding error analysis). */
#include <stdlib.h>
#include <string.h>

#include "cli/selftest.h"

#define NHWC(n, h, w, c) { 4, { n, h, w, c } }
#define NC(n, c) { 2, { n, c } }
#define CONV(...) &(const weft_conv2d_opt){ __VA_ARGS__ }
#define POOL(...) &(const weft_pool2d_opt){ __VA_ARGS__ }
#define ACT(act) &(const weft_act){ act }

enum { MAX_IN = 3 };

typedef struct op_case {
    const char *name;
    weft_var (*build)(weft_graph *g, const weft_var *x, const void *opt);
    const void *opt;
    weft_shape in[MAX_IN]; /* rank 0: no more */
    double terms;          /* products in a sum; 0: numbers are moved, or each is computed from one */
    int depth;             /* layers one after the other; 0: 1 */
    weft_act act;          /* of conv and dense */
    bool large;            /* left out with --quick */
} op_case;

/* ---- what is built: x is the inputs ---- */

static weft_var conv(weft_graph *g, const weft_var *x, const void *opt)
{
    return weft_conv2d(g, x[0], opt);
}

static weft_var conv_residual(weft_graph *g, const weft_var *x, const void *opt)
{
    return weft_add(g, weft_conv2d(g, x[0], opt), x[1]);
}

static weft_var partial(weft_graph *g, const weft_var *x, const void *opt)
{
    return weft_partial_conv2d(g, x[0], opt);
}

static weft_var dense(weft_graph *g, const weft_var *x, const void *opt)
{
    return weft_dense(g, x[0], opt);
}

static weft_var max_pool(weft_graph *g, const weft_var *x, const void *opt)
{
    return weft_max_pool2d(g, x[0], opt);
}

static weft_var avg_pool(weft_graph *g, const weft_var *x, const void *opt)
{
    return weft_avg_pool2d(g, x[0], opt);
}

static weft_var global_avg(weft_graph *g, const weft_var *x, const void *opt)
{
    (void)opt;
    return weft_global_avg_pool2d(g, x[0]);
}

static weft_var global_max(weft_graph *g, const weft_var *x, const void *opt)
{
    (void)opt;
    return weft_global_max_pool2d(g, x[0]);
}

static weft_var subsample(weft_graph *g, const weft_var *x, const void *opt)
{
    return weft_subsample(g, x[0], opt);
}

static weft_var batch_norm(weft_graph *g, const weft_var *x, const void *opt)
{
    return weft_batch_norm(g, x[0], opt);
}

static weft_var lrn(weft_graph *g, const weft_var *x, const void *opt)
{
    return weft_lrn(g, x[0], opt);
}

static weft_var normalize(weft_graph *g, const weft_var *x, const void *opt)
{
    return weft_normalize(g, x[0], opt);
}

static weft_var activation(weft_graph *g, const weft_var *x, const void *opt)
{
    return weft_activation(g, x[0], *(const weft_act *)opt);
}

static weft_var softmax(weft_graph *g, const weft_var *x, const void *opt)
{
    (void)opt;
    return weft_softmax(g, x[0]);
}

static weft_var add(weft_graph *g, const weft_var *x, const void *opt)
{
    return opt ? weft_add_scaled(g, x[0], x[1], opt) : weft_add(g, x[0], x[1]);
}

static weft_var channel_scale(weft_graph *g, const weft_var *x, const void *opt)
{
    (void)opt;
    return weft_channel_scale(g, x[0], x[1]);
}

static weft_var squeeze_excite(weft_graph *g, const weft_var *x, const void *opt)
{
    return weft_squeeze_excite(g, x[0], opt);
}

static weft_var concat(weft_graph *g, const weft_var *x, const void *opt)
{
    (void)opt;
    return weft_concat(g, x, 3);
}

/* Producers that write into their slices, at odd channels. */
static weft_var slices(weft_graph *g, const weft_var *x, const void *opt)
{
    const weft_var part[] = { weft_conv2d(g, x[0], opt), weft_max_pool2d(g, x[0], POOL(.kernel = 3, .stride = 1)) };
    return weft_concat(g, part, 2);
}

static weft_var flatten(weft_graph *g, const weft_var *x, const void *opt)
{
    (void)opt;
    return weft_flatten(g, x[0]);
}

static weft_var pad(weft_graph *g, const weft_var *x, const void *opt)
{
    return weft_pad2d(g, x[0], opt);
}

static weft_var crop(weft_graph *g, const weft_var *x, const void *opt)
{
    return weft_crop2d(g, x[0], opt);
}

static weft_var rbf(weft_graph *g, const weft_var *x, const void *opt)
{
    return weft_rbf(g, x[0], opt);
}

/* MobileNetV2's and EfficientNet's unit: expand, depthwise, excite, project, add. */
static weft_var unit(weft_graph *g, const weft_var *x, const void *opt)
{
    const weft_conv2d_opt *depthwise = opt;
    const int64_t in = weft_channels(g, x[0]);
    weft_var y = weft_swish(g, weft_conv2d(g, x[0], CONV(.name = "expand", .out = 4 * in, .bias = true)));
    y = weft_swish(g, weft_conv2d(g, y, depthwise));
    if (depthwise->bias)
        y = weft_squeeze_excite(g, y, &(weft_squeeze_excite_opt){ .reduced = in / 4, .act = WEFT_ACT_SWISH });
    y = weft_conv2d(g, y, CONV(.name = "project", .out = in, .bias = true));
    return weft_add(g, y, x[0]);
}

/* ---- the cases ---- */

static const uint8_t connected[4 * 3] = { 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1 };
static const weft_pad border = { 1, 2, 3, 0 };

/* clang-format off */
static const op_case cases[] = {
    { "conv2d 3x3, 16 to 24, relu", conv, CONV(.out = 24, .kernel = 3, .bias = true), { NHWC(2, 9, 7, 16) },
      .terms = 144,
      .act = WEFT_ACT_RELU },
    { "conv2d 3x3/2", conv, CONV(.out = 32, .kernel = 3, .stride = 2), { NHWC(2, 10, 10, 16) }, .terms = 144 },
    { "conv2d 1x1, swish", conv, CONV(.out = 40, .bias = true), { NHWC(2, 7, 7, 24) },
      .terms = 24, .act = WEFT_ACT_SWISH },
    { "conv2d 1x1/2", conv, CONV(.out = 40, .stride = 2), { NHWC(2, 8, 8, 24) }, .terms = 24 },
    { "conv2d 5x5, tanh", conv, CONV(.out = 16, .kernel = 5, .bias = true), { NHWC(1, 8, 8, 16) }, .terms = 400,
      .act = WEFT_ACT_TANH },
    { "conv2d 7x7/2 of 3 channels", conv, CONV(.out = 16, .kernel = 7, .stride = 2, .bias = true),
      { NHWC(1, 20, 20, 3) }, .terms = 147 },
    { "conv2d 1x7", conv, CONV(.out = 16, .kernel_h = 1, .kernel_w = 7), { NHWC(1, 9, 9, 16) }, .terms = 112 },
    { "conv2d 3x3, dilation 2", conv, CONV(.out = 16, .kernel = 3, .dilation = 2), { NHWC(1, 9, 9, 16) },
      .terms = 144 },
    { "conv2d 3x3, explicit border", conv, CONV(.out = 16, .kernel = 3, .stride = 2, .padding = WEFT_EXPLICIT,
      .pad = { 1, 0, 2, 1 }), { NHWC(1, 9, 9, 16) }, .terms = 144 },
    { "conv2d 3x3, 13 to 27 channels", conv, CONV(.out = 27, .kernel = 3, .bias = true), { NHWC(1, 7, 7, 13) },
      .terms = 117 },
    { "conv2d 3x3, 4 groups", conv, CONV(.out = 32, .kernel = 3, .groups = 4), { NHWC(2, 8, 8, 32) }, .terms = 72 },
    { "conv2d 3x3 of one channel", conv, CONV(.out = 6, .kernel = 5, .padding = WEFT_VALID, .bias = true),
      { NHWC(2, 12, 12, 1) }, .terms = 25 },
    { "conv2d 1x1 + residual, relu", conv_residual, CONV(.out = 24, .bias = true),
      { NHWC(2, 7, 7, 16), NHWC(2, 7, 7, 24) }, .terms = 17, .act = WEFT_ACT_RELU },
    { "depthwise 3x3, relu6", conv, CONV(.kernel = 3, .groups = 24, .bias = true), { NHWC(2, 9, 9, 24) }, .terms = 9,
      .act = WEFT_ACT_RELU6 },
    { "depthwise 3x3/2", conv, CONV(.kernel = 3, .stride = 2, .groups = 24), { NHWC(2, 10, 10, 24) }, .terms = 9 },
    { "depthwise 5x5", conv, CONV(.kernel = 5, .groups = 16), { NHWC(1, 9, 9, 16) }, .terms = 25 },
    { "depthwise 7x7/2", conv, CONV(.kernel = 7, .stride = 2, .groups = 16), { NHWC(1, 14, 14, 16) }, .terms = 49 },
    { "partial_conv2d 3x3", partial, &(const weft_partial_conv2d_opt){ .out = 4, .kernel = 3, .table = connected,
      .bias = true }, { NHWC(2, 7, 7, 3) }, .terms = 27 },
    { "dense 120 to 84, tanh", dense, &(const weft_dense_opt){ .out = 84 }, { NC(4, 120) }, .terms = 120,
      .act = WEFT_ACT_TANH },
    { "dense 256 to 1000", dense, &(const weft_dense_opt){ .out = 1000 }, { NC(2, 256) }, .terms = 256 },
    { "max_pool2d 2x2/2", max_pool, POOL(.kernel = 2), { NHWC(2, 8, 8, 16) }, .terms = 0 },
    { "max_pool2d 3x3/2, border", max_pool, POOL(.kernel = 3, .stride = 2, .padding = WEFT_EXPLICIT,
      .pad = { 1, 1, 1, 1 }), { NHWC(2, 9, 9, 16) }, .terms = 0 },
    { "max_pool2d 3x3/2, ceil", max_pool, POOL(.kernel = 3, .stride = 2, .padding = WEFT_VALID, .ceil = true),
      { NHWC(1, 8, 8, 8) }, .terms = 0 },
    { "avg_pool2d 3x3/1", avg_pool, POOL(.kernel = 3, .stride = 1), { NHWC(2, 7, 7, 16) }, .terms = 9 },
    { "avg_pool2d 3x3/2, border counts", avg_pool, POOL(.kernel = 3, .stride = 2, .padding = WEFT_EXPLICIT,
      .pad = { 1, 1, 1, 1 }, .count_border = true), { NHWC(2, 7, 7, 16) }, .terms = 9 },
    { "global_avg_pool2d", global_avg, NULL, { NHWC(2, 7, 7, 40) }, .terms = 49 },
    { "global_max_pool2d", global_max, NULL, { NHWC(2, 7, 7, 40) }, .terms = 0 },
    { "subsample 2x2", subsample, &(const weft_subsample_opt){ .kernel = 2 }, { NHWC(2, 8, 8, 6) }, .terms = 4 },
    { "batch_norm", batch_norm, &(const weft_batch_norm_opt){ .epsilon = 1e-3 }, { NHWC(2, 5, 5, 16) },
      .terms = 1, .depth = 2 },
    { "lrn of 5", lrn, &(const weft_lrn_opt){ .window = 5, .alpha = .5, .k = 1 }, { NHWC(2, 5, 5, 16) }, .terms = 5 },
    { "normalize", normalize, &(const weft_normalize_opt){ .scale = 2, .offset = -.5, .mean = { .4, .5, .6 },
      .variance = { .05, .06, .07 } }, { NHWC(2, 6, 6, 3) }, .terms = 1, .depth = 4 },
    { "relu", activation, ACT(WEFT_ACT_RELU), { NHWC(1, 5, 5, 13) }, .terms = 0 },
    { "relu6", activation, ACT(WEFT_ACT_RELU6), { NHWC(1, 5, 5, 16) }, .terms = 0 },
    { "tanh", activation, ACT(WEFT_ACT_TANH), { NHWC(1, 5, 5, 16) }, .terms = 0 },
    { "sigmoid", activation, ACT(WEFT_ACT_SIGMOID), { NHWC(1, 5, 5, 16) }, .terms = 0 },
    { "swish", activation, ACT(WEFT_ACT_SWISH), { NHWC(1, 5, 5, 16) }, .terms = 0 },
    { "hard_sigmoid", activation, ACT(WEFT_ACT_HARD_SIGMOID), { NHWC(1, 5, 5, 16) }, .terms = 0 },
    { "hard_swish", activation, ACT(WEFT_ACT_HARD_SWISH), { NHWC(1, 5, 5, 16) }, .terms = 0 },
    { "lecun_tanh", activation, ACT(WEFT_ACT_LECUN_TANH), { NHWC(1, 5, 5, 16) }, .terms = 0 },
    { "leaky_relu", activation, ACT(WEFT_ACT_LEAKY_RELU), { NHWC(1, 5, 5, 16) }, .terms = 0 },
    { "softmax of 1000", softmax, NULL, { NC(3, 1000) }, .terms = 0, .depth = 2 },
    { "add", add, NULL, { NHWC(2, 5, 5, 16), NHWC(2, 5, 5, 16) }, .terms = 0 },
    { "add, scaled", add, &(const weft_add_opt){ .scale = .25 }, { NHWC(2, 5, 5, 16), NHWC(2, 5, 5, 16) }, .terms = 0 },
    { "channel_scale", channel_scale, NULL, { NHWC(2, 5, 5, 16), NC(2, 16) }, .terms = 0 },
    { "squeeze_excite", squeeze_excite, &(const weft_squeeze_excite_opt){ .reduced = 4 }, { NHWC(2, 7, 7, 16) },
      .terms = 49,
      .depth = 3 },
    { "concat of 3", concat, NULL, { NHWC(2, 5, 5, 8), NHWC(2, 5, 5, 16), NHWC(2, 5, 5, 5) }, .terms = 0 },
    { "concat in place", slices, CONV(.out = 19, .bias = true), { NHWC(2, 6, 6, 16) }, .terms = 16 },
    { "flatten", flatten, NULL, { NHWC(2, 3, 5, 7) }, .terms = 0 },
    { "pad2d", pad, &border, { NHWC(2, 4, 5, 8) }, .terms = 0 },
    { "crop2d", crop, &border, { NHWC(2, 6, 7, 8) }, .terms = 0 },
    { "rbf 84 to 10", rbf, &(const weft_rbf_opt){ .out = 10 }, { NC(3, 84) }, .terms = 84 },
    { "inverted residual 3x3", unit, CONV(.name = "depthwise", .kernel = 3, .groups = 64),
      { NHWC(2, 7, 7, 16) }, .terms = 64,
      .depth = 4 },
    { "inverted residual 5x5, excited", unit, CONV(.name = "depthwise", .kernel = 5, .groups = 64, .bias = true),
      { NHWC(2, 7, 7, 16) }, .terms = 64, .depth = 5 },
    { "conv2d 7x7/2 of an image", conv, CONV(.out = 64, .kernel = 7, .stride = 2, .bias = true),
      { NHWC(2, 224, 224, 3) }, .terms = 147, .act = WEFT_ACT_RELU, .large = true },
    { "conv2d 3x3, 64 to 64", conv, CONV(.out = 64, .kernel = 3, .bias = true), { NHWC(4, 56, 56, 64) }, .terms = 576,
      .act = WEFT_ACT_RELU, .large = true },
    { "conv2d 3x3, 512 to 512", conv, CONV(.out = 512, .kernel = 3), { NHWC(4, 7, 7, 512) },
      .terms = 4608, .large = true },
    { "conv2d 1x1, 256 to 1024 + residual", conv_residual, CONV(.out = 1024, .bias = true),
      { NHWC(8, 14, 14, 256), NHWC(8, 14, 14, 1024) }, .terms = 257, .act = WEFT_ACT_RELU, .large = true },
    { "conv2d 1x1, 960 to 160", conv, CONV(.out = 160), { NHWC(32, 7, 7, 960) }, .terms = 960, .large = true },
    { "depthwise 3x3 of 112 pixels", conv, CONV(.kernel = 3, .groups = 32, .bias = true),
      { NHWC(4, 112, 112, 32) }, .terms = 9,
      .act = WEFT_ACT_RELU6, .large = true },
    { "depthwise 5x5/2 of 480 channels", conv, CONV(.kernel = 5, .stride = 2, .groups = 480),
      { NHWC(8, 28, 28, 480) }, .terms = 25, .large = true },
    { "dense 4096 to 4096", dense, &(const weft_dense_opt){ .out = 4096 }, { NC(16, 4096) },
      .terms = 4096, .large = true },
    { "max_pool2d 3x3/2 of 112 pixels", max_pool, POOL(.kernel = 3, .stride = 2), { NHWC(4, 112, 112, 64) }, .terms = 0,
      .large = true },
    { "global_avg_pool2d of 2048 channels", global_avg, NULL, { NHWC(32, 7, 7, 2048) }, .terms = 49, .large = true },
    { "softmax of 32 x 1000", softmax, NULL, { NC(32, 1000) }, .terms = 0, .depth = 2, .large = true },
    { "inverted residual of 14 pixels", unit, CONV(.name = "depthwise", .kernel = 5, .groups = 448, .bias = true),
      { NHWC(8, 14, 14, 112) }, .terms = 448, .depth = 5, .large = true },
};
/* clang-format on */

/* ---- one case ---- */

static weft_status build(weft_ctx *ctx, const void *what, weft_graph **out)
{
    const op_case *c = what;
    weft_graph *g = NULL;
    weft_var x[MAX_IN] = { { 0 } };
    const weft_status status = weft_graph_create(ctx, &g);
    if (status)
        return status;
    for (int i = 0; i < MAX_IN && c->in[i].rank; i++)
        x[i] = weft_input(g, (const char *const[]){ "x0", "x1", "x2" }[i], &c->in[i]);
    weft_var y = c->build(g, x, c->opt);
    if (c->act != WEFT_ACT_NONE)
        y = weft_activation(g, y, c->act);
    weft_output(g, y, "y");
    *out = g;
    return WEFT_OK; /* weft_model_create asks for the graph's own error */
}

/* Half the distance of numbers near 1 as they are kept; tensor cores round the factors of TF32 products. */
static double unit_roundoff(weft_precision precision, const op_case *c)
{
    switch (precision) {
    case WEFT_PRECISION_TF32:
        return c->terms > 0 ? 0x1p-11 : 0x1p-24;
    case WEFT_PRECISION_FP16:
        return 0x1p-11;
    case WEFT_PRECISION_BF16:
        return 0x1p-8;
    default:
        return 0x1p-24;
    }
}

typedef struct worst {
    double share; /* of what is allowed; NAN counts as beyond */
    int64_t index;
} worst;

static double tolerance(weft_precision precision, const op_case *c)
{
    const double sums = (24 + 8 * sqrt(c->terms)) * 0x1p-24;
    return (8 * unit_roundoff(precision, c) + sums) * (c->depth ? c->depth : 1);
}

static worst compare(const float *got, const selftest_result *want, double tolerance)
{
    const double rms = selftest_rms(want->data, want->count);
    worst w = { 0, 0 };
    for (int64_t i = 0; i < want->count; i++) {
        const double off = fabs((double)got[i] - (double)want->data[i]);
        const double share = off == 0 ? 0 : off / (tolerance * (fabs((double)want->data[i]) + rms));
        if (!(share <= w.share))
            w = (worst){ share, i };
        if (isnan(share))
            break;
    }
    return w;
}

/* Compares; the failure as a sentence in text, "" if there is none. */
static double judge(selftest *s, const op_case *c, const selftest_result *got, const selftest_result *want, json_t *row,
                    char *text, size_t size)
{
    const worst w = compare(got->data, want, tolerance(s->precision, c));
    cli_set_real(row, "tolerance", tolerance(s->precision, c));
    cli_set_real(row, "worst", isnan(w.share) ? -1 : w.share);
    if (!(w.share <= 1))
        snprintf(text, size, "y[%lld] is %.9g, the CPU says %.9g: %.3g times what is allowed", (long long)w.index,
                 (double)got->data[w.index], (double)want->data[w.index], w.share);
    else if (got->differs)
        snprintf(text, size, "run %d gave other bits than run %d", got->differs, got->differs - 1);
    return w.share;
}

/* Returns the share of the tolerance that was used. */
static double run_case(selftest *s, const op_case *c)
{
    const selftest_graph graph = { build, c, -1, 1 };
    selftest_result want, got;
    char text[512] = "";
    json_t *row = json_object();
    double share = 0;
    cli_set_text(row, "case", c->name);
    cli_set_text(row, "precision", weft_precision_name(s->precision));
    weft_status status = selftest_compute(s->reference, &graph, 1, &want);
    if (!status) {
        status = selftest_compute(s->ctx, &graph, SELFTEST_RUNS, &got);
        if (!status) {
            share = judge(s, c, &got, &want, row, text, sizeof text);
            free(got.data);
        }
        free(want.data);
    }
    selftest_end(s, s->ops, row, status, text);
    return share;
}

void selftest_ops(selftest *s)
{
    const op_case *last = cases + sizeof cases / sizeof *cases, *nearest = cases;
    const int before = s->passed, failed = s->failed;
    double most = 0;
    for (const op_case *c = cases; c < last; c++) {
        if ((c->large && s->args->quick) || !selftest_begin(s, "ops", c->name))
            continue;
        const double share = run_case(s, c);
        if (share > most) {
            most = share;
            nearest = c;
        }
    }
    if (s->passed + s->failed == before + failed)
        return;
    selftest_say(s, "ops, %s: %d of %d agree with the CPU; the worst uses %.0f %% of what is allowed (%s)",
                 weft_precision_name(s->precision), s->passed - before, s->passed - before + s->failed - failed,
                 100 * most, nearest->name);
}
