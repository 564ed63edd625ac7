/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops of resizing, in plain C. */
#include "image/filter.h"

#include "base/compiler.h"

enum { PIXEL = 3, CHUNK = 768, HALF = 1 << (WEFT_FILTER_FRACTION - 1) };

static uint8_t rounded(int32_t sum)
{
    sum >>= WEFT_FILTER_FRACTION;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void filter_row(const uint8_t *in, const weft_taps *t, int width, uint8_t *out)
{
    for (int x = 0; x < width; x++, out += PIXEL) {
        const uint8_t *from = in + (size_t)t->first[x] * PIXEL;
        const int32_t *const weight = t->weight + (size_t)x * t->stride;
        int32_t r = HALF, g = HALF, b = HALF;
        for (int i = 0; i < t->count[x]; i++, from += PIXEL) {
            r += from[0] * weight[i];
            g += from[1] * weight[i];
            b += from[2] * weight[i];
        }
        out[0] = rounded(r);
        out[1] = rounded(g);
        out[2] = rounded(b);
    }
}

static void plain_rows(const uint8_t *in, int in_width, int lines, const weft_taps *taps, int width, uint8_t *out)
{
    for (int y = 0; y < lines; y++)
        filter_row(in + (size_t)y * (size_t)in_width * PIXEL, taps, width, out + (size_t)y * (size_t)width * PIXEL);
}

/* A chunk of bytes at a time so that the sums stay in the first cache. */
static void plain_column(const uint8_t *in, size_t row_bytes, const weft_taps *taps, int at, uint8_t *out)
{
    const int32_t *const weight = taps->weight + (size_t)at * taps->stride;
    int32_t sum[CHUNK];
    for (size_t begin = 0; begin < row_bytes; begin += CHUNK) {
        const int n = row_bytes - begin < CHUNK ? (int)(row_bytes - begin) : CHUNK;
        for (int j = 0; j < n; j++)
            sum[j] = HALF;
        for (int i = 0; i < taps->count[at]; i++) {
            const uint8_t *const from = in + (size_t)i * row_bytes + begin;
            for (int j = 0; j < n; j++)
                sum[j] += from[j] * weight[i];
        }
        for (int j = 0; j < n; j++)
            out[begin + (size_t)j] = rounded(sum[j]);
    }
}

const weft_filter weft_filter_plain = { plain_rows, plain_column };
