/* SPDX-License-Identifier: Apache-2.0
 *
 * Dispatch, once per node when a model is planned: the first kernel that does not refuse. */
#include "backend/kernel.h"

const weft_kernel *weft_select(const weft_node *node, const weft_device *device)
{
    const weft_kernel *const *kernel = device->kernels[node->id];
    while (kernel[1] && (*kernel)->refuse && (*kernel)->refuse(node, device))
        kernel++;
    return *kernel;
}
