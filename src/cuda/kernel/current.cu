/* SPDX-License-Identifier: Apache-2.0
 *
 * The card that a thread's launches are for. The kernels' own runtime, which is linked in, has one for each thread. */
#include "cuda/kernel/device.cuh"

int weft_launch_on(int device)
{
    return WEFT_SET_DEVICE(device);
}
