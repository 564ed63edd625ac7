/* SPDX-License-Identifier: Apache-2.0
 *
 * Trainers: the program of one step over a store, and its inputs. */
#include <string.h>

#include "graph/twin.h"
#include "program/program.h"
#include "train/train.h"

struct weft_trainer {
    weft_ctx *ctx;
    weft_graph *graph;
    weft_store *store;
    weft_model *model;
    bool own_store;
    int64_t step;
    int images, labels, targets, lr, number; /* inputs; -1: none */
};

static int input_named(const weft_graph *graph, const char *name)
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

static weft_status make(weft_trainer *t, const weft_graph *network, const weft_train_opt *opt)
{
    WEFT_TRY(weft_train_graph_create(t->ctx, network, opt, &t->graph));
    const weft_graph *const graphs[] = { network, t->graph };
    if (!opt->store && !opt->plan_only) {
        WEFT_TRY(weft_store_create(t->ctx, graphs, 2, &t->store));
        t->own_store = true;
        WEFT_TRY(weft_store_init(t->store, opt->seed));
    } else {
        t->store = opt->store;
    }
    t->labels = input_named(t->graph, WEFT_LABELS_INPUT);
    t->targets = input_named(t->graph, WEFT_TARGETS_INPUT);
    t->lr = input_named(t->graph, WEFT_LR_INPUT);
    t->number = input_named(t->graph, WEFT_STEP_INPUT);
    t->images = input_of_network(t);
    if (t->images < 0)
        return weft_fail(WEFT_INVALID, "the network has no input");
    return weft_model_create(t->ctx, t->graph, &(weft_model_opt){ .training = true, .store = t->store,
                                                                  .plan_only = opt->plan_only }, &t->model);
}

weft_status weft_trainer_create(weft_ctx *ctx, const weft_graph *network, const weft_train_opt *opt,
                                weft_trainer **out)
{
    static const weft_train_opt defaults = { 0 };
    if (!ctx || !network || !out)
        return weft_fail(WEFT_INVALID, "weft_trainer_create: ctx, network and out must not be NULL");
    WEFT_TRY(weft_graph_status(network));
    if (!opt)
        opt = &defaults;
    if ((unsigned)opt->optimizer.kind >= WEFT_OPTIMIZER_COUNT || (unsigned)opt->loss >= WEFT_LOSS_COUNT)
        return weft_fail(WEFT_INVALID, "weft_trainer_create: no such optimiser or loss");
    weft_trainer *t = weft_calloc(&ctx->allocator, 1, sizeof *t);
    if (!t)
        return WEFT_NO_MEMORY;
    t->ctx = ctx;
    const weft_status status = make(t, network, opt);
    if (status != WEFT_OK) {
        weft_trainer_destroy(t);
        return status;
    }
    *out = t;
    return WEFT_OK;
}

void weft_trainer_destroy(weft_trainer *trainer)
{
    if (!trainer)
        return;
    weft_model_destroy(trainer->model);
    if (trainer->own_store)
        weft_store_destroy(trainer->store);
    weft_graph_destroy(trainer->graph);
    weft_free(&trainer->ctx->allocator, trainer);
}

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

/* ---- steps ---- */

static weft_status set(weft_trainer *t, int input, const void *data)
{
    if (input < 0)
        return WEFT_OK;
    const weft_shape *shape = &t->graph->values[t->graph->inputs[input]].shape;
    return weft_model_set_input(t->model, input, data, (size_t)weft_shape_count(shape) * sizeof(float));
}

static weft_status feed(weft_trainer *t, const weft_batch *batch, double lr)
{
    const float rate = (float)lr;
    const int32_t number = (int32_t)(t->step & INT32_MAX);
    WEFT_TRY(set(t, t->images, batch->images));
    WEFT_TRY(set(t, t->labels, batch->labels));
    WEFT_TRY(set(t, t->targets, batch->targets));
    WEFT_TRY(set(t, t->lr, &rate));
    return set(t, t->number, &number);
}

weft_status weft_trainer_step(weft_trainer *trainer, const weft_batch *batch, double lr, weft_step_result *out)
{
    if (!trainer || !batch || !batch->images || !batch->labels || (trainer->targets >= 0 && !batch->targets))
        return weft_fail(WEFT_INVALID, "weft_trainer_step: trainer, batch, its images, labels and, where the trainer "
                                       "wants them, targets must not be NULL");
    float loss, hits[2];
    WEFT_TRY(feed(trainer, batch, lr));
    WEFT_TRY(weft_model_run(trainer->model));
    WEFT_TRY(weft_model_get_output(trainer->model, WEFT_TRAIN_LOSS, &loss, sizeof loss));
    WEFT_TRY(weft_model_get_output(trainer->model, WEFT_TRAIN_HITS, hits, sizeof hits));
    trainer->step++;
    if (out)
        *out = (weft_step_result){ (double)loss, (int64_t)hits[0], (int64_t)hits[1] };
    return WEFT_OK;
}
