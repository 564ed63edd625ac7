/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of the dropout ops: weft_dropout and weft_drop_path take no struct. */
#ifndef WEFT_OP_DROPOUT_H
#define WEFT_OP_DROPOUT_H

#include <weft/ops.h>

#include "base/compiler.h"

typedef struct weft_dropout_opt {
    const char *name;
    double rate;    /* share that is dropped, 0 <= rate < 1 */
    bool per_image; /* drop_path: one draw per image instead of one per element */
} weft_dropout_opt;

/* dropout_train: step, x -> y. */
typedef struct weft_dropout_train_opt {
    const char *name;
    double rate;
    bool per_image;
    uint64_t seed, stream; /* of the draws (base/rng.h): stream is that of the dropout's path */
    int64_t first;  /* images of the batch before x's first: those of the ranks before this one */
} weft_dropout_train_opt;

/* A draw is dropped if its 32 bits are below this. */
WEFT_INLINE uint32_t weft_dropout_threshold(double rate)
{
    return (uint32_t)(rate * 0x1p32);
}

/* Where draw i of a step is found: word `*word` of the block that is returned. Sixteen draws in a row are the same word
 * of sixteen blocks, so that vectors of blocks need no shuffling. */
WEFT_INLINE uint64_t weft_dropout_block(int32_t step, int64_t i, int *word)
{
    *word = (int)(i / 16 % 4);
    return (uint64_t)(uint32_t)step << 32 | (uint64_t)(i / 64 * 16 + i % 16);
}

#endif
