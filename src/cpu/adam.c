/* SPDX-License-Identifier: Apache-2.0
 *
 * adam: one pass over parameter, moments and gradient. Bound: DRAM, 28 bytes an element. lamb: a pass that writes the
 * moments and sums squares, item by item in the order of the items; and one that applies the step. */
#include <math.h>

#include "cpu/ref/ref.h"
#include "cpu/rows.h"
#include "cpu/update.h"

static weft_status run_adam(const weft_call *call)
{
    const weft_adam_opt *o = call->node->opt;
    const double lr = o->lr_scale * (double)weft_scalar(&call->in[4]), t = weft_go_number(&call->in[5]);
    const weft_update u = { .scale = weft_go_scale(&call->in[5]), .decay = o->decoupled ? 0 : (float)o->decay,
                            .shrink = o->decoupled ? (float)(1 - lr * o->decay) : 1,
                            .momentum = (float)o->beta1, .rest_momentum = (float)(1 - o->beta1),
                            .rho = (float)o->beta2, .rest_rho = (float)(1 - o->beta2), .epsilon = (float)o->epsilon,
                            .correct_v = (float)(1 / sqrt(1 - pow(o->beta2, t))),
                            .lr = (float)(lr / (1 - pow(o->beta1, t))) };
    if (weft_go_scale(&call->in[5]) == 0)
        return weft_update_keep(call, 3);
    return weft_update_run(call, weft_updates_of(call->device)->adam, &u, 4, 3);
}

static const weft_kernel adam_rows = {
    .name = "cpu.adam.rows", .refuse = weft_rows_refuse, .run = run_adam, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_adam[] = { &adam_rows, &weft_cpu_adam_ref, NULL };

/* ---- lamb ---- */

typedef struct lamb_job {
    const weft_call *call;
    weft_split split;
    weft_update u;
    double *sums; /* [items][2] */
} lamb_job;

static void norms_item(void *arg, int64_t index, int thread)
{
    const lamb_job *j = arg;
    int64_t first, count = weft_split_item(&j->split, index, &first);
    double *sums = &j->sums[2 * index];
    (void)thread;
    sums[0] = sums[1] = 0;
    for (int64_t r = first; r < first + count; r++) {
        weft_update u = j->u;
        for (int k = 0; k < 4; k++)
            u.in[k] = weft_row(&j->call->in[k], r);
        for (int k = 0; k < 3; k++)
            u.out[k] = weft_row(&j->call->out[k], r);
        weft_updates_of(j->call->device)->lamb_norms(&u, j->split.channels, sums);
    }
}

static weft_status prepare_lamb(const weft_node *node, weft_plan *plan)
{
    plan->scratch = 2 * sizeof(double) * (size_t)weft_split_rows(&node->out[0]).items;
    return WEFT_OK;
}

static weft_status run_lamb(const weft_call *call)
{
    const weft_lamb_opt *o = call->node->opt;
    const double lr = o->lr_scale * (double)weft_scalar(&call->in[4]), t = weft_go_number(&call->in[5]);
    lamb_job j = { .call = call, .split = weft_split_rows(&call->node->out[0]), .sums = call->scratch,
                   .u = { .scale = weft_go_scale(&call->in[5]), .decay = (float)o->decay, .momentum = (float)o->beta1,
                          .rest_momentum = (float)(1 - o->beta1), .rho = (float)o->beta2,
                          .rest_rho = (float)(1 - o->beta2), .epsilon = (float)o->epsilon,
                          .correct_m = (float)(1 / (1 - pow(o->beta1, t))),
                          .correct_v = (float)(1 / sqrt(1 - pow(o->beta2, t))) } };
    double own = 0, wanted = 0;
    if (weft_go_scale(&call->in[5]) == 0)
        return weft_update_keep(call, 3);
    weft_pool_run(call->device->pool, j.split.items, norms_item, &j);
    for (int64_t i = 0; i < j.split.items; i++) {
        own += j.sums[2 * i];
        wanted += j.sums[2 * i + 1];
    }
    j.u.lr = (float)(lr * (o->fixed_size || own == 0 || wanted == 0 ? 1 : sqrt(own) / sqrt(wanted)));
    return weft_update_run(call, weft_updates_of(call->device)->lamb, &j.u, 1, 3);
}

static const weft_kernel lamb_rows = {
    .name = "cpu.lamb.rows", .refuse = weft_rows_refuse, .prepare = prepare_lamb, .run = run_lamb,
};

const weft_kernel *const weft_cpu_lamb[] = { &lamb_rows, &weft_cpu_lamb_ref, NULL };
