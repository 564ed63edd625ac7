/* SPDX-License-Identifier: Apache-2.0
 *
 * Which image stands where in an epoch: a pure function of (seed, epoch, place). */
#ifndef WEFT_LOADER_ORDER_H
#define WEFT_LOADER_ORDER_H

#include <weft/loader.h>

#include "base/alloc.h"

typedef struct weft_order {
    const weft_allocator *allocator;
    weft_sampling sampling;
    bool in_order;
    uint64_t seed;
    int64_t images, count; /* of the part, and of an epoch */
    /* of sampling by class, where there are images: those of class c are members[first[c]..first[c + 1]) */
    int64_t *members, *first;
    int classes;
} weft_order;

weft_status weft_order_create(const weft_allocator *allocator, const weft_trainset *set, const weft_loader_opt *opt,
                              weft_order *out);
void weft_order_release(weft_order *order);
/* The image at a place of an epoch, 0..count - 1. *key is a number that no other place of the epoch has: the image's
 * own, or where images come several times that of its turn. */
int64_t weft_order_at(const weft_order *order, int64_t epoch, int64_t place, int64_t *key);
/* Where x of 0..n - 1 goes in the permutation of that key. */
int64_t weft_permute(uint64_t seed, uint64_t stream, uint64_t index, int64_t n, int64_t x);

#endif
