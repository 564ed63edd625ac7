/* SPDX-License-Identifier: Apache-2.0
 *
 * What the CUDA backend does when NVIDIA's libraries do not do what they should: engines that are not there, plans that
 * were built and do not run, captures that fail, a card that is lost. On doubles. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "small.h"

/* ---- libraries that have no plan ---- */

START_TEST(dense_layers_without_cudnn)
{
    float expected[MOST], got[MOST];
    want(&small_dense, expected);
    for (int k = 0; k < PRECISIONS; k++) {
        const weft_ctx_opt how = { .device = "cuda", .precision = precisions[k].precision };
        const fault bad = { .function = "cudnnBackendFinalize", .error = NOT_SUPPORTED };
        CHECK_OK(work(&how, &small_dense, NULL, &bad, got, NULL));
        compare(&small_dense, got, expected, precisions[k].limit, "cuBLASLt's and own kernels");
        ck_assert_int_eq(doubles->counts().plans, 0);
        ck_assert_int_gt(doubles->counts().products, 0);
        ck_assert_int_gt(doubles->counts().kernels, 0);
        finish();
        doubles->reset();
    }
}
END_TEST

/* Another engine takes it, or the pool that was to ride along goes alone. */
START_TEST(convolutions_without_some_plan)
{
    float expected[MOST], got[MOST];
    int apart = 0;
    want(&small_pooled, expected);
    for (int64_t nth = 1;; nth++) {
        const weft_ctx_opt how = { .device = "cuda", .precision = WEFT_PRECISION_FP16 };
        int64_t calls = 0;
        const fault bad = { "cudnnBackendFinalize", nth, NOT_SUPPORTED, &calls };
        weft_run_cost cost;
        doubles->reset();
        const weft_status status = work(&how, &small_pooled, NULL, &bad, got, &cost);
        CHECK_OK(status);
        compare(&small_pooled, got, expected, 1e-2, "a plan was refused");
        apart += cost.launches > 2;
        finish();
        if (calls < nth) {
            ck_assert_int_eq(cost.launches, 2);
            break;
        }
    }
    ck_assert_int_gt(apart, 0);
}
END_TEST

/* Every convolution, with or without a pool, and every product by an own kernel or cuBLASLt. */
START_TEST(convolutions_without_cudnn)
{
    static const network *const networks[] = { &small_pooled, &small_mixed };
    float expected[MOST], got[MOST];
    want(networks[_i], expected);
    for (int k = 0; k < PRECISIONS; k++) {
        const weft_ctx_opt how = { .device = "cuda", .precision = precisions[k].precision };
        const fault bad = { .function = "cudnnBackendFinalize", .error = NOT_SUPPORTED };
        CHECK_OK(work(&how, networks[_i], NULL, &bad, got, NULL));
        compare(networks[_i], got, expected, precisions[k].limit, "the direct kernel");
        ck_assert_int_eq(doubles->counts().plans, 0);
        finish();
        doubles->reset();
    }
}
END_TEST

/* ---- plans that do not run ---- */

START_TEST(a_plan_that_does_not_run_is_replaced)
{
    static const network *const networks[] = { &small_dense, &small_pooled, &small_mixed };
    float expected[MOST], got[MOST];
    want(networks[_i], expected);
    for (int64_t nth = 0; nth < 4; nth++) { /* 0: none ever runs, and own kernels are left */
        const fault bad = { "cudnnBackendExecute", nth, EXECUTION_FAILED, NULL };
        CHECK_OK(run_with(&half, networks[_i], &bad, got));
        compare(networks[_i], got, expected, 1e-2, "another engine");
        ck_assert(nth == 0 ? doubles->counts().plans == 0 : doubles->counts().plans > 0);
        finish();
        doubles->reset();
    }
}
END_TEST

/* Convolutions that sum for the norm behind them: other engines have no place for sums, so own kernels are left. */
START_TEST(sums_without_a_plan)
{
    static const fault bad[] = { { .function = "cudnnBackendFinalize", .error = NOT_SUPPORTED },
                                 { "cudnnBackendExecute", 0, EXECUTION_FAILED, NULL },
                                 { "cudnnBackendExecute", 2, EXECUTION_FAILED, NULL } };
    int cases = 0;
    for (int i = 0; i < weft_check_count(); i++) {
        weft_check_info info;
        weft_check_result r;
        weft_ctx *ctx;
        CHECK_OK(weft_check_case(i, &info));
        if (info.large || strcmp(info.op, "conv_norm") != 0)
            continue;
        CHECK_OK(weft_ctx_create(&half, &ctx));
        doubles->inject(bad[_i].function, bad[_i].nth, bad[_i].error);
        CHECK_OK(weft_check_run(ctx, i, 3, check_seed(), &r));
        ck_assert_msg(r.share <= 1, "%s: output %d, %.9g, %.9g expected", info.name, r.output, r.got, r.want);
        weft_ctx_destroy(ctx);
        finish();
        doubles->reset();
        cases++;
    }
    ck_assert_int_gt(cases, 5);
}
END_TEST

/* ---- products that cuBLASLt does not plan, or run ---- */

START_TEST(a_product_that_cublaslt_cannot_plan)
{
    static const char *const functions[] = { "none", "cublasLtMatmulAlgoGetHeuristic", "cublasLtMatmulDescCreate",
                                             "cublasLtMatmulDescSetAttribute", "cublasLtMatrixLayoutCreate",
                                             "cublasLtMatmulPreferenceSetAttribute" };
    float expected[MOST], got[MOST];
    const fault bad = { functions[_i], 0, INVALID_VALUE, NULL };
    weft_run_cost cost;
    doubles->card()->no_products = true;
    doubles->card()->nonsense = _i == 0;
    want(&small_dense, expected);
    CHECK_OK(work(&half, &small_dense, NULL, &bad, got, NULL));
    compare(&small_dense, got, expected, 1e-2, "own kernels");
    ck_assert_int_eq(doubles->counts().products, 0);
    ck_assert_int_eq(doubles->counts().plans, 0);
    finish();
    doubles->reset(); /* logits, for which cuBLASLt is asked first, are then cuDNN's */
    doubles->card()->nonsense = _i == 0;
    CHECK_OK(work(&half, &small_dense, NULL, &bad, got, &cost));
    compare(&small_dense, got, expected, 1e-2, "cuDNN's products");
    ck_assert_int_eq(doubles->counts().products, 0);
    ck_assert_int_eq(cost.plans, 5);
    finish();
}
END_TEST

/* In the first run, in the one that is recorded, always. */
START_TEST(a_product_that_cublaslt_does_not_run)
{
    static const int64_t calls[] = { 1, 3, 0 };
    float expected[MOST], got[MOST];
    const fault bad = { "cublasLtMatmul", calls[_i], INVALID_VALUE, NULL };
    doubles->card()->no_products = true;
    want(&small_dense, expected);
    CHECK_OK(run_with(&half, &small_dense, &bad, got));
    compare(&small_dense, got, expected, 1e-2, "own kernels");
    ck_assert(calls[_i] == 0 ? doubles->counts().products == 0 : doubles->counts().products > 0);
    finish();
}
END_TEST

/* ---- runs that cannot be recorded ---- */

static void count_message(void *user, weft_log_level level, const char *message)
{
    if (level == WEFT_LOG_WARN && strstr(message, "not recorded"))
        ++*(int *)user;
}

/* Wherever capturing fails, the same call gives the result, and says once that it was not recorded. */
START_TEST(a_capture_that_fails_goes_on_launch_by_launch)
{
    static const char *const functions[] = { "cudaStreamBeginCapture", "cudaStreamEndCapture", "cudaGraphInstantiate",
                                             "cudaGraphLaunch", "launch", "cudnnBackendExecute" };
    static const int64_t calls[] = { 1, 1, 1, 1, 9, 5 }; /* the last two: in the second run, packing being launches */
    float expected[MOST], got[MOST];
    int told = 0;
    want(&small_mixed, expected);
    const weft_ctx_opt how = { .device = "cuda", .precision = WEFT_PRECISION_FP16, .log = count_message,
                               .log_user = &told };
    const fault bad = { functions[_i], calls[_i], _i == 5 ? EXECUTION_FAILED : CAPTURE_FAILED, NULL };
    CHECK_OK(run_with(&how, &small_mixed, &bad, got));
    compare(&small_mixed, got, expected, 1e-2, "launch by launch");
    ck_assert_int_eq(told, 1);
    ck_assert_int_eq(doubles->counts().graph_launches, 0);
    finish();
}
END_TEST

/* A lost context is not cuDNN's fault: nothing is tried again, and the first sentence is kept. */
START_TEST(a_lost_card_is_said)
{
    float got[MOST];
    const fault bad = { "cudnnBackendExecute", 1, EXECUTION_FAILED, NULL };
    doubles->card()->lost = 700;
    ck_assert_int_eq(run_with(&half, &small_mixed, &bad, got), WEFT_INTERNAL);
    ck_assert_msg(strstr(weft_error(), "cudnnBackendExecute") != NULL, "%s", weft_error());
    ck_assert_int_eq(doubles->counts().plans, 0);
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cuda-rescue");
    TCase *ways = tcase_create("ways");
    tcase_add_checked_fixture(ways, start, NULL);
    tcase_add_test(ways, dense_layers_without_cudnn);
    tcase_add_test(ways, convolutions_without_some_plan);
    tcase_add_loop_test(ways, convolutions_without_cudnn, 0, 2);
    tcase_add_loop_test(ways, a_plan_that_does_not_run_is_replaced, 0, 3);
    tcase_add_loop_test(ways, sums_without_a_plan, 0, 3);
    tcase_add_loop_test(ways, a_capture_that_fails_goes_on_launch_by_launch, 0, 6);
    tcase_add_loop_test(ways, a_product_that_cublaslt_cannot_plan, 0, 6);
    tcase_add_loop_test(ways, a_product_that_cublaslt_does_not_run, 0, 3);
    tcase_add_test(ways, a_lost_card_is_said);
    suite_add_tcase(s, ways);
    return s;
}

int main(int argc, char **argv)
{
    setenv("WEFT_CUDA_WITH", "pool", 1); /* a form that the others' plans do not have */
    return small_main(argc, argv, suite, "cuda-rescue PLUGIN");
}
