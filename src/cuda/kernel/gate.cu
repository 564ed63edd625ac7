/* SPDX-License-Identifier: Apache-2.0
 *
 * The norm of all gradients, and the gate before updates (src/op/gate.c).
 *
 * norm_squares: a block for CHUNK elements of one gradient, its squares summed in double: finite whenever the gradients
 * are, and few enough of them that memory is the bound. One block sums what they found: the last, if there is one table
 * and a counter, else norm_root's. The order of all sums depends on sizes only. Traffic: the gradients once. gate:
 * one thread. */
#include "cuda/kernel/segment.cuh"

enum { CHUNK = 8192 };

struct norm_table {
    double *sums; /* of each block */
    const void *x[WEFT_NORM_SEGMENTS];
    weft_blocks<WEFT_NORM_SEGMENTS, CHUNK> blocks;
    unsigned char dtype[WEFT_NORM_SEGMENTS];
    float *norm; /* NULL: somebody else's */
    unsigned *turns;
};

template <int V> __device__ __forceinline__ double squares_of(const weft_typed &x, int i)
{
    float v[V];
    double sum = 0;
    x.load<V>(i, v);
#pragma unroll
    for (int j = 0; j < V; j++)
        sum += (double)v[j] * (double)v[j];
    return sum;
}

/* The root of the sum, by a whole block. volatile: other blocks of the launch have written, as weft_fresh says. */
__device__ __forceinline__ void take_root(const volatile double *sums, int64_t count, float *norm, double *lanes)
{
    double sum = 0;
#pragma unroll 4
    for (int64_t i = threadIdx.x; i < count; i += WEFT_BLOCK)
        sum += sums[i];
    sum = weft_block_sum(sum, lanes);
    if (threadIdx.x == 0)
        *norm = (float)sqrt(sum);
}

template <int V> __global__ void __launch_bounds__(WEFT_BLOCK) norm_squares(const __grid_constant__ norm_table table)
{
    weft_begin();
    WEFT_SHARED(double, lanes, (WEFT_BLOCK / WEFT_WARP));
    const int s = table.blocks.segment(blockIdx.x), count = table.blocks.elements(blockIdx.x, s);
    const weft_typed all = { table.x[s], table.dtype[s] }, x = all.from(table.blocks.from(blockIdx.x, s));
    const int whole = x.is_wide() ? count / V * V : 0;
    double sum = 0;
#pragma unroll 4
    for (int i = (int)threadIdx.x * V; i < whole; i += WEFT_BLOCK * V)
        sum += squares_of<V>(x, i);
    for (int i = whole + (int)threadIdx.x; i < count; i += WEFT_BLOCK)
        sum += squares_of<1>(x, i);
    sum = weft_block_sum(sum, lanes);
    if (threadIdx.x == 0)
        table.sums[blockIdx.x] = sum;
    if (table.norm && weft_is_last(table.turns, gridDim.x))
        take_root(table.sums, gridDim.x, table.norm, lanes);
}

__global__ void __launch_bounds__(WEFT_BLOCK) norm_root(const double *sums, int64_t count, float *norm)
{
    weft_begin();
    WEFT_SHARED(double, lanes, (WEFT_BLOCK / WEFT_WARP));
    take_root(sums, count, norm, lanes);
}

int64_t weft_norm_parts(int64_t count)
{
    return weft_blocks<WEFT_NORM_SEGMENTS, CHUNK>::of(count);
}

static int launch_squares(const weft_norm_segment *segments, int count, double *sums, float *norm, unsigned *turns,
                          void *stream)
{
    static_assert(sizeof(norm_table) <= WEFT_ARGUMENT_BYTES, "the table is a kernel's argument");
    norm_table table = { sums, {}, {}, {}, norm, turns };
    if (!segments || count <= 0 || !sums)
        return WEFT_INVALID_VALUE;
    for (int s = 0; s < count; s++) {
        if (!segments[s].x || !weft_is_float(segments[s].dtype) || !table.blocks.add(segments[s].count))
            return WEFT_INVALID_VALUE;
        table.x[s] = segments[s].x;
        table.dtype[s] = (unsigned char)segments[s].dtype;
    }
    const dim3 grid(table.blocks.first[count]);
    return WEFT_LAUNCH(norm_squares<WEFT_PIECE>, grid, dim3(WEFT_BLOCK), 0, stream, table);
}

int weft_launch_norm_squares(const weft_norm_segment *segments, int count, double *sums, void *stream)
{
    return launch_squares(segments, count, sums, nullptr, nullptr, stream);
}

int weft_launch_gradient_norm(const weft_norm_segment *segments, int count, double *sums, unsigned *turns, float *norm,
                              void *stream)
{
    return turns && norm ? launch_squares(segments, count, sums, norm, turns, stream) : WEFT_INVALID_VALUE;
}

int weft_launch_norm_root(const double *sums, int64_t parts, float *norm, void *stream)
{
    if (!sums || parts <= 0 || !norm)
        return WEFT_INVALID_VALUE;
    return WEFT_LAUNCH(norm_root, dim3(1), dim3(WEFT_BLOCK), 0, stream, sums, parts, norm);
}

/* ---- gate ---- */

struct gate_job {
    float *count, *go, *due;
    const float *loss, *norm, *open;
    double clip, every;
};

/* A NaN is not within anything. */
__device__ __forceinline__ bool is_finite(double x)
{
    return fabs(x) <= 3.4028234663852886e38;
}

__global__ void __launch_bounds__(1) gate(gate_job job)
{
    weft_begin();
    const double norm = (double)*job.norm;
    const bool good = is_finite((double)*job.loss) && is_finite(norm) && (!job.open || *job.open != 0);
    const double count = (double)*job.count + (good ? 1 : 0);
    const double scale = job.clip > 0 && norm > job.clip ? job.clip / norm : 1;
    *job.count = (float)count;
    job.go[0] = (float)(good ? scale / job.every : 0);
    job.go[1] = (float)count;
    *job.due = good && fmod(count, job.every) == 0 ? 1.f : 0.f;
}

int weft_launch_gate(const weft_gate_args *a, void *stream)
{
    if (!a->count || !a->loss || !a->norm || !a->go || !a->due || !(a->clip >= 0) || a->every <= 0)
        return WEFT_INVALID_VALUE;
    const gate_job job = { a->count, a->go, a->due, a->loss, a->norm, a->open, a->clip, (double)a->every };
    return WEFT_LAUNCH(gate, dim3(1), dim3(1), 0, stream, job);
}
