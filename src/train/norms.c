/* SPDX-License-Identifier: Apache-2.0
 *
 * The statistics of batch norms, measured anew: passes forward with the statistics of each batch, of which all together
 * have the mean. */
#include <math.h>
#include <string.h>

#include "graph/twin.h"
#include "train/train.h"

/* Moving statistics that follow at once: in float nothing is left of the old one. (0 is each norm's own momentum.) */
static const double KEEPS_NOTHING = 1e-300;

typedef struct statistic {
    int32_t entry; /* of the store */
    int64_t count;
    float *before, *batch; /* as it was; of the newest batch */
    double *sum;
} statistic;

struct weft_norm_meter {
    weft_ctx *ctx;
    weft_arena arena;
    weft_graph *graph;
    weft_store *store; /* lent */
    weft_ranks *ranks; /* NULL: alone */
    weft_model *model;
    weft_merger merger; /* where norms are of all ranks' batches */
    int images, number; /* inputs */
    statistic *statistics;
    int count;
    int64_t batches;
    bool finished;
};

static weft_status clone(weft_norm_meter *m, const weft_graph *network, const weft_train_opt *opt)
{
    weft_var *heads = weft_arena_array(&m->arena, (size_t)network->n_outputs, sizeof *heads);
    if (!heads)
        return WEFT_NO_MEMORY;
    weft_moves moves;
    weft_train_opt floats = *opt;
    floats.levels = NULL;
    WEFT_TRY(weft_train_clone(m->ctx, network, &floats, KEEPS_NOTHING, heads, &moves, &m->graph));
    WEFT_TRY(weft_graph_move(m->graph, &moves, (weft_var){ 0 }));
    weft_output(m->graph, heads[0], "head");
    WEFT_TRY(weft_graph_status(m->graph));
    m->number = weft_train_input(m->graph, WEFT_STEP_INPUT);
    m->images = m->number == 0 ? 1 : 0;
    return m->graph->n_inputs == 2 ? WEFT_OK : weft_fail(WEFT_INVALID, "weft_norm_meter_create: the network has %d "
                                                                       "inputs, expected images alone",
                                                         m->graph->n_inputs - 1);
}

static weft_status add_statistic(weft_norm_meter *m, const char *name)
{
    statistic *const s = &m->statistics[m->count];
    s->entry = weft_store_find(m->store, name);
    if (s->entry < 0)
        return weft_fail(WEFT_NOT_FOUND, "weft_norm_meter_create: the store has no '%s'", name);
    s->count = weft_shape_count(&m->store->entries[s->entry].spec.shape);
    s->before = weft_arena_array(&m->arena, (size_t)s->count, sizeof *s->before);
    s->batch = weft_arena_array(&m->arena, (size_t)s->count, sizeof *s->batch);
    s->sum = weft_arena_array(&m->arena, (size_t)s->count, sizeof *s->sum);
    if (!s->before || !s->batch || !s->sum)
        return WEFT_NO_MEMORY;
    memset(s->sum, 0, (size_t)s->count * sizeof *s->sum);
    WEFT_TRY(weft_store_read(m->store, s->entry, s->before));
    m->count++; /* last: what is counted is put back */
    return WEFT_OK;
}

/* All that a pass forward changes. */
static weft_status find_statistics(weft_norm_meter *m)
{
    m->statistics = weft_arena_array(&m->arena, (size_t)m->graph->n_params + 1, sizeof *m->statistics);
    if (!m->statistics)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < m->graph->n_nodes; i++) {
        const weft_gnode *gnode = &m->graph->nodes[i];
        for (int o = 0; o < gnode->node.n_out; o++)
            if (gnode->node.op->updates >> o & 1)
                WEFT_TRY(add_statistic(m, m->graph->values[gnode->in[o]].name));
    }
    return WEFT_OK;
}

static weft_status make(weft_norm_meter *m, const weft_graph *network, const weft_train_opt *opt)
{
    WEFT_TRY(clone(m, network, opt));
    WEFT_TRY(find_statistics(m));
    const bool merges = opt->sync_norms && weft_ranks_size(m->ranks) > 1;
    m->graph->parts = merges ? weft_ranks_size(m->ranks) : 0;
    WEFT_TRY(weft_model_create(m->ctx, m->graph, &(weft_model_opt){ .training = true, .store = m->store }, &m->model));
    if (!merges)
        return WEFT_OK;
    WEFT_TRY(weft_merger_make(m->model, m->ranks, &m->merger));
    m->model->between = &m->merger.between;
    return WEFT_OK;
}

weft_status weft_norm_meter_create(weft_ctx *ctx, const weft_graph *network, const weft_train_opt *opt,
                                   weft_store *store, weft_norm_meter **out)
{
    static const weft_train_opt defaults = { 0 };
    if (!ctx || !network || !store || !out)
        return weft_fail(WEFT_INVALID, "weft_norm_meter_create: ctx, network, store and out must not be NULL");
    WEFT_TRY(weft_graph_status(network));
    weft_norm_meter *m = weft_calloc(&ctx->allocator, 1, sizeof *m);
    if (!m)
        return WEFT_NO_MEMORY;
    m->ctx = ctx;
    m->store = store;
    m->ranks = opt ? opt->ranks : NULL;
    weft_arena_init(&m->arena, &ctx->allocator);
    const weft_status status = make(m, network, opt ? opt : &defaults);
    if (status != WEFT_OK) {
        weft_norm_meter_destroy(m);
        return status;
    }
    *out = m;
    return WEFT_OK;
}

static weft_status collect(statistic *s, const weft_store *store)
{
    WEFT_TRY(weft_store_read(store, s->entry, s->batch));
    for (int64_t i = 0; i < s->count; i++)
        s->sum[i] += (double)s->batch[i];
    return WEFT_OK;
}

weft_status weft_norm_meter_add(weft_norm_meter *meter, const float *images)
{
    if (!meter || !images || meter->finished)
        return weft_fail(WEFT_INVALID, "weft_norm_meter_add: expected images, and a meter that is not finished");
    const weft_shape *shape = &meter->graph->values[meter->graph->inputs[meter->images]].shape;
    const int32_t number = (int32_t)(meter->batches & INT32_MAX);
    WEFT_TRY(weft_model_set_input(meter->model, meter->images, images,
                                  (size_t)weft_shape_count(shape) * sizeof *images));
    WEFT_TRY(weft_model_set_input(meter->model, meter->number, &number, sizeof number));
    WEFT_TRY(weft_model_run(meter->model));
    for (int i = 0; i < meter->count; i++)
        WEFT_TRY(collect(&meter->statistics[i], meter->store));
    meter->batches++;
    return WEFT_OK;
}

static weft_status write_mean(const weft_norm_meter *m, statistic *s)
{
    const char *const name = m->store->entries[s->entry].name;
    const double batches = (double)m->batches * weft_ranks_size(m->ranks);
    WEFT_TRY(weft_ranks_add(m->ranks, s->sum, s->count, "measuring norms"));
    for (int64_t i = 0; i < s->count; i++) {
        s->batch[i] = (float)(s->sum[i] / batches);
        if (!isfinite(s->batch[i]))
            return weft_fail(WEFT_NUMERIC, "weft_norm_meter_finish: element %lld of %s is %g", (long long)i,
                             name, (double)s->batch[i]);
    }
    return weft_store_set(m->store, name, s->batch, s->count);
}

weft_status weft_norm_meter_finish(weft_norm_meter *meter)
{
    if (!meter || meter->batches == 0 || meter->finished)
        return weft_fail(WEFT_INVALID, "weft_norm_meter_finish: expected a meter with batches, once");
    for (int i = 0; i < meter->count; i++)
        WEFT_TRY(write_mean(meter, &meter->statistics[i]));
    meter->finished = true;
    return WEFT_OK;
}

void weft_norm_meter_destroy(weft_norm_meter *meter)
{
    if (!meter)
        return;
    for (int i = 0; i < meter->count && !meter->finished; i++)
        weft_store_set(meter->store, meter->store->entries[meter->statistics[i].entry].name,
                       meter->statistics[i].before, meter->statistics[i].count);
    weft_model_destroy(meter->model);
    weft_merger_release(&meter->merger);
    weft_graph_destroy(meter->graph);
    weft_arena_release(&meter->arena);
    weft_free(&meter->ctx->allocator, meter);
}
