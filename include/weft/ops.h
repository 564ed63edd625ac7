/* SPDX-License-Identifier: Apache-2.0
 *
 * The operations: one option struct and one builder function each. In every struct zero means the default,
 * which stands beside the field; options are copied; opt may be NULL where all defaults make sense. `name` is the
 * node's name inside its scope (NULL: the op's own name). What each op means, to the last convention, is the list
 * of Semantics lines at the top of src/op/<op>.c and in weft-ops(7). */
#ifndef WEFT_OPS_H
#define WEFT_OPS_H

#include <weft/act.h>
#include <weft/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a weight is drawn by weft_model_init. Fans are of the parameter's shape [out, ..., in]: kernel area times in, or
 * times out; of grouped convolutions those of one group, but where it says otherwise. */
typedef enum weft_init {
    WEFT_INIT_DEFAULT,        /* the op's own: weights HE_NORMAL, biases ZERO, gamma and variance ONE */
    WEFT_INIT_ZERO,
    WEFT_INIT_ONE,
    WEFT_INIT_HE_NORMAL,      /* He 2015: truncated at two deviations, variance 2 / fan-in */
    WEFT_INIT_HE_NORMAL_OUT,  /* variance 2 / fan-out (of all groups), not truncated: torchvision */
    WEFT_INIT_GLOROT_UNIFORM, /* Glorot 2010: within sqrt(6 / (fan-in + fan-out)) */
    WEFT_INIT_LECUN_UNIFORM,  /* LeCun 1998: within 2.4 / fan-in */
    WEFT_INIT_NORMAL,         /* mean 0, deviation init_scale */
    WEFT_INIT_FAN_OUT_NORMAL, /* EfficientNet: truncated, variance 2 / fan-out */
    WEFT_INIT_UNIFORM_FAN_OUT /* EfficientNet's dense: within 1 / sqrt(fan-out) */
} weft_init;

typedef enum weft_padding {
    WEFT_SAME,    /* TensorFlow's: out = ceil(in / stride), the odd pixel goes to the bottom and right */
    WEFT_VALID,   /* none */
    WEFT_EXPLICIT /* pad says */
} weft_padding;

typedef struct weft_pad {
    int top, bottom, left, right;
} weft_pad;

/* ---- parameters and states of the graph itself ---- */

/* A parameter (what training changes) or a state (what runs change: weft_moving_average) of the graph itself, beside
 * those that nodes bring along, named scope/name. init: WEFT_INIT_ZERO or WEFT_INIT_ONE. Both live in the model's
 * store: models over one store that name the same state share it (weft/store.h). */
WEFT_API weft_var weft_parameter(weft_graph *graph, const char *name, const weft_shape *shape, weft_init init);
WEFT_API weft_var weft_state(weft_graph *graph, const char *name, const weft_shape *shape, weft_init init);
/* ---- convolution and dense ---- */

/* x [N, H, W, C] -> [N, OH, OW, out]. Parameters: weight [out, kh, kw, C/groups], bias [out].
 * Depthwise: groups = C. */
typedef struct weft_conv2d_opt {
    const char *name;
    int64_t out;            /* output channels; with groups = C 0: C (depthwise) */
    int kernel;             /* both sides; 0: kernel_h and kernel_w */
    int kernel_h, kernel_w; /* 0: 1 */
    int stride;             /* both; 0: stride_h and stride_w */
    int stride_h, stride_w; /* 0: 1 */
    int dilation;           /* both; 0: 1 */
    int64_t groups;         /* 0: 1 */
    weft_padding padding;   /* SAME */
    weft_pad pad;           /* with EXPLICIT */
    bool bias;
    weft_init init;         /* of weight */
    double init_scale;      /* deviation for NORMAL */
} weft_conv2d_opt;
WEFT_API weft_var weft_conv2d(weft_graph *graph, weft_var x, const weft_conv2d_opt *opt);

/* x [N, C] -> [N, out]. Parameters: weight [out, C], bias [out]. */
typedef struct weft_dense_opt {
    const char *name;
    int64_t out;
    bool no_bias;
    weft_init init;
    double init_scale;
} weft_dense_opt;
WEFT_API weft_var weft_dense(weft_graph *graph, weft_var x, const weft_dense_opt *opt);

/* LeNet-5's C3: a convolution in which output map k sees only the input maps that `table` marks.
 * Parameters: weight [sum of marks, kh, kw, 1] in the table's order, bias [out]. */
typedef struct weft_partial_conv2d_opt {
    const char *name;
    int64_t out;
    int kernel;
    const uint8_t *table; /* [out][C], 1: connected; copied */
    bool bias;
    weft_init init;
} weft_partial_conv2d_opt;
WEFT_API weft_var weft_partial_conv2d(weft_graph *graph, weft_var x, const weft_partial_conv2d_opt *opt);

/* ---- pooling ---- */

/* x [N, H, W, C] -> [N, OH, OW, C]. */
typedef struct weft_pool2d_opt {
    const char *name;
    int kernel;             /* both; 0: kernel_h and kernel_w */
    int kernel_h, kernel_w; /* 0: 2 */
    int stride;             /* both; 0: stride_h and stride_w */
    int stride_h, stride_w; /* 0: the kernel's */
    weft_padding padding;   /* SAME */
    weft_pad pad;           /* with EXPLICIT */
    bool ceil;              /* with EXPLICIT or VALID: the last, partial window counts (Caffe, torch's ceil_mode) */
    bool count_border;      /* average: divide by the whole window, border included (default: by the pixels inside) */
    bool zero_border;       /* maximum: the border counts as zeros (default: it is left out) */
} weft_pool2d_opt;
WEFT_API weft_var weft_max_pool2d(weft_graph *graph, weft_var x, const weft_pool2d_opt *opt);
WEFT_API weft_var weft_avg_pool2d(weft_graph *graph, weft_var x, const weft_pool2d_opt *opt);

/* x [N, H, W, C] -> [N, C], the mean (or maximum) over H and W. */
WEFT_API weft_var weft_global_avg_pool2d(weft_graph *graph, weft_var x);
WEFT_API weft_var weft_global_max_pool2d(weft_graph *graph, weft_var x);

/* LeNet-5's S2, S4: y = gain[c] * (sum of the kernel x kernel window) + bias[c]. Parameters: gain, bias [C]. */
typedef struct weft_subsample_opt {
    const char *name;
    int kernel; /* 0: 2; also the stride */
} weft_subsample_opt;
WEFT_API weft_var weft_subsample(weft_graph *graph, weft_var x, const weft_subsample_opt *opt);

/* ---- normalisation ---- */

/* y = gamma (x - mean) / sqrt(variance + epsilon) + beta, per channel. Parameters, in this order: gamma [C],
 * beta [C], and the statistics mean [C], variance [C]. */
typedef struct weft_batch_norm_opt {
    const char *name;
    double epsilon;  /* 0: 1e-3 */
    double momentum; /* 0: .99, Keras's sense: share of the old statistic that is kept */
    bool no_gamma;   /* gamma is 1 and no parameter (Keras's scale=False) */
    bool zero_gamma; /* gamma starts at 0: the residual unit starts as identity */
    bool unbiased;   /* training moves the variance that is divided by m - 1 (PyTorch's; Keras's by m) */
} weft_batch_norm_opt;
WEFT_API weft_var weft_batch_norm(weft_graph *graph, weft_var x, const weft_batch_norm_opt *opt);

/* Krizhevsky 2012, section 3.3: y[c] = x[c] (k + a sum of x[j]^2)^-beta over a window of channels around c. */
typedef struct weft_lrn_opt {
    const char *name;
    int window;            /* channels in the whole window; 0: 5. Even windows reach window/2 to both sides, too */
    double alpha;          /* 0: 1e-4 */
    double beta;           /* 0: .75 */
    double k;              /* 0: 2 */
    bool alpha_is_per_window; /* a = alpha / window (Caffe, PyTorch, cuDNN); default: a = alpha (paper, TensorFlow) */
} weft_lrn_opt;
WEFT_API weft_var weft_lrn(weft_graph *graph, weft_var x, const weft_lrn_opt *opt);

/* Mean and variance (biased) of each channel over images and pixels: x [..., C] -> two of [C]. */
typedef struct weft_moments_vars {
    weft_var mean, variance;
} weft_moments_vars;
WEFT_API weft_moments_vars weft_moments(weft_graph *graph, weft_var x);

/* state = momentum * state + (1 - momentum) * x, in place, in every run; gives the new state. x has the state's shape;
 * state is one of the graph's (weft_state, weft_parameter). In a network that is trained it moves at the end of steps
 * that are good, and nothing may read it after. */
typedef struct weft_moving_average_opt {
    const char *name;
    double momentum; /* 0: .99; below 1 */
} weft_moving_average_opt;
WEFT_API weft_var weft_moving_average(weft_graph *graph, weft_var state, weft_var x,
                                      const weft_moving_average_opt *opt);

/* Input layer: y = (x * scale + offset - mean[c]) / sqrt(variance[c]). EfficientNet's Rescaling and Normalization.
 * With `stats` mean [C], variance [C] and count [1] are parameters (statistics), as in Keras. */
typedef struct weft_normalize_opt {
    const char *name;
    double scale;         /* 0: 1 */
    double offset;
    double mean[4];
    double variance[4];   /* 0: 1 */
    bool stats;
} weft_normalize_opt;
WEFT_API weft_var weft_normalize(weft_graph *graph, weft_var x, const weft_normalize_opt *opt);

/* ---- labels ---- */

/* labels [N, 1] of WEFT_I32 -> [N, classes]: 1 - smoothing for the label, and smoothing / classes for all. */
typedef struct weft_one_hot_opt {
    const char *name;
    int64_t classes;
    double smoothing;
} weft_one_hot_opt;
WEFT_API weft_var weft_one_hot(weft_graph *graph, weft_var labels, const weft_one_hot_opt *opt);

/* ---- losses ---- */

/* Softmax and cross-entropy of logits [N, K] with a target [N, K] of numbers (one-hot, smoothed, mixed): the loss [1],
 * a mean over the batch. */
typedef struct weft_cross_entropy_opt {
    const char *name;
    double weight;              /* of this loss: 0: 1; 0.3 for an auxiliary head */
    const float *class_weights; /* [K], copied; NULL: 1 */
} weft_cross_entropy_opt;
WEFT_API weft_var weft_cross_entropy(weft_graph *graph, weft_var logits, weft_var target,
                                     const weft_cross_entropy_opt *opt);

/* A sigmoid for each class and binary cross-entropy: the loss [1], a mean over batch and classes. */
typedef struct weft_bce_opt {
    const char *name;
    double weight;              /* 0: 1 */
    const float *class_weights; /* [K], copied; NULL: 1 */
    bool sum_classes;           /* the mean is over the batch alone */
} weft_bce_opt;
WEFT_API weft_var weft_bce(weft_graph *graph, weft_var logits, weft_var target, const weft_bce_opt *opt);

/* LeNet-5's criterion (LeCun 1998, eq. 9) of distances [N, K]: the loss [1], a mean over the batch. */
typedef struct weft_rbf_criterion_opt {
    const char *name;
    double weight; /* 0: 1 */
    double j;      /* 0: .1 */
} weft_rbf_criterion_opt;
WEFT_API weft_var weft_rbf_criterion(weft_graph *graph, weft_var distances, weft_var target,
                                     const weft_rbf_criterion_opt *opt);

/* labels [N, 1] of WEFT_I32 and scores x [N, K] -> [2]: images whose label is first, and among the first five. */
typedef struct weft_hits_opt {
    const char *name;
    bool least; /* the smallest score is the first: distances */
} weft_hits_opt;
WEFT_API weft_var weft_hits(weft_graph *graph, weft_var labels, weft_var x, const weft_hits_opt *opt);

/* ---- optimisers: a parameter, what is kept for it (states of its shape), its gradient, the learning rate [1], and go
 * [2], what a gate says; they change the first ones in place ---- */

typedef struct weft_sgd_opt {
    const char *name;
    double lr_scale; /* of this parameter; 0: 1 */
    double momentum; /* 0: none; below 1 */
    bool nesterov;
    double decay;    /* coupled weight decay */
} weft_sgd_opt;
WEFT_API weft_var weft_sgd(weft_graph *graph, weft_var parameter, weft_var momentum, weft_var gradient, weft_var lr,
                           weft_var go, const weft_sgd_opt *opt);

typedef struct weft_rmsprop_opt {
    const char *name;
    double lr_scale; /* 0: 1 */
    double rho;      /* of the mean square; 0: .9 */
    double momentum; /* 0: none */
    double epsilon;  /* inside of the root; 0: 1e-3 */
    double decay;    /* coupled */
} weft_rmsprop_opt;
WEFT_API weft_var weft_rmsprop(weft_graph *graph, weft_var parameter, weft_var mean_square, weft_var momentum,
                               weft_var gradient, weft_var lr, weft_var go, const weft_rmsprop_opt *opt);

typedef struct weft_adam_opt {
    const char *name;
    double lr_scale; /* 0: 1 */
    double beta1;    /* 0: .9 */
    double beta2;    /* 0: .999 */
    double epsilon;  /* 0: 1e-8 */
    double decay;
    bool decoupled;  /* AdamW: the decay is of the parameter, not in the gradient */
} weft_adam_opt;
WEFT_API weft_var weft_adam(weft_graph *graph, weft_var parameter, weft_var first, weft_var second, weft_var gradient,
                            weft_var lr, weft_var go, const weft_adam_opt *opt);

typedef struct weft_lamb_opt {
    const char *name;
    double lr_scale; /* 0: 1 */
    double beta1;    /* 0: .9 */
    double beta2;    /* 0: .999 */
    double epsilon;  /* 0: 1e-6 */
    double decay;    /* decoupled */
    bool fixed_size; /* the step is not scaled to the parameter's size */
} weft_lamb_opt;
WEFT_API weft_var weft_lamb(weft_graph *graph, weft_var parameter, weft_var first, weft_var second, weft_var gradient,
                            weft_var lr, weft_var go, const weft_lamb_opt *opt);

/* ---- what goes before and after them ---- */

/* The norm [1] of all gradients together. */
WEFT_API weft_var weft_gradient_norm(weft_graph *graph, const weft_var *gradients, int count);

/* Whether loss and norm are finite, and open (the null var: 1) is not 0: then the state count [1] grows by one, and go
 * [2] is { how gradients are scaled, count }; else go[0] is 0, which optimisers take for "leave everything". due [1]: 1
 * if so and count is a multiple of every. */
typedef struct weft_gate_opt {
    const char *name;
    double clip; /* largest norm; 0: no limit */
    int every;   /* gradients of so many batches are averaged; 0: 1 */
} weft_gate_opt;
typedef struct weft_gate_vars {
    weft_var count, go, due;
} weft_gate_vars;
WEFT_API weft_gate_vars weft_gate(weft_graph *graph, weft_var count, weft_var loss, weft_var norm, weft_var open,
                                  const weft_gate_opt *opt);

/* The state sum: gradients of `every` batches, added up in place. */
typedef struct weft_accumulate_opt {
    const char *name;
    int every; /* 0: 1 */
} weft_accumulate_opt;
WEFT_API weft_var weft_accumulate(weft_graph *graph, weft_var sum, weft_var gradient, weft_var go,
                                  const weft_accumulate_opt *opt);

/* Each element within -limit to limit. */
typedef struct weft_clip_opt {
    const char *name;
    double limit;
} weft_clip_opt;
WEFT_API weft_var weft_clip(weft_graph *graph, weft_var x, const weft_clip_opt *opt);

/* The state average follows x in place; go as of an optimiser. */
typedef struct weft_ema_opt {
    const char *name;
    double decay;    /* 0: .9999 */
    bool no_warm_up; /* default: at most (1 + t) / (10 + t) at update t */
} weft_ema_opt;
WEFT_API weft_var weft_ema(weft_graph *graph, weft_var average, weft_var x, weft_var go, const weft_ema_opt *opt);

/* ---- elementwise ---- */

WEFT_API weft_var weft_activation(weft_graph *graph, weft_var x, weft_act act);
WEFT_API weft_var weft_relu(weft_graph *graph, weft_var x);
WEFT_API weft_var weft_relu6(weft_graph *graph, weft_var x);
WEFT_API weft_var weft_tanh(weft_graph *graph, weft_var x);
WEFT_API weft_var weft_sigmoid(weft_graph *graph, weft_var x);
WEFT_API weft_var weft_swish(weft_graph *graph, weft_var x);
WEFT_API weft_var weft_hard_swish(weft_graph *graph, weft_var x);
/* Over the last dimension, the maximum subtracted first. */
WEFT_API weft_var weft_softmax(weft_graph *graph, weft_var x);

/* y = a + scale * b; shapes equal. */
typedef struct weft_add_opt {
    const char *name;
    double scale; /* 0: 1 */
} weft_add_opt;
WEFT_API weft_var weft_add(weft_graph *graph, weft_var a, weft_var b);
WEFT_API weft_var weft_add_scaled(weft_graph *graph, weft_var a, weft_var b, const weft_add_opt *opt);

/* x [N, H, W, C] times s [N, C], per image and channel. */
WEFT_API weft_var weft_channel_scale(weft_graph *graph, weft_var x, weft_var s);

/* Hu 2017, arXiv:1709.01507: y = x * gate(W2 act(W1 mean(x) + b1) + b2). Parameters: reduce/weight [reduced, C],
 * reduce/bias, expand/weight [C, reduced], expand/bias. Counts as two dense layers. */
typedef struct weft_squeeze_excite_opt {
    const char *name;
    int64_t reduced; /* width of the bottleneck */
    weft_act act;    /* NONE: RELU */
    weft_act gate;   /* NONE: SIGMOID */
    bool no_bias;
    weft_init init;
} weft_squeeze_excite_opt;
WEFT_API weft_var weft_squeeze_excite(weft_graph *graph, weft_var x, const weft_squeeze_excite_opt *opt);

/* Identity at inference; drop_path drops whole images (stochastic depth). */
WEFT_API weft_var weft_dropout(weft_graph *graph, weft_var x, double rate);
WEFT_API weft_var weft_drop_path(weft_graph *graph, weft_var x, double rate);

/* ---- shape ---- */

/* Along the channels; all other dimensions equal. Usually costs nothing: producers write into their slice. */
WEFT_API weft_var weft_concat(weft_graph *graph, const weft_var *xs, int count);
/* [N, H, W, C] -> [N, H*W*C]. */
WEFT_API weft_var weft_flatten(weft_graph *graph, weft_var x);
/* Any shape of the same count with the same first dimension. */
WEFT_API weft_var weft_reshape(weft_graph *graph, weft_var x, const weft_shape *shape);
/* Zeros around H and W. */
WEFT_API weft_var weft_pad2d(weft_graph *graph, weft_var x, const weft_pad *pad);
/* Cuts pad pixels off the borders of H and W. */
WEFT_API weft_var weft_crop2d(weft_graph *graph, weft_var x, const weft_pad *pad);

/* ---- LeNet-5's output ---- */

/* Euclidean radial basis functions: x [N, C] -> y[n, k] = sum over c of (x[n, c] - centre[k, c])^2.
 * Parameter: centre [out, C], not trainable; drawn as -1 or +1 unless set. */
typedef struct weft_rbf_opt {
    const char *name;
    int64_t out;
    const float *centres; /* [out][C], copied; NULL: drawn */
} weft_rbf_opt;
WEFT_API weft_var weft_rbf(weft_graph *graph, weft_var x, const weft_rbf_opt *opt);

#ifdef __cplusplus
}
#endif
#endif
