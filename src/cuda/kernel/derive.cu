/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters from parameters, in double and rounded once (src/op/derive.c), and the factors of layers that scale and
 * shift: batch norm by itself, the input layer.
 *
 * Mapping: a thread for each element of the result. Traffic: each element read and written once, when the store has
 * changed; the product of two layers' weights reads a row and a column for each of its elements. */
#include "cuda/kernel/device.cuh"

__device__ __forceinline__ int64_t my_element()
{
    return (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
}

static int grid_of(int64_t count, dim3 *grid)
{
    const int64_t blocks = (count + WEFT_BLOCK - 1) / WEFT_BLOCK;
    if (count <= 0 || blocks >= INT32_MAX)
        return WEFT_INVALID_VALUE;
    *grid = dim3((unsigned)blocks);
    return 0;
}

/* ---- batch norm ---- */

__global__ void __launch_bounds__(WEFT_BLOCK) fold_norm(weft_fold_norm_args job)
{
    weft_begin();
    const int64_t i = my_element();
    if (i >= job.outputs * job.each)
        return;
    const int64_t k = i / job.each;
    const double gamma = job.gamma ? (double)job.gamma[k] : 1;
    const double factor = gamma / sqrt((double)job.variance[k] + job.epsilon);
    job.to[i] = (float)(job.weight ? (double)job.weight[i] * factor : factor);
    if (i == k * job.each) {
        const double bias = job.bias ? (double)job.bias[k] : 0;
        job.shift[k] = (float)((bias - (double)job.mean[k]) * factor + (double)job.beta[k]);
    }
}

int weft_launch_fold_norm(const weft_fold_norm_args *a, void *stream)
{
    dim3 grid;
    if (!a->beta || !a->mean || !a->variance || !a->to || !a->shift || a->outputs <= 0 || a->each <= 0 ||
        (!a->weight && a->each != 1) || grid_of(a->outputs * a->each, &grid))
        return WEFT_INVALID_VALUE;
    const weft_fold_norm_args job = *a; /* the launch may be recorded, and outlive a */
    return WEFT_LAUNCH(fold_norm, grid, dim3(WEFT_BLOCK), 0, stream, job);
}

/* ---- the input layer ---- */

__global__ void __launch_bounds__(WEFT_WARP) normalize_factors(weft_normalize_factors_args job)
{
    weft_begin();
    const int c = (int)threadIdx.x;
    if (c >= job.c)
        return;
    double mean = job.mean ? (double)job.mean[c] : 0, variance = job.variance ? (double)job.variance[c] : 0;
#pragma unroll
    for (int i = 0; i < 4; i++) { /* by constants: arguments have no address outside of local memory */
        if (i == c && !job.mean)
            mean = job.fixed_mean[i];
        if (i == c && !job.variance)
            variance = job.fixed_variance[i];
    }
    const double deviation = sqrt(variance);
    const double divisor = deviation > job.floor ? deviation : job.floor;
    job.to_scale[c] = (float)(job.scale / divisor);
    job.to_offset[c] = (float)((job.offset - mean) / divisor);
}

int weft_launch_normalize_factors(const weft_normalize_factors_args *a, void *stream)
{
    if (!a->to_scale || !a->to_offset || a->c < 1 || a->c > 4)
        return WEFT_INVALID_VALUE;
    const weft_normalize_factors_args job = *a; /* the launch may be recorded, and outlive a */
    return WEFT_LAUNCH(normalize_factors, dim3(1), dim3(WEFT_WARP), 0, stream, job);
}

/* ---- weights ---- */

__global__ void __launch_bounds__(WEFT_BLOCK) scale_weights(weft_scale_weights_args job)
{
    weft_begin();
    const int64_t i = my_element();
    if (i < job.count)
        job.to[i] = (float)((double)job.from[i] * job.scale);
}

int weft_launch_scale_weights(const weft_scale_weights_args *a, void *stream)
{
    dim3 grid;
    if (!a->from || !a->to || grid_of(a->count, &grid))
        return WEFT_INVALID_VALUE;
    const weft_scale_weights_args job = *a; /* the launch may be recorded, and outlive a */
    return WEFT_LAUNCH(scale_weights, grid, dim3(WEFT_BLOCK), 0, stream, job);
}

/* One more column than the weights have: the bias. */
__global__ void __launch_bounds__(WEFT_BLOCK) compose_weights(weft_merge_weights_args job)
{
    weft_begin();
    const int64_t i = my_element(), columns = job.first_in + 1;
    if (i >= job.outputs * columns)
        return;
    const int64_t k = i / columns, c = i - k * columns;
    const float *row = job.second + k * job.middle;
    double sum = c == job.first_in && job.second_bias ? (double)job.second_bias[k] : 0;
    for (int64_t m = 0; m < job.middle; m++) {
        const double right = c < job.first_in  ? (double)job.first[m * job.first_in + c]
                             : job.first_bias ? (double)job.first_bias[m]
                                              : 0;
        sum += (double)row[m] * right;
    }
    if (c < job.first_in)
        job.to[k * job.first_in + c] = (float)sum;
    else
        job.to_bias[k] = (float)sum;
}

int weft_launch_compose_weights(const weft_merge_weights_args *a, void *stream)
{
    dim3 grid;
    if (!a->first || !a->second || !a->to || !a->to_bias || a->first_in <= 0 || a->middle <= 0 ||
        grid_of(a->outputs * (a->first_in + 1), &grid))
        return WEFT_INVALID_VALUE;
    const weft_merge_weights_args job = *a; /* the launch may be recorded, and outlive a */
    return WEFT_LAUNCH(compose_weights, grid, dim3(WEFT_BLOCK), 0, stream, job);
}

__global__ void __launch_bounds__(WEFT_BLOCK) join_weights(weft_merge_weights_args job)
{
    weft_begin();
    const int64_t i = my_element(), in = job.first_in + job.second_in, columns = in + 1;
    if (i >= job.outputs * columns)
        return;
    const int64_t k = i / columns, c = i - k * columns;
    if (c < job.first_in)
        job.to[k * in + c] = job.first[k * job.first_in + c];
    else if (c < in)
        job.to[k * in + c] = job.second[k * job.second_in + c - job.first_in];
    else
        job.to_bias[k] = (float)((job.first_bias ? (double)job.first_bias[k] : 0) +
                                 (job.second_bias ? (double)job.second_bias[k] : 0));
}

int weft_launch_join_weights(const weft_merge_weights_args *a, void *stream)
{
    dim3 grid;
    if (!a->first || !a->second || !a->to || !a->to_bias || a->first_in <= 0 || a->second_in <= 0 ||
        grid_of(a->outputs * (a->first_in + a->second_in + 1), &grid))
        return WEFT_INVALID_VALUE;
    const weft_merge_weights_args job = *a; /* the launch may be recorded, and outlive a */
    return WEFT_LAUNCH(join_weights, grid, dim3(WEFT_BLOCK), 0, stream, job);
}
