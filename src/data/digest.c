/* SPDX-License-Identifier: Apache-2.0
 *
 * One number for a whole set: whether two processes train on the same one. */
#include <string.h>

#include "base/sha256.h"
#include "data/trainset.h"

/* Photographs by their paths inside of the set, which may lie elsewhere on another machine; they are not read. */
static void add_item(weft_sha256 *sum, const weft_trainset *set, const weft_set_item *item)
{
    const int64_t facts[] = { item->label, item->source, item->at };
    const char *path = weft_trainset_photo(set, item);
    const size_t common = strlen(set->path);
    weft_sha256_add(sum, facts, sizeof facts);
    if (path && strncmp(path, set->path, common) == 0)
        path += common;
    if (path)
        weft_sha256_add(sum, path, strlen(path) + 1);
}

void weft_trainset_digest(const weft_trainset *set, char text[WEFT_TRAINSET_DIGEST])
{
    weft_sha256 sum;
    weft_sha256_begin(&sum);
    for (int i = 0; i < set->class_count; i++)
        weft_sha256_add(&sum, set->classes[i], strlen(set->classes[i]) + 1);
    for (int64_t i = 0; i < set->source_count; i++) {
        const weft_set_source *const s = &set->sources[i];
        const int64_t facts[] = { s->count, s->height, s->width, s->channels };
        weft_sha256_add(&sum, facts, sizeof facts);
        if (s->pixels)
            weft_sha256_add(&sum, s->pixels, (size_t)(s->count * s->height * s->width * s->channels));
    }
    for (int part = 0; part < WEFT_PART_COUNT; part++) {
        weft_sha256_add(&sum, &set->parts[part].count, sizeof set->parts[part].count);
        for (int64_t i = 0; i < set->parts[part].count; i++)
            add_item(&sum, set, &set->parts[part].items[i]);
    }
    weft_sha256_end(&sum, text);
}
