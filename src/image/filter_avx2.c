/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops of resizing with AVX2's products of pairs (vpmaddwd): of 16-bit factors a, b and weights v, w they give
 * a v + b w in 32 bits. Weights have 24 bits, so there are two products, of their high and low halves (filter.h), and
 * the sum of the high ones is shifted: sums wrap around as the plain loops' would, to the same bits.
 *
 * Along rows a vector holds four sums (red, green, blue and one for nobody) of a row and of the row below it, which
 * share weights and place. Down columns it holds eight bytes' of a row; 32 bytes go down together. What does not fill a
 * vector at an edge is left to the plain loops. */
#include "image/filter.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))

enum { PIXEL = 3, BLOCK = 32, SPARE = 8 - PIXEL, HALF = 1 << (WEFT_FILTER_FRACTION - 1) };

static AVX2 inline __m256i both(const int16_t pair[2])
{
    int32_t bits;
    memcpy(&bits, pair, sizeof bits);
    return _mm256_set1_epi32(bits);
}

/* Sums of both halves to what is left of them above the fraction. */
static AVX2 inline __m256i whole(__m256i high, __m256i low)
{
    const __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, WEFT_FILTER_LOW), low);
    return _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(HALF)), WEFT_FILTER_FRACTION);
}

/* One pixel of two rows: bytes 0 to 2 of each half of the result. */
static AVX2 inline __m256i two_pixels(const uint8_t *upper, const uint8_t *lower, const weft_halves *w, int count)
{
    const __m256i spread = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, /* as 16 bits, */
                                            0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1); /* in pairs */
    __m256i high = _mm256_setzero_si256(), low = high;
    for (int i = 0; i < count; i += 2, w++, upper += 2 * PIXEL, lower += 2 * PIXEL) {
        const __m128i above = _mm_loadl_epi64((const __m128i *)(const void *)upper);
        const __m128i below = _mm_loadl_epi64((const __m128i *)(const void *)lower);
        const __m256i pairs = _mm256_shuffle_epi8(_mm256_set_m128i(below, above), spread);
        high = _mm256_add_epi32(high, _mm256_madd_epi16(pairs, both(w->high)));
        low = _mm256_add_epi32(low, _mm256_madd_epi16(pairs, both(w->low)));
    }
    const __m256i sum = whole(high, low), words = _mm256_packs_epi32(sum, sum);
    return _mm256_packus_epi16(words, words);
}

/* Two rows of the result. A fourth byte of a pixel is overwritten by the next one, and not written of the last. */
static AVX2 void two_rows(const uint8_t *in, size_t in_bytes, const weft_taps *t, int width, uint8_t *out)
{
    const size_t out_bytes = (size_t)width * PIXEL;
    for (int x = 0; x < width; x++, out += PIXEL) {
        const uint8_t *const from = in + (size_t)t->first[x] * PIXEL;
        const __m256i pixel = two_pixels(from, from + in_bytes, t->halves + (size_t)x * t->pairs, t->count[x]);
        const int upper = _mm256_extract_epi32(pixel, 0), lower = _mm256_extract_epi32(pixel, 4);
        const size_t bytes = x + 1 < width ? PIXEL + 1 : PIXEL;
        if (bytes > PIXEL) {
            memcpy(out, &upper, PIXEL + 1);
            memcpy(out + out_bytes, &lower, PIXEL + 1);
        } else {
            memcpy(out, &upper, PIXEL);
            memcpy(out + out_bytes, &lower, PIXEL);
        }
    }
}

static void avx2_rows(const uint8_t *in, int in_width, int lines, const weft_taps *taps, int width, uint8_t *out)
{
    const size_t in_bytes = (size_t)in_width * PIXEL, out_bytes = (size_t)width * PIXEL;
    int y = 0;
    for (; y + 2 < lines && (size_t)(lines - y - 2) * in_bytes >= SPARE; y += 2) /* as much is read behind a row */
        two_rows(in + (size_t)y * in_bytes, in_bytes, taps, width, out + (size_t)y * out_bytes);
    weft_filter_plain.rows(in + (size_t)y * in_bytes, in_width, lines - y, taps, width, out + (size_t)y * out_bytes);
}

/* Adds the products of 16 bytes of two rows, interleaved, to two sums. */
static AVX2 inline void add_pairs(__m256i bytes, const weft_halves *w, __m256i high[2], __m256i low[2])
{
    const __m256i zero = _mm256_setzero_si256(), first = _mm256_unpacklo_epi8(bytes, zero);
    const __m256i second = _mm256_unpackhi_epi8(bytes, zero);
    high[0] = _mm256_add_epi32(high[0], _mm256_madd_epi16(first, both(w->high)));
    high[1] = _mm256_add_epi32(high[1], _mm256_madd_epi16(second, both(w->high)));
    low[0] = _mm256_add_epi32(low[0], _mm256_madd_epi16(first, both(w->low)));
    low[1] = _mm256_add_epi32(low[1], _mm256_madd_epi16(second, both(w->low)));
}

static AVX2 inline __m256i load(const uint8_t *from)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

/* 32 columns. Unpacking and packing both stay in halves of a vector, so what one displaces the other puts back. */
static AVX2 void down_block(const uint8_t *in, size_t row_bytes, const weft_halves *w, int count, uint8_t *out)
{
    __m256i high[4], low[4];
    for (int i = 0; i < 4; i++)
        high[i] = low[i] = _mm256_setzero_si256();
    for (int i = 0; i < count; i += 2, w++, in += 2 * row_bytes) {
        const __m256i upper = load(in), lower = i + 1 < count ? load(in + row_bytes) : upper; /* whose weight is 0 */
        add_pairs(_mm256_unpacklo_epi8(upper, lower), w, high, low);
        add_pairs(_mm256_unpackhi_epi8(upper, lower), w, high + 2, low + 2);
    }
    const __m256i front = _mm256_packs_epi32(whole(high[0], low[0]), whole(high[1], low[1]));
    const __m256i back = _mm256_packs_epi32(whole(high[2], low[2]), whole(high[3], low[3]));
    _mm256_storeu_si256((__m256i *)(void *)out, _mm256_packus_epi16(front, back));
}

static void avx2_column(const uint8_t *in, size_t row_bytes, const weft_taps *taps, int at, uint8_t *out)
{
    if (row_bytes < BLOCK) {
        weft_filter_plain.column(in, row_bytes, taps, at, out);
        return;
    }
    for (size_t begin = 0; begin < row_bytes; begin += BLOCK) {
        const size_t from = begin + BLOCK <= row_bytes ? begin : row_bytes - BLOCK; /* some twice */
        down_block(in + from, row_bytes, taps->halves + (size_t)at * taps->pairs, taps->count[at], out + from);
    }
}

const weft_filter weft_filter_avx2 = { avx2_rows, avx2_column };
#endif
