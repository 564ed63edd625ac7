/* SPDX-License-Identifier: Apache-2.0
 *
 * Augmentation inside: a text such as "crop-pad 4, flip, erase .25" parsed to steps, each a row of the table with its
 * numbers, and what applies them. All randomness is drawn by counters (weft_draw), so that a picture's fate depends on
 * (seed, epoch, image, step) alone. */
#ifndef WEFT_AUGMENT_AUGMENT_H
#define WEFT_AUGMENT_AUGMENT_H

#include <weft/loader.h>

#include "base/alloc.h"
#include "image/image.h"

/* ---- draws (draw.c) ---- */

typedef struct weft_draw {
    uint64_t seed, stream, index;
    uint32_t words[4];
    int left; /* words not used yet */
} weft_draw;
/* Draws for one purpose of one image in one epoch. */
weft_draw weft_draw_begin(uint64_t seed, uint64_t purpose, int64_t epoch, int64_t image);
uint32_t weft_draw_word(weft_draw *draw);
/* In (low, high). */
double weft_draw_real(weft_draw *draw, double low, double high);
/* In 0..n - 1. */
int64_t weft_draw_below(weft_draw *draw, int64_t n);
bool weft_draw_chance(weft_draw *draw, double p);
/* Standard normal. */
double weft_draw_normal(weft_draw *draw);
/* Of Beta(a, a). */
double weft_draw_beta(weft_draw *draw, double a);

/* ---- pictures ---- */

/* pixels[(y * width + x) * channels + c], 1 or 3 channels. */
typedef struct weft_picture {
    uint8_t *pixels;
    int width, height, channels;
} weft_picture;

/* Two of one size: a step that cannot work in place reads `now`, writes `spare` and swaps them. */
typedef struct weft_canvas {
    weft_picture now, spare;
} weft_canvas;
void weft_canvas_swap(weft_canvas *canvas);

/* ---- steps (table.c, parse.c) ---- */

/* A batch that is mixed. */
typedef struct weft_mix {
    float *images, *targets; /* [count, height, width, channels], [count, classes] */
    int32_t *labels;
    int64_t count;
    int height, width, channels, classes;
    float *spare; /* room for an image and a row of targets */
} weft_mix;

enum { WEFT_AUGMENT_ARGS = 4, WEFT_AUGMENT_STEPS = 24 };

/* When a step is done: the order of stages is fixed, in a stage it is that of the text. */
typedef enum weft_augment_stage {
    WEFT_STAGE_FRAME,  /* from the photograph to the network's size, instead of the recipe's fit */
    WEFT_STAGE_PIXELS, /* on bytes of the network's size */
    WEFT_STAGE_VALUES, /* on normalised values */
    WEFT_STAGE_BATCH   /* on the whole batch and its targets */
} weft_augment_stage;

typedef struct weft_augment_step weft_augment_step;

typedef struct weft_augment_row {
    const char *name, *form, *brief; /* "crop-pad", "crop-pad PIXELS", what it does */
    weft_augment_stage stage;
    int least; /* numbers that must be given */
    struct {
        const char *name; /* NULL after the last */
        double fallback, low, high;
    } args[WEFT_AUGMENT_ARGS];
    void (*frame)(const weft_augment_step *step, weft_draw *draw, int width, int height, double box[4]);
    void (*pixels)(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas);
    void (*values)(const weft_augment_step *step, weft_draw *draw, float *values, int width, int height, int channels);
    /* Mixes the pictures, each keeping `share`; returns what they kept. */
    double (*mix)(const weft_mix *mix, weft_draw *draw, double share);
} weft_augment_row;

struct weft_augment_step {
    const weft_augment_row *row;
    double arg[WEFT_AUGMENT_ARGS];
    uint64_t purpose; /* stream of its draws */
};

typedef struct weft_augment {
    int count;
    weft_augment_step steps[WEFT_AUGMENT_STEPS];
} weft_augment;

extern const weft_augment_row weft_augment_rows[];
extern const int weft_augment_row_count;

/* INVALID with the part of the text that is wrong and what was expected; text NULL: no steps. */
weft_status weft_augment_read(const char *text, weft_augment *out);
/* The framing step; NULL: none. */
const weft_augment_step *weft_augment_frame(const weft_augment *augment);
/* Whether batches are mixed. */
bool weft_augment_mixes(const weft_augment *augment);
/* All steps of a stage on one image; epoch and image key the draws. */
void weft_augment_pixels(const weft_augment *augment, uint64_t seed, int64_t epoch, int64_t image, weft_canvas *canvas);
void weft_augment_values(const weft_augment *augment, uint64_t seed, int64_t epoch, int64_t image, float *values,
                         int width, int height, int channels);

/* By one of the text's mixing steps, drawn by the batch's step number. */
void weft_augment_mix(const weft_augment *augment, uint64_t seed, int64_t step, const weft_mix *mix);

/* ---- what the rows are made of ---- */

/* Framing: a box of an area and an aspect ratio, in pixels of the photograph (frame.c). */
void weft_frame_resized_crop(const weft_augment_step *step, weft_draw *draw, int width, int height, double box[4]);

/* Geometry (geometry.c). out(x, y) = in(a x + b y + c, d x + e y + f) with pixel centres at .5, as Pillow's
 * Image.transform(AFFINE); what lies outside is black. */
void weft_affine(const weft_picture *in, const double matrix[6], bool bilinear, weft_picture *out);
void weft_flip(weft_picture *picture);
/* Moved by dx, dy to the right and down; what comes in is black, or the edge again. */
void weft_shift(const weft_picture *in, int dx, int dy, bool edge, weft_picture *out);

void weft_step_flip(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas);
void weft_step_flip_down(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas);
void weft_step_shift(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas);
void weft_step_crop_pad(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas);
void weft_step_rotate(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas);
void weft_step_zoom(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas);
void weft_step_shear(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas);

/* Colour (colour.c): in place, but for sharpness; of one channel what there is. A factor of 1 changes nothing. */
void weft_brightness(weft_picture *picture, double factor);
void weft_contrast(weft_picture *picture, double factor);
void weft_saturation(weft_picture *picture, double factor);
void weft_sharpness(const weft_picture *in, double factor, weft_picture *out);
/* By a part of the circle, -.5 to .5. */
void weft_hue(weft_picture *picture, double turn);
void weft_autocontrast(weft_picture *picture);
void weft_equalize(weft_picture *picture);
void weft_posterize(weft_picture *picture, int bits);
/* Inverts what is not below the threshold. */
void weft_solarize(weft_picture *picture, double threshold);

/* Draws among them (policy.c). */
void weft_step_jitter(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas);
void weft_step_contrast(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas);
void weft_step_brightness(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas);
void weft_step_grey(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas);
void weft_step_lighting(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas);
void weft_step_randaugment(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas);
void weft_step_trivialaugment(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas);
/* One operation of the policies by name, at strength bin 0..30; false if there is none of that name. */
bool weft_policy_run(const char *name, int bin, bool wide, bool negative, weft_canvas *canvas);

/* Batches (mix.c). */
double weft_mix_blend(const weft_mix *mix, weft_draw *draw, double share);
double weft_mix_cut(const weft_mix *mix, weft_draw *draw, double share);

/* Values (values.c). */
void weft_step_erase(const weft_augment_step *step, weft_draw *draw, float *values, int width, int height,
                     int channels);

#endif
