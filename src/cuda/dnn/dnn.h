/* SPDX-License-Identifier: Apache-2.0
 *
 * cuDNN's graph API as weft uses it: a few operations on a few tensors, described in plain structs, become one plan
 * (an engine with its kernel), which then runs any number of times. Planning needs no GPU: the device is a JSON text
 * of properties (target.h) or the card itself, and nothing else differs between the two.
 *
 *   weft_dnn_graph graph;                                     describe
 *   weft_dnn_conv_graph(&conv, &graph);                       (or tensor by tensor, op by op)
 *   weft_dnn_plan_create(dnn, &graph, &request, &plan);       check, ask the heuristics, filter, finalise; or reload
 *   weft_dnn_plan_run(plan, stream, pointers, n, workspace);  run
 *
 * Built plans are kept on disk, by cuDNN's version, the kind of device and the graph.
 *
 * cuDNN's own checks are not complete; weft_dnn_graph_check does the rest before cuDNN is asked: unique ids, broadcast
 * extents, tensors that nobody writes or reads, alignment. The compute type is float, always.
 * New operations are rows of the table in graph.c. */
#ifndef WEFT_CUDA_DNN_DNN_H
#define WEFT_CUDA_DNN_DNN_H

#include <weft/ops.h>

#include "base/alloc.h"
#include "cuda/vendor/vendor.h"

/* ---- the graph ---- */

enum { WEFT_DNN_MAX_TENSOR = 24, WEFT_DNN_MAX_OP = 12, WEFT_DNN_MAX_IN = 2 };

/* Dimensions and strides (in elements) are in cuDNN's order: N, C, H, W with c contiguous; filters K, C/groups, R, S;
 * vectors 1, C, 1, 1; matrices batch, rows, columns. */
typedef struct weft_dnn_tensor {
    const char *name; /* for error sentences: "x", "weight"; a string literal */
    int64_t id;       /* > 0, unique in the graph; plan_run binds pointers to ids */
    weft_dtype dtype; /* F32, F16, BF16 */
    int rank;         /* 3 (matrices) or 4 */
    int64_t dim[4], stride[4];
    int alignment;    /* bytes that every pointer bound to it is a multiple of; 0: 16 */
    bool is_virtual;  /* lives only between two operations of the graph, never in memory */
    bool constant;    /* a scalar known now: value */
    float value;
} weft_dnn_tensor;

typedef enum weft_dnn_kind {
    WEFT_DNN_CONV,     /* in: x, filter; out: y */
    WEFT_DNN_DGRAD,    /* in: dy, filter; out: dx */
    WEFT_DNN_WGRAD,    /* in: x, dy; out: d filter */
    WEFT_DNN_STATS,    /* in: x; out: sums of each channel, f32 [1, C, 1, 1]; more: of the squares */
    WEFT_DNN_MATMUL,   /* in: a [b, m, k], b [b or 1, k, n]; out: [b, m, n] */
    WEFT_DNN_MAX_POOL, /* in: x; out: y. The border never wins */
    WEFT_DNN_AVG_POOL, /* divides by the pixels inside */
    WEFT_DNN_AVG_POOL_BORDER, /* divides by the whole window */
    WEFT_DNN_ADD, /* in: a, b (b may be broadcast: [1, C, 1, 1], [N, C, 1, 1], a constant); out: a + b */
    WEFT_DNN_MUL,
    WEFT_DNN_MIN,
    WEFT_DNN_RELU, /* slope below 0 */
    WEFT_DNN_SWISH,
    WEFT_DNN_SIGMOID,
    WEFT_DNN_TANH,
    WEFT_DNN_GELU,
    WEFT_DNN_KIND_COUNT
} weft_dnn_kind;

/* Windows of convolutions and pools. */
typedef struct weft_dnn_window {
    int kernel_h, kernel_w; /* pools only: a convolution's is its filter's */
    int stride_h, stride_w, dilation_h, dilation_w;
    int top, bottom, left, right;
} weft_dnn_window;

typedef struct weft_dnn_op {
    weft_dnn_kind kind;
    int in[WEFT_DNN_MAX_IN], out; /* indices of tensors; unused in: -1 */
    int more;                     /* STATS: the second result */
    weft_dnn_window window;
    float slope; /* RELU */
} weft_dnn_op;

typedef struct weft_dnn_graph {
    char name[96]; /* what it computes, for error sentences: the node's path */
    weft_dnn_tensor tensor[WEFT_DNN_MAX_TENSOR];
    weft_dnn_op op[WEFT_DNN_MAX_OP]; /* in order of computation */
    int n_tensors, n_ops;
    bool overflow; /* more was added than fits: weft_dnn_graph_check says so */
} weft_dnn_graph;

/* Empties the graph. The name may be NULL. */
void weft_dnn_graph_init(weft_dnn_graph *graph, const char *name);
/* Add a tensor, give its index. id 0: virtual, with an id of its own. */
int weft_dnn_add_vector(weft_dnn_graph *graph, const char *name, int64_t id, weft_dtype dtype, int64_t c);
int weft_dnn_add_constant(weft_dnn_graph *graph, float value, int rank);
/* A virtual float tensor shaped as tensor `like`. */
int weft_dnn_add_virtual(weft_dnn_graph *graph, const char *name, int like);
int weft_dnn_add_tensor(weft_dnn_graph *graph, const weft_dnn_tensor *tensor);
int weft_dnn_add_op(weft_dnn_graph *graph, const weft_dnn_op *op);
/* Emits act from tensor `in` to tensor `out`: one pointwise operation, or a few for hard sigmoid and swish and LeCun's
 * tanh. NONE is the caller's to avoid: there is then no operation to emit. */
void weft_dnn_add_act(weft_dnn_graph *graph, weft_act act, int in, int out);

/* ---- the graphs that networks are made of ---- */

/* Ids of their tensors, for plan_run. */
enum {
    WEFT_DNN_X = 1,
    WEFT_DNN_WEIGHT,
    WEFT_DNN_BIAS,
    WEFT_DNN_RESIDUAL,
    WEFT_DNN_Y,
    WEFT_DNN_SUMS,
    WEFT_DNN_SQUARES,
    WEFT_DNN_MAP = 99, /* what the pool of a convolution reads */
    WEFT_DNN_FIRST_VIRTUAL = 100
};

/* y = pool(act(conv(x, weight) + bias + residual)); with stats, and then nothing else, the sums of y and of its squares
 * over all rows, floats [k], besides. */
typedef struct weft_dnn_conv {
    const char *name;
    weft_dtype dtype;       /* of x, weight, bias, residual, y */
    int64_t n, h, w, c, k;  /* x [n, h, w, c], y [n, oh, ow, k] */
    int64_t groups;         /* 0: 1 */
    int64_t x_ld, y_ld, residual_ld; /* 0: dense */
    int x_align, y_align, residual_align; /* bytes, where a channel slice begins; 0: 16 */
    int r, s;               /* filter [k, r, s, c / groups] */
    weft_dnn_window window; /* kernel_h and kernel_w are taken from r and s; zero strides and dilations: 1 */
    weft_dnn_window pool;   /* the maximum over such windows of the map, which stays inside; kernel_h 0: no pool */
    bool bias, residual, stats;
    weft_act act;
} weft_dnn_conv;
void weft_dnn_conv_graph(const weft_dnn_conv *conv, weft_dnn_graph *graph);
/* Of the same convolution, with gradients in the places (ids, pitches) of what they are gradients of. DGRAD: x =
 * dgrad(y, weight) + residual, which is shaped as x. WGRAD: weight = wgrad(x, y), of dtype. No bias, no pool. */
void weft_dnn_conv_grad_graph(const weft_dnn_conv *conv, weft_dnn_kind kind, weft_dnn_graph *graph);

/* y [n, k] = act(x [n, c] weight^T [k, c] + bias [k] + residual). batch > 1: as many independent products, with a
 * weight each; x, y, residual and weight of one follow those of the one before without a gap. What is turned lies
 * transposed in memory: x as [c, n], the weight as [c, k]; its pitch is from c to c. */
typedef struct weft_dnn_dense {
    const char *name;
    weft_dtype dtype;
    int64_t batch; /* 0: 1 */
    int64_t n, c, k;
    int64_t x_ld, y_ld, residual_ld, weight_ld; /* 0: dense */
    int x_align, y_align, residual_align, weight_align; /* as a convolution's */
    bool x_turned, weight_turned;
    bool bias, residual;
    bool float_y; /* y is kept in float, whatever dtype is */
    weft_act act;
} weft_dnn_dense;
void weft_dnn_dense_graph(const weft_dnn_dense *dense, weft_dnn_graph *graph);

/* OK, or INVALID: "stem/conv2d: add: tensor 'bias' has 33 along C, 32 or 1 are expected". Needs no library. */
weft_status weft_dnn_graph_check(const weft_dnn_graph *graph);
/* For tests: from now on seen is shown every graph that is checked (NULL: none is), which is every graph of a model
 * that is planned, also for a described device. One thread. */
void weft_dnn_watch(void (*seen)(const weft_dnn_graph *graph, void *user), void *user);
/* A buffer that holds every graph's text. */
enum { WEFT_DNN_TEXT = 8192 };
/* The graph as one line, the same for equal graphs whatever their names: what a cache is keyed by. */
char *weft_dnn_graph_text(const weft_dnn_graph *graph, char *buf, size_t size);
/* Of everything but names. */
uint64_t weft_dnn_graph_hash(const weft_dnn_graph *graph);

/* ---- the device ---- */

typedef struct weft_dnn weft_dnn;

typedef struct weft_dnn_opt {
    const char *properties; /* JSON of weft_target_json: plan for that device; cannot run. NULL: plan and run on */
    int device;             /* this CUDA device, already set */
    const char *cache;      /* folder of the plan cache; NULL: $XDG_CACHE_HOME/weft or ~/.cache/weft; "": none */
    size_t cache_limit;     /* bytes on disk; 0: 256 MiB */
} weft_dnn_opt;

/* vendor and allocator are lent and must outlive it. */
weft_status weft_dnn_create(const weft_vendor *vendor, const weft_allocator *allocator, const weft_dnn_opt *opt,
                            weft_dnn **out);
void weft_dnn_destroy(weft_dnn *dnn);

/* ---- plans ---- */

enum { WEFT_DNN_WORKSPACE_LIMIT = 256 << 20 };

typedef struct weft_dnn_request {
    bool strict;            /* fp32 as fp32: no tensor cores (TF32), no conversion, Winograd, FFT; fp16, bf16: no
                             * conversion, Winograd, FFT. Sums in reduced precision are never taken */
    bool nondeterministic;  /* engines that sum in any order are allowed, too */
    bool precompiled_first; /* prefer engines that need no compiler, whatever the heuristics say: fast to build */
    size_t workspace_limit; /* bytes; 0: WEFT_DNN_WORKSPACE_LIMIT */
    int skip;               /* take the skip-th plan that builds, in order of the heuristics: for tuning */
    bool untuned;           /* not the one that tuning found the fastest, if there is one on disk */
} weft_dnn_request;

/* Bit (1 << n) is cudnnBackendNumericalNote_t n. */
enum {
    WEFT_DNN_TENSOR_CORE = 1 << 0,
    WEFT_DNN_DOWN_CONVERT = 1 << 1,
    WEFT_DNN_REDUCED_PRECISION = 1 << 2,
    WEFT_DNN_FFT = 1 << 3,
    WEFT_DNN_NONDETERMINISTIC = 1 << 4,
    WEFT_DNN_WINOGRAD = 1 << 5
};

typedef struct weft_dnn_info {
    size_t workspace;
    unsigned notes;        /* WEFT_DNN_TENSOR_CORE | ... */
    bool runtime_compiled; /* by NVRTC */
    bool cached;           /* reloaded from the plan cache */
    int engine;            /* cuDNN's number of it, within this pattern */
    int offered, allowed;  /* configurations that the heuristics named; that passed the filters. 0 when cached */
    double seconds;        /* to build or reload */
} weft_dnn_info;

typedef struct weft_dnn_plan weft_dnn_plan;

/* Checks the graph, then reloads the plan from the cache or builds it. INVALID for a graph that is wrong; UNSUPPORTED
 * when no engine takes it: says how many were offered, allowed and failed, and which libraries were found. */
weft_status weft_dnn_plan_create(weft_dnn *dnn, const weft_dnn_graph *graph, const weft_dnn_request *request,
                                 weft_dnn_plan **out);
/* The next plan in order of the heuristics, with at most so many bytes of workspace, for one that was built but does
 * not run. It takes that one's place in the cache. UNSUPPORTED: there is none, and the cache has neither. */
weft_status weft_dnn_plan_next(const weft_dnn_plan *plan, size_t workspace_limit, weft_dnn_plan **out);
void weft_dnn_plan_destroy(weft_dnn_plan *plan);

/* What tuning a graph found. */
enum { WEFT_DNN_CANDIDATES = 6 }; /* plans that are tried, at most */
typedef struct weft_dnn_tuned {
    int candidates, chosen; /* plans that were timed; which of them is kept */
    double first, best;     /* seconds of the first, and of the one that is kept; INFINITY: does not run */
} weft_dnn_tuned;
/* Times the first plans of the heuristics on the card and keeps the fastest on disk, where weft_dnn_plan_create finds
 * it from then on. Nothing else may use the card. UNSUPPORTED: no engine takes the graph. NOT_FOUND: no cache. */
weft_status weft_dnn_plan_tune(weft_dnn *dnn, const weft_dnn_graph *graph, const weft_dnn_request *request,
                               weft_cuda_stream stream, weft_dnn_tuned *out);
/* A number that is kept beside the plans, for this version of cuDNN and this kind of card: false: there is none under
 * key. NOT_FOUND: no cache. IO: it is not there after it was written. */
bool weft_dnn_recall(const weft_dnn *dnn, const char *key, unsigned *out);
weft_status weft_dnn_keep(const weft_dnn *dnn, const char *key, unsigned number);
const weft_dnn_info *weft_dnn_plan_info(const weft_dnn_plan *plan);

typedef struct weft_dnn_binding {
    int64_t id;
    const void *data; /* device memory; what the plan computes is written all the same */
} weft_dnn_binding;

/* Queues the plan on stream. Every tensor that is neither virtual nor constant must be bound, aligned as it says;
 * workspace holds weft_dnn_info.workspace bytes (NULL for 0). Safe while a stream is captured. One thread at a time.
 * UNSUPPORTED: cuDNN does not run it, whatever it said when it was built. */
weft_status weft_dnn_plan_run(weft_dnn_plan *plan, weft_cuda_stream stream, const weft_dnn_binding *binding, int count,
                              void *workspace);

#endif
