/* SPDX-License-Identifier: Apache-2.0
 *
 * ImageFolder trees: a folder for each class, as torchvision has them. The folders' names are the classes' names;
 * what a network calls them is not asked here. */
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "data/dataset.h"
#include "image/image.h"

enum { CLASSES = 1 << 20 };

typedef struct folders {
    weft_folder_entry *entries; /* the folders among them first */
    const char **names;         /* of the folders, in the order of classes */
    int64_t count;
} folders;

static bool is_split(const char *name)
{
    static const char *const splits[] = { "train", "training", "val", "valid", "validation", "test", "testing" };
    for (int i = 0; i < WEFT_COUNT(splits); i++) {
        if (strcasecmp(name, splits[i]) == 0)
            return true;
    }
    return false;
}

/* Files beside the class folders belong to no class. */
static weft_status keep_folders(weft_dataset *set, folders *f, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (f->entries[i].folder)
            f->entries[f->count++] = f->entries[i];
        else
            WEFT_TRY(weft_dataset_leave(set, "outside of the class folders", set->folder, f->entries[i].name));
    }
    if (f->count == 0)
        return weft_fail(WEFT_BAD_DATA, "%s: no folders in it; one for each class was expected, or a label file",
                         set->folder);
    if (f->count > CLASSES)
        return weft_fail(WEFT_BAD_DATA, "%s: %lld folders; %d classes at most were expected", set->folder,
                         (long long)f->count, CLASSES);
    int64_t splits = 0;
    for (int64_t i = 0; i < f->count; i++)
        splits += is_split(f->entries[i].name);
    if (splits == f->count || splits > 1)
        return weft_fail(WEFT_BAD_DATA, "%s: holds parts of a data set ('%s'), not classes; give one of them, such as "
                         "%s/%s", set->folder, f->entries[0].name, set->folder, f->entries[f->count - 1].name);
    return WEFT_OK;
}

static weft_status sort_classes(weft_dataset *set, folders *f)
{
    f->names = weft_calloc(set->allocator, (size_t)f->count, sizeof *f->names);
    if (!f->names)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", set->folder);
    for (int64_t i = 0; i < f->count; i++)
        f->names[i] = f->entries[i].name;
    return weft_dataset_order(set, f->names, f->count);
}

static weft_status add_image(weft_walk *walk, const char *path)
{
    return weft_dataset_add(walk->set, path, walk->mark);
}

/* Files that are left out so far, but for hidden ones. */
static int64_t left(const weft_dataset *set)
{
    int64_t count = 0;
    for (int64_t i = 0; i < set->left_count; i++)
        count += strcmp(set->left[i].kind, "hidden") != 0 ? set->left[i].count : 0;
    return count;
}

static weft_status add_class(weft_walk *walk, const char *name)
{
    weft_dataset *set = walk->set;
    const int64_t before = left(set);
    const char *inside = weft_arena_text(&set->arena, "%s/%s", set->folder, name);
    if (!inside)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", set->folder);
    WEFT_TRY(weft_walk_tree(walk, inside, 1));
    if (set->classes[walk->mark].images == 0 && left(set) > before)
        return weft_fail(WEFT_BAD_DATA, "%s: none of its %lld files is an image that is read (%s): the class would "
                         "be empty", inside, (long long)(left(set) - before), weft_image_suffixes);
    if (set->classes[walk->mark].images == 0)
        return weft_dataset_leave(set, "empty class folder", set->folder, name);
    return WEFT_OK;
}

/* All class folders are noted before the first is entered, so that a link to one of them is known. */
static weft_status walk_classes(weft_walk *walk, const folders *f)
{
    weft_dataset *set = walk->set;
    WEFT_TRY(weft_walk_begin(walk, set->folder));
    for (int64_t i = 0; i < f->count; i++) {
        int before;
        WEFT_TRY(weft_seen_note(&walk->seen, f->entries[i].device, f->entries[i].file, 0, &before));
        if (before >= 0)
            return weft_fail(WEFT_BAD_DATA, "%s/%s: is a link to another class folder or to a folder that holds the "
                             "data set; a folder of its own was expected", set->folder, f->entries[i].name);
        WEFT_TRY(weft_dataset_add_class(set, f->names[i], 0));
    }
    for (int64_t i = 0; i < f->count; i++) {
        walk->mark = (int)i;
        WEFT_TRY(add_class(walk, f->names[i]));
    }
    return WEFT_OK;
}

static weft_status add_folders(weft_dataset *set, folders *f, int64_t count)
{
    WEFT_TRY(keep_folders(set, f, count));
    WEFT_TRY(sort_classes(set, f));
    weft_walk walk = { .set = set, .image = add_image };
    const weft_status status = walk_classes(&walk, f);
    weft_walk_end(&walk);
    return status;
}

weft_status weft_dataset_folders(weft_dataset *set)
{
    folders f = { 0 };
    int64_t count = 0;
    WEFT_TRY(weft_list_folder(set, set->folder, &f.entries, &count));
    const weft_status status = add_folders(set, &f, count);
    weft_free(set->allocator, f.names);
    weft_free(set->allocator, f.entries);
    return status;
}

weft_status weft_dataset_unlabelled(weft_dataset *set)
{
    weft_walk walk = { .set = set, .image = add_image };
    WEFT_TRY(weft_dataset_add_class(set, "", 0));
    return weft_walk_whole(&walk, set->folder, 1);
}
