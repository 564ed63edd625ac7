/* SPDX-License-Identifier: Apache-2.0
 *
 * weft's own CUDA kernels, as the host code sees them: one launcher each, a plain C function that chooses grid, block
 * and vector width and queues the kernel on a stream. The same sources run on the CPU for the tests (tests/cuda/emu).
 *
 * Common to all
 *  - Launchers return 0, or the cudaError_t of a launch that was refused: 1 (invalid value) for arguments that no
 *    kernel takes. They never wait. `stream` is a cudaStream_t.
 *  - dtype is WEFT_F32, WEFT_F16 or WEFT_BF16: of activations and weights. Biases, gains, statistics, partial sums are
 *    floats. Sums are kept in float, in an order that depends on sizes only: the same bits each run.
 *  - A view's rows are pixels, (n * h + y) * w + x, or images of [N, C]; ld >= channels. Nothing but the channels
 *    named is ever written. Rows are read and written in 16-byte pieces where data, ld and channels allow: multiples
 *    of 16 bytes each, else one element at a time.
 *  - What an op means, to the last border and tie, is said in src/op/<op>.c. Dimensions must be positive, rows below
 *    2^31. Zeros in an args struct mean: none.
 *  - In place: where a comment says so, y may be x (same data and ld). */
#ifndef WEFT_CUDA_KERNEL_KERNELS_H
#define WEFT_CUDA_KERNEL_KERNELS_H

#include <weft/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A tensor in device memory; ld in elements. */
typedef struct weft_kview {
    void *data;
    int64_t ld;
} weft_kview;

/* After the sum: + bias[c] + residual, then act. residual is shaped as y, has y's type and may be y itself. */
typedef struct weft_kepilogue {
    const float *bias;   /* NULL: none */
    weft_kview residual; /* data NULL: none */
    weft_act act;
} weft_kepilogue;

/* Window of a convolution or pool over x [n, h, w, .] giving y [n, oh, ow, .]; SAME already resolved. */
typedef struct weft_kwindow {
    int n, h, w, oh, ow;
    int kernel_h, kernel_w, stride_h, stride_w;
    int dilation; /* 0: 1 */
    weft_pad pad;
} weft_kwindow;

/* From now on the calling thread's launches are for that card; overlap: each may begin before the one before it has
 * ended (weft_begin of kcompat.cuh; compute capability 9.0 and later). */
int weft_launch_on(int device, bool overlap);
/* Compute capability, times ten, of the code that the card runs of kernels; 0: unknown. The calling thread's launches
 * are for that card afterwards. */
int weft_launch_compiled_for(int device);

/* ---- input ---- */

/* Images to a network's input: y[c] = x[c] * scale[c] + offset[c] for c < c, zeros for c..padded-1. */
typedef struct weft_input_args {
    const void *x;      /* [rows, c], dense */
    weft_dtype x_dtype; /* WEFT_U8 or WEFT_F32 */
    weft_dtype dtype;   /* of y */
    weft_kview y;       /* [rows, padded], ld >= padded */
    int64_t rows;
    int c, padded; /* c <= 4; padded 0: c; at most 8 */
    const float *scale, *offset; /* [c]; NULL: 1 and 0 */
} weft_input_args;
int weft_launch_input(const weft_input_args *args, void *stream);

/* ---- parameters, when the store has changed: fp32 and dense there ---- */

/* Batch norm folded: s[k] = gamma[k] / sqrt(variance[k] + epsilon); to[k][each] = weight s, shift = (bias - mean) s +
 * beta. weight NULL: 1, each is 1. bias, gamma NULL: 0, 1. */
typedef struct weft_fold_norm_args {
    const float *weight, *bias, *gamma, *beta, *mean, *variance;
    float *to, *shift;
    double epsilon;
    int64_t outputs, each;
} weft_fold_norm_args;
int weft_launch_fold_norm(const weft_fold_norm_args *args, void *stream);

/* The input layer's: to_scale = scale / d, to_offset = (offset - mean) / d, d = max(sqrt(variance), floor). mean and
 * variance NULL: the fixed ones. */
typedef struct weft_normalize_factors_args {
    const float *mean, *variance;
    double fixed_mean[4], fixed_variance[4];
    double scale, offset, floor;
    float *to_scale, *to_offset;
    int c;
} weft_normalize_factors_args;
int weft_launch_normalize_factors(const weft_normalize_factors_args *args, void *stream);

typedef struct weft_scale_weights_args {
    const float *from;
    float *to;
    double scale;
    int64_t count;
} weft_scale_weights_args;
int weft_launch_scale_weights(const weft_scale_weights_args *args, void *stream);

/* compose: first [middle][first_in], second [outputs][middle] -> to [outputs][first_in]. join: first
 * [outputs][first_in], second [outputs][second_in] -> to [outputs][first_in + second_in]. Biases NULL: 0. */
typedef struct weft_merge_weights_args {
    const float *first, *second, *first_bias, *second_bias;
    float *to, *to_bias;
    int64_t outputs, middle, first_in, second_in;
} weft_merge_weights_args;
int weft_launch_compose_weights(const weft_merge_weights_args *args, void *stream);
int weft_launch_join_weights(const weft_merge_weights_args *args, void *stream);

/* ---- statistics and labels ---- */

/* Mean and (biased) variance of each channel of x [rows][c]. */
typedef struct weft_moments_args {
    weft_dtype dtype; /* of x */
    weft_kview x;
    int64_t rows;
    int c;
    float *mean, *variance; /* [c] */
} weft_moments_args;
int weft_launch_moments(const weft_moments_args *args, void *stream);

/* y [n][classes] of floats: right where the label is, rest elsewhere. */
typedef struct weft_one_hot_args {
    const int32_t *labels;
    int64_t label_ld;
    weft_kview y;
    int64_t n, classes;
    float right, rest;
} weft_one_hot_args;
int weft_launch_one_hot(const weft_one_hot_args *args, void *stream);

/* ---- convolutions ---- */

/* Sums over all rows of what is written, as it is stored, for a norm's statistics. */
typedef struct weft_map_sums {
    float *to;       /* [2][c]: of the numbers, then of their squares; NULL: not wanted */
    float *scratch;  /* [n * parts][2][c] */
    unsigned *turns; /* counters, as in norm.h */
} weft_map_sums;

/* Depthwise convolution, multiplier 1, any window, stride, dilation and pads. wt is [kernel_h * kernel_w][ld_wt] of
 * dtype: the op's [C, kh, kw, 1] turned round, ld_wt >= c (a multiple of 8 for 16-byte loads).
 * sums: not NULL: receives sums of y (as stored, after rounding) over parts of each image, [n][parts][c] floats, parts
 * being weft_depthwise_parts(args): what weft_launch_excite wants. */
typedef struct weft_depthwise_args {
    weft_dtype dtype;
    weft_kview x, y;
    weft_kwindow win;
    int c;
    const void *wt;
    int64_t ld_wt;
    weft_kepilogue epi;
    float *sums;
    weft_map_sums all; /* where weft_depthwise_takes_sums */
    int rows;    /* outputs that a thread computes one below the other, 1 or 2; 0: by the size */
} weft_depthwise_args;
int weft_launch_depthwise(const weft_depthwise_args *args, void *stream);
int weft_depthwise_parts(const weft_depthwise_args *args);
bool weft_depthwise_takes_sums(const weft_depthwise_args *args);

/* A 1x1 convolution with activation from c_in to c channels, then a depthwise one of its output, whose window is
 * given: the first two layers of an inverted residual unit. expand and window are what weft_launch_expand_pack makes
 * of their weights; sums as above. For cards with tensor cores of compute capability 8.0 and later, and only what
 * `takes` takes: 16 bits, windows of 3x3 and 5x5 at strides of 1 and 2, relu, relu6, swish or no activation,
 * channels in eights, everything at multiples of 16 bytes. An infinite number among wide ones makes NaNs of its
 * neighbours, too. c_in 0: no product, x has the c channels itself; at a stride of 1. */
typedef struct weft_expand_tile {
    int h, w;   /* outputs of a block */
    int blocks; /* that share a multiprocessor: 3 or 4 for 3x3, 2 or 3 for 5x5 */
} weft_expand_tile;
typedef struct weft_expand_depthwise_args {
    weft_dtype dtype;
    weft_kview x, y;
    weft_kwindow win; /* n, h, w: of x too */
    int c_in, c;
    const void *expand, *window;
    const float *expand_bias, *bias; /* NULL: none */
    weft_act expand_act, act;
    float *sums;       /* [n][parts][c], or NULL */
    weft_map_sums all; /* with c_in 0, where weft_expand_depthwise_takes_sums */
    weft_expand_tile tile;
} weft_expand_depthwise_args;
bool weft_expand_depthwise_takes(const weft_expand_depthwise_args *args);
/* The tile that takes the least time, by a rule: for what `takes` takes there is one. */
weft_expand_tile weft_expand_depthwise_tile(const weft_expand_depthwise_args *args);
int weft_expand_depthwise_parts(const weft_expand_depthwise_args *args); /* of args->tile */
bool weft_expand_depthwise_takes_sums(const weft_expand_depthwise_args *args);
int weft_launch_expand_depthwise(const weft_expand_depthwise_args *args, void *stream);

/* Weights [c][c_in] and [c][kernel][kernel] -> product and window, of so many bytes. c_in 0: the window alone. */
typedef struct weft_expand_pack_args {
    weft_dtype dtype;
    const float *product_weights, *window_weights;
    void *product, *window;
    int c, c_in, kernel;
} weft_expand_pack_args;
int weft_launch_expand_pack(const weft_expand_pack_args *args, void *stream);
size_t weft_expand_product_bytes(int c, int c_in);
size_t weft_expand_window_bytes(int c, int kernel);

/* The convolution of images: x has up to four channels, its pixels lie 8 bytes apart, and what is behind the
 * channels is finite. wt is what weft_launch_image_pack makes of the op's weights [k, kh, kw, c], weft_image_bytes
 * of dtype. For cards with tensor cores of compute capability 8.0 and later, and what `takes` takes: 16 bits,
 * windows of up to 16x16, outputs in eights, relu, relu6, swish or no activation. */
typedef struct weft_image_args {
    weft_dtype dtype;
    weft_kview x, y;
    weft_kwindow win;
    int c, k;
    const void *wt;
    const float *bias; /* NULL: none */
    weft_act act;
} weft_image_args;
bool weft_image_takes(const weft_image_args *args);
size_t weft_image_bytes(const weft_image_args *args);
int weft_launch_image_pack(const weft_image_args *args, const float *weights, void *to, void *stream);
int weft_launch_image(const weft_image_args *args, void *stream);

/* Any convolution, directly: groups, dilation, multipliers. wt [k, kh, kw, c / groups], as the op's, of dtype. For what
 * cuDNN refuses; not fast. */
typedef struct weft_conv2d_args {
    weft_dtype dtype;
    weft_kview x, y;
    weft_kwindow win;
    int c, k, groups; /* groups 0: 1 */
    const void *wt;
    weft_kepilogue epi;
} weft_conv2d_args;
int weft_launch_conv2d(const weft_conv2d_args *args, void *stream);

/* LeNet-5's C3. Output map k sees the input maps channel[first[k]] to channel[first[k + 1] - 1]; wt [links, kh, kw] in
 * that order, of dtype. Both arrays in device memory. */
typedef struct weft_partial_conv2d_args {
    weft_dtype dtype;
    weft_kview x, y;
    weft_kwindow win;
    int k;
    const int *first, *channel; /* [k + 1], [first[k]] */
    const void *wt;
    weft_kepilogue epi;
} weft_partial_conv2d_args;
int weft_launch_partial_conv2d(const weft_partial_conv2d_args *args, void *stream);

/* y[b, r, k] = act(sum over c of x[b, r, c] * wt[b, k, c] + bias[k] + residual), b < batch, r < rows: a dense layer
 * (batch 1, rows images), a 1x1 convolution, or one with weights for each image. wt [k][ld_wt]; wt_stride elements from
 * one b's weights to the next, 0: the same. For what cuBLASLt and cuDNN are not there to do: no tensor cores. */
typedef struct weft_gemm_args {
    weft_dtype dtype;   /* of x and wt */
    weft_dtype y_dtype; /* dtype or WEFT_F32; of the residual too */
    weft_kview x, y;
    int batch, rows, c, k;
    const void *wt;
    int64_t ld_wt, wt_stride;
    bool x_turned, wt_turned; /* of one batch: x is [c][x.ld], wt [c][ld_wt] */
    weft_kepilogue epi;
} weft_gemm_args;
int weft_launch_gemm(const weft_gemm_args *args, void *stream);

/* ---- squeeze and excite ---- */

/* All between the squeeze and the next layer, in two launches: m[n, c] = sum over parts of sums[n][part][c] / pixels,
 * s = gate(W2 act(W1 m + b1) + b2), then any of
 *   gate_out[n, c] = s[n, c]                                    (data NULL: not wanted)
 *   to[n * rows + r, c] = from[(shared ? 0 : n * rows) + r, c] * s[n, c]   for r < rows  (to.data NULL: not wanted)
 * The second is either the excitation of x itself (shared false, rows = h * w, from may be to) or, folded into the 1x1
 * convolution that follows, its weights for each image (shared, rows = k, from = weights [k, c], to = [n, k, c]): fold
 * while k < h * w. w1 [reduced][c], w2 [c][reduced] of dtype; b1, b2 floats or NULL. c at most 12000. hidden is
 * scratch. */
typedef struct weft_excite_args {
    weft_dtype dtype;
    const float *sums; /* [n][parts][c] */
    float *hidden;     /* [n][reduced] */
    int parts, pixels;
    int n, c, reduced;
    const void *w1, *w2;
    const float *b1, *b2;
    weft_act act, gate;
    weft_dtype gate_dtype; /* of gate_out: WEFT_F32 or dtype */
    weft_kview gate_out;
    weft_kview from, to;
    int rows;
    bool shared;
} weft_excite_args;
int weft_launch_excite(const weft_excite_args *args, void *stream);

/* y = act(x * s + residual): x, y [n * pixels rows, c], s [n, c] of dtype s_dtype (WEFT_F32 or dtype). In place. */
typedef struct weft_channel_scale_args {
    weft_dtype dtype, s_dtype;
    weft_kview x, s, y;
    int n, pixels, c;
    weft_kepilogue epi; /* no bias */
} weft_channel_scale_args;
int weft_launch_channel_scale(const weft_channel_scale_args *args, void *stream);

/* ---- pools ---- */

typedef enum weft_pool_kind { WEFT_POOL_MAX, WEFT_POOL_AVG } weft_pool_kind;

typedef struct weft_pool2d_args {
    weft_dtype dtype;
    weft_pool_kind kind;
    weft_kview x, y;
    weft_kwindow win;
    int c;
    bool count_border, zero_border; /* as in weft_pool2d_opt */
} weft_pool2d_args;
int weft_launch_pool2d(const weft_pool2d_args *args, void *stream);

/* x [n, pixels, c] -> y [n, c]. With more than one of weft_global_pool_parts() it takes two launches, and scratch holds
 * n * parts * c floats; else scratch may be NULL. y_dtype: dtype or WEFT_F32. y.data NULL: only the parts are wanted,
 * in scratch [n][parts][c], sums or maxima, one launch whatever parts is (weft_launch_excite reads them). */
typedef struct weft_global_pool_args {
    weft_dtype dtype, y_dtype;
    weft_pool_kind kind;
    weft_kview x, y;
    int n, pixels, c;
    float *scratch;
} weft_global_pool_args;
int weft_launch_global_pool(const weft_global_pool_args *args, void *stream);
int weft_global_pool_parts(const weft_global_pool_args *args);

/* LeNet-5's S2: y = act(gain[c] * (sum of the window) + bias[c] + residual); window = stride, no pads. */
typedef struct weft_subsample_args {
    weft_dtype dtype;
    weft_kview x, y;
    weft_kwindow win;
    int c;
    const float *gain;
    weft_kepilogue epi;
} weft_subsample_args;
int weft_launch_subsample(const weft_subsample_args *args, void *stream);

/* ---- normalisation ---- */

/* y = x (k + a s)^-beta; a as the kernel is to use it (alpha, or alpha / window); reach channels to each side. Not in
 * place. */
typedef struct weft_lrn_args {
    weft_dtype dtype;
    weft_kview x, y;
    int64_t rows;
    int c, reach;
    float k, a, beta;
} weft_lrn_args;
int weft_launch_lrn(const weft_lrn_args *args, void *stream);

/* Over each row. y_dtype: dtype or WEFT_F32. In place if the types agree. */
typedef struct weft_softmax_args {
    weft_dtype dtype, y_dtype;
    weft_kview x, y;
    int64_t rows;
    int c;
} weft_softmax_args;
int weft_launch_softmax(const weft_softmax_args *args, void *stream);

/* ---- one element to one element ---- */

/* y = act((x - mean[c]) * gain[c] + bias[c] + b_scale * b + residual). Each array may be NULL, b.data and residual.data
 * too: with only x it is a copy, a cast or an activation; with b an addition; batch_norm has gain = gamma /
 * sqrt(variance + epsilon); normalize has gain = scale / deviation and mean = (mean - offset) / scale. b and residual
 * have x's type. y_dtype: dtype, WEFT_F32, or any with dtype WEFT_F32. A y that is a slice of a wider tensor makes it
 * a concatenation. In place on x or b if the types agree. */
typedef struct weft_map_args {
    weft_dtype dtype, y_dtype;
    weft_kview x, y;
    int64_t rows;
    int c;
    const float *mean, *gain;
    weft_kview b;
    float b_scale; /* 0: 1 */
    weft_kepilogue epi;
} weft_map_args;
int weft_launch_map(const weft_map_args *args, void *stream);

/* y [n, oh, ow, c] = x [n, h, w, c] moved by (top, left): y[oy, ox] = x[oy - top, ox - left], zeros outside of x. pad2d
 * passes its pads, crop2d minus its pads. */
typedef struct weft_shift_args {
    weft_dtype dtype;
    weft_kview x, y;
    int n, h, w, oh, ow, c;
    int top, left;
} weft_shift_args;
int weft_launch_shift(const weft_shift_args *args, void *stream);

/* Elements in order from rows of xc channels to rows of yc channels: reshape where one of the two is a slice. count is
 * a multiple of both. */
typedef struct weft_reshape_args {
    weft_dtype dtype;
    weft_kview x, y;
    int64_t count;
    int xc, yc;
} weft_reshape_args;
int weft_launch_reshape(const weft_reshape_args *args, void *stream);

/* y[n, k] = sum over c of (x[n, c] - centre[k, c])^2; centre [k][c] floats. */
typedef struct weft_rbf_args {
    weft_dtype dtype, y_dtype; /* y_dtype: dtype or WEFT_F32 */
    weft_kview x, y;
    int n, c, k;
    const float *centre;
} weft_rbf_args;
int weft_launch_rbf(const weft_rbf_args *args, void *stream);

#ifdef __cplusplus
}
#endif
#endif
