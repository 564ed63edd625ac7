/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of what decides about an update. gradient_norm: all gradients cut into items by their sizes, sums of squares
 * added in the order of the items. Bound: DRAM, 4 bytes an element. */
#include <math.h>

#include "cpu/ref/ref.h"
#include "cpu/rows.h"
#include "cpu/update.h"

/* ---- gradient_norm ---- */

typedef struct norm_job {
    const weft_call *call;
    const int64_t *first; /* [n_in + 1] items before each gradient */
    double *sums;         /* [items] */
} norm_job;

static weft_status prepare_norm(const weft_node *node, weft_plan *plan)
{
    int64_t *first = weft_arena_array(plan->arena, (size_t)node->n_in + 1, sizeof *first);
    if (!first)
        return WEFT_NO_MEMORY;
    for (int k = 0; k < node->n_in; k++)
        first[k + 1] = first[k] + weft_split_rows(&node->in[k]).items;
    plan->state = first;
    plan->scratch = (size_t)first[node->n_in] * sizeof(double);
    return WEFT_OK;
}

/* The gradient that an item is of. */
static int gradient_of(const norm_job *j, int64_t item)
{
    int low = 0, high = j->call->node->n_in;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (j->first[middle] <= item)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void norm_item(void *arg, int64_t item, int thread)
{
    const norm_job *j = arg;
    const int k = gradient_of(j, item);
    const weft_view *x = &j->call->in[k];
    const weft_split split = weft_split_rows(&j->call->node->in[k]);
    double (*const squares)(const float *, int64_t) = weft_updates_of(j->call->device)->squares;
    int64_t first, count = weft_split_item(&split, item - j->first[k], &first);
    double sum = 0;
    (void)thread;
    if (weft_view_dense(x, split.channels))
        sum = squares(weft_row(x, first), count * split.channels);
    else
        for (int64_t r = first; r < first + count; r++)
            sum += squares(weft_row(x, r), split.channels);
    j->sums[item] = sum;
}

static weft_status run_norm(const weft_call *call)
{
    norm_job j = { call, call->state, call->scratch };
    const int64_t items = j.first[call->node->n_in];
    double sum = 0;
    weft_pool_run(call->device->pool, items, norm_item, &j);
    for (int64_t i = 0; i < items; i++)
        sum += j.sums[i];
    *(float *)call->out[0].data = (float)sqrt(sum);
    return WEFT_OK;
}

static const weft_kernel norm_rows = {
    .name = "cpu.gradient_norm.rows", .refuse = weft_rows_refuse, .prepare = prepare_norm, .run = run_norm,
};

const weft_kernel *const weft_cpu_gradient_norm[] = { &norm_rows, &weft_cpu_gradient_norm_ref, NULL };
const weft_kernel *const weft_cpu_gate[] = { &weft_cpu_gate_ref, NULL };
const weft_kernel *const weft_cpu_scaled_gate[] = { &weft_cpu_scaled_gate_ref, NULL };

/* ---- one pass each ---- */

static weft_status run_accumulate(const weft_call *call)
{
    const weft_accumulate_opt *o = call->node->opt;
    const weft_update u = { .scale = weft_go_scale(&call->in[2]),
                            .flag = fmod(ceil(weft_go_number(&call->in[2])) - 1, o->every) == 0 };
    if (weft_go_scale(&call->in[2]) == 0)
        return weft_update_keep(call, 1);
    return weft_update_run(call, weft_updates_of(call->device)->accumulate, &u, 2, 1);
}

static const weft_kernel accumulate_rows = {
    .name = "cpu.accumulate.rows", .refuse = weft_rows_refuse, .run = run_accumulate, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_accumulate[] = { &accumulate_rows, &weft_cpu_accumulate_ref, NULL };

static weft_status run_clip(const weft_call *call)
{
    const double go = call->node->n_in > 1 ? weft_go_scale(&call->in[1]) : 1;
    const weft_update u = { .lr = (float)(((const weft_clip_opt *)call->node->opt)->limit / go) };
    return weft_update_run(call, weft_updates_of(call->device)->clip, &u, 1, 1);
}

static const weft_kernel clip_rows = {
    .name = "cpu.clip.rows", .refuse = weft_rows_refuse, .run = run_clip, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_clip[] = { &clip_rows, &weft_cpu_clip_ref, NULL };

static weft_status run_ema(const weft_call *call)
{
    const weft_ema_opt *o = call->node->opt;
    const double t = weft_go_number(&call->in[2]), warm = (1 + t) / (10 + t);
    const double d = o->no_warm_up || warm > o->decay ? o->decay : warm;
    const weft_update u = { .rest_rho = (float)(1 - d), .flag = t <= 1 };
    if (weft_go_scale(&call->in[2]) == 0)
        return weft_update_keep(call, 1);
    return weft_update_run(call, weft_updates_of(call->device)->ema, &u, 2, 1);
}

static const weft_kernel ema_rows = {
    .name = "cpu.ema.rows", .refuse = weft_rows_refuse, .run = run_ema, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_ema[] = { &ema_rows, &weft_cpu_ema_ref, NULL };
