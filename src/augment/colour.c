/* SPDX-License-Identifier: Apache-2.0
 *
 * Colour of small pictures, byte for byte as Pillow's ImageEnhance and ImageOps and torchvision's adjust_hue: a blend
 * of a picture with a duller one, beyond it where the factor is above 1; tables made from a channel's histogram. */
#include "augment/augment.h"

#include <math.h>
#include <string.h>

enum { LEVELS = 256, TOP = 255, SMOOTH = 13, CENTRE = 5 };

static size_t bytes_of(const weft_picture *p)
{
    return (size_t)p->width * (size_t)p->height * (size_t)p->channels;
}

/* a + (b - a) * factor, cut to a byte. */
static uint8_t blend(int a, int b, float factor)
{
    const float x = (float)a + factor * (float)(b - a);
    return (uint8_t)(x <= 0 ? 0 : x >= TOP ? TOP : x);
}

static int grey(const weft_picture *p, size_t pixel)
{
    return p->channels == 1 ? p->pixels[pixel] : weft_luma(p->pixels + 3 * pixel);
}

/* Towards one level. */
static void towards(weft_picture *p, int level, double factor)
{
    uint8_t table[LEVELS];
    for (int i = 0; i < LEVELS; i++)
        table[i] = blend(level, i, (float)factor);
    for (size_t i = 0; i < bytes_of(p); i++)
        p->pixels[i] = table[p->pixels[i]];
}

void weft_brightness(weft_picture *p, double factor)
{
    towards(p, 0, factor);
}

void weft_contrast(weft_picture *p, double factor)
{
    const size_t count = (size_t)p->width * (size_t)p->height;
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += grey(p, i);
    towards(p, (int)((double)sum / (double)count + .5), factor);
}

void weft_saturation(weft_picture *p, double factor)
{
    const size_t count = (size_t)p->width * (size_t)p->height;
    for (size_t i = 0; i < count && p->channels == 3; i++) {
        const int level = weft_luma(p->pixels + 3 * i);
        for (int c = 0; c < 3; c++)
            p->pixels[3 * i + (size_t)c] = blend(level, p->pixels[3 * i + (size_t)c], (float)factor);
    }
}

void weft_sharpness(const weft_picture *in, double factor, weft_picture *out)
{
    const int c = in->channels, row = in->width * c;
    for (int y = 0; y < in->height; y++) {
        for (int x = 0; x < row; x++) {
            const uint8_t *const at = in->pixels + (size_t)y * (size_t)row + x;
            uint8_t *const to = out->pixels + (size_t)y * (size_t)row + x;
            *to = *at;
            if (y == 0 || y == in->height - 1 || x < c || x >= row - c)
                continue; /* the smoothed picture has the border of the picture itself */
            int sum = CENTRE * *at;
            for (int dy = -row; dy <= row; dy += row)
                sum += at[dy - c] + (dy ? at[dy] : 0) + at[dy + c];
            *to = blend((2 * sum + SMOOTH) / (2 * SMOOTH), *at, (float)factor);
        }
    }
}

/* ---- hue, through HSV in bytes ---- */

typedef struct hsv {
    int h, s, v;
} hsv;

static hsv to_hsv(const uint8_t rgb[3])
{
    const int r = rgb[0], g = rgb[1], b = rgb[2];
    const int most = r > g ? (r > b ? r : b) : g > b ? g : b, least = r < g ? (r < b ? r : b) : g < b ? g : b;
    if (most == least)
        return (hsv){ 0, 0, most };
    const float range = (float)(most - least), s = range / (float)most;
    const float rc = (float)(most - r) / range, gc = (float)(most - g) / range, bc = (float)(most - b) / range;
    const double h = r == most ? (double)(bc - gc) : g == most ? 2 + (double)rc - (double)bc : 4 + (double)gc -
                                                                                                    (double)rc;
    const float turn = (float)fmod((double)(float)h / 6 + 1, 1);
    return (hsv){ (int)((double)turn * TOP), (int)((double)s * TOP), most };
}

static uint8_t level(double x)
{
    const double rounded = round(x);
    return (uint8_t)(rounded < 0 ? 0 : rounded > TOP ? TOP : rounded);
}

static void from_hsv(hsv c, uint8_t rgb[3])
{
    if (c.s == 0) {
        rgb[0] = rgb[1] = rgb[2] = (uint8_t)c.v;
        return;
    }
    const float h = (float)(c.h * 6.0 / TOP), s = (float)(c.s / (double)TOP), whole = floorf(h), f = h - whole;
    const uint8_t p = level((double)c.v * (1 - (double)s)), q = level((double)c.v * (1 - (double)(s * f)));
    const uint8_t t = level((double)c.v * (1 - (double)s * (1 - (double)f))), v = (uint8_t)c.v;
    const uint8_t sector[6][3] = { { v, t, p }, { q, v, p }, { p, v, t }, { p, q, v }, { t, p, v }, { v, p, q } };
    memcpy(rgb, sector[(int)whole % 6], 3);
}

void weft_hue(weft_picture *p, double turn)
{
    const int shift = (int)(turn * TOP);
    const size_t count = (size_t)p->width * (size_t)p->height;
    for (size_t i = 0; i < count && p->channels == 3; i++) {
        hsv c = to_hsv(p->pixels + 3 * i);
        c.h = (c.h + shift) & TOP;
        from_hsv(c, p->pixels + 3 * i);
    }
}

/* ---- tables from histograms ---- */

static void count_levels(const weft_picture *p, int channel, int64_t histogram[LEVELS])
{
    memset(histogram, 0, LEVELS * sizeof *histogram);
    for (size_t i = (size_t)channel; i < bytes_of(p); i += (size_t)p->channels)
        histogram[p->pixels[i]]++;
}

static void apply(weft_picture *p, int channel, const uint8_t table[LEVELS])
{
    for (size_t i = (size_t)channel; i < bytes_of(p); i += (size_t)p->channels)
        p->pixels[i] = table[p->pixels[i]];
}

void weft_autocontrast(weft_picture *p)
{
    for (int c = 0; c < p->channels; c++) {
        int64_t histogram[LEVELS];
        uint8_t table[LEVELS];
        int low = 0, high = TOP;
        count_levels(p, c, histogram);
        while (low < TOP && !histogram[low])
            low++;
        while (high > 0 && !histogram[high])
            high--;
        if (high <= low)
            continue;
        const double scale = (double)TOP / (high - low), offset = -low * scale;
        for (int i = 0; i < LEVELS; i++) {
            const int x = (int)(i * scale + offset);
            table[i] = (uint8_t)(x < 0 ? 0 : x > TOP ? TOP : x);
        }
        apply(p, c, table);
    }
}

void weft_equalize(weft_picture *p)
{
    for (int c = 0; c < p->channels; c++) {
        int64_t histogram[LEVELS], last = 0, sum = 0;
        uint8_t table[LEVELS];
        count_levels(p, c, histogram);
        for (int i = 0; i < LEVELS; i++) {
            sum += histogram[i];
            last = histogram[i] ? histogram[i] : last;
        }
        const int64_t step = (sum - last) / TOP;
        if (step == 0)
            continue;
        int64_t n = step / 2;
        for (int i = 0; i < LEVELS; n += histogram[i++])
            table[i] = (uint8_t)(n / step > TOP ? TOP : n / step);
        apply(p, c, table);
    }
}

void weft_posterize(weft_picture *p, int bits)
{
    const uint8_t mask = (uint8_t)(TOP << (8 - bits));
    for (size_t i = 0; i < bytes_of(p); i++)
        p->pixels[i] &= mask;
}

void weft_solarize(weft_picture *p, double threshold)
{
    for (size_t i = 0; i < bytes_of(p); i++) {
        if (p->pixels[i] >= threshold)
            p->pixels[i] = (uint8_t)(TOP - p->pixels[i]);
    }
}
