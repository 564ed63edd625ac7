/* SPDX-License-Identifier: Apache-2.0
 *
 * A file's tensors, to be found by name. What training scripts put before every name (DataParallel's "module.", a
 * wrapper's "model.") does not count. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "weights/names/map.h"

/* The numbers of the layers "stem" (0) and "stem_N" (N), ascending. */
struct weft_stem {
    struct weft_stem *next;
    char name[64];
    int64_t count, *number;
};

/* Of wrappers: before all names, or before a part's ("features.module.0"). */
static const char *const wrappers[] = { "module.", "_orig_mod.", "_checkpoint_wrapped_module.",
                                        "_fsdp_wrapped_module.", "_forward_module." };

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

void weft_source_sort_keys(weft_source *source)
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
    weft_source_sort_keys(source);
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
