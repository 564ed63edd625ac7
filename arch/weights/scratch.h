/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory for the length of one call: taken piece by piece from the context's allocator, freed at once. */
#ifndef WEFT_ARCH_WEIGHTS_SCRATCH_H
#define WEFT_ARCH_WEIGHTS_SCRATCH_H

#include <weft/context.h>

typedef struct weft_scratch {
    const weft_allocator *allocator;
    struct weft_scratch_block *blocks;
} weft_scratch;

/* count * size bytes, cleared; NULL with a sentence. */
void *weft_scratch_array(weft_scratch *scratch, int64_t count, size_t size);
char *weft_scratch_text(weft_scratch *scratch, const char *text);
void weft_scratch_release(weft_scratch *scratch);

#endif
