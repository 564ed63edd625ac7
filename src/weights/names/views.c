/* SPDX-License-Identifier: Apache-2.0
 *
 * Views of a file's tensors. What stands before most names ("backbone.", the name of a Keras model in a model) may be a
 * wrapper's or belong to the network, so there is a view of the tensors without it, too; and, since networks are used
 * in parts (self.body = mobilenet_v2().features), one with "features." in its place. */
#include <string.h>

#include "base/error.h"
#include "weights/names/map.h"
#include "weights/weights.h"

enum { VIEWS = 4 };

static weft_status make_room(weft_source *source)
{
    source->key = weft_arena_array(source->arena, (size_t)source->count, sizeof *source->key);
    source->sorted = weft_arena_array(source->arena, (size_t)source->count, sizeof *source->sorted);
    return source->key && source->sorted ? WEFT_OK : WEFT_NO_MEMORY;
}

/* Bytes of a key's first component with what ends it: '/' in Keras' names, else '.'. */
static size_t component(const char *key)
{
    const char *end = strchr(key, '/');
    if (!end)
        end = strchr(key, '.');
    return end && end > key && end[1] ? (size_t)(end + 1 - key) : 0;
}

/* The component that more than half of the keys begin with; 0: none. Keys that begin alike are neighbours. */
static size_t common_component(const weft_source *source, const char **out)
{
    for (int64_t first = 0, next; first < source->count; first = next) {
        const char *key = source->sorted[first].key;
        const size_t length = component(key);
        for (next = first + 1; next < source->count && length; next++) {
            if (strncmp(source->sorted[next].key, key, length) != 0)
                break;
        }
        if (length && 2 * (next - first) > source->count) {
            *out = key;
            return length;
        }
    }
    return 0;
}

/* The same tensors; NULL: out of memory. */
static weft_source *make_view(const weft_source *source)
{
    weft_source *view = weft_arena_alloc(source->arena, sizeof *view);
    if (!view)
        return NULL;
    *view = (weft_source){ .arena = source->arena, .count = source->count, .tensors = source->tensors,
                           .statistics = source->statistics };
    return make_room(view) == WEFT_OK ? view : NULL;
}

static weft_status add_view(weft_source *source)
{
    const char *common = NULL;
    const size_t length = common_component(source, &common);
    if (length == 0)
        return WEFT_OK;
    weft_source *const view = make_view(source);
    if (!view)
        return WEFT_NO_MEMORY;
    view->prefix = weft_arena_text(view->arena, "%s%.*s", source->prefix ? source->prefix : "", (int)length, common);
    if (!view->prefix)
        return WEFT_NO_MEMORY;
    for (int64_t i = 0; i < view->count; i++)
        view->key[i] = source->key[i] + (strncmp(source->key[i], common, length) == 0 ? length : 0);
    weft_source_sort_keys(view);
    source->next = view;
    return WEFT_OK;
}

/* What the keys of a view have lost, which they had in the one before it, stands for "features."; others stay. */
static weft_status add_parts(const weft_source *before, const weft_source *from, weft_source *last)
{
    weft_source *const view = make_view(from);
    if (!view)
        return WEFT_NO_MEMORY;
    view->prefix = from->prefix;
    for (int64_t i = 0; i < view->count; i++) {
        view->key[i] = from->key[i];
        if (from->key[i] != before->key[i])
            view->key[i] = weft_arena_text(view->arena, "features.%s", from->key[i]);
        if (!view->key[i])
            return WEFT_NO_MEMORY;
    }
    weft_source_sort_keys(view);
    last->next = view;
    return WEFT_OK;
}

weft_status weft_source_open(weft_source *source, weft_arena *arena, const weft_weights *weights)
{
    const int64_t count = weft_weights_count(weights);
    const char *const names = weft_weights_meta_find(weights, "keras.names");
    *source = (weft_source){ .arena = arena, .count = count, .unnamed = names && strcmp(names, "paths") == 0,
                             .unread = weft_weights_meta_find(weights, WEFT_META_UNREAD) };
    source->tensors = weft_arena_array(arena, (size_t)count, sizeof *source->tensors);
    if (!source->tensors)
        return WEFT_NO_MEMORY;
    WEFT_TRY(make_room(source));
    for (int64_t i = 0; i < count; i++)
        WEFT_TRY(weft_weights_get(weights, i, &source->tensors[i]));
    WEFT_TRY(weft_source_sort(source));
    WEFT_TRY(weft_statistics_find(source));
    weft_source *view = source, *last = source;
    for (int i = 1; view && i < VIEWS; i++, view = view->next) {
        WEFT_TRY(add_view(view));
        last = view->next ? view->next : last;
    }
    const weft_source *const stripped = last;
    for (const weft_source *before = source; before != stripped; before = before->next, last = last->next)
        WEFT_TRY(add_parts(before, before->next, last));
    return WEFT_OK;
}
