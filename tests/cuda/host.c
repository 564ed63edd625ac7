/* SPDX-License-Identifier: Apache-2.0
 *
 * The ways of the CUDA backend's host code that a working card with enough memory never takes: copies that nothing can
 * do without, too little memory on either side, a plug-in of another version. On doubles; backend.c has the ops and the
 * failing calls, rescue.c what is done about them, kept.c the plans on disk. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/plugin.h"
#include "small.h"

static const char *plugin_path;

START_TEST(copies_are_counted)
{
    float expected[MOST], got[MOST];
    weft_run_cost cost;
    want(&small_copies, expected);
    const weft_ctx_opt how = { .device = "cuda", .precision = WEFT_PRECISION_FP32 };
    CHECK_OK(work(&how, &small_copies, &(weft_model_opt){ .no_fusion = true }, NULL, got, &cost));
    compare(&small_copies, got, expected, 0, "copies");
    ck_assert_int_ge(cost.copies, 5); /* three slices, padding, cropping; the rest may be done in place */
    finish();
}
END_TEST

/* ---- memory ---- */

START_TEST(the_batch_that_fits_does)
{
    const weft_ctx_opt how = { .device = "cuda", .precision = WEFT_PRECISION_FP32 };
    float got[MOST];
    weft_ctx *ctx = NULL;
    weft_graph *g = NULL;
    weft_model *model = NULL;
    long long batch = 0;
    doubles->card()->memory = 200000;
    CHECK_OK(weft_ctx_create(&how, &ctx));
    CHECK_OK(build(ctx, &small_mixed, &g));
    CHECK_FAILS(WEFT_NO_MEMORY, weft_model_create(ctx, g, &(weft_model_opt){ .batch = 64 }, &model), "are needed");
    ck_assert_ptr_nonnull(strstr(weft_error(), "free"));
    const char *said = strstr(weft_error(), "there is room for batch ");
    ck_assert_msg(said && sscanf(said, "there is room for batch %lld", &batch) == 1, "%s", weft_error());
    ck_assert_int_gt(batch, 0);
    ck_assert_int_lt(batch, 64);
    CHECK_OK(weft_model_create(ctx, g, &(weft_model_opt){ .batch = batch }, &model));
    weft_model_destroy(model);
    doubles->card()->memory = 3000;
    CHECK_FAILS(WEFT_NO_MEMORY, weft_model_create(ctx, g, NULL, &model), "too much for any batch");
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
    finish();
    doubles->reset();
    CHECK_OK(work(&how, &small_mixed, NULL, NULL, got, NULL));
}
END_TEST

/* Host memory, of which the nth request is refused. */
typedef struct purse {
    int64_t calls, nth, live;
} purse;

static void *purse_alloc(void *user, size_t size, size_t align)
{
    purse *p = user;
    if (++p->calls == p->nth)
        return NULL;
    void *ptr = aligned_alloc(align < 16 ? 16 : align, (size + 255) / 256 * 256);
    p->live += ptr != NULL;
    return ptr;
}

static void purse_free(void *user, void *ptr)
{
    ((purse *)user)->live -= ptr != NULL;
    free(ptr);
}

START_TEST(every_refused_request_for_host_memory_is_survived)
{
    static const char *const targets[] = { NULL, "h100" };
    for (int64_t nth = 1;; nth++) {
        float got[MOST];
        purse p = { .nth = nth };
        const weft_ctx_opt how = { .device = "cuda", .precision = WEFT_PRECISION_FP16, .threads = 1,
                                   .target = targets[_i], .allocator = { purse_alloc, purse_free, &p } };
        doubles->reset();
        const weft_status status = work(&how, &small_mixed, NULL, NULL, got, NULL);
        ck_assert_int_eq(p.live, 0);
        finish();
        if (p.calls < nth) {
            CHECK_OK(status);
            break;
        }
        ck_assert_msg(status == WEFT_OK || status == WEFT_NO_MEMORY, "request %lld: %s", (long long)nth, weft_error());
    }
}
END_TEST

/* ---- plans that are built ahead ---- */

/* Each distinct graph once, whatever the threads; side by side where there are some. */
START_TEST(plans_are_built_side_by_side)
{
    float got[MOST], expected[MOST];
    int64_t built = 0;
    want(&small_mixed, expected);
    for (int threads = 1; threads <= 4; threads += 3) {
        const weft_ctx_opt how = { .device = "cuda", .precision = WEFT_PRECISION_FP16, .threads = threads };
        doubles->reset();
        doubles->card()->company = threads == 1 ? 1 : 2;
        CHECK_OK(work(&how, &small_mixed, NULL, NULL, got, NULL));
        compare(&small_mixed, got, expected, 1e-2, "built ahead");
        ck_assert(threads == 1 ? doubles->counts().together == 1 : doubles->counts().together > 1);
        ck_assert(threads == 1 || doubles->counts().built == built);
        built = doubles->counts().built;
        finish();
    }
    ck_assert_int_eq(built, 2); /* a convolution, a product by 1x1; logits are cuBLASLt's, images weft's own */
}
END_TEST

/* ---- forms that can be chosen ---- */

START_TEST(forms_can_be_chosen)
{
    weft_ctx *ctx = NULL;
    weft_run_cost all, cost;
    float got[MOST], expected[MOST];
    want(&small_mixed, expected);
    CHECK_OK(work(&half, &small_mixed, NULL, NULL, NULL, &all));
    setenv("WEFT_CUDA_WITH", "pool", 1);
    CHECK_OK(work(&half, &small_mixed, NULL, NULL, got, &cost));
    compare(&small_mixed, got, expected, 1e-2, "with pools in plans");
    ck_assert_int_eq(cost.launches, all.launches - 2);
    unsetenv("WEFT_CUDA_WITH");
    doubles->reset();
    setenv("WEFT_CUDA_NO", "join,dnn-product,compose", 1);
    want(&small_dense, expected);
    CHECK_OK(work(&half, &small_dense, NULL, NULL, got, &cost));
    compare(&small_dense, got, expected, 1e-2, "without cuDNN's products");
    ck_assert_int_eq(doubles->counts().plans, 0);
    ck_assert_int_gt(doubles->counts().products, 0);
    setenv("WEFT_CUDA_NO", "pool,pools", 1);
    CHECK_FAILS(WEFT_INVALID, weft_ctx_create(&half, &ctx), "WEFT_CUDA_NO: 'pools' is not one of pool, join");
    unsetenv("WEFT_CUDA_NO");
    finish();
}
END_TEST

/* Logits are floats of halves: for cuDNN to compile, for cuBLASLt not. Either may be had, whichever is the first. */
START_TEST(logits_are_made_without_compiling)
{
    static const struct {
        const char *without;
        weft_precision precision;
        int plans; /* of five dense layers */
        bool products;
        double limit;
    } rows[] = {
        { "tuned", WEFT_PRECISION_FP16, 4, true, 1e-2 },       { "tuned", WEFT_PRECISION_BF16, 4, true, 8e-2 },
        { "logits", WEFT_PRECISION_FP16, 5, false, 1e-2 },     { "tuned", WEFT_PRECISION_TF32, 5, false, 1e-2 },
        { "dnn-product", WEFT_PRECISION_FP16, 0, true, 1e-2 },
    };
    float got[MOST], expected[MOST];
    weft_run_cost cost;
    want(&small_dense, expected);
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        const weft_ctx_opt how = { .device = "cuda", .precision = rows[i].precision };
        setenv("WEFT_CUDA_NO", rows[i].without, 1);
        CHECK_OK(work(&how, &small_dense, NULL, NULL, got, &cost));
        compare(&small_dense, got, expected, rows[i].limit, rows[i].without);
        ck_assert_int_eq(cost.plans, rows[i].plans);
        ck_assert_int_eq(doubles->counts().products > 0, rows[i].products);
        unsetenv("WEFT_CUDA_NO");
        finish();
        doubles->reset();
    }
}
END_TEST

/* ---- the report ---- */

static weft_run_cost cost_of(const network *n, weft_precision precision, const char *target)
{
    const weft_ctx_opt how = { .device = "cuda", .precision = precision, .target = target };
    weft_run_cost cost;
    CHECK_OK(work(&how, n, &(weft_model_opt){ .plan_only = target != NULL }, NULL, NULL, &cost));
    return cost;
}

/* What is counted without a card is what the card runs: who computes a layer is decided once, pools inside or not. */
START_TEST(what_is_planned_is_what_runs)
{
    static const network *const networks[] = { &small_dense, &small_pooled, &small_inexact, &small_mixed };
    for (int with_pool = 0; with_pool < 2; with_pool++) {
        if (with_pool)
            setenv("WEFT_CUDA_WITH", "pool", 1);
        for (int k = 0; k < PRECISIONS; k++) {
            const weft_run_cost planned = cost_of(networks[_i], precisions[k].precision, "h100");
            const weft_run_cost built = cost_of(networks[_i], precisions[k].precision, NULL);
            ck_assert_int_eq(planned.plans, built.plans);
            ck_assert_int_eq(planned.launches, built.launches);
            ck_assert(planned.tensor_core == built.tensor_core && planned.core == built.core);
            ck_assert(planned.read == built.read && planned.written == built.written);
        }
        unsetenv("WEFT_CUDA_WITH");
    }
    finish();
}
END_TEST

/* In strict fp32 weft's own kernels and cuBLASLt take what cuDNN rounds. */
START_TEST(strict_fp32_plans_only_what_cudnn_does_exactly)
{
    ck_assert_int_eq(cost_of(&small_inexact, WEFT_PRECISION_FP32, "h100").plans, 0);
    ck_assert_int_eq(cost_of(&small_inexact, WEFT_PRECISION_TF32, "h100").plans, 3);
    ck_assert_int_eq(cost_of(&small_dense, WEFT_PRECISION_FP32, "h100").plans, 0);
    finish();
}
END_TEST

/* ---- threads ---- */

static void *run_elsewhere(void *model)
{
    static float in[2 * MIXED_SIDE * MIXED_SIDE * 3], out[2 * 10];
    weft_status status = weft_model_set_input(model, 0, in, sizeof in);
    for (int run = 0; !status && run < 3; run++)
        status = weft_model_run(model);
    if (!status)
        status = weft_model_get_output(model, 0, out, sizeof out);
    return status ? "failed" : NULL;
}

/* The current card is a fact of a thread: a model on the second runs, is read and is freed in any. */
START_TEST(a_model_runs_on_its_card_in_any_thread)
{
    const weft_ctx_opt how = { .device = "cuda:1", .precision = WEFT_PRECISION_FP16 };
    weft_ctx *ctx = NULL;
    weft_graph *g = NULL;
    weft_model *model = NULL;
    doubles->card()->devices = 2;
    doubles->card()->only = 1;
    CHECK_OK(weft_ctx_create(&how, &ctx));
    CHECK_OK(build(ctx, &small_mixed, &g));
    CHECK_OK(weft_model_create(ctx, g, NULL, &model));
    CHECK_OK(weft_model_seed(model, 1));
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        void *failed = NULL;
        ck_assert_int_eq(pthread_create(&thread, NULL, run_elsewhere, model), 0);
        ck_assert_int_eq(pthread_join(thread, &failed), 0);
        ck_assert_ptr_null(failed);
    }
    weft_model_destroy(model);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
    finish();
}
END_TEST

/* Results are read through pinned memory, which is asked for once. */
START_TEST(pinned_memory_is_used_again)
{
    weft_ctx *ctx = NULL;
    weft_graph *g = NULL;
    weft_model *model = NULL;
    float out[2 * 10];
    CHECK_OK(weft_ctx_create(&half, &ctx));
    CHECK_OK(build(ctx, &small_mixed, &g));
    CHECK_OK(weft_model_create(ctx, g, NULL, &model));
    CHECK_OK(weft_model_seed(model, 1));
    CHECK_OK(weft_model_run(model));
    CHECK_OK(weft_model_get_output(model, 0, out, sizeof out));
    doubles->inject("cudaHostAlloc", 0, 2);
    for (int i = 0; i < 3; i++)
        CHECK_OK(weft_model_get_output(model, 0, out, sizeof out));
    ck_assert_int_eq(doubles->fault_calls(), 0);
    doubles->inject("none", 1, 0);
    weft_model_destroy(model);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
    finish();
}
END_TEST

/* Ten runs send what one does, and the same again when the input was set again: with a lane or without. */
START_TEST(inputs_stay_where_they_are)
{
    const weft_model_opt opt = { .resident = true, .ahead = _i == 1 };
    weft_ctx *ctx = NULL;
    weft_graph *g = NULL;
    weft_model *model = NULL;
    weft_port_info port;
    int64_t sent[2];
    CHECK_OK(weft_ctx_create(&half, &ctx));
    CHECK_OK(build(ctx, &small_mixed, &g));
    CHECK_OK(weft_model_create(ctx, g, &opt, &model));
    CHECK_OK(weft_model_seed(model, 1));
    CHECK_OK(weft_model_commit(model));
    CHECK_OK(weft_model_input(model, 0, &port));
    float *const data = calloc((size_t)weft_shape_count(&port.shape), sizeof *data);
    ck_assert_ptr_nonnull(data);
    for (int again = 0; again < 2; again++) {
        const int64_t before = doubles->counts().uploaded;
        CHECK_OK(weft_model_set_input(model, 0, data, (size_t)weft_shape_count(&port.shape) * sizeof *data));
        CHECK_OK(weft_model_run(model));
        sent[again] = doubles->counts().uploaded - before;
        for (int i = 0; i < 9; i++)
            CHECK_OK(weft_model_run(model));
        ck_assert_int_eq(doubles->counts().uploaded - before, sent[again]);
    }
    ck_assert_int_ge(sent[0], weft_shape_count(&port.shape) * 2);
    ck_assert_int_eq(sent[0], sent[1]);
    free(data);
    weft_model_destroy(model);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
    finish();
}
END_TEST

/* ---- the plug-in ---- */

START_TEST(a_plug_in_of_another_version_is_refused)
{
    void *library = dlopen(plugin_path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "weft_plugin_entry") : NULL;
    weft_plugin_fn entry = NULL;
    ck_assert_ptr_nonnull(symbol);
    memcpy(&entry, &symbol, sizeof entry);
    ck_assert_ptr_null(entry(NULL));
    ck_assert_ptr_null(entry(&(weft_lent){ .version = WEFT_PLUGIN_VERSION + 1 }));
    ck_assert_ptr_null(entry(&(weft_lent){ .version = WEFT_PLUGIN_VERSION })); /* structs of other sizes */
    dlclose(library);
}
END_TEST

START_TEST(pieces_and_cards_are_described)
{
    weft_ctx *ctx = NULL;
    weft_device_piece piece[32];
    const weft_ctx_opt t4 = { .device = "cuda", .precision = WEFT_PRECISION_BF16 };
    int cuda = 0;
    weft_device_info info;
    while (weft_device_get(cuda, &info) == WEFT_OK && strcmp(info.name, "cuda") != 0)
        cuda++;
    ck_assert_msg(info.available, "%s", info.missing);
    ck_assert_str_eq(info.description, "Double 9.0");
    ck_assert_uint_eq(info.memory, (size_t)80 << 30);
    ck_assert_int_gt(weft_device_pieces(cuda, piece, 32), 3);
    doubles->card()->devices = 0;
    CHECK_OK(weft_device_get(cuda, &info));
    ck_assert(!info.available && info.missing[0]);
    CHECK_FAILS(WEFT_NO_DEVICE, weft_ctx_create(&(weft_ctx_opt){ .device = "cuda" }, &ctx), "GPU");
    doubles->reset();
    doubles->card()->major = 7;
    doubles->card()->minor = 5;
    CHECK_FAILS(WEFT_INVALID, weft_ctx_create(&t4, &ctx), "does not compute in bf16");
    doubles->card()->major = 13; /* a card that came later */
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .device = "cuda" }, &ctx));
    weft_ctx_destroy(ctx);
    CHECK_FAILS(WEFT_NO_DEVICE, weft_ctx_create(&(weft_ctx_opt){ .device = "cuda:3" }, &ctx), "no CUDA device 3");
    finish();
}
END_TEST

/* The roof is that of the card's own memory, not of the first card with its multiprocessors. */
START_TEST(bandwidth_is_the_cards_own)
{
    weft_run_cost cost;
    doubles->card()->memory_khz = 3201000;
    doubles->card()->bus_bits = 6144;
    CHECK_OK(work(&half, &small_mixed, NULL, NULL, NULL, &cost));
    ck_assert_double_eq_tol(cost.bandwidth, 4.917e12, 1e9);
    doubles->card()->bus_bits = 0; /* it does not say */
    CHECK_OK(work(&half, &small_mixed, NULL, NULL, NULL, &cost));
    ck_assert_double_eq_tol(cost.bandwidth, 3.35e12, 1e9);
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cuda-host");
    TCase *ways = tcase_create("ways");
    tcase_add_checked_fixture(ways, start, NULL);
    tcase_add_test(ways, copies_are_counted);
    tcase_add_test(ways, the_batch_that_fits_does);
    tcase_add_loop_test(ways, every_refused_request_for_host_memory_is_survived, 0, 2);
    tcase_add_test(ways, a_plug_in_of_another_version_is_refused);
    tcase_add_test(ways, pieces_and_cards_are_described);
    tcase_add_test(ways, bandwidth_is_the_cards_own);
    tcase_add_test(ways, plans_are_built_side_by_side);
    tcase_add_test(ways, forms_can_be_chosen);
    tcase_add_test(ways, logits_are_made_without_compiling);
    tcase_add_loop_test(ways, what_is_planned_is_what_runs, 0, 4);
    tcase_add_test(ways, strict_fp32_plans_only_what_cudnn_does_exactly);
    tcase_add_test(ways, a_model_runs_on_its_card_in_any_thread);
    tcase_add_test(ways, pinned_memory_is_used_again);
    tcase_add_loop_test(ways, inputs_stay_where_they_are, 0, 2);
    suite_add_tcase(s, ways);
    return s;
}

int main(int argc, char **argv)
{
    plugin_path = argc > 1 ? argv[1] : NULL;
    return small_main(argc, argv, suite, "cuda-host PLUGIN");
}
