/* SPDX-License-Identifier: Apache-2.0
 *
 * The operations of a graph, once: how many tensors each reads, how it is checked (its form) and under which descriptor
 * and attributes cuDNN knows it. A new operation is a row in graph.c, and a new form only if its shapes obey new
 * rules. */
#ifndef WEFT_CUDA_DNN_KIND_H
#define WEFT_CUDA_DNN_KIND_H

#include "cuda/dnn/dnn.h"
#include "cuda/dnn/api.h"

/* Operations of one form share their rules of shape (check.c) and their parameters' descriptor (plan.c). */
typedef enum weft_dnn_form {
    WEFT_DNN_FORM_CONV,
    WEFT_DNN_FORM_MATMUL,
    WEFT_DNN_FORM_POOL,
    WEFT_DNN_FORM_POINTWISE,
    WEFT_DNN_FORM_STATS, /* has no parameters' descriptor, but two results */
    WEFT_DNN_FORM_COUNT
} weft_dnn_form;

typedef struct weft_dnn_row {
    const char *name; /* "conv" */
    weft_dnn_form form;
    int n_in;
    int mode;            /* cudnnPointwiseMode_t, cudnnResampleMode_t, cudnnGenStatsMode_t; else 0 */
    int descriptor;      /* of the operation */
    int attr_parameters; /* attribute that takes the form's descriptor */
    int attr_in[WEFT_DNN_MAX_IN], attr_out, attr_more; /* more: 0 with one result */
    int attr_alpha, attr_beta;     /* factors of the result and of what is there: 1 and 0; 0: has none */
    int role[WEFT_DNN_MAX_IN + 1]; /* CONV: which of in[0], in[1], out is x, filter, y */
} weft_dnn_row;

const weft_dnn_row *weft_dnn_row_of(weft_dnn_kind kind);
/* Tensor indices of a CONV-form operation's x, filter and y. */
void weft_dnn_conv_roles(const weft_dnn_op *op, int *x, int *filter, int *y);

#endif
