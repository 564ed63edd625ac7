/* SPDX-License-Identifier: Apache-2.0
 *
 * lrn: per pixel, squares into a padded row in L1, the window's sum from it, and x times a power by square roots where
 * beta is 1/2, 3/4 or 1. Bound: arithmetic, about 2 vectors of 16 in 20 ns. */
#include "cpu/ref/ref.h"
#include "cpu/rows.h"

typedef struct job {
    const weft_call *call;
    const weft_rows *rows;
    weft_split split;
    weft_response response; /* what all items share */
} job;

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_lrn_opt *o = node->opt;
    const int64_t channels = weft_shape_channels(&node->in[0]);
    plan->thread_scratch = sizeof(float) * (size_t)(channels + 2 * (o->window / 2) + 2 * WEFT_ROWS_LANES);
    return WEFT_OK;
}

static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *x = &j->call->in[0], *y = &j->call->out[0];
    int64_t first, count = weft_split_item(&j->split, index, &first);
    weft_response p = j->response;
    p.x = weft_row(x, first);
    p.y = weft_row(y, first);
    p.rows = count;
    p.buffer = weft_call_thread_scratch(j->call, thread);
    j->rows->response(&p);
}

static weft_status run(const weft_call *call)
{
    const weft_lrn_opt *o = call->node->opt;
    job j = { .call = call, .rows = weft_rows_of(call->device), .split = weft_split_rows(&call->node->in[0]) };
    j.response = (weft_response){
        .x_ld = call->in[0].ld, .y_ld = call->out[0].ld, .channels = j.split.channels, .reach = o->window / 2,
        .k = (float)o->k, .alpha = (float)(o->alpha_is_per_window ? o->alpha / o->window : o->alpha),
        .beta = (float)o->beta,
    };
    weft_pool_run(call->device->pool, j.split.items, item, &j);
    return WEFT_OK;
}

static const weft_kernel rows = {
    .name = "cpu.lrn.rows", .refuse = weft_rows_refuse, .prepare = prepare, .run = run, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_lrn[] = { &rows, &weft_cpu_lrn_ref, NULL };

/* ---- lrn_dx ---- */

typedef struct dx_job {
    const weft_call *call;
    const weft_rows *rows;
    weft_split split;
    weft_response_dx response; /* what all items share */
    const weft_view *residual;
} dx_job;

static weft_status prepare_dx(const weft_node *node, weft_plan *plan)
{
    const weft_lrn_opt *o = node->opt;
    const int64_t channels = weft_shape_channels(&node->in[0]);
    plan->thread_scratch = 2 * sizeof(float) * (size_t)(channels + 2 * (o->window / 2) + 2 * WEFT_ROWS_LANES);
    return WEFT_OK;
}

static void dx_item(void *arg, int64_t index, int thread)
{
    const dx_job *j = arg;
    int64_t first, count = weft_split_item(&j->split, index, &first);
    weft_response_dx p = j->response;
    p.dy = weft_row(&j->call->in[0], first);
    p.x = weft_row(&j->call->in[1], first);
    p.dx = weft_row(&j->call->out[0], first);
    p.residual = j->residual ? weft_row(j->residual, first) : NULL;
    p.rows = count;
    p.buffer = weft_call_thread_scratch(j->call, thread);
    j->rows->response_dx(&p);
}

static weft_status run_dx(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_lrn_opt *o = n->opt;
    dx_job j = { .call = call, .rows = weft_rows_of(call->device), .split = weft_split_rows(&n->in[0]),
                 .residual = n->epi.residual ? &call->in[n->n_in - 1] : NULL };
    j.response = (weft_response_dx){
        .dy_ld = call->in[0].ld, .x_ld = call->in[1].ld, .r_ld = j.residual ? j.residual->ld : 0,
        .dx_ld = call->out[0].ld, .channels = j.split.channels, .reach = o->window / 2, .k = (float)o->k,
        .alpha = (float)(o->alpha_is_per_window ? o->alpha / o->window : o->alpha), .beta = (float)o->beta,
    };
    weft_pool_run(call->device->pool, j.split.items, dx_item, &j);
    return WEFT_OK;
}

static const weft_kernel dx_rows = {
    .name = "cpu.lrn_dx.rows", .refuse = weft_rows_refuse, .prepare = prepare_dx, .run = run_dx,
    .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_lrn_dx[] = { &dx_rows, &weft_cpu_lrn_dx_ref, NULL };
