/* SPDX-License-Identifier: Apache-2.0
 *
 * What a kernel that says nothing else costs (cost.h). Compiled into plug-ins, too. */
#include "backend/kernel.h"

double weft_tensor_bytes(const weft_shape *shape, weft_dtype dtype)
{
    return (double)weft_shape_count(shape) * (double)weft_dtype_size(dtype);
}

int weft_plain_cost(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    *out = (weft_kernel_cost){ .core = node->op->cost(node).flops,
                               .workspace = plan->scratch + plan->thread_scratch };
    const int first = weft_node_first_param(node);
    for (int i = 0; i < node->n_in; i++) {
        const bool own = i >= first && i < first + node->n_param;
        *(own ? &out->weights : &out->read) += weft_tensor_bytes(&node->in[i], weft_node_in_dtype(node, i));
    }
    for (int i = 0; i < node->n_out; i++)
        out->written += weft_tensor_bytes(&node->out[i], weft_node_out_dtype(node, i));
    return 1;
}
