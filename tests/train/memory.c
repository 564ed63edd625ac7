/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of training steps: what is recomputed to keep to a limit gives the same bits, for any number of threads;
 * the plan is as small as it says, and what is allocated is what was planned. DenseNet-201's plan is by its published
 * size. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "nets.h"

enum { SIDE = 16, CLASSES = 5, BATCH = 24, PIXELS = SIDE * SIDE * 3, STEPS = 2 };

/* ---- networks ---- */

static weft_var conv(weft_graph *g, weft_var x, const char *name, int out, int kernel)
{
    return weft_conv2d(g, x, &(weft_conv2d_opt){ .name = name, .out = out, .kernel = kernel, .bias = true });
}

static weft_var norm_relu(weft_graph *g, weft_var x)
{
    return weft_relu(g, weft_batch_norm(g, x, NULL));
}

/* Layers that see all earlier ones' maps. */
static weft_var dense_block(weft_graph *g, weft_var x)
{
    x = conv(g, x, "stem", 12, 3);
    for (int i = 0; i < 5; i++) {
        weft_scope_push(g, "layer%d", i);
        weft_var both[2] = { x, conv(g, norm_relu(g, x), "a", 24, 1) };
        both[1] = conv(g, norm_relu(g, both[1]), "b", 12, 3);
        x = weft_concat(g, both, 2);
        weft_scope_pop(g);
    }
    return norm_relu(g, x);
}

/* Residual units with a squeeze-and-excite gate, and drop path. */
static weft_var gated(weft_graph *g, weft_var x)
{
    x = norm_relu(g, conv(g, x, "stem", 16, 3));
    for (int i = 0; i < 4; i++) {
        weft_scope_push(g, "unit%d", i);
        weft_var y = weft_swish(g, weft_batch_norm(g, conv(g, x, "a", 32, 1), NULL));
        y = weft_squeeze_excite(g, y, &(weft_squeeze_excite_opt){ .name = "gate", .reduced = 4 });
        y = weft_batch_norm(g, conv(g, y, "b", 16, 3), NULL);
        x = weft_relu(g, weft_add(g, weft_drop_path(g, y, .2), x));
        weft_scope_pop(g);
    }
    return weft_dropout(g, x, .3);
}

/* Branches whose maps lie side by side; pools; no norm. */
static weft_var branches(weft_graph *g, weft_var x)
{
    x = weft_relu(g, conv(g, x, "stem", 16, 3));
    for (int i = 0; i < 3; i++) {
        weft_scope_push(g, "mixed%d", i);
        weft_var four[4];
        four[0] = weft_relu(g, conv(g, x, "a", 12, 1));
        four[1] = weft_relu(g, conv(g, weft_relu(g, conv(g, x, "b1", 8, 1)), "b2", 12, 3));
        four[2] = weft_max_pool2d(g, x, &(weft_pool2d_opt){ .kernel = 3, .stride = 1 });
        four[3] = weft_lrn(g, weft_tanh(g, conv(g, x, "d", 8, 3)), NULL);
        x = weft_concat(g, four, 4);
        weft_scope_pop(g);
    }
    return x;
}

static weft_var chain(weft_graph *g, weft_var x)
{
    for (int i = 0; i < 12; i++) {
        weft_scope_push(g, "%d", i);
        x = weft_relu(g, conv(g, x, "conv", 16, 3));
        weft_scope_pop(g);
    }
    return x;
}

static const struct {
    const char *name;
    weft_var (*body)(weft_graph *g, weft_var x);
    double least; /* the smallest plan is at most this part of the plain one */
} nets[] = {
    { "dense_block", dense_block, .6 },
    { "gated", gated, .6 },
    { "branches", branches, .8 },
    { "chain", chain, .6 },
};

static weft_graph *network(weft_ctx *ctx, int which)
{
    weft_graph *g;
    CHECK_OK(weft_graph_create(ctx, &g));
    const weft_var x = weft_input(g, "images", &(weft_shape){ .rank = 4, .dim = { BATCH, SIDE, SIDE, 3 } });
    const weft_var y = weft_global_avg_pool2d(g, nets[which].body(g, x));
    weft_output(g, weft_dense(g, y, &(weft_dense_opt){ .name = "head", .out = CLASSES }), "logits");
    CHECK_OK(weft_graph_status(g));
    return g;
}

/* ---- what a run leaves ---- */

static size_t peak_of(weft_trainer *trainer)
{
    weft_memory memory;
    CHECK_OK(weft_model_memory(weft_trainer_model(trainer), &memory));
    return memory.peak;
}

static weft_trainer *make(weft_ctx *ctx, const weft_graph *g, size_t memory, bool plan_only)
{
    const weft_train_opt opt = { .optimizer = { .momentum = .9 }, .seed = 3, .memory = memory, .plan_only = plan_only };
    weft_trainer *trainer = NULL;
    const weft_status status = weft_trainer_create(ctx, g, &opt, &trainer);
    ck_assert_msg(status == WEFT_OK || (memory && status == WEFT_NO_MEMORY), "%s", weft_error());
    return trainer;
}

static void train(weft_trainer *trainer, int steps)
{
    static float images[BATCH * PIXELS];
    int32_t labels[BATCH];
    const weft_shape shape = { .rank = 4, .dim = { BATCH, SIDE, SIDE, 3 } };
    CHECK_OK(weft_seed_images(1, &shape, -1, 1, images));
    for (int i = 0; i < BATCH; i++)
        labels[i] = i * 3 % CLASSES;
    for (int i = 0; i < steps; i++)
        CHECK_OK(weft_trainer_step(trainer, &(weft_batch){ .images = images, .labels = labels }, .05, NULL));
}

/* Everything that the store has after some steps. */
static float *after(int which, int threads, size_t memory, size_t *count)
{
    weft_ctx *ctx = open_ctx(threads);
    weft_graph *g = network(ctx, which);
    weft_trainer *trainer = make(ctx, g, memory, false);
    ck_assert_msg(trainer != NULL, "%s", weft_error());
    train(trainer, STEPS);
    weft_store *store = weft_trainer_store(trainer);
    float *all = malloc(weft_store_bytes(store));
    *count = 0;
    for (int i = 0; i < weft_store_count(store); i++) {
        weft_param_info info;
        CHECK_OK(weft_store_param(store, i, &info));
        const int64_t n = weft_shape_count(&info.shape);
        CHECK_OK(weft_store_get(store, info.name, all + *count, n));
        *count += (size_t)n;
    }
    weft_trainer_destroy(trainer);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
    return all;
}

/* The smallest limit, in steps of a hundredth of the plain plan, that can be kept to. */
static size_t smallest(int which, size_t *plain)
{
    weft_ctx *ctx = open_ctx(2);
    weft_graph *g = network(ctx, which);
    weft_trainer *trainer = make(ctx, g, 0, true);
    *plain = peak_of(trainer);
    weft_trainer_destroy(trainer);
    size_t limit = *plain, least = *plain;
    for (int part = 95; part > 0; part -= 5) {
        limit = *plain / 100 * (size_t)part;
        trainer = make(ctx, g, limit, true);
        if (!trainer)
            break;
        weft_recomputed r;
        CHECK_OK(weft_model_recomputed(weft_trainer_model(trainer), &r));
        ck_assert_msg(peak_of(trainer) <= limit, "%s: %zu bytes, %zu allowed", nets[which].name, peak_of(trainer),
                      limit);
        ck_assert(r.steps > 0 && r.plain == *plain && r.extra > 0 && r.extra < r.flops);
        least = limit;
        weft_trainer_destroy(trainer);
    }
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
    return least;
}

START_TEST(the_same_bits_in_less_memory)
{
    size_t plain, count, other;
    const size_t least = smallest(_i, &plain);
    ck_assert_msg((double)least <= nets[_i].least * (double)plain, "%s: %zu of %zu bytes are needed", nets[_i].name,
                  least, plain);
    float *want = after(_i, 1, 0, &count);
    for (int threads = 1; threads <= 2; threads++) {
        const size_t limits[] = { least, (least + plain) / 2 };
        for (int k = 0; k < 2; k++) {
            float *is = after(_i, threads, limits[k], &other);
            ck_assert_uint_eq(count, other);
            ck_assert_msg(memcmp(is, want, count * sizeof *is) == 0, "%s: other bits with %zu bytes and %d threads",
                          nets[_i].name, limits[k], threads);
            free(is);
        }
    }
    free(want);
}
END_TEST

START_TEST(too_little_says_what_is_needed)
{
    weft_ctx *ctx = open_ctx(1);
    weft_graph *g = network(ctx, 0);
    ck_assert_ptr_null(make(ctx, g, 1 << 20, false));
    ck_assert_ptr_nonnull(strstr(weft_error(), "1.0 MiB are allowed"));
    double needs = 0;
    ck_assert_int_eq(sscanf(weft_error(), "a step needs %lf MiB", &needs), 1);
    weft_trainer *trainer = make(ctx, g, (size_t)((needs + .1) * 1048576), true); /* and that is enough */
    ck_assert_msg(trainer != NULL, "%s", weft_error());
    weft_trainer_destroy(trainer);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
}
END_TEST

/* Huang et al. 2016's largest, of a batch of 32: Pleiss et al. 2017 is about this. */
START_TEST(densenet201_in_a_third)
{
    weft_ctx *ctx = open_ctx(2);
    weft_graph *g;
    CHECK_OK(weft_arch_build(ctx, "densenet201", &(weft_arch_opt){ .batch = 32 }, &g));
    weft_trainer *trainer = make(ctx, g, 0, true);
    const size_t plain = peak_of(trainer);
    weft_trainer_destroy(trainer);
    trainer = make(ctx, g, plain / 3, true);
    ck_assert_msg(trainer != NULL, "%s", weft_error());
    weft_recomputed r;
    CHECK_OK(weft_model_recomputed(weft_trainer_model(trainer), &r));
    ck_assert_uint_le(peak_of(trainer), plain / 3);
    ck_assert_msg(r.extra < .05 * r.flops, "%.1f %% more arithmetic", 100 * r.extra / r.flops);
    weft_trainer_destroy(trainer);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
}
END_TEST

/* ---- planned and measured ---- */

/* Counts bytes that are asked for and not freed, and their peak. */
typedef struct meter {
    _Atomic size_t live, peak;
} meter;

static void *metered_alloc(void *user, size_t size, size_t align)
{
    meter *m = user;
    const size_t room = align < 64 ? 64 : align;
    char *block = aligned_alloc(room, (size + room + room - 1) / room * room);
    if (!block)
        return NULL;
    memcpy(block + room - 64, (size_t[]){ size, room }, 2 * sizeof(size_t)); /* right before what is given */
    const size_t live = atomic_fetch_add(&m->live, size) + size;
    size_t peak = atomic_load(&m->peak);
    while (live > peak && !atomic_compare_exchange_weak(&m->peak, &peak, live)) {
    }
    return block + room;
}

static void metered_free(void *user, void *ptr)
{
    meter *m = user;
    size_t head[2];
    if (!ptr)
        return;
    memcpy(head, (char *)ptr - 64, sizeof head);
    atomic_fetch_sub(&m->live, head[0]);
    free((char *)ptr - head[1]);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Bytes of a line of /proc/self/status. */
static double of_status(const char *format)
{
    char line[256];
    double kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, format, &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib * 1024;
}

/* The peak of the resident size is that of the process, whatever ran in it before. */
static void forget_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file)
        return;
    fputs("5", file);
    fclose(file);
}
#endif

/* The plan against what the allocator was asked for, to a hundredth: what holds numbers, which is all but the lists of
 * the plan, that a trainer without memory has, too; no step asks for more. And against what the system saw, which has
 * those lists, stacks and code besides, and where it likes gives pages of 2 MB: a third more. */
START_TEST(what_is_planned_is_what_is_used)
{
    static const struct {
        const char *arch;
        int px, batch;
        double limit; /* of the plain plan; 0: none */
    } rows[] = { { "lenet5", 0, 256, 0 }, { "resnet18", 64, 16, 0 }, { "densenet121", 64, 16, .8 } };
    meter m = { 0 };
    weft_ctx *ctx;
    weft_graph *g;
    const weft_ctx_opt cpu = { .device = "cpu", .threads = 2, .allocator = { metered_alloc, metered_free, &m } };
    CHECK_OK(weft_ctx_create(&cpu, &ctx));
    CHECK_OK(weft_arch_build(ctx, rows[_i].arch, &(weft_arch_opt){ .batch = rows[_i].batch, .px = rows[_i].px }, &g));
    weft_trainer *trainer = make(ctx, g, 0, true);
    const size_t limit = (size_t)(rows[_i].limit * (double)peak_of(trainer));
    weft_trainer_destroy(trainer);
    const size_t none = atomic_load(&m.live);
    trainer = make(ctx, g, limit, true);
    ck_assert_msg(trainer != NULL, "%s", weft_error());
    const size_t lists = atomic_load(&m.live) - none;
    weft_trainer_destroy(trainer);
    weft_port_info input;
    CHECK_OK(weft_graph_input(g, 0, &input));
    float *images = malloc(sizeof(float) * (size_t)weft_shape_count(&input.shape));
    int32_t *labels = calloc((size_t)rows[_i].batch, sizeof *labels);
    CHECK_OK(weft_seed_images(1, &input.shape, -1, 1, images));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    forget_peak();
    const double resident = of_status("VmRSS: %lf kB");
#endif
    trainer = make(ctx, g, limit, false);
    ck_assert_msg(trainer != NULL, "%s", weft_error());
    const size_t live = atomic_load(&m.live);
    atomic_store(&m.peak, live);
    for (int i = 0; i < 3; i++)
        CHECK_OK(weft_trainer_step(trainer, &(weft_batch){ .images = images, .labels = labels }, .01, NULL));
    const double planned = (double)peak_of(trainer), asked = (double)(live - none - lists);
    ck_assert_uint_eq(atomic_load(&m.peak), live);
    ck_assert_msg(asked >= planned && asked <= 1.01 * planned, "%s: %.0f bytes planned, %.0f asked for",
                  rows[_i].arch, planned, asked);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    const double seen = of_status("VmHWM: %lf kB") - resident;
    ck_assert_msg(seen <= 1.33 * planned + (double)lists + 8e6, "%s: %.0f bytes planned, %.0f of lists, %.0f resident",
                  rows[_i].arch, planned, (double)lists, seen);
#endif
    weft_trainer_destroy(trainer);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
    ck_assert_uint_eq(atomic_load(&m.live), 0);
    free(images);
    free(labels);
}
END_TEST

/* ---- out of memory ---- */

static weft_status within(const weft_allocator *allocator, void *arg)
{
    weft_ctx *ctx;
    weft_graph *g;
    weft_trainer *trainer;
    const weft_ctx_opt cpu = { .device = "cpu", .threads = 1, .allocator = *allocator };
    weft_status status = weft_ctx_create(&cpu, &ctx);
    if (status)
        return status;
    status = weft_graph_create(ctx, &g);
    if (!status) {
        const weft_var x = weft_input(g, "images", &(weft_shape){ .rank = 4, .dim = { 4, 8, 8, 2 } });
        weft_var y = norm_relu(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "a", .out = 8, .kernel = 3 }));
        y = norm_relu(g, weft_conv2d(g, y, &(weft_conv2d_opt){ .name = "b", .out = 8, .kernel = 3 }));
        weft_output(g, weft_dense(g, weft_flatten(g, y), &(weft_dense_opt){ .name = "c", .out = 3 }), "logits");
        status = weft_graph_status(g);
        if (!status)
            status = weft_trainer_create(ctx, g, &(weft_train_opt){ .memory = *(const size_t *)arg }, &trainer);
        if (!status)
            weft_trainer_destroy(trainer);
        weft_graph_destroy(g);
    }
    weft_ctx_destroy(ctx);
    return status;
}

START_TEST(every_request_may_fail)
{
    const weft_allocator plain = { 0 };
    size_t limit = 1 << 20;
    while (limit > 0 && within(&plain, &limit) == WEFT_OK)
        limit -= 1 << 10;
    limit += 1 << 10; /* the least, of which something is recomputed */
    ck_assert_int_gt(check_every_failure(within, &limit), 50);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("train-memory");
    TCase *limits = tcase_create("limits"), *measured = tcase_create("measured");
    (void)argc;
    tcase_add_loop_test(limits, the_same_bits_in_less_memory, 0, (int)(sizeof nets / sizeof *nets));
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    const int networks = 1; /* the larger are slow there, and nothing is asked of resident memory */
#else
    const int networks = 3;
#endif
    tcase_add_loop_test(measured, what_is_planned_is_what_is_used, 0, networks);
    tcase_set_timeout(limits, 120);
    tcase_set_timeout(measured, 120);
    suite_add_tcase(suite, limits);
    suite_add_tcase(suite, measured);
    CHECK_CASE(suite, "others", too_little_says_what_is_needed, densenet201_in_a_third, every_request_may_fail);
    return check_main(suite, argv[0]);
}
