/* SPDX-License-Identifier: Apache-2.0
 *
 * Draws by counters: block (image, number) of the stream of (purpose, epoch). */
#include "augment/augment.h"

#include <math.h>

#include "base/rng.h"

enum { BLOCKS = 20 }; /* bits of an image's index: a million blocks of four words for a purpose */

weft_draw weft_draw_begin(uint64_t seed, uint64_t purpose, int64_t epoch, int64_t image)
{
    return (weft_draw){ .seed = seed, .stream = purpose + (uint64_t)epoch * UINT64_C(0x9e3779b97f4a7c15),
                        .index = (uint64_t)image << BLOCKS };
}

uint32_t weft_draw_word(weft_draw *draw)
{
    if (draw->left == 0) {
        weft_rng_block(draw->seed, draw->stream, draw->index++, draw->words);
        draw->left = 4;
    }
    return draw->words[--draw->left];
}

double weft_draw_real(weft_draw *draw, double low, double high)
{
    return low + (high - low) * (((double)weft_draw_word(draw) + .5) * 0x1p-32);
}

int64_t weft_draw_below(weft_draw *draw, int64_t n)
{
    return (int64_t)(((uint64_t)weft_draw_word(draw) * (uint64_t)n) >> 32); /* n below 2^32; a bias of n / 2^32 */
}

bool weft_draw_chance(weft_draw *draw, double p)
{
    return weft_draw_real(draw, 0, 1) < p;
}

/* Box and Muller, one of the two. */
double weft_draw_normal(weft_draw *draw)
{
    const double u = weft_draw_real(draw, 0, 1), v = weft_draw_real(draw, 0, 1);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* Jöhnk's for a <= 1 (Metrika 8, 1964); above, the share of two gamma variates by Marsaglia and Tsang (ACM TOMS 26,
 * 2000). */
static double gamma_above_one(weft_draw *draw, double a)
{
    const double d = a - 1. / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        const double x = weft_draw_normal(draw), t = 1 + c * x, v = t * t * t;
        if (v > 0 && log(weft_draw_real(draw, 0, 1)) < .5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

double weft_draw_beta(weft_draw *draw, double a)
{
    if (a == 1)
        return weft_draw_real(draw, 0, 1);
    if (a > 1) {
        const double x = gamma_above_one(draw, a), y = gamma_above_one(draw, a);
        return x / (x + y);
    }
    for (;;) {
        const double x = pow(weft_draw_real(draw, 0, 1), 1 / a), y = pow(weft_draw_real(draw, 0, 1), 1 / a);
        if (x + y > 0 && x + y <= 1)
            return x / (x + y);
    }
}
