/* SPDX-License-Identifier: Apache-2.0
 *
 * Launchers of losses, hits and dropout, and of gradients what no op's case asks for: very large windows, sums of
 * LeNet-5's gains, gradients of other types than what they are of. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "check/harness.h"
#include "cuda/kernel/grad.h"
#include "cuda/kernel/loss.h"
#include "direct.h"
#include "emu/control.h"
#include "kernels_direct.h"
#include "op/dropout.h"

static float from[DIRECT_ROOM], other[DIRECT_ROOM], third[DIRECT_ROOM];
static double want[DIRECT_ROOM];

/* ---- losses ---- */

/* Rows and classes: a warp or a block to a row, one launch or two. */
static const struct {
    int rows, c;
} batches[] = { { 7, 10 }, { 3, 131 }, { 67, 123 }, { 41, 200 } };
enum { BATCHES = 4, KINDS = 3 };

static double softmax_row(const float *x, const float *t, const float *w, int c, double factor, double *dx)
{
    double most = (double)x[0], sum = 0, mass = 0, loss = 0;
    for (int k = 0; k < c; k++)
        most = fmax(most, (double)x[k]);
    for (int k = 0; k < c; k++) {
        sum += exp((double)x[k] - most);
        mass += (double)t[k] * (w ? (double)w[k] : 1);
    }
    for (int k = 0; k < c; k++) {
        const double right = (double)t[k] * (w ? (double)w[k] : 1), p = exp((double)x[k] - most) / sum;
        loss -= right * log(p);
        dx[k] = factor * (p * mass - right);
    }
    return loss;
}

static double sigmoid_row(const float *x, const float *t, const float *w, int c, double factor, double *dx)
{
    double loss = 0;
    for (int k = 0; k < c; k++) {
        const double v = (double)x[k], weight = w ? (double)w[k] : 1;
        loss += weight * (log1p(exp(v)) - (double)t[k] * v);
        dx[k] = factor * weight * (1 / (1 + exp(-v)) - (double)t[k]);
    }
    return loss;
}

static double distance_row(const float *x, const float *t, double j, int c, double factor, double *dx)
{
    double sum = exp(-j), mass = 0, loss = 0;
    for (int k = 0; k < c; k++) {
        sum += exp(-(double)x[k]);
        mass += (double)t[k];
    }
    for (int k = 0; k < c; k++) {
        loss += (double)t[k] * (double)x[k];
        dx[k] = factor * ((double)t[k] - mass * exp(-(double)x[k]) / sum);
    }
    return loss + mass * log(sum);
}

static double loss_row(const weft_criterion_args *a, int row)
{
    const float *x = from + row * a->c, *t = other + row * a->c;
    double *dx = want + row * a->c;
    if (a->kind == WEFT_CRITERION_SOFTMAX)
        return softmax_row(x, t, a->class_weights, a->c, (double)a->factor, dx);
    if (a->kind == WEFT_CRITERION_SIGMOID)
        return sigmoid_row(x, t, a->class_weights, a->c, (double)a->factor, dx);
    return distance_row(x, t, (double)a->j, a->c, (double)a->factor, dx);
}

START_TEST(criteria)
{
    const int kind = _i % KINDS, rows = batches[_i / KINDS].rows, c = batches[_i / KINDS].c;
    const int type = (_i + _i / KINDS) % DIRECT_TYPES;
    static float scratch[1000], weights[200];
    static const float eight = 8;
    const bool scaled = _i % 2 == 1;
    typed_view x, target, dx, loss;
    const weft_dtype x_dtype = direct_types[type], target_dtype = direct_types[(type + 1) % DIRECT_TYPES];
    direct_draw(from, rows * c, x_dtype, 30);
    direct_draw(other, rows * c, target_dtype, 31);
    direct_draw(weights, c, WEFT_F32, 32);
    for (int i = 0; i < rows * c; i++) {
        from[i] *= 4;
        other[i] = fabsf(other[i]);
    }
    direct_make(&x, x_dtype, rows, c, type ? 3 : 0, from);
    direct_make(&target, target_dtype, rows, c, type ? 5 : 0, other);
    direct_make(&dx, WEFT_F32, rows, c, type ? 1 : 0, NULL);
    direct_make(&loss, WEFT_F32, 1, 1, 0, NULL);
    const weft_criterion_args a = { .kind = (weft_criterion)kind,
                                    .x_dtype = x_dtype,
                                    .target_dtype = target_dtype,
                                    .x = typed_view_of(&x),
                                    .target = typed_view_of(&target),
                                    .dx = typed_view_of(&dx),
                                    .rows = rows,
                                    .c = c,
                                    .class_weights = type == 1 && kind != WEFT_CRITERION_RBF ? weights : NULL,
                                    .scale = scaled ? &eight : NULL,
                                    .factor = .3f,
                                    .j = .1f,
                                    .loss = typed_view_of(&loss).data,
                                    .scratch = scratch };
    ck_assert_int_eq(weft_launch_criterion(&a, NULL), 0);
    double sum = 0;
    for (int row = 0; row < rows; row++)
        sum += loss_row(&a, row);
    for (int i = 0; i < rows * c && scaled; i++)
        want[i] *= 8;
    direct_expect("gradient of a loss", &dx, want, 2e-6);
    want[0] = (double)a.factor * sum;
    direct_expect("loss", &loss, want, 1e-5);
    typed_view_free(&x);
    typed_view_free(&target);
}
END_TEST

/* Far from 0 nothing overflows. */
START_TEST(criteria_of_large_numbers)
{
    static const float x[] = { 90000, -90000, 300, 89, -400, 0 }, target[] = { 0, 1, 0, 1, 0, 0 };
    for (int kind = 0; kind < WEFT_CRITERION_RBF; kind++) {
        float dx[6], loss = NAN, scratch[1];
        const weft_criterion_args a = { .kind = (weft_criterion)kind,
                                        .x = { (void *)(uintptr_t)x, 6 },
                                        .target = { (void *)(uintptr_t)target, 6 },
                                        .dx = { dx, 6 },
                                        .rows = 1,
                                        .c = 6,
                                        .factor = 1,
                                        .loss = &loss,
                                        .scratch = scratch };
        ck_assert_int_eq(weft_launch_criterion(&a, NULL), 0);
        ck_assert(isfinite(loss) && loss > 90000);
        for (int k = 0; k < 6; k++)
            ck_assert_msg(isfinite(dx[k]), "dx[%d] is %g", k, (double)dx[k]);
    }
}
END_TEST

/* ---- hits ---- */

/* The classes before the label; -1: nothing is hit. */
static int rank(const float *x, int c, int label, bool least)
{
    int before = 0;
    if (label < 0 || label >= c || x[label] != x[label])
        return -1;
    for (int k = 0; k < c; k++)
        before += (least ? x[k] < x[label] : x[k] > x[label]) || (x[k] == x[label] && k < label);
    return before;
}

/* Few numbers, so that many tie; labels beyond the classes on both sides; a number in seven is none. */
START_TEST(hits)
{
    enum { LD = 3 };
    const int rows = batches[_i % BATCHES].rows, c = batches[_i % BATCHES].c;
    const bool least = _i >= BATCHES;
    static int32_t labels[1000 * LD];
    static float scratch[1000];
    typed_view x, y;
    const weft_dtype dtype = direct_types[_i % DIRECT_TYPES];
    direct_draw(from, rows * c, dtype, 33);
    direct_draw(other, rows, WEFT_F32, 34);
    for (int i = 0; i < rows * c; i++)
        from[i] = i % 7 == 3 ? NAN : floorf(from[i] * 4);
    want[0] = want[1] = 0;
    for (int row = 0; row < rows; row++) {
        const int label = labels[row * LD] = (int32_t)floorf((other[row] + 1) / 2 * (float)(c + 2)) - 1;
        if (row % 3 < 2 && label >= 0 && label < c)
            from[row * c + label] = (row % 3 ? 3 : 100) * (least ? -1.f : 1.f);
        const int before = rank(from + row * c, c, labels[row * LD], least);
        want[0] += before == 0;
        want[1] += before >= 0 && before < 5;
    }
    ck_assert(want[1] >= want[0] && (want[0] > 0 || rows < 10));
    direct_make(&x, dtype, rows, c, 3, from);
    direct_make(&y, WEFT_F32, 1, 2, 0, NULL);
    const weft_hits_args a = { .dtype = dtype,
                               .labels = { labels, LD },
                               .x = typed_view_of(&x),
                               .rows = rows,
                               .c = c,
                               .least = least,
                               .hits = typed_view_of(&y).data,
                               .scratch = scratch };
    ck_assert_int_eq(weft_launch_hits(&a, NULL), 0);
    direct_expect("hits", &y, want, 0);
    typed_view_free(&x);
}
END_TEST

/* ---- dropout ---- */

/* Rows, channels, rows of an image (0: elements are drawn for), channels to each side. */
static const struct {
    int rows, c, of_image, side;
} dropped[] = {
    { 3, 70, 0, 0 },   { 9, 17, 0, 2 }, { 31, 48, 0, 0 }, { 13, 24, 0, 8 },
    { 60, 16, 12, 0 }, { 6, 33, 2, 3 }, { 70, 8, 1, 8 },
};

static bool is_kept(const weft_dropout_args *a, int64_t i)
{
    int word;
    uint32_t words[4];
    weft_rng_block(a->seed, a->stream, weft_dropout_block(*a->step, i, &word), words);
    return words[word] >= a->threshold;
}

/* Each step, on its own, whatever is in what is dropped, and in the place of x; then with something added, and in the
 * place of that. */
START_TEST(dropout)
{
    static const int32_t steps[] = { 0, 123456, -2 };
    static int32_t step;
    static float added[DIRECT_ROOM];
    enum { ALONE, IN_PLACE, ADDED, ADDED_IN_PLACE, WAYS };
    const int rows = dropped[_i].rows, c = dropped[_i].c;
    for (int t = 0; t < DIRECT_TYPES; t++) {
        const weft_dtype dtype = direct_types[t];
        typed_view x, y;
        step = steps[t];
        direct_draw(from, rows * c, dtype, 35);
        weft_dropout_args a = { .dtype = dtype,
                                .rows = rows,
                                .c = c,
                                .of_image = dropped[_i].of_image,
                                .step = &step,
                                .seed = UINT64_C(0x9876543210abcdef),
                                .stream = UINT64_C(0xfedcba0123456789),
                                .threshold = weft_dropout_threshold(.4),
                                .scale = (float)(1 / .6) };
        int kept = 0;
        for (int i = 0; i < rows * c; i++) {
            const bool keep = is_kept(&a, a.of_image ? i / c / a.of_image : i);
            want[i] = keep ? (double)(from[i] * a.scale) : 0;
            from[i] = keep ? from[i] : i % 2 ? NAN : INFINITY;
            kept += keep;
        }
        ck_assert(a.of_image || (kept > rows * c * 4 / 10 && kept < rows * c * 8 / 10));
        direct_draw(added, rows * c, dtype, 36);
        for (int way = 0; way < WAYS; way++) {
            typed_view residual;
            for (int i = 0; i < rows * c && way == ADDED; i++)
                want[i] += (double)added[i];
            direct_make(&x, dtype, rows, c, dropped[_i].side, from);
            direct_make(&y, dtype, rows, c, dropped[_i].side, NULL);
            direct_make(&residual, dtype, rows, c, dropped[_i].side, added);
            typed_view *result = way == IN_PLACE ? &x : way == ADDED_IN_PLACE ? &residual : &y;
            a.x = typed_view_of(&x);
            a.y = typed_view_of(result);
            a.residual = way < ADDED ? (weft_kview){ NULL, 0 } : typed_view_of(&residual);
            ck_assert_int_eq(weft_launch_dropout(&a, NULL), 0);
            direct_expect("dropout", result, want, way < ADDED ? 0 : 1e-6);
            for (int k = 0; k < 3; k++) {
                typed_view *const all[] = { &x, &y, &residual };
                if (all[k] != result)
                    typed_view_free(all[k]);
            }
        }
    }
}
END_TEST

/* ---- gradients ---- */

enum { N = 2, H = 9, W = 7, C = 20, KERNEL_H = 17, KERNEL_W = 16 };

/* A window of more pixels than a byte counts; whole numbers, so that they tie. */
START_TEST(maximum_over_large_windows)
{
    enum { OH = (H + 2 * 8 - KERNEL_H) / 3 + 1, OW = (W + 7 + 8 - KERNEL_W) / 2 + 1 };
    const weft_dtype dtype = direct_types[_i];
    typed_view dy, x, dx;
    direct_draw(from, N * OH * OW * C, dtype, 36);
    direct_draw(other, N * H * W * C, dtype, 37);
    for (int i = 0; i < N * H * W * C; i++) {
        other[i] = floorf(other[i] * 8);
        want[i] = 0;
    }
    for (int i = 0; i < N * OH * OW * C; i++) {
        const int c = i % C, ow = i / C % OW, oh = i / C / OW % OH, n = i / C / OW / OH;
        int best = -1;
        for (int p = 0; p < KERNEL_H * KERNEL_W; p++) {
            const int ih = oh * 3 - 8 + p / KERNEL_W, iw = ow * 2 - 7 + p % KERNEL_W;
            const int at = ((n * H + ih) * W + iw) * C + c;
            if (ih >= 0 && ih < H && iw >= 0 && iw < W && (best < 0 || other[at] > other[best]))
                best = at;
        }
        want[best] += (double)from[i];
    }
    direct_make(&dy, dtype, N * OH * OW, C, 3, from);
    direct_make(&x, dtype, N * H * W, C, 3, other);
    direct_make(&dx, dtype, N * H * W, C, 3, NULL);
    const weft_pool2d_grad_args a = { .dtype = dtype,
                                      .kind = WEFT_POOL_MAX,
                                      .dy = typed_view_of(&dy),
                                      .x = typed_view_of(&x),
                                      .dx = typed_view_of(&dx),
                                      .win = { .n = N,
                                               .h = H,
                                               .w = W,
                                               .oh = OH,
                                               .ow = OW,
                                               .kernel_h = KERNEL_H,
                                               .kernel_w = KERNEL_W,
                                               .stride_h = 3,
                                               .stride_w = 2,
                                               .pad = { 8, 8, 7, 8 } },
                                      .c = C };
    ck_assert_int_eq(weft_launch_pool2d_grad(&a, NULL), 0);
    direct_expect("large windows", &dx, want, 1e-6);
    typed_view_free(&dy);
    typed_view_free(&x);
}
END_TEST

/* Of logits that are in 16 bits: their gradient is not. */
START_TEST(global_maximum_of_floats)
{
    const weft_dtype dtype = direct_types[1 + _i % 2];
    const int c = _i / 2 ? 40 : 7, pixels = H * W;
    typed_view dy, x, dx;
    direct_draw(from, N * c, WEFT_F32, 38);
    direct_draw(other, N * pixels * c, dtype, 39);
    for (int i = 0; i < N * c; i++) {
        int best = 0;
        for (int p = 0; p < pixels; p++) {
            const float *image = other + i / c * pixels * c + i % c;
            want[i / c * pixels * c + p * c + i % c] = 0;
            best = image[p * c] > image[best * c] ? p : best;
        }
        want[i / c * pixels * c + best * c + i % c] = (double)from[i];
    }
    direct_make(&dy, WEFT_F32, N, c, 0, from);
    direct_make(&x, dtype, N * pixels, c, 8, other);
    direct_make(&dx, dtype, N * pixels, c, 0, NULL);
    const weft_global_pool_grad_args a = { .dtype = dtype,
                                           .dy_dtype = WEFT_F32,
                                           .kind = WEFT_POOL_MAX,
                                           .dy = typed_view_of(&dy),
                                           .x = typed_view_of(&x),
                                           .dx = typed_view_of(&dx),
                                           .n = N,
                                           .pixels = pixels,
                                           .c = c };
    ck_assert_int_eq(weft_launch_global_pool_grad(&a, NULL), 0);
    direct_expect("largest", &dx, want, 1e-7);
    typed_view_free(&dy);
    typed_view_free(&x);
}
END_TEST

START_TEST(subsampled)
{
    const weft_dtype dtype = direct_types[_i % DIRECT_TYPES];
    const int c = _i / DIRECT_TYPES ? 40 : 6, kernel = 2, n = 9, oh = H / 2, ow = W / 2;
    static float gain[64], scratch[1 << 10];
    typed_view dy, x, dx, dg;
    direct_draw(from, n * oh * ow * c, dtype, 40);
    direct_draw(other, n * H * W * c, dtype, 41);
    direct_draw(gain, c, WEFT_F32, 42);
    direct_make(&dy, dtype, n * oh * ow, c, 8, from);
    direct_make(&x, dtype, n * H * W, c, 3, other);
    direct_make(&dx, dtype, n * H * W, c, 8, NULL);
    direct_make(&dg, WEFT_F32, 1, c, 0, NULL);
    const weft_subsample_grad_args a = { .dtype = dtype,
                                         .dy = typed_view_of(&dy),
                                         .x = typed_view_of(&x),
                                         .dx = typed_view_of(&dx),
                                         .win = { .n = n,
                                                  .h = H,
                                                  .w = W,
                                                  .oh = oh,
                                                  .ow = ow,
                                                  .kernel_h = kernel,
                                                  .kernel_w = kernel,
                                                  .stride_h = kernel,
                                                  .stride_w = kernel },
                                         .c = c,
                                         .gain = gain,
                                         .dgain = typed_view_of(&dg).data,
                                         .scratch = scratch };
    ck_assert_int_gt(weft_subsample_parts(&a), 0);
    ck_assert_int_lt(weft_subsample_parts(&a) * c, 1 << 10);
    static double sums[64];
    memset(sums, 0, sizeof sums);
    for (int i = 0; i < n * H * W * c; i++) {
        const int k = i % c, iw = i / c % W, ih = i / c / W % H, image = i / c / W / H;
        const bool seen = ih / kernel < oh && iw / kernel < ow;
        const double d = seen ? (double)from[((image * oh + ih / kernel) * ow + iw / kernel) * c + k] : 0;
        want[i] = (double)gain[k] * d;
        sums[k] += (double)other[i] * d;
    }
    ck_assert_int_eq(weft_launch_subsample_dx(&a, NULL), 0);
    direct_expect("gained", &dx, want, 1e-6);
    ck_assert_int_eq(weft_launch_subsample_dg(&a, NULL), 0);
    direct_expect("gains", &dg, sums, 1e-5);
    typed_view_free(&dy);
    typed_view_free(&x);
}
END_TEST

/* ---- refusals ---- */

#define REFUSES(launch, ...) ck_assert_int_eq((launch)(&(__VA_ARGS__), NULL), 1)

/* Refused before anything is launched. */
START_TEST(refusals_of_losses_and_gradients)
{
    static int32_t step;
    int64_t before = 0, after = 0, switches;
    const weft_kview v = { from, 8 }, narrow = { from, 7 }, none = { NULL, 8 };
    const weft_kwindow win = {
        .n = 1, .h = 4, .w = 4, .oh = 2, .ow = 2, .kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2
    };
    weft_kwindow wide = win;
    wide.ow = 3;
    emu_totals(&before, &switches);
    REFUSES(weft_launch_criterion,
            (weft_criterion_args){ .x = v, .target = v, .dx = v, .rows = 1, .c = 8, .loss = third });
    REFUSES(
        weft_launch_criterion,
        (weft_criterion_args){ .x = v, .target = narrow, .dx = v, .rows = 1, .c = 8, .loss = third, .scratch = other });
    REFUSES(weft_launch_criterion, (weft_criterion_args){ .kind = (weft_criterion)3,
                                                          .x = v,
                                                          .target = v,
                                                          .dx = v,
                                                          .rows = 1,
                                                          .c = 8,
                                                          .loss = third,
                                                          .scratch = other });
    REFUSES(weft_launch_hits,
            (weft_hits_args){ .labels = none, .x = v, .rows = 1, .c = 8, .hits = third, .scratch = other });
    REFUSES(
        weft_launch_hits,
        (weft_hits_args){ .dtype = WEFT_I32, .labels = v, .x = v, .rows = 1, .c = 8, .hits = third, .scratch = other });
    REFUSES(weft_launch_dropout, (weft_dropout_args){ .x = v, .y = v, .rows = 3, .c = 8 });
    REFUSES(weft_launch_dropout,
            (weft_dropout_args){ .x = v, .y = v, .rows = 3, .c = 8, .of_image = 2, .step = &step });
    REFUSES(weft_launch_pool2d_grad,
            (weft_pool2d_grad_args){ .kind = WEFT_POOL_MAX, .dy = v, .dx = v, .win = win, .c = 8 });
    REFUSES(weft_launch_pool2d_grad,
            (weft_pool2d_grad_args){ .kind = WEFT_POOL_AVG, .dy = v, .dx = v, .win = win, .c = 8, .residual = narrow });
    REFUSES(weft_launch_global_pool_grad,
            (weft_global_pool_grad_args){
                .kind = WEFT_POOL_MAX, .dy = v, .x = v, .dx = v, .n = 1, .pixels = 4, .c = 8, .residual = v });
    REFUSES(weft_launch_global_pool_grad, (weft_global_pool_grad_args){ .dtype = WEFT_F16,
                                                                        .dy_dtype = WEFT_BF16,
                                                                        .kind = WEFT_POOL_AVG,
                                                                        .dy = v,
                                                                        .dx = v,
                                                                        .n = 1,
                                                                        .pixels = 4,
                                                                        .c = 8 });
    REFUSES(weft_launch_lrn_grad, (weft_lrn_grad_args){ .dy = v, .x = v, .dx = v, .rows = 1, .c = 8, .reach = -1 });
    REFUSES(weft_launch_softmax_grad, (weft_softmax_grad_args){ .dy = v, .y = v, .dx = v, .rows = 0, .c = 8 });
    REFUSES(weft_launch_rbf_grad,
            (weft_rbf_grad_args){ .dy = v, .x = v, .centre = narrow, .dx = v, .n = 1, .c = 8, .k = 8 });
    REFUSES(weft_launch_subsample_dx, (weft_subsample_grad_args){ .dy = v, .dx = v, .win = win, .c = 8 });
    REFUSES(weft_launch_subsample_dx,
            (weft_subsample_grad_args){ .dy = v, .dx = v, .win = wide, .c = 8, .gain = other });
    REFUSES(weft_launch_subsample_dg,
            (weft_subsample_grad_args){ .dy = v, .x = v, .win = win, .c = 8, .dgain = third });
    emu_totals(&after, &switches);
    ck_assert_int_eq(before, after);
}
END_TEST

TCase *kernels_loss_case(void)
{
    TCase *tcase = tcase_create("loss");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, criteria, 0, KINDS * BATCHES);
    tcase_add_test(tcase, criteria_of_large_numbers);
    tcase_add_loop_test(tcase, hits, 0, 2 * BATCHES);
    tcase_add_loop_test(tcase, dropout, 0, (int)(sizeof dropped / sizeof *dropped));
    tcase_add_loop_test(tcase, maximum_over_large_windows, 0, DIRECT_TYPES);
    tcase_add_loop_test(tcase, global_maximum_of_floats, 0, 4);
    tcase_add_loop_test(tcase, subsampled, 0, 2 * DIRECT_TYPES);
    tcase_add_test(tcase, refusals_of_losses_and_gradients);
    return tcase;
}
