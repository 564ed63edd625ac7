/* SPDX-License-Identifier: Apache-2.0
 *
 * The card that a thread's launches are for. The kernels' own runtime, which is linked in, has one for each thread. */
#include "cuda/kernel/device.cuh"

#if defined(WEFT_EMU)
int weft_launch_compiled_for(int)
{
    return 90;
}
#else
thread_local bool weft_overlaps;

__global__ void nothing(void)
{
    weft_begin();
}

/* The driver makes code for the card from what is of an older architecture: that one counts. */
int weft_launch_compiled_for(int device)
{
    cudaFuncAttributes found;
    if (WEFT_SET_DEVICE(device, false) || cudaFuncGetAttributes(&found, nothing) != cudaSuccess)
        return (void)cudaGetLastError(), 0;
    return found.ptxVersion;
}
#endif

int weft_launch_on(int device, bool overlap)
{
    return WEFT_SET_DEVICE(device, overlap);
}
