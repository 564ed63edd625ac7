/* SPDX-License-Identifier: Apache-2.0
 *
 * Names to numbers: a crit-bit tree (D. J. Bernstein, "crit-bit trees"), whose cost is bounded by the length of the
 * names whatever they are, so that no file can make look-ups slow as it could with a hash table. */
#ifndef WEFT_WEIGHTS_INDEX_H
#define WEFT_WEIGHTS_INDEX_H

#include "base/alloc.h"

typedef struct weft_index_node weft_index_node;
typedef struct weft_index {
    weft_index_node *nodes;
    int64_t count, room; /* names; nodes allocated */
    int64_t root;
} weft_index;

/* Items are any structs whose first member is their name (const char *), `stride` bytes apart. */
int64_t weft_index_find(const weft_index *index, const void *items, size_t stride, const char *name);
/* Adds item number index->count; INVALID if its name is taken. */
weft_status weft_index_add(weft_index *index, const weft_allocator *allocator, const void *items, size_t stride);
void weft_index_release(weft_index *index, const weft_allocator *allocator);

#endif
