/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels: for each op a backend has an ordered list of them. They are chosen when a program is planned: the first in
 * the list that does not refuse. Kernels see only resolved options and inferred shapes; none fills a default or
 * computes a shape. */
#ifndef WEFT_BACKEND_KERNEL_H
#define WEFT_BACKEND_KERNEL_H

#include "backend/device.h"
#include "base/error.h"

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
    unsigned forms;        /* WEFT_FORM_* of the program */
    unsigned stored;       /* bit i: input i, one of the first 32, is a parameter or a state as the store has it */
    int64_t in_channels;   /* of input 0 that may be read: zeros beyond its own; 0: its own */
    bool build;            /* the model will run: build what is built once (cuDNN's plans) */
    bool collect;          /* a call before that one: only note what will be built (weft_backend.build) */
    void *state;           /* the kernel's own */
    weft_buffer buffer[WEFT_MAX_BUFFER]; /* zeros: none */
    int in_phases;         /* input 0 is read in phases 0 to in_phases - 1 only; 0: in all */
    int out_phase;         /* the outputs are written in this phase and later */
    double error_factor;   /* of what was built, where that is not known of the kernel beforehand; 0: the kernel's */
    size_t packed;         /* bytes of parameters as the kernel keeps them; 0: pack is not called */
    int pack_pieces;       /* of them, which the backend may queue with those of other packs; 0: pack does so itself */
    unsigned packs;        /* bit i: pack reads input i, which is stored and no parameter of the node's own */
    unsigned direct;       /* bit i: run reads input i as it is stored, an own parameter that pack then leaves out */
    int pack_form;         /* what lies at the beginning of `packed` is the first of the inputs that pack reads, in a
                              form that the backend gives a number: a step that wants no more than this reads what
                              another's pack has written. 0: a form of its own */
    size_t pack_scratch;   /* bytes of arena while packing */
    size_t scratch;        /* bytes of arena during the run, shared by the threads */
    size_t thread_scratch; /* bytes of arena during the run, for each thread */
} weft_plan;

/* Arguments of one step, resolved once when the program is made. */
typedef struct weft_call {
    const weft_node *node;
    const weft_device *device;
    const void *state;       /* weft_plan.state */
    const weft_view *in;     /* [node->n_in]; what pack reads has no data in run, and nothing else has in pack */
    const weft_view *out;    /* [node->n_out] */
    void *packed;            /* what pack writes and run reads; NULL if nothing is packed */
    size_t packed_bytes;
    void *scratch;           /* 64-byte aligned; in pack: weft_plan.pack_scratch */
    void *buffer[WEFT_MAX_BUFFER]; /* of weft_plan.buffer; 256-byte aligned */
    void *thread_scratch;    /* thread t's part begins at thread_scratch + t * thread_stride */
    size_t thread_stride;
} weft_call;

/* The node's own parameter i on the device, as inferred; an absent one (i beyond them) is NULL. */
WEFT_INLINE const void *weft_call_param(const weft_call *call, int i)
{
    return i < call->node->n_param ? call->in[weft_node_first_param(call->node) + i].data : NULL;
}

WEFT_INLINE void *weft_call_thread_scratch(const weft_call *call, int thread)
{
    return (char *)call->thread_scratch + (size_t)thread * call->thread_stride;
}

/* Bits of weft_kernel.inplace: output 0 may be the same memory (same ld) as input i, or as the residual. The
 * kernel must then read each element of that input before it writes it, and never again after. */
enum { WEFT_INPLACE_IN0 = 1, WEFT_INPLACE_IN1 = 2, WEFT_INPLACE_RESIDUAL = 1 << 8 };

/* Nodes that one run computes, in the launches of one of them: where launches cost more than the work, as with the
 * updates of hundreds of small parameters. The program finds them when it is planned: nodes of one kernel, none of
 * which reads or changes what another computes or changes. Their memory is that of nodes that run at the same time.
 * Phases mean nothing then, so a node whose plan has some stays alone. */
typedef struct weft_kernel_group {
    int most;        /* nodes of one run */
    unsigned common; /* bit i: input i must be the same value in all */
    /* Whether next may run with first, by what was prepared: options that all must have in common. NULL: any. */
    bool (*joins)(const weft_plan *first, const weft_plan *next);
    /* What run does for each. */
    weft_status (*run)(const weft_call *const *calls, int count);
} weft_kernel_group;

/* One way to compute an op. */
struct weft_kernel {
    const char *name; /* "cpu.conv2d.pointwise" */
    /* NULL: takes the node; else why not, a static sentence. NULL function: refuses nothing. */
    const char *(*refuse)(const weft_node *node, const weft_device *device);
    /* Decides tiles, asks for memory in *plan. NULL: nothing to decide. */
    weft_status (*prepare)(const weft_node *node, weft_plan *plan);
    /* Writes the node's own parameters (but for weft_plan.direct; and those of weft_plan.packs), as they lie on the
     * device, into call->packed, where run finds them: whenever they have changed, on the device, without allocating.
     * Where runs change parameters it is part of every run, and of its recording. A node without any is packed once.
     * NULL: the kernel reads them as they are, through call->in. */
    weft_status (*pack)(const weft_call *call);
    weft_status (*run)(const weft_call *call);
    const weft_kernel_group *group; /* NULL: each node runs alone */
    /* What each launch of run costs: fills out[] and says how many. NULL: one launch of least traffic. In a group each
     * launch is one, and costs the sum. */
    int (*launches)(const weft_node *node, const weft_plan *plan, weft_kernel_cost out[WEFT_MAX_LAUNCH]);
    unsigned inplace;
    bool reference;      /* plain loops that refuse nothing: no reason to prefer an op that only it computes */
    double error_factor; /* of the op's tolerance; 0: 1. Winograd states more, with the reason beside it */
};

/* Of Winograd's F(4x4, 3x3): the corner pixel's 10.4 (cpu/winograd.c), and the rounding of the transforms. */
#define WEFT_WINOGRAD_ERROR_FACTOR 12

/* The CPU's lists, by op. */
#define WEFT_OP(id, name, family, kind, devices) extern const weft_kernel *const weft_cpu_##name[];
#include "op/list.def"
#undef WEFT_OP
extern const weft_kernel *const *const weft_cpu_kernels[WEFT_OP_COUNT];

/* The references in double, by op: what src/check holds results against. */
extern const weft_kernel *const weft_oracle_kernels[WEFT_OP_COUNT];

/* The first kernel of the node's list that does not refuse. Never NULL: the last refuses nothing. */
const weft_kernel *weft_select(const weft_node *node, const weft_device *device);

#endif
