/* SPDX-License-Identifier: Apache-2.0
 *
 * Squeeze-and-excitation between the squeeze and the next layer: Hu 2017, eqs. 3 and 4, for the whole batch at once.
 *
 * Mapping: y of the grid an image, x its splits. Each block computes the image's gates anew, means first, then the
 * hidden layer with a warp for each unit, then a thread for each gate, all in shared memory: weights come from L2, a
 * few hundred kilobytes. Then it scales its share of rows: the image's pixels, or the rows of the weights of the 1x1
 * convolution that follows. Traffic: sums and weights per block from L2, the scaled rows once each way. So one launch
 * takes the place of five, and no block waits for another. */
#include "cuda/kernel/device.cuh"

enum { SHARE = 1 << 14 /* elements that a block scales */, MOST_SPLITS = 32, MOST_STATE = 12000 };

template <typename T, typename G> struct excite_job {
    const float *sums, *b1, *b2;
    const T *w1, *w2, *from;
    T *to;
    G *gate_out;
    int64_t gate_ld, from_ld, to_ld;
    int parts, c, reduced, rows, packs;
    float share; /* 1 / pixels */
    weft_act act, gate;
    bool shared;
};

/* The image's gates into gate[c]; hidden has the reduced layer. */
template <typename T, typename G>
__device__ __forceinline__ void find_gates(const excite_job<T, G> &job, int64_t n, float *gate, float *hidden)
{
    const float *sums = job.sums + n * job.parts * job.c;
    for (int c = (int)threadIdx.x; c < job.c; c += WEFT_BLOCK) {
        float sum = 0;
        for (int part = 0; part < job.parts; part++)
            sum += sums[(int64_t)part * job.c + c];
        gate[c] = sum * job.share;
    }
    __syncthreads();
    const int lane = (int)threadIdx.x % WEFT_WARP;
    for (int r = (int)threadIdx.x / WEFT_WARP; r < job.reduced; r += WEFT_BLOCK / WEFT_WARP) {
        const T *w = job.w1 + (int64_t)r * job.c;
        float sum = 0;
        for (int c = lane; c < job.c; c += WEFT_WARP)
            sum = fmaf(weft_to_float(w[c]), gate[c], sum);
        float v[1] = { weft_warp_sum(sum) + (job.b1 ? job.b1[r] : 0) };
        weft_activate<1>(job.act, v);
        if (lane == 0)
            hidden[r] = v[0];
    }
    __syncthreads();
    for (int c = (int)threadIdx.x; c < job.c; c += WEFT_BLOCK) {
        const T *w = job.w2 + (int64_t)c * job.reduced;
        float v[1] = { job.b2 ? job.b2[c] : 0 };
        for (int r = 0; r < job.reduced; r++)
            v[0] = fmaf(weft_to_float(w[r]), hidden[r], v[0]);
        weft_activate<1>(job.gate, v);
        gate[c] = v[0]; /* nobody reads means any more */
    }
    __syncthreads();
}

template <typename T, typename G, int V> __global__ void __launch_bounds__(WEFT_BLOCK) excite(excite_job<T, G> job)
{
    WEFT_DYN_SHARED(float, gate);
    const int64_t n = blockIdx.y;
    find_gates(job, n, gate, gate + job.c);
    if (job.gate_out && blockIdx.x == 0)
        for (int c = (int)threadIdx.x; c < job.c; c += WEFT_BLOCK)
            weft_set(job.gate_out + n * job.gate_ld + c, gate[c]);
    if (!job.to)
        return;
    const int first = (int)((int64_t)job.rows * blockIdx.x / gridDim.x);
    const int last = (int)((int64_t)job.rows * (blockIdx.x + 1) / gridDim.x);
    const T *from = job.from + (job.shared ? 0 : n * job.rows * job.from_ld);
    T *to = job.to + n * job.rows * job.to_ld;
    const int total = (last - first) * job.packs;
    for (int i = (int)threadIdx.x; i < total; i += WEFT_BLOCK) {
        const int row = first + i / job.packs, c = i % job.packs * V;
        float v[V];
        weft_load<T, V>(from + row * job.from_ld + c, v);
#pragma unroll
        for (int j = 0; j < V; j++)
            v[j] *= gate[c + j];
        weft_store<T, V>(to + row * job.to_ld + c, v);
    }
}

template <typename T, typename G> static int launch(const weft_excite_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = a->c % V == 0 && weft_is_wide(a->from, sizeof(T)) && weft_is_wide(a->to, sizeof(T));
    excite_job<T, G> job;
    job.sums = a->sums, job.b1 = a->b1, job.b2 = a->b2;
    job.w1 = static_cast<const T *>(a->w1), job.w2 = static_cast<const T *>(a->w2);
    job.from = static_cast<const T *>(a->from.data);
    job.to = static_cast<T *>(a->to.data);
    job.gate_out = static_cast<G *>(a->gate_out.data);
    job.gate_ld = a->gate_out.ld, job.from_ld = a->from.ld, job.to_ld = a->to.ld;
    job.parts = a->parts, job.c = a->c, job.reduced = a->reduced;
    job.rows = a->rows, job.packs = wide ? a->c / V : a->c;
    job.share = 1.f / (float)a->pixels;
    job.act = a->act, job.gate = a->gate;
    job.shared = a->shared;
    int64_t splits = a->to.data ? ((int64_t)a->rows * a->c + SHARE - 1) / SHARE : 1;
    splits = splits > MOST_SPLITS ? (int64_t)MOST_SPLITS : splits;
    const dim3 grid((unsigned)splits, (unsigned)a->n);
    const size_t shared = (size_t)(a->c + a->reduced) * sizeof(float);
    if (wide)
        return WEFT_LAUNCH((excite<T, G, V>), grid, dim3(WEFT_BLOCK), shared, stream, job);
    return WEFT_LAUNCH((excite<T, G, 1>), grid, dim3(WEFT_BLOCK), shared, stream, job);
}

int weft_launch_excite(const weft_excite_args *a, void *stream)
{
    const bool scales = a->to.data != nullptr;
    if (!a->sums || !a->w1 || !a->w2 || a->parts <= 0 || a->pixels <= 0 || a->n <= 0 || a->n > 65535 || a->c <= 0 ||
        a->reduced <= 0 || (int64_t)a->c + a->reduced > MOST_STATE || (a->gate_out.data && a->gate_out.ld < a->c))
        return WEFT_INVALID_VALUE;
    if (scales && (!weft_view_fits(a->from, a->c) || a->to.ld < a->c || a->rows <= 0 ||
                   !weft_rows_fit((int64_t)a->n * a->rows) || (int64_t)a->rows * a->c > INT32_MAX))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPES(a->dtype, a->gate_dtype, launch, a, stream);
}
