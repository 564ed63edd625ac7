/* SPDX-License-Identifier: Apache-2.0
 *
 * Trees of photographs to train on: folders called train, val and test that hold class folders, or class folders
 * alone. The classes are those of the training part; the others may lack some, but have no more. */
#include "data/trainset.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "data/dataset.h"

static const struct {
    const char *name;
    weft_part part;
} parts[] = {
    { "train", WEFT_PART_TRAIN },    { "training", WEFT_PART_TRAIN }, { "val", WEFT_PART_VAL },
    { "valid", WEFT_PART_VAL },      { "validation", WEFT_PART_VAL }, { "test", WEFT_PART_TEST },
    { "testing", WEFT_PART_TEST },
};

static bool is_folder(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

/* The number of a class of the part in the set's list; -1: it has none of that name. */
static int class_of(const weft_trainset *set, const char *name)
{
    for (int i = 0; i < set->class_count; i++) {
        if (strcmp(set->classes[i], name) == 0)
            return i;
    }
    return -1;
}

static weft_status take_classes(weft_trainset *set, const weft_dataset *files)
{
    const int count = weft_dataset_classes(files);
    const char **const names = weft_calloc(set->allocator, (size_t)count, sizeof *names);
    if (!names)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", set->path);
    for (int i = 0; i < count; i++)
        names[i] = weft_dataset_class(files, i);
    const weft_status status = weft_trainset_set_classes(set, names, count);
    weft_free(set->allocator, names);
    return status;
}

/* map[class of the part] is the class of the set. */
static weft_status add_mapped(weft_trainset *set, weft_part part, int32_t source, int *map)
{
    const weft_dataset *const files = set->sources[source].files;
    for (int i = 0; i < weft_dataset_classes(files); i++) {
        map[i] = class_of(set, weft_dataset_class(files, i));
        if (map[i] < 0)
            return weft_fail(WEFT_BAD_DATA, "%s: has the class '%.80s', which the part 'train' has not",
                             set->sources[source].name, weft_dataset_class(files, i));
    }
    for (int64_t i = 0; i < weft_dataset_count(files); i++) {
        const char *path;
        int label;
        WEFT_TRY(weft_dataset_get(files, i, &path, &label));
        WEFT_TRY(weft_trainset_add(set, part, map[label], source, i));
    }
    return WEFT_OK;
}

static weft_status add_part(weft_trainset *set, weft_part part, const char *folder, weft_class_order order)
{
    weft_dataset *files;
    int32_t source;
    const weft_dataset_opt opt = { .layout = WEFT_DATASET_FOLDER, .order = order };
    WEFT_TRY(weft_dataset_make(set->ctx, folder, &opt, weft_dataset_list_folder, &files));
    const weft_set_source s = { .name = folder, .count = weft_dataset_count(files), .channels = 3, .files = files };
    WEFT_TRY(weft_trainset_add_source(set, &s, &source));
    if (!set->classes)
        WEFT_TRY(take_classes(set, files));
    int *const map = weft_calloc(set->allocator, (size_t)weft_dataset_classes(files), sizeof *map);
    if (!map)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
    const weft_status status = add_mapped(set, part, source, map);
    weft_free(set->allocator, map);
    return status;
}

weft_status weft_trainset_read_tree(weft_trainset *set, const char *folder, weft_class_order order)
{
    const char *path[WEFT_PART_COUNT] = { NULL };
    for (int i = 0; i < WEFT_COUNT(parts); i++) {
        const char *const at = weft_arena_text(&set->arena, "%s/%s", folder, parts[i].name);
        if (!at)
            return weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
        if (!is_folder(at))
            continue;
        if (path[parts[i].part])
            return weft_fail(WEFT_BAD_DATA, "%s and %s: only one of them can be the part '%s'", path[parts[i].part], at,
                             weft_part_name(parts[i].part));
        path[parts[i].part] = at;
    }
    set->kind = "folders";
    if (!path[WEFT_PART_TRAIN])
        return add_part(set, WEFT_PART_TRAIN, folder, order); /* which refuses a lone val or test by a sentence */
    for (int p = 0; p < WEFT_PART_COUNT; p++) {
        if (path[p])
            WEFT_TRY(add_part(set, (weft_part)p, path[p], order));
    }
    return WEFT_OK;
}
