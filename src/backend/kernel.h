/* SPDX-License-Identifier: Apache-2.0
 *
 * What a backend supplies: devices, memory, and for each op an ordered list of kernels. Kernels are chosen when a
 * model is planned: the first in the list that does not refuse. Kernels see only resolved options and inferred
 * shapes; none fills a default or computes a shape. */
#ifndef WEFT_BACKEND_KERNEL_H
#define WEFT_BACKEND_KERNEL_H

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/pool.h"
#include "op/op.h"

typedef struct weft_backend weft_backend;
typedef struct weft_kernel weft_kernel;

/* An opened device. */
typedef struct weft_device {
    const weft_backend *backend;
    int index;
    const weft_allocator *allocator; /* of host memory */
    /* [op]: the op's kernels, best first, the last refuses nothing, then NULL */
    const weft_kernel *const *const *kernels;
    weft_math math;
    weft_pool *pool; /* host threads */
    int threads;
    weft_isa isa;
    weft_cpu cpu;
    void *state; /* the backend's own */
} weft_device;

/* A tensor in memory: row r (a pixel; for [N, C] an image) has its channels at data + r * ld, ld in elements.
 * ld > channels for a channel slice of a wider tensor. Rows of [N, H, W, C] follow each other without gaps: row
 * (n * H + h) * W + w. Every kernel takes any ld >= channels, for every input and output. */
typedef struct weft_view {
    void *data;
    int64_t ld;
} weft_view;

/* What prepare decides for one node, and the memory it asks for. */
typedef struct weft_plan {
    const weft_node *node;
    const weft_device *device;
    weft_arena *arena;     /* for state: lives as long as the model */
    void *state;           /* the kernel's own */
    size_t packed;         /* bytes of parameters as the kernel keeps them; set only by kernels with load */
    size_t scratch;        /* bytes of arena during the run, shared by the threads */
    size_t thread_scratch; /* bytes of arena during the run, for each thread */
} weft_plan;

/* Arguments of one step, resolved once when the model is created. */
typedef struct weft_call {
    const weft_node *node;
    const weft_device *device;
    const void *state;       /* weft_plan.state */
    const weft_view *in;     /* [node->n_in]; the residual last */
    const weft_view *out;    /* [node->n_out] */
    const void *const *param; /* [node->n_param], as inferred; NULLs when the kernel has load */
    const void *packed;      /* what load wrote; NULL without load */
    void *scratch;           /* 64-byte aligned */
    void *thread_scratch;    /* thread t's part begins at thread_scratch + t * thread_stride */
    size_t thread_stride;
} weft_call;

WEFT_INLINE void *weft_call_thread_scratch(const weft_call *call, int thread)
{
    return (char *)call->thread_scratch + (size_t)thread * call->thread_stride;
}

/* Bits of weft_kernel.inplace: output 0 may be the same memory (same ld) as input i, or as the residual. The
 * kernel must then read each element of that input before it writes it, and never again after. */
enum { WEFT_INPLACE_IN0 = 1, WEFT_INPLACE_IN1 = 2, WEFT_INPLACE_RESIDUAL = 1 << 8 };

/* One way to compute an op. */
struct weft_kernel {
    const char *name; /* "cpu.conv2d.pointwise" */
    /* NULL: takes the node; else why not, a static sentence. NULL function: refuses nothing. */
    const char *(*refuse)(const weft_node *node, const weft_device *device);
    /* Decides tiles, asks for memory in *plan. NULL: nothing to decide. */
    weft_status (*prepare)(const weft_node *node, weft_plan *plan);
    /* Writes the parameters (host floats, as inferred) into packed (plan->packed bytes, 64-byte aligned). NULL: the
     * kernel reads them as they are, through call->param. */
    weft_status (*load)(const weft_node *node, const weft_plan *plan, const float *const *param, void *packed);
    weft_status (*run)(const weft_call *call);
    unsigned inplace;
    double error_factor; /* of the op's tolerance; 0: 1. Winograd states more, with the reason beside it */
};

/* A family of devices. */
struct weft_backend {
    const char *name, *brief;
    /* Fills device->kernels and ->state (the rest is set). NO_DEVICE with what is missing. */
    weft_status (*open)(weft_device *device);
    void (*close)(weft_device *device);
    /* Describes the device, present or not. */
    void (*info)(weft_device_info *out);
    weft_status (*alloc)(const weft_device *device, size_t bytes, void **out);
    void (*free)(const weft_device *device, void *ptr);
    weft_status (*write)(const weft_device *device, void *to, const void *from, size_t bytes);
    weft_status (*read)(const weft_device *device, void *to, const void *from, size_t bytes);
    bool dry; /* plans and records; steps are not run */
};

/* Every backend of this build, in order of "auto"; NULL ends the list. */
extern const weft_backend *const weft_backends[];
extern const weft_backend weft_backend_cpu, weft_backend_null;

/* The CPU's lists, by op. */
#define WEFT_OP(id, name) extern const weft_kernel *const weft_cpu_##name[];
#include "op/list.def"
#undef WEFT_OP
extern const weft_kernel *const *const weft_cpu_kernels[WEFT_OP_COUNT];

/* The first kernel of the node's list that does not refuse. Never NULL: the last refuses nothing. */
const weft_kernel *weft_select(const weft_node *node, const weft_device *device);

/* The context's device, for the graph. */
struct weft_ctx {
    weft_allocator allocator;
    weft_log_fn log;
    void *log_user;
    weft_device device;
};

/* One message to the context's callback, if it has one. */
void weft_log(const weft_ctx *ctx, weft_log_level level, const char *format, ...) WEFT_PRINTF(3, 4);

#endif
