/* SPDX-License-Identifier: Apache-2.0
 *
 * The wrapper on the real cuDNN, without a GPU: for described cards, with the stand-in driver of nodevice/ on the
 * library path. What networks are made of is planned; the filters filter; what cuDNN does not offer is an error that
 * says so; mistakes that the builder's check would stop are shown to pass cuDNN, so that nobody takes the check out;
 * and a plan comes back from the disk. Skipped where the libraries are not installed. */
#include "cuda/dnn/plan.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/harness.h"
#include "cuda/vendor/target.h"

static weft_vendor vendor;

static weft_dnn *open_card(const weft_target *t, const char *cache)
{
    char json[WEFT_TARGET_JSON];
    weft_dnn *dnn = NULL;
    CHECK_OK(weft_dnn_create(&vendor, &weft_malloc_allocator,
                             &(weft_dnn_opt){ .properties = weft_target_json(t, json, sizeof json), .cache = cache },
                             &dnn));
    return dnn;
}

static weft_dnn *open_for(const char *target, const char *cache)
{
    weft_target t;
    CHECK_OK(weft_target_find(target, &t));
    return open_card(&t, cache);
}

static weft_dnn_conv conv(weft_dtype dtype, weft_act act)
{
    return (weft_dnn_conv){ .name = "layer",
                            .dtype = dtype,
                            .n = 32,
                            .h = 28,
                            .w = 28,
                            .c = 64,
                            .k = 128,
                            .r = 3,
                            .s = 3,
                            .window = { .top = 1, .bottom = 1, .left = 1, .right = 1 },
                            .bias = true,
                            .act = act };
}

static weft_dnn_info plan(weft_dnn *dnn, const weft_dnn_graph *graph, weft_dnn_request request)
{
    weft_dnn_plan *p = NULL;
    CHECK_OK(weft_dnn_plan_create(dnn, graph, &request, &p));
    const weft_dnn_info info = *weft_dnn_plan_info(p);
    weft_dnn_plan_destroy(p);
    return info;
}

/* ---- patterns ---- */

static const char *const cards[] = { "t4", "a100", "h100", "rtx5090" };

START_TEST(what_networks_are_made_of)
{
    weft_dnn *dnn = open_for(cards[_i], "");
    weft_dnn_graph graph;
    weft_dnn_conv c = conv(WEFT_F16, WEFT_ACT_RELU);
    weft_dnn_conv_graph(&c, &graph);
    weft_dnn_info info = plan(dnn, &graph, (weft_dnn_request){ 0 });
    ck_assert(info.notes & WEFT_DNN_TENSOR_CORE);
    ck_assert_uint_le(info.workspace, WEFT_DNN_WORKSPACE_LIMIT);
    ck_assert(!info.cached && info.allowed > 0 && info.allowed <= info.offered);

    c.residual = true; /* into a channel slice, odd padding, strided */
    c.y_ld = 512;
    c.window = (weft_dnn_window){ .stride_h = 2, .stride_w = 2, .bottom = 1, .right = 1 };
    weft_dnn_conv_graph(&c, &graph);
    info = plan(dnn, &graph, (weft_dnn_request){ 0 });
    if (_i > 0) /* Turing's fused engines want dense outputs */
        ck_assert(info.notes & WEFT_DNN_TENSOR_CORE);

    c.groups = 4;
    weft_dnn_conv_graph(&c, &graph);
    plan(dnn, &graph, (weft_dnn_request){ 0 });
    weft_dnn_destroy(dnn);
}
END_TEST

START_TEST(every_activation_on_tensor_cores)
{
    weft_dnn *dnn = open_for("a100", "");
    for (int act = WEFT_ACT_RELU; act < WEFT_ACT_COUNT; act++) {
        weft_dnn_graph graph;
        const weft_dnn_conv c = conv(WEFT_F16, (weft_act)act);
        weft_dnn_conv_graph(&c, &graph);
        const weft_dnn_info info = plan(dnn, &graph, (weft_dnn_request){ 0 });
        ck_assert_msg(info.notes & WEFT_DNN_TENSOR_CORE, "activation %d: notes %x", act, info.notes);
    }
    weft_dnn_destroy(dnn);
}
END_TEST

START_TEST(products_and_pools)
{
    weft_dnn *dnn = open_for("h100", "");
    weft_dnn_graph graph;
    weft_dnn_dense_graph(
        &(weft_dnn_dense){ .name = "fc", .dtype = WEFT_BF16, .n = 32, .c = 512, .k = 1000, .bias = true }, &graph);
    ck_assert(plan(dnn, &graph, (weft_dnn_request){ 0 }).notes & WEFT_DNN_TENSOR_CORE);
    weft_dnn_dense_graph(&(weft_dnn_dense){ .name = "project",
                                            .dtype = WEFT_F16,
                                            .batch = 8,
                                            .n = 196,
                                            .c = 480,
                                            .k = 80,
                                            .bias = true,
                                            .residual = true },
                         &graph);
    plan(dnn, &graph, (weft_dnn_request){ 0 });
    weft_dnn_conv pooled = conv(WEFT_F16, WEFT_ACT_RELU);
    pooled.pool = (weft_dnn_window){ .kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2 };
    weft_dnn_conv_graph(&pooled, &graph);
    plan(dnn, &graph, (weft_dnn_request){ 0 });
    weft_dnn_destroy(dnn);
}
END_TEST

/* Sums of what a convolution gives: engines with a place for those of tiles, in fp16 and not on every card. */
START_TEST(sums_in_an_order)
{
    static const struct {
        const char *card;
        weft_dtype dtype;
        int c;
        bool good;
    } layers[] = {
        { "a100", WEFT_F16, 64, true },  { "h100", WEFT_F16, 64, true },   { "h100", WEFT_F16, 24, true },
        { "h100", WEFT_F16, 4, false },  { "h100", WEFT_BF16, 64, false }, { "a100", WEFT_F32, 64, false },
        { "t4", WEFT_F16, 64, false },   { "rtx5090", WEFT_F16, 64, false },
    };
    weft_dnn *dnn = open_for(layers[_i].card, "");
    weft_dnn_graph graph;
    weft_dnn_plan *none = NULL;
    weft_dnn_conv c = conv(layers[_i].dtype, WEFT_ACT_NONE);
    c.bias = false;
    c.stats = true;
    c.c = layers[_i].c;
    weft_dnn_conv_graph(&c, &graph);
    if (layers[_i].good) {
        const weft_dnn_info info = plan(dnn, &graph, (weft_dnn_request){ 0 });
        /* two floats for each channel of each tile of 256 rows at most */
        ck_assert_uint_ge(info.workspace, (size_t)(c.n * c.h * c.w / 256 * c.k) * 2 * sizeof(float));
        ck_assert(!info.runtime_compiled && !(info.notes & WEFT_DNN_NONDETERMINISTIC));
    } else {
        CHECK_FAILS(WEFT_UNSUPPORTED, weft_dnn_plan_create(dnn, &graph, NULL, &none), "0 allowed");
    }
    weft_dnn_destroy(dnn);
}
END_TEST

/* ---- filters ---- */

START_TEST(strict_means_fp32)
{
    weft_dnn *dnn = open_for("a100", "");
    weft_dnn_graph graph;
    const weft_dnn_conv c = conv(WEFT_F32, WEFT_ACT_RELU);
    weft_dnn_conv_graph(&c, &graph);
    const weft_dnn_info fast = plan(dnn, &graph, (weft_dnn_request){ 0 });
    const weft_dnn_info strict = plan(dnn, &graph, (weft_dnn_request){ .strict = true });
    ck_assert_msg(fast.notes & WEFT_DNN_TENSOR_CORE, "engine %d, notes %x, %d of %d", fast.engine, fast.notes,
                  fast.allowed, fast.offered); /* TF32 */
    ck_assert_uint_eq(strict.notes & (WEFT_DNN_TENSOR_CORE | WEFT_DNN_DOWN_CONVERT | WEFT_DNN_REDUCED_PRECISION |
                                      WEFT_DNN_FFT | WEFT_DNN_WINOGRAD | WEFT_DNN_NONDETERMINISTIC),
                      0);
    ck_assert_int_lt(strict.allowed, fast.allowed);
    weft_dnn_destroy(dnn);
}
END_TEST

START_TEST(workspace_limit_and_order)
{
    weft_dnn *dnn = open_for("a100", "");
    weft_dnn_graph graph;
    weft_dnn_conv c = conv(WEFT_F32, WEFT_ACT_RELU);
    weft_dnn_conv_graph(&c, &graph);
    const weft_dnn_info first = plan(dnn, &graph, (weft_dnn_request){ 0 });
    ck_assert_uint_gt(first.workspace, 4096); /* else this layer tests nothing */
    const weft_dnn_info small = plan(dnn, &graph, (weft_dnn_request){ .workspace_limit = 4096 });
    ck_assert_uint_le(small.workspace, 4096);
    const weft_dnn_info second = plan(dnn, &graph, (weft_dnn_request){ .skip = 1 });
    ck_assert(second.engine != first.engine || second.workspace != first.workspace || second.notes != first.notes ||
              second.allowed > 1);
    weft_dnn_plan *none = NULL;
    CHECK_FAILS(WEFT_UNSUPPORTED, weft_dnn_plan_create(dnn, &graph, &(weft_dnn_request){ .skip = 10000 }, &none),
                "no cuDNN engine computes it");

    c.act = WEFT_ACT_NONE; /* offered precompiled and compiled */
    c.bias = false;
    weft_dnn_conv_graph(&c, &graph);
    ck_assert(!plan(dnn, &graph, (weft_dnn_request){ .precompiled_first = true }).runtime_compiled);
    weft_dnn_destroy(dnn);
}
END_TEST

START_TEST(what_is_not_offered_says_why)
{
    weft_dnn *dnn = open_for("t4", "");
    weft_dnn_graph graph;
    weft_dnn_plan *none = NULL;
    const weft_dnn_conv c = conv(WEFT_BF16, WEFT_ACT_RELU); /* Turing has no bf16 */
    weft_dnn_conv_graph(&c, &graph);
    CHECK_FAILS(WEFT_UNSUPPORTED, weft_dnn_plan_create(dnn, &graph, NULL, &none),
                "layer: no cuDNN engine computes it: 0 offered, 0 allowed");
    ck_assert_ptr_nonnull(strstr(weft_error(), "libcudnn_graph.so.9 found"));
    ck_assert_ptr_null(none);
    weft_dnn_destroy(dnn);
}
END_TEST

START_TEST(a_described_device_runs_nothing)
{
    weft_dnn *dnn = open_for("a100", "");
    weft_dnn_graph graph;
    weft_dnn_plan *p = NULL;
    const weft_dnn_conv c = conv(WEFT_F16, WEFT_ACT_RELU);
    weft_dnn_conv_graph(&c, &graph);
    CHECK_OK(weft_dnn_plan_create(dnn, &graph, NULL, &p));
    CHECK_FAILS(WEFT_NO_DEVICE, weft_dnn_plan_run(p, NULL, NULL, 0, NULL), "a described device, which runs nothing");
    weft_dnn_plan_destroy(p);
    weft_dnn_destroy(dnn);
    weft_dnn *card = NULL;
    CHECK_FAILS(WEFT_NO_DEVICE, weft_dnn_create(&vendor, &weft_malloc_allocator, &(weft_dnn_opt){ .cache = "" }, &card),
                "finds no GPU");
    weft_dnn *nonsense = NULL;
    ck_assert_int_ne(weft_dnn_create(&vendor, &weft_malloc_allocator,
                                     &(weft_dnn_opt){ .properties = "{\"deviceVer\":", .cache = "" }, &nonsense),
                     WEFT_OK);
    ck_assert_ptr_null(nonsense);
}
END_TEST

/* ---- mistakes: what cuDNN finds by itself, and what only the check finds ---- */

/* Whether cuDNN, asked without the check, gives a plan for the graph. */
static bool cudnn_accepts(weft_dnn *dnn, const weft_dnn_graph *graph)
{
    weft_dnn_set set = { .vendor = &vendor };
    weft_cudnn_descriptor operations, heuristic = NULL, config = NULL, p = NULL;
    const int mode = WEFT_CUDNN_HEUR_MODE_A;
    int64_t count = 0;
    bool good = weft_dnn_lower(&set, graph, &operations) == WEFT_OK;
    if (good) {
        vendor.cudnnBackendCreateDescriptor(WEFT_CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, &heuristic);
        vendor.cudnnBackendSetAttribute(heuristic, WEFT_CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
                                        WEFT_CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &operations);
        vendor.cudnnBackendSetAttribute(heuristic, WEFT_CUDNN_ATTR_ENGINEHEUR_MODE, WEFT_CUDNN_TYPE_HEUR_MODE, 1,
                                        &mode);
        vendor.cudnnBackendSetAttribute(heuristic, WEFT_CUDNN_ATTR_ENGINEHEUR_DEVICEPROP,
                                        WEFT_CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &dnn->properties);
        vendor.cudnnBackendCreateDescriptor(WEFT_CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &config);
        good = vendor.cudnnBackendFinalize(heuristic) == 0 &&
               vendor.cudnnBackendGetAttribute(heuristic, WEFT_CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                               WEFT_CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &config) == 0 &&
               count == 1;
        vendor.cudnnBackendCreateDescriptor(WEFT_CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, &p);
        good = good &&
               vendor.cudnnBackendSetAttribute(p, WEFT_CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
                                               WEFT_CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &config) == 0 &&
               vendor.cudnnBackendFinalize(p) == 0;
        vendor.cudnnBackendDestroyDescriptor(p);
        vendor.cudnnBackendDestroyDescriptor(config);
        vendor.cudnnBackendDestroyDescriptor(heuristic);
    }
    weft_dnn_set_release(&set);
    return good;
}

enum { X, WEIGHT, Y, BIAS, SUM }; /* tensors of the graph of conv() */

static const struct {
    const char *name;
    int tensor, field; /* dim 0..3, else: */
    int64_t value;
    bool accepted; /* by cuDNN 9.19; the check refuses all */
} mistakes[] = {
    { "good", 0, 0, 32, true },
    { "output height", SUM, 2, 27, false },
    { "output channels", SUM, 1, 96, false },
    { "batch", SUM, 0, 7, false },
    { "channels of the filter", WEIGHT, 1, 48, false },
    { "filters and groups", WEIGHT, 0, 127, false },
#define ID 4
    { "equal ids", WEIGHT, ID, WEFT_DNN_X, true },
#define TYPE 5
    { "types of x and filter", WEIGHT, TYPE, WEFT_F32, false },
    { "integers", X, TYPE, WEFT_I64, false },
    { "length of the bias", BIAS, 1, 129, true },
};

START_TEST(mistakes_that_cudnn_finds_or_not)
{
    weft_dnn *dnn = open_for("h100", "");
    weft_dnn_graph graph;
    const weft_dnn_conv c = conv(WEFT_F16, WEFT_ACT_RELU);
    weft_dnn_conv_graph(&c, &graph);
    weft_dnn_tensor *t = &graph.tensor[mistakes[_i].tensor];
    if (mistakes[_i].field == ID)
        t->id = mistakes[_i].value;
    else if (mistakes[_i].field == TYPE)
        t->dtype = (weft_dtype)mistakes[_i].value;
    else
        t->dim[mistakes[_i].field] = mistakes[_i].value;
    const bool good = weft_dnn_graph_check(&graph) == WEFT_OK;
    ck_assert_msg(good == (_i == 0), "%s: the check", mistakes[_i].name);
    if (t->dtype != WEFT_I64) /* which the wrapper has no word for */
        ck_assert_msg(cudnn_accepts(dnn, &graph) == mistakes[_i].accepted, "%s: cuDNN", mistakes[_i].name);
    weft_dnn_destroy(dnn);
}
END_TEST

/* ---- the disk cache ---- */

static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/weft-plans-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* Calls visit with every entry's path; the number of entries. */
static int for_entries(void (*visit)(const char *path))
{
    int count = 0;
    DIR *dir = opendir(folder);
    for (const struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        char path[400];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        count++;
        if (visit)
            visit(path);
    }
    if (dir)
        closedir(dir);
    return count;
}

static void remove_entry(const char *path)
{
    unlink(path);
}

static void cut_entry(const char *path)
{
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(truncate(path, st.st_size / 2), 0);
}

static void change_entry(const char *path)
{
    FILE *file = fopen(path, "r+");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, -100, SEEK_END), 0);
    fputc('~', file);
    fclose(file);
}

START_TEST(a_plan_comes_back_from_disk)
{
    make_folder();
    weft_dnn_graph graph;
    const weft_dnn_conv c = conv(WEFT_F16, WEFT_ACT_SWISH);
    weft_dnn_conv_graph(&c, &graph);
    weft_dnn *dnn = open_for("h100", folder);
    const weft_dnn_info built = plan(dnn, &graph, (weft_dnn_request){ 0 });
    ck_assert(!built.cached && built.runtime_compiled);
    ck_assert_int_eq(for_entries(NULL), 1);
    weft_dnn_destroy(dnn);

    dnn = open_for("h100", folder);
    const weft_dnn_info again = plan(dnn, &graph, (weft_dnn_request){ 0 });
    printf("built in %.0f ms, reloaded in %.1f ms\n", built.seconds * 1e3, again.seconds * 1e3);
    ck_assert(again.cached && again.runtime_compiled);
    ck_assert_int_eq(again.engine, built.engine);
    ck_assert_uint_eq(again.notes, built.notes);
    ck_assert_uint_eq(again.workspace, built.workspace);
    ck_assert_double_lt(again.seconds, built.seconds / 4);

    /* another machine's card of the kind, under its own name, clocks and memory */
    weft_dnn_destroy(dnn);
    weft_target other;
    CHECK_OK(weft_target_find("h100", &other));
    snprintf(other.device, sizeof other.device, "NVIDIA H100 PCIe");
    other.sm_khz = 1755000;
    other.memory_khz = 1593000;
    other.memory = 85520809984;
    dnn = open_card(&other, folder);
    ck_assert(plan(dnn, &graph, (weft_dnn_request){ 0 }).cached);

    /* another request, another device, another graph: not this plan */
    ck_assert(!plan(dnn, &graph, (weft_dnn_request){ .skip = 1 }).cached);
    weft_dnn_destroy(dnn);
    dnn = open_for("a100", folder);
    ck_assert(!plan(dnn, &graph, (weft_dnn_request){ 0 }).cached);
    weft_dnn_destroy(dnn);
    for_entries(remove_entry);
    rmdir(folder);
}
END_TEST

START_TEST(broken_entries_are_built_again)
{
    static void (*const damage[])(const char *) = { cut_entry, change_entry, remove_entry };
    make_folder();
    weft_dnn_graph graph;
    const weft_dnn_conv c = conv(WEFT_F16, WEFT_ACT_RELU);
    weft_dnn_conv_graph(&c, &graph);
    weft_dnn *dnn = open_for("a100", folder);
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        plan(dnn, &graph, (weft_dnn_request){ 0 });
        ck_assert(plan(dnn, &graph, (weft_dnn_request){ 0 }).cached);
        ck_assert_int_eq(for_entries(damage[i]), 1);
        ck_assert_msg(!plan(dnn, &graph, (weft_dnn_request){ 0 }).cached, "damage %zu", i);
    }
    weft_dnn_destroy(dnn);
    for_entries(remove_entry);
    rmdir(folder);
}
END_TEST

int main(void)
{
    if (weft_vendor_load(&vendor) != WEFT_OK) {
        printf("skipped: %s\n", weft_error());
        return 77;
    }
    Suite *suite = suite_create("dnn_real");
    TCase *patterns = tcase_create("cards");
    tcase_add_loop_test(patterns, what_networks_are_made_of, 0, WEFT_COUNT(cards));
    suite_add_tcase(suite, patterns);
    tcase_add_loop_test(patterns, sums_in_an_order, 0, 8);
    CHECK_CASE(suite, "patterns", every_activation_on_tensor_cores, products_and_pools);
    CHECK_CASE(suite, "filters", strict_means_fp32, workspace_limit_and_order, what_is_not_offered_says_why,
               a_described_device_runs_nothing);
    TCase *wrong = tcase_create("mistakes");
    tcase_add_loop_test(wrong, mistakes_that_cudnn_finds_or_not, 0, (int)(sizeof mistakes / sizeof mistakes[0]));
    suite_add_tcase(suite, wrong);
    CHECK_CASE(suite, "cache", a_plan_comes_back_from_disk, broken_entries_are_built_again);
    return check_main(suite, "cuda-dnn-real");
}
