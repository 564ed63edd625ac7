/* SPDX-License-Identifier: Apache-2.0
 *
 * Launchers of gradients (cuda/kernel/conv_grad.h) against their definition in double, in every order of threads,
 * which must give the same bits. */
#include <math.h>
#include <string.h>

#include "check/harness.h"
#include "cuda/kernel/conv_grad.h"
#include "cuda/kernel/norm.h"
#include "direct.h"
#include "emu/control.h"
#include "kernels_direct.h"

static float from[DIRECT_ROOM], other[DIRECT_ROOM], third[DIRECT_ROOM], bits[DIRECT_ROOM], again[DIRECT_ROOM];
static double want[DIRECT_ROOM];
static int orders; /* of threads */

/* Channels beside those that count, so that rows are 16-byte aligned, or no more than their elements. */
static const int sides[] = { 0, 8, 3 };
enum { SIDES = 3 };

/* The last results, judged once, then the same bits in the other orders. */
static void judge(const char *what, typed_view *v, int order)
{
    const size_t count = (size_t)(v->rows * v->channels);
    typed_view_get(v, order ? again : bits);
    if (order)
        ck_assert_msg(memcmp(again, bits, count * sizeof *bits) == 0, "%s: order %d gives other bits", what, order);
    direct_expect(what, v, want, 1e-5);
}

/* ---- convolutions ---- */

typedef struct layer {
    int n, h, w, c, oh, ow, k, kernel, stride, dilation, groups;
    weft_pad pad;
} layer;

static weft_kwindow window_of(const layer *l)
{
    return (weft_kwindow){ .n = l->n, .h = l->h, .w = l->w, .oh = l->oh, .ow = l->ow, .kernel_h = l->kernel,
                           .kernel_w = l->kernel, .stride_h = l->stride, .stride_w = l->stride, .dilation = l->dilation,
                           .pad = l->pad };
}

/* For each output, tap and filter, and the pixel that they meet. */
typedef void meet(const layer *l, int64_t pixel, int64_t output, int64_t k, int tap);

static void for_each(const layer *l, meet *visit)
{
    for (int64_t output = 0; output < (int64_t)l->n * l->oh * l->ow; output++)
        for (int tap = 0; tap < l->kernel * l->kernel; tap++) {
            const int64_t oh = output / l->ow % l->oh, ow = output % l->ow, n = output / l->ow / l->oh;
            const int64_t ih = oh * l->stride - l->pad.top + tap / l->kernel * l->dilation;
            const int64_t iw = ow * l->stride - l->pad.left + tap % l->kernel * l->dilation;
            for (int64_t k = 0; k < l->k && ih >= 0 && iw >= 0 && ih < l->h && iw < l->w; k++)
                visit(l, (n * l->h + ih) * l->w + iw, output, k, tap);
        }
}

/* from: dy, other: weights. */
static void meet_data(const layer *l, int64_t pixel, int64_t output, int64_t k, int tap)
{
    const int depth = l->c / l->groups;
    const int64_t group = k / (l->k / l->groups), taps = (int64_t)l->kernel * l->kernel;
    for (int c = 0; c < depth; c++)
        want[pixel * l->c + group * depth + c] +=
            (double)from[output * l->k + k] * (double)other[(k * taps + tap) * depth + c];
}

/* from: dy, other: x. */
static void meet_weights(const layer *l, int64_t pixel, int64_t output, int64_t k, int tap)
{
    const int depth = l->c / l->groups;
    const int64_t group = k / (l->k / l->groups), taps = (int64_t)l->kernel * l->kernel;
    for (int c = 0; c < depth; c++)
        want[(k * taps + tap) * depth + c] +=
            (double)from[output * l->k + k] * (double)other[pixel * l->c + group * depth + c];
}

static const layer layers[] = {
    { 2, 5, 4, 16, 5, 4, 24, 3, 1, 1, 1, { 1, 1, 1, 1 } }, { 1, 7, 8, 5, 4, 4, 9, 3, 2, 1, 1, { 1, 1, 0, 1 } },
    { 2, 6, 7, 24, 3, 3, 8, 1, 2, 1, 1, { 0, 0, 0, 0 } },  { 1, 6, 5, 16, 6, 5, 8, 3, 1, 2, 2, { 2, 2, 2, 2 } },
    { 1, 4, 5, 6, 8, 9, 12, 3, 1, 1, 6, { 3, 3, 3, 3 } },  { 1, 7, 8, 33, 2, 2, 35, 2, 4, 1, 1, { 0, 0, 0, 0 } },
};

static void dx_of(const layer *l, weft_dtype dtype, int side, bool residual, int order)
{
    const int64_t pixels = (int64_t)l->n * l->h * l->w, outputs = (int64_t)l->n * l->oh * l->ow;
    const int64_t weights = (int64_t)l->k * l->kernel * l->kernel;
    typed_view dy, wt, dx, more;
    direct_make(&dy, dtype, outputs, l->k, side, from);
    direct_make(&wt, dtype, weights, l->c / l->groups, 0, other);
    direct_make(&more, dtype, pixels, l->c, side, third);
    direct_make(&dx, dtype, pixels, l->c, side, NULL);
    weft_conv2d_dx_args a = { .dtype = dtype, .dy = typed_view_of(&dy), .dx = typed_view_of(&dx), .win = window_of(l),
                              .c = l->c, .k = l->k, .groups = l->groups, .wt = typed_view_of(&wt).data };
    if (residual)
        a.residual = typed_view_of(&more);
    ck_assert_int_eq(weft_launch_conv2d_dx(&a, NULL), 0);
    judge("dx", &dx, order);
    typed_view_free(&dy);
    typed_view_free(&wt);
    typed_view_free(&more);
}

START_TEST(conv2d_dx)
{
    const layer *l = &layers[_i];
    const int64_t pixels = (int64_t)l->n * l->h * l->w, outputs = (int64_t)l->n * l->oh * l->ow;
    for (int t = 0; t < DIRECT_TYPES; t++) {
        const int side = sides[(t + _i) % SIDES];
        const bool residual = side != 8;
        direct_draw(from, outputs * l->k, direct_types[t], 1);
        direct_draw(other, (int64_t)l->k * l->kernel * l->kernel * (l->c / l->groups), direct_types[t], 2);
        direct_draw(third, pixels * l->c, direct_types[t], 3);
        for (int64_t i = 0; i < pixels * l->c; i++)
            want[i] = residual ? (double)third[i] : 0;
        for_each(l, meet_data);
        for (int order = 0; order < orders; order++) {
            emu_set_order((emu_order)order, check_seed());
            dx_of(l, direct_types[t], side, residual, order);
        }
    }
    emu_set_order(EMU_FORWARD, 0);
}
END_TEST

static void dw_of(const layer *l, weft_dtype dtype, int side, int order)
{
    const int64_t pixels = (int64_t)l->n * l->h * l->w, outputs = (int64_t)l->n * l->oh * l->ow;
    typed_view x, dy, dw, parts;
    direct_make(&dy, dtype, outputs, l->k, side, from);
    direct_make(&x, dtype, pixels, l->c, side, other);
    direct_make(&dw, WEFT_F32, (int64_t)l->k * l->kernel * l->kernel, l->c / l->groups, side, NULL);
    weft_conv2d_dw_args a = { .dtype = dtype, .x = typed_view_of(&x), .dy = typed_view_of(&dy),
                              .dw = typed_view_of(&dw), .win = window_of(l), .c = l->c, .k = l->k,
                              .groups = l->groups };
    const int64_t floats = weft_conv2d_dw_floats(&a);
    direct_make(&parts, WEFT_F32, 1, floats > 0 ? floats : 1, 0, NULL);
    a.scratch = floats > 0 ? typed_view_of(&parts).data : NULL;
    ck_assert_int_eq(weft_launch_conv2d_dw(&a, NULL), 0);
    judge("dw", &dw, order);
    ck_assert(typed_view_intact(&parts));
    typed_view_free(&x);
    typed_view_free(&dy);
    typed_view_free(&parts);
}

static void try_dw(const layer *l, int which)
{
    const int64_t pixels = (int64_t)l->n * l->h * l->w, outputs = (int64_t)l->n * l->oh * l->ow;
    for (int t = 0; t < DIRECT_TYPES; t++) {
        direct_draw(from, outputs * l->k, direct_types[t], 4);
        direct_draw(other, pixels * l->c, direct_types[t], 5);
        memset(want, 0, sizeof want);
        for_each(l, meet_weights);
        for (int order = 0; order < orders; order++) {
            emu_set_order((emu_order)order, check_seed());
            dw_of(l, direct_types[t], sides[(t + which) % SIDES], order);
        }
    }
    emu_set_order(EMU_FORWARD, 0);
}

START_TEST(conv2d_dw)
{
    try_dw(&layers[_i], _i);
}
END_TEST

/* In more than one part. */
START_TEST(conv2d_dw_in_parts)
{
    static const layer l = { 2, 18, 17, 3, 18, 17, 2, 1, 1, 1, 1, { 0, 0, 0, 0 } };
    try_dw(&l, 2);
}
END_TEST

/* ---- depthwise convolutions ---- */

/* 3x3 and 5x5 at strides of 1 and 2; others; channels that make no pack; more than one part. */
static const layer depthwise[] = {
    { 2, 5, 6, 16, 5, 6, 16, 3, 1, 1, 16, { 1, 1, 1, 1 } },   { 1, 8, 7, 8, 4, 4, 8, 3, 2, 1, 8, { 0, 1, 1, 1 } },
    { 1, 6, 9, 8, 6, 9, 8, 5, 1, 1, 8, { 2, 2, 2, 2 } },      { 1, 9, 8, 24, 5, 4, 24, 5, 2, 1, 24, { 2, 2, 1, 2 } },
    { 1, 7, 8, 8, 3, 4, 8, 3, 2, 2, 8, { 1, 1, 2, 1 } },      { 1, 4, 5, 5, 4, 5, 5, 3, 1, 1, 5, { 1, 1, 1, 1 } },
    { 1, 20, 6, 64, 20, 6, 64, 3, 1, 1, 64, { 1, 1, 1, 1 } }, { 1, 5, 6, 5, 3, 3, 5, 3, 2, 1, 5, { 1, 1, 1, 1 } },
    { 1, 3, 21, 4, 3, 21, 4, 3, 1, 1, 4, { 1, 1, 1, 1 } },    { 1, 3, 14, 6, 3, 14, 6, 5, 1, 1, 6, { 2, 2, 2, 2 } },
    { 1, 5, 28, 4, 3, 14, 4, 3, 2, 1, 4, { 1, 0, 1, 1 } },    { 1, 5, 24, 2, 3, 12, 2, 5, 2, 1, 2, { 2, 1, 2, 2 } },
    { 1, 360, 1, 132, 360, 1, 132, 3, 1, 1, 132, { 1, 1, 1, 1 } }, /* six parts, in two columns */
};
enum { DEPTHWISE = (int)(sizeof depthwise / sizeof *depthwise) };

static void depthwise_dx_of(const layer *l, weft_dtype dtype, int side, bool residual, int order)
{
    const int64_t pixels = (int64_t)l->n * l->h * l->w, outputs = (int64_t)l->n * l->oh * l->ow;
    const int taps = l->kernel * l->kernel, pitch = (l->c + 7) / 8 * 8;
    typed_view dy, wt, turned, dx, more;
    direct_make(&dy, dtype, outputs, l->c, side, from);
    direct_make(&wt, WEFT_F32, (int64_t)l->c * taps, 1, side, other);
    direct_make(&turned, dtype, taps, pitch, 0, NULL);
    direct_make(&more, dtype, pixels, l->c, side, third);
    direct_make(&dx, dtype, pixels, l->c, side, NULL);
    const weft_depthwise_turn_args turn = { .from_dtype = WEFT_F32, .dtype = dtype, .from = typed_view_of(&wt),
                                            .to = typed_view_of(&turned).data, .ld_to = pitch, .c = l->c,
                                            .taps = taps };
    ck_assert_int_eq(weft_launch_depthwise_turn(&turn, NULL), 0);
    weft_depthwise_dx_args a = { .dtype = dtype, .dy = typed_view_of(&dy), .dx = typed_view_of(&dx),
                                 .win = window_of(l), .c = l->c, .wt = turn.to, .ld_wt = pitch };
    if (residual)
        a.residual = typed_view_of(&more);
    ck_assert_int_eq(weft_launch_depthwise_dx(&a, NULL), 0);
    judge("depthwise dx", &dx, order);
    ck_assert(typed_view_intact(&turned));
    typed_view_free(&dy);
    typed_view_free(&wt);
    typed_view_free(&turned);
    typed_view_free(&more);
}

START_TEST(depthwise_dx)
{
    const layer *l = &depthwise[_i];
    const int64_t pixels = (int64_t)l->n * l->h * l->w, outputs = (int64_t)l->n * l->oh * l->ow;
    for (int t = 0; t < DIRECT_TYPES; t++) {
        const int side = sides[(t + _i) % SIDES];
        const bool residual = side != 8;
        direct_draw(from, outputs * l->c, direct_types[t], 9);
        direct_draw(other, (int64_t)l->c * l->kernel * l->kernel, direct_types[t], 10);
        direct_draw(third, pixels * l->c, direct_types[t], 11);
        for (int64_t i = 0; i < pixels * l->c; i++)
            want[i] = residual ? (double)third[i] : 0;
        for_each(l, meet_data);
        for (int order = 0; order < orders; order++) {
            emu_set_order((emu_order)order, check_seed());
            depthwise_dx_of(l, direct_types[t], side, residual, order);
        }
    }
    emu_set_order(EMU_FORWARD, 0);
}
END_TEST

/* With counters, and without. */
static void depthwise_dw_of(const layer *l, weft_dtype dtype, int side, int order, unsigned *turns)
{
    const int64_t pixels = (int64_t)l->n * l->h * l->w, outputs = (int64_t)l->n * l->oh * l->ow;
    typed_view x, dy, dw, parts;
    direct_make(&dy, dtype, outputs, l->c, side, from);
    direct_make(&x, dtype, pixels, l->c, side, other);
    direct_make(&dw, WEFT_F32, (int64_t)l->c * l->kernel * l->kernel, 1, side, NULL);
    weft_depthwise_dw_args a = { .dtype = dtype, .x = typed_view_of(&x), .dy = typed_view_of(&dy),
                                 .dw = typed_view_of(&dw), .win = window_of(l), .c = l->c, .turns = turns };
    direct_make(&parts, WEFT_F32, 1, weft_depthwise_dw_floats(&a), 0, NULL);
    a.scratch = typed_view_of(&parts).data;
    ck_assert_int_eq(weft_launch_depthwise_dw(&a, NULL), 0);
    judge("depthwise dw", &dw, order);
    ck_assert(typed_view_intact(&parts));
    typed_view_free(&x);
    typed_view_free(&dy);
    typed_view_free(&parts);
}

/* Of every type with every way to lie: both decide which kernel runs. */
START_TEST(depthwise_dw)
{
    static unsigned turns[WEFT_TURNS];
    const layer *l = &depthwise[_i / SIDES];
    const int64_t pixels = (int64_t)l->n * l->h * l->w, outputs = (int64_t)l->n * l->oh * l->ow;
    for (int t = 0; t < DIRECT_TYPES; t++) {
        direct_draw(from, outputs * l->c, direct_types[t], 12);
        direct_draw(other, pixels * l->c, direct_types[t], 13);
        memset(want, 0, sizeof want);
        for_each(l, meet_weights);
        for (int order = 0; order < (_i % SIDES ? 1 : orders); order++) {
            emu_set_order((emu_order)order, check_seed());
            if (order == 0)
                depthwise_dw_of(l, direct_types[t], sides[_i % SIDES], order, NULL);
            depthwise_dw_of(l, direct_types[t], sides[_i % SIDES], order, turns);
            for (int i = 0; i < WEFT_TURNS; i++)
                ck_assert_uint_eq(turns[i], 0);
        }
    }
    emu_set_order(EMU_FORWARD, 0);
}
END_TEST

/* From each type to the same and to fp32, which keeps channels apart (_i 1); flipped. */
START_TEST(turned_windows)
{
    enum { CHANNELS = 5, TAPS = 6, PITCH = 8 };
    for (int t = 0; t < DIRECT_TYPES; t++) {
        const weft_dtype dtype = direct_types[t], to = _i ? WEFT_F32 : dtype;
        typed_view weights, turned;
        direct_draw(from, CHANNELS * TAPS, dtype, 14);
        direct_make(&weights, dtype, CHANNELS * TAPS, 1, 3, from);
        direct_make(&turned, to, _i ? CHANNELS : TAPS, _i ? TAPS : PITCH, 0, NULL);
        const weft_depthwise_turn_args a = { .from_dtype = dtype, .dtype = to, .from = typed_view_of(&weights),
                                             .to = typed_view_of(&turned).data, .ld_to = PITCH, .c = CHANNELS,
                                             .taps = TAPS, .flips = true, .by_channel = _i };
        ck_assert_int_eq(weft_launch_depthwise_turn(&a, NULL), 0);
        for (int tap = 0; tap < TAPS; tap++)
            for (int c = 0; c < (_i ? CHANNELS : PITCH); c++)
                want[_i ? c * TAPS + tap : tap * PITCH + c] =
                    c < CHANNELS ? (double)from[c * TAPS + TAPS - 1 - tap] : 0;
        direct_expect("turned", &turned, want, 0);
        typed_view_free(&weights);
    }
}
END_TEST

/* ---- products of what lies turned ---- */

/* Rows, channels (the sum) and outputs. */
static const struct {
    int rows, c, k;
} products[] = { { 3, 19, 70 }, { 65, 17, 8 }, { 70, 5, 66 } };

static void product_of(int which, weft_dtype dtype, bool x_turned, int order)
{
    const int rows = products[which].rows, c = products[which].c, k = products[which].k, side = sides[which];
    typed_view x, wt, y;
    direct_make(&x, dtype, x_turned ? c : rows, x_turned ? rows : c, side, from);
    direct_make(&wt, dtype, c, k, side, other);
    direct_make(&y, WEFT_F32, rows, k, side, NULL);
    const weft_kview weights = typed_view_of(&wt);
    const weft_gemm_args a = { .dtype = dtype, .y_dtype = WEFT_F32, .x = typed_view_of(&x), .y = typed_view_of(&y),
                               .batch = 1, .rows = rows, .c = c, .k = k, .wt = weights.data, .ld_wt = weights.ld,
                               .x_turned = x_turned, .wt_turned = true };
    ck_assert_int_eq(weft_launch_gemm(&a, NULL), 0);
    judge("product", &y, order);
    typed_view_free(&x);
    typed_view_free(&wt);
}

START_TEST(turned_products)
{
    const int which = _i / 2, rows = products[which].rows, c = products[which].c, k = products[which].k;
    const bool x_turned = _i % 2;
    for (int t = 0; t < DIRECT_TYPES; t++) {
        direct_draw(from, (int64_t)rows * c, direct_types[t], 7);
        direct_draw(other, (int64_t)c * k, direct_types[t], 8);
        for (int i = 0; i < rows * k; i++) {
            want[i] = 0;
            for (int j = 0; j < c; j++)
                want[i] += (double)from[x_turned ? j * rows + i / k : i / k * c + j] * (double)other[j * k + i % k];
        }
        for (int order = 0; order < orders; order++) {
            emu_set_order((emu_order)order, check_seed());
            product_of(which, direct_types[t], x_turned, order);
        }
    }
    emu_set_order(EMU_FORWARD, 0);
}
END_TEST

/* ---- weights of a partial convolution ---- */

/* More pairs than a launch takes; every third one meets. Sparse weights come back as they were. */
START_TEST(partial_weights)
{
    enum { OUT = 41, IN = 26, TAPS = 2 };
    static uint8_t table[OUT * IN];
    const weft_dtype type = direct_types[_i / 3], ends = _i % 3 ? type : WEFT_F32;
    const weft_dtype dtype = _i % 3 == 2 ? WEFT_F32 : type, last = dtype == WEFT_F32 ? dtype : ends;
    int marks = 0;
    for (int i = 0; i < OUT * IN; i++)
        marks += table[i] = i % 3 == 1;
    typed_view sparse, full, back;
    direct_draw(from, (int64_t)marks * TAPS, type, 6);
    direct_make(&sparse, ends, (int64_t)marks * TAPS, 1, 0, from);
    direct_make(&full, dtype, (int64_t)OUT * TAPS, IN, 3, NULL);
    direct_make(&back, last, (int64_t)marks * TAPS, 1, 1, NULL);
    weft_partial_weights_args a = { .dtype = ends, .to_dtype = dtype, .from = typed_view_of(&sparse),
                                    .to = typed_view_of(&full), .k = OUT, .c = IN, .taps = TAPS, .table = table };
    ck_assert_int_eq(weft_launch_partial_expand(&a, NULL), 0);
    for (int k = 0, mark = 0; k < OUT; k++)
        for (int c = 0; c < IN; c++) {
            for (int t = 0; t < TAPS; t++)
                want[(k * TAPS + t) * IN + c] = table[k * IN + c] ? (double)from[mark * TAPS + t] : 0;
            mark += table[k * IN + c];
        }
    a = (weft_partial_weights_args){ .dtype = dtype, .to_dtype = last, .from = typed_view_of(&full),
                                     .to = typed_view_of(&back), .k = OUT, .c = IN, .taps = TAPS, .table = table };
    ck_assert_int_eq(weft_launch_partial_collect(&a, NULL), 0);
    direct_expect("expanded", &full, want, 0);
    for (int i = 0; i < marks * TAPS; i++)
        want[i] = (double)from[i];
    direct_expect("collected", &back, want, 0);
    typed_view_free(&sparse);
}
END_TEST

/* ---- refusals ---- */

static const weft_kview v = { from, 8 }, narrow = { from, 7 }, nothing = { NULL, 8 };
static const weft_kwindow win = {
    .n = 1, .h = 4, .w = 4, .oh = 2, .ow = 2, .kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2
};
#define REFUSES(type, launch, good, field, value)                                                                      \
    do {                                                                                                               \
        type bad_ = good;                                                                                              \
        bad_.field = value;                                                                                            \
        ck_assert_int_eq((launch)(&bad_, NULL), 1);                                                                    \
    } while (0)

START_TEST(refusals)
{
    const weft_conv2d_dx_args dx = { .dy = v, .dx = v, .win = win, .c = 8, .k = 8, .wt = other };
#define DX(field, value) REFUSES(weft_conv2d_dx_args, weft_launch_conv2d_dx, dx, field, value)
    DX(dy, narrow);
    DX(dx, nothing);
    DX(residual, narrow);
    DX(wt, NULL);
    DX(groups, 3);
    DX(win.oh, 0);
    DX(dtype, WEFT_U8);
    const weft_conv2d_dw_args dw = { .x = v, .dy = v, .dw = v, .win = win, .c = 8, .k = 8 };
#define DW(field, value) REFUSES(weft_conv2d_dw_args, weft_launch_conv2d_dw, dw, field, value)
    DW(x, narrow);
    DW(dy, nothing);
    DW(dw, narrow);
    DW(k, 0);
    DW(win.stride_w, 0);
    DW(dtype, WEFT_I32);
    DW(win.oh, 4096); /* parts, and no memory for them */
    const weft_depthwise_turn_args turn = { .from = v, .to = other, .ld_to = 8, .c = 8, .taps = 4 };
#define TURN(field, value) REFUSES(weft_depthwise_turn_args, weft_launch_depthwise_turn, turn, field, value)
    TURN(from, nothing);
    TURN(ld_to, 7);
    TURN(taps, 0);
    TURN(dtype, WEFT_U8);
    const weft_depthwise_dx_args depth_dx = { .dy = v, .dx = v, .win = win, .c = 8, .wt = other, .ld_wt = 8 };
#define DEPTH_DX(field, value) REFUSES(weft_depthwise_dx_args, weft_launch_depthwise_dx, depth_dx, field, value)
    DEPTH_DX(dy, narrow);
    DEPTH_DX(dx, nothing);
    DEPTH_DX(residual, narrow);
    DEPTH_DX(ld_wt, 7);
    DEPTH_DX(win.pad.top, -1);
    DEPTH_DX(dtype, WEFT_U8);
    const weft_depthwise_dw_args depth_dw = { .x = v, .dy = v, .dw = v, .win = win, .c = 8, .scratch = third };
#define DEPTH_DW(field, value) REFUSES(weft_depthwise_dw_args, weft_launch_depthwise_dw, depth_dw, field, value)
    DEPTH_DW(x, narrow);
    DEPTH_DW(dy, narrow);
    DEPTH_DW(dw, nothing);
    DEPTH_DW(scratch, NULL);
    DEPTH_DW(win.kernel_h, 65535);
    DEPTH_DW(dtype, WEFT_I32);
    const weft_gemm_args turned = { .x = v, .y = v, .batch = 1, .rows = 8, .c = 1, .k = 8, .wt = other, .ld_wt = 8,
                                    .x_turned = true, .wt_turned = true };
#define TURNED(field, value) REFUSES(weft_gemm_args, weft_launch_gemm, turned, field, value)
    TURNED(x, narrow);
    TURNED(ld_wt, 7);
    TURNED(c, 0);
    TURNED(batch, 2);
    const weft_partial_weights_args weights = { .from = v, .to = v, .k = 8, .c = 8, .taps = 1,
                                                .table = (const uint8_t *)other };
#define EXPAND(field, value) REFUSES(weft_partial_weights_args, weft_launch_partial_expand, weights, field, value)
    EXPAND(from, nothing);
    EXPAND(to, narrow);
    EXPAND(taps, 0);
    EXPAND(taps, 1 << 30);
    EXPAND(table, NULL);
    EXPAND(to_dtype, WEFT_U8);
    REFUSES(weft_partial_weights_args, weft_launch_partial_collect, weights, from, narrow);
}
END_TEST

TCase *kernels_conv_grad_case(bool all)
{
    orders = all ? (int)EMU_ORDER_COUNT : 1;
    TCase *tcase = tcase_create("conv_grad");
    const int count = (int)(sizeof layers / sizeof *layers);
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, conv2d_dx, 0, count);
    tcase_add_loop_test(tcase, conv2d_dw, 0, count);
    tcase_add_test(tcase, conv2d_dw_in_parts);
    tcase_add_loop_test(tcase, depthwise_dx, 0, DEPTHWISE);
    tcase_add_loop_test(tcase, depthwise_dw, 0, DEPTHWISE * SIDES);
    tcase_add_loop_test(tcase, turned_windows, 0, 2);
    tcase_add_loop_test(tcase, turned_products, 0, 2 * (int)(sizeof products / sizeof *products));
    tcase_add_loop_test(tcase, partial_weights, 0, 3 * DIRECT_TYPES);
    tcase_add_test(tcase, refusals);
    return tcase;
}
