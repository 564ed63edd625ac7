/* SPDX-License-Identifier: Apache-2.0
 *
 * Training sets: opened by the reader that knows the folder, split, and closed. */
#include <sys/stat.h>

#include "data/pack.h"

#include "base/error.h"

static weft_status count_classes(weft_trainset *set)
{
    for (int p = 0; p < WEFT_PART_COUNT; p++) {
        weft_set_part *const part = &set->parts[p];
        part->per_class = weft_arena_array(&set->arena, (size_t)set->class_count, sizeof *part->per_class);
        if (!part->per_class)
            return weft_fail_in(WEFT_NO_MEMORY, "%s", set->path);
        for (int64_t i = 0; i < part->count; i++)
            part->per_class[part->items[i].label]++;
    }
    return WEFT_OK;
}

static weft_status read_any(weft_trainset *set, const weft_trainset_opt *opt)
{
    struct stat facts;
    bool found = stat(set->path, &facts) == 0 && !S_ISDIR(facts.st_mode);
    if (found)
        WEFT_TRY(weft_trainset_read_pack(set, set->path));
    if (!found)
        WEFT_TRY(weft_trainset_read_idx(set, set->path, &found));
    if (!found)
        WEFT_TRY(weft_trainset_read_cifar(set, set->path, &found));
    if (!found)
        WEFT_TRY(weft_trainset_read_tree(set, set->path, opt->order));
    if (set->parts[WEFT_PART_TRAIN].count == 0)
        return weft_fail(WEFT_BAD_DATA, "%s: has no part to train on: no files train-images..., no folder train",
                         set->path);
    return count_classes(set);
}

static weft_status fill(weft_trainset *set, const char *name, const weft_trainset_opt *opt)
{
    WEFT_TRY(weft_trainset_find(set, name, &set->path));
    WEFT_TRY(read_any(set, opt));
    if (opt->val_split > 0 && set->parts[WEFT_PART_VAL].count)
        return weft_fail(WEFT_INVALID, "%s: has a validation part of its own; a share of the training part was asked "
                         "for, too", set->path);
    if (opt->val_split > 0)
        WEFT_TRY(weft_trainset_split(set, opt->val_split, opt->seed));
    return opt->fraction > 0 && opt->fraction < 1 ? weft_trainset_thin(set, opt->fraction, opt->seed) : WEFT_OK;
}

weft_status weft_trainset_open(weft_ctx *ctx, const char *path, const weft_trainset_opt *opt, weft_trainset **out)
{
    static const weft_trainset_opt defaults;
    if (!ctx || !path || !out)
        return weft_fail(WEFT_INVALID, "weft_trainset_open: ctx, path and out must not be NULL");
    if (!opt)
        opt = &defaults;
    if (!(opt->val_split >= 0 && opt->val_split < 1) || !(opt->fraction >= 0 && opt->fraction <= 1))
        return weft_fail(WEFT_INVALID, "weft_trainset_open: a validation share of %g and a fraction of %g; at least 0 "
                         "and below 1, and 0 to 1, were expected", opt->val_split, opt->fraction);
    const weft_allocator *const a = weft_ctx_allocator(ctx);
    weft_trainset *const set = weft_calloc(a, 1, sizeof *set);
    if (!set)
        return weft_fail_in(WEFT_NO_MEMORY, "training set");
    set->ctx = ctx;
    set->allocator = a;
    weft_arena_init(&set->arena, a);
    const weft_status status = fill(set, path, opt);
    if (status != WEFT_OK) {
        weft_trainset_destroy(set);
        return status;
    }
    *out = set;
    return WEFT_OK;
}

void weft_trainset_destroy(weft_trainset *set)
{
    if (!set)
        return;
    const weft_allocator *const a = set->allocator;
    for (int64_t i = 0; i < set->source_count; i++) {
        weft_free(a, set->sources[i].pixels);
        weft_dataset_destroy(set->sources[i].files);
        weft_pack_close(set->sources[i].pack);
    }
    for (int p = 0; p < WEFT_PART_COUNT; p++)
        weft_free(a, set->parts[p].items);
    weft_free(a, set->sources);
    weft_free(a, set->files);
    weft_arena_release(&set->arena);
    weft_free(a, set);
}
