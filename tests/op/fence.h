/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory with a fence on both sides, optionally ending at a page that cannot be read. */
#ifndef WEFT_TESTS_OP_FENCE_H
#define WEFT_TESTS_OP_FENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What memory is filled with. NAN_BYTE makes NaNs of floats and doubles; GAP_BYTE an odd little number, for what lies
 * around outputs, so that copying a NaN over it shows. */
enum { NAN_BYTE = 0xff, GAP_BYTE = 0xa5 };

typedef struct fence {
    unsigned char *raw, *data;
    size_t raw_bytes, bytes, map_bytes; /* map_bytes: 0 if from malloc */
    unsigned char byte;                 /* of the fence */
} fence;

/* bytes of NAN_BYTE at a multiple of align (4 or 64), the fence filled with byte. edge: the data ends at an unreadable
 * page, up to its alignment. False if there is no memory. */
bool fence_make(fence *f, size_t bytes, size_t align, bool edge, unsigned char byte);
/* True if nothing around the data has changed. */
bool fence_intact(const fence *f);
void fence_free(fence *f);

/* A tensor: rows of channels at data + r * ld, inside a fence whose gaps between rows are watched too. */
typedef struct fenced_view {
    fence memory;
    float *data;
    int64_t rows, channels, ld;
} fenced_view;

/* before and after: channels of the wider tensor on each side. values NULL: NaN. */
bool fenced_view_make(fenced_view *v, int64_t rows, int64_t channels, int before, int after, bool edge,
                      unsigned char byte, const float *values);
void fenced_view_set(fenced_view *v, const float *values);
void fenced_view_get(const fenced_view *v, float *values);
bool fenced_view_intact(const fenced_view *v);
/* True if the channels are still values, to the bit. */
bool fenced_view_equal(const fenced_view *v, const float *values);

#endif
