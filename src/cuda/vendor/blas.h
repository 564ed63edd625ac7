/* SPDX-License-Identifier: Apache-2.0
 *
 * Matrix products on cuBLASLt: y = epilogue(x weight^T + bias + y), row-major as weft stores them, one product or a
 * batch with weights for each image. A plan is made once (heuristics, workspace known) and runs any number of times.
 *
 * When to use which: part/product.c. Without a device cuBLASLt cannot be asked anything (its handle needs one), so what
 * can be proved is cuDNN's matrix product (weft_dnn_dense_graph, same operands), which must be compiled for each shape;
 * nothing is compiled here. */
#ifndef WEFT_CUDA_VENDOR_BLAS_H
#define WEFT_CUDA_VENDOR_BLAS_H

#include <weft/ops.h>

#include "base/alloc.h"
#include "cuda/vendor/vendor.h"

typedef enum weft_blas_act { WEFT_BLAS_NONE, WEFT_BLAS_RELU, WEFT_BLAS_GELU } weft_blas_act;

/* y[b, r, k] = act(sum over c of x[b, r, c] weight[b, k, c] + bias[k] + add * y[b, r, k]). */
typedef struct weft_blas_matmul {
    const char *name;                          /* of the node, for error sentences */
    weft_dtype dtype;                          /* of x, weight, bias and y: F32, F16, BF16; sums are float */
    bool float_y;                              /* bias and y are float, whatever dtype is */
    bool strict;                               /* fp32 without TF32 */
    int64_t batch;                             /* 0: 1 */
    int64_t n, c, k;                           /* x [batch][n][c], weight [batch][k][c], y [batch][n][k] */
    bool x_turned, weight_turned;              /* stored [batch][c][n], [batch][c][k] */
    int64_t x_ld, y_ld, weight_ld;             /* elements from row to row as stored; 0: dense */
    int64_t x_stride, weight_stride, y_stride; /* from one of the batch to the next; 0: dense, weight: its own each */
    bool shared_weight;                        /* one weight for all of the batch */
    bool bias;                                 /* [k], of y's type */
    bool add;                                  /* the residual is in y already: beta is 1 */
    weft_blas_act act;
    size_t workspace_limit; /* bytes; 0: 32 MiB */
} weft_blas_matmul;

typedef struct weft_blas weft_blas;
typedef struct weft_blas_plan weft_blas_plan;

/* Opens cuBLASLt on the current device; NO_DEVICE where there is none. */
weft_status weft_blas_create(const weft_vendor *vendor, const weft_allocator *allocator, weft_blas **out);
void weft_blas_destroy(weft_blas *blas);

/* INVALID for sizes that make no product, UNSUPPORTED if cuBLASLt has no algorithm, or cannot say which. */
weft_status weft_blas_plan_create(weft_blas *blas, const weft_blas_matmul *matmul, weft_blas_plan **out);
void weft_blas_plan_destroy(weft_blas_plan *plan);
size_t weft_blas_plan_workspace(const weft_blas_plan *plan);
/* Queues the product. Pointers are device memory, 16-byte aligned; bias only where the plan has one. UNSUPPORTED:
 * cuBLASLt does not run it. */
weft_status weft_blas_plan_run(const weft_blas_plan *plan, weft_cuda_stream stream, const void *x, const void *weight,
                               const void *bias, void *y, void *workspace);

#endif
