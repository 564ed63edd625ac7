/* SPDX-License-Identifier: Apache-2.0
 *
 * Losses: a row is read for its maximum and, from L1, for exponentials and gradient; rows are shared by the threads,
 * and what they add to the loss is summed in their order. The RBF criterion has ten classes: its reference serves. */
#include "cpu/ref/ref.h"
#include "cpu/rows.h"
#include "cpu/update.h"

enum { ROWS = 8 }; /* of an item */

typedef struct job {
    const weft_call *call;
    double (*row)(const weft_loss_row *row);
    const float *weights;
    double *losses; /* [N] */
    float factor;
} job;

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    plan->scratch = (size_t)node->in[0].dim[0] * sizeof(double);
    return WEFT_OK;
}

static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const int64_t all = j->call->node->in[0].dim[0], first = index * ROWS;
    (void)thread;
    for (int64_t n = first; n < all && n < first + ROWS; n++) {
        const weft_loss_row row = { weft_row(&j->call->in[0], n), weft_row(&j->call->in[1], n), j->weights,
                                    weft_row(&j->call->out[1], n), j->call->node->in[0].dim[1], j->factor };
        j->losses[n] = j->row(&row);
    }
}

static weft_status run_rows(const weft_call *call, double (*row)(const weft_loss_row *), const float *weights,
                            double factor)
{
    const int64_t n = call->node->in[0].dim[0];
    const float scale = call->node->n_in > 2 ? *(const float *)call->in[2].data : 1;
    job j = { call, row, weights, call->scratch, (float)factor * scale }; /* a power of two: the same bits */
    double sum = 0;
    weft_pool_run(call->device->pool, (n + ROWS - 1) / ROWS, item, &j);
    for (int64_t i = 0; i < n; i++)
        sum += j.losses[i];
    *(float *)call->out[0].data = (float)(factor * sum);
    return WEFT_OK;
}

static weft_status run_cross_entropy(const weft_call *call)
{
    const weft_cross_entropy_opt *o = call->node->opt;
    return run_rows(call, weft_updates_of(call->device)->cross_entropy, o->class_weights,
                    o->weight / (double)call->node->in[0].dim[0]);
}

static const weft_kernel cross_entropy_rows = {
    .name = "cpu.cross_entropy.rows", .refuse = weft_rows_refuse, .prepare = prepare, .run = run_cross_entropy,
};

const weft_kernel *const weft_cpu_cross_entropy[] = { &cross_entropy_rows, &weft_cpu_cross_entropy_ref, NULL };

static weft_status run_bce(const weft_call *call)
{
    const weft_bce_opt *o = call->node->opt;
    const weft_shape *x = &call->node->in[0];
    return run_rows(call, weft_updates_of(call->device)->bce, o->class_weights,
                    o->weight / (double)(o->sum_classes ? x->dim[0] : x->dim[0] * x->dim[1]));
}

static const weft_kernel bce_rows = {
    .name = "cpu.bce.rows", .refuse = weft_rows_refuse, .prepare = prepare, .run = run_bce,
};

const weft_kernel *const weft_cpu_bce[] = { &bce_rows, &weft_cpu_bce_ref, NULL };
const weft_kernel *const weft_cpu_rbf_criterion[] = { &weft_cpu_rbf_criterion_ref, NULL };
