/* SPDX-License-Identifier: Apache-2.0
 *
 * What is planned: a rewritten graph, its layout, and flat lists of steps over a store. A model is a program for
 * inference and a store. */
#ifndef WEFT_PROGRAM_PROGRAM_H
#define WEFT_PROGRAM_PROGRAM_H

#include <weft/model.h>

#include "pass/pass.h"
#include "program/layout.h"
#include "program/store.h"

/* One kernel call. Pointers in call are resolved when the program is made. */
typedef struct weft_step {
    const weft_kernel *kernel;
    const weft_gnode *gnode;
    int32_t index; /* of the node */
    int32_t time;  /* steps that run as one have one time */
    int together;  /* steps from this one on that run as one; 0: it runs with one before */
    weft_plan plan;
    weft_call call;
    int32_t packs_of; /* the node that packs what this one reads: its own */
    size_t packed_at; /* offset of the kernel's parameters in the packed block */
} weft_step;

/* One call of those that follow a change of the store: a node that derives parameters, or a step's pack. */
typedef struct weft_prior {
    int32_t step; /* index in the program's derivations or, if packs, in its steps */
    bool packs;
    bool once; /* it reads no parameter */
    weft_call call;
} weft_prior;

/* What is done between steps of a run: run(user, i) before step `before[i]`, in rising order. All steps before are over
 * where the device computes in host memory, else they are queued. */
typedef struct weft_between {
    const int32_t *before;
    int count;
    bool queues; /* it only queues on the device, and may be recorded */
    weft_status (*run)(void *user, int index);
    void *user;
} weft_between;

struct weft_model {
    weft_ctx *ctx;
    weft_graph *graph; /* our copy, rewritten */
    weft_model_opt opt;
    weft_arena arena; /* plans, places, calls */
    weft_memory_layout layout;
    weft_pass_record passes[WEFT_PASS_COUNT];
    weft_step *steps, *derivations; /* nodes that run; nodes that derive parameters, when these have changed */
    int n_steps, n_derivations;
    int32_t n_times;          /* of the steps */
    const weft_call **calls;  /* [n_steps] */
    weft_prior *priors; /* in order */
    int n_priors;
    weft_demand *demand; /* [n_nodes], while planning */
    weft_store *store;   /* NULL: only planned */
    bool own_store;
    int32_t n_params;    /* the user's: graph->params */
    int32_t *entries;    /* [n_params] where the store has them */
    size_t param_bytes, packed_bytes;
    weft_recomputed recomputed;
    char *memory, *packed; /* on the device */
    void **staged;         /* [n_inputs] inputs in host memory; NULL where the device computes in it */
    bool *fresh;           /* [n_inputs] to be sent to the device before the next run */
    weft_lane *lane;       /* inputs of opt.ahead; NULL: staged */
    size_t *lane_at;       /* [n_inputs] of the block */
    weft_piece *pieces;    /* [n_inputs] */
    char *block;           /* that is being filled; NULL: none yet */
    int64_t sends, over;   /* runs that the lane has fed; how many of them are known to be over */
    void *record;          /* the backend's recording of a run */
    uint64_t version;      /* of the store, that is packed; 0: none */
    uint64_t number;       /* of the network, for what tuning keeps */
    const struct weft_trial *trial; /* NULL: what the device prefers, or an earlier tuning found */
    const weft_between *between; /* NULL: nothing is */
    bool updates;          /* runs change the store */
    bool ran;
};

/* The inputs that a step's pack reads, bit by bit, among the first 32: nodes with more have no parameters. */
WEFT_INLINE unsigned weft_step_packs(const weft_step *step)
{
    const weft_node *node = &step->gnode->node;
    if (!step->kernel->pack)
        return 0;
    const unsigned own = node->n_param ? ((1u << node->n_param) - 1) << weft_node_first_param(node) : 0;
    return (own & ~step->plan.direct) | step->plan.packs;
}

/* Inputs are staged, outputs are copied back. */
WEFT_INLINE bool weft_model_is_apart(const weft_model *model)
{
    return weft_device_is_apart(model->ctx->device);
}

/* What weft_model_opt.track fills the arena with: as floats, tiny negative numbers that no kernel writes in runs of 64
 * bytes. */
enum { WEFT_TRACK_BYTE = 0xA5 };

/* What tuning tries. */
typedef struct weft_trial {
    unsigned forms;
    const weft_choices *choices; /* NULL: none */
} weft_trial;
/* weft_model_create (tune.c) after its checks, as the trial says (NULL: as is preferred). */
weft_status weft_model_make(weft_ctx *ctx, const weft_graph *graph, const weft_model_opt *opt, const weft_trial *trial,
                            weft_model **out);
/* Finds the fastest kernels for a network on a CPU and keeps them (tune_cpu.c). */
weft_status weft_model_tune_kernels(weft_ctx *ctx, const weft_graph *graph, const weft_model_opt *opt);
/* Which of n times is taken: the first, unless another is clearly less. */
int weft_tune_best(const double *seconds, int n);
/* Fills the inputs of a model that is timed. */
weft_status weft_model_feed(weft_model *model);
/* The number and the forms of model->graph, a fresh copy of the network (forms.c). */
void weft_model_choose_forms(weft_model *model);
/* Chooses kernels, plans memory, lists the steps (plan.c). */
weft_status weft_model_plan(weft_model *model);
/* Rewrites the graph of a training step so that its plan fits into opt.memory (recompute.c): then it remains to plan.
 * NO_MEMORY if no plan is so small. */
weft_status weft_model_recompute(weft_model *model);
/* Finds the steps that run as one, and brings the steps into the order of their times (group.c). */
weft_status weft_model_group(weft_model *model);
/* Inputs, parameters among them, read once, outputs written once, in fp32. */
double weft_model_least_bytes(const weft_node *node);
/* Arithmetic of the graph's live nodes. */
double weft_model_flops(const weft_graph *graph);
/* The memory, and every call resolved to addresses; the latter alone, after something has moved (place.c). */
weft_status weft_model_place(weft_model *model);
weft_status weft_model_resolve(weft_model *model);
/* Passes status on; out of a device's own memory it says which batch would fit, activations growing with it. */
weft_status weft_model_no_room(const weft_model *model, weft_status status);
/* Bytes of an input on the device, padding included. */
size_t weft_model_input_bytes(const weft_model *model, int32_t input);
/* INVALID, with `what` before the sentence, for a model that was only planned: it keeps no parameters, it has no
 * memory. */
weft_status weft_model_need_params(const weft_model *model, const char *what);
weft_status weft_model_need_memory(const weft_model *model, const char *what);
/* A value after a run, dense, whatever the device keeps: to[count of its shape], floats (int32_t of labels). */
weft_status weft_model_read_value(const weft_model *model, int32_t value, void *to);
/* As weft_model_run, but with opt.ahead it may only be queued: sends is then its number, from 1, and over says when it
 * is done. fetch queues an output behind it, of one row of floats, to memory of the backend's host_alloc. */
weft_status weft_model_run_later(weft_model *model);
weft_status weft_model_fetch(const weft_model *model, int index, float *to);
/* Until all that was queued is over. */
weft_status weft_model_wait(weft_model *model);
/* Derives and packs the parameters anew after a change of the store. */
weft_status weft_model_follow_store(weft_model *model);
/* Sets input `index` to rows of bytes, each of which begins where a row of the input does. */
weft_status weft_model_set_rows(weft_model *model, int index, const void *from, size_t row);
/* Inputs that were staged go to the device, if they are not there from the run before (weft_model_opt.resident). */
weft_status weft_model_upload(weft_model *model);
/* Runs as weft_model_run, and shows each node as soon as it has run, when its outputs can be read; a status that is not
 * OK ends the run, and is passed on. */
typedef struct weft_watch {
    weft_status (*seen)(void *user, const weft_gnode *gnode);
    void *user;
} weft_watch;
weft_status weft_model_run_watched(weft_model *model, const weft_watch *watch);
/* The device memory of a value. */
weft_view weft_model_view(const weft_model *model, int32_t value);

#endif
