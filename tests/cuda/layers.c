/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks are planned on the null device, which runs nothing; their steps say the rest. */
#include "layers.h"

#include "graph/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/arch.h>

/* ---- one layer as text ---- */

static void put(char *text, size_t size, const char *format, ...) WEFT_PRINTF(3, 4);
static void put(char *text, size_t size, const char *format, ...)
{
    const size_t at = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + at, size - at, format, args);
    va_end(args);
}

static void put_window(layer *l, int kh, int kw, const weft_dnn_window *w)
{
    put(l->text, sizeof l->text, " %dx%d/%d", kh, kw, w->stride_h);
    if (w->stride_w != w->stride_h)
        put(l->text, sizeof l->text, ",%d", w->stride_w);
    put(l->text, sizeof l->text, " p%d,%d,%d,%d", w->top, w->bottom, w->left, w->right);
    if (w->dilation_h > 1 || w->dilation_w > 1)
        put(l->text, sizeof l->text, " d%d,%d", w->dilation_h, w->dilation_w);
}

static void put_slice(layer *l, const char *name, int64_t ld, int64_t dense, int alignment)
{
    if (ld != dense)
        put(l->text, sizeof l->text, " %s/%" PRId64, name, ld);
    if (alignment != 16)
        put(l->text, sizeof l->text, " %s@%d", name, alignment);
}

static void put_epilogue(layer *l, bool bias, bool residual, weft_act act)
{
    put(l->text, sizeof l->text, "%s%s%s%s", bias ? " bias" : "", residual ? " residual" : "", act ? " " : "",
        weft_act_name(act));
}

static void describe(layer *l)
{
    const weft_dnn_conv *c = &l->conv;
    const weft_dnn_dense *d = &l->dense;
    const weft_dnn_pool *p = &l->pool;
    l->text[0] = '\0';
    if (l->kind == LAYER_CONV) {
        put(l->text, sizeof l->text, "conv %" PRId64 "x%" PRId64 "x%" PRId64 "x%" PRId64 " k%" PRId64, c->n, c->h, c->w,
            c->c, c->k);
        put_window(l, c->r, c->s, &c->window);
        if (c->groups > 1)
            put(l->text, sizeof l->text, " g%" PRId64, c->groups);
        put_slice(l, "x", c->x_ld, c->c, c->x_alignment);
        put_slice(l, "y", c->y_ld, c->k, c->y_alignment);
        put_slice(l, "residual", c->residual_ld, c->residual ? c->k : 0, c->residual_alignment);
        put_epilogue(l, c->bias, c->residual, c->act);
    } else if (l->kind == LAYER_DENSE) {
        put(l->text, sizeof l->text, "dense %" PRId64 "x%" PRId64 " k%" PRId64, d->n, d->c, d->k);
        put_epilogue(l, d->bias, d->residual, d->act);
    } else {
        put(l->text, sizeof l->text, "%s %" PRId64 "x%" PRId64 "x%" PRId64 "x%" PRId64,
            p->kind == WEFT_DNN_MAX_POOL   ? "maxpool"
            : p->kind == WEFT_DNN_AVG_POOL ? "avgpool"
                                           : "avgpool+border",
            p->n, p->h, p->w, p->c);
        put_window(l, p->window.kernel_h, p->window.kernel_w, &p->window);
        put_slice(l, "x", p->x_ld, p->c, p->x_alignment);
        put_slice(l, "y", p->y_ld, p->c, p->y_alignment);
    }
}

/* ---- from a step ---- */

/* Of a slice, in the narrowest type: where its first element lies, from a 16-byte boundary. */
static int alignment_of(const weft_model *model, int32_t value)
{
    const int64_t bytes = model->layout.place[value].offset * 2;
    int alignment = 16;
    while (bytes % alignment != 0)
        alignment /= 2;
    return alignment;
}

static int64_t pitch(const weft_model *model, int32_t value)
{
    return model->layout.place[value].ld;
}

static bool from_conv(const weft_model *model, const weft_gnode *g, layer *out)
{
    const weft_node *node = &g->node;
    const weft_conv2d_opt *o = node->opt;
    const weft_shape *x = &node->in[0], *y = &node->out[0];
    const int32_t residual = node->epi.residual ? g->in[node->n_in - 1] : 0;
    if (o->groups > 1 && o->groups == x->dim[3])
        return false; /* depthwise */
    const bool stem = g->maker && g->in[0] != 0 && x->dim[3] < 4 && model->graph->values[g->in[0]].maker < 0;
    out->kind = LAYER_CONV;
    out->conv = (weft_dnn_conv){
        .name = "layer", .n = x->dim[0], .h = x->dim[1], .w = x->dim[2], .c = stem ? 4 : x->dim[3], .k = y->dim[3],
        .groups = o->groups > 1 ? o->groups : 0, .x_ld = stem ? 4 : pitch(model, g->in[0]),
        .y_ld = pitch(model, g->out[0]), .residual_ld = residual ? pitch(model, residual) : 0,
        .x_alignment = alignment_of(model, g->in[0]), .y_alignment = alignment_of(model, g->out[0]),
        .residual_alignment = residual ? alignment_of(model, residual) : 16, .r = o->kernel_h, .s = o->kernel_w,
        .window = { 0, 0, o->stride_h, o->stride_w, o->dilation, o->dilation, o->pad.top, o->pad.bottom, o->pad.left,
                    o->pad.right },
        .bias = node->n_param > 1, .residual = residual != 0, .act = node->epi.act
    };
    return true;
}

static bool from_dense(const weft_gnode *g, layer *out)
{
    const weft_node *node = &g->node;
    out->kind = LAYER_DENSE;
    out->dense = (weft_dnn_dense){ .name = "layer", .n = node->in[0].dim[0], .c = node->in[0].dim[1],
                                   .k = node->out[0].dim[1], .bias = node->n_param > 1, .act = node->epi.act };
    return !node->epi.residual;
}

static bool from_pool(const weft_model *model, const weft_gnode *g, layer *out)
{
    const weft_node *node = &g->node;
    const weft_pool2d_opt *o = node->opt;
    const weft_shape *x = &node->in[0];
    if (o->zero_border)
        return false; /* cuDNN has no maximum with a border of zeros */
    out->kind = LAYER_POOL;
    /* With ceil the last window reaches over the border: cuDNN wants that as padding. */
    const weft_shape *y = &node->out[0];
    const int64_t down = (y->dim[1] - 1) * o->stride_h + o->kernel_h - x->dim[1] - o->pad.top;
    const int64_t right = (y->dim[2] - 1) * o->stride_w + o->kernel_w - x->dim[2] - o->pad.left;
    out->pool = (weft_dnn_pool){
        .name = "layer",
        .kind = node->id == WEFT_OP_MAX_POOL2D ? WEFT_DNN_MAX_POOL
                : o->count_border              ? WEFT_DNN_AVG_POOL_BORDER
                                               : WEFT_DNN_AVG_POOL,
        .n = x->dim[0], .h = x->dim[1], .w = x->dim[2], .c = x->dim[3],
        .x_ld = pitch(model, g->in[0]), .y_ld = pitch(model, g->out[0]),
        .x_alignment = alignment_of(model, g->in[0]), .y_alignment = alignment_of(model, g->out[0]),
        .window = { o->kernel_h, o->kernel_w, o->stride_h, o->stride_w, 1, 1, o->pad.top,
                    down > o->pad.bottom ? (int)down : o->pad.bottom, o->pad.left,
                    right > o->pad.right ? (int)right : o->pad.right }
    };
    return true;
}

static bool from_node(const weft_model *model, const weft_gnode *g, layer *out)
{
    switch (g->node.id) {
    case WEFT_OP_CONV2D:
        return from_conv(model, g, out);
    case WEFT_OP_DENSE:
        return from_dense(g, out);
    case WEFT_OP_MAX_POOL2D:
    case WEFT_OP_AVG_POOL2D:
        return from_pool(model, g, out);
    default:
        return false;
    }
}

/* ---- all networks ---- */

static weft_status append(layers *all, const layer *l)
{
    if (all->count == all->capacity) {
        const int more = all->capacity ? 2 * all->capacity : 1024;
        layer *list = realloc(all->list, (size_t)more * sizeof *list);
        if (!list)
            return weft_fail(WEFT_NO_MEMORY, "%d layers", more);
        all->list = list;
        all->capacity = more;
    }
    all->list[all->count++] = *l;
    return WEFT_OK;
}

static weft_status collect_model(const weft_model *model, const char *network, layers *all)
{
    for (int i = 0; i < model->n_steps; i++) {
        layer l = { .kind = LAYER_CONV };
        if (!from_node(model, model->steps[i].gnode, &l))
            continue;
        describe(&l);
        snprintf(l.network, sizeof l.network, "%s", network);
        all->nodes++;
        WEFT_TRY(append(all, &l));
    }
    return WEFT_OK;
}

static weft_status collect_network(weft_ctx *ctx, const weft_arch *arch, int64_t batch, layers *all)
{
    weft_graph *graph = NULL;
    weft_model *model = NULL;
    weft_status status =
        weft_arch_build(ctx, arch->name, &(weft_arch_opt){ .dialect = arch->dialect, .batch = batch }, &graph);
    if (status == WEFT_OK)
        status = weft_model_create(ctx, graph, &(weft_model_opt){ .plan_only = true, .no_units = true }, &model);
    if (status == WEFT_OK)
        status = collect_model(model, arch->name, all);
    weft_model_destroy(model);
    weft_graph_destroy(graph);
    return status == WEFT_OK ? status : weft_fail_in(status, "%s", arch->name);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const layer *)a)->text, ((const layer *)b)->text);
}

weft_status layers_collect(int64_t batch, layers *out)
{
    layers all = { .list = NULL };
    weft_ctx *ctx = NULL;
    weft_status status = weft_ctx_create(&(weft_ctx_opt){ .device = "null", .threads = 1 }, &ctx);
    for (int i = 0; i < weft_arch_count() && status == WEFT_OK; i++, all.networks++)
        status = collect_network(ctx, weft_arch_get(i), batch, &all);
    weft_ctx_destroy(ctx);
    if (status != WEFT_OK) {
        free(all.list);
        return status;
    }
    qsort(all.list, (size_t)all.count, sizeof *all.list, by_text);
    int kept = 0;
    for (int i = 0; i < all.count; i++)
        if (i == 0 || strcmp(all.list[i].text, all.list[kept - 1].text) != 0)
            all.list[kept++] = all.list[i];
    all.count = kept;
    *out = all;
    return WEFT_OK;
}

void layers_release(layers *all)
{
    free(all->list);
    *all = (layers){ .list = NULL };
}

void layer_graph(const layer *l, weft_dtype dtype, weft_dnn_graph *graph)
{
    layer typed = *l;
    typed.conv.dtype = typed.dense.dtype = typed.pool.dtype = dtype;
    if (l->kind == LAYER_CONV)
        weft_dnn_conv_graph(&typed.conv, graph);
    else if (l->kind == LAYER_DENSE)
        weft_dnn_dense_graph(&typed.dense, graph);
    else
        weft_dnn_pool_graph(&typed.pool, graph);
    snprintf(graph->name, sizeof graph->name, "%.90s", l->text);
}
