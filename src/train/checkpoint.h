/* SPDX-License-Identifier: Apache-2.0
 *
 * Checkpoints inside: the manifest, and the folders beside each other. */
#ifndef WEFT_TRAIN_CHECKPOINT_H
#define WEFT_TRAIN_CHECKPOINT_H

#include <weft/checkpoint.h>

#include "base/alloc.h"
#include "base/sha256.h"

#define WEFT_CHECKPOINT_STATE "state.safetensors"
#define WEFT_CHECKPOINT_MANIFEST "manifest.json"
enum { WEFT_CHECKPOINT_FORMAT = 1, WEFT_CHECKPOINT_NAME = 64 };

/* ---- the manifest ---- */

typedef struct weft_manifest_entry {
    const char *name;
    char digest[WEFT_SHA256_TEXT]; /* of the tensor's bytes */
} weft_manifest_entry;

typedef struct weft_manifest {
    weft_checkpoint_facts facts;
    uint64_t bytes; /* of the state's file */
    const weft_manifest_entry *entries;
    int64_t count;
} weft_manifest;

/* The manifest as text from allocator, *size bytes; the caller frees it. */
weft_status weft_manifest_write(const weft_allocator *allocator, const weft_manifest *manifest, char **out,
                                size_t *size);
/* Reads one; texts and entries are in arena. */
weft_status weft_manifest_read(weft_arena *arena, const char *path, weft_manifest *out);

/* ---- folders ---- */

/* Of a folder's checkpoints, by name, newest first: in allocator's memory. */
typedef struct weft_checkpoint_list {
    char (*names)[WEFT_CHECKPOINT_NAME];
    int count;
} weft_checkpoint_list;
weft_status weft_checkpoint_find(const weft_allocator *allocator, int folder, const char *path,
                                 weft_checkpoint_list *out);
/* Whether a name is a checkpoint's; *step is its number. */
bool weft_checkpoint_step(const char *name, int64_t *step);
/* What the file `last` or `best` says; NOT_FOUND, IO; BAD_DATA if it is no name of a checkpoint. */
weft_status weft_checkpoint_target(int folder, const char *path, const char *pointer, char name[WEFT_CHECKPOINT_NAME]);
/* Removes a folder of checkpoint files, and leftovers of saves that were killed; what cannot be removed stays. */
void weft_checkpoint_remove(int folder, const char *name);
void weft_checkpoint_sweep(int folder);
/* Removes what is older than the newest `keep`, but what `last` and `best` name. */
weft_status weft_checkpoint_thin(const weft_allocator *allocator, int folder, const char *path, int keep);

#endif
