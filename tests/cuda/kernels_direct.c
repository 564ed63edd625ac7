/* SPDX-License-Identifier: Apache-2.0
 *
 * What no op's case asks of a launcher: the input kernel with and without resizing, gates and folded weights, float
 * factors, weights for each image, the largest elements of rows, every 16-bit number there is, and refusals. */
#include "kernels_direct.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check/harness.h"
#include "cuda/kernel/kernels.h"
#include "cuda/kernel/excite.h"
#include "direct.h"
#include "emu/control.h"

enum { TYPES = DIRECT_TYPES };

static float from[DIRECT_ROOM], other[DIRECT_ROOM], third[DIRECT_ROOM];
static double want[DIRECT_ROOM];

/* ---- input ---- */

static const struct {
    weft_input_args args;
    int side; /* channels beside the output's */
} inputs[] = {
    { { .rows = 198, .c = 3, .padded = 4 }, 0 },
    { { .rows = 99,
        .c = 3,
        .padded = 8,
        .scale = (const float[]){ .5f, 2, 3 },
        .offset = (const float[]){ -1, 4, .25f } },
      0 },
    { { .rows = 525, .c = 1, .scale = (const float[]){ 1 / 127.5f }, .offset = (const float[]){ -1 } }, 0 },
    { { .rows = 24, .c = 4, .padded = 8 }, 8 },
    { { .rows = 24, .c = 3, .padded = 5 }, 3 },
    { { .rows = 256, .c = 2 }, 1 },
};

START_TEST(input)
{
    weft_input_args a = inputs[_i].args;
    const int64_t count = a.rows * a.c;
    const int padded = a.padded ? a.padded : a.c;
    static uint8_t bytes[DIRECT_ROOM];
    direct_draw(from, count, WEFT_F32, 1);
    for (int bits = 0; bits < 2; bits++) {
        for (int64_t i = 0; i < count && bits; i++) {
            bytes[i] = (uint8_t)(127.5f * (from[i] + 1));
            from[i] = bytes[i];
        }
        for (int64_t i = 0; i < a.rows * padded; i++) {
            const int64_t c = i % padded;
            const double scale = a.scale && c < a.c ? (double)a.scale[c] : 1;
            const double offset = a.scale && c < a.c ? (double)a.offset[c] : 0;
            want[i] = c < a.c ? (double)from[i / padded * a.c + c] * scale + offset : 0;
        }
        for (int t = 0; t < TYPES; t++) {
            typed_view y;
            direct_make(&y, direct_types[t], a.rows, padded, inputs[_i].side, NULL);
            a.x = bits ? (const void *)bytes : (const void *)from;
            a.x_dtype = bits ? WEFT_U8 : WEFT_F32;
            a.dtype = direct_types[t];
            a.y = typed_view_of(&y);
            ck_assert_int_eq(weft_launch_input(&a, NULL), 0);
            direct_expect("input", &y, want, 1e-6);
        }
    }
}
END_TEST

/* ---- squeeze and excite ---- */

enum { N = 2, PARTS = 3, C = 40, R = 10, K = 7 };

/* The gates by the definition; from and other hold the weights of the two dense layers. */
static void find_gates(const float *pool, const float *b1, const float *b2, double gate[N][C])
{
    for (int n = 0; n < N; n++) {
        double hidden[R], mean[C];
        for (int c = 0; c < C; c++)
            mean[c] = ((double)pool[(n * PARTS) * C + c] + (double)pool[(n * PARTS + 1) * C + c] +
                       (double)pool[(n * PARTS + 2) * C + c]) /
                      49;
        for (int r = 0; r < R; r++) {
            double sum = (double)b1[r];
            for (int c = 0; c < C; c++)
                sum += (double)from[r * C + c] * mean[c];
            hidden[r] = sum / (1 + exp(-sum));
        }
        for (int c = 0; c < C; c++) {
            double sum = (double)b2[c];
            for (int r = 0; r < R; r++)
                sum += (double)other[c * R + r] * hidden[r];
            gate[n][c] = 1 / (1 + exp(-sum));
        }
    }
}

START_TEST(folded_weights)
{
    const weft_dtype dtype = direct_types[_i / 2 % TYPES], gate_dtype = _i % 2 ? dtype : WEFT_F32;
    const int side = _i / 6 ? 3 : 0;
    static float pool[N * PARTS * C], b1[R], b2[C], hidden[N * R];
    static double gate[N][C];
    typed_view w1, w2, weights, folded, out;
    direct_draw(pool, N * PARTS * C, WEFT_F32, 2);
    direct_draw(from, R * C, dtype, 3);
    direct_draw(other, C * R, dtype, 4);
    direct_draw(third, K * C, dtype, 5);
    direct_draw(b1, R, WEFT_F32, 6);
    direct_draw(b2, C, WEFT_F32, 7);
    find_gates(pool, b1, b2, gate);
    direct_make(&w1, dtype, R, C, 0, from);
    direct_make(&w2, dtype, C, R, 0, other);
    direct_make(&weights, dtype, K, C, side, third);
    direct_make(&folded, dtype, N * K, C, side, NULL);
    direct_make(&out, gate_dtype, N, C, 3, NULL);
    const weft_excite_args a = { .dtype = dtype,
                                 .sums = pool,
                                 .hidden = hidden,
                                 .parts = PARTS,
                                 .pixels = 49,
                                 .n = N,
                                 .c = C,
                                 .reduced = R,
                                 .w1 = w1.data,
                                 .w2 = w2.data,
                                 .b1 = b1,
                                 .b2 = b2,
                                 .act = WEFT_ACT_SWISH,
                                 .gate = WEFT_ACT_SIGMOID,
                                 .gate_dtype = gate_dtype,
                                 .gate_out = typed_view_of(&out),
                                 .from = typed_view_of(&weights),
                                 .to = typed_view_of(&folded),
                                 .rows = K,
                                 .shared = true };
    ck_assert_int_eq(weft_launch_excite(&a, NULL), 0);
    ck_assert(typed_view_intact(&weights) && typed_view_equal(&weights, third));
    for (int i = 0; i < N * K * C; i++)
        want[i] = gate[i / C / K][i % C] * (double)third[i % (K * C)];
    direct_expect("folded weights", &folded, want, 2e-6);
    for (int i = 0; i < N * C; i++)
        want[i] = gate[i / C][i % C];
    direct_expect("gates", &out, want, 2e-6);

    /* Gates alone. */
    weft_excite_args only = a;
    direct_make(&out, gate_dtype, N, C, 0, NULL);
    only.gate_out = typed_view_of(&out);
    only.to.data = NULL;
    ck_assert_int_eq(weft_launch_excite(&only, NULL), 0);
    direct_expect("gates alone", &out, want, 2e-6);
    typed_view_free(&w1);
    typed_view_free(&w2);
    typed_view_free(&weights);
}
END_TEST

START_TEST(float_factors)
{
    const weft_dtype dtype = direct_types[_i % TYPES];
    const int side = _i / TYPES ? 3 : 0, pixels = 12;
    typed_view x, s, r, y;
    direct_draw(from, N * pixels * C, dtype, 8);
    direct_draw(other, N * C, WEFT_F32, 9);
    direct_draw(third, N * pixels * C, dtype, 10);
    direct_make(&x, dtype, N * pixels, C, side, from);
    direct_make(&s, WEFT_F32, N, C, side, other);
    direct_make(&r, dtype, N * pixels, C, side, third);
    direct_make(&y, dtype, N * pixels, C, side, NULL);
    const weft_channel_scale_args a = { .dtype = dtype,
                                        .s_dtype = WEFT_F32,
                                        .x = typed_view_of(&x),
                                        .s = typed_view_of(&s),
                                        .y = typed_view_of(&y),
                                        .n = N,
                                        .pixels = pixels,
                                        .c = C,
                                        .epi = { .residual = typed_view_of(&r), .act = WEFT_ACT_RELU } };
    ck_assert_int_eq(weft_launch_channel_scale(&a, NULL), 0);
    for (int i = 0; i < N * pixels * C; i++) {
        const double v = (double)from[i] * (double)other[i / (pixels * C) * C + i % C] + (double)third[i];
        want[i] = v > 0 ? v : 0;
    }
    direct_expect("x * s + residual", &y, want, 2e-6);
    typed_view_free(&x);
    typed_view_free(&s);
    typed_view_free(&r);
}
END_TEST

/* ---- weights for each image ---- */

START_TEST(batched_product)
{
    const weft_dtype dtype = direct_types[_i % TYPES], y_dtype = _i / TYPES % 2 ? WEFT_F32 : dtype;
    const int rows = _i / 6 ? 9 : 3, k = 21, c = 32;
    typed_view x, wt, y;
    direct_draw(from, N * rows * c, dtype, 11);
    direct_draw(other, N * k * c, dtype, 12);
    direct_draw(third, k, WEFT_F32, 13);
    direct_make(&x, dtype, N * rows, c, 8, from);
    direct_make(&wt, dtype, N * k, c, 8, other);
    direct_make(&y, y_dtype, N * rows, k, 3, NULL);
    const weft_gemm_args a = { .dtype = dtype,
                               .y_dtype = y_dtype,
                               .x = typed_view_of(&x),
                               .y = typed_view_of(&y),
                               .batch = N,
                               .rows = rows,
                               .c = c,
                               .k = k,
                               .wt = wt.data,
                               .ld_wt = wt.ld,
                               .wt_stride = k * wt.ld,
                               .epi = { .bias = third } };
    ck_assert_int_eq(weft_launch_gemm(&a, NULL), 0);
    for (int row = 0; row < N * rows; row++) {
        for (int i = 0; i < k; i++) {
            double sum = (double)third[i];
            for (int j = 0; j < c; j++)
                sum += (double)from[row * c + j] * (double)other[(row / rows * k + i) * c + j];
            want[row * k + i] = sum;
        }
    }
    direct_expect("product", &y, want, 2e-6);
    typed_view_free(&x);
    typed_view_free(&wt);
}
END_TEST

/* ---- 16-bit numbers ---- */

static int cast(weft_dtype dtype, const void *x, weft_dtype y_dtype, void *y, int64_t count)
{
    const weft_map_args a = {
        .dtype = dtype, .y_dtype = y_dtype, .x = { (void *)(uintptr_t)x, 8 }, .y = { y, 8 }, .rows = count / 8, .c = 8
    };
    return weft_launch_map(&a, NULL);
}

/* All of them to float and back; and to 16 bits what lies halfway between two, and beside that. */
START_TEST(every_number)
{
    const weft_dtype dtype = direct_types[1 + _i];
    static _Alignas(64) uint16_t bits[1 << 16], back[1 << 16];
    static _Alignas(64) float values[1 << 16];
    for (int i = 0; i < 1 << 16; i++)
        bits[i] = (uint16_t)i;
    ck_assert_int_eq(cast(dtype, bits, WEFT_F32, values, 1 << 16), 0);
    ck_assert_int_eq(cast(WEFT_F32, values, dtype, back, 1 << 16), 0);
    for (int i = 0; i < 1 << 16; i++) {
        const float v = typed_get(dtype, bits, i);
        ck_assert_msg(v == values[i] || (isnan(v) && isnan(values[i])), "%04x is %g, %g was expected", (unsigned)i,
                      (double)values[i], (double)v);
        ck_assert(bits[i] == back[i] || (isnan(v) && isnan(typed_get(dtype, back, i))));
    }
    for (int way = -1; way <= 1; way++) {
        for (int i = 0; i < 1 << 16; i++) {
            const float next = typed_get(dtype, bits, i ^ 1), v = typed_get(dtype, bits, i);
            const double half = isfinite(next) && isfinite(v) ? ((double)v + (double)next) / 2 : 0;
            values[i] = way == 0 ? (float)half : nextafterf((float)half, way > 0 ? INFINITY : -INFINITY);
        }
        ck_assert_int_eq(cast(WEFT_F32, values, dtype, back, 1 << 16), 0);
        for (int i = 0; i < 1 << 16; i++)
            ck_assert_msg(typed_get(dtype, back, i) == (float)typed_round(dtype, (double)values[i]), "%.9g became %g",
                          (double)values[i], (double)typed_get(dtype, back, i));
    }
}
END_TEST

/* ---- refusals ---- */

#define REFUSES(launch, args) ck_assert_int_eq((launch)(&(args), NULL), 1)

static const weft_kview v = { from, 8 }, narrow = { from, 7 }, none = { NULL, 8 };
static const weft_kwindow win = {
    .n = 1, .h = 4, .w = 4, .oh = 2, .ow = 2, .kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2
};
#define WITH(type, good, field, value)                                                                                 \
    do {                                                                                                               \
        type bad_ = good;                                                                                              \
        bad_.field = value;                                                                                            \
        REFUSES(launcher, bad_);                                                                                       \
    } while (0)

/* Refused before anything is launched. */
START_TEST(refusals_of_maps)
{
    int64_t before = 0, after = 0, switches;
    emu_totals(&before, &switches);

    const weft_map_args map = { .x = v, .y = v, .rows = 1, .c = 8 };
    const weft_softmax_args softmax = { .x = v, .y = v, .rows = 1, .c = 8 };
    const weft_input_args in = { .x = from, .x_dtype = WEFT_F32, .y = v, .rows = 4, .c = 3 };
#define launcher weft_launch_map
    WITH(weft_map_args, map, x, none);
    WITH(weft_map_args, map, y, narrow);
    WITH(weft_map_args, map, rows, 0);
    WITH(weft_map_args, map, rows, INT64_C(1) << 31);
    WITH(weft_map_args, map, c, 0);
    WITH(weft_map_args, map, dtype, WEFT_U8);
    WITH(weft_map_args, map, y_dtype, WEFT_I32);
    WITH(weft_map_args, map, b, narrow);
    WITH(weft_map_args, map, epi.residual, narrow);
    WITH(weft_map_args, map, epi.act, WEFT_ACT_COUNT);
#undef launcher
#define launcher weft_launch_softmax
    WITH(weft_softmax_args, softmax, rows, 0);
    WITH(weft_softmax_args, softmax, y, narrow);
    WITH(weft_softmax_args, softmax, y, none);
#undef launcher
#define launcher weft_launch_input
    WITH(weft_input_args, in, x_dtype, WEFT_F16);
    WITH(weft_input_args, in, c, 5);
    WITH(weft_input_args, in, padded, 2);
    WITH(weft_input_args, in, rows, 0);
#undef launcher
    emu_totals(&after, &switches);
    ck_assert_int_eq(before, after);
}
END_TEST

START_TEST(refusals_of_windows_and_products)
{
    int64_t before = 0, after = 0, switches;
    weft_kwindow empty = win, huge = win;
    empty.ow = 0;
    huge.n = 1 << 29;
    emu_totals(&before, &switches);

    const weft_pool2d_args pool = { .x = v, .y = v, .win = win, .c = 8 };
    const weft_depthwise_args dw = { .x = v, .y = v, .win = win, .c = 8, .wt = from, .ld_wt = 8 };
    const weft_conv2d_args conv = { .x = v, .y = v, .win = win, .c = 8, .k = 8, .wt = from };
    const weft_gemm_args gemm = { .x = v, .y = v, .batch = 1, .rows = 1, .c = 8, .k = 8, .wt = from, .ld_wt = 8 };
#define launcher weft_launch_pool2d
    WITH(weft_pool2d_args, pool, win, empty);
    WITH(weft_pool2d_args, pool, win, huge);
    WITH(weft_pool2d_args, pool, dtype, WEFT_F64);
#undef launcher
#define launcher weft_launch_depthwise
    WITH(weft_depthwise_args, dw, wt, NULL);
    WITH(weft_depthwise_args, dw, ld_wt, 7);
    WITH(weft_depthwise_args, dw, win, empty);
    WITH(weft_depthwise_args, dw, rows, 3);
#undef launcher
#define launcher weft_launch_conv2d
    WITH(weft_conv2d_args, conv, groups, 3);
    WITH(weft_conv2d_args, conv, y, narrow);
#undef launcher
#define launcher weft_launch_gemm
    WITH(weft_gemm_args, gemm, batch, 65536);
    WITH(weft_gemm_args, gemm, ld_wt, 7);
    WITH(weft_gemm_args, gemm, y_dtype, WEFT_F16);
#undef launcher
    emu_totals(&after, &switches);
    ck_assert_int_eq(before, after);
}
END_TEST

START_TEST(refusals_of_excitations)
{
    int64_t before = 0, after = 0, switches;
    unsigned turn = 0;
    emu_totals(&before, &switches);
    const weft_excite_args excite = {
        .sums = from, .hidden = other, .parts = 1, .pixels = 1, .n = 1, .c = 8, .reduced = 2, .w1 = from, .w2 = from
    };
#define launcher weft_launch_excite
    WITH(weft_excite_args, excite, c, 12001);
    WITH(weft_excite_args, excite, hidden, NULL);
    WITH(weft_excite_args, excite, sums, NULL);
    WITH(weft_excite_args, excite, to, v);
#undef launcher
#define launcher weft_launch_excite_gates
    WITH(weft_excite_args, excite, hidden, NULL);
    WITH(weft_excite_args, excite, to, v);
#undef launcher
    const weft_squeeze_args squeeze = { .x = v, .n = 1, .pixels = 1, .c = 8, .reduced = 2, .w1 = from,
                                        .hidden = other, .scratch = other, .turns = &turn };
#define launcher weft_launch_squeeze
    WITH(weft_squeeze_args, squeeze, turns, NULL);
    WITH(weft_squeeze_args, squeeze, x, narrow);
    WITH(weft_squeeze_args, squeeze, n, WEFT_TURNS + 1);
    WITH(weft_squeeze_args, squeeze, reduced, 1 << 14);
    WITH(weft_squeeze_args, squeeze, hidden, NULL);
    WITH(weft_squeeze_args, squeeze, act, WEFT_ACT_COUNT);
#undef launcher
    const weft_excite_join_args joined = {
        .dx = { .sums = from, .parts = 1, .pixels = 1, .n = 1, .c = 8, .reduced = 2, .w1 = v, .w2 = v, .dy = v, .dx = v,
                .dw1 = v, .dw2 = v, .scratch = other }, .x = v, .turns = &turn
    };
#define launcher weft_launch_excite_dx_joined
    WITH(weft_excite_join_args, joined, turns, NULL);
    WITH(weft_excite_join_args, joined, x, narrow);
    WITH(weft_excite_join_args, joined, dx.scratch, NULL);
    WITH(weft_excite_join_args, joined, dx.reduced, 1 << 14);
#undef launcher
    emu_totals(&after, &switches);
    ck_assert_int_eq(before, after);
}
END_TEST

TCase *kernels_direct_case(void)
{
    TCase *tcase = tcase_create("direct");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, input, 0, (int)(sizeof inputs / sizeof *inputs));
    tcase_add_loop_test(tcase, folded_weights, 0, 4 * TYPES);
    tcase_add_loop_test(tcase, float_factors, 0, 2 * TYPES);
    tcase_add_loop_test(tcase, batched_product, 0, 4 * TYPES);
    tcase_add_loop_test(tcase, every_number, 0, TYPES - 1);
    tcase_add_test(tcase, refusals_of_maps);
    tcase_add_test(tcase, refusals_of_windows_and_products);
    tcase_add_test(tcase, refusals_of_excitations);
    return tcase;
}
