/* SPDX-License-Identifier: Apache-2.0
 *
 * The two passes of a separable filter over 8-bit RGB, with weights of 22 fractional bits (resize.c makes them). All
 * ways to compute them sum integers exactly: they give the same bits. */
#ifndef WEFT_IMAGE_FILTER_H
#define WEFT_IMAGE_FILTER_H

#include <stddef.h>
#include <stdint.h>

/* 8 bits of result, 2 for sums beyond 255 and below 0 (the lobes of bicubic). */
enum { WEFT_FILTER_FRACTION = 32 - 8 - 2, WEFT_FILTER_LOW = 12 };

/* A weight w is high * 2^12 + low: two factors of 16 bits. Of two neighbours, as products of pairs want them. */
typedef struct weft_halves {
    int16_t high[2], low[2];
} weft_halves;

/* For each output of one axis: the first input, how many inputs, and their weights. */
typedef struct weft_taps {
    int *first, *count;
    int32_t *weight;     /* [size][stride] */
    weft_halves *halves; /* [size][pairs] of the same; a last one without a neighbour has 0 beside it */
    size_t stride, pairs;
} weft_taps;

/* Along rows: each of `lines` rows of in_width pixels becomes one of `width`. */
void weft_filter_rows(const uint8_t *in, int in_width, int lines, const weft_taps *taps, int width, uint8_t *out);
/* Down columns: rows of row_bytes bytes, of which the first is line `top` of those that taps count, become `height`. */
void weft_filter_columns(const uint8_t *in, size_t row_bytes, int top, const weft_taps *taps, int height, uint8_t *out);

/* The loops of one instruction set. */
typedef struct weft_filter {
    void (*rows)(const uint8_t *in, int in_width, int lines, const weft_taps *taps, int width, uint8_t *out);
    /* One row of the result; in: the first that it needs. */
    void (*column)(const uint8_t *in, size_t row_bytes, const weft_taps *taps, int at, uint8_t *out);
} weft_filter;
extern const weft_filter weft_filter_plain, weft_filter_avx2; /* on x86-64 only the second */

#endif
