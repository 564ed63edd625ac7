/* SPDX-License-Identifier: Apache-2.0
 *
 * Labels as rows of probabilities. Mapping: a thread for each element. Traffic: y once. */
#include "cuda/kernel/device.cuh"

__global__ void __launch_bounds__(WEFT_BLOCK) one_hot(weft_one_hot_args job)
{
    weft_begin();
    const int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= job.n * job.classes)
        return;
    const int64_t n = i / job.classes, k = i - n * job.classes;
    const bool right = k == (int64_t)job.labels[n * job.label_ld];
    static_cast<float *>(job.y.data)[n * job.y.ld + k] = right ? job.right : job.rest;
}

int weft_launch_one_hot(const weft_one_hot_args *a, void *stream)
{
    const int64_t blocks = (a->n * a->classes + WEFT_BLOCK - 1) / WEFT_BLOCK;
    if (!a->labels || !a->y.data || a->y.ld < a->classes || a->n <= 0 || a->classes <= 0 || blocks >= INT32_MAX)
        return WEFT_INVALID_VALUE;
    const weft_one_hot_args job = *a; /* the launch may be recorded, and outlive a */
    return WEFT_LAUNCH(one_hot, dim3((unsigned)blocks), dim3(WEFT_BLOCK), 0, stream, job);
}
