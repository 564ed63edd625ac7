/* SPDX-License-Identifier: Apache-2.0
 *
 * Data sets of a folder or a pack: of a pack one of its parts, with all of its classes. It stays open; images are read
 * from it when they are asked for. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "data/dataset.h"
#include "data/pack.h"

static weft_status is_pack(const char *path, bool *yes)
{
    uint8_t head[WEFT_PACK_MAGIC];
    struct stat facts;
    size_t got = 0;
    int file;
    uint64_t size;
    *yes = false;
    if (stat(path, &facts) != 0 || !S_ISREG(facts.st_mode))
        return WEFT_OK;
    WEFT_TRY(weft_open_regular(path, "a folder or a pack", &file, &size));
    const weft_status status = weft_read_bytes(file, path, head, sizeof head, &got);
    close(file);
    *yes = status == WEFT_OK && got == sizeof head && memcmp(head, weft_pack_magic, sizeof head) == 0;
    return status;
}

/* What is asked of a pack must be what one has. */
static weft_status check(const weft_dataset *set, const weft_dataset_opt *opt)
{
    if (opt->layout == WEFT_DATASET_UNLABELLED)
        return weft_fail(WEFT_BAD_DATA, "%s: is a pack; photographs or a folder of them was expected", set->folder);
    if (opt->labels || opt->layout == WEFT_DATASET_IMAGENET_VAL)
        return weft_fail(WEFT_INVALID, "%s: is a pack, which has the classes of its images; a label file is for a "
                         "folder", set->folder);
    return WEFT_OK;
}

/* The part that is asked for; AUTO: that of which accuracy is usually said. */
static weft_status choose_part(const weft_dataset *set, weft_dataset_part asked, weft_part *out)
{
    static const weft_part order[] = { WEFT_PART_VAL, WEFT_PART_TEST, WEFT_PART_TRAIN };
    if ((unsigned)asked >= WEFT_DATASET_PART_COUNT)
        return weft_fail(WEFT_INVALID, "%s: no part number %d", set->folder, (int)asked);
    weft_part part = asked == WEFT_DATASET_PART_AUTO ? order[0] : (weft_part)((int)asked - WEFT_DATASET_PART_TRAIN);
    for (int i = 1; asked == WEFT_DATASET_PART_AUTO && i < WEFT_COUNT(order); i++)
        part = weft_trainset_count(set->packed, part) ? part : order[i];
    if (weft_trainset_count(set->packed, part) == 0)
        return weft_fail(WEFT_INVALID, "%s: the pack has no images in its part '%s'", set->folder,
                         weft_part_name(part));
    *out = part;
    return WEFT_OK;
}

static weft_status add_classes(weft_dataset *set)
{
    const int count = weft_trainset_classes(set->packed);
    const char **const names = weft_calloc(set->allocator, (size_t)count, sizeof *names);
    weft_status status = names ? WEFT_OK : weft_fail_in(WEFT_NO_MEMORY, "%s", set->folder);
    for (int i = 0; status == WEFT_OK && i < count; i++)
        names[i] = weft_trainset_class(set->packed, i);
    if (status == WEFT_OK) {
        weft_sort_names(names, count, false);
        status = weft_dataset_order(set, names, count);
    }
    for (int i = 0; status == WEFT_OK && i < count; i++)
        status = weft_dataset_add_class(set, names[i], 0);
    weft_free(set->allocator, names);
    return status;
}

static weft_status add_images(weft_dataset *set, weft_part part)
{
    const weft_pack *const pack = set->packed->sources[0].pack;
    const bool by_number = set->order == WEFT_CLASS_ORDER_NUMBER;
    for (int64_t i = 0; i < weft_trainset_count(set->packed, part); i++) {
        const weft_set_item *const item = weft_trainset_item(set->packed, part, i);
        const weft_pack_entry *const e = &pack->entries[item->at];
        const int label = weft_dataset_find_class(set, weft_trainset_class(set->packed, item->label), by_number);
        const char *const path = weft_arena_text(&set->arena, "%.*s", e->name_length, pack->texts + e->name);
        if (!path)
            return weft_fail_in(WEFT_NO_MEMORY, "%s", set->folder);
        WEFT_TRY(weft_dataset_add(set, path, label));
        set->images[set->count - 1].entry = item->at;
    }
    return WEFT_OK;
}

static weft_status list_pack(weft_ctx *ctx, weft_dataset *set, const weft_dataset_opt *opt)
{
    weft_part part = WEFT_PART_VAL;
    WEFT_TRY(check(set, opt));
    WEFT_TRY(weft_trainset_open(ctx, set->folder, NULL, &set->packed));
    set->close_packed = weft_trainset_destroy;
    WEFT_TRY(choose_part(set, opt->part, &part));
    set->part = weft_part_name(part);
    WEFT_TRY(add_classes(set));
    return add_images(set, part);
}

weft_status weft_dataset_open(weft_ctx *ctx, const char *path, const weft_dataset_opt *opt, weft_dataset **out)
{
    bool pack = false;
    if (path)
        WEFT_TRY(is_pack(path, &pack));
    return weft_dataset_make(ctx, path, opt, pack ? list_pack : weft_dataset_list_folder, out);
}

weft_status weft_dataset_read(const weft_dataset *set, const weft_allocator *allocator, int64_t index,
                              const weft_image_opt *opt, weft_image *out)
{
    const weft_sample *const sample = &set->images[index];
    if (!set->packed)
        return weft_image_load(allocator, sample->path, opt, out);
    const weft_pack *const pack = set->packed->sources[0].pack;
    const weft_pack_entry *const e = &pack->entries[sample->entry];
    char name[WEFT_SET_NAME];
    weft_image_file source = { .path = name };
    uint8_t *data = NULL;
    snprintf(name, sizeof name, "%s, %s", pack->path, sample->path);
    WEFT_TRY(weft_pack_fetch(pack, allocator, sample->entry, &data, &source.size));
    if (pack->head.raw) {
        *out = (weft_image){ .width = e->width, .height = e->height, .pixels = data };
        return WEFT_OK;
    }
    source.data = data;
    const weft_status status = weft_image_decode_part(allocator, &source, opt, NULL, out);
    weft_free(allocator, data);
    return status;
}
