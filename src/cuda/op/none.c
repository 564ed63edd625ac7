/* SPDX-License-Identifier: Apache-2.0
 *
 * The lists of ops that CUDA has no kernels for (list.def): one that refuses, so that the plug-in links, plans all
 * other networks, and says which node stands in the way of this one. */
#include "cuda/cuda.h"

static const char *refuse(const weft_node *node, const weft_device *device)
{
    (void)node, (void)device;
    return "CUDA has no kernel for this op";
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    (void)plan;
    return weft_fail(WEFT_UNSUPPORTED, "CUDA has no kernel for %s; run the network on the device cpu", node->op->name);
}

static weft_status run(const weft_call *call)
{
    return prepare(call->node, NULL);
}

WEFT_UNUSED static const weft_kernel none = {
    .name = "cuda.none", .refuse = refuse, .prepare = prepare, .run = run,
};

#define NONE_ON_ALL(name)
#define NONE_ON_CPU(name) const weft_kernel *const weft_cuda_##name[] = { &none, NULL };
#define WEFT_OP(id, name, family, kind, devices) NONE_ON_##devices(name)
#include "op/list.def"
#undef WEFT_OP
