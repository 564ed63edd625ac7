/* SPDX-License-Identifier: Apache-2.0
 *
 * The ways of the CUDA backend's host code that a working card with enough memory never takes: libraries that have no
 * plan, too little memory on either side, a plug-in of another version, a cache of plans that is new, damaged or not
 * to be written. On doubles; backend.c has the ops and the failing calls. */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weft/weft.h>

#include "backend/plugin.h"
#include "check/harness.h"
#include "cuda/double/api.h"

enum { MOST = 4096, NOT_SUPPORTED = 3000, RUNS = 3 };

static const double_api *doubles;
static const char *plugin_path;

static void start(void)
{
    doubles->reset();
}

static void finish(void)
{
    ck_assert_msg(doubles->complaint()[0] == '\0', "%s", doubles->complaint());
    ck_assert_int_eq(doubles->open_count(), 0);
    ck_assert_uint_eq(doubles->memory_used(), 0);
}

/* ---- networks ---- */

typedef weft_var (*body_fn)(weft_graph *g, weft_var x);
typedef struct network {
    body_fn body;
    weft_shape in;
} network;

/* With and without bias, cuBLASLt's epilogues and others, a residual; the last is kept in fp32. */
static weft_var dense_body(weft_graph *g, weft_var x)
{
    x = weft_relu(g, weft_dense(g, x, &(weft_dense_opt){ .name = "relu", .out = 32 }));
    x = weft_tanh(g, weft_dense(g, x, &(weft_dense_opt){ .name = "tanh", .out = 32 }));
    weft_var y = weft_dense(g, x, &(weft_dense_opt){ .name = "plain", .out = 32, .no_bias = true });
    y = weft_add(g, weft_dense(g, y, &(weft_dense_opt){ .name = "residual", .out = 32 }), x);
    return weft_dense(g, y, &(weft_dense_opt){ .name = "logits", .out = 10 });
}

/* A pool that may ride along with the convolution before it. */
static weft_var pooled_body(weft_graph *g, weft_var x)
{
    x = weft_relu(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "stem", .out = 16, .kernel = 3, .bias = true }));
    x = weft_max_pool2d(g, x, &(weft_pool2d_opt){ .kernel = 2 });
    x = weft_relu(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "second", .out = 16, .kernel = 3, .bias = true }));
    return weft_max_pool2d(g, x, &(weft_pool2d_opt){ .kernel = 2 });
}

/* Nothing but copies, none of which can be done without. */
static weft_var copies_body(weft_graph *g, weft_var x)
{
    const weft_var twice[] = { x, weft_dropout(g, x, .5), x };
    x = weft_concat(g, twice, 3);
    x = weft_pad2d(g, x, &(weft_pad){ 1, 1, 1, 1 });
    return weft_flatten(g, weft_crop2d(g, x, &(weft_pad){ 1, 0, 0, 1 }));
}

/* Of everything a little. */
static weft_var mixed_body(weft_graph *g, weft_var x)
{
    x = pooled_body(g, x);
    weft_var y = weft_swish(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "depthwise", .kernel = 3, .groups = 16 }));
    y = weft_squeeze_excite(g, y, &(weft_squeeze_excite_opt){ .name = "se", .reduced = 4 });
    x = weft_add(g, weft_conv2d(g, y, &(weft_conv2d_opt){ .name = "project", .out = 16 }), x);
    x = weft_dense(g, weft_global_avg_pool2d(g, x), &(weft_dense_opt){ .out = 10 });
    return weft_softmax(g, x);
}

static const network dense = { dense_body, { 2, { 3, 24 } } };
static const network pooled = { pooled_body, { 4, { 2, 12, 12, 3 } } };
static const network copies = { copies_body, { 4, { 2, 3, 3, 8 } } };
static const network mixed = { mixed_body, { 4, { 2, 12, 12, 3 } } };

static weft_status build(weft_ctx *ctx, const network *n, weft_graph **out)
{
    weft_graph *g = NULL;
    const weft_status status = weft_graph_create(ctx, &g);
    if (status)
        return status;
    weft_output(g, n->body(g, weft_input(g, "x", &n->in)), "y");
    *out = g;
    return WEFT_OK;
}

/* One of the calls while the model is made fails. */
typedef struct fault {
    const char *function;
    int64_t nth;
    int error;
    int64_t *calls; /* there were so many of them; may be NULL */
} fault;

static weft_status run_model(weft_model *model, float *out)
{
    static float in[MOST];
    weft_port_info port;
    weft_status status = weft_model_seed(model, 1);
    if (!status)
        status = weft_model_input(model, 0, &port);
    for (int i = 0; i < MOST; i++)
        in[i] = (float)((unsigned)i * 2654435761u >> 22) / 512 - 1;
    if (!status)
        status = weft_model_set_input(model, 0, in, (size_t)weft_shape_count(&port.shape) * sizeof *in);
    for (int run = 0; !status && run < RUNS; run++)
        status = weft_model_run(model);
    if (!status)
        status = weft_model_output(model, 0, &port);
    if (!status)
        status = weft_model_get_output(model, 0, out, (size_t)weft_shape_count(&port.shape) * sizeof *out);
    return status;
}

/* Plans it, counts its launches and copies, runs it. */
static weft_status work(const weft_ctx_opt *how, const network *n, const weft_model_opt *opt, const fault *bad,
                        float *out, weft_run_cost *cost)
{
    weft_ctx *ctx = NULL;
    weft_graph *g = NULL;
    weft_model *model = NULL;
    weft_status status = weft_ctx_create(how, &ctx);
    if (!status)
        status = build(ctx, n, &g);
    if (!status && bad)
        doubles->inject(bad->function, bad->nth, bad->error);
    if (!status)
        status = weft_model_create(ctx, g, opt, &model);
    if (bad && bad->calls)
        *bad->calls = doubles->fault_calls();
    if (bad)
        doubles->inject("none", 1, 0);
    if (!status && cost)
        status = weft_model_cost(model, cost);
    if (!status && out)
        status = run_model(model, out);
    weft_model_destroy(model);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
    return status;
}

static void want(const network *n, float *out)
{
    CHECK_OK(work(&(weft_ctx_opt){ .math = WEFT_MATH_STRICT }, n, NULL, NULL, out, NULL));
}

static void compare(const float *got, const float *want, int count, double limit, const char *what)
{
    double off = 0, size = 0;
    for (int i = 0; i < count; i++) {
        off += pow((double)got[i] - (double)want[i], 2);
        size += pow((double)want[i], 2);
    }
    ck_assert_msg(sqrt(off / size) <= limit, "%s: %.3g from the CPU's result, %.3g allowed", what, sqrt(off / size),
                  limit);
}

static const struct {
    weft_precision precision;
    double limit;
} precisions[] = {
    { WEFT_PRECISION_FP32, 1e-5 }, { WEFT_PRECISION_TF32, 1e-2 }, { WEFT_PRECISION_FP16, 1e-2 },
    { WEFT_PRECISION_BF16, 8e-2 },
};
enum { PRECISIONS = sizeof precisions / sizeof *precisions };

/* ---- libraries that have no plan ---- */

START_TEST(dense_layers_without_cudnn)
{
    float expected[MOST], got[MOST];
    want(&dense, expected);
    for (int k = 0; k < PRECISIONS; k++) {
        const weft_ctx_opt how = { .device = "cuda", .precision = precisions[k].precision };
        const fault bad = { .function = "cudnnBackendFinalize", .error = NOT_SUPPORTED };
        CHECK_OK(work(&how, &dense, NULL, &bad, got, NULL));
        compare(got, expected, 30, precisions[k].limit, "cuBLASLt's and own kernels");
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
    want(&pooled, expected);
    for (int64_t nth = 1;; nth++) {
        const weft_ctx_opt how = { .device = "cuda", .precision = WEFT_PRECISION_FP16 };
        int64_t calls = 0;
        const fault bad = { "cudnnBackendFinalize", nth, NOT_SUPPORTED, &calls };
        weft_run_cost cost;
        doubles->reset();
        const weft_status status = work(&how, &pooled, NULL, &bad, got, &cost);
        CHECK_OK(status);
        compare(got, expected, 2 * 3 * 3 * 16, 1e-2, "a plan was refused");
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

START_TEST(copies_are_counted)
{
    float expected[MOST], got[MOST];
    weft_run_cost cost;
    want(&copies, expected);
    const weft_ctx_opt how = { .device = "cuda", .precision = WEFT_PRECISION_FP32 };
    CHECK_OK(work(&how, &copies, &(weft_model_opt){ .no_fusion = true }, NULL, got, &cost));
    compare(got, expected, 2 * 4 * 4 * 24, 0, "copies");
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
    CHECK_OK(build(ctx, &mixed, &g));
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
    CHECK_OK(work(&how, &mixed, NULL, NULL, got, NULL));
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
        const weft_status status = work(&how, &mixed, NULL, NULL, got, NULL);
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

/* ---- the cache of plans ---- */

static char folder[64];

static void fresh_folder(void)
{
    doubles->reset();
    strcpy(folder, "/tmp/weft-host-XXXXXX");
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
    want(&mixed, expected);
    CHECK_OK(work(&how, &mixed, NULL, NULL, got, NULL));
    const int plans = each_plan(NULL);
    ck_assert_int_gt(plans, 2);
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++) {
        each_plan(harms[i]);
        CHECK_OK(work(&how, &mixed, NULL, NULL, got, NULL));
        compare(got, expected, 20, 1e-2, "from the cache");
        ck_assert_int_eq(each_plan(NULL), plans);
        finish();
    }
    each_plan(drop);
    setenv("XDG_CACHE_HOME", "/dev/null", 1); /* not a folder: no cache, and no error */
    CHECK_OK(work(&how, &mixed, NULL, NULL, got, NULL));
    char longer[1100];
    memset(longer, 'a', sizeof longer);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    setenv("XDG_CACHE_HOME", longer, 1);
    CHECK_OK(work(&how, &mixed, NULL, NULL, got, NULL));
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
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

static Suite *suite(void)
{
    Suite *s = suite_create("cuda-host");
    TCase *ways = tcase_create("ways"), *cache = tcase_create("cache");
    tcase_add_checked_fixture(ways, start, NULL);
    tcase_add_test(ways, dense_layers_without_cudnn);
    tcase_add_test(ways, convolutions_without_some_plan);
    tcase_add_test(ways, copies_are_counted);
    tcase_add_test(ways, the_batch_that_fits_does);
    tcase_add_loop_test(ways, every_refused_request_for_host_memory_is_survived, 0, 2);
    tcase_add_test(ways, a_plug_in_of_another_version_is_refused);
    tcase_add_test(ways, pieces_and_cards_are_described);
    suite_add_tcase(s, ways);
    tcase_add_checked_fixture(cache, fresh_folder, NULL);
    tcase_add_test(cache, plans_come_from_the_cache);
    suite_add_tcase(s, cache);
    return s;
}

int main(int argc, char **argv)
{
    plugin_path = argc > 1 ? argv[1] : NULL;
    doubles = plugin_path ? double_open(plugin_path) : NULL;
    if (!doubles) {
        fprintf(stderr, "usage: %s PLUGIN\n", argv[0]);
        return 2;
    }
    return check_main(suite(), "cuda-host PLUGIN");
}
