/* SPDX-License-Identifier: Apache-2.0
 *
 * The pieces that ops are made of on CUDA, each with the same five functions: prepare (describe it; build cuDNN's plan
 * if the model is to run), pack (parameters in the device's type, 16-byte aligned, when the store has changed), run
 * (queue it) and cost (of its launch, for the report). conv2d is one convolution; an inverted residual unit is a
 * convolution, a depthwise convolution, an excitation and a product. */
#ifndef WEFT_CUDA_PART_PART_H
#define WEFT_CUDA_PART_PART_H

#include "cuda/cuda.h"

/* Elements from pixel to pixel, the channels of x that may be read (0: its own), and what the address is a multiple
 * of (bytes; 0: 16), less for slices at odd channels. */
typedef struct weft_part_pitch {
    int64_t x, y, residual, channels;
    int x_align, y_align, residual_align;
} weft_part_pitch;

/* Of a node, from what its plan says. */
weft_part_pitch weft_part_pitch_of(const weft_node *node, const weft_plan *plan);

/* Where a run finds everything. */
typedef struct weft_part_io {
    const weft_call *call;
    weft_kview x, y, residual; /* residual.data NULL: none */
    const char *packed;        /* what pack wrote */
    void *workspace;
    float *sums;               /* [2][C] of y and of its squares; read only where they were prepared */
} weft_part_io;

/* ---- a convolution with epilogue (conv2d.c): one cuDNN plan, or an own kernel ---- */

typedef struct weft_part_conv2d {
    const weft_node *node;
    weft_dtype dtype;
    int64_t channels; /* of x as cuDNN sees it: padded with zero weights */
    size_t bias_at, float_bias_at, bytes, workspace;
    uint64_t hash;
    weft_cuda_plan *plan; /* NULL: only described, or own */
    bool own;             /* cuDNN has no plan, or none that is exact enough */
    bool image;           /* the kernel for images runs instead */
    bool direct;          /* the parameters are read as they are stored: nothing is packed */
    bool sums;            /* those of y and of its squares are part of the plan */
} weft_part_conv2d;

/* UNSUPPORTED: cuDNN has no plan for the convolution with its pool; without a pool there is always a kernel. */
weft_status weft_part_conv2d_prepare(weft_part_conv2d *conv, const weft_node *node, const weft_part_pitch *pitch,
                                     const weft_plan *plan);
/* The same with sums, for a convolution without epilogue: UNSUPPORTED where cuDNN has no plan for both; and so says
 * run, when there is none any more. */
bool weft_part_conv2d_takes_sums(const weft_node *node, const weft_device *device);
weft_status weft_part_conv2d_prepare_sums(weft_part_conv2d *conv, const weft_node *node, const weft_part_pitch *pitch,
                                          const weft_plan *plan);
weft_status weft_part_conv2d_pack(const weft_part_conv2d *conv, const weft_call *call, const weft_view *param,
                                  char *to);
weft_status weft_part_conv2d_run(const weft_part_conv2d *conv, const weft_part_io *io);
/* Tells the plan of a node that is this convolution alone what it packs, and reads what lies right as it is stored. */
void weft_part_conv2d_plan_pack(weft_part_conv2d *conv, weft_plan *plan);
/* As weft_plan's: fast algorithms, which only strict fp32 forbids, err more than direct ones. */
double weft_part_conv2d_error_factor(const weft_part_conv2d *conv);
void weft_part_conv2d_cost(const weft_part_conv2d *conv, const weft_device *device, weft_kernel_cost *out);

/* ---- a depthwise convolution (conv2d_depthwise.c): own kernel ---- */

typedef struct weft_part_conv2d_depthwise {
    const weft_node *node;
    weft_dtype dtype;
    int64_t pitch; /* of the weights' rows, elements */
    size_t bias_at, bytes;
    int parts;    /* of the sums over each image */
    bool product; /* on tensor cores, in these tiles */
    weft_expand_tile tile;
    unsigned *turns; /* of the sums over all rows */
} weft_part_conv2d_depthwise;

bool weft_part_is_depthwise(const weft_node *node);
/* Weights [c, kernel_h, kernel_w, 1] as its kernels read them: of the product, or [taps][pitch]. */
weft_pack_segment weft_part_window_segment(weft_dtype dtype, bool product, int64_t pitch, int c, int kernel_h,
                                           int kernel_w);
void weft_part_conv2d_depthwise_prepare(weft_part_conv2d_depthwise *depthwise, const weft_node *node,
                                        const weft_plan *plan);
/* Bytes of workspace for the sums of y and its squares, which run then leaves in weft_part_io.sums: of a dense y, in 16
 * bits, without epilogue. 0: not of these sizes, or of what lies like this. */
size_t weft_part_conv2d_depthwise_sums(const weft_part_conv2d_depthwise *depthwise, const weft_plan *plan);
/* Tells the plan of a node that is this convolution alone what it packs. */
void weft_part_conv2d_depthwise_plan_pack(const weft_part_conv2d_depthwise *depthwise, weft_plan *plan);
weft_status weft_part_conv2d_depthwise_pack(const weft_part_conv2d_depthwise *depthwise, const weft_call *call,
                                            const weft_view *param, char *to);
/* sums: NULL, or where those over parts of each image go, [N][parts][C]. io's sums need turns. */
weft_status weft_part_conv2d_depthwise_run(const weft_part_conv2d_depthwise *depthwise, const weft_part_io *io,
                                           float *sums);
void weft_part_conv2d_depthwise_cost(const weft_part_conv2d_depthwise *depthwise, bool sums, weft_kernel_cost *out);

/* ---- a 1x1 convolution and the depthwise one behind it as one launch (expand_depthwise.c): own kernel ---- */

typedef struct weft_part_expand_depthwise {
    const weft_node *node; /* the 1x1 */
    weft_part_conv2d_depthwise depthwise; /* bytes: of both layers, packed */
    int64_t pitch;                        /* of x */
    size_t window_at, expand_bias_at, bias_at;
} weft_part_expand_depthwise;

/* False: not on this device, or not these layers; each is then to have its own launch. */
bool weft_part_expand_depthwise_prepare(weft_part_expand_depthwise *expand_depthwise, const weft_node *expand,
                                        const weft_node *depthwise, const weft_part_pitch *pitch,
                                        const weft_plan *plan);
weft_status weft_part_expand_depthwise_pack(const weft_part_expand_depthwise *expand_depthwise, const weft_call *call,
                                            const weft_view *expand, const weft_view *depthwise, char *to);
/* sums: as of a depthwise convolution. */
weft_status weft_part_expand_depthwise_run(const weft_part_expand_depthwise *expand_depthwise, const weft_part_io *io,
                                           float *sums);
void weft_part_expand_depthwise_cost(const weft_part_expand_depthwise *expand_depthwise, bool sums,
                                     weft_kernel_cost *out);

/* ---- an excitation (squeeze_excite.c): a launch for each layer, the second of which scales what follows, or, from the
 * map itself, a launch for its sums and the first layer ---- */

typedef struct weft_part_squeeze_excite {
    const weft_node *node;
    weft_dtype dtype;
    size_t b1_at, w2_at, b2_at, bytes;
} weft_part_squeeze_excite;

void weft_part_squeeze_excite_prepare(weft_part_squeeze_excite *excite, const weft_node *node, const weft_plan *plan);
weft_status weft_part_squeeze_excite_pack(const weft_part_squeeze_excite *excite, const weft_call *call,
                                          const weft_view *param, char *to);
/* What the gates multiply: rows of `from` for each image (shared: the same rows for all) give `to`. */
typedef struct weft_part_gated {
    weft_kview from, to;
    int64_t rows;
    bool shared;
} weft_part_gated;
/* Bytes of device memory for the sums over `parts` parts of each image, [N][parts][C] floats, and the hidden layer. */
size_t weft_part_squeeze_excite_bytes(const weft_part_squeeze_excite *excite, int parts);
/* sums: memory of that size, with the sums in it. */
weft_status weft_part_squeeze_excite_run(const weft_part_squeeze_excite *excite, const weft_part_io *io, float *sums,
                                         int parts, const weft_part_gated *gated);
/* The same from the map x, in two launches where they join: counters, and memory of weft_part_squeeze_excite_floats. */
bool weft_part_squeeze_excite_joins(const weft_part_squeeze_excite *excite, const weft_plan *plan);
int64_t weft_part_squeeze_excite_floats(const weft_part_squeeze_excite *excite);
weft_status weft_part_squeeze_excite_run_joined(const weft_part_squeeze_excite *excite, const weft_part_io *io,
                                                float *memory, unsigned *turns, const weft_part_gated *gated);
/* Of its launches, whose number it returns. */
int weft_part_squeeze_excite_cost(const weft_part_squeeze_excite *excite, int parts, int64_t rows, bool shared,
                                  weft_kernel_cost *out);

/* ---- a matrix product (product.c): cuDNN's, else cuBLASLt's, else an own kernel ---- */

/* y[b, r, k] = act(sum over c of x[b, r, c] weight[b, k, c] + bias[k] + residual[b, r, k]). What is turned lies in
 * memory as [c][r] or [c][k], without a batch; its pitch is from c to c. */
typedef struct weft_part_product {
    const char *name;
    weft_dtype dtype, y_dtype;
    int64_t batch, rows, c, k;
    weft_part_pitch pitch;
    int64_t weight_pitch; /* 0: dense */
    int weight_align;     /* as those of weft_part_pitch */
    bool x_turned, weight_turned;
    bool bias, residual;
    weft_act act;
    bool own; /* neither library takes it */
    size_t workspace;
    uint64_t hash; /* of cuDNN's graph; 0: cuDNN is not who takes it */
    weft_cuda_plan *plan; /* of the library that takes it; NULL: described, or own */
} weft_part_product;

weft_status weft_part_product_prepare(weft_part_product *product, const weft_plan *plan);
/* Bytes of a bias as pack writes it: in the product's type for the vendors' kernels, then as floats for ours. */
size_t weft_part_product_bias_bytes(const weft_part_product *product);
/* Weights to `to`, the bias, if any, to `bias`. */
weft_status weft_part_product_pack(const weft_part_product *product, const weft_call *call, const weft_view *param,
                                   char *to, char *bias);
/* bias: what pack wrote; NULL without. */
weft_status weft_part_product_run(const weft_part_product *product, const weft_part_io *io, const void *weight,
                                  const char *bias);
void weft_part_product_cost(const weft_part_product *product, const weft_device *device, weft_kernel_cost *out);

#endif
