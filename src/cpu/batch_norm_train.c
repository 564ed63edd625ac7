/* SPDX-License-Identifier: Apache-2.0
 *
 * Batch norm in training, forwards and backwards, each in two passes over the tensor. Rows are cut into slices by sizes
 * alone; a slice sums in fp32, around a shift of its own that is close to its mean, and the slices are joined in
 * double, in order (Chan, Golub & LeVeque 1983): the same bits for any number of threads, and a large mean costs no
 * digits. The second pass goes backwards: what the first has read last is still in the caches. Bound: DRAM. */
#include <math.h>
#include <string.h>

#include "cpu/batch_norm_train.h"
#include "cpu/ref/ref.h"
#include "cpu/rows.h"
#include "op/batch_norm.h"

enum {
    SLICE_FLOATS = 1 << 17, /* about as many: half a megabyte */
    LEAST_ROWS = 64,        /* of a slice, as its totals are three more */
    MOST_ROWS = 512,        /* beyond them sums in fp32 would lose digits */
    GROUP = 16,             /* rows of a slice come in sixteens */
    SHIFT_ROWS = 8,         /* whose mean is a slice's shift */
    JOINED = 64             /* channels that are joined together */
};

/* ---- slices ---- */

typedef struct slices {
    int64_t rows, channels;
    int64_t per, count; /* rows of a slice; slices */
} slices;

static slices cut(const weft_shape *x)
{
    slices s = { .rows = weft_shape_rows(x), .channels = weft_shape_channels(x) };
    s.per = SLICE_FLOATS / s.channels / GROUP * GROUP;
    s.per = s.per < LEAST_ROWS ? LEAST_ROWS : s.per > MOST_ROWS ? MOST_ROWS : s.per;
    s.count = (s.rows - 1) / s.per + 1;
    return s;
}

static int64_t rows_of(const slices *s, int64_t slice)
{
    const int64_t left = s->rows - slice * s->per;
    return left < s->per ? left : s->per;
}

/* In scratch, floats: of each slice [TOTALS][channels], then [VECTORS][channels] for all. */
enum { SUM, PRODUCT, SHIFT, TOTALS };
enum { SCALE = WEFT_NORM_SCALE, TILT = WEFT_NORM_TILT, LIFT = WEFT_NORM_LIFT, VECTORS = WEFT_NORM_VECTORS };

typedef struct job {
    const weft_call *call;
    const weft_rows *rows;
    slices slices;
    weft_split split;
    float *totals, *vectors;
    const float *mean, *gamma, *beta;
    const float *shift; /* forwards: beta, less what the mean loses as a float */
    const weft_view *stats; /* forwards: mean, rstd, variance, shift */
    weft_act act; /* of batch_norm_dx */
    bool stream;
    void (*give)(const weft_call *call, int64_t c, double mean, double variance);
} job;

static float *total(const job *j, int64_t slice, int which)
{
    return j->totals + (slice * TOTALS + which) * j->slices.channels;
}

static float *vector(const job *j, int which)
{
    return j->vectors + which * j->slices.channels;
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const slices s = cut(&node->in[0]);
    plan->scratch = sizeof(float) * (size_t)((s.count * TOTALS + VECTORS) * s.channels);
    return WEFT_OK;
}

static job begin(const weft_call *call)
{
    job j = { .call = call, .rows = weft_rows_of(call->device), .slices = cut(&call->node->in[0]),
              .split = weft_split_rows(&call->node->in[0]), .totals = call->scratch };
    j.vectors = j.totals + j.slices.count * TOTALS * j.slices.channels;
    return j;
}

static const weft_view *residual_of(const weft_call *call)
{
    return call->node->epi.residual ? &call->in[call->node->n_in - 1] : NULL;
}

/* Whether y can be written around the caches, from inputs of which none is y itself. */
static bool streams(const weft_call *call, int inputs)
{
    const weft_view *residual = residual_of(call);
    bool apart = !residual || residual->data != call->out[0].data;
    for (int i = 0; i < inputs; i++)
        apart = apart && call->in[i].data != call->out[0].data;
    return apart && weft_streams(call->device, &call->node->out[0], &call->out[0], NULL, false);
}

/* Rows of item `index` of the second pass, from the last to the first. */
static int64_t item_from_behind(const job *j, int64_t index, int64_t *first)
{
    return weft_split_item(&j->split, j->split.items - 1 - index, first);
}

static void run_join(const job *j, weft_task task)
{
    weft_pool_run(j->call->device->pool, (j->slices.channels + JOINED - 1) / JOINED, task, weft_mutable(j));
}

/* Channels [*first, *first + count) of an item that joins; returns count. */
static int joined(const job *j, int64_t index, int64_t *first)
{
    *first = index * JOINED;
    const int64_t left = j->slices.channels - *first;
    return left < JOINED ? (int)left : JOINED;
}

/* ---- batch_norm_train ---- */

static void sum_moments(void *arg, int64_t slice, int thread)
{
    const job *j = arg;
    const int64_t first = slice * j->slices.per, rows = rows_of(&j->slices, slice), c = j->slices.channels;
    const weft_view *x = &j->call->in[0];
    const int64_t ahead = rows < SHIFT_ROWS ? rows : SHIFT_ROWS;
    (void)thread;
    memset(total(j, slice, SUM), 0, 2 * sizeof(float) * (size_t)c);
    j->rows->sum_rows(weft_row(x, first), x->ld, ahead, c, 1 / (float)ahead, total(j, slice, SHIFT));
    j->rows->moments(&(weft_sums){ .x = weft_row(x, first), .x_ld = x->ld, .shift = total(j, slice, SHIFT),
                                   .sum = total(j, slice, SUM), .product = total(j, slice, PRODUCT), .rows = rows,
                                   .channels = c });
}

/* Mean, and sum of squared deviations, of `count` channels from those of the slices. */
static void join_moments(const job *j, int64_t first, int count, double mean[JOINED], double squares[JOINED])
{
    for (int c = 0; c < count; c++)
        mean[c] = squares[c] = 0;
    for (int64_t s = 0; s < j->slices.count; s++) {
        const float *sum = total(j, s, SUM) + first, *shift = total(j, s, SHIFT) + first;
        const double rows = (double)rows_of(&j->slices, s), share = rows / (double)j->slices.rows;
        for (int c = 0; c < count; c++)
            mean[c] += share * ((double)shift[c] + (double)sum[c] / rows);
    }
    for (int64_t s = 0; s < j->slices.count; s++) {
        const float *sum = total(j, s, SUM) + first, *shift = total(j, s, SHIFT) + first;
        const float *product = total(j, s, PRODUCT) + first;
        const double rows = (double)rows_of(&j->slices, s);
        for (int c = 0; c < count; c++) {
            const double off = (double)sum[c] / rows, from = (double)shift[c] + off - mean[c];
            const double own = (double)product[c] - (double)sum[c] * off;
            squares[c] += (own > 0 ? own : 0) + rows * from * from;
        }
    }
}

/* gamma rstd as both directions compute it, so that both see the same y. */
static float scale_of(const float *gamma, int64_t c, float rstd)
{
    return gamma ? gamma[c] * rstd : rstd;
}

static void finish_moments(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_batch_norm_opt *o = j->call->node->opt;
    float *mean = j->stats[0].data, *rstd = j->stats[1].data, *variance = j->stats[2].data, *shift = j->stats[3].data;
    double means[JOINED], squares[JOINED];
    int64_t first;
    const int count = joined(j, index, &first);
    const double rows = (double)j->slices.rows, moved = o->unbiased && j->slices.rows > 1 ? rows - 1 : rows;
    (void)thread;
    join_moments(j, first, count, means, squares);
    for (int i = 0; i < count; i++) {
        const int64_t c = first + i;
        mean[c] = (float)means[i];
        rstd[c] = (float)(1 / sqrt(squares[i] / rows + o->epsilon));
        variance[c] = (float)(squares[i] / moved);
        const float scale = scale_of(j->gamma, c, rstd[c]);
        vector(j, SCALE)[c] = scale;
        shift[c] = (float)((double)j->beta[c] - (means[i] - (double)mean[c]) * (double)scale);
    }
}

static void apply(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *x = &j->call->in[0], *y = &j->call->out[0], *residual = residual_of(j->call);
    int64_t first, count = item_from_behind(j, index, &first);
    (void)thread;
    j->rows->affine(&(weft_affine){
        .x = weft_row(x, first), .centre = j->mean, .scale = vector(j, SCALE), .shift = j->shift,
        .residual = residual ? weft_row(residual, first) : NULL, .y = weft_row(y, first), .x_ld = x->ld,
        .r_ld = residual ? residual->ld : 0, .y_ld = y->ld, .rows = count, .channels = j->slices.channels,
        .act = j->call->node->epi.act, .stream = j->stream });
}

/* The first pass, to the outputs from `stats` on. */
static job find_stats(const weft_call *call, const weft_view *stats)
{
    const weft_batch_norm_opt *o = call->node->opt;
    job j = begin(call);
    j.stats = stats;
    j.mean = stats[0].data;
    j.shift = stats[3].data;
    j.gamma = o->no_gamma ? NULL : weft_call_param(call, 0);
    j.beta = weft_call_param(call, o->no_gamma ? 0 : 1);
    weft_pool_run(call->device->pool, j.slices.count, sum_moments, &j);
    run_join(&j, finish_moments);
    return j;
}

static weft_status run_train(const weft_call *call)
{
    job j = find_stats(call, &call->out[1]);
    j.stream = streams(call, 1);
    weft_pool_run(call->device->pool, j.split.items, apply, &j);
    return WEFT_OK;
}

static const weft_kernel rows_train = {
    .name = "cpu.batch_norm_train.rows", .refuse = weft_rows_refuse, .prepare = prepare, .run = run_train,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cpu_batch_norm_train[] = { &rows_train, &weft_cpu_batch_norm_train_ref, NULL };

void weft_norm_apply(const weft_call *call, const float *mean, const float *shift)
{
    job j = { .call = call, .rows = weft_rows_of(call->device), .slices = cut(&call->node->in[0]),
              .split = weft_split_rows(&call->node->in[0]), .vectors = call->scratch, .mean = mean, .shift = shift,
              .stream = streams(call, 1) };
    weft_pool_run(call->device->pool, j.split.items, apply, &j);
}

static void finish_giving(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    double means[JOINED], squares[JOINED];
    int64_t first;
    const int count = joined(j, index, &first);
    (void)thread;
    join_moments(j, first, count, means, squares);
    for (int i = 0; i < count; i++)
        j->give(j->call, first + i, means[i], squares[i] / (double)j->slices.rows);
}

void weft_norm_moments(const weft_call *call, void (*give)(const weft_call *call, int64_t c, double mean,
                                                           double variance))
{
    job j = begin(call);
    j.give = give;
    weft_pool_run(call->device->pool, j.slices.count, sum_moments, &j);
    run_join(&j, finish_giving);
}

/* ---- batch_norm_stats ---- */

static weft_status run_stats(const weft_call *call)
{
    (void)find_stats(call, call->out);
    return WEFT_OK;
}

static const weft_kernel rows_stats = {
    .name = "cpu.batch_norm_stats.rows", .refuse = weft_rows_refuse, .prepare = prepare, .run = run_stats,
};

const weft_kernel *const weft_cpu_batch_norm_stats[] = { &rows_stats, &weft_cpu_batch_norm_stats_ref, NULL };

/* ---- batch_norm_again ---- */

static weft_status prepare_vectors(const weft_node *node, weft_plan *plan)
{
    plan->scratch = sizeof(float) * VECTORS * (size_t)weft_shape_channels(&node->in[0]);
    return WEFT_OK;
}

weft_affine weft_norm_again(const weft_call *call, float *scale)
{
    const weft_batch_norm_again_opt *o = call->node->opt;
    const float *rstd = call->in[2].data, *gamma = o->no_gamma ? NULL : call->in[4].data;
    const int64_t channels = weft_shape_channels(&call->node->in[0]);
    for (int64_t c = 0; c < channels; c++)
        scale[c] = scale_of(gamma, c, rstd[c]);
    return (weft_affine){ .centre = call->in[1].data, .scale = scale, .shift = call->in[3].data,
                          .x_ld = call->in[0].ld, .channels = channels, .act = call->node->epi.act };
}

/* The second pass of batch_norm_train alone. */
static weft_status run_again(const weft_call *call)
{
    (void)weft_norm_again(call, call->scratch);
    weft_norm_apply(call, call->in[1].data, call->in[3].data);
    return WEFT_OK;
}

static const weft_kernel rows_again = {
    .name = "cpu.batch_norm_again.rows", .refuse = weft_rows_refuse, .prepare = prepare_vectors, .run = run_again,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cpu_batch_norm_again[] = { &rows_again, &weft_cpu_batch_norm_again_ref, NULL };

/* ---- batch_norm_dx ---- */

static void sum_products(void *arg, int64_t slice, int thread)
{
    const job *j = arg;
    const int64_t first = slice * j->slices.per, c = j->slices.channels;
    const weft_view *dy = &j->call->in[0], *x = &j->call->in[1];
    (void)thread;
    memset(total(j, slice, SUM), 0, 2 * sizeof(float) * (size_t)c);
    j->rows->products(&(weft_sums){ .x = weft_row(x, first), .dy = weft_row(dy, first), .x_ld = x->ld, .dy_ld = dy->ld,
                                    .shift = j->mean, .scale = vector(j, SCALE), .beta = j->beta,
                                    .sum = total(j, slice, SUM), .product = total(j, slice, PRODUCT),
                                    .rows = rows_of(&j->slices, slice), .channels = c, .act = j->act });
}

static void finish_products(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_batch_norm_dx_opt *o = j->call->node->opt;
    float *dgamma = j->call->out[1].data, *dbeta = j->call->out[2].data;
    double sums[JOINED] = { 0 }, products[JOINED] = { 0 };
    int64_t first;
    const int count = joined(j, index, &first);
    const double share = o->frozen ? 0 : 1 / (double)j->slices.rows;
    (void)thread;
    for (int64_t s = 0; s < j->slices.count; s++) {
        const float *sum = total(j, s, SUM) + first, *product = total(j, s, PRODUCT) + first;
        for (int c = 0; c < count; c++) {
            sums[c] += (double)sum[c];
            products[c] += (double)product[c];
        }
    }
    for (int i = 0; i < count; i++) {
        const int64_t c = first + i;
        const double rstd = (double)vector(j, LIFT)[c], scale = (double)vector(j, SCALE)[c];
        dgamma[c] = (float)(products[i] * rstd);
        dbeta[c] = (float)sums[i];
        vector(j, TILT)[c] = (float)(-scale * rstd * rstd * products[i] * share);
        vector(j, LIFT)[c] = (float)(-scale * sums[i] * share);
    }
}

/* The first pass; j->mean and what j has of parameters are set here. */
static void sum_all(job *j)
{
    const weft_call *call = j->call;
    const weft_batch_norm_dx_opt *o = call->node->opt;
    const float *third = call->in[3].data;
    j->mean = call->in[2].data;
    j->gamma = o->no_gamma ? NULL : call->in[4].data;
    j->beta = o->act == WEFT_ACT_NONE ? NULL : call->in[weft_batch_norm_dx_beta(o)].data;
    j->act = o->act;
    for (int64_t c = 0; c < j->slices.channels; c++) { /* LIFT keeps rstd until the sums are there */
        const float rstd = o->frozen ? (float)(1 / sqrt((double)third[c] + o->epsilon)) : third[c];
        vector(j, LIFT)[c] = rstd;
        vector(j, SCALE)[c] = scale_of(j->gamma, c, rstd);
    }
    weft_pool_run(call->device->pool, j->slices.count, sum_products, j);
    run_join(j, finish_products);
}

/* The second pass over any rows. */
static weft_norm_dx gradient_of(const job *j)
{
    return (weft_norm_dx){ .dy_ld = j->call->in[0].ld, .x_ld = j->call->in[1].ld, .mean = j->mean,
                           .scale = vector(j, SCALE), .beta = j->beta, .tilt = vector(j, TILT),
                           .lift = vector(j, LIFT), .channels = j->slices.channels, .act = j->act };
}

size_t weft_norm_dx_scratch(const weft_node *node)
{
    weft_plan plan = { .node = node };
    (void)prepare(node, &plan);
    return weft_round_up(plan.scratch, WEFT_CACHE_LINE);
}

weft_norm_dx weft_norm_dx_sums(const weft_call *call)
{
    job j = begin(call);
    sum_all(&j);
    return gradient_of(&j);
}

static void differentiate(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *dy = &j->call->in[0], *x = &j->call->in[1], *dx = &j->call->out[0];
    const weft_view *residual = residual_of(j->call);
    int64_t first, count = item_from_behind(j, index, &first);
    weft_norm_dx k = gradient_of(j);
    (void)thread;
    k.x = weft_row(x, first);
    k.dy = weft_row(dy, first);
    if (residual) {
        k.residual = weft_row(residual, first);
        k.r_ld = residual->ld;
    }
    k.dx = weft_row(dx, first);
    k.dx_ld = dx->ld;
    k.rows = count;
    k.stream = j->stream;
    j->rows->norm_dx(&k);
}

static weft_status run_dx(const weft_call *call)
{
    job j = begin(call);
    j.stream = streams(call, 2);
    sum_all(&j);
    weft_pool_run(call->device->pool, j.split.items, differentiate, &j);
    return WEFT_OK;
}

void weft_norm_dx_apply(const weft_call *call, const float *beta)
{
    const weft_batch_norm_dx_opt *o = call->node->opt;
    job j = { .call = call, .rows = weft_rows_of(call->device), .slices = cut(&call->node->in[0]),
              .split = weft_split_rows(&call->node->in[0]), .vectors = call->scratch, .mean = call->in[2].data,
              .beta = beta, .act = o->act, .stream = streams(call, 2) };
    weft_pool_run(call->device->pool, j.split.items, differentiate, &j);
}

static const weft_kernel rows_dx = {
    .name = "cpu.batch_norm_dx.rows", .refuse = weft_rows_refuse, .prepare = prepare, .run = run_dx,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_IN1 | WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cpu_batch_norm_dx[] = { &rows_dx, &weft_cpu_batch_norm_dx_ref, NULL };

/* Other devices' only: rows of dy and of the slope lie in the caches here. */
const weft_kernel *const weft_cpu_batch_norm_join_dx[] = { &weft_cpu_batch_norm_join_dx_ref, NULL };

/* ---- batch_norm_frozen_dx ---- */

static weft_status prepare_frozen(const weft_node *node, weft_plan *plan)
{
    plan->scratch = sizeof(float) * (size_t)weft_shape_channels(&node->in[0]);
    return WEFT_OK;
}

static void scale_rows(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *dy = &j->call->in[0], *dx = &j->call->out[0], *residual = residual_of(j->call);
    int64_t first, count = weft_split_item(&j->split, index, &first);
    (void)thread;
    j->rows->affine(&(weft_affine){
        .x = weft_row(dy, first), .scale = j->vectors, .residual = residual ? weft_row(residual, first) : NULL,
        .y = weft_row(dx, first), .x_ld = dy->ld, .r_ld = residual ? residual->ld : 0, .y_ld = dx->ld, .rows = count,
        .channels = j->split.channels, .stream = j->stream });
}

static weft_status run_frozen(const weft_call *call)
{
    const weft_batch_norm_frozen_opt *o = call->node->opt;
    const float *variance = call->in[1].data, *gamma = o->no_gamma ? NULL : call->in[2].data;
    job j = { .call = call, .rows = weft_rows_of(call->device), .split = weft_split_rows(&call->node->in[0]),
              .vectors = call->scratch, .stream = streams(call, 1) };
    for (int64_t c = 0; c < j.split.channels; c++)
        j.vectors[c] = (float)((gamma ? (double)gamma[c] : 1) / sqrt((double)variance[c] + o->epsilon));
    weft_pool_run(call->device->pool, j.split.items, scale_rows, &j);
    return WEFT_OK;
}

static const weft_kernel rows_frozen = {
    .name = "cpu.batch_norm_frozen_dx.rows", .refuse = weft_rows_refuse, .prepare = prepare_frozen, .run = run_frozen,
    .inplace = WEFT_INPLACE_IN0 | WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cpu_batch_norm_frozen_dx[] = { &rows_frozen, &weft_cpu_batch_norm_frozen_dx_ref, NULL };
