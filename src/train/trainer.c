/* SPDX-License-Identifier: Apache-2.0
 *
 * Trainers: the program of one step over a store, and its inputs. */
#include "train/train.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "graph/twin.h"
#include "op/gate.h"
#include "ranks/ranks.h"

/* ---- making ---- */

int weft_train_input(const weft_graph *graph, const char *name)
{
    for (int32_t i = 0; i < graph->n_inputs; i++)
        if (strcmp(graph->values[graph->inputs[i]].name, name) == 0)
            return i;
    return -1;
}

/* The network's own input: the one that is none of ours. */
static int input_of_network(const weft_trainer *t)
{
    for (int32_t i = 0; i < t->graph->n_inputs; i++)
        if (i != t->labels && i != t->targets && i != t->lr && i != t->number)
            return i;
    return -1;
}

static weft_status describe(weft_trainer *t, const weft_graph *network, const weft_train_opt *opt)
{
    t->n_params = network->n_params;
    t->params = weft_arena_array(&t->arena, (size_t)t->n_params, sizeof *t->params);
    if (!t->params)
        return WEFT_NO_MEMORY;
    WEFT_TRY(weft_train_params(network, opt, t->params));
    for (int i = 0; i < t->n_params; i++)
        if (!(t->params[i].name = weft_arena_text(&t->arena, "%s", t->params[i].name)))
            return WEFT_NO_MEMORY;
    return WEFT_OK;
}

/* Of a batch of images. */
static size_t count_bytes(const weft_trainer *t, const weft_graph *network)
{
    const int64_t batch = t->graph->values[t->graph->inputs[t->images]].shape.dim[0];
    const weft_shape *image = &network->values[network->inputs[0]].shape;
    return (size_t)(batch * image->dim[1] * image->dim[2] * image->dim[3]);
}

/* The store that is shared, else one of its own, drawn. */
static weft_status need_store(weft_trainer *t)
{
    const weft_graph *const graphs[] = { t->graph };
    if (t->store)
        return WEFT_OK;
    WEFT_TRY(weft_store_create(t->ctx, graphs, 1, &t->store));
    t->own_store = true;
    return weft_store_init(t->store, t->seed);
}

/* Rows of results (below). */
static weft_status need_slots(weft_trainer *t)
{
    const weft_device *device = t->ctx->device;
    const size_t bytes = sizeof(float) * WEFT_TRAIN_SLOT * WEFT_STEPS_AHEAD;
    void *slots;
    if (t->slots)
        return WEFT_OK;
    if (weft_device_is_apart(device)) {
        WEFT_TRY(device->backend->host_alloc(device, bytes, &slots));
    } else {
        slots = weft_alloc(device->allocator, bytes);
        if (!slots)
            return WEFT_NO_MEMORY;
    }
    t->slots = slots;
    return WEFT_OK;
}

static void free_slots(const weft_trainer *t)
{
    const weft_device *device = t->ctx->device;
    if (weft_device_is_apart(device))
        device->backend->host_free(device, t->slots);
    else
        weft_free(device->allocator, t->slots);
}

static void free_marks(const weft_trainer *t)
{
    const weft_device *device = t->ctx->device;
    for (int i = 0; i < WEFT_STEPS_AHEAD && device->backend->unmark; i++) {
        device->backend->unmark(device, t->marks[i][0]);
        device->backend->unmark(device, t->marks[i][1]);
    }
}

/* What steps need beside their program. */
static weft_status prepare_steps(weft_trainer *t)
{
    WEFT_TRY(t->ctx->device->dry ? WEFT_OK : need_slots(t));
    return weft_ranks_size(t->ranks) > 1 ? weft_reduction_create(t, &t->reduction) : WEFT_OK;
}

static weft_status make(weft_trainer *t, const weft_graph *network, const weft_train_opt *opt)
{
    WEFT_TRY(weft_train_graph(t->ctx, network, opt, &t->graph));
    WEFT_TRY(describe(t, network, opt));
    t->store = opt->store;
    t->seed = opt->seed;
    t->ranks = opt->ranks;
    t->bucket = opt->bucket;
    t->times = opt->times;
    t->accumulate = opt->accumulate > 1 ? opt->accumulate : 1;
    t->scaling = weft_train_scale(t->ctx, opt).kind;
    t->labels = weft_train_input(t->graph, WEFT_LABELS_INPUT);
    t->targets = weft_train_input(t->graph, WEFT_TARGETS_INPUT);
    t->lr = weft_train_input(t->graph, WEFT_LR_INPUT);
    t->number = weft_train_input(t->graph, WEFT_STEP_INPUT);
    t->images = input_of_network(t);
    if (t->images < 0)
        return weft_fail(WEFT_INVALID, "the network has no input");
    if (opt->levels)
        t->byte_count = count_bytes(t, network);
    if (!opt->plan_only)
        WEFT_TRY(need_store(t));
    /* Images are read until a step's very end, so that it costs nothing to keep them where they are. */
    WEFT_TRY(weft_model_create(t->ctx, t->graph, &(weft_model_opt){ .training = true, .store = t->store,
                                                                    .plan_only = opt->plan_only, .resident = true,
                                                                    .ahead = true, .memory = opt->memory }, &t->model));
    return opt->plan_only ? WEFT_OK : prepare_steps(t);
}

weft_status weft_trainer_create(weft_ctx *ctx, const weft_graph *network, const weft_train_opt *opt,
                                weft_trainer **out)
{
    static const weft_train_opt defaults = { 0 };
    if (!ctx || !network || !out)
        return weft_fail(WEFT_INVALID, "weft_trainer_create: ctx, network and out must not be NULL");
    WEFT_TRY(weft_graph_status(network));
    weft_trainer *t = weft_calloc(&ctx->allocator, 1, sizeof *t);
    if (!t)
        return WEFT_NO_MEMORY;
    t->ctx = ctx;
    weft_arena_init(&t->arena, &ctx->allocator);
    const weft_status status = make(t, network, opt ? opt : &defaults);
    if (status != WEFT_OK) {
        weft_trainer_destroy(t);
        return status;
    }
    *out = t;
    return WEFT_OK;
}

weft_status weft_trainer_begin(weft_trainer *trainer)
{
    if (!trainer)
        return weft_fail(WEFT_INVALID, "weft_trainer_begin: trainer is NULL");
    WEFT_TRY(need_store(trainer));
    WEFT_TRY(weft_model_begin(trainer->model, trainer->store));
    return prepare_steps(trainer);
}

void weft_trainer_destroy(weft_trainer *trainer)
{
    if (!trainer)
        return;
    weft_reduction_destroy(trainer->reduction);
    weft_model_destroy(trainer->model);
    if (trainer->own_store)
        weft_store_destroy(trainer->store);
    free_slots(trainer); /* nothing is under way any more */
    free_marks(trainer);
    weft_graph_destroy(trainer->graph);
    weft_arena_release(&trainer->arena);
    weft_free(&trainer->ctx->allocator, trainer);
}

/* ---- asking ---- */

weft_store *weft_trainer_store(weft_trainer *trainer)
{
    return trainer ? trainer->store : NULL;
}

weft_model *weft_trainer_model(weft_trainer *trainer)
{
    return trainer ? trainer->model : NULL;
}

int64_t weft_trainer_position(const weft_trainer *trainer)
{
    return trainer ? trainer->step : 0;
}

void weft_trainer_set_position(weft_trainer *trainer, int64_t step)
{
    if (trainer)
        trainer->step = step;
}

const char *weft_trainer_passage(const weft_trainer *trainer)
{
    return trainer && trainer->reduction ? weft_reduction_passage(trainer->reduction) : "";
}

static const char PARAMETERS[] = "sharing the parameters";

static weft_status share_through_host(const weft_trainer *t)
{
    const weft_store *const store = t->store;
    const weft_device *const device = store->ctx->device;
    void *const host = weft_alloc(&t->ctx->allocator, store->bytes);
    if (!host)
        return WEFT_NO_MEMORY;
    weft_status status = device->backend->read(device, host, store->memory, store->bytes);
    if (status == WEFT_OK)
        status = weft_ranks_broadcast(t->ranks, host, store->bytes, PARAMETERS);
    if (status == WEFT_OK)
        status = device->backend->write(device, store->memory, host, store->bytes);
    weft_free(&t->ctx->allocator, host);
    return status;
}

weft_status weft_trainer_share(weft_trainer *trainer)
{
    if (!trainer || !trainer->store)
        return weft_fail(WEFT_INVALID, "weft_trainer_share: trainer is NULL, or has no parameters yet");
    if (weft_ranks_size(trainer->ranks) == 1)
        return WEFT_OK;
    weft_store *const store = trainer->store;
    WEFT_TRY(weft_device_is_apart(store->ctx->device)
                 ? share_through_host(trainer)
                 : weft_ranks_broadcast(trainer->ranks, store->memory, store->bytes, PARAMETERS));
    WEFT_TRY(weft_ranks_broadcast(trainer->ranks, &trainer->step, sizeof trainer->step, "sharing the step"));
    store->version++;
    return WEFT_OK;
}

weft_status weft_trainer_settle(weft_trainer *trainer)
{
    if (!trainer)
        return weft_fail(WEFT_INVALID, "weft_trainer_settle: trainer is NULL");
    return trainer->reduction ? weft_reduction_settle(trainer->reduction) : WEFT_OK;
}

int weft_trainer_param_count(const weft_trainer *trainer)
{
    return trainer ? trainer->n_params : 0;
}

weft_status weft_trainer_param(const weft_trainer *trainer, int index, weft_trained_info *out)
{
    if (!out || index < 0 || index >= weft_trainer_param_count(trainer))
        return weft_fail(WEFT_INVALID, "parameter %d: the trainer has parameters 0 to %d", index,
                         weft_trainer_param_count(trainer) - 1);
    *out = trainer->params[index];
    return WEFT_OK;
}

/* ---- steps ---- */

static weft_status set(weft_trainer *t, int input, const void *data)
{
    if (input < 0)
        return WEFT_OK;
    const weft_shape *shape = &t->graph->values[t->graph->inputs[input]].shape;
    return weft_model_set_input(t->model, input, data, (size_t)weft_shape_count(shape) * sizeof(float));
}

static bool is_whole(const weft_trainer *t, const weft_batch *batch)
{
    return batch->labels && (t->targets < 0 || batch->targets) && (t->byte_count ? batch->bytes != NULL
                                                                                 : batch->images != NULL);
}

static weft_status feed_batch(weft_trainer *t, const weft_batch *batch)
{
    WEFT_TRY(t->byte_count ? weft_model_set_bytes(t->model, t->images, batch->bytes, t->byte_count)
                           : set(t, t->images, batch->images));
    WEFT_TRY(set(t, t->labels, batch->labels));
    WEFT_TRY(set(t, t->targets, batch->targets));
    t->fed = true;
    return WEFT_OK;
}

weft_status weft_trainer_feed(weft_trainer *t, const weft_batch *batch, double lr, int64_t step)
{
    const float rate = (float)lr;
    const int32_t number = (int32_t)(step & INT32_MAX);
    if (!t || !(batch ? is_whole(t, batch) : t->fed))
        return weft_fail(WEFT_INVALID, "a step of training: trainer, batch, its %s, labels and, where the trainer "
                                       "wants them, targets must not be NULL",
                         t && t->byte_count ? "bytes (the trainer has levels)" : "images");
    if (!isfinite(lr))
        return weft_fail(WEFT_INVALID, "a step of training: the learning rate is %g", lr);
    WEFT_TRY(weft_model_need_memory(t->model, "a step of training"));
    WEFT_TRY(batch ? feed_batch(t, batch) : WEFT_OK);
    WEFT_TRY(set(t, t->lr, &rate));
    return set(t, t->number, &number);
}

/* ---- results: a row of outputs for each step, which is filled when the step is done ---- */

/* Where outputs lie in a row. */
static const int columns[WEFT_TRAIN_OUTPUTS] = { [WEFT_TRAIN_LOSS] = 0, [WEFT_TRAIN_HITS] = 1, [WEFT_TRAIN_NORM] = 3,
                                                 [WEFT_TRAIN_GO] = 4, [WEFT_TRAIN_BATCH_NORM] = 6,
                                                 [WEFT_TRAIN_SCALE] = 7 };

static bool has_output(const weft_trainer *t, int output)
{
    return output == WEFT_TRAIN_BATCH_NORM ? t->accumulate > 1
                                           : output != WEFT_TRAIN_SCALE || t->scaling != WEFT_SCALING_NONE;
}

static float *row_of(const weft_trainer *t, int64_t turn)
{
    return t->slots + turn % WEFT_STEPS_AHEAD * WEFT_TRAIN_SLOT;
}

/* The begin (0) or the end (1) of a step that is being submitted. */
static weft_status mark(weft_trainer *t, int end)
{
    const weft_device *device = t->ctx->device;
    const int64_t slot = t->submitted % WEFT_STEPS_AHEAD;
    if (!t->times || device->dry)
        return WEFT_OK;
    if (device->backend->mark)
        return device->backend->mark(device, &t->marks[slot][end]);
    t->seconds[slot] = end ? weft_clock() - t->seconds[slot] : weft_clock();
    return WEFT_OK;
}

/* What a step that is over took. */
static weft_status read_time(const weft_trainer *t, int64_t turn, double *seconds)
{
    const weft_device *device = t->ctx->device;
    void *const *marks = t->marks[turn % WEFT_STEPS_AHEAD];
    *seconds = t->seconds[turn % WEFT_STEPS_AHEAD];
    return marks[1] ? device->backend->taken(device, marks[0], marks[1], seconds) : WEFT_OK;
}

static void read_row(const weft_trainer *t, int64_t turn, weft_step_result *out)
{
    const float *row = row_of(t, turn), *hits = row + columns[WEFT_TRAIN_HITS], *go = row + columns[WEFT_TRAIN_GO];
    const float loss = row[columns[WEFT_TRAIN_LOSS]], norm = row[columns[WEFT_TRAIN_NORM]];
    const float batch_norm = t->accumulate > 1 ? row[columns[WEFT_TRAIN_BATCH_NORM]] : norm;
    const float *scale = row + columns[WEFT_TRAIN_SCALE];
    *out = (weft_step_result){ .loss = (double)loss, .top1 = (int64_t)hits[0], .top5 = (int64_t)hits[1],
                               .gradient_norm = (double)batch_norm, .updated = go[0] > 0, .updates = (int64_t)go[1],
                               .finite = isfinite(loss) && isfinite(norm) && isfinite(batch_norm),
                               .step = t->steps[turn % WEFT_STEPS_AHEAD], .scale = 1 };
    if (t->scaling == WEFT_SCALING_NONE)
        return;
    out->scale = (double)scale[WEFT_SCALE_FACTOR];
    out->skips = (int64_t)scale[WEFT_SCALE_SKIPPED];
    const bool halved = !isfinite(loss) || !isfinite(batch_norm); /* sums of batches are not scaled */
    out->skipped = halved && t->scaling == WEFT_SCALING_DYNAMIC && out->scale >= WEFT_SCALE_LEAST;
}

weft_status weft_trainer_submit(weft_trainer *trainer, const weft_batch *batch, double lr)
{
    if (trainer && trainer->submitted - trainer->read >= WEFT_STEPS_AHEAD)
        return weft_fail(WEFT_INVALID, "weft_trainer_submit: the results of %d steps have not been read, which is the "
                         "most: call weft_trainer_results", WEFT_STEPS_AHEAD);
    WEFT_TRY(trainer ? weft_ctx_go(trainer->ctx, "a step of training") : WEFT_OK);
    WEFT_TRY(weft_trainer_feed(trainer, batch, lr, trainer ? trainer->step : 0));
    WEFT_TRY(need_slots(trainer));
    if (trainer->reduction) {
        weft_ranks_at(trainer->ranks, trainer->step);
        WEFT_TRY(weft_reduction_begin(trainer->reduction));
    }
    WEFT_TRY(mark(trainer, 0));
    WEFT_TRY(weft_model_run_later(trainer->model));
    const int64_t slot = trainer->submitted % WEFT_STEPS_AHEAD;
    for (int output = 0, i = 0; output < WEFT_TRAIN_OUTPUTS; output++)
        if (has_output(trainer, output))
            WEFT_TRY(weft_model_fetch(trainer->model, i++, row_of(trainer, slot) + columns[output]));
    WEFT_TRY(mark(trainer, 1));
    trainer->tickets[slot] = trainer->model->sends;
    trainer->steps[slot] = trainer->step++;
    trainer->submitted++;
    return WEFT_OK;
}

weft_status weft_trainer_results(weft_trainer *trainer, bool wait, weft_step_result *out, int room, int *count)
{
    if (!trainer || !out || !count || room < 1)
        return weft_fail(WEFT_INVALID, "weft_trainer_results: expected a trainer, and room for a result or more");
    if (wait && trainer->read < trainer->submitted)
        WEFT_TRY(weft_model_wait(trainer->model));
    int n = 0;
    for (; n < room && trainer->read < trainer->submitted; n++, trainer->read++) {
        if (trainer->tickets[trainer->read % WEFT_STEPS_AHEAD] > trainer->model->over)
            break;
        read_row(trainer, trainer->read, &out[n]);
        WEFT_TRY(read_time(trainer, trainer->read, &out[n].seconds));
    }
    *count = n;
    return WEFT_OK;
}

weft_status weft_trainer_step(weft_trainer *trainer, const weft_batch *batch, double lr, weft_step_result *out)
{
    WEFT_TRY(weft_trainer_submit(trainer, batch, lr));
    trainer->submitted--; /* nobody else is to read it */
    WEFT_TRY(weft_model_wait(trainer->model));
    if (out)
        read_row(trainer, trainer->submitted, out);
    return out ? read_time(trainer, trainer->submitted, &out->seconds) : WEFT_OK;
}
