/* SPDX-License-Identifier: Apache-2.0
 *
 * Data sets: what layouts share, and the choice between them. Files are listed in order of their names' bytes, so that
 * the same tree gives the same order everywhere. */
#include "data/dataset.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { PATH = 4096 };

/* Room for one more of count elements in an array that doubles. */
static weft_status grow(const weft_allocator *allocator, void **array, int64_t count, int64_t *capacity, size_t size)
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

weft_status weft_dataset_add(weft_dataset *set, const char *folder, const char *name, int label)
{
    void *images = set->images;
    const weft_status status = grow(set->allocator, &images, set->count, &set->capacity, sizeof *set->images);
    set->images = images;
    if (status != WEFT_OK)
        return status;
    const char *path = weft_arena_text(&set->arena, "%s/%s", folder, name);
    if (!path)
        return weft_fail_in(WEFT_NO_MEMORY, "data set");
    set->images[set->count++] = (weft_sample){ .path = path, .label = label };
    return WEFT_OK;
}

bool weft_names_image(const char *name)
{
    static const char *const suffixes[] = { ".jpg", ".jpeg", ".png" };
    const size_t length = strlen(name);
    for (int i = 0; name[0] != '.' && i < WEFT_COUNT(suffixes); i++) {
        const size_t suffix = strlen(suffixes[i]);
        if (length > suffix && strcasecmp(name + length - suffix, suffixes[i]) == 0)
            return true;
    }
    return false;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

weft_status weft_list_folder(const weft_allocator *allocator, weft_arena *arena, const char *folder, bool folders,
                             const char ***names, int64_t *count)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return weft_fail(errno == ENOENT || errno == ENOTDIR ? WEFT_NOT_FOUND : WEFT_IO, "%s: cannot be listed: %s",
                         folder, strerror(errno));
    void *list = NULL;
    int64_t n = 0, capacity = 0;
    weft_status status = WEFT_OK;
    for (const struct dirent *entry = readdir(dir); status == WEFT_OK && entry; entry = readdir(dir)) {
        struct stat facts;
        char path[PATH];
        if (entry->d_name[0] == '.')
            continue;
        const int length = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (length < 0 || length >= PATH || stat(path, &facts) != 0 ||
            !(folders ? S_ISDIR(facts.st_mode) : S_ISREG(facts.st_mode)))
            continue;
        status = grow(allocator, &list, n, &capacity, sizeof(const char *));
        const char *name = status == WEFT_OK ? weft_arena_text(arena, "%s", entry->d_name) : NULL;
        if (status == WEFT_OK && !name)
            status = weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
        if (status == WEFT_OK)
            ((const char **)list)[n++] = name;
    }
    closedir(dir);
    if (status != WEFT_OK) {
        weft_free(allocator, list);
        return status;
    }
    if (n)
        qsort(list, (size_t)n, sizeof(const char *), by_bytes);
    *names = list;
    *count = n;
    return WEFT_OK;
}

int weft_class_of(const weft_classifier *c, const char *text, bool numbers)
{
    int found = -1;
    for (int i = 0; i < c->classes; i++) {
        if (*c->labels[i].id && strcmp(c->labels[i].id, text) == 0)
            return i;
        if (*c->labels[i].name && strcasecmp(c->labels[i].name, text) == 0)
            found = found == -1 ? i : -2;
    }
    char *end;
    const long index = found == -1 && numbers && *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : -1;
    return index >= 0 && !*end && index < c->classes ? (int)index : found;
}

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
static weft_status list(weft_dataset *set, const weft_classifier *c, const char *folder, const weft_dataset_opt *opt)
{
    const bool flat = opt->layout == WEFT_LAYOUT_IMAGENET_VAL || (opt->layout == WEFT_LAYOUT_AUTO && opt->labels);
    if (flat && !opt->labels)
        return weft_fail(WEFT_INVALID, "%s: this layout needs a label file: a class for each image", folder);
    if (!flat && opt->labels)
        return weft_fail(WEFT_INVALID, "%s: class folders and a label file were given; only one can be meant", folder);
    return flat ? weft_dataset_label_file(set, c, folder, opt->labels) : weft_dataset_folders(set, c, folder);
}

weft_status weft_dataset_open(const weft_classifier *c, const char *folder, const weft_dataset_opt *opt,
                              weft_dataset **out)
{
    static const weft_dataset_opt defaults;
    if (!c || !folder || !out)
        return weft_fail(WEFT_INVALID, "weft_dataset_open: classifier, folder and out must not be NULL");
    const weft_allocator *a = &c->ctx->allocator;
    weft_dataset *set = weft_calloc(a, 1, sizeof *set);
    if (!set)
        return weft_fail_in(WEFT_NO_MEMORY, "data set");
    *set = (weft_dataset){ .allocator = a, .classes = c->classes };
    weft_arena_init(&set->arena, a);
    weft_status status = list(set, c, folder, opt ? opt : &defaults);
    if (status == WEFT_OK && set->count == 0)
        status = weft_fail(WEFT_BAD_DATA, "%s: no images (.jpg, .jpeg, .png) in it", folder);
    if (status != WEFT_OK) {
        weft_dataset_destroy(set);
        return status;
    }
    thin(set, opt ? opt->limit : 0);
    *out = set;
    return WEFT_OK;
}

void weft_dataset_destroy(weft_dataset *set)
{
    if (!set)
        return;
    weft_free(set->allocator, set->images);
    weft_arena_release(&set->arena);
    weft_free(set->allocator, set);
}

int64_t weft_dataset_count(const weft_dataset *set)
{
    return set ? set->count : 0;
}

const char *weft_dataset_rule(const weft_dataset *set)
{
    return set ? set->rule : "";
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
