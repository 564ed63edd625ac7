/* SPDX-License-Identifier: Apache-2.0
 *
 * Images as bytes, and what they are to the network. No builder makes it: copies of a network do, for those who have
 * images as bytes (program/bytes.c). */
#ifndef WEFT_OP_LEVELS_H
#define WEFT_OP_LEVELS_H

#include "graph/op.h"

enum { WEFT_LEVELS = 256, WEFT_LEVELS_CHANNELS = 3 };

typedef struct weft_levels_opt {
    const char *name;
    int64_t h, w, c;
    const float *table; /* [c][WEFT_LEVELS]; copied */
} weft_levels_opt;

/* Integers of 32 bits that hold the bytes of an image. */
WEFT_INLINE int64_t weft_levels_words(int64_t h, int64_t w, int64_t c)
{
    return (h * w * c + 3) / 4;
}

#endif
