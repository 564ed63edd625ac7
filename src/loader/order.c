/* SPDX-License-Identifier: Apache-2.0
 *
 * Order by keyed permutations: a Feistel network over the numbers of enough bits (Luby and Rackoff, SIAM J. Comput. 17,
 * 1988), walked along its cycles until it falls below n (Black and Rogaway, CT-RSA 2002). No list is shuffled, so that
 * any place of any epoch is known at once. */
#include "loader/order.h"

#include <string.h>

#include "base/error.h"
#include "base/rng.h"

enum { ROUNDS = 8 };

/* ---- permutations ---- */

/* Mixes 32 bits of x with a key: the finaliser of MurmurHash3, 64 bits wide. */
static uint32_t mix(uint32_t x, uint32_t key)
{
    uint64_t h = ((uint64_t)key << 32 | x) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return (uint32_t)(h >> 32);
}

int64_t weft_permute(uint64_t seed, uint64_t stream, uint64_t index, int64_t n, int64_t x)
{
    uint32_t key[ROUNDS];
    int bits = 2;
    for (int i = 0; i < ROUNDS; i += 4)
        weft_rng_block(seed, stream, index * (ROUNDS / 4) + (uint64_t)i / 4, key + i);
    while (bits < 62 && INT64_C(1) << bits < n)
        bits++;
    const int low = bits / 2, high = bits - low;
    const uint64_t low_mask = (UINT64_C(1) << low) - 1, high_mask = (UINT64_C(1) << high) - 1;
    uint64_t y = (uint64_t)x;
    do {
        uint64_t a = y & low_mask, b = y >> low;
        for (int i = 0; i < ROUNDS; i += 2) {
            b ^= mix((uint32_t)a, key[i]) & high_mask;
            a ^= mix((uint32_t)b, key[i + 1]) & low_mask;
        }
        y = b << low | a;
    } while (y >= (uint64_t)n);
    return (int64_t)y;
}

/* ---- classes ---- */

/* Lists the images by class, leaving out classes without any; returns the most that one has. */
static int64_t sort_members(weft_order *o, const weft_trainset *set, weft_part part, int64_t *next)
{
    int64_t most = 0;
    o->first[0] = 0;
    for (int c = 0; c < weft_trainset_classes(set); c++) {
        const int64_t n = weft_trainset_class_count(set, part, c);
        next[c] = o->first[o->classes];
        if (n == 0)
            continue;
        o->first[o->classes + 1] = o->first[o->classes] + n;
        o->classes++;
        most = n > most ? n : most;
    }
    for (int64_t i = 0; i < o->images; i++)
        o->members[next[weft_trainset_label(set, part, i)]++] = i;
    return most;
}

static weft_status list_classes(weft_order *o, const weft_trainset *set, weft_part part)
{
    const size_t classes = (size_t)weft_trainset_classes(set);
    o->members = weft_calloc(o->allocator, (size_t)o->images, sizeof *o->members);
    o->first = weft_calloc(o->allocator, classes + 1, sizeof *o->first);
    int64_t *const next = weft_calloc(o->allocator, classes, sizeof *next);
    if (!o->members || !o->first || !next) {
        weft_free(o->allocator, next);
        return weft_fail_in(WEFT_NO_MEMORY, "loader");
    }
    const int64_t most = sort_members(o, set, part, next);
    weft_free(o->allocator, next);
    o->count = o->sampling == WEFT_SAMPLING_OVERSAMPLE ? most * o->classes : o->images;
    return WEFT_OK;
}

weft_status weft_order_create(const weft_allocator *allocator, const weft_trainset *set, const weft_loader_opt *opt,
                              weft_order *out)
{
    weft_order o = { .allocator = allocator, .sampling = opt->in_order ? WEFT_SAMPLING_ALL : opt->sampling,
                     .in_order = opt->in_order, .seed = opt->seed };
    o.images = o.count = weft_trainset_count(set, opt->part);
    if (o.sampling != WEFT_SAMPLING_ALL) {
        const weft_status status = list_classes(&o, set, opt->part);
        if (status != WEFT_OK) {
            weft_order_release(&o);
            return status;
        }
    }
    *out = o;
    return WEFT_OK;
}

void weft_order_release(weft_order *o)
{
    weft_free(o->allocator, o->members);
    weft_free(o->allocator, o->first);
    *o = (weft_order){ 0 };
}

/* By class: the classes take turns, and each goes through its images in an order of its own, anew when it is through;
 * the count goes on over epochs, so that in balanced sampling no image of a large class is forgotten. */
int64_t weft_order_at(const weft_order *o, int64_t epoch, int64_t place, int64_t *key)
{
    *key = place;
    if (o->in_order)
        return place;
    const int64_t at = weft_permute(o->seed, weft_rng_stream("data/order"), (uint64_t)epoch, o->count, place);
    *key = at;
    if (o->sampling == WEFT_SAMPLING_ALL)
        return at;
    const int64_t each = (o->count + o->classes - 1) / o->classes, c = at % o->classes;
    const int64_t number = epoch * each + at / o->classes, n = o->first[c + 1] - o->first[c];
    const uint64_t stream = weft_rng_stream("data/class") + (uint64_t)c * UINT64_C(0x9e3779b97f4a7c15);
    return o->members[o->first[c] + weft_permute(o->seed, stream, (uint64_t)(number / n), n, number % n)];
}
