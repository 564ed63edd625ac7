/* SPDX-License-Identifier: Apache-2.0
 *
 * A training set inside: sources of images (arrays in memory, listed photographs) and three parts, each a list of
 * (label, source, place in it). */
#ifndef WEFT_DATA_TRAINSET_H
#define WEFT_DATA_TRAINSET_H

#include <weft/trainset.h>

#include "base/alloc.h"
#include "image/image.h"

/* Images of one file in memory, [count, height, width, channels], or the photographs of a folder. */
typedef struct weft_set_source {
    const char *name; /* of the file */
    uint8_t *pixels;
    int64_t count;
    int height, width, channels;
    weft_dataset *files; /* photographs; then no pixels */
} weft_set_source;

typedef struct weft_set_item {
    int32_t label, source;
    int64_t at;
} weft_set_item;

typedef struct weft_set_part {
    weft_set_item *items;
    int64_t count, capacity;
    int64_t *per_class;
} weft_set_part;

struct weft_trainset {
    weft_ctx *ctx;
    const weft_allocator *allocator;
    weft_arena arena; /* texts, names of classes */
    const char *path, *kind;
    weft_set_source *sources;
    int64_t source_count, source_capacity;
    weft_set_part parts[WEFT_PART_COUNT];
    const char **classes;
    int class_count;
    const char **files; /* read whole: those of arrays and labels */
    int64_t file_count, file_capacity;
};

/* ---- what readers fill it with (part.c) ---- */

/* Takes the pixels over, also on failure; the item's labels follow by weft_trainset_add. */
weft_status weft_trainset_add_source(weft_trainset *set, const weft_set_source *source, int32_t *index);
weft_status weft_trainset_add(weft_trainset *set, weft_part part, int label, int32_t source, int64_t at);
/* Notes a file that is read whole; the path lives in the arena. */
weft_status weft_trainset_add_file(weft_trainset *set, const char *path);
/* The names of the classes; texts that live in the arena, the array is copied. */
weft_status weft_trainset_set_classes(weft_trainset *set, const char *const *names, int count);

/* ---- readers: each adds what it finds in the folder; nothing found is no failure ---- */

weft_status weft_trainset_read_idx(weft_trainset *set, const char *folder, bool *found);
weft_status weft_trainset_read_cifar(weft_trainset *set, const char *folder, bool *found);
weft_status weft_trainset_read_tree(weft_trainset *set, const char *folder, weft_class_order order);

/* ---- files (inflate.c) ---- */

/* How long a file is of which this is the beginning; false if it is none of the kind that is read. */
typedef bool (*weft_expected)(const uint8_t *head, size_t size, size_t *whole);
/* A whole regular file in memory, unpacked if it begins as gzip does, but not beyond what expected (NULL: anything)
 * says; freed by the caller. */
weft_status weft_read_whole(const weft_allocator *allocator, const char *path, const char *wanted,
                            weft_expected expected, uint8_t **data, size_t *size);

/* ---- parts (split.c) ---- */

weft_status weft_trainset_split(weft_trainset *set, double share, uint64_t seed);
weft_status weft_trainset_thin(weft_trainset *set, double fraction, uint64_t seed);

/* ---- names (find.c) ---- */

/* The folder of a set that has this name or path; in the arena. */
weft_status weft_trainset_find(weft_trainset *set, const char *name, const char **folder);

/* ---- for loaders ---- */

/* One image: pixels[height][width][channels] that the set lends (owned false), or that the caller frees. */
typedef struct weft_set_picture {
    const uint8_t *pixels;
    uint8_t *owned;
    int height, width, channels;
} weft_set_picture;
const weft_set_item *weft_trainset_item(const weft_trainset *set, weft_part part, int64_t image);
/* The path of a photograph; NULL for images in memory. */
const char *weft_trainset_photo(const weft_trainset *set, const weft_set_item *item);

#endif
