/* SPDX-License-Identifier: Apache-2.0
 *
 * LAMB, many parameters a launch (update.h): lamb_moments stores the moments and sums, block by block and in double,
 * the squares of the parameter and of the step that is wished for; lamb_ratios, a block for each parameter, makes their
 * quotient of it; lamb_step goes by it, from the moments as they were stored. The order of all sums depends on sizes
 * only.
 *
 * Mapping: as update.cu. Traffic: 24 bytes an element, then 16. Bound by memory. */
#include "cuda/kernel/segment.cuh"

enum { CHUNK = 4096 };

struct lamb_segment {
    float *p, *m, *v;
    const void *g;
    double *sums; /* [blocks][2] of p^2 and r^2; then the quotient */
};

struct lamb_table {
    weft_moments_rule moments;
    const float *lr, *go;
    lamb_segment segment[WEFT_LAMB_SEGMENTS];
    weft_blocks<WEFT_LAMB_SEGMENTS, CHUNK> blocks;
    float lr_scale[WEFT_LAMB_SEGMENTS], decay[WEFT_LAMB_SEGMENTS];
    bool fixed_size[WEFT_LAMB_SEGMENTS];
    unsigned char dtype[WEFT_LAMB_SEGMENTS]; /* of g */
};

/* What the numbers of an update are for a block. */
struct lamb_numbers {
    weft_moments_rule moments;
    float scale, decay, correct, correct_first;
};

__device__ __forceinline__ lamb_numbers numbers_of(const lamb_table &table, int s)
{
    const float t = table.go[1];
    const weft_moments_rule &moments = table.moments;
    const lamb_numbers n = { moments, table.go[0], table.decay[s], moments.correct_root(t),
                             1 / moments.short_of(moments.log_first, t) };
    return n;
}

__device__ __forceinline__ float wish(const lamb_numbers &n, float p, float m, float v)
{
    return fmaf(n.decay, p, n.correct_first * n.moments.direction(m, v, n.correct));
}

template <int V>
__device__ __forceinline__ void lamb_first(const lamb_numbers &n, const lamb_segment &at, const weft_typed &gradient,
                                           int64_t i, double (&sums)[2])
{
    float p[V], m[V], v[V], g[V];
    weft_load<float, V>(at.p + i, p);
    weft_load<float, V>(at.m + i, m);
    weft_load<float, V>(at.v + i, v);
    gradient.load<V>(i, g);
#pragma unroll
    for (int j = 0; j < V; j++) {
        n.moments.step(g[j] * n.scale, m[j], v[j]);
        const double own = (double)p[j], wanted = (double)wish(n, p[j], m[j], v[j]);
        sums[0] += own * own;
        sums[1] += wanted * wanted;
    }
    weft_store<float, V>(at.m + i, m);
    weft_store<float, V>(at.v + i, v);
}

template <int V>
__device__ __forceinline__ void lamb_second(const lamb_numbers &n, const lamb_segment &at, int64_t i, float lr)
{
    float p[V], m[V], v[V];
    weft_load<float, V>(at.p + i, p);
    weft_load<float, V>(at.m + i, m);
    weft_load<float, V>(at.v + i, v);
#pragma unroll
    for (int j = 0; j < V; j++)
        p[j] = fmaf(-lr, wish(n, p[j], m[j], v[j]), p[j]);
    weft_store<float, V>(at.p + i, p);
}

__device__ __forceinline__ bool is_wide(const lamb_segment &at)
{
    return ((uintptr_t)at.p | (uintptr_t)at.m | (uintptr_t)at.v) % 16 == 0;
}

template <int V> __global__ void __launch_bounds__(WEFT_BLOCK) lamb_moments(const __grid_constant__ lamb_table table)
{
    weft_begin();
    WEFT_SHARED(double, lanes, (WEFT_BLOCK / WEFT_WARP));
    const int s = table.blocks.segment(blockIdx.x), count = table.blocks.elements(blockIdx.x, s);
    const int64_t from = table.blocks.from(blockIdx.x, s);
    if (table.go[0] == 0)
        return;
    const lamb_numbers n = numbers_of(table, s);
    const lamb_segment at = table.segment[s];
    const weft_typed gradient = { at.g, table.dtype[s] };
    const int whole = is_wide(at) && gradient.is_wide() ? count / V * V : 0;
    double sums[2] = { 0, 0 };
    for (int i = (int)threadIdx.x * V; i < whole; i += WEFT_BLOCK * V)
        lamb_first<V>(n, at, gradient, from + i, sums);
    for (int i = whole + (int)threadIdx.x; i < count; i += WEFT_BLOCK)
        lamb_first<1>(n, at, gradient, from + i, sums);
    const unsigned part = blockIdx.x - table.blocks.first[s];
    for (int k = 0; k < 2; k++) {
        const double sum = weft_block_sum(sums[k], lanes);
        if (threadIdx.x == 0)
            at.sums[2 * (int64_t)part + k] = sum;
    }
}

/* The quotient is 1 if one of the norms is 0. */
__global__ void __launch_bounds__(WEFT_BLOCK) lamb_ratios(const __grid_constant__ lamb_table table)
{
    weft_begin();
    WEFT_SHARED(double, lanes, (WEFT_BLOCK / WEFT_WARP));
    const unsigned s = blockIdx.x;
    const int64_t parts = table.blocks.first[s + 1] - table.blocks.first[s];
    double *const from = table.segment[s].sums, norm[2];
    if (table.go[0] == 0)
        return;
    for (int k = 0; k < 2; k++) {
        double sum = 0;
        for (int64_t i = threadIdx.x; i < parts; i += WEFT_BLOCK)
            sum += from[2 * i + k];
        norm[k] = sqrt(weft_block_sum(sum, lanes));
    }
    if (threadIdx.x == 0)
        from[2 * parts] = table.fixed_size[s] || norm[0] == 0 || norm[1] == 0 ? 1 : norm[0] / norm[1];
}

template <int V> __global__ void __launch_bounds__(WEFT_BLOCK) lamb_step(const __grid_constant__ lamb_table table)
{
    weft_begin();
    const int s = table.blocks.segment(blockIdx.x), count = table.blocks.elements(blockIdx.x, s);
    const int64_t from = table.blocks.from(blockIdx.x, s);
    if (table.go[0] == 0)
        return;
    const lamb_numbers n = numbers_of(table, s);
    const lamb_segment at = table.segment[s];
    const int64_t parts = table.blocks.first[s + 1] - table.blocks.first[s];
    const float lr = table.lr_scale[s] * *table.lr * (float)at.sums[2 * parts];
    const int whole = is_wide(at) ? count / V * V : 0;
    for (int i = (int)threadIdx.x * V; i < whole; i += WEFT_BLOCK * V)
        lamb_second<V>(n, at, from + i, lr);
    for (int i = whole + (int)threadIdx.x; i < count; i += WEFT_BLOCK)
        lamb_second<1>(n, at, from + i, lr);
}

size_t weft_lamb_bytes(int64_t count)
{
    return (size_t)(2 * weft_blocks<WEFT_LAMB_SEGMENTS, CHUNK>::of(count) + 1) * sizeof(double);
}

/* False: it takes no such segment. */
static bool add(lamb_table *table, const weft_segment *from)
{
    const int s = table->blocks.count;
    if (!from->sums || !weft_is_float(from->dtype) || !table->blocks.add(from->count))
        return false;
    for (int k = 0; k < WEFT_SEGMENT_ARRAYS; k++)
        if (!from->array[k])
            return false;
    lamb_segment *to = &table->segment[s];
    to->p = static_cast<float *>(from->array[0]);
    to->m = static_cast<float *>(from->array[1]);
    to->v = static_cast<float *>(from->array[2]);
    to->g = from->array[3];
    to->sums = from->sums;
    table->lr_scale[s] = (float)from->lr_scale;
    table->decay[s] = (float)from->decay;
    table->fixed_size[s] = from->fixed_size;
    table->dtype[s] = (unsigned char)from->dtype;
    return true;
}

int weft_launch_lamb(const weft_update_args *a, void *stream)
{
    static_assert(sizeof(lamb_table) <= WEFT_ARGUMENT_BYTES, "the table is a kernel's argument");
    if (!a->segments || a->count <= 0 || !a->lr || !a->go)
        return WEFT_INVALID_VALUE;
    lamb_table table = { weft_moments_rule(a), a->lr, a->go, {}, {}, {}, {}, {}, {} };
    for (int s = 0; s < a->count; s++)
        if (!add(&table, &a->segments[s]))
            return WEFT_INVALID_VALUE;
    const dim3 grid(table.blocks.first[a->count]), each((unsigned)a->count), block(WEFT_BLOCK);
    int error = WEFT_LAUNCH(lamb_moments<WEFT_PIECE>, grid, block, 0, stream, table);
    if (!error)
        error = WEFT_LAUNCH(lamb_ratios, each, block, 0, stream, table);
    return error ? error : WEFT_LAUNCH(lamb_step<WEFT_PIECE>, grid, block, 0, stream, table);
}
