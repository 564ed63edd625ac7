/* SPDX-License-Identifier: Apache-2.0
 *
 * Geometry of small pictures: mirroring, moving, and affine maps by nearest neighbours or bilinearly, pixel for pixel
 * those of Pillow's Image.transform (which counts in 1/65536 of a pixel for nearest neighbours). */
#include "augment/augment.h"

#include <math.h>
#include <string.h>

static const double RADIANS = 0.017453292519943295;

void weft_canvas_swap(weft_canvas *canvas)
{
    const weft_picture now = canvas->now;
    canvas->now = canvas->spare;
    canvas->spare = now;
}

/* Swaps the pixels of a row, of so many bytes: a constant where this is inlined. */
static inline void flip_row(uint8_t *row, int width, size_t bytes)
{
    for (uint8_t *left = row, *right = row + (size_t)(width - 1) * bytes; left < right; left += bytes, right -= bytes) {
        uint8_t kept[4];
        memcpy(kept, left, bytes);
        memcpy(left, right, bytes);
        memcpy(right, kept, bytes);
    }
}

void weft_flip(weft_picture *p)
{
    for (int y = 0; y < p->height; y++) {
        uint8_t *const row = p->pixels + (size_t)y * (size_t)p->width * (size_t)p->channels;
        if (p->channels == 3)
            flip_row(row, p->width, 3);
        else
            flip_row(row, p->width, (size_t)p->channels);
    }
}

static int clamped(int x, int limit)
{
    return x < 0 ? 0 : x > limit ? limit : x;
}

/* One row: pixels x - dx of in, where there are such. */
static void shift_row(const uint8_t *in, int width, int channels, int dx, bool edge, uint8_t *out)
{
    const int first = clamped(dx, width), end = clamped(width + dx, width);
    const size_t c = (size_t)channels;
    if (first < end)
        memcpy(out + (size_t)first * c, in + (size_t)(first - dx) * c, (size_t)(end - first) * c);
    for (int x = 0; x < width; x++) {
        if (x >= first && x < end)
            x = end;
        if (x < width && edge)
            memcpy(out + (size_t)x * c, in + (size_t)clamped(x - dx, width - 1) * c, c);
        else if (x < width)
            memset(out + (size_t)x * c, 0, c);
    }
}

void weft_shift(const weft_picture *in, int dx, int dy, bool edge, weft_picture *out)
{
    const size_t bytes = (size_t)in->width * (size_t)in->channels;
    for (int y = 0; y < in->height; y++) {
        const int from = y - dy;
        uint8_t *const to = out->pixels + (size_t)y * bytes;
        if (!edge && (from < 0 || from >= in->height))
            memset(to, 0, bytes);
        else
            shift_row(in->pixels + (size_t)clamped(from, in->height - 1) * bytes, in->width, in->channels, dx, edge,
                      to);
    }
}

static int64_t fixed(double x)
{
    return (int64_t)floor(x * 65536 + .5);
}

static void affine_nearest(const weft_picture *in, const double m[6], weft_picture *out)
{
    const size_t c = (size_t)in->channels;
    const int64_t a = fixed(m[0]), b = fixed(m[1]), d = fixed(m[3]), e = fixed(m[4]);
    int64_t row_x = fixed(m[2] + m[0] * .5 + m[1] * .5), row_y = fixed(m[5] + m[3] * .5 + m[4] * .5);
    uint8_t *to = out->pixels;
    for (int y = 0; y < out->height; y++, row_x += b, row_y += e) {
        int64_t at_x = row_x, at_y = row_y;
        for (int x = 0; x < out->width; x++, at_x += a, at_y += d, to += c) {
            const int64_t u = at_x >> 16, v = at_y >> 16;
            if (u >= 0 && u < in->width && v >= 0 && v < in->height)
                memcpy(to, in->pixels + ((size_t)v * (size_t)in->width + (size_t)u) * c, c);
            else
                memset(to, 0, c);
        }
    }
}

/* The four pixels around (u, v), edges repeated, cut to a byte. */
static void sample(const weft_picture *in, double u, double v, uint8_t *to)
{
    const double x = floor(u), y = floor(v), dx = u - x, dy = v - y;
    const int c = in->channels, x0 = clamped((int)x, in->width - 1), x1 = clamped((int)x + 1, in->width - 1);
    const int y0 = clamped((int)y, in->height - 1), y1 = clamped((int)y + 1, in->height - 1);
    const uint8_t *const above = in->pixels + (size_t)y0 * (size_t)in->width * (size_t)c;
    const uint8_t *const below = in->pixels + (size_t)y1 * (size_t)in->width * (size_t)c;
    for (int i = 0; i < c; i++) {
        const double p = above[x0 * c + i] + (above[x1 * c + i] - above[x0 * c + i]) * dx;
        const double q = below[x0 * c + i] + (below[x1 * c + i] - below[x0 * c + i]) * dx;
        to[i] = (uint8_t)(p + (q - p) * dy);
    }
}

static void affine_bilinear(const weft_picture *in, const double m[6], weft_picture *out)
{
    const size_t c = (size_t)in->channels;
    uint8_t *to = out->pixels;
    for (int y = 0; y < out->height; y++) {
        for (int x = 0; x < out->width; x++, to += c) {
            const double u = m[0] * (x + .5) + m[1] * (y + .5) + m[2], v = m[3] * (x + .5) + m[4] * (y + .5) + m[5];
            if (u >= 0 && u < in->width && v >= 0 && v < in->height)
                sample(in, u - .5, v - .5, to);
            else
                memset(to, 0, c);
        }
    }
}

void weft_affine(const weft_picture *in, const double matrix[6], bool bilinear, weft_picture *out)
{
    (bilinear ? affine_bilinear : affine_nearest)(in, matrix, out);
}

/* ---- the steps ---- */

/* The linear part { a, b, d, e } about the middle of the picture. */
static void about_middle(weft_canvas *canvas, double a, double b, double d, double e)
{
    const double x = canvas->now.width * .5, y = canvas->now.height * .5;
    const double matrix[6] = { a, b, x - a * x - b * y, d, e, y - d * x - e * y };
    weft_affine(&canvas->now, matrix, true, &canvas->spare);
    weft_canvas_swap(canvas);
}

void weft_step_flip(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas)
{
    if (weft_draw_chance(draw, step->arg[0]))
        weft_flip(&canvas->now);
}

void weft_step_flip_down(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas)
{
    if (!weft_draw_chance(draw, step->arg[0]))
        return;
    const size_t bytes = (size_t)canvas->now.width * (size_t)canvas->now.channels, rows = (size_t)canvas->now.height;
    for (size_t y = 0; y < rows; y++)
        memcpy(canvas->spare.pixels + y * bytes, canvas->now.pixels + (rows - 1 - y) * bytes, bytes);
    weft_canvas_swap(canvas);
}

static void move(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas, bool edge)
{
    const int most = (int)step->arg[0];
    const int dx = (int)weft_draw_below(draw, 2 * most + 1) - most;
    const int dy = (int)weft_draw_below(draw, 2 * most + 1) - most;
    weft_shift(&canvas->now, dx, dy, edge, &canvas->spare);
    weft_canvas_swap(canvas);
}

void weft_step_shift(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas)
{
    move(step, draw, canvas, true);
}

void weft_step_crop_pad(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas)
{
    move(step, draw, canvas, false);
}

void weft_step_rotate(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas)
{
    const double angle = weft_draw_real(draw, -step->arg[0], step->arg[0]) * RADIANS;
    about_middle(canvas, cos(angle), sin(angle), -sin(angle), cos(angle));
}

void weft_step_zoom(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas)
{
    const double scale = exp(weft_draw_real(draw, log(step->arg[0]), log(step->arg[1])));
    about_middle(canvas, 1 / scale, 0, 0, 1 / scale);
}

void weft_step_shear(const weft_augment_step *step, weft_draw *draw, weft_canvas *canvas)
{
    const double slope = tan(weft_draw_real(draw, -step->arg[0], step->arg[0]) * RADIANS);
    const bool across = weft_draw_chance(draw, .5);
    about_middle(canvas, 1, across ? slope : 0, across ? 0 : slope, 1);
}
