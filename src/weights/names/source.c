/* SPDX-License-Identifier: Apache-2.0
 *
 * A file's tensors, to be found by name. What training scripts put before every name (DataParallel's "module.", a
 * wrapper's "model.") does not count. What else stands before most names ("backbone.", the name of a Keras model in a
 * model) may be such a thing or belong to the network, so there is a view of the tensors without it, too; and, since
 * networks are used in parts (self.body = mobilenet_v2().features), one with "features." in its place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "weights/names/map.h"

enum { VIEWS = 4 };

/* The numbers of the layers "stem" (0) and "stem_N" (N), ascending. */
struct weft_stem {
    struct weft_stem *next;
    char name[64];
    int64_t count, *number;
};

/* Of wrappers: before all names, or before a part's ("features.module.0"). */
static const char *const wrappers[] = { "module.", "_orig_mod." };

static size_t wrapper_at(const char *name)
{
    for (int i = 0; i < WEFT_COUNT(wrappers); i++) {
        const size_t length = strlen(wrappers[i]);
        if (strncmp(name, wrappers[i], length) == 0 && name[length])
            return length;
    }
    return 0;
}

static const char *without_prefix(const char *name)
{
    static const char *const prefixes[] = { "model.", "state_dict." };
    const size_t wrapper = wrapper_at(name);
    if (wrapper)
        return without_prefix(name + wrapper);
    for (int i = 0; i < WEFT_COUNT(prefixes); i++) {
        const size_t length = strlen(prefixes[i]);
        if (strncmp(name, prefixes[i], length) == 0 && name[length])
            return without_prefix(name + length);
    }
    return name;
}

/* The name without wrappers; NULL: out of memory. */
static const char *plain_key(weft_arena *arena, const char *name)
{
    const char *key = without_prefix(name);
    char *copy = NULL;
    for (const char *dot = strchr(key, '.'); dot; dot = strchr(dot + 1, '.')) {
        const size_t wrapper = wrapper_at(dot + 1), before = (size_t)(dot + 1 - key);
        if (wrapper == 0)
            continue;
        copy = weft_arena_text(arena, "%.*s%s", (int)before, key, dot + 1 + wrapper);
        if (!copy)
            return NULL;
        key = copy;
        dot = key + before - 1;
    }
    return key;
}

static int by_key(const void *a, const void *b)
{
    const weft_source_key *const x = a, *const y = b;
    const int order = strcmp(x->key, y->key);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static void sort_keys(weft_source *source)
{
    for (int64_t i = 0; i < source->count; i++)
        source->sorted[i] = (weft_source_key){ source->key[i], i };
    qsort(source->sorted, (size_t)source->count, sizeof *source->sorted, by_key);
}

weft_status weft_source_sort(weft_source *source)
{
    for (int64_t i = 0; i < source->count; i++) {
        source->key[i] = plain_key(source->arena, source->tensors[i].name);
        if (!source->key[i])
            return WEFT_NO_MEMORY;
    }
    sort_keys(source);
    return WEFT_OK;
}

static weft_status make_room(weft_source *source)
{
    source->key = weft_arena_array(source->arena, (size_t)source->count, sizeof *source->key);
    source->sorted = weft_arena_array(source->arena, (size_t)source->count, sizeof *source->sorted);
    return source->key && source->sorted ? WEFT_OK : WEFT_NO_MEMORY;
}

/* ---- views ---- */

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
    sort_keys(view);
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
    sort_keys(view);
    last->next = view;
    return WEFT_OK;
}

weft_status weft_source_open(weft_source *source, weft_arena *arena, const weft_weights *weights)
{
    const int64_t count = weft_weights_count(weights);
    *source = (weft_source){ .arena = arena, .count = count };
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

int64_t weft_source_find(const weft_source *source, const char *key)
{
    int64_t low = 0, high = source->count;
    while (low < high) { /* the first that is not before key */
        const int64_t middle = low + (high - low) / 2;
        if (strcmp(source->sorted[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < source->count && strcmp(source->sorted[low].key, key) == 0 ? source->sorted[low].index : -1;
}

/* ---- numbered layers ---- */

/* The number of a tensor's layer if it is of the stem: 0 for "stem/...", N for "stem_N/..."; else -1. */
static int64_t number_of(const char *key, const char *stem, size_t length)
{
    int64_t number = 0;
    int digits = 0;
    if (strncmp(key, stem, length) != 0)
        return -1;
    key += length;
    if (*key == '/')
        return 0;
    if (*key++ != '_' || *key == '0')
        return -1;
    for (; *key >= '0' && *key <= '9' && digits < 9; digits++)
        number = 10 * number + (*key++ - '0');
    return digits > 0 && *key == '/' ? number : -1;
}

static int by_number(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static struct weft_stem *find_stem(weft_source *source, const char *name, size_t length)
{
    struct weft_stem *stem = source->stems;
    int64_t count = 0;
    for (; stem; stem = stem->next)
        if (strlen(stem->name) == length && memcmp(stem->name, name, length) == 0)
            return stem;
    stem = weft_arena_array(source->arena, 1, sizeof *stem);
    if (!stem || length >= sizeof stem->name)
        return NULL;
    stem->number = weft_arena_array(source->arena, (size_t)source->count, sizeof *stem->number);
    if (!stem->number)
        return NULL;
    memcpy(stem->name, name, length);
    for (int64_t i = 0; i < source->count; i++) {
        const int64_t number = number_of(source->key[i], name, length);
        if (number >= 0)
            stem->number[count++] = number;
    }
    qsort(stem->number, (size_t)count, sizeof *stem->number, by_number);
    for (int64_t i = 0; i < count; i++)
        if (i == 0 || stem->number[i] != stem->number[i - 1])
            stem->number[stem->count++] = stem->number[i];
    stem->next = source->stems;
    source->stems = stem;
    return stem;
}

bool weft_source_numbered(weft_source *source, const char *stem, size_t length, int64_t k, char *buf, size_t size)
{
    int64_t number = k;
    int n;
    if (source) {
        const struct weft_stem *known = find_stem(source, stem, length);
        if (!known || k < 0 || k >= known->count)
            return false;
        number = known->number[k];
    }
    if (number == 0)
        n = snprintf(buf, size, "%.*s", (int)length, stem);
    else
        n = snprintf(buf, size, "%.*s_%lld", (int)length, stem, (long long)number);
    return n > 0 && (size_t)n < size;
}
