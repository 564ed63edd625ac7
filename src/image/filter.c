/* SPDX-License-Identifier: Apache-2.0
 *
 * Which loops of resizing this CPU takes. */
#include "image/filter.h"

static const weft_filter *best(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return &weft_filter_avx2;
#endif
    return &weft_filter_plain;
}

void weft_filter_rows(const uint8_t *in, int in_width, int lines, const weft_taps *taps, int width, uint8_t *out)
{
    best()->rows(in, in_width, lines, taps, width, out);
}

void weft_filter_columns(const uint8_t *in, size_t row_bytes, int top, const weft_taps *taps, int height, uint8_t *out)
{
    const weft_filter *const filter = best();
    for (int y = 0; y < height; y++)
        filter->column(in + (size_t)(taps->first[y] - top) * row_bytes, row_bytes, taps, y,
                       out + (size_t)y * row_bytes);
}
