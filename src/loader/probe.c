/* SPDX-License-Identifier: Apache-2.0
 *
 * What making images costs, stage by stage: images made once more while their stages are timed (stages.c). */
#include "loader/loader.h"

#include <inttypes.h>

#include "base/error.h"

static weft_status make_all(weft_loader *l, weft_loader_hand *hand, int64_t step, float *out)
{
    for (int64_t place = 0; place < l->opt.batch; place++) {
        int64_t epoch, key, image;
        if (!weft_batch_place(l, step, place, &epoch, &key, &image))
            continue;
        WEFT_TRY(weft_sample_make(l, hand, epoch, key, image, out));
        hand->stages->images++;
    }
    return WEFT_OK;
}

static void add(const weft_stages *s, weft_loader_costs *costs)
{
    const double ns = 1e-9;
    costs->images += s->images;
    costs->read += ns * (double)s->spent[WEFT_STAGE_READ];
    costs->decode += ns * (double)s->spent[WEFT_STAGE_DECODE];
    costs->resize += ns * (double)s->spent[WEFT_STAGE_RESIZE];
    costs->augment += ns * (double)s->spent[WEFT_STAGE_AUGMENT];
    costs->convert += ns * (double)s->spent[WEFT_STAGE_CONVERT];
    costs->jpegs += s->jpegs;
    costs->jpeg_decode += ns * (double)s->decode;
    costs->jpeg_pass += ns * (double)s->pass;
}

weft_status weft_loader_probe(weft_loader *l, int64_t step, weft_loader_costs *costs)
{
    if (!l || !costs || step < 0)
        return weft_fail(WEFT_INVALID, "weft_loader_probe: loader and costs must not be NULL, nor step %" PRId64
                         " below 0", step);
    if (l->opt.in_order || l->cache)
        return weft_fail(WEFT_INVALID, "weft_loader_probe: a loader of training without a cache was expected");
    weft_loader_hand *const hand = &l->hands[l->workers];
    weft_stages stages = { 0 };
    const size_t count = (size_t)l->recipe.px * (size_t)l->recipe.px * (size_t)l->recipe.channels;
    float *const out = weft_alloc(l->allocator, count * sizeof *out);
    if (!out)
        return weft_fail_in(WEFT_NO_MEMORY, "loader");
    hand->stages = &stages;
    const weft_status status = make_all(l, hand, step, out);
    hand->stages = NULL;
    weft_free(l->allocator, out);
    add(&stages, costs);
    return status;
}
