/* SPDX-License-Identifier: Apache-2.0
 *
 * Photographs kept decoded from epoch to epoch, in memory or in a file. What is kept is what the loader would make
 * again: a hit changes no bit. */
#ifndef WEFT_LOADER_CACHE_H
#define WEFT_LOADER_CACHE_H

#include <weft/loader.h>

#include "base/alloc.h"
#include "image/image.h"

typedef struct weft_photo_cache weft_photo_cache;

/* images: how many there are; key: a text that tells what is kept of which files: only a file with the same is read
 * again. folder: NULL: in memory. limit: bytes at most. */
weft_status weft_cache_open(const weft_allocator *allocator, int64_t images, const char *key, const char *folder,
                            int64_t limit, weft_photo_cache **out);
void weft_cache_close(weft_photo_cache *cache);
/* Fills *out with the picture, which the caller frees if *owned; false if it is not there, or no longer whole. */
bool weft_cache_get(weft_photo_cache *cache, int64_t image, weft_image *out, bool *owned);
/* Keeps a picture if there is room; true if its pixels were taken over (they are then valid until close). */
bool weft_cache_put(weft_photo_cache *cache, int64_t image, const weft_image *picture);
/* How many are kept, and their bytes. */
int64_t weft_cache_size(weft_photo_cache *cache, int64_t *bytes);

#endif
