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
#include "graph/op.h"

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
    weft_precision precision; /* never DEFAULT once opened */
    weft_dtype dtype;         /* of activations between nodes */
    const char *target;       /* while opening: the GPU to plan for without a device; NULL: none */
    bool builds;              /* for a target: build what the card would build once, and keep it on disk */
    bool dry;                 /* plans and records; steps are not run */
    unsigned rewrites;        /* the backend's, unless it takes some away when it opens */
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

/* A kernel of several launches has phases: what it needs only in some of them need not lie beside the rest. */
enum { WEFT_PHASES = 4, WEFT_MAX_BUFFER = 4 };

/* Arena memory from phase `first` of a node to phase `last`, both included. */
typedef struct weft_buffer {
    size_t bytes;
    int first, last;
} weft_buffer;

/* What prepare decides for one node, and the memory it asks for. */
typedef struct weft_plan {
    const weft_node *node;
    const weft_device *device;
    weft_arena *arena;     /* for state: lives as long as the model */
    const int64_t *in_ld, *out_ld; /* of each input and output; NULL: not known yet */
    const bool *in_place;  /* [n_in] of a concatenation: the input lies in its slice already; NULL: not known */
    const int *in_align, *out_align; /* of their addresses, bytes, at most 16; NULL: not known */
    int64_t in_channels;   /* of input 0 that may be read: zeros beyond its own; 0: its own */
    bool build;            /* the model will run: build what is built once (cuDNN's plans) */
    bool collect;          /* a call before that one: only note what will be built (weft_backend.build) */
    void *state;           /* the kernel's own */
    weft_buffer buffer[WEFT_MAX_BUFFER]; /* zeros: none */
    int in_phases;         /* input 0 is read in phases 0 to in_phases - 1 only; 0: in all */
    int out_phase;         /* the outputs are written in this phase and later */
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
    void *buffer[WEFT_MAX_BUFFER]; /* of weft_plan.buffer; 256-byte aligned */
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

/* One kernel launch (or copy) of a step, for the cost report. Bytes and FLOPs are those of all images. */
typedef struct weft_launch {
    const char *what;           /* "expand", "depthwise": static; NULL: the step is one launch */
    double tensor_core, core;   /* FLOPs on tensor cores, and on the other units */
    double weights, read, written; /* bytes: parameters; activations */
    size_t workspace;
    uint64_t plan;              /* hash of the vendor's plan that it runs; 0: none */
    bool copy, cast;            /* moves a tensor only to change its layout, or its type */
} weft_launch;

enum { WEFT_MAX_LAUNCH = 8 };

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
    /* What run will launch: fills out[] and says how many. NULL: one launch of least traffic. */
    int (*launches)(const weft_node *node, const weft_plan *plan, weft_launch out[WEFT_MAX_LAUNCH]);
    unsigned inplace;
    bool reference;      /* plain loops that refuse nothing: no reason to prefer an op that only it computes */
    double error_factor; /* of the op's tolerance; 0: 1. Winograd states more, with the reason beside it */
};

/* Peaks of a device, for the roofline of the cost report. */
typedef struct weft_roofs {
    char name[64];
    double tensor_core, core; /* FLOP/s, in the device's precision */
    double bandwidth;         /* bytes/s */
    double launch;            /* seconds between two small kernels of a recorded run */
} weft_roofs;

/* Bytes of a tensor of a type. */
double weft_tensor_bytes(const weft_shape *shape, weft_dtype dtype);
/* One launch on the ordinary units that reads and writes each tensor of the node once: what launches is when NULL. */
int weft_plain_launch(const weft_node *node, const weft_plan *plan, weft_launch *out);

/* What became of recording a run. */
typedef struct weft_recording {
    const char *failed; /* why this model's runs are not recorded, told once; NULL: nothing to tell */
    bool again;         /* what failed has run nothing: the steps are to be run anew, without recording */
} weft_recording;

/* A family of devices. */
struct weft_backend {
    const char *name, *brief;
    /* Fills device->kernels and ->state (the rest is set). NO_DEVICE with what is missing. */
    weft_status (*open)(weft_device *device);
    void (*close)(weft_device *device);
    /* Describes the device, present or not. */
    void (*info)(weft_device_info *out);
    /* As weft_device_pieces. NULL: it needs nothing. */
    int (*pieces)(weft_device_piece *out, int room);
    weft_status (*alloc)(const weft_device *device, size_t bytes, void **out);
    void (*free)(const weft_device *device, void *ptr);
    weft_status (*write)(const weft_device *device, void *to, const void *from, size_t bytes);
    weft_status (*read)(const weft_device *device, void *to, const void *from, size_t bytes);
    bool dry; /* plans and records; steps are not run */
    unsigned rewrites; /* WEFT_REWRITE_*: graph passes that pay on these devices */
    /* The device is apart from host memory. Inputs are cast and padded into host memory that the device can read
     * (host_alloc) and written to the device at the start of every run, so that in the arena they die with their
     * last reader; outputs are cast back. NULL: inputs and outputs lie in the arena. */
    weft_status (*host_alloc)(const weft_device *device, size_t bytes, void **out);
    void (*host_free)(const weft_device *device, void *ptr);
    /* From host_alloc's memory; only queued. */
    weft_status (*send)(const weft_device *device, void *to, const void *from, size_t bytes);
    /* Builds, side by side on the device's threads, what prepare noted when it was asked to collect. NULL: prepare is
     * called once, and builds. */
    weft_status (*build)(const weft_device *device);
    int input_channels; /* pixels of inputs are padded to a multiple of so many channels; 0: 1 */
    /* Around the steps of a run; both NULL or none. begin sets *replayed when it has run all steps from a recording,
     * kept in *record; end, given the status of the steps, may record them for the next time. forget frees the
     * recording. */
    weft_status (*begin)(const weft_device *device, void **record, bool *replayed);
    weft_status (*end)(const weft_device *device, void **record, weft_status status, weft_recording *out);
    void (*forget)(const weft_device *device, void *record);
    size_t (*available)(const weft_device *device);        /* bytes of memory that are free; NULL: not known */
    weft_status (*wait)(const weft_device *device);        /* until all that was queued is done; NULL: it is */
    const weft_roofs *(*roofs)(const weft_device *device); /* NULL: not known */
};

/* Optional passes of src/graph, for backends on which launches and memory traffic cost more than arithmetic. */
enum {
    WEFT_REWRITE_COMPOSE = 1, /* a linear 1x1 convolution before another becomes one with the product of the weights */
    WEFT_REWRITE_POOL = 4,    /* a maximum over windows that do not overlap rides along with the convolution before */
    WEFT_REWRITE_JOIN = 2     /* a projected shortcut and the last 1x1 of its unit become one over both inputs */
};

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
