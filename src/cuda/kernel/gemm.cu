/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of activations and weights without a library: y[b, r, k] = sum over c of x[b, r, c] * wt[b, k, c].
 * Either may lie turned: gradients of dense layers are such products.
 *
 * tile: a block computes TILE x TILE outputs, DEPTH channels at a time through shared memory (kept as floats, turned so
 * that c is the outer index); a thread has 4 x 4 sums. Two 16-byte loads of shared memory for 16 multiply-adds: half
 * of the card's fp32 rate at best, no tensor cores. Traffic: x k / TILE times, wt rows / TILE times, from L2.
 * few: for at most FEW rows (a dense layer at batch 1): a warp takes one k, its lanes c, and sums over the warp.
 * Traffic: each weight once, which is the bound. */
#include "cuda/kernel/device.cuh"

enum { TILE = 64, DEPTH = 16, EACH = 4, PITCH = TILE + 4 /* keeps 16-byte rows, spreads the banks */, FEW = 4 };

template <typename T, typename U> struct gemm_job {
    const T *x, *wt;
    U *y;
    int64_t x_ld, y_ld, wt_ld, wt_stride;
    int rows, c, k;
    bool x_turned, wt_turned;
    weft_finish<U> end;
};

/* Bias, residual, activation and store of COUNT sums, those of row + i * down and k + i * along that are there. One
 * activation for all: its code is long. */
template <typename T, typename U, int COUNT>
__device__ __forceinline__ void finish(const gemm_job<T, U> &job, int64_t row, int down, int k, int along,
                                       float (&v)[COUNT])
{
    const int there = along ? job.k - k : job.rows;
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
        if (i >= there)
            continue;
        if (job.end.bias)
            v[i] += job.end.bias[k + i * along];
        if (job.end.residual)
            v[i] += weft_to_float(job.end.residual[(row + i * down) * job.end.residual_ld + k + i * along]);
    }
    weft_activate<COUNT>(job.end.act, v);
#pragma unroll
    for (int i = 0; i < COUNT; i++)
        if (i < there)
            weft_set(job.y + (row + i * down) * job.y_ld + k + i * along, v[i]);
}

/* TILE rows of DEPTH channels, from row `first` and channel c0, to shared memory [DEPTH][PITCH]; zeros outside. turned:
 * in memory channels are rows. */
template <typename T>
__device__ __forceinline__ void fill(float *to, const T *from, int64_t ld, bool turned, int first, int count, int c0,
                                     int c)
{
#pragma unroll
    for (int each = 0; each < TILE * DEPTH / WEFT_BLOCK; each++) {
        const int i = each * WEFT_BLOCK + (int)threadIdx.x;
        const int row = turned ? i % TILE : i / DEPTH, j = turned ? i / TILE : i % DEPTH;
        const bool inside = first + row < count && c0 + j < c;
        const int line = turned ? c0 + j : first + row, at = turned ? first + row : c0 + j;
        to[j * PITCH + row] = inside ? weft_to_float(from[line * ld + at]) : 0;
    }
}

template <typename T, typename U> __global__ void __launch_bounds__(WEFT_BLOCK) tile(gemm_job<T, U> job)
{
    weft_begin();
    WEFT_SHARED(float, xs, (DEPTH * PITCH));
    WEFT_SHARED(float, ws, (DEPTH * PITCH));
    const int64_t batch = blockIdx.z;
    const int row0 = (int)blockIdx.x * TILE, k0 = (int)blockIdx.y * TILE;
    const int tr = (int)threadIdx.x / (TILE / EACH) * EACH, tk = (int)threadIdx.x % (TILE / EACH) * EACH;
    const T *x = job.x + batch * job.rows * job.x_ld, *wt = job.wt + batch * job.wt_stride;

    float sum[EACH][EACH] = {};
    for (int c0 = 0; c0 < job.c; c0 += DEPTH) {
        fill(xs, x, job.x_ld, job.x_turned, row0, job.rows, c0, job.c);
        fill(ws, wt, job.wt_ld, job.wt_turned, k0, job.k, c0, job.c);
        __syncthreads();
#pragma unroll
        for (int j = 0; j < DEPTH; j++) {
            float a[EACH], b[EACH];
#pragma unroll
            for (int i = 0; i < EACH; i++) {
                a[i] = xs[j * PITCH + tr + i];
                b[i] = ws[j * PITCH + tk + i];
            }
#pragma unroll
            for (int i = 0; i < EACH; i++) {
#pragma unroll
                for (int l = 0; l < EACH; l++)
                    sum[i][l] = fmaf(a[i], b[l], sum[i][l]);
            }
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < EACH; i++) {
        const int64_t row = row0 + tr + i;
        if (row < job.rows)
            finish<T, U, EACH>(job, batch * job.rows + row, 0, k0 + tk, 1, sum[i]);
    }
}

template <typename T, typename U, int V> __global__ void __launch_bounds__(WEFT_BLOCK) few(gemm_job<T, U> job)
{
    weft_begin();
    const int k = (int)(blockIdx.x * blockDim.y + threadIdx.y);
    const int64_t batch = blockIdx.z;
    if (k >= job.k) /* a whole warp */
        return;
    const T *x = job.x + batch * job.rows * job.x_ld, *wt = job.wt + batch * job.wt_stride + k * job.wt_ld;
    float sum[FEW] = {};
    for (int c = (int)threadIdx.x * V; c < job.c; c += WEFT_WARP * V) {
        float w[V];
        weft_load<T, V>(wt + c, w);
#pragma unroll
        for (int r = 0; r < FEW; r++) {
            if (r >= job.rows)
                continue;
            float px[V];
            weft_load<T, V>(x + r * job.x_ld + c, px);
#pragma unroll
            for (int i = 0; i < V; i++)
                sum[r] = fmaf(px[i], w[i], sum[r]);
        }
    }
#pragma unroll
    for (int r = 0; r < FEW; r++)
        sum[r] = weft_warp_sum(sum[r]);
    if (threadIdx.x == 0)
        finish<T, U, FEW>(job, batch * job.rows, 1, k, 0, sum);
}

template <typename T, typename U> static int launch(const weft_gemm_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    gemm_job<T, U> job;
    job.x = static_cast<const T *>(a->x.data);
    job.wt = static_cast<const T *>(a->wt);
    job.y = static_cast<U *>(a->y.data);
    job.x_ld = a->x.ld, job.y_ld = a->y.ld, job.wt_ld = a->ld_wt, job.wt_stride = a->wt_stride;
    job.rows = a->rows, job.c = a->c, job.k = a->k;
    job.x_turned = a->x_turned, job.wt_turned = a->wt_turned;
    job.end = weft_finish_of<U>(&a->epi);
    if (a->rows > FEW || a->x_turned || a->wt_turned) {
        const dim3 grid((unsigned)((a->rows + TILE - 1) / TILE), (unsigned)((a->k + TILE - 1) / TILE),
                        (unsigned)a->batch);
        return WEFT_LAUNCH((tile<T, U>), grid, dim3(WEFT_BLOCK), 0, stream, job);
    }
    const unsigned warps = WEFT_BLOCK / WEFT_WARP;
    const dim3 grid(((unsigned)a->k + warps - 1) / warps, 1, (unsigned)a->batch), block(WEFT_WARP, warps);
    const weft_kview wt = { const_cast<void *>(a->wt), a->ld_wt };
    const bool wide = a->c % V == 0 && weft_is_wide(a->x, sizeof(T)) && weft_is_wide(wt, sizeof(T)) &&
                      a->wt_stride * (int64_t)sizeof(T) % 16 == 0;
    if (wide)
        return WEFT_LAUNCH((few<T, U, V>), grid, block, 0, stream, job);
    return WEFT_LAUNCH((few<T, U, 1>), grid, block, 0, stream, job);
}

int weft_launch_gemm(const weft_gemm_args *a, void *stream)
{
    if (!weft_view_fits(a->x, a->x_turned ? a->rows : a->c) || !weft_view_fits(a->y, a->k) || !a->wt || a->c <= 0 ||
        a->ld_wt < (a->wt_turned ? a->k : a->c) || a->batch <= 0 || ((a->x_turned || a->wt_turned) && a->batch > 1) ||
        a->batch > 65535 || !weft_rows_fit((int64_t)a->batch * a->rows) || !weft_epilogue_fits(a->epi, a->k))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPES(a->dtype, a->y_dtype, launch, a, stream);
}
