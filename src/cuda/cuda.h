/* SPDX-License-Identifier: Apache-2.0
 *
 * The CUDA backend inside: what an opened device holds, and what the files of ops share. Host code calls NVIDIA's
 * libraries through the vendor table only, and weft's kernels through kernels.h. */
#ifndef WEFT_CUDA_CUDA_H
#define WEFT_CUDA_CUDA_H

#include <pthread.h>

#include "backend/kernel.h"
#include "cuda/vendor/blas.h"
#include "cuda/dnn/dnn.h"
#include "cuda/kernel/pack.h"
#include "cuda/kernel/update.h"
#include "cuda/vendor/target.h"

/* A plan of one of the libraries. cuDNN's are shared by all steps that compute the same. */
typedef struct weft_cuda_plan {
    uint64_t hash;        /* of cuDNN's graph; 0: nobody looks for it */
    weft_dnn_plan *dnn;   /* NULL: of cuBLASLt, or no engine runs it */
    weft_blas_plan *blas; /* NULL: of cuDNN */
    bool refused;         /* cuBLASLt does not run it */
    size_t workspace;     /* that steps have been given: whatever stands in for the first plan takes no more */
    void *spare;          /* of weft_cuda_plan_spare */
    weft_dnn_graph *graph; /* while it waits to be built */
    char *refusal;         /* what cuDNN said when it had no engine */
    struct weft_cuda_plan *next;
} weft_cuda_plan;

/* Pinned host memory that waits to be used again: the driver takes its time to give and take it. */
enum { WEFT_CUDA_SPARES = 4 };
typedef struct weft_cuda_spare {
    void *memory;
    size_t bytes;
} weft_cuda_spare;

/* weft_device.state. */
typedef struct weft_cuda {
    weft_target target; /* the card's properties, or those that are planned for */
    weft_roofs roofs;
    weft_vendor vendor; /* zero while planning for a target */
    weft_cuda_stream stream;
    pthread_mutex_t lock; /* of shared */
    const weft_allocator *inner; /* the device's, perhaps a user's, who promised nothing about threads */
    weft_allocator shared;       /* inner, one call at a time: for what is made while plans are built */
    weft_dnn *dnn;
    weft_blas *blas;
    weft_cuda_plan *plans;
    bool untuned; /* what tuning found is not wanted */
    bool overlaps; /* a launch may begin before the one before it has ended */
    weft_cuda_spare spare[WEFT_CUDA_SPARES]; /* pinned memory that was given back; NULLs: none */
    weft_team *team; /* NULL: the card is by itself */
    unsigned *turns; /* weft_cuda_turns; NULL: nobody has asked */
    bool capturing; /* a run is being recorded: nothing may be built */
    bool gathers;   /* packs are kept back, these */
    weft_pack_segment packs[WEFT_PACK_SEGMENTS];
    int n_packs;
} weft_cuda;

WEFT_INLINE weft_cuda *weft_cuda_of(const weft_device *device)
{
    return (weft_cuda *)device->state;
}

/* The lists, by op. */
#define WEFT_OP(id, name, family, kind, devices) extern const weft_kernel *const weft_cuda_##name[];
#include "op/list.def"
#undef WEFT_OP
extern const weft_kernel *const *const weft_cuda_kernels[WEFT_OP_COUNT];
extern const weft_backend weft_backend_cuda;

/* ---- memory and runs (memory.c, record.c): functions of weft_backend_cuda ---- */

/* Makes the card the calling thread's, of which each runtime keeps one: every function that may be a thread's first
 * call begins with it. */
weft_status weft_cuda_enter(const weft_device *device);
weft_status weft_cuda_alloc(const weft_device *device, size_t bytes, void **out);
void weft_cuda_free(const weft_device *device, void *ptr);
weft_status weft_cuda_write(const weft_device *device, void *to, const void *from, size_t bytes);
weft_status weft_cuda_read(const weft_device *device, void *to, const void *from, size_t bytes);
weft_status weft_cuda_send(const weft_device *device, void *to, const void *from, size_t bytes);
weft_status weft_cuda_host_alloc(const weft_device *device, size_t bytes, void **out);
void weft_cuda_host_free(const weft_device *device, void *ptr);
void weft_cuda_host_release(weft_cuda *cuda); /* what waits to be used again */
weft_status weft_cuda_fetch(const weft_device *device, void *to, const void *from, size_t bytes);
size_t weft_cuda_available(const weft_device *device);
/* Counters of the device's one stream, zeros between launches (kernel/norm.h). NULL where the model will not run. */
weft_status weft_cuda_turns(const weft_plan *plan, unsigned **out);
void weft_cuda_turns_release(weft_cuda *cuda);
weft_status weft_cuda_wait(const weft_device *device);
weft_status weft_cuda_begin(const weft_device *device, void **record, bool *replayed);
weft_status weft_cuda_end(const weft_device *device, void **record, weft_status status, weft_recording *out);
void weft_cuda_forget(const weft_device *device, void *record);

/* ---- inputs on their way (lane.c): functions of weft_backend_cuda ---- */

weft_status weft_cuda_lane_open(const weft_device *device, size_t bytes, weft_lane **out);
void weft_cuda_lane_close(const weft_device *device, weft_lane *lane);
weft_status weft_cuda_lane_block(const weft_device *device, weft_lane *lane, void **host, int64_t *done);
weft_status weft_cuda_lane_send(const weft_device *device, weft_lane *lane, const weft_piece *pieces, int count);

/* ---- marks of time (mark.c): functions of weft_backend_cuda ---- */

weft_status weft_cuda_mark(const weft_device *device, void **mark);
weft_status weft_cuda_taken(const weft_device *device, void *from, void *to, double *seconds);
void weft_cuda_unmark(const weft_device *device, void *mark);

/* ---- teams (team.c, ahead.c): functions of weft_backend_cuda ---- */

weft_status weft_cuda_team_name(const weft_device *device, char *name, size_t size);
weft_status weft_cuda_team_id(const weft_device *device, char *id);
weft_status weft_cuda_team_open(const weft_device *device, const weft_team_opt *opt, weft_team **out);
weft_status weft_cuda_team_sum(const weft_device *device, weft_team *team, const weft_team_piece *pieces, int count);
weft_status weft_cuda_team_join(const weft_device *device, weft_team *team);
weft_status weft_cuda_team_add(const weft_device *device, const weft_team_sum *sums, int count, const float *go);
weft_status weft_cuda_team_keep(const weft_device *device, const weft_team_sum *sums, int count, const float *go);
void weft_cuda_team_abort(const weft_device *device, weft_team *team);
void weft_cuda_team_close(const weft_device *device, weft_team *team);
/* Where there is a team: waits for the end of a stream, or, where that is NULL, of an event; not for ever. */
weft_status weft_cuda_await(const weft_cuda *cuda, weft_cuda_stream stream, weft_cuda_event event);
/* Before calls of the runtime that wait for the device: what hangs there for a team is done, or given up. */
WEFT_INLINE void weft_cuda_settle(const weft_cuda *cuda)
{
    if (cuda->team)
        (void)weft_cuda_await(cuda, cuda->stream, NULL);
}

/* ---- forms (forms.c) ---- */

/* Compute capability of the tensor cores that weft's own kernels use, in 16 bits. */
enum { WEFT_CUDA_TENSOR_CORES = 80 };
/* The last one for which cuDNN has engines that sum what they convolve in an order. */
enum { WEFT_CUDA_SUMS = 90 };
/* And that of launches which begin before the one before them has ended. */
enum { WEFT_CUDA_OVERLAPS = 90 };
/* Whether a form that needs them is wanted and the card has them: tuning asks for it on any card. */
WEFT_INLINE bool weft_cuda_takes_form(const weft_plan *plan, unsigned form)
{
    return (plan->forms & form) && weft_cuda_of(plan->device)->target.sm >= WEFT_CUDA_TENSOR_CORES;
}

/* Forms that the environment names are taken, or left out, whatever tuning found. */
weft_status weft_cuda_choose_forms(weft_device *device);
bool weft_cuda_kept_forms(const weft_device *device, uint64_t program, unsigned *forms);
weft_status weft_cuda_keep_forms(const weft_device *device, uint64_t program, unsigned forms);

/* Makes cuda->shared of the device's allocator. */
void weft_cuda_share(weft_cuda *cuda, const weft_allocator *allocator);

/* ---- plans (plans.c) ---- */

/* Notes that graph's plan will be asked for; and builds all that were noted, side by side. */
weft_status weft_cuda_plan_want(const weft_device *device, const weft_dnn_graph *graph);
weft_status weft_cuda_build(const weft_device *device);
/* cuDNN's plan of graph, built once for each device. UNSUPPORTED: no engine takes it. */
weft_status weft_cuda_plan_for(const weft_device *device, const weft_dnn_graph *graph, weft_cuda_plan **out);
/* A plan of cuBLASLt, which needs a card. Both live as long as the device. */
weft_status weft_cuda_blas_plan(const weft_device *device, const weft_blas_matmul *matmul, weft_cuda_plan **out);
/* Queues cuDNN's plan. An engine that was planned may still refuse to run: it is then forgotten, on disk too, and the
 * next takes its place. UNSUPPORTED: none is left, and weft's own kernel is to run instead. */
weft_status weft_cuda_plan_run(const weft_device *device, weft_cuda_plan *plan, const weft_dnn_binding *binding,
                               int count, void *workspace);
/* Whether a failed run was the library's fault alone, so that something else may be tried: not while a run is recorded,
 * nor on a card that is lost. */
bool weft_cuda_may_replace(const weft_cuda *cuda);
/* Device memory for what stands in for the plan when none is left, which nobody had planned for: always of one size for
 * one plan, the plan's own. */
weft_status weft_cuda_plan_spare(const weft_device *device, weft_cuda_plan *plan, size_t bytes, void **out);
void weft_cuda_plans_release(weft_cuda *cuda, const weft_allocator *allocator);

/* ---- what ops share (common.c) ---- */

WEFT_INLINE weft_kview weft_kview_of(const weft_view *view)
{
    const weft_kview kernel_view = { view->data, view->ld };
    return kernel_view;
}

/* A piece of packed parameters, of any type. */
WEFT_INLINE const void *weft_cuda_at(const void *packed, size_t at)
{
    return (const char *)packed + at;
}

/* Window of a convolution from its node, of a pool from its options and shapes. */
weft_kwindow weft_cuda_conv_window(const weft_node *node);
weft_kwindow weft_cuda_pool_window(const weft_pool2d_opt *opt, const weft_shape *x, const weft_shape *y);
/* UNSUPPORTED if an input from first to last - 1 is not of the output's type: of gradients only those of logits may not
 * be, and what reads these takes both. */
weft_status weft_cuda_need_one_type(const weft_node *node, int first, int last);
/* OK for 0; else the launch of call's node failed. */
weft_status weft_cuda_launched(const weft_call *call, int error);
/* Whether the card still works after a call that failed: a context that is lost answers nothing any more. Waits, so not
 * while a run is recorded. */
bool weft_cuda_still_works(const weft_cuda *cuda);
/* The stream of call's device, as launchers take it, on the calling thread's card from now on: packing may be what a
 * thread does first. */
void *weft_cuda_stream_of(const weft_call *call);

/* Packs that follow each other: functions of weft_backend_cuda. */
void weft_cuda_pack_begin(const weft_device *device);
weft_status weft_cuda_pack_end(const weft_device *device, weft_status status);
/* Queues a piece of what a call packs, or has it queued with others by weft_cuda_pack_end. */
weft_status weft_cuda_pack(const weft_call *call, const weft_pack_segment *segment);
/* The same for count elements that only change their type. */
weft_status weft_cuda_pack_flat(const weft_call *call, const weft_view *param, int64_t count, weft_dtype dtype,
                                void *to);
/* weft_plan.pack_form of a piece: equal ones are packed alike. */
WEFT_INLINE int weft_cuda_pack_form(const weft_pack_segment *segment)
{
    const bool flat = segment->layout == WEFT_PACK_ROWS && segment->padded <= segment->cols && segment->from_col == 1;
    return 1 + (int)segment->dtype + 16 * (flat ? 0 : 1 + (int)segment->layout) + 64 * (int)segment->turned +
           128 * (flat ? 0 : segment->padded);
}

/* ---- cost ---- */

/* kernel.launches of one that reduces each image: one launch, or two with so many bytes of sums over parts between. */
int weft_cuda_parts_cost(const weft_node *node, const weft_plan *plan, double parts, weft_kernel_cost *out);
/* kernel.launches of one that only moves its input: counted as a copy. */
int weft_cuda_copy_cost(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out);

#endif
