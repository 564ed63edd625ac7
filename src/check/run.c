/* SPDX-License-Identifier: Apache-2.0
 *
 * A case through all of weft: as a graph of one op and its epilogue, planned and run as any network, on any device. */
#include <weft/check.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check/compare.h"
#include "check/problem.h"
#include "check/run.h"
#include "program/program.h"

/* ---- the cases of all ops, numbered ---- */

/* Case `index` of all; NULL if there are fewer, and then *id is their number. */
static const weft_op_case *find_case(int index, int *id)
{
    int count = 0;
    for (*id = 0; *id < WEFT_OP_COUNT; ++*id)
        for (const weft_op_case *c = weft_op_table[*id]->cases; c->name; c++)
            if (count++ == index)
                return c;
    *id = count;
    return NULL;
}

int weft_check_count(void)
{
    int count;
    (void)find_case(-1, &count);
    return count;
}

weft_status weft_check_case(int index, weft_check_info *out)
{
    int id;
    const weft_op_case *c = find_case(index, &id);
    if (!c)
        return weft_fail(WEFT_INVALID, "case %d: there are cases 0 to %d", index, id - 1);
    *out = (weft_check_info){ .name = c->name, .op = weft_op_table[id]->name, .large = c->large,
                              .cpu_only = !weft_op_on_devices[id] };
    return WEFT_OK;
}

/* ---- one case as a model ---- */

typedef struct check {
    const weft_problem *problem;
    const weft_op_case *c;
    weft_ctx *ctx;
    weft_graph *graph;
    weft_model *model;
    weft_exactness how;
    float *got, *before; /* all outputs, one behind the other */
} check;

/* Whether the op changes input i in place, so that the store must keep it. */
static bool is_state(const weft_node *node, int i)
{
    return i < node->n_out && node->op->updates >> i & 1;
}

/* The op, then what its epilogue adds; outputs in order. */
static weft_status build(check *k, bool plan_only)
{
    const weft_problem *p = k->problem;
    const weft_node *n = &p->node;
    weft_var in[WEFT_PROBLEM_IN] = { { 0 } };
    WEFT_TRY(weft_graph_create(k->ctx, &k->graph));
    weft_graph *g = k->graph;
    for (int i = 0; i < n->n_in; i++) {
        char name[16];
        snprintf(name, sizeof name, "in%d", i);
        if (is_state(n, i))
            in[i] = weft_state(g, name, &n->in[i], WEFT_INIT_ZERO);
        else if (weft_param_of(n, i) < 0)
            in[i] = weft_input_of(g, name, p->dtype_in[i], &n->in[i]);
    }
    const weft_var first = weft_graph_append(g, n->id, k->c->opt, in, k->c->n_in);
    weft_var y = first;
    if (n->epi.residual)
        y = weft_add(g, y, in[n->n_in - 1]);
    if (n->epi.act != WEFT_ACT_NONE)
        y = weft_activation(g, y, n->epi.act);
    weft_output(g, y, "y");
    for (int o = 1; o < n->n_out; o++)
        weft_output(g, weft_graph_out(first, o), "other");
    return weft_model_create(k->ctx, g, &(weft_model_opt){ .plan_only = plan_only }, &k->model);
}

/* Inputs and parameters, in the order in which the graph has them. */
static weft_status feed(const check *k)
{
    const weft_problem *p = k->problem;
    int inputs = 0, params = 0;
    for (int i = 0; i < p->node.n_in; i++) {
        const int64_t count = weft_shape_count(&p->node.in[i]);
        if (weft_param_of(&p->node, i) < 0 && !is_state(&p->node, i)) {
            WEFT_TRY(weft_model_set_input(k->model, inputs++, p->in[i], (size_t)count * sizeof(float)));
            continue;
        }
        weft_param_info info;
        WEFT_TRY(weft_model_param(k->model, params++, &info));
        WEFT_TRY(weft_model_set_param(k->model, info.name, p->in[i], count));
    }
    return WEFT_OK;
}

/* The largest error factor among the kernels that were chosen, and what they built. */
static double error_factor(const weft_model *model)
{
    double most = 1;
    for (int i = 0; i < model->n_steps; i++)
        most = fmax(most, fmax(model->steps[i].kernel->error_factor, model->steps[i].plan.error_factor));
    return most;
}

static weft_status run_once(check *k)
{
    WEFT_TRY(feed(k));
    WEFT_TRY(weft_model_run(k->model));
    float *at = k->got;
    for (int o = 0; o < k->problem->node.n_out; o++) {
        const int64_t count = weft_shape_count(&k->problem->node.out[o]);
        WEFT_TRY(weft_model_get_output(k->model, o, at, (size_t)count * sizeof *at));
        at += count;
    }
    return WEFT_OK;
}

static void judge(const check *k, weft_check_result *out)
{
    const weft_node *n = &k->problem->node;
    const float *at = k->got;
    for (int o = 0; o < n->n_out; o++) {
        const int64_t count = weft_shape_count(&n->out[o]);
        const weft_comparison found = weft_compare(n, &k->how, at, k->problem->want[o], count);
        if (found.share > out->share)
            *out = (weft_check_result){ .share = found.share, .output = o, .index = found.index, .got = found.got,
                                        .want = found.want, .allowed = found.allowed, .differs = out->differs };
        at += count;
    }
}

static weft_status run_all(check *k, int runs, weft_check_result *out)
{
    size_t count = 0;
    for (int o = 0; o < k->problem->node.n_out; o++)
        count += (size_t)weft_shape_count(&k->problem->node.out[o]);
    k->got = weft_calloc(&k->ctx->allocator, count, sizeof *k->got);
    k->before = weft_calloc(&k->ctx->allocator, count, sizeof *k->before);
    if (!k->got || !k->before)
        return WEFT_NO_MEMORY;
    WEFT_TRY(build(k, false));
    k->how = (weft_exactness){ error_factor(k->model), weft_ctx_precision(k->ctx) };
    *out = (weft_check_result){ .share = -1 };
    for (int run = 0; run < runs; run++) {
        WEFT_TRY(run_once(k));
        judge(k, out);
        if (run > 0 && !out->differs && memcmp(k->got, k->before, count * sizeof *k->got) != 0)
            out->differs = run;
        memcpy(k->before, k->got, count * sizeof *k->got);
    }
    return WEFT_OK;
}

weft_status weft_check_run(weft_ctx *ctx, int index, int runs, uint64_t seed, weft_check_result *out)
{
    int id;
    const weft_op_case *c = find_case(index, &id);
    if (!ctx || !out || !c || runs < 1)
        return weft_fail(WEFT_INVALID, "weft_check_run: case %d, %d runs, ctx and out %sgiven: expected a case of "
                                       "weft_check_count's, 1 run or more, and both", index, runs,
                         ctx && out ? "" : "not ");
    weft_problem problem;
    weft_status status =
        weft_problem_make_in(&problem, (weft_op_id)id, c, WEFT_VALUES_UNIT, ctx->device->dtype, seed);
    if (status == WEFT_OK) {
        check k = { .problem = &problem, .c = c, .ctx = ctx };
        status = run_all(&k, runs, out);
        weft_model_destroy(k.model);
        weft_graph_destroy(k.graph);
        weft_free(&ctx->allocator, k.got);
        weft_free(&ctx->allocator, k.before);
    }
    weft_problem_release(&problem);
    return status;
}

weft_status weft_check_plan(weft_ctx *ctx, int index)
{
    int id;
    const weft_op_case *c = find_case(index, &id);
    if (!ctx || !c)
        return weft_fail(WEFT_INVALID, "case %d: expected ctx, and a case of weft_check_count's", index);
    weft_problem problem;
    weft_status status = weft_problem_node(&problem, (weft_op_id)id, c);
    if (status == WEFT_OK) {
        check k = { .problem = &problem, .c = c, .ctx = ctx };
        status = build(&k, true);
        weft_model_destroy(k.model);
        weft_graph_destroy(k.graph);
    }
    weft_problem_release(&problem);
    return status;
}
