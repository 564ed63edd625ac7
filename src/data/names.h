/* SPDX-License-Identifier: Apache-2.0
 *
 * The images of a folder by the names that a label file gives them. */
#ifndef WEFT_DATA_NAMES_H
#define WEFT_DATA_NAMES_H

#include "data/dataset.h"

typedef struct weft_names {
    weft_dataset *set;
    const char **paths; /* sorted; what follows the folder is the name; freed by the caller */
    int64_t count, capacity;
    size_t skip;        /* bytes of a path before the name */
    const char *prefix; /* what lines put before names; NULL: not known yet */
} weft_names;

/* Lists the images of names->set's folder, at any depth. */
weft_status weft_names_list(weft_names *names);
const char *weft_name_of(const weft_names *names, int64_t image);
/* The image of a path in the folder, or of a path that ends in one, with its suffix or without; -1: none, -2:
 * several. */
int64_t weft_names_find(weft_names *names, const char *text);

#endif
