/* SPDX-License-Identifier: Apache-2.0
 *
 * Describing graphs for cuDNN: tensors, operations, and the three graphs that networks are made of. Nothing here asks
 * cuDNN anything. */
#include "cuda/dnn/kind.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define API(name) WEFT_CUDNN_##name

#define POINTWISE(id, text, inputs, what)                                                                              \
    [WEFT_DNN_##id] = { .name = text,                                                                                  \
                        .form = WEFT_DNN_FORM_POINTWISE,                                                               \
                        .n_in = inputs,                                                                                \
                        .mode = API(POINTWISE_##what),                                                                 \
                        .descriptor = API(BACKEND_OPERATION_POINTWISE_DESCRIPTOR),                                     \
                        .attr_parameters = API(ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR),                                \
                        .attr_in = { API(ATTR_OPERATION_POINTWISE_XDESC), API(ATTR_OPERATION_POINTWISE_BDESC) },       \
                        .attr_out = API(ATTR_OPERATION_POINTWISE_YDESC) }
#define POOL(id, text, what)                                                                                           \
    [WEFT_DNN_##id] = { .name = text,                                                                                  \
                        .form = WEFT_DNN_FORM_POOL,                                                                    \
                        .n_in = 1,                                                                                     \
                        .mode = API(RESAMPLE_##what),                                                                  \
                        .descriptor = API(BACKEND_OPERATION_RESAMPLE_FWD_DESCRIPTOR),                                  \
                        .attr_parameters = API(ATTR_OPERATION_RESAMPLE_FWD_DESC),                                      \
                        .attr_in = { API(ATTR_OPERATION_RESAMPLE_FWD_XDESC) },                                         \
                        .attr_out = API(ATTR_OPERATION_RESAMPLE_FWD_YDESC) }
/* first, second, result: cuDNN's letters for in[0], in[1] and out. */
#define CONV(id, text, direction, attribute, first, second, result, ...)                                               \
    [WEFT_DNN_##id] = { .name = text,                                                                                  \
                        .form = WEFT_DNN_FORM_CONV,                                                                    \
                        .n_in = 2,                                                                                     \
                        .descriptor = API(BACKEND_OPERATION_CONVOLUTION_##direction##_DESCRIPTOR),                     \
                        .attr_parameters = API(ATTR_OPERATION_CONVOLUTION_##attribute##_CONV_DESC),                    \
                        .attr_in = { API(ATTR_OPERATION_CONVOLUTION_##attribute##_##first),                            \
                                     API(ATTR_OPERATION_CONVOLUTION_##attribute##_##second) },                         \
                        .attr_out = API(ATTR_OPERATION_CONVOLUTION_##attribute##_##result),                            \
                        .attr_alpha = API(ATTR_OPERATION_CONVOLUTION_##attribute##_ALPHA),                             \
                        .attr_beta = API(ATTR_OPERATION_CONVOLUTION_##attribute##_BETA),                               \
                        .role = { __VA_ARGS__ } }

enum { IN0, IN1, OUT }; /* of role: x, filter, y */

static const weft_dnn_row rows[WEFT_DNN_KIND_COUNT] = {
    CONV(CONV, "conv", FORWARD, FORWARD, X, W, Y, IN0, IN1, OUT),
    CONV(DGRAD, "dgrad", BACKWARD_DATA, BWD_DATA, DY, W, DX, OUT, IN1, IN0),
    CONV(WGRAD, "wgrad", BACKWARD_FILTER, BWD_FILTER, X, DY, DW, IN0, OUT, IN1),
    [WEFT_DNN_MATMUL] = { .name = "matmul",
                          .form = WEFT_DNN_FORM_MATMUL,
                          .n_in = 2,
                          .descriptor = API(BACKEND_OPERATION_MATMUL_DESCRIPTOR),
                          .attr_parameters = API(ATTR_OPERATION_MATMUL_DESC),
                          .attr_in = { API(ATTR_OPERATION_MATMUL_ADESC), API(ATTR_OPERATION_MATMUL_BDESC) },
                          .attr_out = API(ATTR_OPERATION_MATMUL_CDESC) },
    [WEFT_DNN_STATS] = { .name = "stats",
                         .form = WEFT_DNN_FORM_STATS,
                         .n_in = 1,
                         .mode = API(GENSTATS_SUM_SQSUM),
                         .descriptor = API(BACKEND_OPERATION_GEN_STATS_DESCRIPTOR),
                         .attr_in = { API(ATTR_OPERATION_GENSTATS_XDESC) },
                         .attr_out = API(ATTR_OPERATION_GENSTATS_SUMDESC),
                         .attr_more = API(ATTR_OPERATION_GENSTATS_SQSUMDESC) },
    POOL(MAX_POOL, "maxpool", MAXPOOL),
    POOL(AVG_POOL, "avgpool", AVGPOOL_EXCLUDE_PADDING),
    POOL(AVG_POOL_BORDER, "avgpool+border", AVGPOOL_INCLUDE_PADDING),
    POINTWISE(ADD, "add", 2, ADD),
    POINTWISE(MUL, "mul", 2, MUL),
    POINTWISE(MIN, "min", 2, MIN),
    POINTWISE(RELU, "relu", 1, RELU_FWD),
    POINTWISE(SWISH, "swish", 1, SWISH_FWD),
    POINTWISE(SIGMOID, "sigmoid", 1, SIGMOID_FWD),
    POINTWISE(TANH, "tanh", 1, TANH_FWD),
    POINTWISE(GELU, "gelu", 1, GELU_FWD),
};

const weft_dnn_row *weft_dnn_row_of(weft_dnn_kind kind)
{
    return (unsigned)kind < WEFT_DNN_KIND_COUNT ? &rows[kind] : NULL;
}

void weft_dnn_conv_roles(const weft_dnn_op *op, int *x, int *filter, int *y)
{
    const int tensor[] = { op->in[0], op->in[1], op->out };
    const int *role = rows[op->kind].role;
    *x = tensor[role[0]];
    *filter = tensor[role[1]];
    *y = tensor[role[2]];
}

/* ---- tensors and operations ---- */

void weft_dnn_graph_init(weft_dnn_graph *graph, const char *name)
{
    memset(graph, 0, sizeof *graph);
    snprintf(graph->name, sizeof graph->name, "%s", name ? name : "graph");
}

int weft_dnn_add_tensor(weft_dnn_graph *graph, const weft_dnn_tensor *tensor)
{
    if (graph->n_tensors == WEFT_DNN_MAX_TENSOR) {
        graph->overflow = true;
        return 0;
    }
    graph->tensor[graph->n_tensors] = *tensor;
    return graph->n_tensors++;
}

/* A map or filter in memory. */
typedef struct map {
    const char *name;
    int64_t id; /* 0: virtual */
    weft_dtype dtype;
    int64_t n, h, w, c, ld; /* ld: from pixel to pixel, 0: c; rows and images without gaps */
    int alignment;
} map;

static int add(weft_dnn_graph *graph, weft_dnn_tensor tensor)
{
    if (tensor.id == 0) {
        tensor.id = WEFT_DNN_FIRST_VIRTUAL + graph->n_tensors;
        tensor.is_virtual = true;
    }
    return weft_dnn_add_tensor(graph, &tensor);
}

static int add_map(weft_dnn_graph *graph, const map *m)
{
    const int64_t ld = m->ld ? m->ld : m->c;
    return add(graph, (weft_dnn_tensor){ .name = m->name, .id = m->id, .dtype = m->dtype, .rank = 4,
                                         .dim = { m->n, m->c, m->h, m->w },
                                         .stride = { m->h * m->w * ld, 1, m->w * ld, ld },
                                         .alignment = m->alignment });
}

int weft_dnn_add_vector(weft_dnn_graph *graph, const char *name, int64_t id, weft_dtype dtype, int64_t c)
{
    return add_map(graph, &(map){ .name = name, .id = id, .dtype = dtype, .n = 1, .h = 1, .w = 1, .c = c });
}

int weft_dnn_add_constant(weft_dnn_graph *graph, float value, int rank)
{
    return weft_dnn_add_tensor(graph, &(weft_dnn_tensor){ .name = "constant",
                                                          .id = WEFT_DNN_FIRST_VIRTUAL + graph->n_tensors,
                                                          .dtype = WEFT_F32,
                                                          .rank = rank,
                                                          .dim = { 1, 1, 1, 1 },
                                                          .stride = { 1, 1, 1, 1 },
                                                          .constant = true,
                                                          .value = value });
}

int weft_dnn_add_virtual(weft_dnn_graph *graph, const char *name, int like)
{
    const weft_dnn_tensor *shape = &graph->tensor[like];
    if (shape->rank == 3)
        return add(graph, (weft_dnn_tensor){ .name = name,
                                             .dtype = WEFT_F32,
                                             .rank = 3,
                                             .dim = { shape->dim[0], shape->dim[1], shape->dim[2] },
                                             .stride = { shape->dim[1] * shape->dim[2], shape->dim[2], 1 } });
    return add_map(graph, &(map){ .name = name, .dtype = WEFT_F32, .n = shape->dim[0], .h = shape->dim[2],
                                  .w = shape->dim[3], .c = shape->dim[1] });
}

int weft_dnn_add_op(weft_dnn_graph *graph, const weft_dnn_op *op)
{
    if (graph->n_ops == WEFT_DNN_MAX_OP) {
        graph->overflow = true;
        return 0;
    }
    graph->op[graph->n_ops] = *op;
    return graph->n_ops++;
}

static void emit(weft_dnn_graph *graph, weft_dnn_kind kind, int a, int b, int out)
{
    weft_dnn_add_op(graph, &(weft_dnn_op){ .kind = kind, .in = { a, b }, .out = out });
}

/* min(max(in, 0), 6). cuDNN's relu has an upper bound of its own, but conv + bias + bounded relu is a pattern for which
 * its heuristics offer one plain engine without tensor cores (9.19, every card); with a minimum the fused ones. */
static void add_relu6(weft_dnn_graph *graph, int in, int out)
{
    const int above = weft_dnn_add_virtual(graph, "relu", out);
    emit(graph, WEFT_DNN_RELU, in, -1, above);
    emit(graph, WEFT_DNN_MIN, above, weft_dnn_add_constant(graph, 6.0F, graph->tensor[out].rank), out);
}

/* relu6(in + 3) / 6. */
static void add_hard_sigmoid(weft_dnn_graph *graph, int in, int out)
{
    const int rank = graph->tensor[out].rank;
    const int shifted = weft_dnn_add_virtual(graph, "shifted", out);
    const int clipped = weft_dnn_add_virtual(graph, "clipped", out);
    emit(graph, WEFT_DNN_ADD, in, weft_dnn_add_constant(graph, 3.0F, rank), shifted);
    add_relu6(graph, shifted, clipped);
    emit(graph, WEFT_DNN_MUL, clipped, weft_dnn_add_constant(graph, 1.0F / 6.0F, rank), out);
}

static void add_hard_swish(weft_dnn_graph *graph, int in, int out)
{
    const int gate = weft_dnn_add_virtual(graph, "gate", out);
    add_hard_sigmoid(graph, in, gate);
    emit(graph, WEFT_DNN_MUL, in, gate, out);
}

/* 1.7159 tanh(2/3 in): LeCun et al. 1998, appendix A. */
static void add_lecun_tanh(weft_dnn_graph *graph, int in, int out)
{
    const int rank = graph->tensor[out].rank;
    const int scaled = weft_dnn_add_virtual(graph, "scaled", out);
    const int bent = weft_dnn_add_virtual(graph, "tanh", out);
    emit(graph, WEFT_DNN_MUL, in, weft_dnn_add_constant(graph, 2.0F / 3.0F, rank), scaled);
    emit(graph, WEFT_DNN_TANH, scaled, -1, bent);
    emit(graph, WEFT_DNN_MUL, bent, weft_dnn_add_constant(graph, 1.7159F, rank), out);
}

void weft_dnn_add_act(weft_dnn_graph *graph, weft_act act, int in, int out)
{
    static const struct {
        void (*composed)(weft_dnn_graph *, int in, int out); /* NULL: one operation of kind */
        weft_dnn_kind kind;
        float slope;
    } rule[WEFT_ACT_COUNT] = {
        [WEFT_ACT_RELU] = { NULL, WEFT_DNN_RELU, 0 },
        [WEFT_ACT_LEAKY_RELU] = { NULL, WEFT_DNN_RELU, 0.01F },
        [WEFT_ACT_TANH] = { NULL, WEFT_DNN_TANH, 0 },
        [WEFT_ACT_SIGMOID] = { NULL, WEFT_DNN_SIGMOID, 0 },
        [WEFT_ACT_SWISH] = { NULL, WEFT_DNN_SWISH, 0 },
        [WEFT_ACT_RELU6] = { .composed = add_relu6 },
        [WEFT_ACT_HARD_SIGMOID] = { .composed = add_hard_sigmoid },
        [WEFT_ACT_HARD_SWISH] = { .composed = add_hard_swish },
        [WEFT_ACT_LECUN_TANH] = { .composed = add_lecun_tanh },
    };
    if (act == WEFT_ACT_NONE || act >= WEFT_ACT_COUNT)
        return;
    if (rule[act].composed)
        rule[act].composed(graph, in, out);
    else
        weft_dnn_add_op(
            graph, &(weft_dnn_op){ .kind = rule[act].kind, .in = { in, -1 }, .out = out, .slope = rule[act].slope });
}

/* ---- the graphs of networks ---- */

/* From `sum`, the first operation's result, to y: + bias + residual, act. bias and residual are tensor indices, or -1.
 * With nothing to do there is no virtual tensor: the first operation writes y, whose index is given back. */
static int first_output(weft_dnn_graph *graph, int y, bool epilogue)
{
    return epilogue ? weft_dnn_add_virtual(graph, "sum", y) : y;
}

static void add_epilogue(weft_dnn_graph *graph, int sum, int bias, int residual, weft_act act, int y)
{
    /* The residual comes before the bias: the order that cuDNN's precompiled engines know. */
    const int addend[] = { residual, bias };
    const bool last_add[] = { bias < 0, true };
    for (int i = 0; i < 2; i++) {
        if (addend[i] < 0)
            continue;
        const int next = last_add[i] && act == WEFT_ACT_NONE ? y : weft_dnn_add_virtual(graph, "sum", y);
        emit(graph, WEFT_DNN_ADD, sum, addend[i], next);
        sum = next;
    }
    weft_dnn_add_act(graph, act, sum, y);
}

static weft_dnn_window whole_window(weft_dnn_window window)
{
    int *const fields[] = { &window.stride_h, &window.stride_w, &window.dilation_h, &window.dilation_w };
    for (int i = 0; i < WEFT_COUNT(fields); i++)
        if (*fields[i] == 0)
            *fields[i] = 1;
    return window;
}

/* Outputs along an axis; 0 where the window does not fit, which the check then refuses. */
static int64_t axis_out(int64_t in, int before, int after, int kernel, int stride, int dilation)
{
    const int64_t room = in + before + after - ((int64_t)dilation * (kernel - 1) + 1);
    return room < 0 || stride <= 0 ? 0 : room / stride + 1;
}

/* The maximum over windows of the map that was computed, into y. */
static void add_pool(weft_dnn_graph *graph, const weft_dnn_conv *conv, int from)
{
    const weft_dnn_window win = whole_window(conv->pool);
    const int64_t *dim = graph->tensor[from].dim;
    const int y = add_map(graph, &(map){ .name = "y", .id = WEFT_DNN_Y, .dtype = conv->dtype, .n = conv->n,
                                         .h = axis_out(dim[2], win.top, win.bottom, win.kernel_h, win.stride_h, 1),
                                         .w = axis_out(dim[3], win.left, win.right, win.kernel_w, win.stride_w, 1),
                                         .c = conv->k, .ld = conv->y_ld, .alignment = conv->y_align });
    weft_dnn_add_op(graph,
                    &(weft_dnn_op){ .kind = WEFT_DNN_MAX_POOL, .in = { from, -1 }, .out = y, .window = win });
}

void weft_dnn_conv_graph(const weft_dnn_conv *conv, weft_dnn_graph *graph)
{
    weft_dnn_graph_init(graph, conv->name);
    weft_dnn_window win = whole_window(conv->window);
    win.kernel_h = conv->r;
    win.kernel_w = conv->s;
    const bool pooled = conv->pool.kernel_h > 0;
    const map x = { "x", WEFT_DNN_X, conv->dtype, conv->n, conv->h, conv->w, conv->c, conv->x_ld, conv->x_align };
    const map weight = { .name = "weight", .id = WEFT_DNN_WEIGHT, .dtype = conv->dtype, .n = conv->k, .h = conv->r,
                         .w = conv->s, .c = conv->c / (conv->groups ? conv->groups : 1) };
    map y = { .name = pooled ? "map" : "y", .id = pooled ? WEFT_DNN_MAP : WEFT_DNN_Y, .dtype = conv->dtype,
              .n = conv->n, .c = conv->k };
    y.h = axis_out(conv->h, win.top, win.bottom, conv->r, win.stride_h, win.dilation_h);
    y.w = axis_out(conv->w, win.left, win.right, conv->s, win.stride_w, win.dilation_w);
    map residual = y;
    residual.name = "residual";
    residual.id = WEFT_DNN_RESIDUAL;
    residual.ld = conv->residual_ld;
    residual.alignment = conv->residual_align;
    if (!pooled) {
        y.ld = conv->y_ld;
        y.alignment = conv->y_align;
    }
    const int from = add_map(graph, &x), filter = add_map(graph, &weight), to = add_map(graph, &y);
    graph->tensor[to].is_virtual = pooled;
    const int bias = conv->bias ? weft_dnn_add_vector(graph, "bias", WEFT_DNN_BIAS, conv->dtype, conv->k) : -1;
    const int shortcut = conv->residual ? add_map(graph, &residual) : -1;
    const int sum = first_output(graph, to, conv->bias || conv->residual || conv->act != WEFT_ACT_NONE);
    weft_dnn_add_op(graph, &(weft_dnn_op){ .kind = WEFT_DNN_CONV, .in = { from, filter }, .out = sum, .window = win });
    add_epilogue(graph, sum, bias, shortcut, conv->act, to);
    if (pooled)
        add_pool(graph, conv, to);
    if (conv->stats) {
        const int sums = weft_dnn_add_vector(graph, "sums", WEFT_DNN_SUMS, WEFT_F32, conv->k);
        const int squares = weft_dnn_add_vector(graph, "squares", WEFT_DNN_SQUARES, WEFT_F32, conv->k);
        weft_dnn_add_op(graph,
                        &(weft_dnn_op){ .kind = WEFT_DNN_STATS, .in = { to, -1 }, .out = sums, .more = squares });
    }
}

void weft_dnn_conv_grad_graph(const weft_dnn_conv *conv, weft_dnn_kind kind, weft_dnn_graph *graph)
{
    weft_dnn_graph_init(graph, conv->name);
    weft_dnn_window win = whole_window(conv->window);
    win.kernel_h = conv->r;
    win.kernel_w = conv->s;
    const bool data = kind == WEFT_DNN_DGRAD;
    const map x = { data ? "dx" : "x", WEFT_DNN_X, conv->dtype, conv->n, conv->h, conv->w, conv->c, conv->x_ld,
                    conv->x_align };
    const map weight = { .name = data ? "weight" : "dw", .id = WEFT_DNN_WEIGHT, .dtype = conv->dtype, .n = conv->k,
                         .h = conv->r, .w = conv->s, .c = conv->c / (conv->groups ? conv->groups : 1) };
    map y = { .name = "dy", .id = WEFT_DNN_Y, .dtype = conv->dtype, .n = conv->n, .c = conv->k, .ld = conv->y_ld,
              .alignment = conv->y_align };
    y.h = axis_out(conv->h, win.top, win.bottom, conv->r, win.stride_h, win.dilation_h);
    y.w = axis_out(conv->w, win.left, win.right, conv->s, win.stride_w, win.dilation_w);
    map residual = x;
    residual.name = "residual";
    residual.id = WEFT_DNN_RESIDUAL;
    residual.ld = conv->residual_ld;
    residual.alignment = conv->residual_align;
    const int ix = add_map(graph, &x), iw = add_map(graph, &weight), iy = add_map(graph, &y);
    const bool add = data && conv->residual;
    const int shortcut = add ? add_map(graph, &residual) : -1, out = data ? first_output(graph, ix, add) : iw;
    weft_dnn_add_op(graph, &(weft_dnn_op){ .kind = kind, .in = { data ? iy : ix, data ? iw : iy }, .out = out,
                                           .window = win });
    if (add)
        add_epilogue(graph, out, -1, shortcut, WEFT_ACT_NONE, ix);
}

/* A matrix [batch, rows, columns] in memory, ld from row to row (0: columns). */
typedef struct matrix {
    const char *name;
    int64_t id;
    weft_dtype dtype;
    int64_t batch, rows, columns, ld;
    int alignment;
    bool transposed; /* stored [batch, columns, rows], ld from column to column (0: rows) */
} matrix;

static int add_matrix(weft_dnn_graph *graph, const matrix *m)
{
    const int64_t lines = m->transposed ? m->columns : m->rows;
    const int64_t ld = m->ld ? m->ld : m->transposed ? m->rows : m->columns;
    weft_dnn_tensor t = { .name = m->name, .id = m->id, .dtype = m->dtype, .rank = 3,
                          .dim = { m->batch, m->rows, m->columns }, .stride = { lines * ld, ld, 1 },
                          .alignment = m->alignment };
    if (m->transposed) {
        t.stride[1] = 1;
        t.stride[2] = ld;
    }
    return add(graph, t);
}

void weft_dnn_dense_graph(const weft_dnn_dense *dense, weft_dnn_graph *graph)
{
    weft_dnn_graph_init(graph, dense->name);
    const int64_t batch = dense->batch ? dense->batch : 1, n = dense->n, c = dense->c, k = dense->k;
    const weft_dtype dtype = dense->dtype;
    const matrix x = { "x", WEFT_DNN_X, dtype, batch, n, c, dense->x_ld, dense->x_align, dense->x_turned };
    const matrix weight = { "weight", WEFT_DNN_WEIGHT, dtype, batch, c, k, dense->weight_ld, dense->weight_align,
                            !dense->weight_turned };
    const matrix y = { "y", WEFT_DNN_Y, dense->float_y ? WEFT_F32 : dtype, batch, n, k, dense->y_ld,
                       dense->y_align, false };
    const matrix bias = { .name = "bias", .id = WEFT_DNN_BIAS, .dtype = dtype, .batch = 1, .rows = 1, .columns = k };
    const matrix residual = { "residual", WEFT_DNN_RESIDUAL, dtype, batch, n, k, dense->residual_ld,
                              dense->residual_align, false };
    const int from = add_matrix(graph, &x), with = add_matrix(graph, &weight), to = add_matrix(graph, &y);
    const int vector = dense->bias ? add_matrix(graph, &bias) : -1;
    const int shortcut = dense->residual ? add_matrix(graph, &residual) : -1;
    const int sum = first_output(graph, to, dense->bias || dense->residual || dense->act != WEFT_ACT_NONE);
    emit(graph, WEFT_DNN_MATMUL, from, with, sum);
    add_epilogue(graph, sum, vector, shortcut, dense->act, to);
}

/* ---- as text ---- */

typedef struct text {
    char *buf;
    size_t size, at;
} text;

static void put(text *t, const char *format, ...) WEFT_PRINTF(2, 3);
static void put(text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n =
        vsnprintf(t->at < t->size ? t->buf + t->at : NULL, t->at < t->size ? t->size - t->at : 0, format, args);
    va_end(args);
    t->at += n > 0 ? (size_t)n : 0;
}

/* "1:f16[32,64,56,56]", with "/strides" where it is not dense, and what else is not usual. */
static void put_tensor(text *t, const weft_dnn_tensor *tensor)
{
    put(t, "%" PRId64 ":%s[", tensor->id, weft_dtype_name(tensor->dtype));
    for (int i = 0; i < tensor->rank; i++)
        put(t, "%s%" PRId64, i ? "," : "", tensor->dim[i]);
    put(t, "]/");
    for (int i = 0; i < tensor->rank; i++)
        put(t, "%s%" PRId64, i ? "," : "", tensor->stride[i]);
    if (tensor->alignment && tensor->alignment != 16)
        put(t, "a%d", tensor->alignment);
    if (tensor->is_virtual)
        put(t, "v");
    if (tensor->constant)
        put(t, "=%.9g", (double)tensor->value);
    put(t, " ");
}

char *weft_dnn_graph_text(const weft_dnn_graph *graph, char *buf, size_t size)
{
    text t = { .buf = buf, .size = size };
    for (int i = 0; i < graph->n_tensors; i++)
        put_tensor(&t, &graph->tensor[i]);
    for (int i = 0; i < graph->n_ops; i++) {
        const weft_dnn_op *op = &graph->op[i];
        const weft_dnn_row *row = weft_dnn_row_of(op->kind);
        const weft_dnn_window *w = &op->window;
        put(&t, "%s(%d,%d>%d)", row ? row->name : "?", op->in[0], row && row->n_in == 2 ? op->in[1] : -1, op->out);
        if (row && row->attr_more)
            put(&t, "+%d", op->more);
        if (row && (row->form == WEFT_DNN_FORM_CONV || row->form == WEFT_DNN_FORM_POOL))
            put(&t, "k%d,%d s%d,%d d%d,%d p%d,%d,%d,%d", w->kernel_h, w->kernel_w, w->stride_h, w->stride_w,
                w->dilation_h, w->dilation_w, w->top, w->bottom, w->left, w->right);
        if (op->slope != 0.0F)
            put(&t, "[%.9g]", (double)op->slope);
        put(&t, " ");
    }
    return buf;
}

uint64_t weft_dnn_graph_hash(const weft_dnn_graph *graph)
{
    char buf[WEFT_DNN_TEXT];
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (const char *c = weft_dnn_graph_text(graph, buf, sizeof buf); *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return hash;
}
