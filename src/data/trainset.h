/* SPDX-License-Identifier: Apache-2.0
 *
 * A training set inside: sources of images (arrays in memory, listed photographs) and three parts, each a list of
 * (label, source, place in it). */
#ifndef WEFT_DATA_TRAINSET_H
#define WEFT_DATA_TRAINSET_H

#include <weft/trainset.h>

#include "base/alloc.h"
#include "image/image.h"

/* Images of one file in memory, [count, height, width, channels], or photographs: of a folder or a pack. */
typedef struct weft_set_source {
    const char *name; /* of the file */
    uint8_t *pixels;
    int64_t count;
    int height, width, channels;
    weft_dataset *files;     /* photographs of a folder, or of a pack; then no pixels */
    struct weft_pack *pack;
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
/* Whether an image is a photograph, read when it is asked for. */
bool weft_trainset_is_photo(const weft_trainset *set, const weft_set_item *item);
/* The path of a photograph that is a file of its own; else NULL. */
const char *weft_trainset_photo(const weft_trainset *set, const weft_set_item *item);

enum { WEFT_SET_NAME = 512 };
/* A photograph as it is stored. */
typedef struct weft_set_photo {
    char name[WEFT_SET_NAME]; /* for sentences; of a file its path, where it is short enough: */
    const char *path;         /* is the path, or name */
    uint8_t *data;
    size_t size;
    int width, height; /* of a pack of pixels; 0: data are an image file */
} weft_set_photo;
/* Reads one, whose data the caller frees; *out stays where it is while path is used. */
weft_status weft_trainset_fetch(const weft_trainset *set, const weft_set_item *item, weft_set_photo *out);
/* Decodes what was read, as weft_image_decode_part does. Pixels become the image's; the caller frees what is left. */
weft_status weft_trainset_decode(const weft_trainset *set, weft_set_photo *photo, const weft_image_opt *opt,
                                 weft_wish *wish, weft_image *out);

#endif
