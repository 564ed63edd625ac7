/* SPDX-License-Identifier: Apache-2.0
 *
 * From a checked graph to cuDNN's descriptors: a tensor descriptor each, then for every operation the parameters of its
 * form (window, product, pooling, pointwise mode) and the operation itself, whose attributes the table of graph.c
 * names. Sums are float. */
#include "cuda/dnn/plan.h"

#define API(name) WEFT_CUDNN_##name

void weft_dnn_set_release(weft_dnn_set *set)
{
    while (set->count > 0)
        set->vendor->cudnnBackendDestroyDescriptor(set->all[--set->count]);
}

static weft_cudnn_descriptor new_descriptor(weft_dnn_set *set, int type, const char *what)
{
    weft_cudnn_descriptor descriptor = NULL;
    if (set->failed)
        return NULL;
    set->call = what;
    set->failed = set->vendor->cudnnBackendCreateDescriptor(type, &descriptor);
    if (!set->failed)
        set->all[set->count++] = descriptor;
    return descriptor;
}

static void put(weft_dnn_set *set, weft_cudnn_descriptor d, int attribute, int type, int64_t count, const void *values)
{
    if (!set->failed)
        set->failed = set->vendor->cudnnBackendSetAttribute(d, attribute, type, count, values);
}

static void put_enum(weft_dnn_set *set, weft_cudnn_descriptor d, int attribute, int type, int value)
{
    put(set, d, attribute, type, 1, &value);
}

static void put_int(weft_dnn_set *set, weft_cudnn_descriptor d, int attribute, int64_t value)
{
    put(set, d, attribute, API(TYPE_INT64), 1, &value);
}

static void put_float(weft_dnn_set *set, weft_cudnn_descriptor d, int attribute, float value)
{
    put(set, d, attribute, API(TYPE_FLOAT), 1, &value);
}

static void put_descriptor(weft_dnn_set *set, weft_cudnn_descriptor d, int attribute, weft_cudnn_descriptor value)
{
    put(set, d, attribute, API(TYPE_BACKEND_DESCRIPTOR), 1, &value);
}

static weft_cudnn_descriptor finalize(weft_dnn_set *set, weft_cudnn_descriptor d)
{
    if (!set->failed)
        set->failed = set->vendor->cudnnBackendFinalize(d);
    return d;
}

/* ---- tensors ---- */

static int data_type(weft_dtype dtype)
{
    return dtype == WEFT_F16 ? API(DATA_HALF) : dtype == WEFT_BF16 ? API(DATA_BFLOAT16) : API(DATA_FLOAT);
}

static weft_cudnn_descriptor lower_tensor(weft_dnn_set *set, const weft_dnn_tensor *t)
{
    weft_cudnn_descriptor d = new_descriptor(set, API(BACKEND_TENSOR_DESCRIPTOR), t->name);
    const bool yes = true;
    put_enum(set, d, API(ATTR_TENSOR_DATA_TYPE), API(TYPE_DATA_TYPE), data_type(t->dtype));
    put(set, d, API(ATTR_TENSOR_DIMENSIONS), API(TYPE_INT64), t->rank, t->dim);
    put(set, d, API(ATTR_TENSOR_STRIDES), API(TYPE_INT64), t->rank, t->stride);
    put_int(set, d, API(ATTR_TENSOR_UNIQUE_ID), t->id);
    put_int(set, d, API(ATTR_TENSOR_BYTE_ALIGNMENT), t->alignment ? t->alignment : 16);
    if (t->is_virtual)
        put(set, d, API(ATTR_TENSOR_IS_VIRTUAL), API(TYPE_BOOLEAN), 1, &yes);
    if (t->constant)
        put(set, d, API(ATTR_TENSOR_IS_BY_VALUE), API(TYPE_BOOLEAN), 1, &yes);
    return finalize(set, d);
}

/* ---- parameters, by form ---- */

static weft_cudnn_descriptor conv_parameters(weft_dnn_set *set, const weft_dnn_op *op)
{
    const weft_dnn_window *w = &op->window;
    weft_cudnn_descriptor d = new_descriptor(set, API(BACKEND_CONVOLUTION_DESCRIPTOR), "convolution");
    put_enum(set, d, API(ATTR_CONVOLUTION_COMP_TYPE), API(TYPE_DATA_TYPE), API(DATA_FLOAT));
    put_enum(set, d, API(ATTR_CONVOLUTION_CONV_MODE), API(TYPE_CONVOLUTION_MODE), API(CROSS_CORRELATION));
    put_int(set, d, API(ATTR_CONVOLUTION_SPATIAL_DIMS), 2);
    put(set, d, API(ATTR_CONVOLUTION_DILATIONS), API(TYPE_INT64), 2, (int64_t[]){ w->dilation_h, w->dilation_w });
    put(set, d, API(ATTR_CONVOLUTION_FILTER_STRIDES), API(TYPE_INT64), 2, (int64_t[]){ w->stride_h, w->stride_w });
    put(set, d, API(ATTR_CONVOLUTION_PRE_PADDINGS), API(TYPE_INT64), 2, (int64_t[]){ w->top, w->left });
    put(set, d, API(ATTR_CONVOLUTION_POST_PADDINGS), API(TYPE_INT64), 2, (int64_t[]){ w->bottom, w->right });
    return finalize(set, d);
}

static weft_cudnn_descriptor matmul_parameters(weft_dnn_set *set, const weft_dnn_op *op)
{
    (void)op;
    weft_cudnn_descriptor d = new_descriptor(set, API(BACKEND_MATMUL_DESCRIPTOR), "matrix product");
    put_enum(set, d, API(ATTR_MATMUL_COMP_TYPE), API(TYPE_DATA_TYPE), API(DATA_FLOAT));
    return finalize(set, d);
}

static void put_pair(weft_dnn_set *set, weft_cudnn_descriptor d, int attribute, int h, int w)
{
    put(set, d, attribute, API(TYPE_FRACTION), 2, (weft_cudnn_fraction[]){ { h, 1 }, { w, 1 } });
}

static weft_cudnn_descriptor pool_parameters(weft_dnn_set *set, const weft_dnn_op *op)
{
    const weft_dnn_window *w = &op->window;
    weft_cudnn_descriptor d = new_descriptor(set, API(BACKEND_RESAMPLE_DESCRIPTOR), "pooling");
    put_enum(set, d, API(ATTR_RESAMPLE_MODE), API(TYPE_RESAMPLE_MODE), weft_dnn_row_of(op->kind)->mode);
    put_enum(set, d, API(ATTR_RESAMPLE_COMP_TYPE), API(TYPE_DATA_TYPE), API(DATA_FLOAT));
    put_enum(set, d, API(ATTR_RESAMPLE_NAN_PROPAGATION), API(TYPE_NAN_PROPOGATION), API(PROPAGATE_NAN));
    put_enum(set, d, API(ATTR_RESAMPLE_PADDING_MODE), API(TYPE_PADDING_MODE),
             op->kind == WEFT_DNN_MAX_POOL ? API(NEG_INF_PAD) : API(ZERO_PAD));
    put_int(set, d, API(ATTR_RESAMPLE_SPATIAL_DIMS), 2);
    put_pair(set, d, API(ATTR_RESAMPLE_WINDOW_DIMS), w->kernel_h, w->kernel_w);
    put_pair(set, d, API(ATTR_RESAMPLE_STRIDES), w->stride_h, w->stride_w);
    put_pair(set, d, API(ATTR_RESAMPLE_PRE_PADDINGS), w->top, w->left);
    put_pair(set, d, API(ATTR_RESAMPLE_POST_PADDINGS), w->bottom, w->right);
    return finalize(set, d);
}

static weft_cudnn_descriptor pointwise_parameters(weft_dnn_set *set, const weft_dnn_op *op)
{
    weft_cudnn_descriptor d = new_descriptor(set, API(BACKEND_POINTWISE_DESCRIPTOR), "pointwise operation");
    put_enum(set, d, API(ATTR_POINTWISE_MODE), API(TYPE_POINTWISE_MODE), weft_dnn_row_of(op->kind)->mode);
    put_enum(set, d, API(ATTR_POINTWISE_MATH_PREC), API(TYPE_DATA_TYPE), API(DATA_FLOAT));
    if (op->slope != 0.0F) {
        const double slope = (double)op->slope;
        put(set, d, API(ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE), API(TYPE_DOUBLE), 1, &slope);
    }
    return finalize(set, d);
}

static void put_statistics(weft_dnn_set *set, weft_cudnn_descriptor d, const weft_dnn_op *op)
{
    put_enum(set, d, API(ATTR_OPERATION_GENSTATS_MODE), API(TYPE_GENSTATS_MODE), weft_dnn_row_of(op->kind)->mode);
    put_enum(set, d, API(ATTR_OPERATION_GENSTATS_MATH_PREC), API(TYPE_DATA_TYPE), API(DATA_FLOAT));
}

/* NULL: put_statistics. */
static weft_cudnn_descriptor (*const parameters[WEFT_DNN_FORM_COUNT])(weft_dnn_set *, const weft_dnn_op *) = {
    [WEFT_DNN_FORM_CONV] = conv_parameters,
    [WEFT_DNN_FORM_MATMUL] = matmul_parameters,
    [WEFT_DNN_FORM_POOL] = pool_parameters,
    [WEFT_DNN_FORM_POINTWISE] = pointwise_parameters,
};

/* ---- the graph ---- */

static weft_cudnn_descriptor lower_op(weft_dnn_set *set, const weft_dnn_op *op, const weft_cudnn_descriptor *tensor)
{
    const weft_dnn_row *row = weft_dnn_row_of(op->kind);
    weft_cudnn_descriptor form = parameters[row->form] ? parameters[row->form](set, op) : NULL;
    weft_cudnn_descriptor d = new_descriptor(set, row->descriptor, row->name);
    if (form)
        put_descriptor(set, d, row->attr_parameters, form);
    else
        put_statistics(set, d, op);
    for (int i = 0; i < row->n_in; i++)
        put_descriptor(set, d, row->attr_in[i], tensor[op->in[i]]);
    put_descriptor(set, d, row->attr_out, tensor[op->out]);
    if (row->attr_more)
        put_descriptor(set, d, row->attr_more, tensor[op->more]);
    if (row->attr_alpha) {
        put_float(set, d, row->attr_alpha, 1.0F);
        put_float(set, d, row->attr_beta, 0.0F);
    }
    return finalize(set, d);
}

weft_status weft_dnn_lower(weft_dnn_set *set, const weft_dnn_graph *graph, weft_cudnn_descriptor *out)
{
    weft_cudnn_descriptor tensor[WEFT_DNN_MAX_TENSOR], op[WEFT_DNN_MAX_OP];
    for (int i = 0; i < graph->n_tensors; i++)
        tensor[i] = lower_tensor(set, &graph->tensor[i]);
    for (int i = 0; i < graph->n_ops; i++)
        op[i] = lower_op(set, &graph->op[i], tensor);
    weft_cudnn_descriptor d = new_descriptor(set, API(BACKEND_OPERATIONGRAPH_DESCRIPTOR), "graph");
    put(set, d, API(ATTR_OPERATIONGRAPH_OPS), API(TYPE_BACKEND_DESCRIPTOR), graph->n_ops, op);
    finalize(set, d);
    if (set->failed)
        return weft_vendor_cudnn_failed(set->vendor, set->failed, set->call, graph->name);
    *out = d;
    return WEFT_OK;
}
