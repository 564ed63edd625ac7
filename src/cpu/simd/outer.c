/* SPDX-License-Identifier: Apache-2.0
 *
 * Tiles of outer products (outer.h), compiled once per instruction set. A tile holds rows x vectors sums in registers
 * over all pixels of the call; per pixel it loads the vectors of B and multiplies each by one broadcast number of A for
 * every row. The tiles fill the register file, which hides the latency of the additions: alone they run at 92-98 % of
 * the FMA peak from 64 pixels on (measured, AVX-512). What they are fed from is what counts: while a tile computes, it
 * fetches one or two cache lines per pixel that a later call will need, because the misses on activations are the bound
 * where C or K is small.
 *
 * Bound: one FMA per cycle and port. Traffic of a call: B once from L1, A once for each panel, C read and written. */
#include "cpu/simd/outer.h"

#include "cpu/simd/vmath.h"

/* The tallest tile for 1, 2, ... vectors. */
#if WEFT_LANES == 16
enum { ROWS_1 = 14, ROWS_2 = 14, ROWS_3 = 9, ROWS_4 = 7, TALLEST = 14, WIDEST = 4 };
#elif WEFT_V_REGISTERS == 32
enum { ROWS_1 = 12, ROWS_2 = 12, ROWS_3 = 8, ROWS_4 = 0, TALLEST = 12, WIDEST = 3 };
#else
enum { ROWS_1 = 12, ROWS_2 = 6, ROWS_3 = 4, ROWS_4 = 0, TALLEST = 12, WIDEST = 3 };
#endif

/* clang-format off */
#define UNROLL _Pragma("GCC unroll 16")

/* The rows of one pixel in fours: NEON multiplies with any lane, so that four are one load. Returns how many. */
WEFT_INLINE int add_fours(weft_v sum[][WEFT_OUTER_VECTORS], const float *a, const weft_v *v, const int rows,
                          const int vectors)
{
    int first = 0;
#if defined(WEFT_V_NEON)
    UNROLL for (; first + WEFT_LANES <= rows; first += WEFT_LANES) {
        const weft_v four = weft_v_load(a + first);
        UNROLL for (int j = 0; j < vectors; j++) {
            sum[first][j] = weft_v_fma_lane(four, 0, v[j], sum[first][j]);
            sum[first + 1][j] = weft_v_fma_lane(four, 1, v[j], sum[first + 1][j]);
            sum[first + 2][j] = weft_v_fma_lane(four, 2, v[j], sum[first + 2][j]);
            sum[first + 3][j] = weft_v_fma_lane(four, 3, v[j], sum[first + 3][j]);
        }
    }
#else
    (void)sum, (void)a, (void)v, (void)rows, (void)vectors;
#endif
    return first;
}

/* rows and vectors are constants at every call, so that sum[][] lives in registers. */
WEFT_INLINE void compute(const weft_outer_block *k, const float *a_first, float *c,
                         const weft_outer_ahead *near, const weft_outer_ahead *far, const int rows, const int vectors)
{
    weft_v sum[TALLEST][WEFT_OUTER_VECTORS];
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++)
            sum[i][j] = weft_v_set(0);
    if (k->add)
        UNROLL for (int i = 0; i < rows; i++)
            UNROLL for (int j = 0; j < vectors; j++)
                __builtin_prefetch(c + i * k->c_row + j * WEFT_LANES);

    for (int64_t line = 0; line < k->lines; line++) {
        const float *a = a_first + line * k->a_line, *b = k->b + line * k->b_line;
        const float *one = near->at + line * near->line, *two = far->at + line * far->line;
        for (int64_t left = k->pixels; left > 0; left--) {
            weft_v v[WEFT_OUTER_VECTORS];
            UNROLL for (int j = 0; j < vectors; j++)
                v[j] = weft_v_load(b + j * WEFT_LANES);
            __builtin_prefetch(one, 0, 2);
            __builtin_prefetch(two, 0, 2);
            UNROLL for (int i = add_fours(sum, a, v, rows, vectors); i < rows; i++) {
                const weft_vs s = weft_v_scalar(a + i);
                UNROLL for (int j = 0; j < vectors; j++)
                    sum[i][j] = weft_v_fma_scalar(s, v[j], sum[i][j]);
            }
            a += k->a_pixel;
            b += k->b_pixel;
            one += near->pixel;
            two += far->pixel;
        }
    }

    const int rest = k->columns < vectors * WEFT_LANES ? k->columns : 0;
    if (k->add)
        UNROLL for (int i = 0; i < rows; i++)
            UNROLL for (int j = 0; j < vectors; j++) {
                float *to = c + i * k->c_row + j * WEFT_LANES;
                weft_v_store(to, weft_v_load(to) + sum[i][j]);
            }
    else if (!rest)
        UNROLL for (int i = 0; i < rows; i++)
            UNROLL for (int j = 0; j < vectors; j++)
                weft_v_store(c + i * k->c_row + j * WEFT_LANES, sum[i][j]);
    else
        UNROLL for (int i = 0; i < rows; i++)
            UNROLL for (int j = 0; j < vectors; j++)
                if (rest - j * WEFT_LANES > 0)
                    weft_v_store_n(c + i * k->c_row + j * WEFT_LANES, sum[i][j],
                                   rest - j * WEFT_LANES < WEFT_LANES ? rest - j * WEFT_LANES : WEFT_LANES);
}
/* clang-format on */

typedef void (*tile_fn)(const weft_outer_block *k, const float *a, float *c, const weft_outer_ahead *near,
                        const weft_outer_ahead *far);

#define TILE(rows, vectors)                                                                                            \
    static WEFT_NOINLINE void tile_##rows##x##vectors(const weft_outer_block *k, const float *a, float *c,            \
                                                      const weft_outer_ahead *near, const weft_outer_ahead *far)      \
    {                                                                                                                  \
        compute(k, a, c, near, far, rows, vectors);                                                                    \
    }
#define TILES_4(v) TILE(1, v) TILE(2, v) TILE(3, v) TILE(4, v)
#define TILES_6(v) TILES_4(v) TILE(5, v) TILE(6, v)
#define TILES_12(v) TILES_6(v) TILE(7, v) TILE(8, v) TILE(9, v) TILE(10, v) TILE(11, v) TILE(12, v)
#define NAMES_4(v) NULL, tile_1x##v, tile_2x##v, tile_3x##v, tile_4x##v
#define NAMES_6(v) NAMES_4(v), tile_5x##v, tile_6x##v
#define NAMES_12(v) NAMES_6(v), tile_7x##v, tile_8x##v, tile_9x##v, tile_10x##v, tile_11x##v, tile_12x##v

TILES_12(1)
#if WEFT_LANES == 16
TILE(13, 1)
TILE(14, 1)
TILES_12(2)
TILE(13, 2)
TILE(14, 2)
TILES_6(3)
TILE(7, 3)
TILE(8, 3)
TILE(9, 3)
TILES_6(4)
TILE(7, 4)
static const tile_fn tiles[WIDEST + 1][TALLEST + 1] = {
    { NULL },
    { NAMES_12(1), tile_13x1, tile_14x1 },
    { NAMES_12(2), tile_13x2, tile_14x2 },
    { NAMES_6(3), tile_7x3, tile_8x3, tile_9x3 },
    { NAMES_6(4), tile_7x4 },
};
#elif WEFT_V_REGISTERS == 32
TILES_12(2)
TILES_6(3)
TILE(7, 3)
TILE(8, 3)
static const tile_fn tiles[WIDEST + 1][TALLEST + 1] = {
    { NULL },
    { NAMES_12(1) },
    { NAMES_12(2) },
    { NAMES_6(3), tile_7x3, tile_8x3 },
};
#else
TILES_6(2)
TILES_4(3)
static const tile_fn tiles[WIDEST + 1][TALLEST + 1] = {
    { NULL },
    { NAMES_12(1) },
    { NAMES_6(2) },
    { NAMES_4(3) },
};
#endif

static const int tallest[WEFT_OUTER_VECTORS + 1] = { 0, ROWS_1, ROWS_2, ROWS_3, ROWS_4 };

/* The rows in tiles that differ by one at most. */
static void block(weft_outer_block *k)
{
    static const float nothing[WEFT_CACHE_LINE / sizeof(float)];
    static const weft_outer_ahead none = { nothing, 0, 0 };
    const int64_t count = (k->rows + tallest[k->vectors] - 1) / tallest[k->vectors];
    const int64_t height = k->rows / count, taller = k->rows % count;
    const float *a = k->a;
    float *c = k->c;
    for (int64_t i = 0; i < count; i++) {
        const int64_t rows = height + (i < taller);
        const weft_outer_ahead *near = k->ahead < k->ahead_end ? k->ahead++ : &none;
        const weft_outer_ahead *far = k->ahead < k->ahead_end ? k->ahead++ : &none;
        tiles[k->vectors][rows](k, a, c, near, far);
        a += rows;
        c += rows * k->c_row;
    }
}

static void sum(const float *x, int64_t step, int64_t count, float *y, int64_t n)
{
    int64_t i = 0;
    for (; i + WEFT_LANES <= n; i += WEFT_LANES) {
        weft_v s = weft_v_load(x + i);
        for (int64_t j = 1; j < count; j++)
            s += weft_v_load(x + j * step + i);
        weft_v_store(y + i, s);
    }
    if (i < n) {
        weft_v s = weft_v_load_tail(x + i, (int)(n - i));
        for (int64_t j = 1; j < count; j++)
            s += weft_v_load_tail(x + j * step + i, (int)(n - i));
        weft_v_store_tail(y + i, s, (int)(n - i));
    }
}

static void copy(const float *from, int64_t from_pixel, int64_t pixels, int64_t channels, float *to, int64_t to_pixel,
                 int64_t width)
{
    const int64_t whole = channels / WEFT_LANES * WEFT_LANES;
    const int rest = (int)(channels - whole);
    for (int64_t p = 0; p < pixels; p++, from += from_pixel, to += to_pixel) {
        for (int64_t i = 0; i < whole; i += WEFT_LANES)
            weft_v_store(to + i, weft_v_load(from + i));
        if (width == channels && rest)
            weft_v_store_tail(to + whole, weft_v_load_tail(from + whole, rest), rest);
        else if (rest)
            weft_v_store(to + whole, weft_v_load_tail(from + whole, rest));
        for (int64_t i = whole + (rest ? WEFT_LANES : 0); i < width; i += WEFT_LANES)
            weft_v_store(to + i, weft_v_set(0));
    }
}

#define TEXT_OF(x) TEXT_OF_(x)
#define TEXT_OF_(x) #x

const weft_outer_table WEFT_SIMD_NAME(weft_outer_) = {
    .isa = TEXT_OF(WEFT_SIMD_ISA),
    .lanes = WEFT_LANES,
    .block = block,
    .sum = sum,
    .copy = copy,
};
