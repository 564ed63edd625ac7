/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole networks through the CUDA backend on doubles: the logits of every registry row at its smallest image, with
 * seeded weights, against the CPU's. Launch by launch, then captured, then (of the smaller networks) replayed: the same
 * bits; in 16 bits the larger are only launched.
 *
 *   cuda-networks PLUGIN GOLDEN [fp32|fp16|bf16 [large|small|NAME]]
 *
 * `small` are those of up to 40 million parameters, `large` the others: their deeper and wider variants. GOLDEN is
 * tests/arch/golden, whose files say by which gain the signals of a very deep network stay in bounds (with another, two
 * CPUs would not agree either). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/weft.h>

#include "arch/registry.h"
#include "check/harness.h"
#include "cuda/double/api.h"

enum { CLASSES = 40, REPLAYED_MACS = 1000000000, SMALL_PARAMS = 40000000 };

static const double_api *doubles;
static const char *golden, *only_precision, *only;

/* Relative L2 error of logits after up to 200 layers of numbers with so many bits. */
static const struct {
    weft_precision precision;
    double limit;
} precisions[] = {
    { WEFT_PRECISION_FP32, 2e-5 },
    { WEFT_PRECISION_FP16, 2e-2 },
    { WEFT_PRECISION_BF16, 2e-1 },
};

/* The gain that the network's golden file states, or another dialect's, or what keeps the deepest in bounds. */
static double gain_of(const weft_arch *arch)
{
    const weft_dialect dialects[] = { arch->dialect, WEFT_TORCH, WEFT_KERAS };
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++) {
        char path[1024];
        double gain;
        snprintf(path, sizeof path, "%s/%s.%s.txt", golden, arch->name, weft_dialect_name(dialects[i]));
        FILE *file = fopen(path, "r");
        if (!file)
            continue;
        const int read = fscanf(file, "network %*s %*s px %*d seed %*u gain %lf", &gain);
        fclose(file);
        ck_assert_msg(read == 1, "%s: its first line states no gain", path);
        return gain;
    }
    return .75;
}

static void run(const weft_arch_row *row, const weft_ctx_opt *how, float *logits, int runs)
{
    const weft_arch_opt net = { .dialect = row->arch.dialect, .px = row->min_px, .classes = CLASSES,
                                .no_softmax = true };
    const size_t pixels = (size_t)row->min_px * (size_t)row->min_px * (size_t)row->arch.channels;
    float *image = malloc(pixels * sizeof *image), last[CLASSES];
    weft_ctx *ctx = NULL;
    weft_graph *g = NULL;
    weft_model *model = NULL;
    ck_assert_ptr_nonnull(image);
    for (size_t i = 0; i < pixels; i++) /* as preprocessed, but for networks that do that themselves */
        image[i] = (float)((i * 2654435761u >> 8) % 1024) / 512.f - 1;
    CHECK_OK(weft_ctx_create(how, &ctx));
    CHECK_OK(weft_arch_build(ctx, row->arch.name, &net, &g));
    CHECK_OK(weft_model_create(ctx, g, NULL, &model));
    CHECK_OK(weft_model_seed_scaled(model, 1, gain_of(&row->arch)));
    CHECK_OK(weft_model_set_input(model, 0, image, pixels * sizeof *image));
    for (int i = 0; i < runs; i++) {
        CHECK_OK(weft_model_run(model));
        CHECK_OK(weft_model_get_output(model, 0, logits, sizeof last));
        if (i > 0)
            ck_assert_mem_eq(last, logits, sizeof last);
        memcpy(last, logits, sizeof last);
    }
    weft_model_destroy(model);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
    free(image);
}

static double distance(const float *a, const float *b)
{
    double difference = 0, size = 0;
    for (int i = 0; i < CLASSES; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(difference / size);
}

static bool is_asked_for(const weft_arch *arch)
{
    const bool small = arch->params <= SMALL_PARAMS;
    return !only || strcmp(only, arch->name) == 0 || strcmp(only, small ? "small" : "large") == 0;
}

START_TEST(networks_agree_with_the_cpu)
{
    const weft_arch_row *row = &weft_arch_rows[_i];
    float want[CLASSES], got[CLASSES];
    if (!is_asked_for(&row->arch))
        return;
    run(row, &(weft_ctx_opt){ .math = WEFT_MATH_STRICT }, want, 1);
    for (size_t k = 0; k < sizeof precisions / sizeof *precisions; k++) {
        const char *name = weft_precision_name(precisions[k].precision);
        if (only_precision && strcmp(only_precision, name) != 0)
            continue;
        doubles->reset();
        /* How runs are captured and replayed does not hang on the precision: once in 16 bits, which take long here. The
         * captured run launches its graph already; large networks do not replay it once more. */
        const bool small = row->arch.macs < REPLAYED_MACS;
        const int runs = small ? 3 : precisions[k].precision == WEFT_PRECISION_FP32 ? 2 : 1;
        run(row, &(weft_ctx_opt){ .device = "cuda", .precision = precisions[k].precision }, got, runs);
        const double error = distance(got, want);
        if (getenv("WEFT_TEST_VERBOSE"))
            printf("%-24s %-6s %-5s %.2e\n", row->arch.name, weft_dialect_name(row->arch.dialect), name, error);
        ck_assert_msg(error <= precisions[k].limit, "%s (%s) in %s: the logits are %.2e from the CPU's, %.0e allowed",
                      row->arch.name, weft_dialect_name(row->arch.dialect), name, error, precisions[k].limit);
        ck_assert_msg(doubles->complaint()[0] == '\0', "%s: %s", row->arch.name, doubles->complaint());
        ck_assert_int_eq(doubles->open_count(), 0);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cuda-networks");
    TCase *every = tcase_create("every network");
    tcase_add_loop_test(every, networks_agree_with_the_cpu, 0, weft_arch_row_count);
    suite_add_tcase(s, every);
    return s;
}

int main(int argc, char **argv)
{
    doubles = argc > 2 ? double_open(argv[1]) : NULL;
    if (!doubles) {
        fprintf(stderr, "usage: %s PLUGIN GOLDEN [PRECISION [large|small|NAME]]\n", argv[0]);
        return 2;
    }
    golden = argv[2];
    only_precision = argc > 3 ? argv[3] : NULL;
    only = argc > 4 ? argv[4] : NULL;
    return check_main(suite(), "cuda-networks PLUGIN GOLDEN");
}
