/* SPDX-License-Identifier: Apache-2.0
 *
 * A data set inside: a list of files with their classes, sorted by name, and what was left out of it. */
#ifndef WEFT_DATA_DATASET_H
#define WEFT_DATA_DATASET_H

#include <weft/data.h>

#include "base/alloc.h"
#include "image/image.h"

typedef struct weft_sample {
    const char *path;
    int label;     /* index of the class */
    int64_t entry; /* of a pack */
} weft_sample;

typedef struct weft_set_class {
    const char *name; /* a folder's, or a text of the label file */
    int64_t images;
    int64_t line; /* of the label file, where it is met first */
} weft_set_class;

struct weft_dataset {
    const weft_allocator *allocator;
    weft_arena arena; /* texts */
    const char *folder, *labels; /* where it is; labels NULL: class folders, or a pack */
    struct weft_trainset *packed; /* NULL: no pack */
    void (*close_packed)(struct weft_trainset *packed);
    const char *part; /* of the pack */
    weft_sample *images;
    int64_t count, capacity;
    weft_set_class *classes;
    int64_t class_count, class_capacity;
    weft_left_out *left;
    int64_t left_count, left_capacity;
    weft_class_order order;
    weft_class_numbers numbers;
    bool unsure; /* the classes are numbers that stand in another order than their names, and nobody chose one */
};

/* ---- what layouts fill it with (set.c) ---- */

/* Room for one more of count elements in an array that doubles. */
weft_status weft_dataset_grow(const weft_allocator *allocator, void **array, int64_t count, int64_t *capacity,
                              size_t size);
/* Appends an image; the path must live as long as the set. */
weft_status weft_dataset_add(weft_dataset *set, const char *path, int label);
weft_status weft_dataset_add_class(weft_dataset *set, const char *name, int64_t line);
/* The class of that name among classes that were added in the order of weft_sort_names; -1: none. */
int weft_dataset_find_class(const weft_dataset *set, const char *name, bool by_number);
/* Counts a file that is not taken. */
weft_status weft_dataset_leave(weft_dataset *set, const char *kind, const char *folder, const char *name);
/* Whether all names are digits: of those the order by number may differ from that by bytes. */
bool weft_are_numbers(const char *const *names, int64_t count);
/* The same of names that go on with digits behind what all begin with: class_2, class_10. */
bool weft_are_numbered(const char *const *names, int64_t count);
/* Sorts names by bytes, or by the numbers in them. */
void weft_sort_names(const char **names, int64_t count, bool by_number);
/* Puts the names of class folders, which are sorted by bytes, into the order of the classes; notes in set->unsure where
 * that would be a guess. */
weft_status weft_dataset_order(weft_dataset *set, const char **names, int64_t count);

/* ---- files (walk.c, seen.c) ---- */

/* Which files and folders were met: by device and inode, so that a link is known for what it leads to. */
typedef struct weft_seen {
    const weft_allocator *allocator;
    struct weft_seen_slot *slots;
    size_t count, room; /* room is a power of two */
} weft_seen;
/* Notes a file with a mark >= 0; *before is the mark that it was noted with first, -1 if it is new. */
weft_status weft_seen_note(weft_seen *seen, uint64_t device, uint64_t file, int mark, int *before);

typedef struct weft_folder_entry {
    const char *name;
    bool folder;
    uint64_t device, file;
} weft_folder_entry;
/* What is in a folder, sorted by bytes; hidden and broken entries are counted as left out. The caller frees the list;
 * names live in the arena. */
weft_status weft_list_folder(weft_dataset *set, const char *folder, weft_folder_entry **entries, int64_t *count);

/* A way through the folders below one. */
typedef struct weft_walk {
    weft_dataset *set;
    weft_seen seen;
    int mark; /* the class of the files that are met; -1: links to one image are images of their own */
    weft_status (*image)(struct weft_walk *walk, const char *path);
    void *user;
} weft_walk;
/* The folder and those that it is in will not be entered. */
weft_status weft_walk_begin(weft_walk *walk, const char *folder);
/* Calls image for each image in folder, in order of name, then for those in the folders in it. */
weft_status weft_walk_tree(weft_walk *walk, const char *folder, int depth);
void weft_walk_end(weft_walk *walk);
/* All three. */
weft_status weft_walk_whole(weft_walk *walk, const char *folder, int depth);

/* Fills a set whose path, order and numbers are set. */
typedef weft_status weft_dataset_list(weft_ctx *ctx, weft_dataset *set, const weft_dataset_opt *opt);
weft_dataset_list weft_dataset_list_folder;
/* weft_dataset_open of what `list` takes a path for: the public one finds out, and knows packs. */
weft_status weft_dataset_make(weft_ctx *ctx, const char *path, const weft_dataset_opt *opt, weft_dataset_list *list,
                              weft_dataset **out);

/* ---- the layouts: ImageFolder and images alone (folder.c), a folder with a label file (label_file.c) ---- */
weft_status weft_dataset_unlabelled(weft_dataset *set);
weft_status weft_dataset_folders(weft_dataset *set);
weft_status weft_dataset_label_file(weft_dataset *set);

/* ---- packs (packed.c) ---- */

/* Decodes an image of the set; the pixels are the allocator's. Several threads may. */
weft_status weft_dataset_read(const weft_dataset *set, const weft_allocator *allocator, int64_t index,
                              const weft_image_opt *opt, weft_image *out);

#endif
