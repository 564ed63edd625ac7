/* SPDX-License-Identifier: Apache-2.0
 *
 * The op contract: what an op means, apart from how any device computes it. One weft_op per line of list.def, defined
 * in src/op/<family>.c. Every choice with two reasonable answers is a numbered Semantics line at the top of that file,
 * with a case for each. */
#ifndef WEFT_GRAPH_OP_H
#define WEFT_GRAPH_OP_H

#include <weft/ops.h>

#include "base/alloc.h"
#include "base/compiler.h"

typedef enum weft_op_id {
#define WEFT_OP(id, name, family, kind, devices) WEFT_OP_##id,
#include "op/list.def"
#undef WEFT_OP
    WEFT_OP_COUNT
} weft_op_id;

enum { WEFT_MAX_OUT = 6, WEFT_MAX_PARAM = 12, WEFT_CASE_IN = 12 };

/* Who makes nodes of an op: its builder, as networks call it; the gradient pass (BACKWARD) or the other passes (FUSED),
 * which then have no builder; UPDATE ops change state in place, and have one. */
typedef enum weft_op_kind { WEFT_NETWORK, WEFT_BACKWARD, WEFT_FUSED, WEFT_UPDATE } weft_op_kind;

/* Sets a kernel's tolerance against the double oracle (src/check/compare.c): EXACT bit-equal; ELEMENTWISE a few ulp of
 * the result; REDUCTION grows with the square root of the reduction length. */
typedef enum weft_error_class { WEFT_EXACT, WEFT_ELEMENTWISE, WEFT_REDUCTION } weft_error_class;

/* What an op computes after its own result, in this order: + residual (the node's last input, shaped as the output),
 * then the activation. Written by the fusion passes; the op says which parts it takes. */
typedef struct weft_epilogue {
    weft_act act;
    bool residual;
} weft_epilogue;

enum { WEFT_TAKES_ACT = 1, WEFT_TAKES_RESIDUAL = 2 };

/* A parameter that a node brings along: an input of its own that nobody hands to the builder. */
typedef struct weft_param_spec {
    const char *name; /* "weight", "bias", "reduce/weight" */
    weft_shape shape;
    weft_init init;      /* never DEFAULT */
    double init_scale;   /* NORMAL: deviation */
    int64_t fan_in, fan_out;
    bool statistic;      /* not trainable: a STATE */
    const float *values; /* not NULL: the start value, [count of shape], lent by the options */
} weft_param_spec;

/* What infer finds: outputs, and the parameters that the node brings along. */
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

/* One op applied: options resolved, shapes inferred. All that a kernel may see. Inputs are what the builder was handed,
 * then the node's own parameters, then the residual. */
typedef struct weft_node {
    weft_op_id id;
    const weft_op *op;
    const char *name; /* path */
    const void *opt;  /* resolved */
    weft_epilogue epi;
    int n_in, n_out;
    int n_param; /* own parameters among the inputs: the last n_param, but for the residual behind them */
    const weft_shape *in, *out;
    const weft_dtype *in_dtype, *out_dtype; /* [n_in], [n_out]; NULL: all F32 */
    const weft_pool2d_opt *pool;            /* after the epilogue, the maximum over windows; NULL: none */
    const weft_shape *map;                  /* what goes into the pool */
} weft_node;

/* Index among the inputs of the node's first parameter. */
WEFT_INLINE int weft_node_first_param(const weft_node *node)
{
    return node->n_in - node->epi.residual - node->n_param;
}

/* Shape of the node's own parameter i. */
WEFT_INLINE const weft_shape *weft_node_param(const weft_node *node, int i)
{
    return &node->in[weft_node_first_param(node) + i];
}

WEFT_INLINE weft_dtype weft_node_in_dtype(const weft_node *node, int i)
{
    return node->in_dtype ? node->in_dtype[i] : WEFT_F32;
}

WEFT_INLINE weft_dtype weft_node_out_dtype(const weft_node *node, int o)
{
    return node->out_dtype ? node->out_dtype[o] : WEFT_F32;
}

/* Shapes that the op walker and the bench run: inputs, options, epilogue. Own parameters and the residual are not
 * listed. */
typedef struct weft_op_case {
    const char *name; /* "3x3_stride2_same_odd"; NULL ends the list */
    int n_in;
    weft_shape in[WEFT_CASE_IN];
    const void *opt;
    weft_epilogue epi;
    unsigned positive; /* bit i: input i is drawn from positive numbers (variances) */
    unsigned weights;  /* bit i: input i is drawn as weights are, of deviation 1 / sqrt(channels) */
    int levels;        /* > 0: numbers are whole, so many different ones, and so tie */
    bool large;        /* of a network's size: for weft selftest on a real device, left out where kernels are walked */
    int classes;       /* of integer inputs: 0 to classes - 1, and one beyond on either side */
} weft_op_case;

typedef struct weft_grad weft_grad; /* the gradient pass at one node: graph/grad.h */
typedef struct weft_twin weft_twin; /* a node on its way into a training graph: graph/twin.h */

/* What the type pass asks an op whose tensors are not all of the device's type (bits of weft_op.types). */
enum {
    WEFT_TYPES_F32_OUT = 1,    /* the outputs are fp32: probabilities, distances, statistics */
    WEFT_TYPES_F32_IN = 2,     /* the inputs are fp32 */
    WEFT_TYPES_LOGITS = 4,     /* the output is fp32 where only such readers follow that want it (softmax) */
    WEFT_TYPES_WANTS_LOGITS = 8,
    WEFT_TYPES_INDEX_IN0 = 16, /* input 0 holds integers (labels) */
    WEFT_TYPES_PADS = 32,      /* the output is padded with zero channels for what reads it */
    WEFT_TYPES_F32_REST = 64,  /* the outputs are fp32 but for the first, and those shaped as it */
    WEFT_TYPES_GRADIENT = 128, /* the output, a gradient of weights, has the device's type where only such readers
                                  follow that take it */
    WEFT_TYPES_TAKES_GRADIENT = 256,
    WEFT_TYPES_IMAGE = 512     /* the output is as an input of the network: fp32 where only F32_IN readers follow */
};

/* Whose memory an op's output may be without an epilogue, so that its step does nothing. */
typedef enum weft_sharing {
    WEFT_SHARES_NONE,
    WEFT_SHARES_SLICES, /* the inputs are channel slices of the output: concat */
    WEFT_SHARES_PART,   /* the output is a channel slice of the input: slice */
    WEFT_SHARES_WHOLE   /* the output is the input: reshape */
} weft_sharing;

/* How output 0 of a node is computed once more, from what the node has read and given: by an op without parameters of
 * its own, with the node's epilogue, and the same bits. */
typedef struct weft_again {
    weft_op_id op;
    const void *opt; /* resolved */
    int n_in;
    int in[6]; /* i: the node's input i; ~o: its output o */
} weft_again;

struct weft_op {
    const char *name, *brief, *paper; /* paper "": none */
    int n_in; /* handed to the builder; < 0: at least -n_in */
    size_t opt_size;
    unsigned takes; /* WEFT_TAKES_* */
    unsigned types; /* WEFT_TYPES_* */
    weft_sharing shares;
    weft_error_class error_class;
    bool special; /* a NaN, an infinity, a subnormal stays where it is: the op is walked with them */
    bool unit;    /* walked with inputs of deviation 1 alone: it squashes sums of products, of which wide ones keep no
                     digits after the point */
    unsigned updates; /* bit o: output o IS input o, changed in place: states, moments, parameters */
    weft_status (*train)(weft_twin *twin); /* appends what stands for the node while training; NULL: it does itself */
    /* Zeros to defaults, SAME to explicit pads, deep copies of pointers into arena; rejects nonsense with a sentence
     * that says what was found and expected (the caller puts the node's path before it). opt is a private copy.
     * Resolving again what is resolved changes nothing, also with another batch: models copy graphs that way. */
    weft_status (*resolve)(void *opt, const weft_shape *in, int n_in, weft_arena *arena);
    /* From resolved options and the shapes of what the builder was handed: outputs and parameters. */
    weft_status (*infer)(const void *opt, const weft_shape *in, int n_in, weft_sig *sig);
    weft_cost (*cost)(const weft_node *node);
    /* Elements that must cross the memory bus once all that can be fused is (without the residual, which always must);
     * NULL: none, the op rides along with its neighbours. */
    double (*least)(const weft_node *node);
    /* Terms summed into one output, for the tolerance. NULL: 1. */
    int64_t (*reduction)(const weft_node *node);
    int depth; /* roundings to the storage type on the way to a result, one after the other; 0: 1 */
    /* The options that matter, short: "3x3/2 64 groups 32". NULL: "". */
    void (*describe)(const weft_node *node, char *buf, size_t size);
    weft_status (*grad)(weft_grad *grad); /* appends backward nodes; NULL: no gradient goes through */
    /* Of an op that gives more than what is recomputed; NULL: a node is repeated as it is, if it has one output. */
    weft_status (*again)(const weft_node *node, weft_arena *arena, weft_again *out);
    const weft_op_case *cases;
};

#define WEFT_OP(id, name, family, kind, devices) extern const weft_op weft_op_##name;
#include "op/list.def"
#undef WEFT_OP

/* The contracts, and who makes them, by id (src/op/op.c). */
extern const weft_op *const weft_op_table[WEFT_OP_COUNT];
extern const weft_op_kind weft_op_kinds[WEFT_OP_COUNT];
/* Whether other devices than the CPU have kernels for it: the table's last column. */
extern const bool weft_op_on_devices[WEFT_OP_COUNT];
WEFT_INLINE const weft_op *weft_op_get(weft_op_id id)
{
    return weft_op_table[id];
}
/* WEFT_OP_COUNT if there is none of that name. */
weft_op_id weft_op_parse(const char *name);

/* Names, values and vector-free meaning of the activations. */
const char *weft_act_name(weft_act act); /* "relu"; "" for NONE */
double weft_act_eval(weft_act act, double x);

/* Used by the builders of src/op; implemented by the graph. opt may be NULL (all zeros); name is taken from
 * *(const char **)opt, so every option struct starts with it; an op without options gets its own name. */
weft_var weft_graph_append(weft_graph *graph, weft_op_id id, const void *opt, const weft_var *in, int n_in);
/* Output o of the node that made `first`, its output 0; the null var stays null. */
WEFT_INLINE weft_var weft_graph_out(weft_var first, int o)
{
    const weft_var var = { first.id ? first.id + o : 0 };
    return var;
}

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
