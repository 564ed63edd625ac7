/* SPDX-License-Identifier: Apache-2.0
 *
 * Squeeze-and-excitation between the squeeze and the next layer: Hu 2017, eqs. 3 and 4, for the whole batch at once, in
 * two launches.
 *
 * hidden: y of the grid an image, x the units of the hidden layer, a warp each. A block adds up the parts of the
 * image's sums (few channels: by several groups of threads), and its warps run over the means.
 * excite: z an image, x chunks of channels, y splits of rows. A block finds its channels' gates, LANES threads each,
 * and scales its share of rows with them: the image's pixels, or the rows of the weights of the 1x1 convolution that
 * follows.
 * Traffic: sums once for each WARPS units and each weight once an image, from L2; the scaled rows once each way. No
 * block does what another has done already but for those sums. */
#include "cuda/kernel/device.cuh"
#include "cuda/kernel/excite.h"

enum { WARPS = WEFT_BLOCK / WEFT_WARP, LANES = 4, MOST_PACKS = 8, EACH = 4 /* rows a thread */, MOST_STATE = 12000 };

/* ---- the hidden layer ---- */

template <typename T> struct hidden_job {
    const float *sums, *b1;
    const T *w1;
    float *hidden;
    int parts, c, reduced, groups;
    float share; /* 1 / pixels */
    weft_act act;
};

/* Means of the image's channels into mean[c]; it has room for groups * c. */
template <typename T> __device__ __forceinline__ void find_means(const hidden_job<T> &job, float *mean)
{
    const float *sums = job.sums + (int64_t)blockIdx.y * job.parts * job.c;
    for (int i = (int)threadIdx.x; i < job.groups * job.c; i += WEFT_BLOCK) {
        const int group = i / job.c, c = i - group * job.c;
        float sum = 0;
#pragma unroll 8
        for (int part = group; part < job.parts; part += job.groups)
            sum += sums[(int64_t)part * job.c + c];
        mean[i] = sum * job.share;
    }
    __syncthreads();
    if (job.groups == 1) /* the same for all threads */
        return;
    for (int c = (int)threadIdx.x; c < job.c; c += WEFT_BLOCK)
        for (int group = 1; group < job.groups; group++)
            mean[c] += mean[group * job.c + c];
    __syncthreads();
}

template <typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK, 4) hidden(hidden_job<T> job)
{
    weft_begin();
    WEFT_DYN_SHARED(float, mean);
    find_means(job, mean);
    const int lane = (int)threadIdx.x % WEFT_WARP, r = (int)(blockIdx.x * WARPS + threadIdx.x / WEFT_WARP);
    if (r >= job.reduced) /* a whole warp */
        return;
    const T *w = job.w1 + (int64_t)r * job.c;
    float sum = 0;
#pragma unroll 4
    for (int c = lane * V; c < job.c; c += WEFT_WARP * V) {
        float v[V];
        weft_load<T, V>(w + c, v);
#pragma unroll
        for (int i = 0; i < V; i++)
            sum = fmaf(v[i], mean[c + i], sum);
    }
    float v[1] = { weft_warp_sum(sum) + (job.b1 ? job.b1[r] : 0) };
    weft_activate<1>(job.act, v);
    if (lane == 0)
        job.hidden[(int64_t)blockIdx.y * job.reduced + r] = v[0];
}

/* ---- the gates and what they scale ---- */

template <typename T, typename G> struct excite_job {
    const float *hidden, *b2;
    const T *w2, *from;
    T *to;
    G *gate_out;
    int64_t gate_ld, from_ld, to_ld;
    int c, reduced, rows, packs;
    weft_act gate;
    bool shared;
};

/* The gates of the block's channels into gate[blockDim.x * V]. */
template <typename T, typename G, int V>
__device__ __forceinline__ void find_gates(const excite_job<T, G> &job, float *gate)
{
    const int wide = (int)blockDim.x * V, base = (int)(blockIdx.x * blockDim.x) * V;
    const int me = (int)(threadIdx.y * blockDim.x + threadIdx.x), each = (int)(blockDim.x * blockDim.y) / LANES;
    const float *hidden = job.hidden + (int64_t)blockIdx.z * job.reduced;
    for (int first = 0; first < wide; first += each) { /* all threads: a warp adds up together */
        const int i = first + me / LANES, c = base + i;
        const bool there = i < wide && c < job.c;
        const T *w = job.w2 + (there ? (int64_t)c * job.reduced : 0);
        float sum = 0;
        for (int r = me % LANES; r < job.reduced; r += LANES)
            sum = fmaf(weft_to_float(w[r]), hidden[r], sum);
#pragma unroll
        for (int step = 1; step < LANES; step *= 2)
            sum += __shfl_xor_sync(0xffffffffu, sum, step);
        if (!there || me % LANES != 0)
            continue;
        float v[1] = { sum + (job.b2 ? job.b2[c] : 0) };
        weft_activate<1>(job.gate, v);
        gate[i] = v[0];
        if (job.gate_out && blockIdx.y == 0)
            weft_set(job.gate_out + (int64_t)blockIdx.z * job.gate_ld + c, v[0]);
    }
    __syncthreads();
}

template <typename T, typename G, int V> __global__ void __launch_bounds__(WEFT_BLOCK) excite(excite_job<T, G> job)
{
    weft_begin();
    WEFT_DYN_SHARED(float, gate);
    find_gates<T, G, V>(job, gate);
    const int64_t n = blockIdx.z;
    const int pack = (int)(blockIdx.x * blockDim.x + threadIdx.x), c = pack * V;
    if (!job.to || pack >= job.packs)
        return;
    const int last = (int)((int64_t)job.rows * (blockIdx.y + 1) / gridDim.y);
    const T *from = job.from + (job.shared ? 0 : n * job.rows * job.from_ld) + c;
    T *to = job.to + n * job.rows * job.to_ld + c;
    float by[V];
#pragma unroll
    for (int i = 0; i < V; i++)
        by[i] = gate[(int)threadIdx.x * V + i];
#pragma unroll(EACH)
    for (int row = (int)((int64_t)job.rows * blockIdx.y / gridDim.y) + (int)threadIdx.y; row < last;
         row += (int)blockDim.y) {
        float v[V];
        weft_load<T, V>(from + row * job.from_ld, v);
#pragma unroll
        for (int i = 0; i < V; i++)
            v[i] *= by[i];
        weft_store<T, V>(to + row * job.to_ld, v);
    }
}

/* ---- the host's side ---- */

template <typename T> static int launch_hidden(const weft_excite_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    hidden_job<T> job;
    job.sums = a->sums, job.b1 = a->b1;
    job.w1 = static_cast<const T *>(a->w1);
    job.hidden = a->hidden;
    job.parts = a->parts, job.c = a->c, job.reduced = a->reduced;
    job.groups = a->c >= WEFT_BLOCK ? 1 : WEFT_BLOCK / a->c < a->parts ? WEFT_BLOCK / a->c : a->parts;
    job.share = 1.f / (float)a->pixels;
    job.act = a->act;
    const dim3 grid((unsigned)(a->reduced + WARPS - 1) / WARPS, (unsigned)a->n);
    const size_t shared = (size_t)(job.groups * a->c) * sizeof(float);
    if (a->c % V == 0 && weft_at_16(a->w1))
        return WEFT_LAUNCH((hidden<T, V>), grid, dim3(WEFT_BLOCK), shared, stream, job);
    return WEFT_LAUNCH((hidden<T, 1>), grid, dim3(WEFT_BLOCK), shared, stream, job);
}

template <typename T, typename G> static int launch_excite(const weft_excite_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool wide = a->c % V == 0 && weft_is_wide(a->from, sizeof(T)) && weft_is_wide(a->to, sizeof(T));
    excite_job<T, G> job;
    job.hidden = a->hidden, job.b2 = a->b2;
    job.w2 = static_cast<const T *>(a->w2);
    job.from = static_cast<const T *>(a->from.data);
    job.to = static_cast<T *>(a->to.data);
    job.gate_out = static_cast<G *>(a->gate_out.data);
    job.gate_ld = a->gate_out.ld, job.from_ld = a->from.ld, job.to_ld = a->to.ld;
    job.c = a->c, job.reduced = a->reduced, job.rows = a->rows;
    job.packs = wide ? a->c / V : a->c;
    job.gate = a->gate;
    job.shared = a->shared;
    const unsigned x = wide ? (unsigned)MOST_PACKS : (unsigned)WEFT_WARP, y = WEFT_BLOCK / x; /* whole warps */
    const unsigned splits = a->to.data ? ((unsigned)a->rows + EACH * y - 1) / (EACH * y) : 1;
    const dim3 grid(((unsigned)job.packs + x - 1) / x, splits, (unsigned)a->n), block(x, y);
    if (wide)
        return WEFT_LAUNCH((excite<T, G, V>), grid, block, x * V * sizeof(float), stream, job);
    return WEFT_LAUNCH((excite<T, G, 1>), grid, block, x * sizeof(float), stream, job);
}

template <typename T, typename G> static int launch(const weft_excite_args *a, void *stream)
{
    const int error = launch_hidden<T>(a, stream);
    return error ? error : launch_excite<T, G>(a, stream);
}

/* What the second launch wants. */
static bool gates_fit(const weft_excite_args *a)
{
    const bool scales = a->to.data != nullptr;
    if (!a->hidden || !a->w2 || a->n <= 0 || a->n > 65535 || a->c <= 0 || a->c > MOST_STATE || a->reduced <= 0 ||
        (a->gate_out.data && a->gate_out.ld < a->c))
        return false;
    return !scales || (weft_view_fits(a->from, a->c) && a->to.ld >= a->c && a->rows > 0 &&
                       weft_rows_fit((int64_t)a->n * a->rows));
}

int weft_launch_excite(const weft_excite_args *a, void *stream)
{
    if (!gates_fit(a) || !a->sums || !a->w1 || a->parts <= 0 || a->pixels <= 0)
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPES(a->dtype, a->gate_dtype, launch, a, stream);
}

int weft_launch_excite_gates(const weft_excite_args *a, void *stream)
{
    return gates_fit(a) ? WEFT_BY_DTYPES(a->dtype, a->gate_dtype, launch_excite, a, stream) : (int)WEFT_INVALID_VALUE;
}
