/* SPDX-License-Identifier: Apache-2.0
 *
 * The rule of weft-weights(5) against NumPy: the digests were printed by docs/examples/seeded_weights.py. Every kind of
 * parameter, whole and cut blocks of the generator, a seed of 64 bits, a gain, several threads. */
#include <stdlib.h>
#include <string.h>
#include <weft/weights.h>

#include "check/harness.h"

/* Seed 1 and gain 1; seed 2^64 - 1 and gain 1.125. */
static const struct draw {
    uint64_t seed;
    double gain;
} draws[2] = { { 1, 1 }, { UINT64_MAX, 1.125 } };

/* clang-format off */
static const struct row {
    const char *arch;
    weft_dialect dialect;
    const char *param;
    uint64_t digest[2];
} rows[] = {
    { "efficientnet-b0", WEFT_KERAS, "stem/conv2d/weight",
      { UINT64_C(0x00059410a76811c2), UINT64_C(0x0005e227e99b76bb) } },
    { "efficientnet-b0", WEFT_KERAS, "stem/batch_norm/gamma",
      { UINT64_C(0x000000fddc667fa6), UINT64_C(0x000000fe01acd8f1) } },
    { "efficientnet-b0", WEFT_KERAS, "stem/batch_norm/beta",
      { UINT64_C(0x000001b9854eb2cc), UINT64_C(0x000001d53277550d) } },
    { "efficientnet-b0", WEFT_KERAS, "stem/batch_norm/mean",
      { UINT64_C(0x00000202c2c98cc2), UINT64_C(0x000001ab51b0dd0b) } },
    { "efficientnet-b0", WEFT_KERAS, "stem/batch_norm/variance",
      { UINT64_C(0x000000fe0b37a2ed), UINT64_C(0x000000fdd0142b57) } },
    { "efficientnet-b0", WEFT_KERAS, "stage2.0/depthwise/conv2d/weight",
      { UINT64_C(0x0005a51d0ee49c36), UINT64_C(0x0005abee68071c11) } },
    { "efficientnet-b0", WEFT_KERAS, "stage2.0/se/reduce/bias",
      { UINT64_C(0x00000005d8d97584), UINT64_C(0x000000075a36190a) } },
    { "efficientnet-b0", WEFT_KERAS, "stage2.0/se/expand/bias",
      { UINT64_C(0x000008ff911f9529), UINT64_C(0x000008fe8a085a69) } },
    { "efficientnet-b0", WEFT_KERAS, "normalize/variance",
      { UINT64_C(0x000000023aa7072e), UINT64_C(0x000000023cbf480b) } },
    { "efficientnet-b0", WEFT_KERAS, "normalize/count",
      { UINT64_C(0x0000000000000000), UINT64_C(0x0000000000000000) } },
    { "efficientnet-b0", WEFT_KERAS, "head/dense/weight",
      { UINT64_C(0xf81fec2f8d650ea9), UINT64_C(0x05671ed17cff3d62) } },
    { "efficientnet-b0", WEFT_KERAS, "head/dense/bias",
      { UINT64_C(0x0007bbed5f4c8f7b), UINT64_C(0x000788c8626203a2) } },
    { "lenet5", WEFT_PAPER, "s2/gain",
      { UINT64_C(0x00000008c820ed6a), UINT64_C(0x00000008c97ba538) } },
    { "lenet5", WEFT_PAPER, "c3/weight",
      { UINT64_C(0x0010a7101c3a6961), UINT64_C(0x00113f1c5c4a12a6) } },
    { "lenet5", WEFT_PAPER, "rbf/centre",
      { UINT64_C(0x000514c6e8c0b4c9), UINT64_C(0x000577b852958b1b) } },
};
/* clang-format on */
enum { ROWS = sizeof rows / sizeof *rows };

/* Sum of the bits of element i times 2 i + 1, modulo 2^64. */
static uint64_t digest(const float *data, int64_t count)
{
    uint64_t sum = 0;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &data[i], sizeof bits);
        sum += bits * (2 * (uint64_t)i + 1);
    }
    return sum;
}

static void open_model(const struct row *row, weft_ctx **ctx, weft_model **model)
{
    weft_graph *graph;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 3 }, ctx));
    CHECK_OK(weft_arch_build(*ctx, row->arch, &(weft_arch_opt){ .dialect = row->dialect }, &graph));
    CHECK_OK(weft_model_create(*ctx, graph, NULL, model));
    weft_graph_destroy(graph);
}

static int64_t count_of(const weft_model *model, const char *name)
{
    for (int i = 0; i < weft_model_param_count(model); i++) {
        weft_param_info info;
        CHECK_OK(weft_model_param(model, i, &info));
        if (strcmp(info.name, name) == 0)
            return weft_shape_count(&info.shape);
    }
    ck_abort_msg("no parameter %s", name);
    return 0;
}

START_TEST(numpy_draws_the_same_bits)
{
    weft_ctx *ctx = NULL;
    weft_model *model = NULL;
    for (int i = 0; i < ROWS; i++) {
        if (i == 0 || strcmp(rows[i].arch, rows[i - 1].arch) != 0) {
            weft_model_destroy(model);
            weft_ctx_destroy(ctx);
            open_model(&rows[i], &ctx, &model);
            CHECK_OK(weft_model_seed_scaled(model, draws[_i].seed, draws[_i].gain));
        }
        const int64_t count = count_of(model, rows[i].param);
        float *data = malloc((size_t)count * sizeof *data);
        ck_assert_ptr_nonnull(data);
        CHECK_OK(weft_model_get_param(model, rows[i].param, data, count));
        const uint64_t is = digest(data, count), want = rows[i].digest[_i];
        ck_assert_msg(is == want, "%s of %s: digest %016llx, NumPy's is %016llx", rows[i].param, rows[i].arch,
                      (unsigned long long)is, (unsigned long long)want);
        free(data);
    }
    weft_model_destroy(model);
    weft_ctx_destroy(ctx);
}
END_TEST

START_TEST(numpy_draws_the_same_images)
{
    static const struct {
        int64_t n, h, w, c;
        uint64_t seed;
        double low, high;
        uint64_t digest;
    } images[] = {
        { 2, 23, 64, 3, 1, -1, 1, UINT64_C(0x0230cef918ca5609) },
        { 3, 8, 5, 1, 9, 0, 255, UINT64_C(0x00000eae5055a306) },
    };
    for (int i = 0; i < (int)(sizeof images / sizeof *images); i++) {
        const weft_shape shape = weft_shape_nhwc(images[i].n, images[i].h, images[i].w, images[i].c);
        float data[2 * 23 * 64 * 3];
        CHECK_OK(weft_seed_images(images[i].seed, &shape, images[i].low, images[i].high, data));
        ck_assert_uint_eq(digest(data, weft_shape_count(&shape)), images[i].digest);
    }
}
END_TEST

START_TEST(what_it_refuses)
{
    weft_ctx *ctx;
    weft_graph *graph;
    weft_model *model;
    const weft_shape vector = weft_shape_nc(1, 4);
    float data[4];
    CHECK_FAILS(WEFT_INVALID, weft_model_seed(NULL, 1), "NULL");
    CHECK_FAILS(WEFT_INVALID, weft_seed_images(1, &vector, 0, 1, data), "[1, 4]");
    CHECK_OK(weft_ctx_create(NULL, &ctx));
    CHECK_OK(weft_arch_build(ctx, "lenet5", NULL, &graph));
    CHECK_OK(weft_model_create(ctx, graph, &(weft_model_opt){ .plan_only = true }, &model));
    CHECK_FAILS(WEFT_INVALID, weft_model_seed(model, 1), "plan_only");
    weft_model_destroy(model);
    CHECK_OK(weft_model_create(ctx, graph, NULL, &model));
    CHECK_FAILS(WEFT_INVALID, weft_model_seed_scaled(model, 1, 0), "gain");
    weft_model_destroy(model);
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("graph_seed");
    TCase *tcase = tcase_create("seed");
    tcase_add_loop_test(tcase, numpy_draws_the_same_bits, 0, 2);
    tcase_add_test(tcase, numpy_draws_the_same_images);
    tcase_add_test(tcase, what_it_refuses);
    suite_add_tcase(suite, tcase);
    return check_main(suite, argv[0]);
}
