/* SPDX-License-Identifier: Apache-2.0
 *
 * activation and its gradient: the vector functions of simd/vmath.h over all elements, in place where the planner
 * likes. */
#include "op/activation.h"

#include "cpu/ref/ref.h"
#include "cpu/rows.h"

typedef struct job {
    const weft_call *call;
    const weft_rows *rows;
    weft_split split;
    bool dense, stream;
} job;

static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *x = &j->call->in[0], *y = &j->call->out[0];
    int64_t first, count = weft_split_item(&j->split, index, &first);
    (void)thread;
    const weft_affine p = {
        .x = weft_row(x, first), .y = weft_row(y, first), .x_ld = x->ld, .y_ld = y->ld,
        .rows = j->dense ? 1 : count, .channels = j->dense ? count * j->split.channels : j->split.channels,
        .act = ((const weft_activation_opt *)j->call->node->opt)->act, .stream = j->stream,
    };
    j->rows->affine(&p);
}

static weft_status run(const weft_call *call)
{
    job j = { .call = call, .rows = weft_rows_of(call->device), .split = weft_split_rows(&call->node->in[0]) };
    j.dense = weft_view_dense(&call->in[0], j.split.channels) && weft_view_dense(&call->out[0], j.split.channels);
    j.stream = weft_streams(call->device, &call->node->out[0], &call->out[0], &call->in[0], j.dense);
    weft_pool_run(call->device->pool, j.split.items, item, &j);
    return WEFT_OK;
}

static const weft_kernel rows = {
    .name = "cpu.activation.rows", .refuse = weft_rows_refuse, .run = run, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_activation[] = { &rows, &weft_cpu_activation_ref, NULL };

/* ---- activation_dx ---- */

static void item_dx(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *dy = &j->call->in[0], *v = &j->call->in[1], *dx = &j->call->out[0];
    int64_t first, count = weft_split_item(&j->split, index, &first);
    (void)thread;
    j->rows->slope(&(weft_slope){
        .dy = weft_row(dy, first), .v = weft_row(v, first), .dx = weft_row(dx, first), .dy_ld = dy->ld, .v_ld = v->ld,
        .dx_ld = dx->ld, .rows = j->dense ? 1 : count,
        .channels = j->dense ? count * j->split.channels : j->split.channels,
        .act = ((const weft_activation_opt *)j->call->node->opt)->act, .stream = j->stream });
}

static weft_status run_dx(const weft_call *call)
{
    const weft_view *dy = &call->in[0], *v = &call->in[1], *dx = &call->out[0];
    job j = { .call = call, .rows = weft_rows_of(call->device), .split = weft_split_rows(&call->node->in[0]) };
    const int64_t c = j.split.channels;
    j.dense = weft_view_dense(dy, c) && weft_view_dense(v, c) && weft_view_dense(dx, c);
    j.stream = weft_streams(call->device, &call->node->out[0], dx, dy, j.dense) && v->data != dx->data;
    weft_pool_run(call->device->pool, j.split.items, item_dx, &j);
    return WEFT_OK;
}

static const weft_kernel rows_dx = {
    .name = "cpu.activation_dx.rows", .refuse = weft_rows_refuse, .run = run_dx,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_IN1,
};

const weft_kernel *const weft_cpu_activation_dx[] = { &rows_dx, &weft_cpu_activation_dx_ref, NULL };
