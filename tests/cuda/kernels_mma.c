/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernels on tensor cores, which no op has to itself. That of an inverted residual's first two layers: against both
 * layers by their definition, in double, the map between them rounded to the type; chunks and tiles that are not full,
 * images smaller than a tile and larger, every window, dense tensors and slices of wider ones. That of images: every
 * number of groups of channels, windows of a step and of many, strides, pads on one side alone. */
#include "kernels_direct.h"

#include <math.h>

#include "check/harness.h"
#include "cuda/kernel/norm.h"
#include "direct.h"
#include "emu/control.h"

enum { MOST_WIDE = 1 << 16, SIDE = 8 };

typedef struct shape {
    int n, h, w, c_in /* 0: no expansion */, c, kernel, stride;
    weft_act expand_act, act;
    bool bias, slices;
    int blocks;
} shape;

static const shape shapes[] = {
    { 2, 7, 7, 16, 96, 3, 1, WEFT_ACT_RELU6, WEFT_ACT_RELU6, true, false, 0 },
    { 1, 5, 9, 24, 48, 3, 1, WEFT_ACT_SWISH, WEFT_ACT_SWISH, true, true, 4 },
    { 1, 20, 37, 8, 56, 3, 1, WEFT_ACT_RELU6, WEFT_ACT_NONE, false, false, 0 },
    { 2, 14, 13, 40, 104, 3, 2, WEFT_ACT_RELU, WEFT_ACT_RELU6, true, true, 0 },
    { 1, 33, 40, 8, 8, 3, 2, WEFT_ACT_NONE, WEFT_ACT_SWISH, true, false, 4 },
    { 1, 12, 12, 32, 48, 5, 1, WEFT_ACT_SWISH, WEFT_ACT_SWISH, true, false, 3 },
    { 1, 11, 10, 16, 64, 5, 2, WEFT_ACT_RELU6, WEFT_ACT_RELU6, true, true, 3 },
    { 1, 9, 20, 0, 48, 3, 1, WEFT_ACT_NONE, WEFT_ACT_SWISH, true, false, 4 },
    { 1, 9, 13, 0, 24, 5, 1, WEFT_ACT_NONE, WEFT_ACT_RELU, true, false, 3 },
    { 1, 31, 29, 8, 16, 5, 1, WEFT_ACT_RELU6, WEFT_ACT_RELU, true, true, 0 },
    { 2, 11, 16, 16, 64, 5, 2, WEFT_ACT_SWISH, WEFT_ACT_SWISH, false, false, 0 },
    { 1, 1, 1, 72, 96, 5, 1, WEFT_ACT_RELU6, WEFT_ACT_RELU6, true, false, 0 },
    { 2, 19, 14, 0, 72, 3, 1, WEFT_ACT_NONE, WEFT_ACT_RELU6, true, true, 0 },
    { 1, 26, 25, 0, 40, 5, 1, WEFT_ACT_NONE, WEFT_ACT_SWISH, false, false, 0 },
    { 32, 6, 6, 0, 56, 3, 1, WEFT_ACT_NONE, WEFT_ACT_NONE, true, false, 0 },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static float x[DIRECT_ROOM], expand[DIRECT_ROOM], window[DIRECT_ROOM], expand_bias[128], bias[128];
static double wide[MOST_WIDE], want[DIRECT_ROOM];
static float sums[DIRECT_ROOM], got[DIRECT_ROOM];

static double activate(weft_act act, double v)
{
    const double six = v < 0 ? 0 : v > 6 ? 6 : v;
    return act == WEFT_ACT_RELU    ? fmax(v, 0)
           : act == WEFT_ACT_RELU6 ? six
           : act == WEFT_ACT_SWISH ? v / (1 + exp(-v))
                                   : v;
}

static void find_wide(const shape *s, weft_dtype dtype)
{
    ck_assert_int_le((int64_t)s->n * s->h * s->w * s->c, MOST_WIDE);
    for (int64_t pixel = 0; pixel < (int64_t)s->n * s->h * s->w; pixel++) {
        for (int c = 0; c < s->c; c++) {
            double sum = s->c_in == 0 ? (double)x[pixel * s->c + c] : s->bias ? (double)expand_bias[c] : 0;
            for (int i = 0; i < s->c_in; i++)
                sum += (double)x[pixel * s->c_in + i] * (double)expand[c * s->c_in + i];
            wide[pixel * s->c + c] = typed_round(dtype, activate(s->expand_act, sum));
        }
    }
}

static double window_at(const shape *s, const weft_kwindow *w, int n, int oh, int ow, int c)
{
    double sum = s->bias ? (double)bias[c] : 0;
    for (int r = 0; r < s->kernel; r++) {
        for (int q = 0; q < s->kernel; q++) {
            const int ih = oh * s->stride - w->pad.top + r, iw = ow * s->stride - w->pad.left + q;
            if (ih >= 0 && ih < s->h && iw >= 0 && iw < s->w)
                sum += wide[(((int64_t)n * s->h + ih) * s->w + iw) * s->c + c] *
                       (double)window[(c * s->kernel + r) * s->kernel + q];
        }
    }
    return activate(s->act, sum);
}

/* Padded as "same" is. */
static weft_kwindow window_of(const shape *s)
{
    weft_kwindow w = { .n = s->n, .h = s->h, .w = s->w, .kernel_h = s->kernel, .kernel_w = s->kernel,
                       .stride_h = s->stride, .stride_w = s->stride, .dilation = 1 };
    w.oh = (s->h + s->stride - 1) / s->stride;
    w.ow = (s->w + s->stride - 1) / s->stride;
    const int down = (w.oh - 1) * s->stride + s->kernel - s->h, along = (w.ow - 1) * s->stride + s->kernel - s->w;
    w.pad.top = down > 0 ? down / 2 : 0;
    w.pad.bottom = down > 0 ? down - w.pad.top : 0;
    w.pad.left = along > 0 ? along / 2 : 0;
    w.pad.right = along > 0 ? along - w.pad.left : 0;
    return w;
}

/* Of what was stored. */
static void expect_sums(const shape *s, int64_t pixels, int parts, const typed_view *y)
{
    typed_view_get(y, got);
    for (int n = 0; n < s->n; n++) {
        for (int c = 0; c < s->c; c++) {
            double sum = 0, all = 0, size = 0;
            for (int part = 0; part < parts; part++)
                sum += (double)sums[((int64_t)n * parts + part) * s->c + c];
            for (int64_t p = n * pixels; p < (n + 1) * pixels; p++) {
                all += (double)got[p * s->c + c];
                size += fabs((double)got[p * s->c + c]);
            }
            ck_assert_msg(fabs(sum - all) <= 1e-5 * size + 1e-30, "image %d, channel %d: sum %g of %g", n, c, sum, all);
        }
    }
}

/* Of all images, and of squares. */
static void expect_all(const shape *s, int64_t pixels, const float *all)
{
    for (int c = 0; c < s->c; c++) {
        double sum = 0, squares = 0, size = 0;
        for (int64_t p = 0; p < s->n * pixels; p++) {
            const double v = (double)got[p * s->c + c];
            sum += v;
            squares += v * v;
            size += fabs(v);
        }
        ck_assert_msg(fabs((double)all[c] - sum) <= 1e-5 * size + 1e-30, "channel %d: sum %g of %g", c, (double)all[c],
                      sum);
        ck_assert_msg(fabs((double)all[s->c + c] - squares) <= 1e-5 * squares + 1e-30, "channel %d: squares %g of %g",
                      c, (double)all[s->c + c], squares);
    }
}

START_TEST(expand_depthwise)
{
    const shape *s = &shapes[_i % SHAPES];
    const weft_dtype dtype = _i / SHAPES % 2 ? WEFT_BF16 : WEFT_F16;
    const emu_order order = (emu_order)(_i / (2 * SHAPES));
    const weft_kwindow win = window_of(s);
    const int64_t pixels = (int64_t)win.oh * win.ow;
    const int side = s->slices ? SIDE : 0;
    static _Alignas(16) unsigned char product[DIRECT_ROOM], taps[DIRECT_ROOM];
    typed_view in, y;
    const int channels = s->c_in ? s->c_in : s->c;
    direct_draw(x, (int64_t)s->n * s->h * s->w * channels, dtype, 1);
    direct_draw(expand, (int64_t)s->c * s->c_in, dtype, 2);
    direct_draw(window, (int64_t)s->kernel * s->kernel * s->c, dtype, 3);
    direct_draw(expand_bias, s->c, WEFT_F32, 4);
    direct_draw(bias, s->c, WEFT_F32, 5);
    find_wide(s, dtype);
    for (int64_t i = 0; i < s->n * pixels; i++)
        for (int c = 0; c < s->c; c++)
            want[i * s->c + c] = window_at(s, &win, (int)(i / pixels), (int)(i % pixels) / win.ow, (int)i % win.ow, c);
    direct_make(&in, dtype, (int64_t)s->n * s->h * s->w, channels, side, x);
    direct_make(&y, dtype, s->n * pixels, s->c, side, NULL);
    const weft_expand_pack_args pack = { .dtype = dtype, .product_weights = expand, .window_weights = window,
                                         .product = product, .window = taps, .c = s->c, .c_in = s->c_in,
                                         .kernel = s->kernel };
    ck_assert_uint_le(weft_expand_product_bytes(s->c, s->c_in), sizeof product);
    ck_assert_uint_le(weft_expand_window_bytes(s->c, s->kernel), sizeof taps);
    ck_assert_int_eq(weft_launch_expand_pack(&pack, NULL), 0);
    weft_expand_depthwise_args a = { .dtype = dtype, .x = typed_view_of(&in), .y = typed_view_of(&y), .win = win,
                                     .c_in = s->c_in, .c = s->c, .expand = product, .window = taps,
                                     .expand_bias = s->bias ? expand_bias : NULL, .bias = s->bias ? bias : NULL,
                                     .expand_act = s->expand_act, .act = s->act, .sums = sums };
    a.tile = weft_expand_depthwise_tile(&a);
    a.tile.blocks = s->blocks ? s->blocks : a.tile.blocks;
    const int parts = weft_expand_depthwise_parts(&a);
    ck_assert_int_le((int64_t)s->n * parts * s->c, DIRECT_ROOM);
    ck_assert(weft_expand_depthwise_takes(&a));
    static float all[DIRECT_ROOM], room[DIRECT_ROOM];
    static unsigned turns[WEFT_TURNS];
    ck_assert_int_eq(weft_expand_depthwise_takes_sums(&a), s->c_in == 0);
    if (s->c_in == 0 && order == EMU_FORWARD) { /* without the sums of all it may have fewer registers */
        ck_assert_int_eq(weft_launch_expand_depthwise(&a, NULL), 0);
        direct_expect("expand_depthwise", &y, want, 2 * typed_half_ulp(dtype));
        direct_make(&y, dtype, s->n * pixels, s->c, side, NULL);
        a.y = typed_view_of(&y);
    }
    if (s->c_in == 0)
        a.all = (weft_map_sums){ .to = all, .scratch = room, .turns = turns };
    emu_set_order(order, check_seed());
    ck_assert_int_eq(weft_launch_expand_depthwise(&a, NULL), 0);
    emu_set_order(EMU_FORWARD, 0);
    expect_sums(s, pixels, parts, &y);
    if (s->c_in == 0)
        expect_all(s, pixels, all);
    for (int i = 0; i < WEFT_TURNS; i++)
        ck_assert_uint_eq(turns[i], 0);
    /* A wide number that falls on the other side of a rounding moves an output by a weight's worth of it. */
    direct_expect("expand_depthwise", &y, want, 2 * typed_half_ulp(dtype));
    typed_view_free(&in);
}
END_TEST

START_TEST(expand_depthwise_refuses)
{
    int64_t before = 0, after = 0, switches;
    const shape *s = &shapes[0];
    weft_expand_depthwise_args good = { .dtype = WEFT_F16, .x = { x, 16 }, .y = { got, 96 }, .win = window_of(s),
                                        .c_in = 16, .c = 96, .expand = expand, .window = window };
    good.tile = weft_expand_depthwise_tile(&good);
    weft_expand_depthwise_args bad[] = { good, good, good, good, good, good, good, good, good,
                                         good, good, good, good, good, good, good, good, good };
    emu_totals(&before, &switches);
    ck_assert(weft_expand_depthwise_takes(&good));
    bad[0].dtype = WEFT_F32;
    bad[1].c_in = 12;
    bad[2].win.kernel_h = 7;
    bad[3].win.stride_w = 2;
    bad[4].win.dilation = 2;
    bad[5].x.data = (char *)x + 2;
    bad[6].window = NULL;
    bad[7].expand = NULL;
    bad[8].y.ld = 88;
    bad[9].act = WEFT_ACT_TANH;
    bad[10].expand_act = WEFT_ACT_COUNT;
    bad[11].tile.blocks = 2;
    bad[13].tile.h = 40;
    bad[14].win.oh = 513;
    bad[15].win.pad.left = 3;
    bad[16].win.ow = 9;
    bad[17].all.to = bad[17].all.scratch = got; /* no counters */
    bad[12].c_in = 0, bad[12].win.stride_h = bad[12].win.stride_w = 2;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(weft_launch_expand_depthwise(&bad[i], NULL) != 0, "refusal %zu was taken", i);
    emu_totals(&after, &switches);
    ck_assert_int_eq(before, after);
}
END_TEST

/* ---- images ---- */

typedef struct picture {
    int n, h, w, c, k, kernel_h, kernel_w, stride, top, left;
    weft_act act;
    bool bias, slices;
} picture;

static const picture pictures[] = {
    { 2, 30, 27, 3, 64, 7, 7, 2, 3, 3, WEFT_ACT_RELU, true, false },
    { 1, 19, 40, 3, 64, 3, 3, 1, 1, 1, WEFT_ACT_RELU, true, true },
    { 1, 13, 20, 3, 24, 7, 7, 2, 3, 3, WEFT_ACT_RELU, true, false },
    { 2, 21, 21, 3, 32, 3, 3, 2, 0, 0, WEFT_ACT_RELU6, true, false },
    { 1, 17, 23, 3, 48, 3, 3, 2, 0, 1, WEFT_ACT_SWISH, false, false },
    { 1, 34, 34, 3, 96, 11, 11, 4, 0, 0, WEFT_ACT_RELU, true, false },
    { 3, 8, 9, 1, 8, 5, 2, 1, 2, 0, WEFT_ACT_NONE, true, true },
    { 1, 1, 1, 4, 40, 1, 1, 1, 0, 0, WEFT_ACT_NONE, true, false },
};
enum { PICTURES = sizeof pictures / sizeof *pictures };

static double picture_at(const picture *p, const weft_kwindow *w, int n, int oh, int ow, int k)
{
    double sum = p->bias ? (double)bias[k] : 0;
    for (int r = 0; r < p->kernel_h; r++) {
        for (int q = 0; q < p->kernel_w; q++) {
            const int ih = oh * p->stride - w->pad.top + r, iw = ow * p->stride - w->pad.left + q;
            for (int c = 0; c < p->c && ih >= 0 && ih < p->h && iw >= 0 && iw < p->w; c++)
                sum += (double)x[(((int64_t)n * p->h + ih) * p->w + iw) * 4 + c] *
                       (double)window[((k * p->kernel_h + r) * p->kernel_w + q) * p->c + c];
        }
    }
    return activate(p->act, sum);
}

static weft_image_args image_of(const picture *p)
{
    weft_image_args a = { .win = { .n = p->n, .h = p->h, .w = p->w, .kernel_h = p->kernel_h, .kernel_w = p->kernel_w,
                                   .stride_h = p->stride, .stride_w = p->stride, .dilation = 1,
                                   .pad = { .top = p->top, .left = p->left } },
                          .c = p->c, .k = p->k, .act = p->act };
    a.win.oh = (p->h + p->top - p->kernel_h + p->stride) / p->stride; /* what is right and below is let be */
    a.win.ow = (p->w + p->left - p->kernel_w + p->stride) / p->stride;
    return a;
}

START_TEST(image)
{
    const picture *p = &pictures[_i % PICTURES];
    weft_image_args a = image_of(p);
    const int64_t pixels = (int64_t)a.win.oh * a.win.ow, taps = (int64_t)p->kernel_h * p->kernel_w;
    static _Alignas(16) unsigned char packed[DIRECT_ROOM];
    typed_view in, y;
    a.dtype = _i / PICTURES % 2 ? WEFT_BF16 : WEFT_F16;
    direct_draw(x, (int64_t)p->n * p->h * p->w * 4, a.dtype, 1); /* what pads a pixel meets no weight */
    direct_draw(window, p->k * taps * p->c, a.dtype, 2);
    direct_draw(bias, p->k, WEFT_F32, 3);
    for (int64_t i = 0; i < p->n * pixels; i++)
        for (int k = 0; k < p->k; k++)
            want[i * p->k + k] = picture_at(p, &a.win, (int)(i / pixels), (int)(i % pixels) / a.win.ow,
                                            (int)i % a.win.ow, k);
    direct_make(&in, a.dtype, (int64_t)p->n * p->h * p->w, 4, 0, x);
    direct_make(&y, a.dtype, p->n * pixels, p->k, p->slices ? SIDE : 0, NULL);
    a.x = typed_view_of(&in);
    a.y = typed_view_of(&y);
    a.bias = p->bias ? bias : NULL;
    ck_assert(weft_image_takes(&a));
    ck_assert_uint_le(weft_image_bytes(&a), sizeof packed);
    ck_assert_int_eq(weft_launch_image_pack(&a, window, packed, NULL), 0);
    a.wt = packed;
    emu_set_order((emu_order)(_i / (2 * PICTURES)), check_seed());
    ck_assert_int_eq(weft_launch_image(&a, NULL), 0);
    emu_set_order(EMU_FORWARD, 0);
    direct_expect("image", &y, want, 1e-6);
    typed_view_free(&in);
}
END_TEST

START_TEST(image_refuses)
{
    int64_t before = 0, after = 0, switches;
    weft_image_args good = image_of(&pictures[2]);
    good.dtype = WEFT_F16;
    good.x = (weft_kview){ x, 4 };
    good.y = (weft_kview){ got, 32 };
    good.wt = window;
    weft_image_args bad[] = { good, good, good, good, good, good, good, good };
    emu_totals(&before, &switches);
    ck_assert(weft_image_takes(&good));
    bad[0].dtype = WEFT_F32;
    bad[1].x.ld = 8;
    bad[2].c = 5;
    bad[3].k = 30;
    bad[4].win.dilation = 2;
    bad[5].win.kernel_w = 17;
    bad[6].act = WEFT_ACT_TANH;
    bad[7].wt = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(weft_launch_image(&bad[i], NULL) != 0, "refusal %zu was taken", i);
    ck_assert_int_ne(weft_launch_image_pack(&good, NULL, got, NULL), 0);
    emu_totals(&after, &switches);
    ck_assert_int_eq(before, after);
}
END_TEST

TCase *kernels_mma_case(bool all)
{
    TCase *tcase = tcase_create("mma");
    const int runs = all ? 2 * EMU_ORDER_COUNT : 1; /* types and orders */
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, expand_depthwise, 0, SHAPES * runs);
    tcase_add_test(tcase, expand_depthwise_refuses);
    tcase_add_loop_test(tcase, image, 0, PICTURES * runs);
    tcase_add_test(tcase, image_refuses);
    return tcase;
}
