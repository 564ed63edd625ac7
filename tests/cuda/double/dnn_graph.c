/* SPDX-License-Identifier: Apache-2.0
 *
 * Operation graphs of cuDNN's stand-in, read into programs. */
#include <stdlib.h>

#include "cuda/double/dnn_bag.h"

static weft_dtype dtype_of(int64_t type)
{
    return type == API(DATA_HALF) ? WEFT_F16 : type == API(DATA_BFLOAT16) ? WEFT_BF16 : WEFT_F32;
}

/* The program's index of a tensor; -1: none, or too many. */
static int add_tensor(dnn_program *p, const dnn_bag *b)
{
    if (!b)
        return -1;
    const int64_t id = dnn_whole(b, API(ATTR_TENSOR_UNIQUE_ID), 0, -1);
    for (int i = 0; i < p->n_tensors; i++)
        if (p->tensor[i].id == id)
            return i;
    if (p->n_tensors == DNN_MAX_TENSOR)
        return -1;
    dnn_tensor *t = &p->tensor[p->n_tensors];
    t->id = id;
    t->rank = (int)dnn_find(b, API(ATTR_TENSOR_DIMENSIONS))->count;
    for (int i = 0; i < t->rank && i < DNN_MAX_RANK; i++) {
        t->dim[i] = dnn_whole(b, API(ATTR_TENSOR_DIMENSIONS), i, 1);
        t->stride[i] = dnn_whole(b, API(ATTR_TENSOR_STRIDES), i, 1);
    }
    t->dtype = dtype_of(dnn_whole(b, API(ATTR_TENSOR_DATA_TYPE), 0, 0));
    t->alignment = (int)dnn_whole(b, API(ATTR_TENSOR_BYTE_ALIGNMENT), 0, 1);
    t->is_virtual = dnn_whole(b, API(ATTR_TENSOR_IS_VIRTUAL), 0, 0);
    t->by_value = dnn_whole(b, API(ATTR_TENSOR_IS_BY_VALUE), 0, 0);
    return p->n_tensors++;
}

/* Attributes that name an operation's tensors and parameters. */
static const struct signature {
    int descriptor, in[2], out, parameters, more; /* more: a second result; 0: none */
} signatures[] = {
#define CONVOLUTION(direction, attr, first, second, result)                                                            \
    {                                                                                                                  \
        API(BACKEND_OPERATION_CONVOLUTION_##direction##_DESCRIPTOR),                                                   \
            { API(ATTR_OPERATION_CONVOLUTION_##attr##_##first), API(ATTR_OPERATION_CONVOLUTION_##attr##_##second) },   \
            API(ATTR_OPERATION_CONVOLUTION_##attr##_##result), API(ATTR_OPERATION_CONVOLUTION_##attr##_CONV_DESC), 0   \
    }
    CONVOLUTION(FORWARD, FORWARD, X, W, Y),
    CONVOLUTION(BACKWARD_DATA, BWD_DATA, DY, W, DX),
    CONVOLUTION(BACKWARD_FILTER, BWD_FILTER, X, DY, DW),
    { API(BACKEND_OPERATION_POINTWISE_DESCRIPTOR),
      { API(ATTR_OPERATION_POINTWISE_XDESC), API(ATTR_OPERATION_POINTWISE_BDESC) },
      API(ATTR_OPERATION_POINTWISE_YDESC),
      API(ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR),
      0 },
    { API(BACKEND_OPERATION_MATMUL_DESCRIPTOR),
      { API(ATTR_OPERATION_MATMUL_ADESC), API(ATTR_OPERATION_MATMUL_BDESC) },
      API(ATTR_OPERATION_MATMUL_CDESC),
      API(ATTR_OPERATION_MATMUL_DESC),
      0 },
    { API(BACKEND_OPERATION_RESAMPLE_FWD_DESCRIPTOR),
      { API(ATTR_OPERATION_RESAMPLE_FWD_XDESC), -1 },
      API(ATTR_OPERATION_RESAMPLE_FWD_YDESC),
      API(ATTR_OPERATION_RESAMPLE_FWD_DESC),
      0 },
    { API(BACKEND_OPERATION_GEN_STATS_DESCRIPTOR),
      { API(ATTR_OPERATION_GENSTATS_XDESC), -1 },
      API(ATTR_OPERATION_GENSTATS_SUMDESC),
      -1,
      API(ATTR_OPERATION_GENSTATS_SQSUMDESC) },
};

static void read_parameters(const dnn_bag *b, dnn_op *op)
{
    const bool pool = b->type == API(BACKEND_RESAMPLE_DESCRIPTOR);
    op->mode = (int)dnn_whole(b, pool ? API(ATTR_RESAMPLE_MODE) : API(ATTR_POINTWISE_MODE), 0, -1);
    op->slope = dnn_real(b, API(ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE), 0);
    for (int i = 0; i < 2; i++) {
        op->before[i] = dnn_whole(b, pool ? API(ATTR_RESAMPLE_PRE_PADDINGS) : API(ATTR_CONVOLUTION_PRE_PADDINGS), i, 0);
        op->stride[i] = dnn_whole(b, pool ? API(ATTR_RESAMPLE_STRIDES) : API(ATTR_CONVOLUTION_FILTER_STRIDES), i, 1);
        op->dilation[i] = dnn_whole(b, API(ATTR_CONVOLUTION_DILATIONS), i, 1);
        op->window[i] = dnn_whole(b, API(ATTR_RESAMPLE_WINDOW_DIMS), i, 1);
    }
}

static bool read_op(dnn_program *p, const dnn_bag *b)
{
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const struct signature *s = &signatures[i];
        if (s->descriptor != b->type || p->n_ops == DNN_MAX_OP)
            continue;
        dnn_op *op = &p->op[p->n_ops++];
        op->descriptor = b->type;
        for (int k = 0; k < 2; k++)
            op->in[k] = s->in[k] < 0 ? -1 : add_tensor(p, dnn_inner(b, s->in[k], 0));
        op->out = add_tensor(p, dnn_inner(b, s->out, 0));
        op->more = s->more ? add_tensor(p, dnn_inner(b, s->more, 0)) : -1;
        if (s->parameters >= 0)
            read_parameters(dnn_inner(b, s->parameters, 0), op);
        return op->in[0] >= 0 && op->out >= 0 && (!s->more || op->more >= 0);
    }
    return false;
}

int dnn_finalise_graph(dnn_bag *b)
{
    const dnn_attribute *ops = dnn_find(b, API(ATTR_OPERATIONGRAPH_OPS));
    b->program = calloc(1, sizeof *b->program);
    b->program->users = 1;
    for (int i = 0; ops && i < ops->count; i++)
        if (!read_op(&b->program->program, dnn_inner(b, API(ATTR_OPERATIONGRAPH_OPS), i)))
            return dnn_refuse(DNN_NOT_SUPPORTED, "an operation that the double does not know, or too many");
    if (double_get_card()->no_products)
        for (int i = 0; i < b->program->program.n_ops; i++)
            if (b->program->program.op[i].descriptor == API(BACKEND_OPERATION_MATMUL_DESCRIPTOR))
                return DNN_NOT_SUPPORTED;
    return b->program->program.n_ops ? 0 : dnn_refuse(DNN_BAD_PARAM, "an empty graph");
}
