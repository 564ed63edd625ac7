/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the two halves of cuDNN's stand-in: what a finalised operation graph says (dnn.c), and running it
 * (dnn_run.c). Plain data, so that its bytes are the serialised plan, too. */
#ifndef WEFT_TESTS_CUDA_DOUBLE_DNN_H
#define WEFT_TESTS_CUDA_DOUBLE_DNN_H

#include "cuda/dnn/api.h"
#include "cuda/double/double.h"

enum { DNN_MAX_TENSOR = 32, DNN_MAX_OP = 16, DNN_MAX_RANK = 4 };

typedef struct dnn_tensor {
    int64_t id;
    int64_t dim[DNN_MAX_RANK], stride[DNN_MAX_RANK];
    int rank, alignment;
    weft_dtype dtype;
    bool is_virtual, by_value;
} dnn_tensor;

typedef struct dnn_op {
    int descriptor, mode; /* cuDNN's: which operation; which pointwise function or pool */
    int in[2], out, more; /* tensors; -1: none */
    int64_t before[2], stride[2], dilation[2], window[2];
    float slope; /* of RELU, below 0 */
} dnn_op;

typedef struct dnn_program {
    int n_tensors, n_ops;
    dnn_tensor tensor[DNN_MAX_TENSOR];
    dnn_op op[DNN_MAX_OP];
} dnn_program;

/* Elements from the first to the last, both included. */
int64_t dnn_extent(const dnn_tensor *tensor);
/* Runs the program: data[i] is tensor i's memory (NULL: virtual), constant[i] its value if by_value. */
void dnn_run(const dnn_program *program, void *const *data, const float *constant);
/* Makes the first element of what it wrote wrong: what a faulty kernel would do. */
void dnn_spoil(const dnn_program *program, void *const *data, bool none);

#endif
