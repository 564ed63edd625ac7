/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks are planned, not run, for every card in every precision. */
#include "layers.h"

#include "check/run.h"
#include "cli/selftest_list.h"
#include "cuda/cuda.h"
#include "cuda/dnn/kind.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/arch.h>
#include <weft/check.h>
#include <weft/model.h>

const char *const layer_targets[LAYER_TARGETS] = { "t4", "a100", "l4", "h100", "rtx5090" };
const layer_precision layer_precisions[LAYER_PRECISIONS] = {
    { "fp32", WEFT_PRECISION_FP32, 0 },
    { "tf32", WEFT_PRECISION_TF32, 80 },
    { "fp16", WEFT_PRECISION_FP16, 0 },
    { "bf16", WEFT_PRECISION_BF16, 80 },
};

/* The backend is linked in, so that its graphs pass here: this comes before the library's search for the plug-in. */
weft_status weft_plugin_cuda(const weft_backend **out);
weft_status weft_plugin_cuda(const weft_backend **out)
{
    *out = &weft_backend_cuda;
    return WEFT_OK;
}

/* ---- a graph as text ---- */

typedef struct line {
    char *text;
    size_t size;
} line;

static void put(const line *l, const char *format, ...) WEFT_PRINTF(2, 3);
static void put(const line *l, const char *format, ...)
{
    const size_t at = strlen(l->text);
    va_list args;
    va_start(args, format);
    vsnprintf(l->text + at, l->size - at, format, args);
    va_end(args);
}

static const weft_dnn_tensor *find(const weft_dnn_graph *graph, int64_t id)
{
    for (int i = 0; i < graph->n_tensors; i++)
        if (graph->tensor[i].id == id)
            return &graph->tensor[i];
    return NULL;
}

/* " y/256 y@8": the pitch of a channel slice, and where it may begin. " x turned": a matrix that lies by columns. */
static void put_slice(const line *l, const weft_dnn_tensor *t)
{
    if (!t)
        return;
    const bool turned = t->rank == 3 && t->stride[1] == 1 && t->dim[1] > 1;
    const int pixel = t->rank == 4 ? 3 : turned ? 2 : 1, channels = t->rank == 4 ? 1 : turned ? 1 : 2;
    if (turned)
        put(l, " %s turned", t->name);
    if (t->stride[pixel] != t->dim[channels])
        put(l, " %s/%" PRId64, t->name, t->stride[pixel]);
    if (t->alignment && t->alignment != 16)
        put(l, " %s@%d", t->name, t->alignment);
}

static void put_window(const line *l, const weft_dnn_window *w)
{
    put(l, " %dx%d/%d", w->kernel_h, w->kernel_w, w->stride_h);
    if (w->stride_w != w->stride_h)
        put(l, ",%d", w->stride_w);
    put(l, " p%d,%d,%d,%d", w->top, w->bottom, w->left, w->right);
    if (w->dilation_h > 1 || w->dilation_w > 1)
        put(l, " d%d,%d", w->dilation_h, w->dilation_w);
}

/* The first operation in full, then the names of those behind it. */
static void describe(const weft_dnn_graph *graph, char *text, size_t size)
{
    const line l = { text, size };
    const weft_dnn_op *op = &graph->op[0];
    const weft_dnn_row *row = weft_dnn_row_of(op->kind);
    const weft_dnn_tensor *x = find(graph, WEFT_DNN_X), *w = find(graph, WEFT_DNN_WEIGHT), *y = find(graph, WEFT_DNN_Y);
    text[0] = '\0';
    put(&l, "%s %" PRId64, row->name, x->dim[0]);
    if (x->rank == 4)
        put(&l, "x%" PRId64 "x%" PRId64 "x%" PRId64, x->dim[2], x->dim[3], x->dim[1]);
    else
        put(&l, "x%" PRId64 "x%" PRId64, x->dim[1], x->dim[2]);
    if (w)
        put(&l, " k%" PRId64, w->dim[x->rank == 4 ? 0 : 2]);
    if (row->form != WEFT_DNN_FORM_MATMUL)
        put_window(&l, &op->window);
    if (row->form == WEFT_DNN_FORM_CONV && x->dim[1] != w->dim[1])
        put(&l, " g%" PRId64, x->dim[1] / w->dim[1]);
    if (x->rank == 3 && w && w->stride[2] == 1 && w->dim[2] > 1)
        put(&l, " weight turned");
    put_slice(&l, x);
    put_slice(&l, y);
    put_slice(&l, find(graph, WEFT_DNN_RESIDUAL));
    for (int i = 1; i < graph->n_ops; i++) {
        const weft_dnn_op *next = &graph->op[i];
        const weft_dnn_row *what = weft_dnn_row_of(next->kind);
        const int64_t id = what->n_in == 2 ? graph->tensor[next->in[1]].id : 0;
        put(&l, " %s%s", next->slope != 0.0F ? "leaky " : "",
            id == WEFT_DNN_BIAS       ? "bias"
            : id == WEFT_DNN_RESIDUAL ? "residual"
                                      : what->name);
    }
}

/* ---- what was seen ---- */

uint64_t layers_hash(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325ULL;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
    return hash;
}

/* Where the text's index stands, or belongs. */
static int *slot_of(const layers *all, const char *text)
{
    uint64_t at = layers_hash(text);
    int *slot = &all->slot[at % (unsigned)all->slots];
    while (*slot && strcmp(all->list[*slot - 1].text, text) != 0)
        slot = &all->slot[++at % (unsigned)all->slots];
    return slot;
}

/* Room for twice as many layers, and for their indices four times. */
static bool grow(layers *all)
{
    const int more = all->capacity ? 2 * all->capacity : 1024;
    layer *list = realloc(all->list, (size_t)more * sizeof *list);
    if (!list)
        return false;
    all->list = list;
    int *slot = calloc(4 * (size_t)more, sizeof *slot);
    if (!slot)
        return false;
    free(all->slot);
    all->slot = slot;
    all->slots = 4 * more;
    all->capacity = more;
    for (int i = 0; i < all->count; i++)
        *slot_of(all, list[i].text) = i + 1;
    return true;
}

layer *layers_note(collector *c, const char *text)
{
    layers *all = &c->all;
    if (all->count == all->capacity && !grow(all)) {
        c->status = WEFT_NO_MEMORY;
        return NULL;
    }
    int *slot = slot_of(all, text);
    if (!*slot) {
        layer *fresh = &all->list[all->count];
        *fresh = (layer){ .text = "" };
        snprintf(fresh->text, sizeof fresh->text, "%s", text);
        snprintf(fresh->network, sizeof fresh->network, "%s", c->network);
        *slot = ++all->count;
    }
    layer *l = &all->list[*slot - 1];
    l->used[c->target * LAYER_PRECISIONS + c->precision] = true;
    return l;
}

static bool note_asked(collector *c, const char *name)
{
    if (c->n_asked == c->asked_capacity) {
        const int more = c->asked_capacity ? 2 * c->asked_capacity : 1024;
        uint64_t *asked = realloc(c->asked, (size_t)more * sizeof *asked);
        if (!asked)
            return false;
        c->asked = asked;
        c->asked_capacity = more;
    }
    c->asked[c->n_asked++] = layers_hash(name);
    return true;
}

/* The graph of a layer in the collector's column. NULL: no memory. */
static layer *note_graph(collector *c, const weft_dnn_graph *graph)
{
    char text[160];
    describe(graph, text, sizeof text);
    layer *l = layers_note(c, text);
    if (l && !l->graph[c->precision]) {
        l->graph[c->precision] = malloc(sizeof *graph);
        if (!l->graph[c->precision])
            return NULL;
        *l->graph[c->precision] = *graph;
    }
    return l;
}

/* A gradient that another is added to, or a convolution with sums, without these: what weft plans next where there is
 * no plan for both. Its three maps come first in the graph. False: it is none of the two. */
static bool take_alone(const weft_dnn_graph *graph, weft_dnn_graph *alone)
{
    const bool gradient = graph->op[0].kind == WEFT_DNN_DGRAD;
    if (graph->n_ops != 2 || (!gradient && graph->op[1].kind != WEFT_DNN_STATS))
        return false;
    *alone = *graph;
    alone->n_ops = 1;
    alone->n_tensors = 3;
    for (int i = 0; i < 3 && gradient; i++)
        if (alone->tensor[i].id == WEFT_DNN_X)
            alone->op[0].out = i;
    return true;
}

static void seen(const weft_dnn_graph *graph, void *user)
{
    collector *c = user;
    weft_dnn_graph less;
    char alone[sizeof((layer *)NULL)->alone] = "";
    c->all.graphs++;
    if (c->training && take_alone(graph, &less)) {
        describe(&less, alone, sizeof alone);
        if (!note_graph(c, &less))
            c->status = WEFT_NO_MEMORY;
    }
    layer *l = note_graph(c, graph);
    if (l)
        memcpy(l->alone, alone, sizeof alone);
    if (!l || (c->training && !note_asked(c, graph->name)))
        c->status = WEFT_NO_MEMORY;
}

/* ---- all networks, cards and precisions ---- */

/* px 0: the network's own. */
static weft_status collect_network(weft_ctx *ctx, const weft_arch *arch, int64_t batch, int px, collector *c)
{
    weft_graph *graph = NULL;
    weft_model *model = NULL;
    c->network = arch->name;
    weft_status status = weft_arch_build(
        ctx, arch->name, &(weft_arch_opt){ .dialect = arch->dialect, .batch = batch, .px = px }, &graph);
    if (status == WEFT_OK)
        status = weft_model_create(ctx, graph, &(weft_model_opt){ .plan_only = true }, &model);
    weft_model_destroy(model);
    weft_graph_destroy(graph);
    if (status == WEFT_OK)
        status = c->status;
    return status == WEFT_OK ? status
                             : weft_fail_in(status, "%s for %s in %s", arch->name, layer_targets[c->target],
                                            layer_precisions[c->precision].name);
}

static weft_status collect_registry(weft_ctx *ctx, int64_t batch, collector *c)
{
    for (int i = 0; i < weft_arch_count(); i++)
        WEFT_TRY(collect_network(ctx, weft_arch_get(i), batch, 0, c));
    return WEFT_OK;
}

/* What weft selftest plans: its networks, and the cases of all ops that have kernels on the card. */
static weft_status collect_selftest(weft_ctx *ctx, int64_t batch, collector *c)
{
    for (int i = 0; i < selftest_network_count; i++) {
        const selftest_network *n = &selftest_network_list[i];
        const weft_arch *arch = weft_arch_find(n->name, WEFT_DIALECT_DEFAULT);
        const int px[] = { n->small_px, n->px };
        for (int k = 0; k < WEFT_COUNT(px); k++)
            if (px[k])
                WEFT_TRY(collect_network(ctx, arch, batch, px[k], c));
    }
    for (int i = 0; i < weft_check_count(); i++) {
        weft_check_info info;
        WEFT_TRY(weft_check_case(i, &info));
        c->network = info.op;
        if (!info.cpu_only)
            WEFT_TRY(weft_check_plan(ctx, i));
    }
    return c->status;
}

/* What is planned, for which cards, in which precisions: all at a batch of 32, which tables are of; other batches on
 * the card and in the precision that are met first, and weft selftest on that card. Steps of training for the cards
 * that train. */
static const struct {
    weft_status (*collect)(weft_ctx *ctx, int64_t batch, collector *c);
    int64_t batch;
    const char *target, *precision; /* NULL: all */
    bool training;
} sources[] = {
    { collect_registry, 32, NULL, NULL, false },
    { collect_registry, 1, "h100", "tf32", false },
    { collect_registry, 2, "h100", "tf32", false },
    { collect_registry, 256, "h100", "tf32", false },
    { collect_selftest, SELFTEST_BATCH, "h100", NULL, false },
    { layers_of_steps, 32, "a100", NULL, true },
    { layers_of_steps, 32, "h100", NULL, true },
};

/* Whether that source is of the collector's column. */
static bool is_asked(int source, bool training, const collector *c)
{
    const char *target = sources[source].target, *precision = sources[source].precision;
    return sources[source].training == training && (!target || strcmp(target, layer_targets[c->target]) == 0) &&
           (!precision || strcmp(precision, layer_precisions[c->precision].name) == 0);
}

static weft_status collect_column(bool training, collector *c)
{
    weft_ctx *ctx = NULL;
    weft_status status = weft_ctx_create(&(weft_ctx_opt){ .device = "cuda",
                                                          .target = layer_targets[c->target],
                                                          .threads = 1,
                                                          .precision = layer_precisions[c->precision].precision },
                                         &ctx);
    for (int i = 0; i < WEFT_COUNT(sources) && status == WEFT_OK; i++)
        if (is_asked(i, training, c))
            status = sources[i].collect(ctx, sources[i].batch, c);
    weft_ctx_destroy(ctx);
    return status;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const layer *)a)->text, ((const layer *)b)->text);
}

bool layers_wants(const layers_wanted *wanted, int column)
{
    return wanted->target[column / LAYER_PRECISIONS] && wanted->precision[column % LAYER_PRECISIONS];
}

weft_status layers_collect(const layers_wanted *wanted, layers *out)
{
    collector c = { .all = { .networks = weft_arch_count() }, .training = wanted->training };
    weft_status status = WEFT_OK;
    for (int i = 0; i < WEFT_COUNT(sources); i++)
        for (int t = 0; t < LAYER_TARGETS; t++)
            if (sources[i].training == wanted->training &&
                (!sources[i].target || strcmp(sources[i].target, layer_targets[t]) == 0))
                c.all.planned[t] = true;
    weft_dnn_watch(seen, &c);
    for (c.target = 0; c.target < LAYER_TARGETS && status == WEFT_OK; c.target++)
        for (c.precision = 0; c.precision < LAYER_PRECISIONS && status == WEFT_OK; c.precision++) {
            weft_target card;
            status = weft_target_find(layer_targets[c.target], &card);
            if (status == WEFT_OK && layers_wants(wanted, c.target * LAYER_PRECISIONS + c.precision) &&
                card.sm >= layer_precisions[c.precision].least)
                status = collect_column(wanted->training, &c);
        }
    weft_dnn_watch(NULL, NULL);
    free(c.asked);
    free(c.all.slot);
    c.all.slot = NULL;
    if (status != WEFT_OK) {
        layers_release(&c.all);
        return status;
    }
    qsort(c.all.list, (size_t)c.all.count, sizeof *c.all.list, by_text);
    *out = c.all;
    return WEFT_OK;
}

void layers_release(layers *all)
{
    for (int i = 0; i < all->count; i++)
        for (int p = 0; p < LAYER_PRECISIONS; p++)
            free(all->list[i].graph[p]);
    free(all->list);
    *all = (layers){ .list = NULL };
}

int layers_find(const layers *all, const char *text)
{
    for (int low = 0, high = all->count - 1; low <= high;) {
        const int middle = (low + high) / 2, order = strcmp(text, all->list[middle].text);
        if (order == 0)
            return middle;
        if (order < 0)
            high = middle - 1;
        else
            low = middle + 1;
    }
    return -1;
}
