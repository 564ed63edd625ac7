/* SPDX-License-Identifier: Apache-2.0
 *
 * Random erasing (Zhong et al. 2017, arXiv:1708.04896): a rectangle of 2 to 33 % of the area, of an aspect ratio from
 * .3 to 3.3, is set to the mean, which is zero after normalisation, or to noise. Drawn as torchvision's RandomErasing
 * draws it. */
#include "augment/augment.h"

#include <math.h>

enum { TRIES = 10 };

static void fill(weft_draw *draw, bool noise, float *values, int width, int channels, const int box[4])
{
    for (int y = box[1]; y < box[3]; y++) {
        float *const row = values + ((size_t)y * (size_t)width + (size_t)box[0]) * (size_t)channels;
        for (int i = 0; i < (box[2] - box[0]) * channels; i++)
            row[i] = noise ? (float)weft_draw_normal(draw) : 0;
    }
}

void weft_step_erase(const weft_augment_step *step, weft_draw *draw, float *values, int width, int height,
                     int channels)
{
    if (!weft_draw_chance(draw, step->arg[0]))
        return;
    const double area = (double)width * height, low = log(.3), high = log(3.3);
    for (int i = 0; i < TRIES; i++) {
        const double target = area * weft_draw_real(draw, .02, step->arg[1]);
        const double aspect = exp(weft_draw_real(draw, low, high));
        const int h = (int)floor(sqrt(target * aspect) + .5), w = (int)floor(sqrt(target / aspect) + .5);
        if (w < 1 || h < 1 || w >= width || h >= height)
            continue;
        const int y = (int)weft_draw_below(draw, height - h + 1), x = (int)weft_draw_below(draw, width - w + 1);
        fill(draw, step->arg[2] > 0, values, width, channels, (const int[]){ x, y, x + w, y + h });
        return;
    }
}
