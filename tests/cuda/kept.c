/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans on disk: kept and found again, for whom they hold, planned without a card, and found by tuning. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "small.h"

#if defined(__SANITIZE_ADDRESS__) /* the emulator takes long then */
enum { FAULTS = 1 };
#else
enum { FAULTS = 3 };
#endif

static char folder[64];

static void fresh_folder(void)
{
    doubles->reset();
    strcpy(folder, "/tmp/weft-kept-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* Calls each with every file of the cache; returns how many there are. */
static int each_plan(void (*each)(const char *path))
{
    char path[512], inside[128];
    int count = 0;
    snprintf(inside, sizeof inside, "%s/deep/down/weft", folder);
    DIR *dir = opendir(inside);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", inside, e->d_name);
        if (each)
            each(path);
        count++;
    }
    if (dir)
        closedir(dir);
    return count;
}

static void cut(const char *path)
{
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(truncate(path, st.st_size / 2), 0);
}

static void spoil(const char *path)
{
    const int fd = open(path, O_WRONLY);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, "?", 1, 150), 1);
    close(fd);
}

static void drop(const char *path)
{
    unlink(path);
}

START_TEST(plans_come_from_the_cache)
{
    static void (*const harms[])(const char *) = { NULL, cut, spoil, drop };
    const weft_ctx_opt how = { .device = "cuda", .precision = WEFT_PRECISION_FP16 };
    float expected[MOST], got[MOST];
    char base[128];
    snprintf(base, sizeof base, "%s/deep/down", folder);
    setenv("XDG_CACHE_HOME", base, 1);
    want(&small_mixed, expected);
    CHECK_OK(work(&how, &small_mixed, NULL, NULL, got, NULL));
    const int plans = each_plan(NULL);
    ck_assert_int_gt(plans, 1);
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++) {
        each_plan(harms[i]);
        CHECK_OK(work(&how, &small_mixed, NULL, NULL, got, NULL));
        compare(&small_mixed, got, expected, 1e-2, "from the cache");
        ck_assert_int_eq(each_plan(NULL), plans);
        finish();
    }
    each_plan(drop);
    setenv("XDG_CACHE_HOME", "/dev/null", 1); /* not a folder: no cache, and no error */
    CHECK_OK(work(&how, &small_mixed, NULL, NULL, got, NULL));
    char longer[1100];
    memset(longer, 'a', sizeof longer);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    setenv("XDG_CACHE_HOME", longer, 1);
    CHECK_OK(work(&how, &small_mixed, NULL, NULL, got, NULL));
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    finish();
}
END_TEST

/* Plans serve every card of a kind, whatever its memory; another kind has its own. Without a description there is no
 * cache, and no error. */
START_TEST(plans_are_of_a_kind_of_card)
{
    float got[MOST];
    char base[128];
    snprintf(base, sizeof base, "%s/deep/down", folder);
    setenv("XDG_CACHE_HOME", base, 1);
    CHECK_OK(work(&half, &small_mixed, NULL, NULL, got, NULL));
    const int plans = each_plan(NULL);
    ck_assert_int_gt(plans, 1);
    doubles->card()->memory /= 2;
    CHECK_OK(work(&half, &small_mixed, NULL, NULL, got, NULL));
    ck_assert_int_eq(each_plan(NULL), plans);
    doubles->card()->major = 8;
    CHECK_OK(work(&half, &small_mixed, NULL, NULL, got, NULL));
    ck_assert_int_eq(each_plan(NULL), 2 * plans);
    each_plan(drop);
    doubles->card()->silent = true;
    CHECK_OK(work(&half, &small_mixed, NULL, NULL, got, NULL));
    ck_assert_int_eq(each_plan(NULL), 0);
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    finish();
}
END_TEST

static int second_engines;

static void count_second(const char *path)
{
    int engine = -1;
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "weft-plan %*d %*u %*u %*x %d", &engine), 1);
    fclose(file);
    second_engines += engine == 1;
}

/* What did not run is not on disk any more; what stands in for it is, and later models begin with it. */
START_TEST(the_cache_keeps_what_runs)
{
    float expected[MOST], got[MOST];
    char base[128];
    snprintf(base, sizeof base, "%s/deep/down", folder);
    setenv("XDG_CACHE_HOME", base, 1);
    want(&small_mixed, expected);
    CHECK_OK(run_with(&half, &small_mixed, &(fault){ "cudnnBackendExecute", 1, EXECUTION_FAILED, NULL }, got));
    const int plans = each_plan(count_second);
    ck_assert_int_gt(plans, 1);
    ck_assert_int_eq(second_engines, 1);
    CHECK_OK(run_with(&half, &small_mixed, &(fault){ "none", 1, 0, NULL }, got));
    compare(&small_mixed, got, expected, 1e-2, "with the engine that runs");
    second_engines = 0;
    ck_assert_int_eq(each_plan(count_second), plans);
    ck_assert_int_eq(second_engines, 1);
    CHECK_OK(run_with(&half, &small_mixed, &(fault){ "cudnnBackendExecute", 0, EXECUTION_FAILED, NULL }, got));
    compare(&small_mixed, got, expected, 1e-2, "with own kernels");
    ck_assert_int_eq(each_plan(NULL), 0);
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    finish();
}
END_TEST

/* ---- planned ahead ---- */

/* Planned for a card that is not there, the plans are those that the card looks for: it differs from the described one
 * in name, clocks and memory. One of another architecture takes none of them. */
START_TEST(a_card_takes_what_was_planned_without_it)
{
    weft_ctx *ctx = NULL;
    weft_graph *g = NULL;
    weft_model *model = NULL;
    float got[MOST], expected[MOST];
    char base[128];
    const weft_ctx_opt how = { .device = "cuda", .precision = WEFT_PRECISION_FP16, .target = "h100", .plans = true };
    snprintf(base, sizeof base, "%s/deep/down", folder);
    setenv("XDG_CACHE_HOME", base, 1);
    doubles->card()->devices = 0;
    CHECK_OK(weft_ctx_create(&how, &ctx));
    CHECK_OK(build(ctx, &small_mixed, &g));
    CHECK_OK(weft_model_create(ctx, g, &(weft_model_opt){ .plan_only = true }, &model));
    weft_model_destroy(model);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
    const int plans = each_plan(NULL);
    ck_assert_int_gt(plans, 1);
    ck_assert_int_eq(doubles->counts().built, plans);
    doubles->card()->devices = 1;
    want(&small_mixed, expected);
    CHECK_OK(work(&half, &small_mixed, NULL, NULL, got, NULL));
    compare(&small_mixed, got, expected, 1e-2, "planned without the card");
    ck_assert_int_eq(doubles->counts().built, plans);
    doubles->card()->major = 8;
    CHECK_OK(work(&half, &small_mixed, NULL, NULL, got, NULL));
    ck_assert_int_eq(doubles->counts().built, 2 * plans);
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    finish();
}
END_TEST

/* ---- tuning ---- */

static weft_run_cost tuned_as(weft_tuning tuning, const network *n)
{
    const weft_ctx_opt how = { .device = "cuda", .precision = WEFT_PRECISION_FP16, .tuning = tuning, .threads = 2 };
    float expected[MOST], got[MOST];
    weft_run_cost cost;
    want(n, expected);
    CHECK_OK(work(&how, n, NULL, NULL, got, &cost));
    compare(n, got, expected, 1e-2, "tuned");
    finish();
    return cost;
}

/* The double's first engine wants a workspace, the second none. */
START_TEST(tuning_keeps_the_fastest)
{
    const bool second = _i != 0;
    char base[128];
    snprintf(base, sizeof base, "%s/deep/down", folder);
    setenv("XDG_CACHE_HOME", base, 1);
    doubles->card()->engine_ms[second] = .5F;
    ck_assert((tuned_as(WEFT_TUNING_NOW, &small_pooled).workspace == 0) == second);
    const int64_t built = doubles->counts().built;
    ck_assert((tuned_as(WEFT_TUNING_KEPT, &small_pooled).workspace == 0) == second);
    ck_assert_int_eq(doubles->counts().built, built);
    ck_assert_uint_gt(tuned_as(WEFT_TUNING_NONE, &small_pooled).workspace, 0);
    setenv("WEFT_CUDA_NO", "tuned", 1);
    ck_assert_uint_gt(tuned_as(WEFT_TUNING_KEPT, &small_pooled).workspace, 0);
    unsetenv("WEFT_CUDA_NO");
    each_plan(drop);
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
}
END_TEST

/* The library whose products are slow loses them, in that network only; what the environment wants comes first, what
 * is planned without the card follows, and another kind of card knows nothing of it. */
#ifndef __SANITIZE_ADDRESS__
START_TEST(tuning_keeps_the_fastest_form)
{
    enum { DENSE = 5, BUT_LOGITS = 4 };
    const int by_dnn = _i == 0 ? 0 : DENSE, but_not_all = _i == 0 ? BUT_LOGITS : DENSE;
    const weft_ctx_opt ahead = { .device = "cuda", .precision = WEFT_PRECISION_FP16, .target = "h100", .plans = true };
    weft_run_cost cost;
    char base[128];
    snprintf(base, sizeof base, "%s/deep/down", folder);
    setenv("XDG_CACHE_HOME", base, 1);
    doubles->card()->slow_products = _i == 0 ? DOUBLE_PLAN : DOUBLE_PRODUCT;
    ck_assert_int_eq(tuned_as(WEFT_TUNING_NOW, &small_dense).plans, by_dnn);
    ck_assert_int_eq(tuned_as(WEFT_TUNING_KEPT, &small_dense).plans, by_dnn);
    ck_assert_int_eq(tuned_as(WEFT_TUNING_NONE, &small_dense).plans, BUT_LOGITS);
    CHECK_OK(work(&ahead, &small_dense, &(weft_model_opt){ .plan_only = true }, NULL, NULL, &cost));
    ck_assert_int_eq(cost.plans, by_dnn);
    ck_assert_int_eq(tuned_as(WEFT_TUNING_KEPT, &small_mixed).plans, 2); /* images have a kernel of weft's own */
    setenv("WEFT_CUDA_WITH", "dnn-product", 1);
    ck_assert_int_eq(tuned_as(WEFT_TUNING_KEPT, &small_dense).plans, but_not_all);
    ck_assert_int_eq(tuned_as(WEFT_TUNING_NOW, &small_dense).plans, but_not_all);
    unsetenv("WEFT_CUDA_WITH");
    setenv("WEFT_CUDA_NO", "tuned", 1);
    ck_assert_int_eq(tuned_as(WEFT_TUNING_KEPT, &small_dense).plans, BUT_LOGITS);
    unsetenv("WEFT_CUDA_NO");
    doubles->card()->major = 8;
    ck_assert_int_eq(tuned_as(WEFT_TUNING_KEPT, &small_dense).plans, BUT_LOGITS);
    each_plan(drop);
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
}
END_TEST
#endif

/* Whatever fails, nothing is left open, and the model works or says why not. */
START_TEST(tuning_survives)
{
    static const char *const functions[] = { "cudaMalloc", "cudaEventRecord", "cudaStreamBeginCapture",
                                             "cudaStreamEndCapture", "cudaGraphInstantiate", "cudaGraphLaunch",
                                             "cudnnBackendExecute", "cudaEventElapsedTime" };
    const weft_ctx_opt how = { .device = "cuda", .precision = WEFT_PRECISION_FP16, .tuning = WEFT_TUNING_NOW,
                               .threads = 1 };
    float expected[MOST], got[MOST];
    char base[128];
    snprintf(base, sizeof base, "%s/deep/down", folder);
    setenv("XDG_CACHE_HOME", base, 1);
    want(&small_mixed, expected);
    for (int nth = 1; nth <= FAULTS; nth++) {
        const fault bad = { functions[_i], nth, 999, NULL };
        doubles->reset();
        if (work(&how, &small_mixed, NULL, &bad, got, NULL) == WEFT_OK)
            compare(&small_mixed, got, expected, 1e-2, "tuned with a fault");
        else
            ck_assert_str_ne(weft_error(), "");
        finish();
        each_plan(drop);
    }
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    doubles->reset();
    CHECK_FAILS(WEFT_IO, work(&how, &small_mixed, NULL, NULL, got, NULL), "its tuned plan cannot be kept on disk");
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cuda-kept");
    TCase *cache = tcase_create("cache");
    tcase_add_checked_fixture(cache, fresh_folder, NULL);
    tcase_add_test(cache, plans_come_from_the_cache);
    tcase_add_test(cache, plans_are_of_a_kind_of_card);
    tcase_add_test(cache, the_cache_keeps_what_runs);
    tcase_add_test(cache, a_card_takes_what_was_planned_without_it);
    tcase_add_loop_test(cache, tuning_keeps_the_fastest, 0, 2);
#ifndef __SANITIZE_ADDRESS__ /* sanitized, the emulator takes longer than what is slow here */
    tcase_add_loop_test(cache, tuning_keeps_the_fastest_form, 0, 2);
#endif
    tcase_add_loop_test(cache, tuning_survives, 0, 8);
    suite_add_tcase(s, cache);
    return s;
}

int main(int argc, char **argv)
{
    return small_main(argc, argv, suite, "cuda-kept PLUGIN");
}
