/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory plan. 1. Values are aliased: inputs of a concatenation into slices of its output, reshapes and slices
 * onto their input, outputs over a dead input where the kernel allows it. 2. Each group becomes a storage that lives
 * from its first writer to its last reader. 3. Storages get offsets, largest first, each at the lowest gap among those
 * it lives beside ("greedy by size": Pisarchyk & Lee 2020, arXiv:2001.03288). */
#include "program/layout.h"

#include <stdlib.h>
#include <string.h>

#include "op/util.h"

/* How a value leans on another's memory. parent 0: it has its own. */
typedef struct lean {
    int32_t parent;
    int64_t offset; /* elements into the parent's row */
    bool reshaped;  /* rows are the value's own, not the parent's */
    int32_t last;   /* of a root: last phase that reads any value of the group */
} lean;

typedef struct work {
    const weft_graph *graph;
    const weft_demand *demand;
    const weft_memory_layout_opt *opt;
    lean *leans;
    weft_memory_layout *layout;
} work;

/* Phases of what is at `at` in time: its first, its last. */
static int32_t first_phase(int32_t at)
{
    return at * WEFT_PHASES;
}

static int32_t last_phase(int32_t at)
{
    return at * WEFT_PHASES + WEFT_PHASES - 1;
}

/* Never over: what must outlast the run. */
static int32_t for_ever(const work *w)
{
    return last_phase(w->opt->end);
}

/* The last phase in which a node reads input k. Parameters that are read in every run, and not only to be packed, must
 * outlast the run. */
static int32_t read_phase(const work *w, int32_t node, int k)
{
    const weft_demand *demand = &w->demand[node];
    const weft_gnode *gnode = &w->graph->nodes[node];
    const int first = weft_node_first_param(&gnode->node);
    if (!gnode->derives && k >= first && k < first + gnode->node.n_param)
        return demand->packs < 0 ? for_ever(w) : last_phase(demand->packs);
    return k == 0 && demand->in_phases ? first_phase(demand->at) + demand->in_phases - 1 : last_phase(demand->at);
}

static int32_t write_phase(const work *w, int32_t node)
{
    return first_phase(w->demand[node].at) + w->demand[node].out_phase;
}

static int32_t root_of(const work *w, int32_t value)
{
    while (w->leans[value].parent)
        value = w->leans[value].parent;
    return value;
}

static bool is_output(const weft_graph *graph, int32_t value)
{
    for (int32_t i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i].value == value)
            return true;
    return false;
}

/* The parameter or state that a value is, or changes in place; -1: it is none. */
static int32_t entry_of(const weft_graph *graph, int32_t value)
{
    const weft_value *v = &graph->values[value];
    if (v->kind == WEFT_PARAM || v->kind == WEFT_STATE)
        return v->param;
    const weft_gnode *gnode = v->maker >= 0 ? &graph->nodes[v->maker] : NULL;
    for (int o = 0; gnode && o < gnode->node.n_out; o++)
        if (gnode->out[o] == value && gnode->node.op->updates >> o & 1)
            return entry_of(graph, gnode->in[o]); /* depth: updates in a row */
    return -1;
}

/* ---- 1. aliases ---- */

static bool fits_slice(const work *w, const weft_gnode *concat, int index)
{
    const int32_t value = concat->in[index], maker = w->graph->values[value].maker;
    for (int i = 0; i < index; i++)
        if (concat->in[i] == value)
            return false;
    return maker >= 0 && !w->graph->values[value].padded && entry_of(w->graph, value) < 0 && !w->leans[value].parent &&
           w->graph->nodes[maker].node.op->shares != WEFT_SHARES_WHOLE && !is_output(w->graph, value);
}

static void alias_concat(work *w, int32_t index)
{
    const weft_gnode *concat = &w->graph->nodes[index];
    int64_t channel = 0;
    bool all = true;
    for (int i = 0; i < concat->node.n_in; i++) {
        const bool fits = fits_slice(w, concat, i);
        if (fits) {
            w->leans[concat->in[i]].parent = concat->out[0];
            w->leans[concat->in[i]].offset = channel;
        }
        all = all && fits;
        channel += weft_shape_channels(&concat->node.in[i]);
    }
    w->layout->elided[index] = all;
}

/* Elements from pixel to pixel of a value with memory of its own. */
static int64_t own_ld(const work *w, int32_t value)
{
    const weft_value *v = &w->graph->values[value];
    const int64_t channels = weft_shape_channels(&v->shape), pad = w->opt->input_channels;
    return v->padded && pad > 1 ? (channels + pad - 1) / pad * pad : channels;
}

static void alias_reshape(work *w, int32_t index)
{
    const weft_gnode *reshape = &w->graph->nodes[index];
    const int32_t in = reshape->in[0];
    const bool gaps = own_ld(w, in) != weft_shape_channels(&w->graph->values[in].shape);
    if (gaps || w->leans[in].parent || w->leans[reshape->out[0]].parent)
        return;
    w->leans[reshape->out[0]] = (lean){ .parent = in, .reshaped = true };
    w->layout->elided[index] = true;
}

/* The output lies among the channels of the input, wherever that is, unless that is the store's. */
static void alias_slice(work *w, int32_t index)
{
    const weft_gnode *slice = &w->graph->nodes[index];
    const int32_t in = slice->in[0], out = slice->out[0];
    const weft_value_kind kind = w->graph->values[root_of(w, in)].kind;
    if (entry_of(w->graph, root_of(w, in)) >= 0 || kind == WEFT_INPUT || w->leans[out].parent ||
        is_output(w->graph, out) || w->graph->values[in].dtype != w->graph->values[out].dtype)
        return;
    w->leans[out] = (lean){ .parent = in, .offset = ((const weft_slice_opt *)slice->node.opt)->first };
    w->layout->elided[index] = true;
}

/* Whether a node that runs at the same time as this one reads the group of a value. */
static bool is_read_beside(const work *w, int32_t index, int32_t root)
{
    for (int32_t i = 0; w->demand[index].together && i < w->graph->n_nodes; i++) {
        const weft_gnode *other = &w->graph->nodes[i];
        if (i == index || other->dead || w->demand[i].at != w->demand[index].at)
            continue;
        for (int k = 0; k < other->node.n_in; k++)
            if (root_of(w, other->in[k]) == root)
                return true;
    }
    return false;
}

/* The value is all of its storage, laid out as the output would be, and dies at this node. */
static bool may_overwrite(const work *w, int32_t index, int32_t value)
{
    const weft_gnode *gnode = &w->graph->nodes[index];
    const int32_t root = root_of(w, value);
    int times = 0;
    for (int i = 0; i < gnode->node.n_in; i++)
        times += root_of(w, gnode->in[i]) == root;
    return times == 1 && w->leans[root].last <= last_phase(w->demand[index].at) && w->graph->values[root].maker >= 0 &&
           entry_of(w->graph, root) < 0 && !is_read_beside(w, index, root) &&
           w->graph->values[root].dtype == weft_node_out_dtype(&gnode->node, 0) &&
           weft_shape_equal(&w->graph->values[value].shape, &gnode->node.out[0]) &&
           weft_shape_equal(&w->graph->values[value].shape, &w->graph->values[root].shape);
}

static void alias_inplace(work *w, int32_t index)
{
    const weft_gnode *gnode = &w->graph->nodes[index];
    const unsigned allowed = w->demand[index].inplace;
    const int32_t out = gnode->out[0];
    if (!allowed || w->leans[out].parent || w->layout->elided[index])
        return;
    const int own = gnode->node.n_in - gnode->node.epi.residual; /* inputs without the residual */
    const int data = weft_node_first_param(&gnode->node);
    for (int i = gnode->node.n_in - 1; i >= 0; i--) {
        const unsigned bit = i >= own ? WEFT_INPLACE_RESIDUAL : i < 2 && i < data ? WEFT_INPLACE_IN0 << i : 0;
        if (!(allowed & bit) || !may_overwrite(w, index, gnode->in[i]))
            continue;
        const int32_t root = root_of(w, gnode->in[i]);
        w->leans[root].last = w->leans[out].last;
        w->leans[out].parent = gnode->in[i];
        return;
    }
}

/* The group of a value lives at least until `phase`. */
static void outlive(work *w, int32_t value, int32_t phase)
{
    lean *root = &w->leans[root_of(w, value)];
    root->last = root->last < phase ? phase : root->last;
}

/* Last reader of every group, kept at its root. Inputs (unless staged) and outputs live through the whole run, so that
 * it can be repeated and read. */
static void find_lives(work *w)
{
    const weft_graph *graph = w->graph;
    for (int32_t v = 0; v < graph->n_values; v++)
        w->leans[v].last = -1;
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        const weft_gnode *gnode = &graph->nodes[i];
        for (int k = 0; k < gnode->node.n_in && !gnode->dead; k++)
            outlive(w, gnode->in[k], read_phase(w, i, k));
        for (int o = 0; o < gnode->node.n_out && !gnode->dead; o++) /* even if nobody reads it, it lives one step */
            outlive(w, gnode->out[o], last_phase(w->demand[i].at));
    }
    for (int32_t i = 0; i < graph->n_inputs && !(w->opt->flags & WEFT_MEMORY_LAYOUT_STAGED); i++)
        outlive(w, graph->inputs[i], for_ever(w));
    for (int32_t i = 0; i < graph->n_outputs; i++)
        outlive(w, graph->outputs[i].value, for_ever(w));
}

static void alias(work *w)
{
    const weft_graph *graph = w->graph;
    const unsigned flags = w->opt->flags & ~(unsigned)WEFT_MEMORY_LAYOUT_STAGED;
    if (!(flags & WEFT_MEMORY_LAYOUT_NO_ALIAS)) {
        for (int32_t i = graph->n_nodes - 1; i >= 0; i--) /* outer concatenations first */
            if (!graph->nodes[i].dead && graph->nodes[i].node.op->shares == WEFT_SHARES_SLICES)
                alias_concat(w, i);
        for (int32_t i = 0; i < graph->n_nodes; i++) {
            const weft_sharing shares = graph->nodes[i].node.op->shares;
            if (!graph->nodes[i].dead && shares == WEFT_SHARES_WHOLE)
                alias_reshape(w, i);
            else if (!graph->nodes[i].dead && shares == WEFT_SHARES_PART)
                alias_slice(w, i);
        }
    }
    find_lives(w);
    if (flags == 0)
        for (int32_t i = 0; i < graph->n_nodes; i++)
            if (!graph->nodes[i].dead && !graph->nodes[i].derives)
                alias_inplace(w, i);
}

/* ---- 2. storages ---- */

enum { ALIGN = 64 };

static bool is_alive(const weft_graph *graph, int32_t value)
{
    const int32_t maker = graph->values[value].maker;
    if (value == 0 || maker < 0)
        return value > 0;
    const weft_gnode *gnode = &graph->nodes[maker];
    for (int o = 0; o < gnode->node.n_out && !gnode->dead; o++)
        if (gnode->out[o] == value)
            return true;
    return false;
}

/* Storage of a value, the whole chain of leans resolved. */
static void place_value(const work *w, int32_t value)
{
    weft_place *place = &w->layout->place[value];
    const lean *l = &w->leans[value];
    if (place->storage != WEFT_NOWHERE || !l->parent)
        return;
    place_value(w, l->parent); /* depth: nesting of concatenations */
    *place = w->layout->place[l->parent];
    place->offset += l->offset;
    if (l->reshaped)
        place->ld = weft_shape_channels(&w->graph->values[value].shape);
}

static void add_storage(weft_memory_layout *layout, size_t bytes, int32_t first, int32_t last, int32_t value)
{
    layout->storages[layout->n_storages++] = (weft_storage){ .bytes = weft_round_up(bytes, ALIGN), .first = first,
                                                             .last = last, .value = value };
}

static weft_status make_values(work *w)
{
    const weft_graph *graph = w->graph;
    weft_memory_layout *layout = w->layout;
    const bool keep = w->opt->flags & WEFT_MEMORY_LAYOUT_KEEP_ALL;
    /* Inputs are there from the beginning, or are sent when the run begins. */
    const int32_t given = w->opt->flags & WEFT_MEMORY_LAYOUT_STAGED && !keep ? first_phase(w->opt->start) : -1;
    for (int32_t v = 0; v < graph->n_values; v++) {
        layout->place[v].storage = WEFT_NOWHERE;
        if (!is_alive(graph, v) || w->leans[v].parent)
            continue;
        const weft_value *value = &graph->values[v];
        if (entry_of(graph, v) >= 0) {
            layout->place[v] = (weft_place){ WEFT_IN_STORE, entry_of(graph, v), weft_shape_channels(&value->shape) };
            continue;
        }
        const int64_t count = weft_shape_count(&value->shape), ld = own_ld(w, v);
        const int64_t padded = count / weft_shape_channels(&value->shape) * ld; /* fits: WEFT_MAX_ELEMENTS */
        layout->place[v] = (weft_place){ layout->n_storages, 0, ld };
        add_storage(layout, (size_t)padded * weft_dtype_size(value->dtype), for_ever(w),
                    keep ? for_ever(w) : w->leans[v].last, v);
    }
    for (int32_t v = 0; v < graph->n_values; v++) {
        if (!is_alive(graph, v) || layout->place[v].storage == WEFT_IN_STORE)
            continue;
        place_value(w, v);
        weft_storage *storage = &layout->storages[layout->place[v].storage];
        const int32_t maker = graph->values[v].maker, made = maker < 0 || keep ? given : write_phase(w, maker);
        storage->first = made < storage->first ? made : storage->first;
    }
    return WEFT_OK;
}

/* Scratch lives through its node, a buffer through its phases. */
static void make_scratch(work *w)
{
    const weft_graph *graph = w->graph;
    weft_memory_layout *layout = w->layout;
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        const weft_demand *demand = &w->demand[i];
        const bool runs = !graph->nodes[i].dead && !layout->elided[i];
        const size_t bytes = runs ? demand->scratch : 0;
        layout->scratch[i] = bytes ? layout->n_storages : -1;
        if (bytes)
            add_storage(layout, bytes, first_phase(demand->at), last_phase(demand->at), 0);
        layout->workspace = bytes > layout->workspace ? bytes : layout->workspace;
        layout->pack_scratch[i] = runs && demand->packs >= 0 && demand->pack_scratch ? layout->n_storages : -1;
        if (layout->pack_scratch[i] >= 0)
            add_storage(layout, demand->pack_scratch, first_phase(demand->packs), last_phase(demand->packs), 0);
        for (int b = 0; b < WEFT_MAX_BUFFER; b++) {
            const weft_buffer *buffer = runs && demand->buffer ? &demand->buffer[b] : NULL;
            const bool wanted = buffer && buffer->bytes;
            layout->buffer[i * WEFT_MAX_BUFFER + b] = wanted ? layout->n_storages : -1;
            if (wanted)
                add_storage(layout, buffer->bytes, first_phase(demand->at) + buffer->first,
                            first_phase(demand->at) + buffer->last, 0);
        }
    }
}

/* ---- 3. offsets ---- */

static int larger_first(const void *a, const void *b)
{
    const weft_storage *x = *(const weft_storage *const *)a, *y = *(const weft_storage *const *)b;
    if (x->passing != y->passing)
        return x->passing ? 1 : -1;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->first != y->first ? x->first - y->first : x->value - y->value;
}

static int lower_first(const void *a, const void *b)
{
    const weft_storage *x = *(const weft_storage *const *)a, *y = *(const weft_storage *const *)b;
    return x->offset != y->offset ? (x->offset < y->offset ? -1 : 1) : 0;
}

/* The lowest offset at which s fits beside the placed ones (sorted by offset) that live when it does. */
static size_t lowest_gap(const weft_storage *s, weft_storage *const *placed, int32_t n)
{
    size_t offset = 0;
    for (int32_t i = 0; i < n; i++) {
        const weft_storage *p = placed[i];
        if (p->last < s->first || s->last < p->first)
            continue;
        if (p->offset >= offset + s->bytes)
            break;
        if (p->offset + p->bytes > offset)
            offset = p->offset + p->bytes;
    }
    return offset;
}

static weft_status assign_offsets(weft_memory_layout *layout, weft_arena *arena)
{
    const size_t n = (size_t)layout->n_storages;
    weft_storage **order = weft_arena_array(arena, n, sizeof *order);
    weft_storage **placed = weft_arena_array(arena, n, sizeof *placed);
    if (!order || !placed)
        return WEFT_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        order[i] = &layout->storages[i];
    qsort(order, n, sizeof *order, larger_first);
    for (size_t i = 0; i < n; i++) {
        order[i]->offset = lowest_gap(order[i], placed, (int32_t)i);
        size_t end;
        if (!weft_add_size(order[i]->offset, order[i]->bytes, &end))
            return weft_fail(WEFT_NO_MEMORY, "the network's activations do not fit in memory");
        layout->bytes = end > layout->bytes ? end : layout->bytes;
        size_t at = i;
        for (; at > 0 && lower_first(&order[i], &placed[at - 1]) < 0; at--)
            placed[at] = placed[at - 1];
        placed[at] = order[i];
    }
    return WEFT_OK;
}

weft_status weft_memory_layout_plan(const weft_graph *graph, const weft_demand *demand,
                                    const weft_memory_layout_opt *opt, weft_arena *arena, weft_memory_layout *out)
{
    const size_t values = (size_t)graph->n_values, nodes = (size_t)graph->n_nodes;
    weft_memory_layout layout = { 0 };
    layout.place = weft_arena_array(arena, values, sizeof *layout.place);
    layout.storages = weft_arena_array(arena, values + nodes * (2 + WEFT_MAX_BUFFER), sizeof *layout.storages);
    layout.scratch = weft_arena_array(arena, nodes, sizeof *layout.scratch);
    layout.pack_scratch = weft_arena_array(arena, nodes, sizeof *layout.pack_scratch);
    layout.buffer = weft_arena_array(arena, nodes * WEFT_MAX_BUFFER, sizeof *layout.buffer);
    layout.elided = weft_arena_array(arena, nodes, sizeof *layout.elided);
    lean *leans = weft_arena_array(arena, values, sizeof *leans);
    if (!layout.place || !layout.storages || !layout.scratch || !layout.pack_scratch || !layout.buffer ||
        !layout.elided || !leans)
        return WEFT_NO_MEMORY;
    work w = { graph, demand, opt, leans, &layout };
    alias(&w);
    WEFT_TRY(make_values(&w));
    make_scratch(&w);
    for (int32_t i = 0; i < layout.n_storages; i++)
        layout.storages[i].passing = layout.storages[i].last < first_phase(opt->start);
    WEFT_TRY(assign_offsets(&layout, arena));
    *out = layout;
    return WEFT_OK;
}
