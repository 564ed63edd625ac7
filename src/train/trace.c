/* SPDX-License-Identifier: Apache-2.0
 *
 * Averages of parameters copied out, and the search for the first number that is not finite: parameters, inputs, then
 * the nodes of a step one after the other, as far as nothing is changed. A rank of several looks at its own part. */
#include <math.h>
#include <string.h>

#include "train/train.h"

/* ---- trace ---- */

typedef struct search {
    weft_trainer *trainer;
    weft_trace *found; /* what is NULL: nothing yet */
    float *values;     /* [room] */
    size_t room;
    bool over;
} search;

static weft_status make_room(search *s, int64_t count)
{
    if ((size_t)count <= s->room)
        return WEFT_OK;
    const weft_allocator *allocator = &s->trainer->ctx->allocator;
    weft_free(allocator, s->values);
    s->room = 0;
    s->values = weft_calloc(allocator, (size_t)count, sizeof *s->values);
    if (!s->values)
        return WEFT_NO_MEMORY;
    s->room = (size_t)count;
    return WEFT_OK;
}

/* Whether values[count] are finite; else notes what they are of. */
static bool is_good(const search *s, const char *what, const char *name, const char *op, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (isfinite(s->values[i]))
            continue;
        *s->found = (weft_trace){ what, name, op, s->trainer->step - 1, i, (double)s->values[i] };
        return false;
    }
    return true;
}

static weft_status look_at_store(search *s)
{
    const weft_store *store = s->trainer->store;
    for (int32_t i = 0; i < store->count; i++) {
        const weft_entry *entry = &store->entries[i];
        const int64_t count = weft_shape_count(&entry->spec.shape);
        WEFT_TRY(make_room(s, count));
        WEFT_TRY(weft_store_read(store, i, s->values));
        if (!is_good(s, "parameter", entry->name, "", count))
            return WEFT_OK;
    }
    return WEFT_OK;
}

/* Images and targets, as the caller has them. */
static weft_status look_at_batch(search *s, const weft_batch *batch)
{
    const weft_trainer *t = s->trainer;
    const float *const arrays[] = { t->byte_count ? NULL : batch->images, batch->targets };
    const int inputs[] = { t->images, t->targets };
    for (int k = 0; k < 2 && !s->found->what; k++) {
        if (inputs[k] < 0 || !arrays[k]) /* bytes are finite */
            continue;
        const weft_value *value = &t->graph->values[t->graph->inputs[inputs[k]]];
        const int64_t count = weft_shape_count(&value->shape);
        WEFT_TRY(make_room(s, count));
        memcpy(s->values, arrays[k], (size_t)count * sizeof *s->values);
        (void)is_good(s, "input", value->name, "", count);
    }
    return WEFT_OK;
}

/* After a node has run. What follows the norm of the gradients changes parameters: so far and no further. */
static weft_status look_at_node(void *user, const weft_gnode *gnode)
{
    search *s = user;
    for (int o = 0; o < gnode->node.n_out && !s->found->what; o++) {
        const int64_t count = weft_shape_count(&gnode->node.out[o]);
        if (weft_node_out_dtype(&gnode->node, o) == WEFT_I32)
            continue;
        WEFT_TRY(make_room(s, count));
        WEFT_TRY(weft_model_read_value(s->trainer->model, gnode->out[o], s->values));
        (void)is_good(s, "output", gnode->node.name, gnode->node.op->name, count);
    }
    s->over = s->found->what || gnode->node.id == WEFT_OP_GRADIENT_NORM;
    return s->over ? WEFT_NOT_FOUND : WEFT_OK;
}

static weft_status look(search *s, const weft_batch *batch, double lr)
{
    weft_trainer *t = s->trainer;
    WEFT_TRY(weft_trainer_feed(t, batch, lr, t->step - 1));
    WEFT_TRY(look_at_store(s));
    if (!s->found->what)
        WEFT_TRY(look_at_batch(s, batch));
    if (s->found->what)
        return WEFT_OK;
    const weft_status status = weft_model_run_watched(t->model, &(weft_watch){ look_at_node, s });
    return s->over ? WEFT_OK : status;
}

weft_status weft_trainer_trace(weft_trainer *trainer, const weft_batch *batch, double lr, weft_trace *out)
{
    if (!trainer || !batch || !out || trainer->step < 1)
        return weft_fail(WEFT_INVALID, "weft_trainer_trace: trainer, batch and out must not be NULL, and a step must "
                                       "have been made");
    weft_trace found = { 0 };
    search s = { .trainer = trainer, .found = &found };
    const weft_status status = look(&s, batch, lr);
    weft_free(&trainer->ctx->allocator, s.values);
    WEFT_TRY(status);
    if (!found.what)
        return weft_fail(WEFT_NOT_FOUND, "weft_trainer_trace: all numbers of step %lld are finite",
                         (long long)(trainer->step - 1));
    *out = found;
    return WEFT_OK;
}

/* ---- averages ---- */

/* Index of the average of an entry, or of the entry itself; -1: there is neither. */
static weft_status find_average(const weft_trainer *t, const char *name, bool averaged, int32_t *index)
{
    char path[600];
    const size_t before = strlen(WEFT_EMA_SCOPE) + 1;
    *index = -1;
    if (averaged && before + strlen(name) < sizeof path) {
        memcpy(path, WEFT_EMA_SCOPE "/", before);
        strcpy(path + before, name);
        *index = weft_store_find(t->store, path);
    }
    if (*index < 0)
        *index = weft_store_find(t->store, name);
    if (*index < 0)
        return weft_fail(WEFT_INVALID, "weft_trainer_average: the trainer's store has no '%s'", name);
    return WEFT_OK;
}

static weft_status copy_entry(const weft_trainer *t, weft_store *to, int32_t i, bool averaged)
{
    const weft_entry *entry = &to->entries[i];
    int32_t from;
    float *values;
    WEFT_TRY(find_average(t, entry->name, averaged, &from));
    if (!weft_shape_equal(&t->store->entries[from].spec.shape, &entry->spec.shape))
        return weft_fail(WEFT_INVALID, "weft_trainer_average: '%s' has another shape in the trainer's store",
                         entry->name);
    WEFT_TRY(weft_store_lend(to, i, false, &values));
    WEFT_TRY(weft_store_read(t->store, from, values));
    return weft_store_give(to, i, values);
}

weft_status weft_trainer_average(weft_trainer *trainer, weft_store *to)
{
    float updates = 0;
    if (!trainer || !to || to == trainer->store || !trainer->store)
        return weft_fail(WEFT_INVALID, "weft_trainer_average: expected a trainer, and another store than its own");
    WEFT_TRY(weft_store_get(trainer->store, WEFT_UPDATES_STATE, &updates, 1));
    for (int32_t i = 0; i < to->count; i++)
        WEFT_TRY(copy_entry(trainer, to, i, updates > 0));
    return WEFT_OK;
}
