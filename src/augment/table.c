/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of augmentations: how each is written, its numbers with default and range, and what applies it. */
#include "augment/augment.h"

#include "base/compiler.h"

/* clang-format off */
const weft_augment_row weft_augment_rows[] = {
    { "resized-crop", "resized-crop [LOW HIGH [NARROW WIDE]]",
      "a part of LOW to HIGH of the area (.08 to 1), of a ratio of sides from NARROW to WIDE (3/4 to 4/3), resized",
      WEFT_STAGE_FRAME, 0, { { "low", .08, 1e-4, 1 }, { "high", 1, 1e-4, 1 }, { "narrow", .75, .01, 100 },
                             { "wide", 4. / 3, .01, 100 } }, .frame = weft_frame_resized_crop },
    { "flip", "flip [P]", "left and right exchanged, with probability P (.5)",
      WEFT_STAGE_PIXELS, 0, { { "p", .5, 0, 1 } }, .pixels = weft_step_flip },
    { "flip-down", "flip-down [P]", "top and bottom exchanged, with probability P (.5)",
      WEFT_STAGE_PIXELS, 0, { { "p", .5, 0, 1 } }, .pixels = weft_step_flip_down },
    { "shift", "shift PIXELS", "moved by up to so many pixels each way, the edge repeated",
      WEFT_STAGE_PIXELS, 1, { { "pixels", 0, 0, 4096 } }, .pixels = weft_step_shift },
    { "crop-pad", "crop-pad PIXELS", "padded with so many black pixels on each side, then a part of the old size",
      WEFT_STAGE_PIXELS, 1, { { "pixels", 0, 0, 4096 } }, .pixels = weft_step_crop_pad },
    { "rotate", "rotate DEGREES", "turned by up to so many degrees either way",
      WEFT_STAGE_PIXELS, 1, { { "degrees", 0, 0, 180 } }, .pixels = weft_step_rotate },
    { "zoom", "zoom [LOW HIGH]", "enlarged by a factor from LOW to HIGH (.8 to 1.25)",
      WEFT_STAGE_PIXELS, 0, { { "low", .8, .01, 100 }, { "high", 1.25, .01, 100 } }, .pixels = weft_step_zoom },
    { "shear", "shear DEGREES", "sheared along one of the axes by up to so many degrees either way",
      WEFT_STAGE_PIXELS, 1, { { "degrees", 0, 0, 80 } }, .pixels = weft_step_shear },
    { "jitter", "jitter [BRIGHTNESS [CONTRAST [SATURATION [HUE]]]]",
      "colours changed, in any order, by factors of 1 - X to 1 + X (.4 .4 .4) and HUE turns of the circle (0)",
      WEFT_STAGE_PIXELS, 0, { { "brightness", .4, 0, 10 }, { "contrast", .4, 0, 10 }, { "saturation", .4, 0, 10 },
                              { "hue", 0, 0, .5 } }, .pixels = weft_step_jitter },
    { "brightness", "brightness X", "brightness by a factor of 1 - X to 1 + X",
      WEFT_STAGE_PIXELS, 1, { { "x", 0, 0, 10 } }, .pixels = weft_step_brightness },
    { "contrast", "contrast X", "contrast by a factor of 1 - X to 1 + X",
      WEFT_STAGE_PIXELS, 1, { { "x", 0, 0, 10 } }, .pixels = weft_step_contrast },
    { "grey", "grey [P]", "colours taken away, with probability P (.1)",
      WEFT_STAGE_PIXELS, 0, { { "p", .1, 0, 1 } }, .pixels = weft_step_grey },
    { "lighting", "lighting [X]", "AlexNet's light: ImageNet's principal colours added, X (.1) deviations of each",
      WEFT_STAGE_PIXELS, 0, { { "x", .1, 0, 10 } }, .pixels = weft_step_lighting },
    { "randaugment", "randaugment [N [STRENGTH]]", "N (2) operations drawn of fourteen, at STRENGTH (9) of 0 to 30",
      WEFT_STAGE_PIXELS, 0, { { "n", 2, 1, 14 }, { "strength", 9, 0, 30 } }, .pixels = weft_step_randaugment },
    { "trivialaugment", "trivialaugment", "one operation drawn of fourteen, at a strength drawn",
      WEFT_STAGE_PIXELS, 0, { { NULL, 0, 0, 0 } }, .pixels = weft_step_trivialaugment },
    { "erase", "erase [P [AREA [NOISE]]]", "with probability P (.5) a rectangle of up to AREA (.33) set to the mean, "
      "or to noise if NOISE is 1",
      WEFT_STAGE_VALUES, 0, { { "p", .5, 0, 1 }, { "area", .33, .02, 1 }, { "noise", 0, 0, 1 } },
      .values = weft_step_erase },
    { "mixup", "mixup [ALPHA [P]]", "the batch blended with itself by a share of Beta(ALPHA, ALPHA) (.2)",
      WEFT_STAGE_BATCH, 0, { { "alpha", .2, 1e-3, 100 }, { "p", 1, 0, 1 } }, .mix = weft_mix_blend },
    { "cutmix", "cutmix [ALPHA [P]]", "a box of the neighbour in the batch pasted in, of a share of Beta(ALPHA, ALPHA) "
      "(1)", WEFT_STAGE_BATCH, 0, { { "alpha", 1, 1e-3, 100 }, { "p", 1, 0, 1 } },
      .mix = weft_mix_cut },
};
/* clang-format on */

const int weft_augment_row_count = WEFT_COUNT(weft_augment_rows);
