/* SPDX-License-Identifier: Apache-2.0
 *
 * A graph on the doubles, run in every way. */
#include "prove.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"

const weft_ctx_opt card = { .device = "cuda", .precision = WEFT_PRECISION_FP32 };
static const weft_ctx_opt cpu = { .device = "cpu", .math = WEFT_MATH_STRICT };
const weft_shape SCALAR = { .rank = 1, .dim = { 1 } };

const char *name_of(char *text, const char *what, int i)
{
    snprintf(text, 32, "%s%d", what, i);
    return text;
}

/* Numbers between -1 and 1, those of a vector of one element (rates, losses) small and positive. */
static void feed(weft_model *model)
{
    static float x[ROOM];
    for (int i = 0; i < weft_model_input_count(model); i++) {
        weft_port_info port;
        CHECK_OK(weft_model_input(model, i, &port));
        const int64_t count = weft_shape_count(&port.shape);
        ck_assert_int_le(count, ROOM);
        weft_rng_fill_uniform(check_seed(), (uint64_t)i, 0, count, count == 1 ? .01 : -1, count == 1 ? .2 : 1, x);
        CHECK_OK(weft_model_set_input(model, i, x, (size_t)count * sizeof *x));
    }
}

void make(built *b, const weft_ctx_opt *how, const graph_of *of)
{
    CHECK_OK(weft_ctx_create(how, &b->ctx));
    CHECK_OK(weft_graph_create(b->ctx, &b->graph));
    of->build(b->graph, of->which);
    CHECK_OK(weft_graph_status(b->graph));
    const weft_graph *const graphs[] = { b->graph };
    CHECK_OK(weft_store_create(b->ctx, graphs, 1, &b->store));
    CHECK_OK(weft_store_init(b->store, 7));
    CHECK_OK(weft_model_create(b->ctx, b->graph, &(weft_model_opt){ .training = true, .store = b->store }, &b->model));
    feed(b->model);
}

void unmake(built *b)
{
    weft_model_destroy(b->model);
    weft_store_destroy(b->store);
    weft_graph_destroy(b->graph);
    weft_ctx_destroy(b->ctx);
}

int64_t dump(const built *b, float *to)
{
    int64_t n = 0;
    for (int i = 0; i < weft_store_count(b->store); i++) {
        weft_param_info info;
        CHECK_OK(weft_store_param(b->store, i, &info));
        const int64_t count = weft_shape_count(&info.shape);
        ck_assert_int_le(n + count, ROOM);
        CHECK_OK(weft_store_get(b->store, info.name, to + n, count));
        n += count;
    }
    for (int i = 0; i < weft_model_output_count(b->model); i++) {
        weft_port_info port;
        CHECK_OK(weft_model_output(b->model, i, &port));
        const int64_t count = weft_shape_count(&port.shape);
        ck_assert_int_le(n + count, ROOM);
        CHECK_OK(weft_model_get_output(b->model, i, to + n, (size_t)count * sizeof *to));
        n += count;
    }
    return n;
}

static weft_status seen(void *user, const weft_gnode *gnode)
{
    (void)gnode;
    ++*(int *)user;
    return WEFT_OK;
}

int64_t results(const weft_ctx_opt *how, const graph_of *of, bool watched, float *to)
{
    built b = { 0 };
    int nodes = 0;
    make(&b, how, of);
    for (int run = 0; run < RUNS; run++)
        CHECK_OK(watched ? weft_model_run_watched(b.model, &(weft_watch){ seen, &nodes }) : weft_model_run(b.model));
    if (watched)
        ck_assert_int_eq(nodes, RUNS * weft_model_step_count(b.model));
    const int64_t n = dump(&b, to);
    unmake(&b);
    return n;
}

/* Of weft's kernels and of the libraries'. */
static int64_t launches_so_far(void)
{
    const double_counts counts = doubles->counts();
    return counts.kernels + counts.plans + counts.products;
}

/* Launches in each of three runs, launch by launch, captured, replayed; all say the same. */
static int launches_of_runs(weft_model *model)
{
    int64_t launches = 0;
    for (int run = 0; run < RUNS; run++) {
        const int64_t before = launches_so_far();
        CHECK_OK(weft_model_run(model));
        const int64_t made = launches_so_far() - before;
        ck_assert(run == 0 || made == launches);
        launches = made;
    }
    return (int)launches;
}

int prove(const weft_ctx_opt *how, const graph_of *of, double limit, int *steps)
{
    static float got[ROOM], alone[ROOM], expected[ROOM];
    built b = { 0 };
    weft_run_cost cost;
    make(&b, how, of);
    CHECK_OK(weft_model_cost(b.model, &cost));
    ck_assert_int_eq(launches_of_runs(b.model), cost.launches);
    ck_assert_int_eq(weft_model_launch_count(b.model), cost.launches);
    *steps = weft_model_step_count(b.model);
    const int64_t n = dump(&b, got);
    unmake(&b);
    ck_assert_int_eq(results(how, of, true, alone), n);
    ck_assert_msg(memcmp(got, alone, (size_t)n * sizeof *got) == 0, "not the bits of the nodes alone");
    ck_assert_int_eq(results(&cpu, of, false, expected), n);
    double off = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        off += pow((double)got[i] - (double)expected[i], 2);
        size += pow((double)expected[i], 2);
    }
    ck_assert_msg(size > 0 && sqrt(off / size) <= limit, "%.3g from the CPU's result", sqrt(off / size));
    finish();
    return cost.launches;
}
