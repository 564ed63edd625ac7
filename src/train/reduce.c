/* SPDX-License-Identifier: Apache-2.0
 *
 * What ranks share in a step. Everything that the program computes of this rank's part of the batch and that decides
 * about the update - gradients, loss, hits - or stays - statistics of norms - becomes that of the whole batch,
 * in place, before the first node reads it that decides: gradient_norm. So the gate opens on all ranks or on none, and
 * after the step all have the same bits of everything. Where several batches make one update, gradients pass with the
 * last of them alone, in sums (round.c), which come back before the first node that reads these.
 *
 * Where norms are to be by the whole batch, what their halves find out is merged between them (merge.c).
 *
 * These pieces are put into buckets in the order in which the backward pass has them. A bucket is copied together and
 * posted as soon as its last piece is there, and passes between the ranks while the backward pass goes on. A piece is
 * there once no node before gradient_norm touches its memory any more, which may be shared with other values. How a
 * bucket passes is its carrier's matter (carry.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "train/reduce.h"

enum { BUCKET = 1 << 20, FLOATS = 4 /* in 16 bytes */ };

/* ---- what is shared ---- */

/* The step that reads all gradients of a batch. */
static int32_t find_norm(const weft_model *model)
{
    int32_t i = 0;
    while (i < model->n_steps && model->steps[i].gnode->node.id != WEFT_OP_GRADIENT_NORM)
        i++;
    return i;
}

static weft_reduced *add_piece(weft_reduction *r, int32_t value, float share)
{
    const weft_value *v = &r->trainer->model->graph->values[value];
    for (int i = 0; i < r->n_pieces; i++)
        if (r->pieces[i].value == value)
            return &r->pieces[i];
    weft_reduced *const piece = &r->pieces[r->n_pieces++];
    *piece = (weft_reduced){ .value = value, .share = share, .rows = weft_shape_rows(&v->shape),
                             .channels = weft_shape_channels(&v->shape) };
    return piece;
}

/* Whether a step before `end` computes a value. */
static bool is_made_before(const weft_model *model, int32_t end, int32_t value)
{
    bool found = false;
    for (int32_t i = 0; i < end && !found; i++)
        for (int o = 0; o < model->steps[i].gnode->node.n_out && !found; o++)
            found = model->steps[i].gnode->out[o] == value;
    return found;
}

/* Gradients, loss and hits, and the statistics of the batch, which states follow once the gate is open. In rounds the
 * norm of a batch is that of this rank's part: what passes is their mean, which is finite if all of them are. */
static weft_status find_pieces(weft_reduction *r, int32_t norm)
{
    const weft_model *model = r->trainer->model;
    const weft_gnode *last = model->steps[norm].gnode;
    const float mean = 1.F / (float)weft_ranks_size(r->ranks);
    const size_t room = (size_t)last->node.n_in + 3 + (size_t)(model->n_steps - norm);
    r->pieces = weft_calloc(r->allocator, room, sizeof *r->pieces);
    if (!r->pieces)
        return WEFT_NO_MEMORY;
    for (int k = 0; k < last->node.n_in; k++) {
        weft_reduced *const piece = add_piece(r, last->in[k], mean);
        if (r->round.every > 1 && !(piece->sum = weft_round_sum(r, piece->value)))
            return weft_fail(WEFT_INTERNAL, "ranks: a gradient is not added up");
    }
    if (r->round.every > 1)
        add_piece(r, last->out[0], mean);
    add_piece(r, model->graph->outputs[WEFT_TRAIN_LOSS].value, mean);
    add_piece(r, model->graph->outputs[WEFT_TRAIN_HITS].value, 1);
    for (int32_t i = norm; i < model->n_steps; i++) {
        const weft_gnode *gnode = model->steps[i].gnode;
        if (gnode->node.id == WEFT_OP_MOVING_AVERAGE && is_made_before(model, norm, gnode->in[1]) &&
            model->graph->nodes[model->graph->values[gnode->in[1]].maker].node.id != WEFT_OP_BATCH_NORM_BY)
            add_piece(r, gnode->in[1], mean);
    }
    return WEFT_OK;
}

/* Whether two values may lie in the same memory. */
static bool touch(const weft_model *model, int32_t a, int32_t b)
{
    const weft_place *x = &model->layout.place[a], *y = &model->layout.place[b];
    return a == b || (x->storage == y->storage && x->storage != WEFT_NOWHERE &&
                      (x->storage != WEFT_IN_STORE || x->offset == y->offset));
}

static bool is_touched(const weft_model *model, const weft_gnode *gnode, int32_t value)
{
    bool found = false;
    for (int k = 0; k < gnode->node.n_in && !found; k++)
        found = touch(model, gnode->in[k], value);
    for (int k = 0; k < gnode->node.n_out && !found; k++)
        found = touch(model, gnode->out[k], value);
    return found;
}

/* end: the step that reads it as that of all ranks. */
static weft_status place_piece(const weft_reduction *r, weft_reduced *p, int32_t end)
{
    const weft_model *model = r->trainer->model;
    const weft_view view = weft_model_view(model, p->value);
    p->data = view.data;
    p->ld = view.ld;
    for (int32_t i = end - 1; i >= 0 && !p->ready; i--)
        if (is_touched(model, model->steps[i].gnode, p->value))
            p->ready = i + 1;
    while (p->ready < end && !model->steps[p->ready].together) /* steps that run as one have no between */
        p->ready++;
    p->dtype = model->graph->values[p->value].dtype;
    if (!p->data || !p->ready || p->dtype == WEFT_I32)
        return weft_fail(WEFT_INTERNAL, "ranks: '%s' is not there before the gradients' norm",
                         model->graph->values[p->value].name ? model->graph->values[p->value].name : "a gradient");
    return WEFT_OK;
}

/* ---- buckets ---- */

/* Sums first. */
static int by_time(const void *a, const void *b)
{
    const weft_reduced *const x = a, *const y = b;
    if (!x->sum != !y->sum)
        return x->sum ? -1 : 1;
    if (x->ready != y->ready)
        return x->ready < y->ready ? -1 : 1;
    return x->value < y->value ? -1 : x->value > y->value;
}

static int64_t count_of(const weft_reduced *p)
{
    return p->rows * p->channels;
}

static bool is_full(const weft_bucket *b, const weft_reduced *next, int64_t limit)
{
    return b->count && (b->sums != (next->sum != NULL) || b->exchange.count + count_of(next) > limit);
}

/* Pieces to buckets: what is there early goes early, and none is larger than it must be. Sums begin where devices read
 * 16 bytes at a time. */
static weft_status fill_buckets(weft_reduction *r)
{
    const int64_t limit = (int64_t)((r->trainer->bucket ? r->trainer->bucket : BUCKET) / sizeof(float));
    r->buckets = weft_calloc(r->allocator, (size_t)r->n_pieces, sizeof *r->buckets);
    if (!r->buckets)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < r->n_pieces; i++) {
        weft_reduced *p = &r->pieces[i];
        weft_bucket *b = r->n_buckets ? &r->buckets[r->n_buckets - 1] : NULL;
        if (!b || is_full(b, p, limit)) {
            b = &r->buckets[r->n_buckets++];
            b->first = i;
            b->sums = p->sum != NULL;
        }
        p->at = b->exchange.count;
        b->count++;
        b->exchange.count += p->sum ? (int64_t)weft_round_up((size_t)count_of(p), FLOATS) : count_of(p);
    }
    return WEFT_OK;
}

static void name_buckets(weft_reduction *r)
{
    for (int i = 0; i < r->n_buckets; i++) {
        weft_bucket *b = &r->buckets[i];
        snprintf(b->what, sizeof b->what, "sum of gradients %d of %d", i + 1, r->n_buckets);
        b->exchange.kind = WEFT_EXCHANGE_SUM;
        b->exchange.what = b->what;
    }
}

/* ---- between steps ---- */

/* Merges first: they are waited for. */
static int by_step(const void *a, const void *b)
{
    const weft_event *const x = a, *const y = b;
    const int x_at[] = { x->before, (int)x->deed, x->index }, y_at[] = { y->before, (int)y->deed, y->index };
    int i = 0;
    while (i < 2 && x_at[i] == y_at[i])
        i++;
    return x_at[i] < y_at[i] ? -1 : x_at[i] > y_at[i];
}

/* finish, keep: the steps before which what passed must have come; keep 0: there are no sums. */
static weft_status list_events(weft_reduction *r, int32_t finish, int32_t keep)
{
    const size_t room = (size_t)r->merger.between.count + (size_t)r->n_buckets + 2;
    r->events = weft_calloc(r->allocator, room, sizeof *r->events);
    r->before = weft_calloc(r->allocator, room, sizeof *r->before);
    if (!r->events || !r->before)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < r->merger.between.count; i++)
        r->events[r->n_events++] = (weft_event){ r->merger.before[i], MERGE, i };
    for (int i = 0; i < r->n_buckets; i++)
        r->events[r->n_events++] =
            (weft_event){ r->pieces[r->buckets[i].first + r->buckets[i].count - 1].ready, POST, i };
    r->events[r->n_events++] = (weft_event){ finish, FINISH, 0 };
    if (keep)
        r->events[r->n_events++] = (weft_event){ keep, KEEP, 0 };
    qsort(r->events, (size_t)r->n_events, sizeof *r->events, by_step);
    for (int i = 0; i < r->n_events; i++)
        r->before[i] = r->events[i].before;
    return WEFT_OK;
}

static weft_status merge(weft_reduction *r, int index)
{
    return r->merger.between.run(r->merger.between.user, index);
}

static weft_status post(weft_reduction *r, int index)
{
    if (r->buckets[index].sums && !r->round.last)
        return WEFT_OK;
    r->round.passed += r->buckets[index].sums;
    return r->carrier->post(r, index);
}

static weft_status finish(weft_reduction *r, int index)
{
    (void)index;
    return r->carrier->finish(r);
}

static weft_status keep(weft_reduction *r, int index)
{
    (void)index;
    return r->round.last ? r->carrier->keep(r) : WEFT_OK;
}

static weft_status run(void *user, int index)
{
    static weft_status (*const deeds[])(weft_reduction *, int) = { [MERGE] = merge, [POST] = post, [FINISH] = finish,
                                                                   [KEEP] = keep };
    weft_reduction *r = user;
    return deeds[r->events[index].deed](r, r->events[index].index);
}

/* ---- making ---- */

/* What must be equal, in one line each. */
static weft_status agree(const weft_reduction *r)
{
    const weft_model *model = r->trainer->model;
    char pieces[WEFT_SHA256_TEXT], text[256];
    weft_sha256 sum;
    weft_sha256_begin(&sum);
    for (int i = 0; i < r->n_pieces; i++) {
        const int64_t facts[] = { r->pieces[i].value, r->pieces[i].rows, r->pieces[i].channels };
        weft_sha256_add(&sum, facts, sizeof facts);
    }
    weft_sha256_add(&sum, r->before, (size_t)r->n_events * sizeof *r->before);
    weft_sha256_end(&sum, pieces);
    snprintf(text, sizeof text, "device %s\nprecision %s\nisa %s\nseed %llu\nsteps of the program %d\n"
             "bytes of the store %zu\ngradients %s\n",
             weft_model_is_apart(model) ? "cuda" : "cpu", weft_precision_name(weft_ctx_precision(r->trainer->ctx)),
             weft_ctx_isa(r->trainer->ctx), (unsigned long long)r->trainer->seed, model->n_steps,
             r->trainer->store->bytes, pieces);
    return weft_ranks_agree(r->ranks, text, "the trainers of all ranks must be alike");
}

static weft_status make(weft_reduction *r)
{
    weft_model *model = r->trainer->model;
    const int32_t norm = find_norm(model);
    if (model->ctx->device->dry)
        return weft_fail(WEFT_UNSUPPORTED, "ranks do not train on the device %s, which runs nothing",
                         weft_ctx_device(model->ctx));
    if (norm == model->n_steps || !model->steps[norm].together)
        return weft_fail(WEFT_INTERNAL, "ranks: the step has no norm of its gradients");
    int32_t finish = norm, keep = 0;
    if (r->round.every > 1)
        WEFT_TRY(weft_round_find(r, norm, &finish, &keep));
    WEFT_TRY(find_pieces(r, norm));
    for (int i = 0; i < r->n_pieces; i++)
        WEFT_TRY(place_piece(r, &r->pieces[i], r->pieces[i].sum ? norm : finish));
    qsort(r->pieces, (size_t)r->n_pieces, sizeof *r->pieces, by_time);
    WEFT_TRY(fill_buckets(r));
    name_buckets(r);
    WEFT_TRY(weft_merger_make(model, r->ranks, &r->merger));
    WEFT_TRY(list_events(r, finish, keep));
    WEFT_TRY(agree(r));
    WEFT_TRY(weft_carrier_choose(r));
    r->between = (weft_between){ r->before, r->n_events, r->carrier->queues, run, r };
    model->between = &r->between;
    return WEFT_OK;
}

weft_status weft_reduction_create(weft_trainer *trainer, weft_reduction **out)
{
    weft_reduction *const r = weft_calloc(&trainer->ctx->allocator, 1, sizeof *r);
    if (!r)
        return WEFT_NO_MEMORY;
    r->allocator = &trainer->ctx->allocator;
    r->ranks = trainer->ranks;
    r->trainer = trainer;
    r->round = (weft_round){ .every = trainer->accumulate, .bound = -1 };
    const weft_status status = make(r);
    if (status != WEFT_OK) {
        weft_reduction_destroy(r);
        return status;
    }
    *out = r;
    return WEFT_OK;
}

void weft_reduction_destroy(weft_reduction *r)
{
    if (!r)
        return;
    r->trainer->model->between = NULL;
    if (r->carrier)
        r->carrier->release(r);
    if (!weft_ranks_is_quiet(r->ranks))
        return; /* messages may still come to it; the process is about to end */
    weft_free(r->allocator, r->pieces);
    weft_free(r->allocator, r->buckets);
    weft_free(r->allocator, r->before);
    weft_free(r->allocator, r->events);
    weft_merger_release(&r->merger);
    weft_free(r->allocator, r->memory);
    weft_free(r->allocator, r->sums);
    weft_free(r->allocator, r->parts);
    weft_free(r->allocator, r->part);
    weft_free(r->allocator, r);
}
