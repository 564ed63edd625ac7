/* SPDX-License-Identifier: Apache-2.0
 *
 * Classifiers that are not called as the network's own: a new layer has any name ("fc.1" behind a dropout, Keras'
 * "dense"). Where all else was found, the only dense layer left, if it is as wide as the network there, is it. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "weights/names/map.h"

enum { MAX_CLASSES = 1 << 20 };

static size_t path_length(const char *param)
{
    const char *slash = strrchr(param, '/');
    return slash ? (size_t)(slash - param) : 0;
}

int weft_head_first(const weft_resolved *resolved)
{
    const char *last = resolved->count > 0 ? resolved->match[resolved->count - 1].param.name : "";
    const size_t length = path_length(last);
    int first = resolved->count;
    while (first > 0 && path_length(resolved->match[first - 1].param.name) == length &&
           strncmp(resolved->match[first - 1].param.name, last, length) == 0)
        first--;
    return first;
}

int weft_head_classes(const weft_resolved *resolved)
{
    const weft_match *last = resolved->count > 0 ? &resolved->match[resolved->count - 1] : NULL;
    if (!last || last->source < 0)
        return 0;
    const weft_shape *shape = &resolved->source->tensors[last->source].shape;
    if (last->param.shape.rank != 1 || shape->rank != 1 || shape->dim[0] < 1 || shape->dim[0] > MAX_CLASSES)
        return 0;
    return (int)shape->dim[0];
}

/* A dense layer of the file: its name, and what it has. */
typedef struct dense {
    char layer[WEFT_NAME_MAX], bias[WEFT_NAME_MAX];
    int64_t in, out;
} dense;

/* Whether the tensor is a dense layer's weights, by their leaf and rank. */
static bool is_dense(weft_style style, const char *key, const weft_shape *shape, dense *out)
{
    static const struct {
        weft_style style;
        const char *weight, *bias;
    } leaves[] = {
        { WEFT_STYLE_TORCH, ".weight", ".bias" },
        { WEFT_STYLE_KERAS, "/kernel", "/bias" },
        { WEFT_STYLE_KERAS, "/0", "/1" },
    };
    const bool flat = shape->rank == 2 || (shape->rank == 4 && style == WEFT_STYLE_TORCH && shape->dim[2] == 1 &&
                                           shape->dim[3] == 1);
    const size_t length = strlen(key);
    for (int i = 0; flat && i < WEFT_COUNT(leaves); i++) {
        const size_t tail = strlen(leaves[i].weight);
        if (leaves[i].style != style || length <= tail || length >= WEFT_NAME_MAX - 8 ||
            strcmp(key + length - tail, leaves[i].weight) != 0)
            continue;
        snprintf(out->layer, sizeof out->layer, "%.*s", (int)(length - tail), key);
        snprintf(out->bias, sizeof out->bias, "%.*s%s", (int)(length - tail), key, leaves[i].bias);
        out->out = shape->dim[style == WEFT_STYLE_TORCH ? 0 : 1];
        out->in = shape->dim[style == WEFT_STYLE_TORCH ? 1 : 0];
        return true;
    }
    return false;
}

/* Nothing is missing but parameters of the classifier. */
static bool only_head_missing(const weft_resolved *resolved)
{
    const int first = weft_head_first(resolved);
    for (int i = 0; i < first; i++) {
        if (resolved->match[i].source < 0 && !resolved->match[i].fill)
            return false;
    }
    return first > 0 && first < resolved->count && resolved->match[first].source < 0;
}

/* Calls visit for each tensor that nothing took and that matters, if it is a dense layer's. */
static weft_status each_left(weft_arena *arena, const weft_resolved *r,
                             void (*visit)(void *arg, int64_t index, const dense *layer), void *arg)
{
    bool *used = weft_arena_array(arena, (size_t)r->source->count, sizeof *used);
    if (!used)
        return WEFT_NO_MEMORY;
    weft_resolve_used(r, used);
    for (int64_t i = 0; i < r->source->count; i++) {
        dense layer;
        if (!used[i] &&
            is_dense(weft_origin_style(r->origin), r->source->key[i], &r->source->tensors[i].shape, &layer) &&
            !weft_resolve_ignores(r, i))
            visit(arg, i, &layer);
    }
    return WEFT_OK;
}

typedef struct last_left {
    int count;
    int64_t index;
    dense layer;
} last_left;

static void note_last(void *arg, int64_t index, const dense *layer)
{
    last_left *left = arg;
    left->count++;
    left->index = index;
    left->layer = *layer;
}

weft_status weft_head_adopt(weft_arena *arena, weft_resolved *resolved)
{
    if (!resolved->table || !only_head_missing(resolved))
        return WEFT_OK;
    const int first = weft_head_first(resolved);
    weft_match *weight = &resolved->match[first], *bias = first + 1 < resolved->count ? weight + 1 : NULL;
    last_left left = { 0 };
    WEFT_TRY(each_left(arena, resolved, note_last, &left));
    if (left.count != 1 || weight->param.shape.rank != 2 || weight->param.shape.dim[1] != left.layer.in)
        return WEFT_OK;
    const int64_t at = bias ? weft_source_find(resolved->source, left.layer.bias) : -1;
    if (bias && at < 0)
        return WEFT_OK;
    weight->source = left.index;
    resolved->found++;
    resolved->missing--;
    if (bias && bias->source < 0) {
        bias->source = at;
        resolved->found++;
        resolved->missing--;
    }
    resolved->head = weft_arena_text(arena, "%s", left.layer.layer);
    return resolved->head ? WEFT_OK : WEFT_NO_MEMORY;
}

typedef struct left_text {
    char *buf;
    size_t size, used;
    int count;
} left_text;

static void note_text(void *arg, int64_t index, const dense *layer)
{
    left_text *t = arg;
    (void)index;
    if (t->used < t->size)
        t->used += (size_t)snprintf(t->buf + t->used, t->size - t->used, "%s%.60s [%lld, %lld]", t->count ? ", " : "",
                                    layer->layer, (long long)layer->out, (long long)layer->in);
    t->count++;
}

weft_status weft_head_left(weft_arena *arena, const weft_resolved *resolved, char *buf, size_t size, int *count)
{
    left_text text = { .buf = buf, .size = size };
    buf[0] = '\0';
    *count = 0;
    if (!resolved->table || !only_head_missing(resolved))
        return WEFT_OK;
    WEFT_TRY(each_left(arena, resolved, note_text, &text));
    *count = text.count;
    return WEFT_OK;
}
