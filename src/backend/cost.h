/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step costs: launches, bytes and FLOPs as its kernel states them, and the peaks of a device. */
#ifndef WEFT_BACKEND_COST_H
#define WEFT_BACKEND_COST_H

#include "graph/op.h"

struct weft_plan;

/* What one kernel launch (or copy) of a step costs, for the report. Bytes and FLOPs are those of all images. */
typedef struct weft_kernel_cost {
    const char *what;           /* "expand", "depthwise": static; NULL: the step is one launch */
    double tensor_core, core;   /* FLOPs on tensor cores, and on the other units */
    double weights, read, written; /* bytes: parameters; activations */
    size_t workspace;
    uint64_t plan;              /* hash of the vendor's plan that it runs; 0: none */
    bool copy, cast;            /* moves a tensor only to change its layout, or its type */
} weft_kernel_cost;

enum { WEFT_MAX_LAUNCH = 8 };

/* Peaks of a device, for the roofline of the cost report. */
typedef struct weft_roofs {
    char name[64];
    double tensor_core, core; /* FLOP/s, in the device's precision */
    double bandwidth;         /* bytes/s */
    double launch;            /* seconds between two small kernels of a recorded run */
} weft_roofs;

/* Bytes of a tensor of a type. */
double weft_tensor_bytes(const weft_shape *shape, weft_dtype dtype);
/* Of one launch on the ordinary units that reads and writes each tensor once: a kernel's launches where NULL. */
int weft_plain_cost(const weft_node *node, const struct weft_plan *plan, weft_kernel_cost *out);

#endif
