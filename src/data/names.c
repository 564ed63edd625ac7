/* SPDX-License-Identifier: Apache-2.0
 *
 * Which image a text means: by binary search in the sorted names, also for names without a suffix and for paths of
 * which only the end is a name in the folder. */
#include "data/names.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"

static weft_status add_path(weft_walk *walk, const char *path)
{
    weft_names *r = walk->user;
    void *paths = r->paths;
    WEFT_TRY(weft_dataset_grow(r->set->allocator, &paths, r->count, &r->capacity, sizeof *r->paths));
    r->paths = paths;
    r->paths[r->count++] = path;
    return WEFT_OK;
}

weft_status weft_names_list(weft_names *r)
{
    weft_walk walk = { .set = r->set, .mark = -1, .image = add_path, .user = r };
    WEFT_TRY(weft_walk_whole(&walk, r->set->folder, 0));
    weft_sort_names(r->paths, r->count, false);
    r->skip = strlen(r->set->folder) + 1;
    return WEFT_OK;
}

const char *weft_name_of(const weft_names *r, int64_t image)
{
    return r->paths[image] + r->skip;
}

/* The first image whose name is not before text. */
static int64_t lower_bound(const weft_names *r, const char *text)
{
    int64_t low = 0, high = r->count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (strcmp(weft_name_of(r, middle), text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* By name, or by name without suffix; -1: none, -2: several. */
static int64_t find_name(const weft_names *r, const char *text)
{
    const size_t length = strlen(text);
    int64_t found = -1, at = lower_bound(r, text);
    for (; at < r->count && strncmp(weft_name_of(r, at), text, length) == 0; at++) {
        const char *const rest = weft_name_of(r, at) + length;
        if (!*rest)
            return at;
        if (*rest > '.')
            break;
        if (*rest == '.' && !strpbrk(rest + 1, "./"))
            found = found == -1 ? at : -2;
    }
    return found;
}

/* A folder's own name, without what is before it. */
static const char *last_part(const char *path, size_t *length)
{
    *length = strlen(path);
    while (*length && path[*length - 1] == '/')
        --*length;
    size_t first = *length;
    while (first && path[first - 1] != '/')
        first--;
    *length -= first;
    return path + first;
}

/* Whether "train/a.jpg" may mean a.jpg of the folder: not of one that is called val. */
static bool fits_folder(const weft_names *r, const char *prefix, size_t size)
{
    static const char *const splits[] = { "train", "training", "val", "valid", "validation", "test", "testing" };
    char copy[256];
    size_t length, own;
    if (size >= sizeof copy)
        return true;
    snprintf(copy, sizeof copy, "%.*s", (int)size, prefix);
    const char *const part = last_part(copy, &length), *const folder = last_part(r->set->folder, &own);
    if (length == own && strncmp(part, folder, own) == 0)
        return true;
    for (int i = 0; i < WEFT_COUNT(splits); i++) {
        if (strlen(splits[i]) == length && strncasecmp(part, splits[i], length) == 0)
            return false;
    }
    return true;
}

/* All lines must have the same in front of the names, lest "train/a.jpg" and "val/a.jpg" be one. */
int64_t weft_names_find(weft_names *r, const char *text)
{
    while (strncmp(text, "./", 2) == 0)
        text += 2;
    for (const char *rest = text; rest; rest = strchr(rest, '/') ? strchr(rest, '/') + 1 : NULL) {
        const size_t size = (size_t)(rest - text);
        const int64_t image = find_name(r, rest);
        if (image == -1 || (size && !fits_folder(r, text, size)))
            continue;
        if (r->prefix && (strlen(r->prefix) != size || strncmp(r->prefix, text, size) != 0))
            return -1;
        if (!r->prefix)
            r->prefix = weft_arena_text(&r->set->arena, "%.*s", (int)size, text);
        return image;
    }
    return -1;
}
