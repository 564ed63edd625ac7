/* SPDX-License-Identifier: Apache-2.0
 *
 * Training sets: what readers fill them with, and what can be asked. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "data/dataset.h"
#include "data/pack.h"

/* ---- what readers fill it with ---- */

weft_status weft_trainset_add_source(weft_trainset *set, const weft_set_source *source, int32_t *index)
{
    void *sources = set->sources;
    const weft_status status = weft_dataset_grow(set->allocator, &sources, set->source_count, &set->source_capacity,
                                                 sizeof *set->sources);
    set->sources = sources;
    if (status != WEFT_OK) {
        weft_free(set->allocator, source->pixels);
        weft_dataset_destroy(source->files);
        weft_pack_close(source->pack);
        return status;
    }
    *index = (int32_t)set->source_count;
    set->sources[set->source_count++] = *source;
    return WEFT_OK;
}

weft_status weft_trainset_add(weft_trainset *set, weft_part part, int label, int32_t source, int64_t at)
{
    weft_set_part *const p = &set->parts[part];
    void *items = p->items;
    const weft_status status = weft_dataset_grow(set->allocator, &items, p->count, &p->capacity, sizeof *p->items);
    p->items = items;
    if (status != WEFT_OK)
        return status;
    p->items[p->count++] = (weft_set_item){ .label = label, .source = source, .at = at };
    return WEFT_OK;
}

weft_status weft_trainset_add_file(weft_trainset *set, const char *path)
{
    void *files = set->files;
    const weft_status status = weft_dataset_grow(set->allocator, &files, set->file_count, &set->file_capacity,
                                                 sizeof *set->files);
    set->files = files;
    if (status == WEFT_OK)
        set->files[set->file_count++] = path;
    return status;
}

weft_status weft_trainset_set_classes(weft_trainset *set, const char *const *names, int count)
{
    set->classes = weft_arena_copy(&set->arena, names, (size_t)count * sizeof *names);
    if (!set->classes)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", set->path);
    set->class_count = count;
    return WEFT_OK;
}

/* ---- asking ---- */

const char *weft_part_name(weft_part part)
{
    static const char *const names[] = { "train", "val", "test" };
    return (int)part >= 0 && part < WEFT_PART_COUNT ? names[part] : "?";
}

const char *weft_trainset_path(const weft_trainset *set)
{
    return set ? set->path : "";
}

const char *weft_trainset_kind(const weft_trainset *set)
{
    return set ? set->kind : "";
}

int weft_trainset_classes(const weft_trainset *set)
{
    return set ? set->class_count : 0;
}

const char *weft_trainset_class(const weft_trainset *set, int index)
{
    return set && index >= 0 && index < set->class_count ? set->classes[index] : NULL;
}

static bool is_part(const weft_trainset *set, weft_part part)
{
    return set && (int)part >= 0 && part < WEFT_PART_COUNT;
}

int64_t weft_trainset_count(const weft_trainset *set, weft_part part)
{
    return is_part(set, part) ? set->parts[part].count : 0;
}

int64_t weft_trainset_class_count(const weft_trainset *set, weft_part part, int index)
{
    return is_part(set, part) && index >= 0 && index < set->class_count ? set->parts[part].per_class[index] : 0;
}

const weft_set_item *weft_trainset_item(const weft_trainset *set, weft_part part, int64_t image)
{
    return is_part(set, part) && image >= 0 && image < set->parts[part].count ? &set->parts[part].items[image] : NULL;
}

int weft_trainset_label(const weft_trainset *set, weft_part part, int64_t image)
{
    const weft_set_item *const item = weft_trainset_item(set, part, image);
    return item ? item->label : -1;
}

const char *weft_trainset_photo(const weft_trainset *set, const weft_set_item *item)
{
    const weft_set_source *const source = &set->sources[item->source];
    const char *path;
    int label;
    return source->files && weft_dataset_get(source->files, item->at, &path, &label) == WEFT_OK ? path : NULL;
}

/* "photos.pack, train/cat/1.jpg" */
static void name_of_entry(const weft_pack *pack, int64_t at, char *buf, size_t size)
{
    const weft_pack_entry *const e = &pack->entries[at];
    snprintf(buf, size, "%s, %.*s", pack->path, e->name_length, pack->texts + e->name);
}

const char *weft_trainset_name(const weft_trainset *set, weft_part part, int64_t image, char *buf, size_t size)
{
    const weft_set_item *const item = weft_trainset_item(set, part, image);
    const weft_set_source *const s = item ? &set->sources[item->source] : NULL;
    const char *const file = item ? weft_trainset_photo(set, item) : NULL;
    if (!item)
        snprintf(buf, size, "no image %" PRId64, image);
    else if (file)
        snprintf(buf, size, "%s", file);
    else if (s->pack)
        name_of_entry(s->pack, item->at, buf, size);
    else
        snprintf(buf, size, "%s, image %" PRId64, s->name, item->at);
    return buf;
}

bool weft_trainset_is_photo(const weft_trainset *set, const weft_set_item *item)
{
    const weft_set_source *const s = &set->sources[item->source];
    return s->files || s->pack;
}

weft_status weft_trainset_fetch(const weft_trainset *set, const weft_set_item *item, weft_set_photo *out)
{
    const weft_set_source *const s = &set->sources[item->source];
    const char *const file = weft_trainset_photo(set, item);
    out->width = out->height = 0;
    out->path = file ? file : out->name;
    if (file)
        return weft_image_fetch(set->allocator, file, &out->data, &out->size);
    name_of_entry(s->pack, item->at, out->name, sizeof out->name);
    if (s->pack->head.raw) {
        out->width = s->pack->entries[item->at].width;
        out->height = s->pack->entries[item->at].height;
    }
    return weft_pack_fetch(s->pack, set->allocator, item->at, &out->data, &out->size);
}

weft_status weft_trainset_decode(const weft_trainset *set, weft_set_photo *photo, const weft_image_opt *opt,
                                 weft_wish *wish, weft_image *out)
{
    const weft_image_file source = { .path = photo->path, .data = photo->data, .size = photo->size };
    weft_image image = { .width = photo->width, .height = photo->height, .pixels = photo->data };
    if (photo->width == 0)
        return weft_image_decode_part(set->allocator, &source, opt, wish, out);
    photo->data = NULL;
    const weft_status status = wish ? weft_image_cut(set->allocator, wish, &image) : WEFT_OK;
    if (status == WEFT_OK)
        *out = image;
    else
        weft_free(set->allocator, image.pixels);
    return status;
}

weft_status weft_trainset_image(const weft_trainset *set, weft_part part, int64_t image, weft_image *out)
{
    const weft_set_item *const item = weft_trainset_item(set, part, image);
    if (!item || !out)
        return weft_fail(WEFT_INVALID, "weft_trainset_image: image %" PRId64 " of %" PRId64, image,
                         weft_trainset_count(set, part));
    if (weft_trainset_is_photo(set, item)) {
        weft_set_photo photo;
        WEFT_TRY(weft_trainset_fetch(set, item, &photo));
        const weft_status status = weft_trainset_decode(set, &photo, NULL, NULL, out);
        weft_free(set->allocator, photo.data);
        return status;
    }
    const weft_set_source *const s = &set->sources[item->source];
    weft_image picture;
    WEFT_TRY(weft_image_alloc(set->allocator, s->name, s->width, s->height, &picture));
    const size_t count = (size_t)s->width * (size_t)s->height, channels = (size_t)s->channels;
    const uint8_t *const from = s->pixels + (size_t)item->at * count * channels;
    for (size_t i = 0; i < count; i++) {
        for (size_t c = 0; c < 3; c++)
            picture.pixels[3 * i + c] = from[i * channels + (channels == 3 ? c : 0)];
    }
    *out = picture;
    return WEFT_OK;
}

weft_native_size weft_trainset_native(const weft_trainset *set)
{
    weft_native_size size = { 0 };
    for (int64_t i = 0; set && i < set->source_count; i++) {
        const weft_set_source *const s = &set->sources[i];
        const bool same = i == 0 || (s->width == size.width && s->height == size.height);
        size.width = same ? s->width : 0;
        size.height = same ? s->height : 0;
        size.channels = s->channels > size.channels ? s->channels : size.channels;
    }
    return size;
}

weft_status weft_trainset_weights(const weft_trainset *set, double power, float *out)
{
    if (!set || !out || !(power >= 0 && power <= 1))
        return weft_fail(WEFT_INVALID, "weft_trainset_weights: set and out must not be NULL, and power, %g, be 0 to 1",
                         power);
    const weft_set_part *const train = &set->parts[WEFT_PART_TRAIN];
    const double mean = (double)train->count / set->class_count;
    double sum = 0;
    for (int i = 0; i < set->class_count; i++) {
        const double n = (double)train->per_class[i], w = n > 0 ? pow(mean / n, power) : 0;
        sum += n * w;
        out[i] = (float)w;
    }
    for (int i = 0; i < set->class_count; i++)
        out[i] *= (float)((double)train->count / sum);
    return WEFT_OK;
}

int64_t weft_trainset_file_count(const weft_trainset *set)
{
    int64_t count = set ? set->file_count : 0;
    for (int64_t i = 0; set && i < set->source_count; i++)
        count += set->sources[i].files ? set->sources[i].count : 0;
    return count;
}

const char *weft_trainset_file(const weft_trainset *set, int64_t index)
{
    if (!set || index < 0)
        return NULL;
    if (index < set->file_count)
        return set->files[index];
    index -= set->file_count;
    for (int64_t i = 0; i < set->source_count; i++) {
        const weft_set_source *const s = &set->sources[i];
        const char *path;
        int label;
        if (s->files && index < s->count)
            return weft_dataset_get(s->files, index, &path, &label) == WEFT_OK ? path : NULL;
        index -= s->files ? s->count : 0;
    }
    return NULL;
}

const weft_left_out *weft_trainset_left_out(const weft_trainset *set, int index)
{
    for (int64_t i = 0; set && i < set->source_count; i++) {
        const weft_dataset *const files = set->sources[i].files;
        int kinds = 0;
        while (weft_dataset_left_out(files, kinds))
            kinds++;
        if (index < kinds)
            return weft_dataset_left_out(files, index);
        index -= kinds;
    }
    return NULL;
}
