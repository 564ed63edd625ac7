/* SPDX-License-Identifier: Apache-2.0
 *
 * The crop of GoogLeNet (Szegedy et al. 2014, arXiv:1409.4842, section 6): a share of the area and an aspect ratio,
 * drawn as torchvision's RandomResizedCrop draws them; ten tries, then the largest central part of a legal ratio. */
#include "augment/augment.h"

#include <math.h>

enum { TRIES = 10 };

static void central(const weft_augment_step *step, int width, int height, double box[4])
{
    const double ratio = (double)width / height, low = step->arg[2], high = step->arg[3];
    int w = width, h = height;
    if (ratio < low)
        h = (int)floor(width / low + .5);
    else if (ratio > high)
        w = (int)floor(height * high + .5);
    w = w < 1 ? 1 : w;
    h = h < 1 ? 1 : h;
    const int x = (width - w) / 2, y = (height - h) / 2;
    box[0] = x, box[1] = y, box[2] = x + w, box[3] = y + h;
}

void weft_frame_resized_crop(const weft_augment_step *step, weft_draw *draw, int width, int height, double box[4])
{
    const double area = (double)width * height, low = log(step->arg[2]), high = log(step->arg[3]);
    for (int i = 0; i < TRIES; i++) {
        const double target = area * weft_draw_real(draw, step->arg[0], step->arg[1]);
        const double aspect = exp(weft_draw_real(draw, low, high));
        const double w = floor(sqrt(target * aspect) + .5), h = floor(sqrt(target / aspect) + .5);
        if (w >= 1 && h >= 1 && w <= width && h <= height) {
            const double y = (double)weft_draw_below(draw, height - (int64_t)h + 1);
            const double x = (double)weft_draw_below(draw, width - (int64_t)w + 1);
            box[0] = x, box[1] = y, box[2] = x + w, box[3] = y + h;
            return;
        }
    }
    central(step, width, height, box);
}
