/* SPDX-License-Identifier: Apache-2.0
 *
 * A data set inside: a list of files with their classes, sorted by name. */
#ifndef WEFT_DATA_DATASET_H
#define WEFT_DATA_DATASET_H

#include "task/classify.h"

typedef struct weft_sample {
    const char *path;
    int label; /* index of the class */
} weft_sample;

struct weft_dataset {
    const weft_allocator *allocator;
    weft_arena arena; /* texts */
    weft_sample *images;
    int64_t count, capacity;
    int classes;
    const char *rule;
};

/* Appends the image folder/name. */
weft_status weft_dataset_add(weft_dataset *set, const char *folder, const char *name, int label);
/* .jpg, .jpeg or .png in any case, and no leading '.'. */
bool weft_names_image(const char *name);
/* Names of the regular files (or folders) in a folder, sorted by bytes, hidden ones left out; the list is freed by the
 * caller, the texts live in the arena. */
weft_status weft_list_folder(const weft_allocator *allocator, weft_arena *arena, const char *folder, bool folders,
                             const char ***names, int64_t *count);
/* A class by WordNet id, by name (case alike), or (numbers) by index; -1: none, -2: several of that name. */
int weft_class_of(const weft_classifier *classifier, const char *text, bool numbers);

/* The two layouts: ImageFolder (folder.c), one folder with a label file (label_file.c). */
weft_status weft_dataset_folders(weft_dataset *set, const weft_classifier *classifier, const char *root);
weft_status weft_dataset_label_file(weft_dataset *set, const weft_classifier *classifier, const char *folder,
                                    const char *labels);

#endif
