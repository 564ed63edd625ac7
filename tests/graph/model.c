/* SPDX-License-Identifier: Apache-2.0
 *
 * Running models: the same bits for any thread count and for every run, no allocation after the first run, batches,
 * ports, parameters, the null device, and what explain says. */
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/arch.h>
#include <weft/model.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "graph/random_net.h"

START_TEST(threads_do_not_change_a_bit)
{
    for (uint64_t net = 0; net < 24; net++) {
        float *first = NULL;
        int64_t count = 0;
        for (int threads = 1; threads <= 3; threads++) {
            weft_ctx *ctx;
            weft_graph *graph;
            weft_model *model;
            float *outputs, *again;
            CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = threads }, &ctx));
            CHECK_OK(random_net(ctx, check_seed() * 555 + net, 24, &graph));
            CHECK_OK(weft_model_create(ctx, graph, NULL, &model));
            CHECK_OK(random_params(model, check_seed()));
            CHECK_OK(random_run(model, check_seed(), &outputs, &count));
            CHECK_OK(random_run(model, check_seed(), &again, &count));
            ck_assert_int_eq(memcmp(outputs, again, (size_t)count * sizeof *outputs), 0);
            free(again);
            if (first)
                ck_assert_msg(memcmp(first, outputs, (size_t)count * sizeof *first) == 0, "net %llu, %d threads",
                              (unsigned long long)net, threads);
            else
                first = outputs;
            if (first != outputs)
                free(outputs);
            weft_model_destroy(model);
            weft_graph_destroy(graph);
            weft_ctx_destroy(ctx);
        }
        free(first);
    }
}
END_TEST

START_TEST(a_run_allocates_nothing)
{
    check_alloc counter = { 0 };
    weft_ctx *ctx;
    weft_graph *graph;
    weft_model *model;
    float *outputs;
    int64_t count;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 2, .allocator = check_allocator(&counter) }, &ctx));
    for (uint64_t net = 0; net < 10; net++) {
        CHECK_OK(random_net(ctx, net, 30, &graph));
        CHECK_OK(weft_model_create(ctx, graph, NULL, &model));
        CHECK_OK(weft_model_init(model, 1));
        CHECK_OK(random_run(model, 1, &outputs, &count));
        const int64_t requests = counter.requests;
        const size_t heap = mallinfo2().uordblks;
        for (int i = 0; i < 3; i++)
            CHECK_OK(weft_model_run(model));
        ck_assert_int_eq(counter.requests, requests);
        ck_assert_uint_eq(mallinfo2().uordblks, heap); /* nor past the allocator */
        free(outputs);
        weft_model_destroy(model);
        weft_graph_destroy(graph);
    }
    weft_ctx_destroy(ctx);
    ck_assert_int_eq(counter.live, 0);
}
END_TEST

/* Images of a batch do not see each other: image i of a batch of 3 gives what it gives alone. */
START_TEST(images_of_a_batch_are_independent)
{
    weft_ctx *ctx;
    weft_graph *graph;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .math = WEFT_MATH_STRICT }, &ctx));
    CHECK_OK(weft_arch_build(ctx, "lenet5", NULL, &graph));
    weft_model *one, *three;
    CHECK_OK(weft_model_create(ctx, graph, NULL, &one));
    CHECK_OK(weft_model_create(ctx, graph, &(weft_model_opt){ .batch = 3 }, &three));
    CHECK_OK(weft_model_init(one, 5));
    CHECK_OK(weft_model_init(three, 5));
    float images[3][32 * 32], together[3][10], alone[10];
    for (int i = 0; i < 3 * 32 * 32; i++)
        images[i / 1024][i % 1024] = (float)((i * 2654435761u) % 1000) / 1000;
    CHECK_OK(weft_model_set_input(three, 0, images, sizeof images));
    CHECK_OK(weft_model_run(three));
    CHECK_OK(weft_model_get_output(three, 0, together, sizeof together));
    for (int i = 0; i < 3; i++) {
        CHECK_OK(weft_model_set_input(one, 0, images[i], sizeof images[i]));
        CHECK_OK(weft_model_run(one));
        CHECK_OK(weft_model_get_output(one, 0, alone, sizeof alone));
        for (int k = 0; k < 10; k++)
            ck_assert_double_le(fabs((double)alone[k] - (double)together[i][k]), 1e-4 * (1 + fabs((double)alone[k])));
    }
    weft_model_destroy(one);
    weft_model_destroy(three);
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
}
END_TEST

static weft_ctx *ctx;
static weft_model *model;

static void setup_device(const char *device, bool plan_only)
{
    weft_graph *graph;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .device = device }, &ctx));
    CHECK_OK(weft_arch_build(ctx, "lenet5", NULL, &graph));
    CHECK_OK(weft_model_create(ctx, graph, &(weft_model_opt){ .plan_only = plan_only }, &model));
    weft_graph_destroy(graph);
}

static void teardown(void)
{
    weft_model_destroy(model);
    weft_ctx_destroy(ctx);
}

START_TEST(ports_are_checked)
{
    setup_device("cpu", false);
    float data[32 * 32] = { 0 };
    CHECK_FAILS(WEFT_INVALID, weft_model_set_input(model, 1, data, sizeof data), "index 1, but there are 1");
    CHECK_FAILS(WEFT_INVALID, weft_model_set_input(model, 0, data, 4), "[1, 32, 32, 1] of f32 needs 4096");
    CHECK_FAILS(WEFT_INVALID, weft_model_get_output(model, 0, data, 40), "has not run");
    teardown();
}
END_TEST

START_TEST(parameters_are_set_by_name)
{
    setup_device("cpu", false);
    weft_param_info info;
    CHECK_OK(weft_model_param(model, 0, &info));
    const int64_t count = weft_shape_count(&info.shape);
    float *values = calloc((size_t)count, sizeof *values);
    values[0] = 3;
    CHECK_OK(weft_model_set_param(model, info.name, values, count));
    values[0] = 0;
    CHECK_OK(weft_model_get_param(model, info.name, values, count));
    ck_assert(values[0] == 3.0f);
    CHECK_FAILS(WEFT_INVALID, weft_model_set_param(model, info.name, values, count + 1), "values given");
    char typo[256];
    snprintf(typo, sizeof typo, "%sx", info.name);
    CHECK_FAILS(WEFT_NOT_FOUND, weft_model_set_param(model, typo, values, count), info.name);
    free(values);
    teardown();
}
END_TEST

/* Setting a parameter after a run takes effect in the next. */
START_TEST(new_parameters_reach_the_kernels)
{
    setup_device("cpu", false);
    float image[32 * 32], before[10], after[10];
    for (int i = 0; i < 32 * 32; i++)
        image[i] = (float)(i % 7) / 7;
    CHECK_OK(weft_model_init(model, 1));
    CHECK_OK(weft_model_set_input(model, 0, image, sizeof image));
    CHECK_OK(weft_model_run(model));
    CHECK_OK(weft_model_get_output(model, 0, before, sizeof before));
    CHECK_OK(weft_model_init(model, 2));
    CHECK_OK(weft_model_run(model));
    CHECK_OK(weft_model_get_output(model, 0, after, sizeof after));
    ck_assert_int_ne(memcmp(before, after, sizeof before), 0);
    CHECK_OK(weft_model_init(model, 1));
    CHECK_OK(weft_model_run(model));
    CHECK_OK(weft_model_get_output(model, 0, after, sizeof after));
    ck_assert_int_eq(memcmp(before, after, sizeof before), 0);
    teardown();
}
END_TEST

START_TEST(the_null_device_plans_like_the_cpu)
{
    setup_device("cpu", false);
    weft_memory cpu, null;
    CHECK_OK(weft_model_memory(model, &cpu));
    const int steps = weft_model_step_count(model);
    teardown();
    setup_device("null", false);
    CHECK_OK(weft_model_memory(model, &null));
    ck_assert_int_eq(weft_model_step_count(model), steps);
    ck_assert_uint_eq(cpu.arena, null.arena);
    float image[32 * 32] = { 0 }, output[10];
    CHECK_OK(weft_model_set_input(model, 0, image, sizeof image));
    CHECK_OK(weft_model_run(model));
    CHECK_OK(weft_model_get_output(model, 0, output, sizeof output));
    teardown();
}
END_TEST

static void keep_last(void *user, weft_log_level level, const char *message)
{
    snprintf(user, 256, "%d %s", (int)level, message);
}

START_TEST(the_callback_hears_of_devices_and_plans)
{
    char last[256] = "", expected[64];
    weft_graph *graph;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 2, .log = keep_last, .log_user = last }, &ctx));
    ck_assert_msg(strncmp(last, "1 device cpu: ", 14) == 0 && strstr(last, "2 threads"), "%s", last);
    CHECK_OK(weft_arch_build(ctx, "lenet5", NULL, &graph));
    CHECK_OK(weft_model_create(ctx, graph, NULL, &model));
    snprintf(expected, sizeof expected, "0 planned %d steps: arena ", weft_model_step_count(model));
    ck_assert_msg(strncmp(last, expected, strlen(expected)) == 0, "%s", last);
    CHECK_OK(weft_model_run(model)); /* of nothing but zeros */
    ck_assert_str_eq(last, "2 the parameters were never set or initialised: all of them are zero");
    last[0] = '\0';
    CHECK_OK(weft_model_run(model)); /* told once */
    CHECK_OK(weft_model_init(model, 1));
    CHECK_OK(weft_model_run(model));
    ck_assert_str_eq(last, "");
    weft_graph_destroy(graph);
    teardown();
}
END_TEST

START_TEST(a_plan_does_not_run)
{
    setup_device("cpu", true);
    CHECK_FAILS(WEFT_INVALID, weft_model_run(model), "plan_only");
    CHECK_FAILS(WEFT_INVALID, weft_model_init(model, 1), "plan_only");
    teardown();
}
END_TEST

/* Planned first and given memory later, it is the model that is made at once: as large, and of the same bits. */
START_TEST(a_plan_begins)
{
    float image[32 * 32], at_once[10], later[10];
    for (int i = 0; i < 32 * 32; i++)
        image[i] = (float)(i % 7) / 7;
    weft_memory memory, planned;
    setup_device("cpu", false);
    CHECK_FAILS(WEFT_INVALID, weft_model_begin(model, NULL), "made with plan_only");
    CHECK_OK(weft_model_init(model, 1));
    CHECK_OK(weft_model_set_input(model, 0, image, sizeof image));
    CHECK_OK(weft_model_run(model));
    CHECK_OK(weft_model_get_output(model, 0, at_once, sizeof at_once));
    CHECK_OK(weft_model_memory(model, &memory));
    teardown();
    setup_device("cpu", true);
    CHECK_OK(weft_model_memory(model, &planned));
    ck_assert_uint_eq(planned.peak, memory.peak);
    CHECK_OK(weft_model_begin(model, NULL));
    CHECK_OK(weft_model_init(model, 1));
    CHECK_OK(weft_model_set_input(model, 0, image, sizeof image));
    CHECK_OK(weft_model_run(model));
    CHECK_OK(weft_model_get_output(model, 0, later, sizeof later));
    ck_assert_mem_eq(at_once, later, sizeof later);
    CHECK_FAILS(WEFT_INVALID, weft_model_begin(model, NULL), "made with plan_only");
    teardown();
}
END_TEST

/* A plan that found no memory is a plan still, and may begin when there is some. */
static weft_status begin_later(const weft_allocator *allocator, void *arg)
{
    weft_graph *graph = NULL;
    weft_model *m = NULL;
    weft_ctx *c;
    (void)arg;
    weft_status status = weft_ctx_create(&(weft_ctx_opt){ .threads = 1, .allocator = *allocator }, &c);
    if (status != WEFT_OK)
        return status;
    status = weft_arch_build(c, "lenet5", NULL, &graph);
    if (status == WEFT_OK)
        status = weft_model_create(c, graph, &(weft_model_opt){ .plan_only = true }, &m);
    if (status == WEFT_OK) {
        status = weft_model_begin(m, NULL);
        if (status != WEFT_OK)
            CHECK_FAILS(WEFT_INVALID, weft_model_run(m), "plan_only");
        if (status != WEFT_OK && !((check_alloc *)allocator->user)->fail_on)
            CHECK_OK(weft_model_begin(m, NULL));
    }
    weft_model_destroy(m);
    weft_graph_destroy(graph);
    weft_ctx_destroy(c);
    return status;
}

START_TEST(a_plan_without_memory_stays_one)
{
    ck_assert_int_gt(check_every_failure(begin_later, NULL), 10);
}
END_TEST

START_TEST(explain_names_the_refusals)
{
    setup_device("cpu", true);
    for (int i = 0; i < weft_model_step_count(model); i++) {
        weft_step_info info;
        CHECK_OK(weft_model_step(model, i, &info));
        const char *kernel, *reason;
        int k = 0;
        for (;; k++) {
            CHECK_OK(weft_model_explain(model, i, k, &kernel, &reason));
            if (!reason)
                break;
            ck_assert_int_gt((int)strlen(reason), 5);
        }
        ck_assert_str_eq(kernel, info.kernel);
        CHECK_FAILS(WEFT_NOT_FOUND, weft_model_explain(model, i, k + 1, &kernel, &reason), "no candidate");
    }
    teardown();
}
END_TEST

static weft_status whole_life(const weft_allocator *allocator, void *arg)
{
    (void)arg;
    weft_ctx *c;
    weft_graph *graph = NULL;
    weft_model *m = NULL;
    float image[32 * 32] = { 0 };
    weft_status status = weft_ctx_create(&(weft_ctx_opt){ .threads = 2, .allocator = *allocator }, &c);
    if (status != WEFT_OK)
        return status;
    status = weft_arch_build(c, "lenet5", NULL, &graph);
    if (status == WEFT_OK)
        status = weft_model_create(c, graph, NULL, &m);
    if (status == WEFT_OK)
        status = weft_model_init(m, 1);
    if (status == WEFT_OK)
        status = weft_model_set_input(m, 0, image, sizeof image);
    if (status == WEFT_OK)
        status = weft_model_run(m);
    weft_model_destroy(m);
    weft_graph_destroy(graph);
    weft_ctx_destroy(c);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    ck_assert_int_gt(check_every_failure(whole_life, NULL), 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph-model");
    CHECK_CASE(suite, "determinism", threads_do_not_change_a_bit, images_of_a_batch_are_independent);
    CHECK_CASE(suite, "memory", a_run_allocates_nothing, every_allocation_may_fail);
    CHECK_CASE(suite, "ports", ports_are_checked, parameters_are_set_by_name, new_parameters_reach_the_kernels);
    CHECK_CASE(suite, "devices", the_null_device_plans_like_the_cpu, a_plan_does_not_run, a_plan_begins,
               a_plan_without_memory_stays_one, explain_names_the_refusals, the_callback_hears_of_devices_and_plans);
    return check_main(suite, "graph-model");
}
