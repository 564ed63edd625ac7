/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts of a training part: a share of each class for validation, a fraction of each class kept. Which images is drawn
 * by seed: those of a class in the order of random keys, the first ones taken. What stays keeps its order. */
#include "data/trainset.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/rng.h"

typedef struct drawn {
    uint64_t key;
    int64_t image;
    int32_t label;
} drawn;

static int by_key(const void *a, const void *b)
{
    const drawn *const x = a, *const y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->image < y->image ? -1 : x->image > y->image;
}

/* Marks the images of `part` that are drawn: round(share * n) of a class with n, but one at least, if that leaves
 * `rest` of them. */
static weft_status draw(weft_trainset *set, const weft_set_part *part, double share, int64_t rest, const char *purpose,
                        uint64_t seed, bool *taken)
{
    drawn *const d = weft_calloc(set->allocator, (size_t)part->count, sizeof *d);
    if (!d)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", set->path);
    const uint64_t stream = weft_rng_stream(purpose);
    for (int64_t i = 0; i < part->count; i++) {
        uint32_t words[4];
        weft_rng_block(seed, stream, (uint64_t)i, words);
        d[i] = (drawn){ .key = (uint64_t)words[0] << 32 | words[1], .image = i, .label = part->items[i].label };
    }
    if (part->count)
        qsort(d, (size_t)part->count, sizeof *d, by_key);
    for (int64_t first = 0; first < part->count;) {
        const int64_t n = part->per_class[d[first].label];
        int64_t wanted = (int64_t)floor(share * (double)n + .5);
        wanted = wanted < 1 ? 1 : wanted;
        wanted = wanted > n - rest ? n - rest : wanted;
        for (int64_t i = 0; i < wanted; i++)
            taken[d[first + i].image] = true;
        first += n;
    }
    weft_free(set->allocator, d);
    return WEFT_OK;
}

/* Keeps the images that are taken, or those that are not; the others go to `rest`, if there is one. */
static weft_status keep(weft_trainset *set, weft_part from, const bool *taken, bool kept, weft_part rest)
{
    weft_set_part *const part = &set->parts[from];
    const int64_t count = part->count;
    part->count = 0;
    for (int i = 0; i < set->class_count; i++)
        part->per_class[i] = 0;
    for (int64_t i = 0; i < count; i++) {
        const weft_set_item item = part->items[i];
        if (taken[i] == kept) {
            part->items[part->count++] = item;
            part->per_class[item.label]++;
        } else if (rest != from) {
            WEFT_TRY(weft_trainset_add(set, rest, item.label, item.source, item.at));
            set->parts[rest].per_class[item.label]++;
        }
    }
    return WEFT_OK;
}

/* How the training part is cut: a share of each class is drawn, which stays or goes to another part. */
typedef struct cut {
    double share;
    int64_t rest;        /* images of a class that are not drawn, at least */
    const char *purpose; /* of the draw */
    bool kept;           /* what is drawn stays */
    weft_part to;        /* where the others go; the training part: nowhere */
} cut;

static weft_status cut_training(weft_trainset *set, const cut *how, uint64_t seed)
{
    const weft_set_part *const train = &set->parts[WEFT_PART_TRAIN];
    bool *const taken = weft_calloc(set->allocator, (size_t)train->count, sizeof *taken);
    if (!taken)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", set->path);
    weft_status status = draw(set, train, how->share, how->rest, how->purpose, seed, taken);
    if (status == WEFT_OK)
        status = keep(set, WEFT_PART_TRAIN, taken, how->kept, how->to);
    weft_free(set->allocator, taken);
    return status;
}

weft_status weft_trainset_split(weft_trainset *set, double share, uint64_t seed)
{
    return cut_training(set, &(const cut){ share, 1, "data/split", false, WEFT_PART_VAL }, seed);
}

weft_status weft_trainset_thin(weft_trainset *set, double fraction, uint64_t seed)
{
    return cut_training(set, &(const cut){ fraction, 0, "data/fraction", true, WEFT_PART_TRAIN }, seed);
}
