/* SPDX-License-Identifier: Apache-2.0
 *
 * A model inside: the rewritten graph, its layout, and the flat list of steps. */
#ifndef WEFT_PROGRAM_MODEL_H
#define WEFT_PROGRAM_MODEL_H

#include <weft/model.h>

#include "program/layout.h"

/* One kernel call. Pointers in call are resolved when the model is created. */
typedef struct weft_step {
    const weft_kernel *kernel;
    const weft_gnode *gnode;
    int32_t index; /* of the node */
    weft_plan plan;
    weft_call call;
    size_t packed_at; /* offset of the kernel's parameters in the packed block */
} weft_step;

struct weft_model {
    weft_ctx *ctx;
    weft_graph *graph; /* our copy, rewritten */
    weft_model_opt opt;
    weft_arena arena; /* plans, places, calls */
    weft_layout layout;
    weft_step *steps;
    int n_steps;
    int32_t n_params;           /* the user's: the first of graph->params */
    float **params;             /* [n_params] into param_block */
    float *param_block;
    size_t param_bytes, packed_bytes;
    char *memory, *packed;      /* on the device */
    void **staged;              /* [n_inputs] inputs in host memory; NULL where the device computes in it */
    void *record;               /* the backend's recording of a run */
    double least_bytes;         /* the fused minimum (cost.c) */
    bool committed, ran;
};

/* Chooses kernels, plans memory, lays out the steps (plan.c). */
weft_status weft_model_plan(weft_model *model);
/* Bytes of an input on the device, padding included. */
size_t weft_model_input_bytes(const weft_model *model, int32_t input);
/* Least traffic of the graph once activations, additions and norms are fused: before the backend's rewrites. */
double weft_graph_least_bytes(const weft_graph *graph);
/* INVALID, with `what` before the sentence, for a model that was only planned and keeps no parameters (param.c). */
weft_status weft_model_need_params(const weft_model *model, const char *what);
/* A value after a run, as dense floats whatever the device keeps: to[count of its shape]. */
weft_status weft_model_read_value(const weft_model *model, int32_t value, float *to);
/* The device memory of a value. */
weft_view weft_model_view(const weft_model *model, int32_t value);

#endif
