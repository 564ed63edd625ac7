/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole steps of training on the CUDA backend's doubles against the CPU's: small networks of every kind of layer, ten
 * steps of the same batches from the same start, in every precision. Then the same ten steps without recordings: as
 * they are launched one by one, captured, and replayed, they must leave the same bits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/weft.h>

#include "base/rng.h"
#include "check/harness.h"
#include "cuda/double/api.h"

enum { STEPS = 10, BATCH = 4, CLASSES = 10, MOST_PIXELS = BATCH * 32 * 32, CAPTURE_FAILED = 900 };

static const double_api *doubles;

/* ---- networks ---- */

static weft_var conv_norm(weft_graph *g, weft_var x, const char *name, int out, int kernel, int stride)
{
    weft_scope_push(g, "%s", name);
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .out = out, .kernel = kernel, .stride = stride });
    x = weft_batch_norm(g, x, NULL);
    weft_scope_pop(g);
    return x;
}

/* He et al. 2015: two units, of which the second halves the image. */
static weft_var residual_units(weft_graph *g, weft_var x)
{
    x = weft_relu(g, conv_norm(g, x, "stem", 8, 3, 1));
    x = weft_max_pool2d(g, x, &(weft_pool2d_opt){ .kernel = 3, .stride = 2 });
    weft_var y = weft_relu(g, conv_norm(g, x, "a1", 8, 3, 1));
    x = weft_relu(g, weft_add(g, x, conv_norm(g, y, "a2", 8, 3, 1)));
    y = weft_relu(g, conv_norm(g, x, "b1", 16, 3, 2));
    y = conv_norm(g, y, "b2", 16, 3, 1);
    return weft_relu(g, weft_add(g, conv_norm(g, x, "shortcut", 16, 1, 2), y));
}

/* Tan and Le 2019: expansion, depthwise convolution, excitation, projection, a path that drops. */
static weft_var mobile_units(weft_graph *g, weft_var x)
{
    x = weft_swish(g, conv_norm(g, x, "stem", 8, 3, 2));
    weft_var y = weft_swish(g, conv_norm(g, x, "expand", 16, 1, 1));
    y = weft_conv2d(g, y, &(weft_conv2d_opt){ .name = "depthwise", .kernel = 3, .groups = 16 });
    y = weft_swish(g, weft_batch_norm(g, y, &(weft_batch_norm_opt){ .name = "norm" }));
    y = weft_squeeze_excite(g, y, &(weft_squeeze_excite_opt){ .name = "excite", .reduced = 4 });
    y = weft_drop_path(g, conv_norm(g, y, "project", 8, 1, 1), .2);
    return weft_add(g, x, y);
}

static void small(weft_graph *g, weft_var (*units)(weft_graph *g, weft_var x), double dropped)
{
    const weft_shape shape = weft_shape_nhwc(BATCH, 16, 16, 3);
    weft_var x = weft_global_avg_pool2d(g, units(g, weft_input(g, "images", &shape)));
    if (dropped > 0)
        x = weft_dropout(g, x, dropped);
    x = weft_dense(g, x, &(weft_dense_opt){ .name = "classes", .out = CLASSES });
    weft_output(g, weft_softmax(g, x), "probabilities");
}

/* How a network is trained. */
/* clang-format off */
static const struct network {
    const char *name;
    weft_dialect lenet; /* 0: one of the small ones */
    weft_var (*units)(weft_graph *g, weft_var x);
    double dropped;
    int px, channels;
    double lr;
    weft_train_opt opt;
} networks[] = {
    { .name = "lenet5 as published", .lenet = WEFT_PAPER, .px = 32, .channels = 1, .lr = 5e-3,
      .opt = { .loss = WEFT_LOSS_RBF, .seed = 3 } },
    { .name = "lenet5 with softmax", .lenet = WEFT_KERAS, .px = 32, .channels = 1, .lr = .1,
      .opt = { .optimizer = { .momentum = .9 }, .seed = 3 } },
    { .name = "residual units", .units = residual_units, .px = 16, .channels = 3, .lr = .05,
      .opt = { .optimizer = { .momentum = .9, .nesterov = true, .decay = 1e-4 }, .smoothing = .1, .seed = 3 } },
    { .name = "mobile units", .units = mobile_units, .dropped = .2, .px = 16, .channels = 3, .lr = .01,
      .opt = { .optimizer = { .kind = WEFT_RMSPROP, .momentum = .9, .decay = 1e-5 }, .ema = .99, .seed = 3 } },
};
/* clang-format on */

static weft_graph *build(weft_ctx *ctx, const struct network *n)
{
    weft_graph *g = NULL;
    if (n->lenet != 0) {
        CHECK_OK(weft_arch_build(ctx, "lenet5", &(weft_arch_opt){ .dialect = n->lenet, .batch = BATCH }, &g));
        return g;
    }
    CHECK_OK(weft_graph_create(ctx, &g));
    small(g, n->units, n->dropped);
    CHECK_OK(weft_graph_status(g));
    return g;
}

/* A pattern for each class, with noise that no two steps share. */
static void draw(const struct network *n, int step, float *images, int32_t *labels)
{
    const uint64_t pattern = weft_rng_stream("step/pattern"), noise = weft_rng_stream("step/noise");
    const int each = n->px * n->px * n->channels;
    for (int i = 0; i < BATCH; i++) {
        labels[i] = (step * BATCH + i) % 3;
        for (int p = 0; p < each; p++) {
            const uint64_t at = (uint64_t)(((step * BATCH) + i) * each + p);
            images[i * each + p] = (float)(weft_rng_uniform(1, pattern, (uint64_t)(labels[i] * each + p)) * 2 - 1 +
                                           (weft_rng_uniform(1, noise, at) - .5) / 2);
        }
    }
}

/* ---- steps ---- */

typedef struct run {
    weft_step_result step[STEPS];
    float *state; /* all that the store has after them, one behind the other; free() */
    size_t bytes;
} run;

/* Every parameter, statistic and moment. */
static void keep_state(weft_trainer *trainer, run *out)
{
    weft_store *store = weft_trainer_store(trainer);
    for (int pass = 0; pass < 2; pass++) {
        size_t count = 0;
        for (int i = 0; i < weft_store_count(store); i++) {
            weft_param_info info;
            CHECK_OK(weft_store_param(store, i, &info));
            const int64_t each = weft_shape_count(&info.shape);
            if (pass == 1)
                CHECK_OK(weft_store_get(store, info.name, out->state + count, each));
            count += (size_t)each;
        }
        if (pass == 0) {
            out->bytes = count * sizeof *out->state;
            out->state = malloc(out->bytes);
            ck_assert_ptr_nonnull(out->state);
        }
    }
}

static void train(const struct network *n, const weft_ctx_opt *how, run *out)
{
    static float images[MOST_PIXELS * 3];
    int32_t labels[BATCH];
    weft_ctx *ctx = NULL;
    weft_trainer *trainer = NULL;
    CHECK_OK(weft_ctx_create(how, &ctx));
    weft_graph *g = build(ctx, n);
    CHECK_OK(weft_trainer_create(ctx, g, &n->opt, &trainer));
    for (int step = 0; step < STEPS; step++) {
        draw(n, step, images, labels);
        CHECK_OK(weft_trainer_step(trainer, &(weft_batch){ .images = images, .labels = labels }, n->lr,
                                   &out->step[step]));
        ck_assert_msg(out->step[step].finite && out->step[step].updated, "%s: step %d went wrong", n->name, step);
    }
    keep_state(trainer, out);
    weft_trainer_destroy(trainer);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
}

/* As recorded; or, where captures fail, launch by launch. */
static void train_on_double(const struct network *n, weft_precision precision, bool recorded, run *out)
{
    doubles->reset();
    if (!recorded)
        doubles->inject("cudaStreamBeginCapture", 1, CAPTURE_FAILED);
    const weft_ctx_opt how = { .device = "cuda", .precision = precision, .threads = 1 };
    train(n, &how, out);
    ck_assert_int_eq(doubles->counts().graph_launches, recorded ? STEPS - 1 : 0);
    ck_assert_msg(doubles->complaint()[0] == '\0', "%s: %s", n->name, doubles->complaint());
    ck_assert_int_eq(doubles->open_count(), 0);
    ck_assert_uint_eq(doubles->memory_used(), 0);
}

static double mean_loss(const run *r, int first)
{
    double sum = 0;
    for (int step = first; step < first + 3; step++)
        sum += r->step[step].loss / 3;
    return sum;
}

static void compare(const struct network *n, const char *precision, double limit, const run *got, const run *want)
{
    double most = 0;
    for (int step = 0; step < STEPS; step++) {
        const double is = got->step[step].loss, was = want->step[step].loss;
        most = fmax(most, fabs(is - was) / fabs(was));
        ck_assert_msg(fabs(is - was) <= limit * fabs(was), "%s in %s: the loss of step %d is %.9g, %.9g on the CPU",
                      n->name, precision, step, is, was);
    }
    ck_assert_msg(mean_loss(got, STEPS - 3) < mean_loss(got, 0), "%s in %s: the loss does not fall", n->name,
                  precision);
    if (getenv("WEFT_TEST_VERBOSE"))
        printf("%-20s %-5s losses %.4g to %.4g, at most %.2e from the CPU's\n", n->name, precision, mean_loss(got, 0),
               mean_loss(got, STEPS - 3), most);
}

static void expect_same(const struct network *n, const char *precision, const run *a, const run *b)
{
    for (int step = 0; step < STEPS; step++)
        ck_assert_msg(a->step[step].loss == b->step[step].loss &&
                          a->step[step].gradient_norm == b->step[step].gradient_norm &&
                          a->step[step].top1 == b->step[step].top1,
                      "%s in %s: step %d gives other bits launch by launch", n->name, precision, step);
    ck_assert_uint_eq(a->bytes, b->bytes);
    ck_assert_msg(memcmp(a->state, b->state, a->bytes) == 0, "%s in %s: parameters have other bits launch by launch",
                  n->name, precision);
}

/* How far losses may be from the CPU's, relative, after ten steps of numbers with so many bits. (tf32 is fp32 here.) */
static const struct {
    weft_precision precision;
    double limit;
} precisions[] = {
    { WEFT_PRECISION_FP32, 1e-4 },
    { WEFT_PRECISION_FP16, 2e-2 },
    { WEFT_PRECISION_BF16, 5e-2 },
};
enum { PRECISIONS = sizeof precisions / sizeof *precisions, NETWORKS = sizeof networks / sizeof *networks };

START_TEST(steps_agree_with_the_cpu)
{
    const struct network *n = &networks[_i / PRECISIONS];
    const weft_precision precision = precisions[_i % PRECISIONS].precision;
    const char *name = weft_precision_name(precision);
    run want = { .bytes = 0 }, got = { .bytes = 0 }, plain = { .bytes = 0 };
    train_on_double(n, precision, true, &got);
    train(n, &(weft_ctx_opt){ .device = "cpu", .threads = 1 }, &want);
    compare(n, name, precisions[_i % PRECISIONS].limit, &got, &want);
    train_on_double(n, precision, false, &plain);
    expect_same(n, name, &got, &plain);
    free(want.state);
    free(got.state);
    free(plain.state);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cuda-step");
    TCase *steps = tcase_create("steps");
    tcase_set_timeout(steps, 0);
    tcase_add_loop_test(steps, steps_agree_with_the_cpu, 0, NETWORKS * PRECISIONS);
    suite_add_tcase(s, steps);
    return s;
}

int main(int argc, char **argv)
{
    doubles = argc > 1 ? double_open(argv[1]) : NULL;
    if (!doubles) {
        fprintf(stderr, "usage: %s PLUGIN\n", argv[0]);
        return 2;
    }
    return check_main(suite(), "cuda-step PLUGIN");
}
