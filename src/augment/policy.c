/* SPDX-License-Identifier: Apache-2.0
 *
 * What draws among other augmentations: colour jitter, PCA lighting (Krizhevsky et al. 2012, section 4.1, with the
 * eigenvectors of ImageNet's pixels), RandAugment (Cubuk et al. 2019, arXiv:1909.13719) and TrivialAugment, wide
 * (Müller and Hutter 2021, arXiv:2103.10158), over the operations and strengths that torchvision gives them. */
#include "augment/augment.h"

#include <math.h>

enum { BINS = 31, TOP = 255 };

static const double RADIANS = 0.017453292519943295;

/* ---- colour ---- */

static double around_one(weft_draw *draw, double by)
{
    return weft_draw_real(draw, by < 1 ? 1 - by : 0, 1 + by);
}

void weft_step_jitter(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas)
{
    int order[4] = { 0, 1, 2, 3 };
    weft_picture *const p = &canvas->now;
    for (int i = 3; i > 0; i--) {
        const int other = (int)weft_draw_below(draw, i + 1), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    for (int i = 0; i < 4; i++) {
        const double by = step->arg[order[i]];
        if (by == 0)
            continue;
        if (order[i] == 0)
            weft_brightness(p, around_one(draw, by));
        else if (order[i] == 1)
            weft_contrast(p, around_one(draw, by));
        else if (order[i] == 2)
            weft_saturation(p, around_one(draw, by));
        else
            weft_hue(p, weft_draw_real(draw, -by, by));
    }
}

void weft_step_contrast(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas)
{
    weft_contrast(&canvas->now, around_one(draw, step->arg[0]));
}

void weft_step_brightness(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas)
{
    weft_brightness(&canvas->now, around_one(draw, step->arg[0]));
}

void weft_step_grey(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas)
{
    if (weft_draw_chance(draw, step->arg[0]))
        weft_saturation(&canvas->now, 0);
}

/* Square roots of the eigenvalues of the covariance of ImageNet's RGB in 0..1, and its eigenvectors, in columns. */
static const double deviation[3] = { .2175, .0188, .0045 };
static const double direction[3][3] = { { -.5675, .7192, .4009 }, { -.5808, -.0045, -.8140 },
                                        { -.5836, -.6948, .4203 } };

void weft_step_lighting(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas)
{
    const weft_picture *const p = &canvas->now;
    double along[3], add[3];
    for (int i = 0; i < 3; i++)
        along[i] = step->arg[0] * weft_draw_normal(draw) * deviation[i] * TOP;
    for (int c = 0; c < 3; c++)
        add[c] = direction[c][0] * along[0] + direction[c][1] * along[1] + direction[c][2] * along[2];
    if (p->channels == 1)
        add[0] = .299 * add[0] + .587 * add[1] + .114 * add[2];
    for (int c = 0; c < p->channels; c++) {
        uint8_t table[TOP + 1];
        for (int i = 0; i <= TOP; i++) {
            const double x = floor(i + add[c] + .5);
            table[i] = (uint8_t)(x < 0 ? 0 : x > TOP ? TOP : x);
        }
        for (size_t i = 0; i < (size_t)p->width * (size_t)p->height; i++) {
            uint8_t *const at = p->pixels + i * (size_t)p->channels + (size_t)c;
            *at = table[*at];
        }
    }
}

/* ---- the operations of the policies ---- */

static void map(weft_canvas *canvas, double a, double b, double c, double d, double e, double f)
{
    weft_affine(&canvas->now, (const double[]){ a, b, c, d, e, f }, false, &canvas->spare);
    weft_canvas_swap(canvas);
}

static void shear_x(weft_canvas *canvas, double by)
{
    map(canvas, 1, by, 0, 0, 1, 0);
}

static void shear_y(weft_canvas *canvas, double by)
{
    map(canvas, 1, 0, 0, by, 1, 0);
}

static void move(weft_canvas *canvas, int dx, int dy)
{
    weft_shift(&canvas->now, dx, dy, false, &canvas->spare);
    weft_canvas_swap(canvas);
}

static void translate_x(weft_canvas *canvas, double by)
{
    move(canvas, (int)by, 0);
}

static void translate_y(weft_canvas *canvas, double by)
{
    move(canvas, 0, (int)by);
}

/* Counter-clockwise, as Pillow turns. */
static void rotate(weft_canvas *canvas, double degrees)
{
    const double x = canvas->now.width * .5, y = canvas->now.height * .5;
    const double c = cos(-degrees * RADIANS), s = sin(-degrees * RADIANS);
    map(canvas, c, s, x - c * x - s * y, -s, c, y + s * x - c * y);
}

static void brightness(weft_canvas *canvas, double by)
{
    weft_brightness(&canvas->now, 1 + by);
}

static void saturation(weft_canvas *canvas, double by)
{
    weft_saturation(&canvas->now, 1 + by);
}

static void contrast(weft_canvas *canvas, double by)
{
    weft_contrast(&canvas->now, 1 + by);
}

static void sharpness(weft_canvas *canvas, double by)
{
    weft_sharpness(&canvas->now, 1 + by, &canvas->spare);
    weft_canvas_swap(canvas);
}

static void posterize(weft_canvas *canvas, double bits)
{
    weft_posterize(&canvas->now, (int)bits);
}

static void solarize(weft_canvas *canvas, double threshold)
{
    weft_solarize(&canvas->now, threshold);
}

static void autocontrast(weft_canvas *canvas, double by)
{
    (void)by;
    weft_autocontrast(&canvas->now);
}

static void equalize(weft_canvas *canvas, double by)
{
    (void)by;
    weft_equalize(&canvas->now);
}

/* Strength b of 0..30 is from + (to - from) b / 30; `wide` is TrivialAugment's end. Translations are of shares of the
 * side in RandAugment, of pixels in TrivialAugment. */
static const struct operation {
    const char *name;
    void (*run)(weft_canvas *canvas, double by);
    double from, to, wide;
    bool sign, rounded;
    char side; /* 'x', 'y': to is a share of it */
} operations[] = {
    { "identity", NULL, 0, 0, 0, false, false, 0 },
    { "shear-x", shear_x, 0, .3, .99, true, false, 0 },
    { "shear-y", shear_y, 0, .3, .99, true, false, 0 },
    { "translate-x", translate_x, 0, 150. / 331, 32, true, false, 'x' },
    { "translate-y", translate_y, 0, 150. / 331, 32, true, false, 'y' },
    { "rotate", rotate, 0, 30, 135, true, false, 0 },
    { "brightness", brightness, 0, .9, .99, true, false, 0 },
    { "saturation", saturation, 0, .9, .99, true, false, 0 },
    { "contrast", contrast, 0, .9, .99, true, false, 0 },
    { "sharpness", sharpness, 0, .9, .99, true, false, 0 },
    { "posterize", posterize, 8, 4, 2, false, true, 0 },
    { "solarize", solarize, 255, 0, 0, false, false, 0 },
    { "autocontrast", autocontrast, 0, 0, 0, false, false, 0 },
    { "equalize", equalize, 0, 0, 0, false, false, 0 },
};

enum { OPERATIONS = sizeof operations / sizeof operations[0] };

/* To the even neighbour at a half, as torch.round. */
static double round_even(double x)
{
    const double low = floor(x), rest = x - low;
    return rest > .5 || (rest == .5 && fmod(low, 2) != 0) ? low + 1 : low;
}

static double strength(const struct operation *o, const weft_picture *p, int bin, bool wide)
{
    const double to = wide ? o->wide : o->side == 'x' ? o->to * p->width : o->side == 'y' ? o->to * p->height : o->to;
    const double part = (to - o->from) * bin / (BINS - 1);
    return o->rounded ? o->from - round_even(-part) : (double)(float)(o->from + part); /* torch has them in float */
}

bool weft_policy_run(const char *name, int bin, bool wide, bool negative, weft_canvas *canvas)
{
    for (int i = 0; i < OPERATIONS; i++) {
        const struct operation *const o = &operations[i];
        const char *a = o->name, *b = name;
        while (*a && *a == *b)
            a++, b++;
        if (*a || *b)
            continue;
        const double by = strength(o, &canvas->now, bin, wide);
        if (o->run)
            o->run(canvas, negative && o->sign ? -by : by);
        return true;
    }
    return false;
}

static void run_drawn(weft_draw *draw, weft_canvas *canvas, int bin, bool wide)
{
    const struct operation *const o = &operations[weft_draw_below(draw, OPERATIONS)];
    const int drawn = bin < 0 ? (int)weft_draw_below(draw, BINS) : bin;
    weft_policy_run(o->name, drawn, wide, weft_draw_chance(draw, .5), canvas);
}

void weft_step_randaugment(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas)
{
    for (int i = 0; i < (int)step->arg[0]; i++)
        run_drawn(draw, canvas, (int)step->arg[1], false);
}

void weft_step_trivialaugment(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas)
{
    (void)step;
    run_drawn(draw, canvas, -1, true);
}
