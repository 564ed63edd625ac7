/* SPDX-License-Identifier: Apache-2.0
 *
 * The cuDNN wrapper inside: descriptors with one sticky error, the operation graph made of them, and the disk cache of
 * plans. */
#ifndef WEFT_CUDA_DNN_PLAN_H
#define WEFT_CUDA_DNN_PLAN_H

#include "cuda/dnn/kind.h"

typedef struct weft_dnn_cache weft_dnn_cache;

struct weft_dnn {
    const weft_vendor *vendor;
    const weft_allocator *allocator;
    weft_cudnn handle;                /* NULL: plans only */
    weft_cudnn_descriptor properties; /* of the device */
    char device[512];                 /* what plans depend on of them, for keys */
    weft_dnn_cache *cache;            /* NULL: none */
};

/* ---- descriptors (lower.c) ---- */

/* A tensor each; two for an operation; the graph. */
enum { WEFT_DNN_MAX_DESCRIPTOR = WEFT_DNN_MAX_TENSOR + 2 * WEFT_DNN_MAX_OP + 1 };

/* Descriptors made one after the other: after the first failure nothing more is asked of cuDNN. */
typedef struct weft_dnn_set {
    const weft_vendor *vendor;
    weft_cudnn_descriptor all[WEFT_DNN_MAX_DESCRIPTOR];
    int count;
    int failed;       /* cudnnStatus_t of the first failure */
    const char *call; /* and what was being made */
} weft_dnn_set;

/* Makes cuDNN's operation graph of a checked graph. The set owns it and all it stands on. */
weft_status weft_dnn_lower(weft_dnn_set *set, const weft_dnn_graph *graph, weft_cudnn_descriptor *out);
void weft_dnn_set_release(weft_dnn_set *set);

struct weft_dnn_plan {
    weft_dnn *dnn;
    weft_dnn_graph graph; /* whose constants the variant pack points to */
    weft_dnn_set set;     /* what the plan stands on */
    weft_cudnn_descriptor plan;
    weft_dnn_info info;
    weft_dnn_request request; /* as it was first made, whose key the cache has */
    int skipped;              /* plans of that request that were passed over */
};

/* Makes the plan that skip asks for, which is on disk, the tuned one of graph. */
weft_status weft_dnn_plan_prefer(weft_dnn *dnn, const weft_dnn_graph *graph, const weft_dnn_request *request, int skip);

/* ---- cache (cache.c) ---- */

/* What a cached plan is: the text cuDNN reloads it from, and what it said of its engine. */
typedef struct weft_dnn_entry {
    char *json; /* allocated; not terminated */
    size_t size;
    weft_dnn_info info; /* notes, runtime_compiled, engine, workspace */
} weft_dnn_entry;

/* What a plan needs of the device that cuDNN describes as JSON: architecture, multiprocessors, their memories. Not its
 * name, clocks, memory, numbers: plans serve all cards of a kind, and those that are planned for without one. False if
 * the text does not say the first two. */
bool weft_dnn_kind_of_device(const char *json, char *buf, size_t size);
/* Opens the folder (dnn.h: weft_dnn_opt.cache), making it on the first store. *out NULL for "". */
weft_status weft_dnn_cache_open(const weft_allocator *allocator, const char *folder, size_t limit,
                                weft_dnn_cache **out);
void weft_dnn_cache_close(weft_dnn_cache *cache);
/* True with the entry of key. A file that is cut, changed or of another key is as if it were not there. */
bool weft_dnn_cache_load(weft_dnn_cache *cache, const char *key, weft_dnn_entry *out);
/* Best effort: a cache that cannot be written is no error. Removes the oldest entries beyond the limit. */
void weft_dnn_cache_store(weft_dnn_cache *cache, const char *key, const weft_dnn_entry *entry);
/* Removes the entry of key: cuDNN refused it. */
void weft_dnn_cache_drop(weft_dnn_cache *cache, const char *key);

#endif
