/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels of conv_grad.h share. */
#ifndef WEFT_CUDA_KERNEL_CONV_GRAD_CUH
#define WEFT_CUDA_KERNEL_CONV_GRAD_CUH

#include "cuda/kernel/conv_grad.h"
#include "cuda/kernel/device.cuh"

/* The output whose window has pixel i at tap t; -1: there is none. */
__device__ __forceinline__ int weft_output_of(int i, int before, int t, int dilation, int stride, int outputs)
{
    const int at = i + before - t * dilation, o = at / stride;
    return at >= 0 && o * stride == at && o < outputs ? o : -1;
}

inline weft_kwindow weft_with_dilation(weft_kwindow win)
{
    win.dilation = win.dilation > 0 ? win.dilation : 1;
    return win;
}

#endif
