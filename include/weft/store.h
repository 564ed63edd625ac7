/* SPDX-License-Identifier: Apache-2.0
 *
 * A store keeps what lasts from run to run: the parameters and states of one or more graphs, by name, in fp32 on the
 * device, in one flat block. Models plan and run; several may stand on one store (other batches, other threads, a
 * network and what updates it), and each sees what the others changed at its next run. */
#ifndef WEFT_STORE_H
#define WEFT_STORE_H

#include <weft/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_store weft_store;

/* A store for all parameters and states of graphs[count], those of one name once: same shape and kind, else INVALID.
 * They are zero until set or initialised. The graphs may be destroyed; ctx must outlive the store, and the store its
 * models. */
WEFT_API weft_status weft_store_create(weft_ctx *ctx, const weft_graph *const *graphs, int count, weft_store **out);
WEFT_API void weft_store_destroy(weft_store *store);

WEFT_API int weft_store_count(const weft_store *store);
WEFT_API weft_status weft_store_param(const weft_store *store, int index, weft_param_info *out);
/* Bytes on the device. */
WEFT_API size_t weft_store_bytes(const weft_store *store);
/* Grows with every change, by the calls below or by a run that changes states. */
WEFT_API uint64_t weft_store_version(const weft_store *store);

/* Draws every parameter as its network's paper says, from seed: the same on every machine and thread count. */
WEFT_API weft_status weft_store_init(weft_store *store, uint64_t seed);
/* Host arrays in the shapes of weft_store_param. NOT_FOUND with the nearest name; INVALID if count is not the
 * parameter's number of elements. */
WEFT_API weft_status weft_store_set(weft_store *store, const char *name, const float *data, int64_t count);
WEFT_API weft_status weft_store_get(const weft_store *store, const char *name, float *data, int64_t count);

#ifdef __cplusplus
}
#endif
#endif
