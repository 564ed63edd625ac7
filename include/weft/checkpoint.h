/* SPDX-License-Identifier: Apache-2.0
 *
 * Checkpoints of a training: everything that a store keeps (parameters, statistics, what the optimiser keeps), where in
 * the data and the schedule it was, and what proves that nothing of it changed. One is a folder "step-00001200" with
 * state.safetensors and manifest.json; "last" and "best" beside it are files that hold the name of one. A process that
 * is killed, or a disk that is full, at any moment of a save leaves the checkpoints that were there, and `last` names a
 * whole one. */
#ifndef WEFT_CHECKPOINT_H
#define WEFT_CHECKPOINT_H

#include <weft/weights.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a checkpoint says beside its tensors; texts are UTF-8, NULL: none. */
typedef struct weft_checkpoint_facts {
    int64_t step;     /* taken so far; the number of the next one */
    int64_t epoch;    /* passes through the data that were finished */
    int64_t position; /* images of the present pass that were used */
    uint64_t seed;
    const char *recipe;      /* settings, as the program wrote them */
    const char *config;      /* what must be the same for the same bits to come out: kept as it is, and its SHA-256 */
    const char *environment; /* CPU, threads, versions */
    const char *notes;       /* the program's own */
} weft_checkpoint_facts;

typedef struct weft_checkpoint_opt {
    int keep;  /* checkpoints that stay, beside those that `last` and `best` name; 0: 3 */
    bool best; /* `best` names this one from now on */
} weft_checkpoint_opt;

/* Writes a checkpoint into folder, which exists, and makes `last` name it; opt may be NULL. One process at a time may
 * save into a folder. NUMERIC where a number of the store is none: names it, and nothing is written. IO where a file
 * cannot be written: says how many bytes were wanted and were free. In each failure the checkpoints and `last` are as
 * they were. */
WEFT_API weft_status weft_checkpoint_save(weft_store *store, const char *folder, const weft_checkpoint_facts *facts,
                                          const weft_checkpoint_opt *opt);

/* A checkpoint, read and found to be whole. */
typedef struct weft_checkpoint weft_checkpoint;

/* Reads the one that `name` names: "last" (NULL means it), "best", or a folder's own name, "step-00001200". One of
 * which a digest or a length is wrong is not taken, but the newest older one that is whole: weft_checkpoint_warning
 * then names both. NOT_FOUND where there is none at all, BAD_DATA where none is whole. ctx must outlive it. */
WEFT_API weft_status weft_checkpoint_open(weft_ctx *ctx, const char *folder, const char *name, weft_checkpoint **out);
WEFT_API void weft_checkpoint_close(weft_checkpoint *checkpoint);

/* All lent until it is closed. */
WEFT_API const char *weft_checkpoint_name(const weft_checkpoint *checkpoint);
WEFT_API const weft_checkpoint_facts *weft_checkpoint_says(const weft_checkpoint *checkpoint);
WEFT_API const weft_weights *weft_checkpoint_tensors(const weft_checkpoint *checkpoint);
/* Which one was damaged, how, and which was taken instead; NULL: the one that was asked for. */
WEFT_API const char *weft_checkpoint_warning(const weft_checkpoint *checkpoint);

/* Sets every entry of the store. BAD_DATA names what the checkpoint lacks, has too much or in another shape; the store
 * is then as it was. */
WEFT_API weft_status weft_checkpoint_restore(const weft_checkpoint *checkpoint, weft_store *store);

#ifdef __cplusplus
}
#endif
#endif
