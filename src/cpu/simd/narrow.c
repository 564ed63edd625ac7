/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions with narrow groups (narrow.h), compiled once per instruction set. A tile holds lines x pixels x vectors
 * sums in registers over the whole window; per line of input and channel it loads each pixel under the windows once,
 * and permutes it where a vector holds several groups. (On Intel permutations of wide vectors share a port with
 * multiplications: 36 for 126 with two lines of seven pixels. To have half of them from loads that double a channel
 * gained nothing.)
 *
 * All lines of a pixel's channels are far from the next pixel's, where no hardware looks ahead for them; so a block
 * fetches what the next one is the first to read, and what it writes, in the order in which it lies in memory. */
#include "cpu/simd/narrow.h"

#include "cpu/simd/vmath.h"

enum {
    LANES = WEFT_LANES,
    TAPS = 3,
    LINE = WEFT_CACHE_LINE / (int)sizeof(float),
    SUMS = 14,   /* of a tile */
    COLUMNS = 29 /* under the windows of a wide block */
};

/* What a tile is: constants at every call, so that its sums live in registers. */
typedef struct form {
    int lines, pixels, vectors, stride;
    bool spread, edge; /* edge: some columns lie outside, or some outputs are not wanted */
} form;

/* The channels of a pixel outside the image. */
static const float zeros[WEFT_NARROW_DEPTH];

/* What all lines of a tile's windows share. */
typedef struct place {
    int64_t from, column; /* first channel of input and of output */
    int64_t step;         /* floats of one line of the window's weights */
    const float *wt;
    weft_vi lanes; /* spread */
} place;

/* Where a block is in what it fetches. */
typedef struct fetching {
    const float *const *at, *const *end;
    int64_t next; /* floats of *at that are done */
    int per;      /* cache lines at a time: all at once they would take every fill buffer */
} fetching;

/* clang-format off */
#define UNROLL _Pragma("GCC unroll 32")

#define ALIGNED __attribute__((aligned(WEFT_CACHE_LINE)))

/* Where lane l finds the first channel of its group of 4 or 8. */
static const int32_t lanes_of_4[16] ALIGNED = { 0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12 };
static const int32_t lanes_of_8[16] ALIGNED = { 0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8 };

/* What the lanes multiply with: a channel of each one's group, or the same for all. */
WEFT_INLINE weft_vs load_pixel(const float *x, weft_vi lanes, const bool spread)
{
#if defined(WEFT_V_AVX512)
    if (spread)
        return (weft_v)_mm512_permutexvar_ps((__m512i)lanes, _mm512_loadu_ps(x));
#elif defined(WEFT_V_AVX2)
    if (spread) /* within fours: the lower two bits */
        return (weft_v)_mm256_permutevar_ps(_mm256_loadu_ps(x), (__m256i)lanes);
#else
    (void)lanes;
    (void)spread; /* no vector holds two groups */
#endif
    return weft_v_scalar(x);
}

WEFT_INLINE fetching fetch_of(const weft_narrow_block *b)
{
    const int64_t lines = b->fetches * ((b->fetch_run + LINE - 1) / LINE);
    const int64_t steps = (b->last - b->first) * b->depth * b->rows;
    return (fetching){ b->fetch, b->fetch + b->fetches, 0, (int)((lines + steps - 1) / steps) };
}

WEFT_INLINE void fetch(const weft_narrow_block *b, fetching *f)
{
    for (int i = f->per; i > 0 && f->at < f->end; i--) {
        __builtin_prefetch(*f->at + f->next);
        f->next += LINE;
        if (f->next >= b->fetch_run) {
            f->next = 0;
            f->at++;
        }
    }
}

/* The same address, of which the compiler does not know what it was made of: the pixels of a line are then reached from
 * every fourth of them by three steps in registers. Left alone, it keeps an address for each pixel on the stack. */
WEFT_INLINE const float *fourth(const float *p)
{
    __asm__("" : "+r"(p));
    return p;
}

/* Whether line r of the input lies under the windows of line i of the output. */
WEFT_INLINE bool under(const form k, int r, int i)
{
    return k.lines == 1 || (r >= i && r < i + TAPS);
}

/* Adds one channel of line r of the input to the sums. x: the first pixel; at: every pixel, of an edge. */
WEFT_INLINE void add_channel(const form k, const place *p, int r, const float *w, const float *x,
                             const float *const at[COLUMNS], int64_t c, int64_t ld, weft_v sum[SUMS])
{
    const weft_vi lanes = p->lanes + (int32_t)c;
    const int64_t shift = k.spread ? 0 : c;
    const float *four = x + shift;
    weft_v tap[2][TAPS][2];
    UNROLL for (int i = 0; i < k.lines; i++)
        if (under(k, r, i))
            UNROLL for (int s = 0; s < TAPS; s++)
                UNROLL for (int v = 0; v < k.vectors; v++)
                    tap[i][s][v] = weft_v_load(w - i * p->step + (s * k.vectors + v) * LANES);
    UNROLL for (int q = 0; q < (k.pixels - 1) * k.stride + TAPS; q++) {
        if (!k.edge && q % 4 == 0)
            four = fourth(q > 0 ? four + 4 * ld : four);
        const weft_vs value = load_pixel(k.edge ? at[q] + shift : four + q % 4 * ld, lanes, k.spread);
        UNROLL for (int i = 0; i < k.lines; i++)
            if (under(k, r, i))
                UNROLL for (int s = 0; s < TAPS; s++)
                    if (q >= s && (q - s) % k.stride == 0 && (q - s) / k.stride < k.pixels)
                        UNROLL for (int v = 0; v < k.vectors; v++) {
                            weft_v *const to = &sum[(i * k.pixels + (q - s) / k.stride) * k.vectors + v];
                            *to = weft_v_fma_scalar(value, tap[i][s][v], *to);
                        }
    }
}

/* Adds line r of the input, a constant with two lines of output. */
WEFT_INLINE void add_line(const weft_narrow_block *b, const form k, const place *p, fetching *f, int r,
                          weft_v sum[SUMS])
{
    if (!b->row[r]) /* outside of the image */
        return;
    const int64_t ld = b->x_ld, depth = b->depth;
    const float *const x = b->row[r] + p->from, *w = p->wt + r * p->step;
    const float *at[COLUMNS];
    for (int q = 0; q < (k.pixels - 1) * k.stride + TAPS && k.edge; q++)
        at[q] = q >= b->begin && q < b->end ? x + q * ld : zeros;
    for (int64_t c = 0; c < depth; c++, w += TAPS * k.vectors * LANES) {
        fetch(b, f);
        add_channel(k, p, r, w, x, at, c, ld, sum);
    }
}

/* Vector v of output j of line i: the sum with its residual and activation, to where it belongs. */
WEFT_INLINE void put(const weft_narrow_block *b, weft_v sum, int i, int j, int64_t column, const weft_v_range *range)
{
    float *const y = b->y + i * b->y_line + j * b->y_ld + column;
    if (b->residual)
        sum += weft_v_load(b->residual + i * b->r_line + j * b->r_ld + column);
    sum = range ? weft_v_clamp(sum, range->low, range->high) : weft_v_act(b->act, sum);
    if (b->stream)
        weft_v_stream(y, sum);
    else
        weft_v_store(y, sum);
}

/* The epilogue of an activation that is more than a clamp. */
static WEFT_NOINLINE void finish(const weft_narrow_block *b, const weft_v *sum, int pixels, int vectors, int64_t column)
{
    for (int i = 0; i < b->lines; i++)
        for (int j = 0; j < b->count; j++)
            for (int v = 0; v < vectors; v++)
                put(b, sum[(i * pixels + j) * vectors + v], i, j, column + v * LANES, NULL);
}

WEFT_INLINE void tile(const weft_narrow_block *b, const form k, int64_t chunk, fetching *f)
{
    const int64_t step = b->depth * TAPS * k.vectors * LANES, column = chunk * k.vectors * LANES;
    const place p = { .from = b->offset + (k.spread ? column : column / b->group * b->depth), .column = column,
                      .step = step, .wt = b->wt + chunk * step * (b->rows - k.lines + 1),
                      .lanes = *(const weft_vi *)(const void *)(b->depth == 4 ? lanes_of_4 : lanes_of_8) };
    weft_v sum[SUMS];

    UNROLL for (int i = 0; i < k.lines * k.pixels; i++)
        UNROLL for (int v = 0; v < k.vectors; v++)
            sum[i * k.vectors + v] = weft_v_load(b->bias + column + v * LANES);
    if (k.lines == 2)
        UNROLL for (int r = 0; r < TAPS + 1; r++)
            add_line(b, k, &p, f, r, sum);
    else
        for (int r = 0; r < b->rows; r++)
            add_line(b, k, &p, f, r, sum);

    if (!weft_act_clamps(b->act)) {
        weft_v out[SUMS];
        UNROLL for (int i = 0; i < k.lines * k.pixels * k.vectors; i++)
            out[i] = sum[i];
        finish(b, out, k.pixels, k.vectors, column);
        return;
    }
    const weft_v_range range = weft_v_act_range(b->act);
    UNROLL for (int i = 0; i < k.lines; i++)
        UNROLL for (int j = 0; j < k.pixels; j++)
            UNROLL for (int v = 0; v < k.vectors; v++)
                if (!k.edge || j < b->count)
                    put(b, sum[(i * k.pixels + j) * k.vectors + v], i, j, column + v * LANES, &range);
}
/* clang-format on */

typedef void (*tile_fn)(const weft_narrow_block *block);

#define TILE_OF(name, lines, pixels, vectors, stride, spread, edge)                                                    \
    static WEFT_NOINLINE void name(const weft_narrow_block *b)                                                         \
    {                                                                                                                  \
        fetching f = fetch_of(b);                                                                                      \
        for (int64_t chunk = b->first; chunk < b->last; chunk++)                                                       \
            tile(b, (form){ lines, pixels, vectors, stride, spread, edge }, chunk, &f);                                \
    }
#define TILE(name, lines, pixels, vectors, stride, spread)                                                             \
    TILE_OF(name, lines, pixels, vectors, stride, spread, false)                                                       \
    TILE_OF(name##_edge, lines, pixels, vectors, stride, spread, true)
#define PAIR(name) { name, name##_edge }

TILE(plain, 1, 7, 1, 1, false)
TILE(plain_2, 1, 7, 1, 2, false)
#if WEFT_LANES >= 8
TILE(spread, 1, 7, 1, 1, true)
TILE(spread_2, 1, 7, 1, 2, true)
#endif
#if WEFT_LANES == 16
TILE(lines_spread, 2, 7, 1, 1, true)
TILE(wide_2_spread, 1, 14, 1, 2, true)
#endif
#if WEFT_V_REGISTERS == 32
TILE(lines, 2, 7, 1, 1, false)
TILE(wide_2, 1, 14, 1, 2, false)
TILE(vectors, 1, 7, 2, 1, false)
TILE(vectors_2, 1, 7, 2, 2, false)
#endif

enum { ONE, LINES, WIDE, VECTORS, SHAPES };
static const tile_fn tiles[SHAPES][2][2][2] = { /* [shape][stride - 1][spread][edge] */
#if WEFT_LANES >= 8
    [ONE] = { { PAIR(plain), PAIR(spread) }, { PAIR(plain_2), PAIR(spread_2) } },
#else
    [ONE] = { { PAIR(plain) }, { PAIR(plain_2) } },
#endif
#if WEFT_LANES == 16
    [LINES] = { { PAIR(lines), PAIR(lines_spread) } },
    [WIDE] = { [1] = { PAIR(wide_2), PAIR(wide_2_spread) } },
#elif WEFT_V_REGISTERS == 32
    [LINES] = { { PAIR(lines) } },
    [WIDE] = { [1] = { PAIR(wide_2) } },
#endif
#if WEFT_V_REGISTERS == 32
    [VECTORS] = { { PAIR(vectors) }, { PAIR(vectors_2) } },
#endif
};

static void block(const weft_narrow_block *b)
{
    const int shape = b->lines == 2 ? LINES : b->vectors == 2 ? VECTORS : b->wide ? WIDE : ONE;
    const int pixels = weft_narrow_pixels(b->wide), columns = (pixels - 1) * b->stride + TAPS;
    const bool edge = b->begin > 0 || b->end < columns || b->count < pixels;
    tiles[shape][b->stride - 1][b->spread][edge](b);
    if (b->fence)
        weft_v_fence();
}

#define TEXT_OF(x) TEXT_OF_(x)
#define TEXT_OF_(x) #x

const weft_narrow_table WEFT_SIMD_NAME(weft_narrow_) = {
    .isa = TEXT_OF(WEFT_SIMD_ISA),
    .lanes = LANES,
    .spare = WEFT_V_REGISTERS == 32,
    .block = block,
};
