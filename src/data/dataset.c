/* SPDX-License-Identifier: Apache-2.0
 *
 * Data sets: what layouts share, and the choice between them. Files are listed in order of their names' bytes, so that
 * the same tree gives the same order everywhere. */
#include "data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { KINDS = 64 };

weft_status weft_dataset_grow(const weft_allocator *allocator, void **array, int64_t count, int64_t *capacity,
                              size_t size)
{
    if (count < *capacity)
        return WEFT_OK;
    const int64_t wanted = *capacity ? 2 * *capacity : 64;
    void *larger = weft_calloc(allocator, (size_t)wanted, size);
    if (!larger)
        return weft_fail_in(WEFT_NO_MEMORY, "data set");
    if (count)
        memcpy(larger, *array, (size_t)count * size);
    weft_free(allocator, *array);
    *array = larger;
    *capacity = wanted;
    return WEFT_OK;
}

weft_status weft_dataset_add(weft_dataset *set, const char *path, int label)
{
    void *images = set->images;
    const weft_status status = weft_dataset_grow(set->allocator, &images, set->count, &set->capacity,
                                                 sizeof *set->images);
    set->images = images;
    if (status != WEFT_OK)
        return status;
    set->images[set->count++] = (weft_sample){ .path = path, .label = label };
    set->classes[label].images++;
    return WEFT_OK;
}

weft_status weft_dataset_add_class(weft_dataset *set, const char *name, int64_t line)
{
    void *classes = set->classes;
    const weft_status status = weft_dataset_grow(set->allocator, &classes, set->class_count, &set->class_capacity,
                                                 sizeof *set->classes);
    set->classes = classes;
    if (status != WEFT_OK)
        return status;
    set->classes[set->class_count++] = (weft_set_class){ .name = name, .line = line };
    return WEFT_OK;
}

weft_status weft_dataset_leave(weft_dataset *set, const char *kind, const char *folder, const char *name)
{
    if (set->left_count == KINDS - 1)
        kind = "other kinds";
    for (int64_t i = 0; i < set->left_count; i++) {
        if (strcmp(set->left[i].kind, kind) == 0) {
            set->left[i].count++;
            return WEFT_OK;
        }
    }
    void *left = set->left;
    const weft_status status = weft_dataset_grow(set->allocator, &left, set->left_count, &set->left_capacity,
                                                 sizeof *set->left);
    set->left = left;
    if (status != WEFT_OK)
        return status;
    weft_left_out *at = &set->left[set->left_count];
    *at = (weft_left_out){ .kind = weft_arena_text(&set->arena, "%s", kind),
                           .first = weft_arena_text(&set->arena, "%s/%s", folder, name), .count = 1 };
    if (!at->kind || !at->first)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
    set->left_count++;
    return WEFT_OK;
}

/* ---- names that are numbers ---- */

bool weft_are_numbers(const char *const *names, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (!*names[i] || names[i][strspn(names[i], "0123456789")])
            return false;
    }
    return count > 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of digits: without the zeros in front the longer is the larger, of the same length the later. */
static int by_value(const void *a, const void *b)
{
    const char *const one = *(const char *const *)a, *const other = *(const char *const *)b;
    const char *const x = one + strspn(one, "0"), *const y = other + strspn(other, "0");
    const size_t p = strlen(x), q = strlen(y);
    if (p != q)
        return p < q ? -1 : 1;
    const int order = strcmp(x, y);
    return order ? order : strcmp(one, other);
}

void weft_sort_names(const char **names, int64_t count, bool by_number)
{
    if (count)
        qsort(names, (size_t)count, sizeof *names, by_number ? by_value : by_bytes);
}

int weft_dataset_find_class(const weft_dataset *set, const char *name, bool by_number)
{
    int64_t low = 0, high = set->class_count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const int order = (by_number ? by_value : by_bytes)(&set->classes[middle].name, &name);
        if (order == 0)
            return (int)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* ---- opening ---- */

/* Keeps `limit` images, spread evenly. */
static void thin(weft_dataset *set, int64_t limit)
{
    if (limit <= 0 || limit >= set->count)
        return;
    for (int64_t i = 0; i < limit; i++)
        set->images[i] = set->images[(int64_t)((double)i * (double)set->count / (double)limit)];
    set->count = limit;
}

/* AUTO: flat if a label file says so. */
static weft_status list(weft_dataset *set, const weft_dataset_opt *opt)
{
    const bool flat = opt->layout == WEFT_DATASET_IMAGENET_VAL || (opt->layout == WEFT_DATASET_AUTO && opt->labels);
    if (flat && !opt->labels)
        return weft_fail(WEFT_INVALID, "%s: this layout needs a label file: a class for each image", set->folder);
    if (!flat && opt->labels)
        return weft_fail(WEFT_INVALID, "%s: class folders and a label file were given; only one can be meant",
                         set->folder);
    set->order = opt->order;
    set->numbers = opt->numbers;
    if (opt->layout == WEFT_DATASET_UNLABELLED)
        WEFT_TRY(weft_dataset_unlabelled(set));
    else
        WEFT_TRY(flat ? weft_dataset_label_file(set) : weft_dataset_folders(set));
    if (set->count == 0)
        return weft_fail(WEFT_BAD_DATA, "%s: no images in it", set->folder);
    return WEFT_OK;
}

weft_status weft_dataset_open(weft_ctx *ctx, const char *folder, const weft_dataset_opt *opt, weft_dataset **out)
{
    static const weft_dataset_opt defaults;
    if (!ctx || !folder || !out)
        return weft_fail(WEFT_INVALID, "weft_dataset_open: ctx, folder and out must not be NULL");
    if (!opt)
        opt = &defaults;
    const weft_allocator *a = weft_ctx_allocator(ctx);
    weft_dataset *set = weft_calloc(a, 1, sizeof *set);
    if (!set)
        return weft_fail_in(WEFT_NO_MEMORY, "data set");
    set->allocator = a;
    weft_arena_init(&set->arena, a);
    set->folder = weft_arena_text(&set->arena, "%s", folder);
    set->labels = opt->labels ? weft_arena_text(&set->arena, "%s", opt->labels) : NULL;
    weft_status status = WEFT_OK;
    if (!set->folder || (opt->labels && !set->labels))
        status = weft_fail_in(WEFT_NO_MEMORY, "data set");
    if (status == WEFT_OK)
        status = list(set, opt);
    if (status != WEFT_OK) {
        weft_dataset_destroy(set);
        return status;
    }
    thin(set, opt->limit);
    *out = set;
    return WEFT_OK;
}

void weft_dataset_destroy(weft_dataset *set)
{
    if (!set)
        return;
    const weft_allocator *a = set->allocator;
    weft_free(a, set->images);
    weft_free(a, set->classes);
    weft_free(a, set->left);
    weft_arena_release(&set->arena);
    weft_free(a, set);
}

/* ---- asking ---- */

int64_t weft_dataset_count(const weft_dataset *set)
{
    return set ? set->count : 0;
}

weft_status weft_dataset_get(const weft_dataset *set, int64_t index, const char **path, int *label)
{
    if (!set || !path || !label || index < 0 || index >= set->count)
        return weft_fail(WEFT_INVALID, "weft_dataset_get: image %lld of %lld", (long long)index,
                         (long long)(set ? set->count : 0));
    *path = set->images[index].path;
    *label = set->images[index].label;
    return WEFT_OK;
}

int weft_dataset_classes(const weft_dataset *set)
{
    return set ? (int)set->class_count : 0;
}

const char *weft_dataset_class(const weft_dataset *set, int index)
{
    return set && index >= 0 && index < set->class_count ? set->classes[index].name : NULL;
}

int64_t weft_dataset_class_count(const weft_dataset *set, int index)
{
    return set && index >= 0 && index < set->class_count ? set->classes[index].images : 0;
}

const weft_left_out *weft_dataset_left_out(const weft_dataset *set, int index)
{
    return set && index >= 0 && index < set->left_count ? &set->left[index] : NULL;
}
