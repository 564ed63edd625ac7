/* SPDX-License-Identifier: Apache-2.0
 *
 * The store inside: entries in a flat block on the device, parameters first, then states. */
#ifndef WEFT_PROGRAM_STORE_H
#define WEFT_PROGRAM_STORE_H

#include <weft/store.h>

#include "backend/kernel.h"
#include "graph/graph.h"

/* Of the entries in the block. */
enum { WEFT_STORE_ALIGN = 256, WEFT_STORE_FRESH = 1 /* its version before anything is set */ };

typedef struct weft_entry {
    const char *name;
    weft_param_spec spec; /* values: copied */
    size_t offset;        /* bytes into the block */
} weft_entry;

struct weft_store {
    weft_ctx *ctx;
    weft_arena arena;
    weft_entry *entries; /* parameters, then states, each in the order of the graphs */
    int32_t count;
    size_t bytes;
    char *memory; /* on the device */
    void *staging; /* host memory for one entry, on devices that are apart; NULL until it is needed */
    uint64_t version; /* from WEFT_STORE_FRESH */
    int models;       /* that stand on it */
    bool released;    /* by weft_model_release_params: nothing is read or written by name any more */
};

WEFT_INLINE size_t weft_entry_bytes(const weft_entry *entry)
{
    return (size_t)weft_shape_count(&entry->spec.shape) * sizeof(float);
}

/* INVALID if the parameters were released. */
weft_status weft_store_need(const weft_store *store);
/* Index of an entry; -1: none of that name. */
int32_t weft_store_find(const weft_store *store, const char *name);
/* Index of an entry by name, after checking count; NOT_FOUND with the nearest name. */
weft_status weft_store_check(const weft_store *store, const char *what, const char *name, const float *data,
                             int64_t count, int32_t *index);
/* The values of entry `index` as host floats: the block itself, or a copy where the device is apart (filled with what
 * is there if `read`). Given back by weft_store_give, which writes them; one at a time. */
weft_status weft_store_lend(weft_store *store, int32_t index, bool read, float **values);
weft_status weft_store_give(weft_store *store, int32_t index, const float *values);
/* Copies an entry to host floats. */
weft_status weft_store_read(const weft_store *store, int32_t index, float *to);

#endif
