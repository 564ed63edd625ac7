/* SPDX-License-Identifier: Apache-2.0
 *
 * What a graph must satisfy before cuDNN sees it. cuDNN finalises plans for a bias of the wrong length, for two tensors
 * of one id, for a virtual tensor that nobody reads and for sums in half precision; it takes layouts that weft never
 * means. All of that, and what cuDNN reports without naming the tensor, is an error sentence here. */
#include "cuda/dnn/kind.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

typedef struct checker {
    const weft_dnn_graph *graph;
    bool written[WEFT_DNN_MAX_TENSOR], read[WEFT_DNN_MAX_TENSOR]; /* by the operations before */
} checker;

/* ---- tensors ---- */

/* Two places in memory must not be the same element: each stride steps over all that lies within. */
static bool overlaps(const weft_dnn_tensor *t)
{
    static const int order[][4] = { [3] = { 2, 1, 0, -1 }, [4] = { 1, 3, 2, 0 } }; /* innermost first */
    int64_t extent = 1;
    const bool transposed = t->rank == 3 && t->stride[1] == 1; /* a matrix stored by columns */
    for (int i = 0; i < t->rank; i++) {
        int axis = order[t->rank][i];
        if (transposed && i < 2)
            axis = i + 1;
        if (t->dim[axis] == 1)
            continue;
        if (t->stride[axis] < extent)
            return true;
        extent = t->stride[axis] * (t->dim[axis] - 1) + extent;
    }
    return false;
}

static weft_status check_sizes(const weft_dnn_tensor *t)
{
    size_t extent = weft_dtype_size(t->dtype);
    for (int i = 0; i < t->rank; i++) {
        if (t->dim[i] < 1 || t->dim[i] > INT32_MAX || t->stride[i] < 1)
            return weft_fail(WEFT_INVALID,
                             "tensor '%s': dimension %d is %" PRId64 " with stride %" PRId64
                             ", 1 to %d and a positive stride are expected",
                             t->name, i, t->dim[i], t->stride[i], INT32_MAX);
        size_t bytes;
        if (!weft_mul_size((size_t)t->stride[i], (size_t)t->dim[i], &bytes) ||
            !weft_mul_size(bytes, weft_dtype_size(t->dtype), &bytes) || !weft_add_size(extent, bytes, &extent))
            return weft_fail(WEFT_INVALID, "tensor '%s' is larger than memory can be", t->name);
    }
    return WEFT_OK;
}

/* pooled: a pool reads it, whose input has the type of its output. */
static weft_status check_tensor(const weft_dnn_tensor *t, bool pooled)
{
    if (t->dtype != WEFT_F32 && t->dtype != WEFT_F16 && t->dtype != WEFT_BF16)
        return weft_fail(WEFT_INVALID, "tensor '%s' is %s; f32, f16 or bf16 is expected", t->name,
                         weft_dtype_name(t->dtype));
    if (t->rank != 3 && t->rank != 4)
        return weft_fail(WEFT_INVALID, "tensor '%s' has rank %d, 3 or 4 is expected", t->name, t->rank);
    WEFT_TRY(check_sizes(t));
    if (t->rank == 4 && t->dim[1] > 1 && t->stride[1] != 1)
        return weft_fail(WEFT_INVALID, "tensor '%s': channels are %" PRId64 " elements apart, not contiguous", t->name,
                         t->stride[1]);
    if (overlaps(t))
        return weft_fail(WEFT_INVALID, "tensor '%s': its strides make elements overlap", t->name);
    const int alignment = t->alignment ? t->alignment : 16;
    if (alignment < (int)weft_dtype_size(t->dtype) || (alignment & (alignment - 1)) != 0)
        return weft_fail(WEFT_INVALID, "tensor '%s': alignment %d is not a power of two that holds an element", t->name,
                         alignment);
    if (t->is_virtual && t->dtype != WEFT_F32 && !pooled)
        return weft_fail(WEFT_INVALID, "tensor '%s' lives between operations as %s; sums are f32", t->name,
                         weft_dtype_name(t->dtype));
    if (t->constant && (t->is_virtual || t->dtype != WEFT_F32))
        return weft_fail(WEFT_INVALID, "tensor '%s': a constant is an f32 scalar and not virtual", t->name);
    for (int i = 0; t->constant && i < t->rank; i++)
        if (t->dim[i] != 1)
            return weft_fail(WEFT_INVALID, "tensor '%s': a constant is a scalar", t->name);
    return WEFT_OK;
}

static bool is_pooled(const weft_dnn_graph *graph, int tensor)
{
    for (int i = 0; i < graph->n_ops; i++) {
        const weft_dnn_row *row = weft_dnn_row_of(graph->op[i].kind);
        if (row && row->form == WEFT_DNN_FORM_POOL && graph->op[i].in[0] == tensor)
            return true;
    }
    return false;
}

static weft_status check_tensors(const weft_dnn_graph *graph)
{
    for (int i = 0; i < graph->n_tensors; i++) {
        const weft_dnn_tensor *t = &graph->tensor[i];
        WEFT_TRY(check_tensor(t, is_pooled(graph, i)));
        if (t->id <= 0)
            return weft_fail(WEFT_INVALID, "tensor '%s' has id %" PRId64 ", a positive one is expected", t->name,
                             t->id);
        for (int j = 0; j < i; j++)
            if (graph->tensor[j].id == t->id)
                return weft_fail(WEFT_INVALID, "tensors '%s' and '%s' have the same id %" PRId64, graph->tensor[j].name,
                                 t->name, t->id);
    }
    return WEFT_OK;
}

/* ---- operations, by form ---- */

static weft_status bad_dim(const weft_dnn_tensor *t, const char *axis, int64_t expected, int64_t found)
{
    return weft_fail(WEFT_INVALID, "tensor '%s' has %" PRId64 " along %s, %" PRId64 " is expected", t->name, found,
                     axis, expected);
}

static weft_status check_axis(const weft_dnn_tensor *in, const weft_dnn_tensor *out, int axis, int kernel, int stride,
                              int dilation, int before, int after)
{
    static const char *const name[] = { "N", "C", "H", "W" };
    if (kernel < 1 || stride < 1 || dilation < 1 || before < 0 || after < 0)
        return weft_fail(WEFT_INVALID, "along %s: kernel %d, stride %d, dilation %d, padding %d and %d", name[axis],
                         kernel, stride, dilation, before, after);
    const int64_t extent = (int64_t)dilation * (kernel - 1) + 1, room = in->dim[axis] + before + after - extent;
    if (room < 0)
        return weft_fail(WEFT_INVALID,
                         "along %s: a window of %" PRId64 " does not fit %" PRId64 " pixels with padding %d and %d",
                         name[axis], extent, in->dim[axis], before, after);
    const int64_t expected = room / stride + 1;
    return out->dim[axis] == expected ? WEFT_OK : bad_dim(out, name[axis], expected, out->dim[axis]);
}

static weft_status need_rank(const weft_dnn_tensor *const *t, int count, int rank)
{
    for (int i = 0; i < count; i++)
        if (t[i]->rank != rank)
            return weft_fail(WEFT_INVALID, "tensor '%s' has rank %d, %d is expected", t[i]->name, t[i]->rank, rank);
    return WEFT_OK;
}

static weft_status check_conv(const weft_dnn_graph *graph, const weft_dnn_op *op)
{
    int ix, iw, iy;
    weft_dnn_conv_roles(op, &ix, &iw, &iy);
    const weft_dnn_tensor *x = &graph->tensor[ix], *w = &graph->tensor[iw], *y = &graph->tensor[iy];
    const weft_dnn_window *win = &op->window;
    WEFT_TRY(need_rank((const weft_dnn_tensor *[]){ x, w, y }, 3, 4));
    if (x->dim[1] % w->dim[1] != 0)
        return weft_fail(WEFT_INVALID,
                         "tensor '%s' has %" PRId64 " channels, which the filter's %" PRId64 " do not divide", x->name,
                         x->dim[1], w->dim[1]);
    const int64_t groups = x->dim[1] / w->dim[1];
    if (w->dim[0] % groups != 0)
        return weft_fail(WEFT_INVALID, "%" PRId64 " groups do not divide %" PRId64 " filters", groups, w->dim[0]);
    if (y->dim[1] != w->dim[0])
        return bad_dim(y, "C", w->dim[0], y->dim[1]);
    if (y->dim[0] != x->dim[0])
        return bad_dim(y, "N", x->dim[0], y->dim[0]);
    if (w->dim[2] != win->kernel_h || w->dim[3] != win->kernel_w)
        return weft_fail(WEFT_INVALID, "the filter is %" PRId64 "x%" PRId64 ", the window %dx%d", w->dim[2], w->dim[3],
                         win->kernel_h, win->kernel_w);
    WEFT_TRY(check_axis(x, y, 2, win->kernel_h, win->stride_h, win->dilation_h, win->top, win->bottom));
    return check_axis(x, y, 3, win->kernel_w, win->stride_w, win->dilation_w, win->left, win->right);
}

static weft_status check_pool(const weft_dnn_graph *graph, const weft_dnn_op *op)
{
    const weft_dnn_tensor *x = &graph->tensor[op->in[0]], *y = &graph->tensor[op->out];
    const weft_dnn_window *win = &op->window;
    WEFT_TRY(need_rank((const weft_dnn_tensor *[]){ x, y }, 2, 4));
    if (y->dim[0] != x->dim[0])
        return bad_dim(y, "N", x->dim[0], y->dim[0]);
    if (y->dim[1] != x->dim[1])
        return bad_dim(y, "C", x->dim[1], y->dim[1]);
    if (win->dilation_h > 1 || win->dilation_w > 1)
        return weft_fail(WEFT_INVALID, "a dilated pool is not a pool");
    if (win->top >= win->kernel_h || win->bottom >= win->kernel_h || win->left >= win->kernel_w ||
        win->right >= win->kernel_w)
        return weft_fail(WEFT_INVALID, "a window of %dx%d lies in its padding of %d, %d, %d, %d alone", win->kernel_h,
                         win->kernel_w, win->top, win->bottom, win->left, win->right);
    WEFT_TRY(check_axis(x, y, 2, win->kernel_h, win->stride_h, 1, win->top, win->bottom));
    return check_axis(x, y, 3, win->kernel_w, win->stride_w, 1, win->left, win->right);
}

static weft_status check_matmul(const weft_dnn_graph *graph, const weft_dnn_op *op)
{
    const weft_dnn_tensor *a = &graph->tensor[op->in[0]], *b = &graph->tensor[op->in[1]], *c = &graph->tensor[op->out];
    WEFT_TRY(need_rank((const weft_dnn_tensor *[]){ a, b, c }, 3, 3));
    if (b->dim[1] != a->dim[2])
        return bad_dim(b, "K", a->dim[2], b->dim[1]);
    if (b->dim[0] != a->dim[0] && b->dim[0] != 1)
        return bad_dim(b, "batch", a->dim[0], b->dim[0]);
    if (c->dim[0] != a->dim[0])
        return bad_dim(c, "batch", a->dim[0], c->dim[0]);
    if (c->dim[1] != a->dim[1])
        return bad_dim(c, "M", a->dim[1], c->dim[1]);
    return c->dim[2] == b->dim[2] ? WEFT_OK : bad_dim(c, "N", b->dim[2], c->dim[2]);
}

/* The second operand is as wide as the first, or 1: all of it, a vector of channels, one for each image, or a scalar.
 */
static weft_status check_broadcast(const weft_dnn_tensor *a, const weft_dnn_tensor *b)
{
    static const char *const axes[][4] = { [3] = { "batch", "M", "N", "" }, [4] = { "N", "C", "H", "W" } };
    const int channels = a->rank == 4 ? 1 : 2;
    bool plane = true; /* the axes that are neither images nor channels, all whole */
    for (int i = 0; i < a->rank; i++) {
        if (b->dim[i] != 1 && b->dim[i] != a->dim[i])
            return weft_fail(WEFT_INVALID, "tensor '%s' has %" PRId64 " along %s, %" PRId64 " or 1 are expected",
                             b->name, b->dim[i], axes[a->rank][i], a->dim[i]);
        if (i != 0 && i != channels)
            plane = plane && b->dim[i] == a->dim[i];
    }
    for (int i = 1; i < a->rank; i++)
        if (i != channels && b->dim[i] != 1 && !(plane && b->dim[channels] == a->dim[channels]))
            return weft_fail(WEFT_INVALID, "tensor '%s' is broadcast along C but not along %s; a vector lies along C",
                             b->name, axes[a->rank][i]);
    return WEFT_OK;
}

static weft_status check_pointwise(const weft_dnn_graph *graph, const weft_dnn_op *op)
{
    const weft_dnn_tensor *a = &graph->tensor[op->in[0]], *y = &graph->tensor[op->out];
    const bool two = weft_dnn_row_of(op->kind)->n_in == 2;
    const weft_dnn_tensor *b = two ? &graph->tensor[op->in[1]] : a;
    WEFT_TRY(need_rank((const weft_dnn_tensor *[]){ b, y }, 2, a->rank));
    for (int i = 0; i < a->rank; i++)
        if (y->dim[i] != a->dim[i])
            return bad_dim(y, (const char *[]){ "the first", "the second", "the third", "the fourth" }[i], a->dim[i],
                           y->dim[i]);
    return check_broadcast(a, b);
}

static weft_status check_stats(const weft_dnn_graph *graph, const weft_dnn_op *op)
{
    const weft_dnn_tensor *x = &graph->tensor[op->in[0]];
    const weft_dnn_tensor *const out[] = { &graph->tensor[op->out], &graph->tensor[op->more] };
    static const char *const axes[] = { "N", "C", "H", "W" };
    WEFT_TRY(need_rank((const weft_dnn_tensor *[]){ x, out[0], out[1] }, 3, 4));
    for (int o = 0; o < 2; o++) {
        for (int i = 0; i < 4; i++)
            if (out[o]->dim[i] != (i == 1 ? x->dim[1] : 1))
                return bad_dim(out[o], axes[i], i == 1 ? x->dim[1] : 1, out[o]->dim[i]);
        if (out[o]->dtype != WEFT_F32)
            return weft_fail(WEFT_INVALID, "tensor '%s' is %s; sums are f32", out[o]->name,
                             weft_dtype_name(out[o]->dtype));
    }
    return WEFT_OK;
}

static weft_status (*const checks[WEFT_DNN_FORM_COUNT])(const weft_dnn_graph *, const weft_dnn_op *) = {
    [WEFT_DNN_FORM_CONV] = check_conv,
    [WEFT_DNN_FORM_MATMUL] = check_matmul,
    [WEFT_DNN_FORM_POOL] = check_pool,
    [WEFT_DNN_FORM_POINTWISE] = check_pointwise,
    [WEFT_DNN_FORM_STATS] = check_stats,
};

/* ---- the whole ---- */

/* What the main operations read has one type, that of the network: cuDNN offers no engine for a mixture. What they
 * write has the same or is f32. */
static weft_status check_types(const weft_dnn_graph *graph, const weft_dnn_op *op)
{
    const weft_dnn_row *row = weft_dnn_row_of(op->kind);
    if (row->form == WEFT_DNN_FORM_POINTWISE)
        return WEFT_OK;
    const weft_dnn_tensor *first = &graph->tensor[op->in[0]], *y = &graph->tensor[op->out];
    const weft_dnn_tensor *second = row->n_in == 2 ? &graph->tensor[op->in[1]] : first;
    if (second->dtype != first->dtype)
        return weft_fail(WEFT_INVALID, "tensor '%s' is %s, '%s' is %s", first->name, weft_dtype_name(first->dtype),
                         second->name, weft_dtype_name(second->dtype));
    if (y->dtype != first->dtype && y->dtype != WEFT_F32)
        return weft_fail(WEFT_INVALID, "tensor '%s' is %s, '%s' is %s", first->name, weft_dtype_name(first->dtype),
                         y->name, weft_dtype_name(y->dtype));
    return WEFT_OK;
}

static weft_status check_wiring(checker *c, const weft_dnn_op *op)
{
    const weft_dnn_graph *graph = c->graph;
    const weft_dnn_row *row = weft_dnn_row_of(op->kind);
    const int n_in = row->n_in, n_out = row->attr_more ? 2 : 1;
    for (int i = 0; i < n_in + n_out; i++) {
        const int index = i < n_in ? op->in[i] : i == n_in ? op->out : op->more;
        if (index < 0 || index >= graph->n_tensors)
            return weft_fail(WEFT_INVALID, "tensor %d of %d is asked for", index, graph->n_tensors);
        const weft_dnn_tensor *t = &graph->tensor[index];
        if (i < n_in) {
            if (t->is_virtual && !c->written[index])
                return weft_fail(WEFT_INVALID, "tensor '%s' is virtual and read before it is written", t->name);
            c->read[index] = true;
            continue;
        }
        if (t->constant || c->written[index] || c->read[index])
            return weft_fail(WEFT_INVALID, "tensor '%s' is written, but it is %s", t->name,
                             t->constant         ? "a constant"
                             : c->written[index] ? "another operation's result"
                                                 : "an input");
        c->written[index] = true;
    }
    return WEFT_OK;
}

static weft_status check_row(checker *c, const weft_dnn_op *op, const weft_dnn_row *row)
{
    WEFT_TRY(check_wiring(c, op));
    WEFT_TRY(check_types(c->graph, op));
    return checks[row->form](c->graph, op);
}

static weft_status check_op(checker *c, int index)
{
    const weft_dnn_op *op = &c->graph->op[index];
    const weft_dnn_row *row = weft_dnn_row_of(op->kind);
    if (!row)
        return weft_fail(WEFT_INVALID, "operation %d is of no kind", index);
    const weft_status status = check_row(c, op, row);
    return status == WEFT_OK ? status : weft_fail_in(status, "%s", row->name);
}

static weft_status check_graph(checker *c)
{
    const weft_dnn_graph *graph = c->graph;
    if (graph->overflow)
        return weft_fail(WEFT_INVALID, "a graph has room for %d tensors and %d operations", WEFT_DNN_MAX_TENSOR,
                         WEFT_DNN_MAX_OP);
    if (graph->n_ops < 1 || graph->n_ops > WEFT_DNN_MAX_OP || graph->n_tensors < 1 ||
        graph->n_tensors > WEFT_DNN_MAX_TENSOR)
        return weft_fail(WEFT_INVALID, "%d operations on %d tensors are no graph", graph->n_ops, graph->n_tensors);
    WEFT_TRY(check_tensors(graph));
    for (int i = 0; i < graph->n_ops; i++)
        WEFT_TRY(check_op(c, i));
    for (int i = 0; i < graph->n_tensors; i++) {
        const weft_dnn_tensor *t = &graph->tensor[i];
        if (t->is_virtual && !(c->written[i] && c->read[i]))
            return weft_fail(WEFT_INVALID, "tensor '%s' is virtual and nobody %s it", t->name,
                             c->written[i] ? "reads" : "writes");
        if (!c->written[i] && !c->read[i])
            return weft_fail(WEFT_INVALID, "tensor '%s' is not used", t->name);
    }
    return WEFT_OK;
}

static struct {
    void (*seen)(const weft_dnn_graph *graph, void *user);
    void *user;
} watcher; /* set by tests only, before any thread asks */

void weft_dnn_watch(void (*seen)(const weft_dnn_graph *graph, void *user), void *user)
{
    watcher.seen = seen;
    watcher.user = user;
}

weft_status weft_dnn_graph_check(const weft_dnn_graph *graph)
{
    checker c = { .graph = graph };
    if (watcher.seen)
        watcher.seen(graph, watcher.user);
    const weft_status status = check_graph(&c);
    return status == WEFT_OK ? status : weft_fail_in(status, "%s", graph->name);
}
