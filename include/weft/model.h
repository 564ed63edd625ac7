/* SPDX-License-Identifier: Apache-2.0
 *
 * A model is a graph planned for a context's device: passes have folded and fused it, each node has its kernel,
 * every buffer its offset in one arena. Running it walks a flat list of steps: no look-up, no allocation. */
#ifndef WEFT_MODEL_H
#define WEFT_MODEL_H

#include <weft/store.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_model weft_model;

typedef struct weft_model_opt {
    int64_t batch;   /* 0: as the graph's inputs say */
    bool plan_only;  /* plan and report, allocate nothing: cannot run (before weft_model_begin) */
    bool no_fusion;  /* keep every node as built (no folding, no fusion, no in-place): for tests and for teaching */
    bool no_units;   /* do not join inverted residual units into one node, nor a norm and the convolution that reads it:
                        their layers can then be timed alone */
    bool keep_all;   /* give every value its own memory, so that any can be read after a run */
    bool training;   /* plan as a training step will: nothing is folded, batch norm stays a node. Values are those of
                        inference: dropout passes its input on */
    weft_store *store; /* where its parameters are; shared, outlives the model. NULL: a store of its own */
    bool resident;   /* on a device apart, inputs stay there from run to run, and are sent only when they are set: for
                        runs over the same images; costs their bytes */
    bool ahead;      /* with resident: inputs of the next run are sent while a run is under way, from two blocks of
                        memory on either side */
    size_t memory;   /* with training: the most bytes that the plan may need (weft_memory.peak). What the backward pass
                        reads is computed once more rather than kept, until it fits: the same bits, for more time
                        (weft_model_recomputed). 0: no limit */
    bool track;      /* fill the arena with a pattern and report in weft_memory.touched how far a run wrote */
    const float *levels; /* [channels of the images, 1 to 3][256], lent: images come as bytes (weft_model_set_bytes), of
                            which these are the network's values (weft_recipe_levels): the same numbers, a quarter to
                            send to a device, which looks them up. NULL: as floats */
} weft_model_opt;

/* Plans graph on ctx's device. The graph is copied and may be destroyed; ctx must outlive the model.
 * Returns the graph's own error if it has one. Parameters are zero until set; a first run so warns (log). */
WEFT_API weft_status weft_model_create(weft_ctx *ctx, const weft_graph *graph, const weft_model_opt *opt,
                                       weft_model **out);
WEFT_API void weft_model_destroy(weft_model *model);
/* Gives a model that was made with plan_only its memory, and the store to stand on (NULL: one of its own): from then on
 * it is as if made without, planned once. After an error it is what it was. */
WEFT_API weft_status weft_model_begin(weft_model *model, weft_store *store);

/* ---- parameters: host arrays in the shapes of weft_graph_param, whatever the kernels keep ---- */

/* The store that the model stands on, lent until the model is destroyed (NULL of a model with plan_only). */
WEFT_API weft_store *weft_model_store(weft_model *model);
/* As the functions of weft_store, of all that the store has. */
WEFT_API weft_status weft_model_init(weft_model *model, uint64_t seed);
WEFT_API int weft_model_param_count(const weft_model *model);
WEFT_API weft_status weft_model_param(const weft_model *model, int index, weft_param_info *out);
WEFT_API weft_status weft_model_set_param(weft_model *model, const char *name, const float *data, int64_t count);
WEFT_API weft_status weft_model_get_param(const weft_model *model, const char *name, float *data, int64_t count);

/* Fills every parameter by the portable rule of weft-weights(5): Philox keyed by seed and the parameter's name, so
 * that twenty lines of NumPy draw the same bits. For tests and golden outputs, not for training. */
WEFT_API weft_status weft_model_seed(weft_model *model, uint64_t seed);
/* The same with every gamma times gain, in (0, 16]: what keeps the signals of very deep networks in bounds. */
WEFT_API weft_status weft_model_seed_scaled(weft_model *model, uint64_t seed, double gain);
/* Images by the same rule, of shape [N, H, W, C], with values in low..high: out[count], dense. */
WEFT_API weft_status weft_seed_images(uint64_t seed, const weft_shape *shape, double low, double high, float *out);

/* ---- running ---- */

/* Copies data ([N, H, W, C] floats, or 32-bit integers where weft_port_info says I32; bytes in all) to input index. */
WEFT_API weft_status weft_model_set_input(weft_model *model, int index, const void *data, size_t bytes);
/* The same of a model with levels, whose input is [N, H, W, C] bytes (weft_port_info: 32-bit integers, which the bytes
 * lie in). */
WEFT_API weft_status weft_model_set_bytes(weft_model *model, int index, const uint8_t *data, size_t bytes);
/* Runs all steps (CANCELLED: see weft_ctx_cancel); folds and packs parameters first if the store changed. Allocates
 * nothing. Meanwhile subnormal numbers are zeros, results rounded to nearest; the caller's mode is put back. */
WEFT_API weft_status weft_model_run(weft_model *model);
/* The same, and stores each step's seconds in seconds[weft_model_step_count()]. Steps that the device runs as one share
 * their time by the bytes that each has to move. */
WEFT_API weft_status weft_model_run_timed(weft_model *model, double *seconds);
WEFT_API weft_status weft_model_get_output(weft_model *model, int index, void *data, size_t bytes);
/* What node `node` of the graph computed in the last run, dense f32; of a model with no_fusion and keep_all. */
WEFT_API weft_status weft_model_get_node(const weft_model *model, const char *node, void *data, size_t bytes);
/* Folds and packs the parameters now instead of in the first run. */
WEFT_API weft_status weft_model_commit(weft_model *model);
/* Commits, then gives back the memory of all parameters that runs read only as they were folded and packed: a fifth of
 * ResNet-50's at batch 32, and more of small batches. From then on none can be set, read or initialised (INVALID), and
 * no other model can stand on the store. For a model with a store of its own that no other stands on, and that its runs
 * do not change, else INVALID; after NO_MEMORY the model can only be destroyed. Called before the first input is set,
 * it lowers the peak of the process too. */
WEFT_API weft_status weft_model_release_params(weft_model *model);

WEFT_API int weft_model_input_count(const weft_model *model);
WEFT_API weft_status weft_model_input(const weft_model *model, int index, weft_port_info *out);
WEFT_API int weft_model_output_count(const weft_model *model);
WEFT_API weft_status weft_model_output(const weft_model *model, int index, weft_port_info *out);

/* ---- what the plan says ---- */

typedef struct weft_memory {
    size_t arena;     /* activations and workspace: planned peak, and exactly what is allocated */
    size_t workspace; /* the part of arena that kernels use as scratch */
    size_t packed;    /* parameters as the kernels keep them */
    size_t params;    /* parameters as the user sees them; after weft_model_release_params what is left of them */
    size_t peak;      /* arena + packed + params: all device and host tensors of a run */
    size_t touched;   /* with track, after a run: end of the highest 64 arena bytes that were written; else, and for
                         memory that only the device can reach, 0 */
} weft_memory;
WEFT_API weft_status weft_model_memory(const weft_model *model, weft_memory *out);

/* What was done to keep to weft_model_opt.memory. */
typedef struct weft_recomputed {
    int steps;     /* that compute once more what was computed before; 0: it fits as it is */
    size_t plain;  /* peak without them; 0: there is no limit */
    double flops;  /* of a run without them */
    double extra;  /* of these steps */
} weft_recomputed;
WEFT_API weft_status weft_model_recomputed(const weft_model *model, weft_recomputed *out);

typedef struct weft_step_info {
    const char *name;   /* path of the node, or of the first of the nodes it was fused from */
    const char *op;     /* "conv2d" */
    const char *kernel; /* "cpu.conv2d.pointwise" */
    char detail[128];   /* "3x3/2 64 +bias +relu +residual" */
    weft_shape in, out; /* of the first input and output */
    double flops;       /* 2 per multiply-add, of the direct algorithm */
    double bytes;       /* least traffic: inputs and parameters read once, outputs written once */
} weft_step_info;
WEFT_API int weft_model_step_count(const weft_model *model);
WEFT_API weft_status weft_model_step(const weft_model *model, int index, weft_step_info *out);

/* Candidate kernel k of a step, in order of preference: reason is NULL for the one chosen, else why it refused.
 * Kernels after the chosen one are not listed: returns NOT_FOUND for them. */
WEFT_API weft_status weft_model_explain(const weft_model *model, int index, int k, const char **kernel,
                                        const char **reason);

/* ---- what the passes did to the graph, in order ---- */

typedef struct weft_pass_info {
    const char *name, *brief;
    bool ran;          /* it is for this kind of model */
    int before, after; /* nodes */
    int changes;
} weft_pass_info;
WEFT_API int weft_model_pass_count(const weft_model *model);
WEFT_API weft_status weft_model_pass(const weft_model *model, int index, weft_pass_info *out);

/* Change k of a pass: a node, "removed", "added", "changed", "derived" (it computes parameters from parameters), and
 * what it is now. */
typedef struct weft_change_info {
    const char *node, *what, *now;
} weft_change_info;
WEFT_API weft_status weft_model_pass_change(const weft_model *model, int pass, int k, weft_change_info *out);

/* ---- what a run costs on its device: from the steps that would run ---- */

/* One kernel launch. Bytes are those that must cross the memory bus: each tensor once per launch. */
typedef struct weft_launch_info {
    int step;              /* the step it belongs to; the first of them where steps run as one; -1: it packs parameters
                              before all steps */
    const char *name;      /* path of the step's node */
    const char *kernel;    /* "cuda.conv2d.cudnn" */
    const char *what;      /* "depthwise"; "" where the step is one launch */
    double tensor_core, core;      /* FLOPs on tensor cores, and on other units */
    double weights, read, written; /* bytes: of parameters; of activations */
    double seconds;        /* roofline: the longest of its FLOPs, its bytes and the launch itself; 0: peaks unknown */
    size_t workspace;
    bool copy, cast;       /* only changes a tensor's layout, or its type */
} weft_launch_info;

/* Of all launches of a run. */
typedef struct weft_run_cost {
    int launches, copies, casts;
    int plans;                     /* distinct plans of vendor libraries */
    double tensor_core, core, weights, read, written, seconds;
    double least_bytes;            /* the fused minimum: every convolution, dense layer and pool reads its inputs and
                                      weights once and writes its output once; norms, activations, additions, excitation
                                      and concatenation are free */
    size_t workspace;              /* largest */
    char device[64];               /* whose peaks: "NVIDIA A100-SXM4-80GB"; "" if unknown */
    double peak_tensor_core, peak_core, bandwidth; /* FLOP/s, bytes/s; 0: unknown */
} weft_run_cost;

WEFT_API int weft_model_launch_count(const weft_model *model);
WEFT_API weft_status weft_model_launch(const weft_model *model, int index, weft_launch_info *out);
WEFT_API weft_status weft_model_cost(const weft_model *model, weft_run_cost *out);

#ifdef __cplusplus
}
#endif
#endif
