/* SPDX-License-Identifier: Apache-2.0
 *
 * Data sets: the choice between the layouts of folders, and what can be asked. */
#include "data/dataset.h"

#include "base/error.h"

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
weft_status weft_dataset_list_folder(weft_ctx *ctx, weft_dataset *set, const weft_dataset_opt *opt)
{
    (void)ctx;
    const bool flat = opt->layout == WEFT_DATASET_IMAGENET_VAL || (opt->layout == WEFT_DATASET_AUTO && opt->labels);
    if (opt->part != WEFT_DATASET_PART_AUTO)
        return weft_fail(WEFT_INVALID, "%s: a part was asked for, which only a pack has; give the folder of that part",
                         set->folder);
    if (flat && !opt->labels)
        return weft_fail(WEFT_INVALID, "%s: this layout needs a label file: a class for each image", set->folder);
    if (!flat && opt->labels)
        return weft_fail(WEFT_INVALID, "%s: class folders and a label file were given; only one can be meant",
                         set->folder);
    if (opt->layout == WEFT_DATASET_UNLABELLED)
        return weft_dataset_unlabelled(set);
    return flat ? weft_dataset_label_file(set) : weft_dataset_folders(set);
}

static weft_status fill(weft_ctx *ctx, weft_dataset *set, const char *path, const weft_dataset_opt *opt,
                        weft_dataset_list *list)
{
    set->folder = weft_arena_text(&set->arena, "%s", path);
    set->labels = opt->labels ? weft_arena_text(&set->arena, "%s", opt->labels) : NULL;
    if (!set->folder || (opt->labels && !set->labels))
        return weft_fail_in(WEFT_NO_MEMORY, "data set");
    set->order = opt->order;
    set->numbers = opt->numbers;
    WEFT_TRY(list(ctx, set, opt));
    if (set->count == 0)
        return weft_fail(WEFT_BAD_DATA, "%s: no images in it", set->folder);
    thin(set, opt->limit);
    return WEFT_OK;
}

weft_status weft_dataset_make(weft_ctx *ctx, const char *path, const weft_dataset_opt *opt, weft_dataset_list *list,
                              weft_dataset **out)
{
    static const weft_dataset_opt defaults;
    if (!ctx || !path || !out)
        return weft_fail(WEFT_INVALID, "weft_dataset_open: ctx, folder and out must not be NULL");
    const weft_allocator *a = weft_ctx_allocator(ctx);
    weft_dataset *set = weft_calloc(a, 1, sizeof *set);
    if (!set)
        return weft_fail_in(WEFT_NO_MEMORY, "data set");
    set->allocator = a;
    weft_arena_init(&set->arena, a);
    const weft_status status = fill(ctx, set, path, opt ? opt : &defaults, list);
    if (status != WEFT_OK) {
        weft_dataset_destroy(set);
        return status;
    }
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
    if (set->packed)
        set->close_packed(set->packed);
    weft_arena_release(&set->arena);
    weft_free(a, set);
}

/* ---- asking ---- */

int64_t weft_dataset_count(const weft_dataset *set)
{
    return set ? set->count : 0;
}

const char *weft_dataset_part_name(const weft_dataset *set)
{
    return set ? set->part : NULL;
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
