/* SPDX-License-Identifier: Apache-2.0
 *
 * Rounds: several batches whose gradients make one update, of several ranks. Each rank adds up the gradients of its own
 * parts, and the sums pass once, with the gradients of the last batch in them.
 *
 * Which batch is the last is decided on the device: one that is not finite is replaced by the next (op/gate.c), so that
 * it is no matter of counting steps. All ranks have the same count of good batches, for what decides about it passes
 * for each batch. The host reads it where it must be known: before a batch that may be the last, and after one that may
 * have been. In between it counts by itself how far the round can have come. */
#include <math.h>

#include "op/gate.h"
#include "train/reduce.h"

static weft_op_id op_of(const weft_model *model, int32_t step)
{
    return model->steps[step].gnode->node.id;
}

/* Behind the last of the sums, so that what they read is still there. */
weft_status weft_round_find(weft_reduction *r, int32_t norm, int32_t *gate, int32_t *keep)
{
    const weft_model *const model = r->trainer->model;
    int32_t i = norm + 1;
    while (i < model->n_steps && op_of(model, i) != WEFT_OP_GATE && op_of(model, i) != WEFT_OP_SCALED_GATE)
        i++;
    *gate = *keep = i;
    for (; i < model->n_steps && op_of(model, i) != WEFT_OP_GRADIENT_NORM; i++)
        if (op_of(model, i) == WEFT_OP_ACCUMULATE && model->steps[i].together)
            *keep = i + model->steps[i].together;
    if (*gate >= *keep || *keep > i || i == model->n_steps || !model->steps[*gate].together ||
        !model->steps[*keep].together)
        return weft_fail(WEFT_INTERNAL, "ranks: the step has no gate between its norms");
    const weft_gnode *const gnode = model->steps[*gate].gnode;
    r->round.go = weft_model_view(model, gnode->out[gnode->node.id == WEFT_OP_GATE ? 1 : 2]).data;
    return r->round.go ? WEFT_OK : weft_fail(WEFT_INTERNAL, "ranks: the step has no gate of its own");
}

float *weft_round_sum(const weft_reduction *r, int32_t gradient)
{
    const weft_model *const model = r->trainer->model;
    for (int32_t i = 0; i < model->n_steps; i++) {
        const weft_gnode *const gnode = model->steps[i].gnode;
        if (gnode->node.id == WEFT_OP_ACCUMULATE && gnode->in[1] == gradient)
            return weft_model_view(model, gnode->out[0]).data;
    }
    return NULL;
}

/* How many good batches the round has, and what the next one's gradients are multiplied with: the gate's go. */
static weft_status look(weft_reduction *r)
{
    const weft_trainer *const t = r->trainer;
    float count = 0, scale[WEFT_SCALE_NUMBERS] = { [WEFT_SCALE_FACTOR] = 1 };
    WEFT_TRY(weft_store_get(t->store, WEFT_BATCHES_STATE, &count, 1));
    if (t->scaling != WEFT_SCALING_NONE)
        WEFT_TRY(weft_store_get(t->store, WEFT_SCALE_STATE, scale, WEFT_SCALE_NUMBERS));
    r->round.bound = (int)fmod((double)count, r->round.every);
    r->round.factor = 1.F / (float)r->round.every / scale[WEFT_SCALE_FACTOR];
    return WEFT_OK;
}

/* Steps that are the last have a recording of their own. */
static void choose_recording(weft_reduction *r)
{
    weft_round *const round = &r->round;
    if (round->last == round->recorded)
        return;
    void *const other = round->other;
    round->other = r->trainer->model->record;
    r->trainer->model->record = other;
    round->recorded = round->last;
}

weft_status weft_reduction_begin(weft_reduction *r)
{
    weft_round *const round = &r->round;
    const uint64_t version = r->trainer->store->version;
    if (round->every == 1)
        return WEFT_OK;
    /* In host memory looking costs nothing; who has changed the store may have changed the count. */
    if (!weft_model_is_apart(r->trainer->model) || round->version != version || round->bound < 0 ||
        round->bound == round->every - 1)
        WEFT_TRY(look(r));
    round->last = round->bound == round->every - 1;
    round->bound = round->last ? -1 : round->bound + 1;
    round->version = version + 1;
    choose_recording(r);
    return round->last && r->carrier->begin ? r->carrier->begin(r) : WEFT_OK;
}

/* ---- sums that are not yet whole, made the same on all ranks ---- */

enum { SOME = 1 << 12 };

static weft_status settle_some(const weft_reduction *r, float *sum, int count)
{
    const weft_device *const device = r->trainer->ctx->device;
    const int size = weft_ranks_size(r->ranks);
    const bool apart = weft_device_is_apart(device);
    float floats[SOME];
    double all[SOME];
    if (apart)
        WEFT_TRY(device->backend->read(device, floats, sum, (size_t)count * sizeof *floats));
    for (int i = 0; i < count; i++)
        all[i] = (double)(apart ? floats : sum)[i];
    WEFT_TRY(weft_ranks_add(r->ranks, all, count, "sums of gradients in the midst of a round"));
    for (int i = 0; i < count; i++)
        (apart ? floats : sum)[i] = (float)(all[i] / size);
    return apart ? device->backend->write(device, sum, floats, (size_t)count * sizeof *floats) : WEFT_OK;
}

weft_status weft_reduction_settle(weft_reduction *r)
{
    if (r->round.every == 1)
        return WEFT_OK;
    WEFT_TRY(look(r));
    for (int i = 0; i < r->n_pieces && r->round.bound > 0; i++) {
        const weft_reduced *const p = &r->pieces[i];
        for (int64_t at = 0, all = p->sum ? p->rows * p->channels : 0; at < all; at += SOME)
            WEFT_TRY(settle_some(r, p->sum + at, (int)(all - at < SOME ? all - at : SOME)));
    }
    r->trainer->store->version += r->round.bound > 0;
    return WEFT_OK;
}
