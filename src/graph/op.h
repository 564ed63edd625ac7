/* SPDX-License-Identifier: Apache-2.0
 *
 * The op contract: what an op means, apart from how any device computes it. One weft_op per line of list.def,
 * defined in src/op/<name>.c. Every choice with two reasonable answers is a numbered Semantics line at the top of that
 * file, with a case for each. */
#ifndef WEFT_GRAPH_OP_H
#define WEFT_GRAPH_OP_H

#include <weft/ops.h>

#include "base/alloc.h"

typedef enum weft_op_id {
#define WEFT_OP(id, name) WEFT_OP_##id,
#include "op/list.def"
#undef WEFT_OP
    WEFT_OP_COUNT
} weft_op_id;

enum { WEFT_MAX_OUT = 2, WEFT_MAX_PARAM = 12 };

/* Sets a kernel's tolerance against the double oracle (tests/op): EXACT bit-equal; ELEMENTWISE a few ulp of
 * the result; REDUCTION grows with the square root of the reduction length. */
typedef enum weft_error_class { WEFT_EXACT, WEFT_ELEMENTWISE, WEFT_REDUCTION } weft_error_class;

/* What an op computes after its own result, in this order: + residual (the node's last input, shaped as the output),
 * then the activation. Written by the fusion passes; the op says which parts it takes. */
typedef struct weft_epilogue {
    weft_act act;
    bool residual;
} weft_epilogue;

enum { WEFT_TAKES_ACT = 1, WEFT_TAKES_RESIDUAL = 2 };

typedef struct weft_param_spec {
    const char *name; /* "weight", "bias", "reduce/weight" */
    weft_shape shape;
    weft_init init;      /* never DEFAULT */
    double init_scale;   /* NORMAL: deviation */
    int64_t fan_in, fan_out;
    bool statistic;      /* not trainable */
    const float *values; /* not NULL: the start value, [count of shape], lent by the options */
} weft_param_spec;

/* What infer finds: outputs and parameters. */
typedef struct weft_sig {
    int n_out, n_param;
    weft_shape out[WEFT_MAX_OUT];
    weft_param_spec param[WEFT_MAX_PARAM];
} weft_sig;

typedef struct weft_cost {
    double macs;  /* multiply-adds of convolutions and dense layers: what papers count */
    double flops; /* all arithmetic of the direct algorithm, 2 per multiply-add */
} weft_cost;

typedef struct weft_op weft_op;

/* One op applied: options resolved, shapes inferred. All that a kernel may see. */
typedef struct weft_node {
    weft_op_id id;
    const weft_op *op;
    const char *name; /* path */
    const void *opt;  /* resolved */
    weft_epilogue epi;
    int n_in, n_out, n_param; /* n_in counts the residual, which is in[n_in - 1] */
    const weft_shape *in, *out, *param;
    const weft_pool2d_opt *pool;    /* after the epilogue, the maximum over windows; NULL: none */
    const weft_shape *map;          /* what goes into the pool */
    weft_dtype in_dtype, out_dtype; /* of all inputs; of all outputs and the residual. F32 on the CPU */
} weft_node;

/* Shapes that the op walker and the bench run: inputs, options, epilogue. The residual input is not listed. */
typedef struct weft_op_case {
    const char *name; /* "3x3_stride2_same_odd"; NULL ends the list */
    int n_in;
    weft_shape in[4];
    const void *opt;
    weft_epilogue epi;
} weft_op_case;

typedef struct weft_autodiff weft_autodiff; /* the gradient pass; not built yet */

struct weft_op {
    const char *name, *brief, *paper; /* paper "": none */
    int n_in; /* without the residual; < 0: at least -n_in */
    size_t opt_size;
    unsigned takes; /* WEFT_TAKES_* */
    weft_error_class error_class;
    /* Zeros to defaults, SAME to explicit pads, deep copies of pointers into arena; rejects nonsense with a sentence
     * that says what was found and expected (the caller puts the node's path before it). opt is a private copy.
     * Resolving again what is resolved changes nothing, also with another batch: models copy graphs that way. */
    weft_status (*resolve)(void *opt, const weft_shape *in, int n_in, weft_arena *arena);
    /* From resolved options and input shapes (residual left out): outputs and parameters. */
    weft_status (*infer)(const void *opt, const weft_shape *in, int n_in, weft_sig *sig);
    weft_cost (*cost)(const weft_node *node);
    /* Terms summed into one output, for the tolerance. NULL: 1. */
    int64_t (*reduction)(const weft_node *node);
    /* The options that matter, short: "3x3/2 64 groups 32". NULL: "". */
    void (*describe)(const weft_node *node, char *buf, size_t size);
    weft_status (*grad)(weft_autodiff *autodiff, const weft_node *node); /* emits backward nodes; NULL: not yet */
    const weft_op_case *cases;
};

#define WEFT_OP(id, name) extern const weft_op weft_op_##name;
#include "op/list.def"
#undef WEFT_OP

/* The contract of an op; id < WEFT_OP_COUNT. */
const weft_op *weft_op_get(weft_op_id id);
/* WEFT_OP_COUNT if there is none of that name. */
weft_op_id weft_op_parse(const char *name);

/* Names, values and vector-free meaning of the activations. */
const char *weft_act_name(weft_act act); /* "relu"; "" for NONE */
double weft_act_eval(weft_act act, double x);

/* Used by the builders of src/op; implemented by the graph. opt may be NULL (all zeros); name is taken from
 * *(const char **)opt, so every option struct starts with it; an op without options gets its own name. */
weft_var weft_graph_append(weft_graph *graph, weft_op_id id, const void *opt, const weft_var *in, int n_in);

/* ---- helpers of src/op ---- */

/* One spatial axis: output size, and SAME resolved to before/after. */
typedef struct weft_axis {
    int64_t in;
    int kernel, stride, dilation;
    int before, after;
} weft_axis;
/* Sets before and after for SAME (TensorFlow: total = max((ceil(in/stride) - 1) * stride + extent - in, 0), the
 * smaller half first) or zeroes them for VALID; leaves them for EXPLICIT. */
void weft_axis_resolve(weft_axis *axis, weft_padding padding);
/* Floor, or ceil with the rule that the last window starts inside the input or its leading border; <= 0: no output. */
int64_t weft_axis_out(const weft_axis *axis, bool ceil);

#endif
