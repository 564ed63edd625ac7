/* SPDX-License-Identifier: Apache-2.0
 *
 * Pieces of backward ops on CUDA (part.h says what a piece is). Their weights are inputs like any other. Those that the
 * store has are packed with all others, mostly by the layer whose gradient it is; what else a graph hands over is cast
 * and laid out by launches of the run. */
#ifndef WEFT_CUDA_PART_CONV_GRAD_H
#define WEFT_CUDA_PART_CONV_GRAD_H

#include "cuda/kernel/conv_grad.h"
#include "cuda/part/part.h"

/* ---- an input in the device's type (operand.c): where it is, packed, or a copy by one launch ---- */

typedef struct weft_part_operand {
    int in; /* of the node's */
    weft_dtype from, to;
    int64_t rows, channels, ld; /* ld and align are those of what is read, copied or not */
    int align;
    size_t bytes; /* of the copy; 0: none */
    bool packed;  /* it is the copy that pack makes, all that the node packs */
} weft_part_operand;

/* dense: rows without gaps that begin at a multiple of 16 bytes, as cuDNN wants filters. */
void weft_part_operand_prepare(weft_part_operand *operand, const weft_node *node, const weft_plan *plan, int in,
                               bool dense);
/* Has it packed, if it is to be copied and the store has it. */
void weft_part_operand_plan_pack(weft_part_operand *operand, weft_plan *plan);
weft_status weft_part_operand_pack(const weft_part_operand *operand, const weft_call *call);
/* memory: of operand->bytes. */
weft_status weft_part_operand_run(const weft_part_operand *operand, const weft_call *call, void *memory,
                                  weft_kview *out);
/* Of its launch, to out[n] if there is one; returns how many there are then. */
int weft_part_operand_cost(const weft_part_operand *operand, int n, weft_kernel_cost *out);

/* ---- a gradient of a convolution (conv2d_grad.c): one cuDNN plan, or own kernels ---- */

typedef struct weft_part_conv2d_grad {
    const weft_node *node;
    weft_dnn_kind kind; /* DGRAD, WGRAD */
    weft_dtype dtype;
    int64_t channels;                /* of x as cuDNN sees it: an image's are padded */
    weft_part_operand first, second; /* dy and the weights; x and dy */
    weft_part_pitch pitch;           /* of the output, as y, and the residual */
    bool apart;                      /* the residual is added by a launch of its own */
    bool widens;                     /* so is dw made what the op gives, without the channels that pad */
    size_t workspace;
    uint64_t hash;
    weft_cuda_plan *plan; /* NULL: only described, or own */
    bool own;             /* cuDNN has no plan */
} weft_part_conv2d_grad;

weft_status weft_part_conv2d_grad_prepare(weft_part_conv2d_grad *grad, const weft_node *node, weft_dnn_kind kind,
                                          weft_plan *plan);
weft_status weft_part_conv2d_grad_run(const weft_part_conv2d_grad *grad, const weft_call *call);
int weft_part_conv2d_grad_cost(const weft_part_conv2d_grad *grad, const weft_device *device, weft_kernel_cost *out);

/* ---- a gradient of a depthwise convolution (conv2d_depthwise_grad.c): own kernels ---- */

typedef struct weft_part_depthwise_grad {
    const weft_node *node;
    weft_dtype dtype;
    weft_part_operand first, second; /* dx: dy; dw: x and dy */
    int64_t pitch;                   /* of the weights' rows as dx reads them, elements */
    bool flipped;                    /* dx is the convolution of dy with the window turned round */
    bool packed;                     /* the store has the weights: they are packed */
    bool product;                    /* on tensor cores, in these tiles */
    weft_expand_tile tile;
    bool joins;      /* dw's parts are joined by last blocks, with these counters */
    unsigned *turns;
} weft_part_depthwise_grad;

bool weft_part_is_depthwise_grad(const weft_node *node);
weft_status weft_part_depthwise_dx_prepare(weft_part_depthwise_grad *grad, const weft_node *node, weft_plan *plan);
weft_status weft_part_depthwise_dw_prepare(weft_part_depthwise_grad *grad, const weft_node *node, weft_plan *plan);
weft_status weft_part_depthwise_dx_pack(const weft_part_depthwise_grad *grad, const weft_call *call);
weft_status weft_part_depthwise_dx_run(const weft_part_depthwise_grad *grad, const weft_call *call);
weft_status weft_part_depthwise_dw_run(const weft_part_depthwise_grad *grad, const weft_call *call);
int weft_part_depthwise_grad_cost(const weft_part_depthwise_grad *grad, weft_kernel_cost *out);

/* Window of the convolution whose gradient a node computes, for batches of n images. */
weft_kwindow weft_part_conv2d_grad_window(const weft_node *node);

#endif
