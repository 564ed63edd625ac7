/* SPDX-License-Identifier: Apache-2.0
 *
 * Models: a program for inference and the store that it stands on, its own or one that is shared. */
#include <string.h>

#include "program/bytes.h"
#include "program/program.h"

/* ---- making ---- */

static weft_mode mode_of(const weft_model_opt *opt)
{
    if (opt->no_fusion)
        return WEFT_MODE_PLAIN;
    if (opt->training)
        return WEFT_MODE_TRAIN;
    return opt->no_units ? WEFT_MODE_LAYERS : WEFT_MODE_INFER;
}

/* Bytes of the user's parameters, and whether runs change some of them. */
static weft_status measure(weft_model *model)
{
    const weft_graph *graph = model->graph;
    for (int32_t i = 0; i < model->n_params; i++) {
        const size_t bytes = (size_t)weft_shape_count(&graph->params[i].spec.shape) * sizeof(float);
        if (!weft_add_size(model->param_bytes, bytes, &model->param_bytes))
            return weft_fail(WEFT_NO_MEMORY, "the parameters do not fit in memory");
    }
    for (int32_t i = 0; i < graph->n_nodes; i++)
        model->updates = model->updates || (!graph->nodes[i].dead && graph->nodes[i].node.op->updates);
    return WEFT_OK;
}

/* Where the store has each parameter of the graph. */
static weft_status find_entries(weft_model *model)
{
    const weft_device *device = model->ctx->device, *its = model->store->ctx->device;
    if (device->backend != its->backend || device->index != its->index)
        return weft_fail(WEFT_INVALID, "weft_model_create: the store is on device %s:%d, the model on %s:%d",
                         its->backend->name, its->index, device->backend->name, device->index);
    model->entries = weft_arena_array(&model->arena, (size_t)model->n_params, sizeof *model->entries);
    if (!model->entries)
        return WEFT_NO_MEMORY;
    int32_t next[2] = { 0, 0 }; /* parameter and state of a store of one's own, which keeps their order */
    for (int32_t i = 0; i < model->n_params; i++)
        next[1] += !model->graph->params[i].spec.statistic;
    for (int32_t i = 0; i < model->n_params; i++) {
        const weft_param *param = &model->graph->params[i];
        const int32_t at = model->own_store ? next[param->spec.statistic]++
                                            : weft_store_find(model->store, param->name);
        char is[96], was[96];
        if (at < 0)
            return weft_fail(WEFT_INVALID, "weft_model_create: the store has no parameter '%s'", param->name);
        if (!weft_shape_equal(&model->store->entries[at].spec.shape, &param->spec.shape))
            return weft_fail(WEFT_INVALID, "weft_model_create: %s is %s in the store and %s in the graph", param->name,
                             weft_shape_text(&model->store->entries[at].spec.shape, was, sizeof was),
                             weft_shape_text(&param->spec.shape, is, sizeof is));
        model->entries[i] = at;
    }
    return WEFT_OK;
}

static weft_status stand_on_store(weft_model *model)
{
    model->store = model->opt.store;
    if (!model->store) {
        model->own_store = true;
        const weft_graph *graph = model->graph;
        const weft_status status = weft_store_create(model->ctx, &graph, 1, &model->store);
        if (status != WEFT_OK)
            return weft_model_no_room(model, status);
    }
    model->store->models++;
    WEFT_TRY(weft_store_need(model->store));
    return find_entries(model);
}

/* Parameters and memory of what is planned. */
static weft_status begin(weft_model *model)
{
    WEFT_TRY(stand_on_store(model));
    WEFT_TRY(weft_model_place(model));
    if (model->opt.track && !model->staged && !model->ctx->device->dry)
        memset(model->memory, WEFT_TRACK_BYTE, model->layout.bytes); /* not memory that only a device can reach */
    return WEFT_OK;
}

/* The same network for images as bytes; what is tuned is the network. */
static weft_status take_bytes(weft_model *model)
{
    const weft_input_maker input = weft_bytes_input(model->opt.levels);
    weft_graph *plain = model->graph;
    model->opt.levels = NULL; /* lent */
    WEFT_TRY(weft_graph_clone_inputs(model->ctx, plain, &input, &model->graph));
    model->graph->forms = plain->forms;
    model->graph->choices = plain->choices;
    weft_graph_destroy(plain);
    return WEFT_OK;
}

static weft_status make(weft_model *model, const weft_graph *graph)
{
    WEFT_TRY(weft_graph_clone(model->ctx, graph, model->opt.batch, &model->graph));
    model->n_params = model->graph->n_params;
    if (model->graph->n_outputs == 0)
        return weft_fail(WEFT_INVALID, "the graph has no output: mark one with weft_output");
    weft_model_choose_forms(model);
    if (model->opt.levels)
        WEFT_TRY(take_bytes(model));
    WEFT_TRY(weft_passes_run(model->graph, mode_of(&model->opt), model->passes));
    WEFT_TRY(measure(model));
    if (model->opt.memory && model->opt.training)
        WEFT_TRY(weft_model_recompute(model));
    WEFT_TRY(weft_model_plan(model));
    weft_log(model->ctx, WEFT_LOG_DEBUG, "planned %d steps: arena %zu bytes, packed parameters %zu bytes",
             model->n_steps, model->layout.bytes, model->packed_bytes);
    return model->opt.plan_only ? weft_model_place(model) : begin(model);
}

weft_status weft_model_make(weft_ctx *ctx, const weft_graph *graph, const weft_model_opt *opt, const weft_trial *trial,
                            weft_model **out)
{
    weft_model *model = weft_calloc(&ctx->allocator, 1, sizeof *model);
    if (!model)
        return WEFT_NO_MEMORY;
    model->ctx = ctx;
    model->opt = *opt;
    model->trial = trial;
    weft_arena_init(&model->arena, &ctx->allocator);
    const weft_status status = make(model, graph);
    model->trial = NULL; /* lent */
    if (status != WEFT_OK) {
        weft_model_destroy(model);
        return status;
    }
    *out = model;
    return WEFT_OK;
}

/* The memory of a model, and the store if it is its own. */
static void end(weft_model *model)
{
    const weft_device *device = model->ctx->device;
    if (model->lane)
        device->backend->lane_close(device, model->lane); /* and what runs, over */
    for (int32_t i = 0; model->staged && i < model->graph->n_inputs; i++)
        device->backend->host_free(device, model->staged[i]);
    if (model->record)
        device->backend->forget(device, model->record);
    device->backend->free(device, model->memory);
    device->backend->free(device, model->packed);
    if (model->store)
        model->store->models--;
    if (model->own_store)
        weft_store_destroy(model->store);
}

weft_status weft_model_begin(weft_model *model, weft_store *store)
{
    if (!model || !model->opt.plan_only)
        return weft_fail(WEFT_INVALID, "weft_model_begin: expected a model that was made with plan_only");
    model->opt.plan_only = false;
    model->opt.store = store;
    weft_status status = WEFT_OK;
    if (model->ctx->device->backend->build) /* what only runs need has not been built */
        status = weft_model_plan(model);
    if (status == WEFT_OK)
        status = begin(model);
    if (status == WEFT_OK)
        return WEFT_OK;
    end(model);
    model->opt.plan_only = true;
    model->opt.store = model->store = NULL;
    model->own_store = false;
    model->memory = model->packed = NULL;
    model->staged = NULL;
    model->lane = NULL;
    return status;
}

void weft_model_destroy(weft_model *model)
{
    if (!model)
        return;
    end(model);
    weft_arena_release(&model->arena);
    weft_graph_destroy(model->graph);
    weft_free(&model->ctx->allocator, model);
}

/* ---- parameters: those of the graph, in the store ---- */

weft_status weft_model_need_params(const weft_model *model, const char *what)
{
    if (!model || model->opt.plan_only)
        return weft_fail(WEFT_INVALID, "%s: %s", what, model ? "the model was made with plan_only" : "model is NULL");
    return WEFT_OK;
}

weft_store *weft_model_store(weft_model *model)
{
    return model ? model->store : NULL;
}

weft_status weft_model_init(weft_model *model, uint64_t seed)
{
    WEFT_TRY(weft_model_need_params(model, "weft_model_init"));
    return weft_store_init(model->store, seed);
}

int weft_model_param_count(const weft_model *model)
{
    return model ? model->n_params : 0;
}

weft_status weft_model_param(const weft_model *model, int index, weft_param_info *out)
{
    if (index < 0 || index >= weft_model_param_count(model))
        return weft_fail(WEFT_INVALID, "parameter %d: the model has parameters 0 to %d", index,
                         weft_model_param_count(model) - 1);
    return weft_graph_param(model->graph, index, out);
}

weft_status weft_model_set_param(weft_model *model, const char *name, const float *data, int64_t count)
{
    WEFT_TRY(weft_model_need_params(model, "weft_model_set_param"));
    return weft_store_set(model->store, name, data, count);
}

weft_status weft_model_get_param(const weft_model *model, const char *name, float *data, int64_t count)
{
    WEFT_TRY(weft_model_need_params(model, "weft_model_get_param"));
    return weft_store_get(model->store, name, data, count);
}

/* ---- ports ---- */

int weft_model_input_count(const weft_model *model)
{
    return model ? weft_graph_input_count(model->graph) : 0;
}

weft_status weft_model_input(const weft_model *model, int index, weft_port_info *out)
{
    return weft_graph_input(model ? model->graph : NULL, index, out);
}

int weft_model_output_count(const weft_model *model)
{
    return model ? weft_graph_output_count(model->graph) : 0;
}

weft_status weft_model_output(const weft_model *model, int index, weft_port_info *out)
{
    return weft_graph_output(model ? model->graph : NULL, index, out);
}
