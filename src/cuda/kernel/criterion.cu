/* SPDX-License-Identifier: Apache-2.0
 *
 * Losses of rows with their gradients, and how many rows have their label first: what follows the last layer.
 *
 * criterion: a warp for each row, or a block where there are many classes. Passes over the row, which stays in L1: the
 * maximum (or least distance), sums, then gradient and loss. Its gradient is written in the first pass over memory, its
 * loss to scratch. hits: a warp for each row counts who is before the label.
 * What rows gave is summed by one block, thread t taking rows t, t + 256, ..: the one that has done all rows (small
 * batches of few classes), else the one that is last, and without counters in a second launch. The bits depend on sizes
 * only.
 * Traffic: x and target once, dx once. Bound by launch time. */
#include "cuda/kernel/any.cuh"
#include "cuda/kernel/loss.h"

enum { WARPS = WEFT_BLOCK / WEFT_WARP, FEW_CLASSES = 128, WHOLE = 8192 /* elements that one block does by itself */ };

/* Whether rows are more than a block can do. */
static bool take_many(int64_t rows, int c)
{
    return rows * c > WHOLE;
}

/* ---- losses ---- */

struct criterion_job {
    weft_any x, target, dx;
    const float *weights;
    float *loss, *losses;
    int64_t rows;
    int c;
    float factor, j;
    bool whole;
    unsigned *turns;
};

__device__ __forceinline__ float target_of(const criterion_job &job, int64_t row, int k)
{
    const float t = weft_load_any(job.target, row, k);
    return job.weights ? t * job.weights[k] : t;
}

__device__ __forceinline__ void store(const criterion_job &job, int64_t row, int k, float dx)
{
    static_cast<float *>(job.dx.data)[row * job.dx.ld + k] = job.factor * dx;
}

/* What the row adds to the loss, of which each thread has a part; writes the gradient. me: the thread's number among
 * the threads of the row. */
template <int G>
__device__ __forceinline__ float softmax_row(const criterion_job &job, int64_t row, int me, float *part)
{
    enum { STEP = G * WEFT_WARP };
    float most = -INFINITY, sum = 0, mass = 0, loss = 0;
    for (int k = me; k < job.c; k += STEP)
        most = fmaxf(most, weft_load_any(job.x, row, k));
    most = weft_group_total<G, true>(most, part);
    for (int k = me; k < job.c; k += STEP) {
        sum += expf(weft_load_any(job.x, row, k) - most);
        mass += target_of(job, row, k);
    }
    sum = weft_group_total<G, false>(sum, part);
    mass = weft_group_total<G, false>(mass, part);
    const float log_sum = logf(sum), share = mass / sum;
    for (int k = me; k < job.c; k += STEP) {
        const float t = target_of(job, row, k), over = weft_load_any(job.x, row, k) - most;
        loss = fmaf(t, log_sum - over, loss);
        store(job, row, k, expf(over) * share - t);
    }
    return loss;
}

template <int G> __device__ __forceinline__ float sigmoid_row(const criterion_job &job, int64_t row, int me)
{
    float loss = 0;
    for (int k = me; k < job.c; k += G * WEFT_WARP) {
        const float v = weft_load_any(job.x, row, k), t = weft_load_any(job.target, row, k);
        const float w = job.weights ? job.weights[k] : 1.f;
        loss = fmaf(w, log1pf(expf(-fabsf(v))) + fmaxf(v, 0.f) - t * v, loss);
        store(job, row, k, w * (1.f / (1.f + expf(-v)) - t));
    }
    return loss;
}

template <int G>
__device__ __forceinline__ float distance_row(const criterion_job &job, int64_t row, int me, float *part)
{
    enum { STEP = G * WEFT_WARP };
    float least = job.j, sum = 0, mass = 0, loss = 0;
    for (int k = me; k < job.c; k += STEP) {
        least = fminf(least, weft_load_any(job.x, row, k));
        mass += weft_load_any(job.target, row, k);
    }
    least = -weft_group_total<G, true>(-least, part);
    mass = weft_group_total<G, false>(mass, part);
    for (int k = me; k < job.c; k += STEP)
        sum += expf(least - weft_load_any(job.x, row, k));
    sum = weft_group_total<G, false>(sum, part) + expf(least - job.j);
    const float share = mass / sum;
    for (int k = me; k < job.c; k += STEP) {
        const float t = weft_load_any(job.target, row, k), over = weft_load_any(job.x, row, k) - least;
        loss = fmaf(t, over, loss);
        store(job, row, k, t - expf(-over) * share);
    }
    return me == 0 ? fmaf(mass, logf(sum), loss) : loss;
}

/* The sum of what rows gave, in every thread of the block. */
__device__ __forceinline__ float sum_rows(const float *given, int64_t rows, float *part)
{
    float sum = 0;
    for (int64_t row = threadIdx.x; row < rows; row += WEFT_BLOCK)
        sum += weft_fresh(given + row);
    return weft_group_total<WARPS, false>(sum, part);
}

/* Whether this block sums what rows gave. */
__device__ __forceinline__ bool is_end(bool whole, unsigned *turns)
{
    return whole || (turns && weft_is_last(turns, gridDim.x));
}

/* G: warps to a row. */
template <int KIND, int G> __global__ void __launch_bounds__(WEFT_BLOCK) criterion(criterion_job job)
{
    weft_begin();
    WEFT_SHARED(float, part, WARPS);
    enum { GROUPS = WARPS / G, STEP = G * WEFT_WARP };
    const int me = (int)(threadIdx.x % STEP);
    for (int64_t row = (int64_t)blockIdx.x * GROUPS + threadIdx.x / STEP; row < job.rows;
         row += (int64_t)gridDim.x * GROUPS) {
        float loss;
        if (KIND == WEFT_CRITERION_SOFTMAX)
            loss = softmax_row<G>(job, row, me, part);
        else if (KIND == WEFT_CRITERION_SIGMOID)
            loss = sigmoid_row<G>(job, row, me);
        else
            loss = distance_row<G>(job, row, me, part);
        loss = weft_group_total<G, false>(loss, part);
        if (me == 0)
            job.losses[row] = loss;
    }
    if (!is_end(job.whole, job.turns))
        return;
    __syncthreads();
    const float sum = sum_rows(job.losses, job.rows, part);
    if (threadIdx.x == 0)
        *job.loss = job.factor * sum;
}

__global__ void __launch_bounds__(WEFT_BLOCK) mean_loss(criterion_job job)
{
    weft_begin();
    WEFT_SHARED(float, part, WARPS);
    const float sum = sum_rows(job.losses, job.rows, part);
    if (threadIdx.x == 0)
        *job.loss = job.factor * sum;
}

/* Blocks for so many rows, `groups` of them at once in each. */
static dim3 blocks_of(int64_t rows, int groups, bool whole)
{
    const int64_t blocks = (rows + groups - 1) / groups;
    return dim3(whole ? 1u : (unsigned)blocks);
}

template <int KIND> static int launch(const criterion_job &job, void *stream)
{
    const dim3 block(WEFT_BLOCK);
    const bool few = job.c <= FEW_CLASSES;
    const dim3 grid = blocks_of(job.rows, few ? WARPS : 1, job.whole);
    const int status = few ? WEFT_LAUNCH((criterion<KIND, 1>), grid, block, 0, stream, job)
                           : WEFT_LAUNCH((criterion<KIND, WARPS>), grid, block, 0, stream, job);
    return status != 0 || job.whole || job.turns ? status
                                                 : WEFT_LAUNCH(mean_loss, dim3(1), block, 0, stream, job);
}

int weft_launch_criterion(const weft_criterion_args *a, void *stream)
{
    if (!weft_any_fits(a->x, a->x_dtype, a->c) || !weft_any_fits(a->target, a->target_dtype, a->c) ||
        !weft_view_fits(a->dx, a->c) || !weft_rows_fit(a->rows) || !a->loss || !a->scratch)
        return WEFT_INVALID_VALUE;
    criterion_job job;
    job.x = weft_any_of(a->x, a->x_dtype);
    job.target = weft_any_of(a->target, a->target_dtype);
    job.dx = weft_any_of(a->dx, WEFT_F32);
    job.weights = a->class_weights;
    job.loss = a->loss, job.losses = a->scratch;
    job.rows = a->rows, job.c = a->c;
    job.factor = a->factor, job.j = a->j;
    job.whole = !take_many(a->rows, a->c);
    job.turns = a->turns;
    switch (a->kind) {
    case WEFT_CRITERION_SOFTMAX:
        return launch<WEFT_CRITERION_SOFTMAX>(job, stream);
    case WEFT_CRITERION_SIGMOID:
        return launch<WEFT_CRITERION_SIGMOID>(job, stream);
    case WEFT_CRITERION_RBF:
        return launch<WEFT_CRITERION_RBF>(job, stream);
    }
    return WEFT_INVALID_VALUE;
}

/* ---- hits ---- */

enum { FIRST = 5 };

struct hits_job {
    const int32_t *labels;
    int64_t label_ld, rows;
    weft_any x;
    int c;
    bool least, whole;
    float *hits, *ranks;
    unsigned *turns;
};

/* How many classes come before the label, in every lane; -1: it is none, or has no number. */
__device__ __forceinline__ float rank_of(const hits_job &job, int64_t row)
{
    const int lane = (int)(threadIdx.x % WEFT_WARP), label = job.labels[row * job.label_ld];
    if (label < 0 || label >= job.c)
        return -1;
    const float sign = job.least ? -1.f : 1.f, mine = sign * weft_load_any(job.x, row, label);
    float before = 0; /* exact: whole numbers */
    for (int k = lane; k < job.c; k += WEFT_WARP) {
        const float v = sign * weft_load_any(job.x, row, k);
        before += v > mine || (v == mine && k < label) ? 1.f : 0.f;
    }
    before = weft_warp_sum(before);
    return mine != mine ? -1.f : before;
}

__device__ __forceinline__ void count_rows(const hits_job &job, float *part)
{
    float first = 0, five = 0;
    for (int64_t row = threadIdx.x; row < job.rows; row += WEFT_BLOCK) {
        const float rank = weft_fresh(job.ranks + row);
        first += rank == 0 ? 1.f : 0.f;
        five += rank >= 0 && rank < FIRST ? 1.f : 0.f;
    }
    first = weft_group_total<WARPS, false>(first, part);
    five = weft_group_total<WARPS, false>(five, part);
    if (threadIdx.x == 0) {
        job.hits[0] = first;
        job.hits[1] = five;
    }
}

__global__ void __launch_bounds__(WEFT_BLOCK) hits(hits_job job)
{
    weft_begin();
    WEFT_SHARED(float, part, WARPS);
    for (int64_t row = (int64_t)blockIdx.x * WARPS + threadIdx.x / WEFT_WARP; row < job.rows;
         row += (int64_t)gridDim.x * WARPS) {
        const float rank = rank_of(job, row);
        if (threadIdx.x % WEFT_WARP == 0)
            job.ranks[row] = rank;
    }
    if (!is_end(job.whole, job.turns))
        return;
    __syncthreads();
    count_rows(job, part);
}

__global__ void __launch_bounds__(WEFT_BLOCK) count_hits(hits_job job)
{
    weft_begin();
    WEFT_SHARED(float, part, WARPS);
    count_rows(job, part);
}

int weft_launch_hits(const weft_hits_args *a, void *stream)
{
    if (!a->labels.data || a->labels.ld < 1 || !weft_any_fits(a->x, a->dtype, a->c) || !weft_rows_fit(a->rows) ||
        !a->hits || !a->scratch)
        return WEFT_INVALID_VALUE;
    hits_job job;
    job.labels = static_cast<const int32_t *>(a->labels.data);
    job.label_ld = a->labels.ld;
    job.rows = a->rows, job.c = a->c;
    job.x = weft_any_of(a->x, a->dtype);
    job.least = a->least;
    job.whole = !take_many(a->rows, a->c);
    job.hits = a->hits, job.ranks = a->scratch;
    job.turns = a->turns;
    const dim3 grid = blocks_of(a->rows, WARPS, job.whole), block(WEFT_BLOCK);
    const int status = WEFT_LAUNCH(hits, grid, block, 0, stream, job);
    return status != 0 || job.whole || job.turns ? status
                                                 : WEFT_LAUNCH(count_hits, dim3(1), block, 0, stream, job);
}
