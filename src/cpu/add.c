/* SPDX-License-Identifier: Apache-2.0
 *
 * add: a + scale * b and the activation, one pass, in place on either input. Bound: DRAM. */
#include "cpu/ref/ref.h"
#include "cpu/rows.h"
#include "op/util.h"

typedef struct job {
    const weft_call *call;
    const weft_rows *rows;
    weft_split split;
    bool dense, stream;
} job;

static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *a = &j->call->in[0], *b = &j->call->in[1], *y = &j->call->out[0];
    int64_t first, count = weft_split_item(&j->split, index, &first);
    (void)thread;
    const weft_sum2 p = {
        .a = weft_row(a, first), .b = weft_row(b, first), .y = weft_row(y, first),
        .a_ld = a->ld, .b_ld = b->ld, .y_ld = y->ld,
        .rows = j->dense ? 1 : count, .channels = j->dense ? count * j->split.channels : j->split.channels,
        .scale = (float)((const weft_add_opt *)j->call->node->opt)->scale, .act = j->call->node->epi.act,
        .stream = j->stream,
    };
    j->rows->sum2(&p);
}

static weft_status run(const weft_call *call)
{
    const weft_view *a = &call->in[0], *b = &call->in[1], *y = &call->out[0];
    job j = { .call = call, .rows = weft_rows_of(call->device), .split = weft_split_rows(&call->node->in[0]) };
    const int64_t c = j.split.channels;
    j.dense = weft_view_dense(a, c) && weft_view_dense(b, c) && weft_view_dense(y, c);
    j.stream = weft_streams(call->device, &call->node->out[0], y, a, j.dense) && b->data != y->data;
    weft_pool_run(call->device->pool, j.split.items, item, &j);
    return WEFT_OK;
}

static const weft_kernel rows = {
    .name = "cpu.add.rows", .refuse = weft_rows_refuse, .run = run,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_IN1,
};

const weft_kernel *const weft_cpu_add[] = { &rows, &weft_cpu_add_ref, NULL };

/* ---- scale ---- */

/* A row of the factor, for the kernel that scales by channels. */
static weft_status prepare_scale(const weft_node *node, weft_plan *plan)
{
    plan->scratch = sizeof(float) * (size_t)weft_shape_channels(&node->in[0]);
    return WEFT_OK;
}

static void scale_item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_node *n = j->call->node;
    const weft_view *x = &j->call->in[0], *y = &j->call->out[0];
    const weft_view *r = n->epi.residual ? &j->call->in[n->n_in - 1] : NULL;
    int64_t first, count = weft_split_item(&j->split, index, &first);
    (void)thread;
    const weft_affine p = {
        .x = weft_row(x, first), .y = weft_row(y, first), .residual = r ? weft_row(r, first) : NULL, .x_ld = x->ld,
        .y_ld = y->ld, .r_ld = r ? r->ld : 0, .scale = j->call->scratch, .rows = count,
        .channels = j->split.channels,
    };
    j->rows->affine(&p);
}

static weft_status run_scale(const weft_call *call)
{
    job j = { .call = call, .rows = weft_rows_of(call->device), .split = weft_split_rows(&call->node->in[0]) };
    float *factors = call->scratch;
    for (int64_t c = 0; c < j.split.channels; c++)
        factors[c] = (float)((const weft_scale_opt *)call->node->opt)->factor;
    weft_pool_run(call->device->pool, j.split.items, scale_item, &j);
    return WEFT_OK;
}

static const weft_kernel scale_rows = {
    .name = "cpu.scale.rows", .refuse = weft_rows_refuse, .prepare = prepare_scale, .run = run_scale,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cpu_scale[] = { &scale_rows, &weft_cpu_scale_ref, NULL };
