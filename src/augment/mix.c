/* SPDX-License-Identifier: Apache-2.0
 *
 * Mixing of a batch with itself, moved on by one: mixup (Zhang et al. 2017, arXiv:1710.09412) blends pictures and
 * targets by a share of Beta(a, a), cutmix (Yun et al. 2019, arXiv:1905.04899) pastes a box of that share. One share
 * for the batch; of several mixing steps each batch draws one, as torchvision's recipes do. */
#include "augment/augment.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

/* What was mixed: targets by the same share; the label is the larger part's. */
static void mix_targets(const weft_mix *m, double share)
{
    float *const last = m->spare;
    const size_t k = (size_t)m->classes, bytes = k * sizeof *last;
    const float keep = (float)share, other = (float)(1 - share);
    const int32_t last_label = m->labels[m->count - 1];
    memcpy(last, m->targets + (size_t)(m->count - 1) * k, bytes);
    for (int64_t n = m->count - 1; n >= 0; n--) {
        float *const to = m->targets + (size_t)n * k;
        const float *const from = n ? to - k : last;
        for (size_t i = 0; i < k; i++)
            to[i] = keep * to[i] + other * from[i];
        if (share < .5)
            m->labels[n] = n ? m->labels[n - 1] : last_label;
    }
}

double weft_mix_blend(const weft_mix *m, weft_draw *draw, double share)
{
    (void)draw;
    const size_t size = (size_t)m->height * (size_t)m->width * (size_t)m->channels;
    const float keep = (float)share, other = (float)(1 - share);
    memcpy(m->spare, m->images + (size_t)(m->count - 1) * size, size * sizeof *m->spare);
    for (int64_t n = m->count - 1; n >= 0; n--) {
        float *const to = m->images + (size_t)n * size;
        const float *const from = n ? to - size : m->spare;
        for (size_t i = 0; i < size; i++)
            to[i] = keep * to[i] + other * from[i];
    }
    return share;
}

static void paste(const weft_mix *m, const int box[4])
{
    const size_t c = (size_t)m->channels, row = (size_t)m->width * c, size = (size_t)m->height * row;
    const size_t bytes = (size_t)(box[2] - box[0]) * c * sizeof *m->images;
    memcpy(m->spare, m->images + (size_t)(m->count - 1) * size, size * sizeof *m->spare);
    for (int64_t n = m->count - 1; n >= 0; n--) {
        float *const to = m->images + (size_t)n * size;
        const float *const from = n ? to - size : m->spare;
        for (int y = box[1]; y < box[3] && bytes; y++) {
            const size_t at = (size_t)y * row + (size_t)box[0] * c;
            memcpy(to + at, from + at, bytes);
        }
    }
}

static int clamped(double x, int limit)
{
    return x < 0 ? 0 : x > limit ? limit : (int)x;
}

/* A box of the share that is not kept, around a pixel drawn; what is cut off at the edge counts as kept. */
double weft_mix_cut(const weft_mix *m, weft_draw *draw, double share)
{
    const int x = (int)weft_draw_below(draw, m->width), y = (int)weft_draw_below(draw, m->height);
    const double half = .5 * sqrt(1 - share), w = floor(half * m->width), h = floor(half * m->height);
    const int box[4] = { clamped(x - w, m->width), clamped(y - h, m->height), clamped(x + w, m->width),
                         clamped(y + h, m->height) };
    paste(m, box);
    return 1 - (double)(box[2] - box[0]) * (box[3] - box[1]) / ((double)m->width * m->height);
}

void weft_augment_mix(const weft_augment *augment, uint64_t seed, int64_t step, const weft_mix *m)
{
    const weft_augment_step *steps[WEFT_AUGMENT_STEPS];
    int count = 0;
    for (int i = 0; i < augment->count; i++) {
        if (augment->steps[i].row->stage == WEFT_STAGE_BATCH)
            steps[count++] = &augment->steps[i];
    }
    if (!count || m->count < 2)
        return;
    weft_draw draw = weft_draw_begin(seed, weft_rng_stream("augment/mix"), step, 0);
    const weft_augment_step *const chosen = steps[weft_draw_below(&draw, count)];
    if (!weft_draw_chance(&draw, chosen->arg[1]))
        return;
    mix_targets(m, chosen->row->mix(m, &draw, weft_draw_beta(&draw, chosen->arg[0])));
}
