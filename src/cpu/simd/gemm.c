/* SPDX-License-Identifier: Apache-2.0
 *
 * GEMM tiles (gemm.h), compiled once per instruction set. A tile holds rows x vectors accumulators in registers over
 * the whole depth; per step it loads the panel's vectors and multiplies each by one broadcast element of A. The shapes
 * (measured: 6x64, 7x64 and 8x48 of AVX-512, 6x16 and 4x24 of AVX2 run at 95-99 % of the FMA peak) fill the
 * register file, which is what hides the latency of the additions. While a tile computes, the A rows of the next one
 * are prefetched: with a short depth the misses on A, not the bandwidth, are what limits 1x1 convolutions. With a long
 * one they go into L2, and from there a few lines ahead, since the rows of two tiles would not fit in L1. So are the
 * lines that the next tile writes and adds where they are far, since their misses bind those that widen; and of weights
 * that are far the next panel, a few lines in each step, since with few rows (batch 1) the first tile of a panel would
 * wait for all of it.
 *
 * Bound: one FMA per cycle and port. Traffic of a block: A once, B once per block (panels are the outer loop, so a
 * panel stays in L2 over all tiles of the block), C written once. */
#include "cpu/simd/gemm.h"

#include "cpu/simd/vmath.h"

enum {
    LINE = WEFT_CACHE_LINE / (int)sizeof(float), /* floats of a cache line */
    DEEP = 512,     /* two tiles' rows of A do not fit in L1 */
    NEAR = 3 * LINE /* ahead in a row */
};

/* One tile: rows x panel columns of C. */
typedef struct tile {
    const weft_gemm_block *block;
    const float *a, *next; /* next: the A of the tile to come */
    int taps_h, taps_w;
    int64_t depth; /* floats of each run */
    const float *b, *start;
    int64_t start_row; /* 0: start is the bias, the same for each row */
    float *c;
    int64_t c_row;
    const float *residual;
    const float *next_c, *next_residual; /* of the tile to come; NULL: not to be fetched */
    const float *next_b;                 /* of the panel to come, what this tile fetches; NULL: nothing */
    int64_t next_b_lines;                /* in each step over a line of A */
    int columns; /* to store, counted from c */
    weft_act act;
    bool stream;
    bool cold; /* no tile before it has fetched its residual */
} tile;

/* Epilogue of tiles whose activation is more than a clamp. */
WEFT_INLINE void finish_as(const tile *t, const float *sums, int rows, int width, weft_act act)
{
    const int whole = t->columns / WEFT_LANES * WEFT_LANES, rest = t->columns - whole;
    for (int i = 0; i < rows; i++) {
        const float *s = sums + i * width;
        const float *r = t->residual ? t->residual + i * t->block->r_row : NULL;
        float *c = t->c + i * t->c_row;
        for (int j = 0; j < whole; j += WEFT_LANES) {
            weft_v v = weft_v_load(s + j);
            if (r)
                v += weft_v_load(r + j);
            v = weft_v_act(act, v);
            if (t->stream)
                weft_v_stream(c + j, v);
            else
                weft_v_store(c + j, v);
        }
        if (rest > 0) {
            weft_v v = weft_v_load(s + whole);
            if (r)
                v += weft_v_load_tail(r + whole, rest);
            weft_v_store_tail(c + whole, weft_v_act(act, v), rest);
        }
    }
}

/* swish, which EfficientNet has after every product, with its constants in registers. */
static WEFT_NOINLINE void finish(const tile *t, const float *sums, int rows, int width)
{
    if (t->act == WEFT_ACT_SWISH)
        finish_as(t, sums, rows, width, WEFT_ACT_SWISH);
    else
        finish_as(t, sums, rows, width, t->act);
}

/* Lines of each row of A. */
WEFT_INLINE int64_t steps_of(const tile *t)
{
    return (int64_t)t->taps_h * t->taps_w * ((t->depth + LINE - 1) / LINE);
}

/* clang-format off */
#define UNROLL _Pragma("GCC unroll 8")

/* Vector j of a row of C or the residual; the last one may be part of a vector. */
WEFT_INLINE weft_v get(const float *p, int j, int vectors, int rest)
{
    return rest && j + 1 == vectors ? weft_v_load_tail(p + j * WEFT_LANES, rest) : weft_v_load(p + j * WEFT_LANES);
}

WEFT_INLINE void put(float *p, weft_v v, int j, int vectors, int rest)
{
    if (rest && j + 1 == vectors)
        weft_v_store_tail(p + j * WEFT_LANES, v, rest);
    else
        weft_v_store(p + j * WEFT_LANES, v);
}

/* sum += v * the j-th vector of the panel. Of the last one half may be enough: AVX-512 on cores that split its
 * operations in two then does half the work. */
WEFT_INLINE weft_v multiply(weft_vs v, weft_v w, weft_v sum, bool half)
{
#if WEFT_LANES == 16
    if (half)
        return (weft_v)_mm512_castps256_ps512(_mm256_fmadd_ps(_mm512_castps512_ps256((__m512)v),
                                                              _mm512_castps512_ps256((__m512)w),
                                                              _mm512_castps512_ps256((__m512)sum)));
#else
    (void)half;
#endif
    return weft_v_fma_scalar(v, w, sum);
}

/* NEON multiplies with any lane: as many steps as a vector of A has lanes need one load a row. */
#if defined(WEFT_V_NEON)
WEFT_INLINE void lane_step(const weft_v *a, const float *b, weft_v sum[][WEFT_GEMM_VECTORS], const int rows,
                           const int vectors, const int lane)
{
    UNROLL for (int j = 0; j < vectors; j++) {
        const weft_v w = weft_v_load(b + j * WEFT_LANES);
        UNROLL for (int i = 0; i < rows; i++)
            sum[i][j] = weft_v_fma_lane(a[i], lane, w, sum[i][j]);
    }
}

WEFT_INLINE void four_steps(const float *a, int64_t row, const float *b, weft_v sum[][WEFT_GEMM_VECTORS],
                            const int rows, const int vectors)
{
    weft_v v[WEFT_GEMM_ROWS];
    UNROLL for (int i = 0; i < rows; i++)
        v[i] = weft_v_load(a + i * row);
    lane_step(v, b, sum, rows, vectors, 0);
    lane_step(v, b + vectors * WEFT_LANES, sum, rows, vectors, 1);
    lane_step(v, b + 2 * vectors * WEFT_LANES, sum, rows, vectors, 2);
    lane_step(v, b + 3 * vectors * WEFT_LANES, sum, rows, vectors, 3);
}
#endif

/* The epilogue of a clamping activation. `rest` lanes of the last vector, or 0: all. */
WEFT_INLINE void store(const tile *t, weft_v sum[WEFT_GEMM_ROWS][WEFT_GEMM_VECTORS], const int rows, const int vectors,
                       const int rest)
{
    if (t->residual)
        UNROLL for (int i = 0; i < rows; i++)
            UNROLL for (int j = 0; j < vectors; j++)
                sum[i][j] += get(t->residual + i * t->block->r_row, j, vectors, rest);
    if (t->act != WEFT_ACT_NONE)
        UNROLL for (int i = 0; i < rows; i++)
            UNROLL for (int j = 0; j < vectors; j++)
                sum[i][j] = weft_v_max(weft_v_set(0), sum[i][j]);
    if (t->act == WEFT_ACT_RELU6)
        UNROLL for (int i = 0; i < rows; i++)
            UNROLL for (int j = 0; j < vectors; j++)
                sum[i][j] = weft_v_min(weft_v_set(6), sum[i][j]);
    if (t->stream && !rest)
        UNROLL for (int i = 0; i < rows; i++)
            UNROLL for (int j = 0; j < vectors; j++)
                weft_v_stream(t->c + i * t->c_row + j * WEFT_LANES, sum[i][j]);
    else
        UNROLL for (int i = 0; i < rows; i++)
            UNROLL for (int j = 0; j < vectors; j++)
                put(t->c + i * t->c_row, sum[i][j], j, vectors, rest);
}

/* Rows of the tile to come, and lines of the panel to come, that are still to be fetched. */
typedef struct fetching {
    const float *c, *residual, *b;
    int64_t rows, per; /* at a time */
} fetching;

WEFT_INLINE fetching fetch_of(const tile *t, int rows)
{
    const int64_t steps = steps_of(t);
    const bool any = t->next_c || t->next_residual;
    return (fetching){ t->next_c, t->next_residual, t->next_b, any ? rows : 0, (rows + steps - 1) / steps };
}

/* All at once they would take every fill buffer. */
WEFT_INLINE void fetch(const tile *t, fetching *next, const int vectors)
{
    for (int64_t i = 0; i < next->per && next->rows > 0; i++, next->rows--) {
        if (next->residual) {
            UNROLL for (int j = 0; j < vectors * WEFT_LANES; j += LINE)
                __builtin_prefetch(next->residual + j);
            next->residual += t->block->r_row;
        }
        if (next->c) {
            UNROLL for (int j = 0; j < vectors * WEFT_LANES; j += LINE)
                __builtin_prefetch(next->c + j, 1);
            next->c += t->block->c_row;
        }
    }
    if (next->b)
        for (int64_t i = 0; i < t->next_b_lines; i++, next->b += LINE)
            __builtin_prefetch(next->b, 0, 2);
}

/* rows, vectors, half (of the last vector only the lower lanes count) and ahead (something is fetched) are constants at
 * every call, so that sum[][] lives in registers. */
WEFT_INLINE void compute(const tile *t, const int rows, const int vectors, const bool half, const bool ahead)
{
    const weft_gemm_block *k = t->block;
    const int64_t row = k->a_row;
    const float *b = t->b;
    weft_v sum[WEFT_GEMM_ROWS][WEFT_GEMM_VECTORS];

    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++)
            sum[i][j] = weft_v_load(t->start + i * t->start_row + j * WEFT_LANES);
    if (t->cold && t->residual)
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < vectors * WEFT_LANES; j += LINE)
                __builtin_prefetch(t->residual + i * k->r_row + j);
    fetching next = ahead ? fetch_of(t, rows) : (fetching){ 0 };
    const bool deep = t->depth >= DEEP;

    for (int y = 0; y < t->taps_h; y++) {
        for (int x = 0; x < t->taps_w; x++) {
            const float *a = t->a + y * k->tap_h + x * k->tap_w;
            const float *next_a = t->next + y * k->tap_h + x * k->tap_w;
            for (int64_t left = t->depth; left > 0; left -= LINE) {
                if (deep) {
                    UNROLL for (int i = 0; i < rows; i++)
                        __builtin_prefetch(next_a + i * row, 0, 2);
                    UNROLL for (int i = 0; i < rows; i++)
                        __builtin_prefetch(a + i * row + NEAR);
                } else {
                    UNROLL for (int i = 0; i < rows; i++)
                        __builtin_prefetch(next_a + i * row);
                }
                next_a += LINE;
                if (ahead)
                    fetch(t, &next, vectors);
                const float *const end = a + (left < LINE ? left : LINE);
#if defined(WEFT_V_NEON)
                for (; end - a >= 4; a += 4, b += 4 * vectors * WEFT_LANES)
                    four_steps(a, row, b, sum, rows, vectors);
                if (a == end)
                    continue;
#endif
                do {
                    weft_v w[WEFT_GEMM_VECTORS];
                    UNROLL for (int j = 0; j < vectors; j++)
                        w[j] = *(const weft_v *)(const void *)(b + j * WEFT_LANES);
                    b += vectors * WEFT_LANES;
                    UNROLL for (int i = 0; i < rows; i++) {
                        const weft_vs v = weft_v_scalar(a + i * row);
                        UNROLL for (int j = 0; j < vectors; j++)
                            sum[i][j] = multiply(v, w[j], sum[i][j], half && j + 1 == vectors);
                    }
                    a++;
                } while (a != end);
            }
        }
    }

    if (!weft_act_clamps(t->act)) {
        weft_v out[WEFT_GEMM_ROWS * WEFT_GEMM_VECTORS];
        UNROLL for (int i = 0; i < rows; i++)
            UNROLL for (int j = 0; j < vectors; j++)
                out[i * vectors + j] = sum[i][j];
        finish(t, (const float *)out, rows, vectors * WEFT_LANES);
        return;
    }
    const int rest = t->columns % WEFT_LANES;
    if (rest)
        store(t, sum, rows, vectors, rest);
    else if (!half) /* tile_of picks half tiles for a rest only, so these need no code for whole vectors */
        store(t, sum, rows, vectors, 0);
}
/* clang-format on */

typedef void (*tile_fn)(const tile *t);

/* Each tile twice; what fetches stands apart, so that the other's loop is as short as it can be. */
#define TILE_OF(name, rows, vectors, half)                                                                             \
    static WEFT_NOINLINE void far_##name(const tile *t)                                                                \
    {                                                                                                                  \
        compute(t, rows, vectors, half, true);                                                                         \
    }                                                                                                                  \
    static WEFT_NOINLINE void name(const tile *t)                                                                      \
    {                                                                                                                  \
        if (t->next_c || t->next_residual || t->next_b)                                                                \
            far_##name(t);                                                                                             \
        else                                                                                                           \
            compute(t, rows, vectors, half, false);                                                                    \
    }
#define TILE(rows, vectors) TILE_OF(tile_##rows##x##vectors, rows, vectors, false)
#define TILES(vectors)                                                                                                 \
    TILE(1, vectors) TILE(2, vectors) TILE(3, vectors) TILE(4, vectors) TILE(5, vectors) TILE(6, vectors)
#define ROW_OF(vectors) NULL, tile_1x##vectors, tile_2x##vectors, tile_3x##vectors, tile_4x##vectors

TILES(1)
TILE(7, 1)
TILE(8, 1)
TILES(2)
#if WEFT_LANES == 16
TILE(7, 2)
TILE(8, 2)
TILES(3)
TILE(7, 3)
TILE(8, 3)
TILES(4)
TILE(7, 4)
enum { ROWS_1 = 8, ROWS_2 = 8, ROWS_3 = 8, ROWS_4 = 7 };

/* Panels that end in half a vector or less: 24 columns, 40, 56. The rows that long blocks are cut into. */
#define HALF(rows, vectors) TILE_OF(half_##rows##x##vectors, rows, vectors, true)
HALF(7, 2)
HALF(8, 2)
HALF(7, 3)
HALF(8, 3)
HALF(6, 4)
HALF(7, 4)
static const tile_fn halves[WEFT_GEMM_VECTORS + 1][WEFT_GEMM_ROWS + 1] = {
    { NULL }, { NULL }, { [7] = half_7x2, half_8x2 }, { [7] = half_7x3, half_8x3 }, { [6] = half_6x4, half_7x4 },
};
static const tile_fn tiles[WEFT_GEMM_VECTORS + 1][WEFT_GEMM_ROWS + 1] = {
    { NULL },
    { ROW_OF(1), tile_5x1, tile_6x1, tile_7x1, tile_8x1 },
    { ROW_OF(2), tile_5x2, tile_6x2, tile_7x2, tile_8x2 },
    { ROW_OF(3), tile_5x3, tile_6x3, tile_7x3, tile_8x3 },
    { ROW_OF(4), tile_5x4, tile_6x4, tile_7x4 },
};
static tile_fn tile_of(int vectors, int64_t height, int columns)
{
    const int rest = columns % WEFT_LANES;
    const tile_fn half = rest > 0 && rest <= WEFT_LANES / 2 ? halves[vectors][height] : NULL;
    return half ? half : tiles[vectors][height];
}
#else
#if WEFT_V_REGISTERS == 32
TILE(7, 2)
TILE(8, 2)
TILES(3)
TILE(7, 3) /* 21 sums, 7 rows of A, 3 vectors of the panel */
enum { ROWS_1 = 8, ROWS_2 = 8, ROWS_3 = 7, ROWS_4 = 0 };
#define MORE_2 , tile_7x2, tile_8x2
#define MORE_3 , tile_5x3, tile_6x3, tile_7x3
#else
TILE(1, 3)
TILE(2, 3)
TILE(3, 3)
TILE(4, 3)
enum { ROWS_1 = 8, ROWS_2 = 6, ROWS_3 = 4, ROWS_4 = 0 };
#define MORE_2
#define MORE_3
#endif
static const tile_fn tiles[WEFT_GEMM_VECTORS + 1][WEFT_GEMM_ROWS + 1] = {
    { NULL }, /* no panel of no vectors */
    { ROW_OF(1), tile_5x1, tile_6x1, tile_7x1, tile_8x1 },
    { ROW_OF(2), tile_5x2, tile_6x2 MORE_2 },
    { ROW_OF(3) MORE_3 },
    { NULL },
};

static tile_fn tile_of(int vectors, int64_t height, int columns)
{
    (void)columns;
    return tiles[vectors][height];
}
#endif
static const int tallest[WEFT_GEMM_VECTORS + 1] = { 0, ROWS_1, ROWS_2, ROWS_3, ROWS_4 };

/* Lines of the panel to come, or of the chunk of this one. */
typedef struct coming {
    const float *at;
    int64_t lines;
} coming;

/* What of the depth is computed: all, or a chunk between which and the others the sums are kept. */
typedef struct chunk {
    int64_t offset; /* in a row of A */
    bool first, last;
} chunk;

/* All rows of the block for one panel, in tiles whose heights differ by one at most. */
static void panel(const weft_gemm_block *k, tile t, int64_t column, int vectors, chunk part, coming next)
{
    const int64_t tall = tallest[vectors], width = vectors * WEFT_LANES;
    const int64_t count = (k->pixels + tall - 1) / tall;
    const int64_t rows = k->pixels / count, more = k->pixels % count;
    const bool whole = part.first && part.last, ahead = k->ahead && part.last;
    const int64_t steps = steps_of(&t), all = k->lines * count * steps;
    t.next_b_lines = (next.lines + all - 1) / all;

    for (int64_t line = 0; line < k->lines; line++) {
        const float *a = k->a + line * k->a_line + part.offset;
        float *c = k->c + line * k->c_line + column;
        const float *r = k->residual ? k->residual + line * k->r_line + column : NULL;
        float *kept = whole ? NULL : k->partial + line * k->pixels * width;
        for (int64_t i = 0; i < count; i++) {
            const int64_t height = rows + (i < more);
            const bool end = i + 1 == count;
            t.a = a;
            a += height * k->a_row;
            t.next = !end ? a : line + 1 < k->lines ? k->a + (line + 1) * k->a_line + part.offset : t.a;
            t.c = c;
            t.residual = r;
            if (!whole) { /* from the bias or the sums so far, to the sums or the output */
                if (!part.first) {
                    t.start = kept;
                    t.start_row = width;
                }
                if (!part.last) {
                    t.c = kept;
                    t.residual = NULL;
                }
                kept += height * width;
            }
            c += height * k->c_row;
            if (r)
                r += height * k->r_row;
            t.next_c = ahead && !end && !t.stream ? c : NULL;
            t.next_residual = ahead && !end && r != c ? r : NULL;
            t.cold = !ahead || i == 0;
            t.next_b = next.lines > 0 ? next.at : NULL;
            next.at += steps * t.next_b_lines * LINE;
            next.lines -= steps * t.next_b_lines;
            tile_of(vectors, height, t.columns)(&t);
        }
    }
}

/* Tap by tap, a chunk of the run at a time. */
static void panel_in_chunks(const weft_gemm_block *k, tile t, int64_t column, int vectors, coming next)
{
    const int64_t width = vectors * WEFT_LANES, taps = (int64_t)k->taps_h * k->taps_w;
    tile sums = { .block = k, .c_row = width, .columns = (int)width, .start = t.start };
    for (int64_t tap = 0; tap < taps; tap++)
        for (int64_t from = 0; from < k->run; from += k->depth_chunk) {
            const int64_t depth = k->run - from < k->depth_chunk ? k->run - from : k->depth_chunk;
            const chunk part = { tap / k->taps_w * k->tap_h + tap % k->taps_w * k->tap_w + from, tap + from == 0,
                                 tap + 1 == taps && from + depth == k->run };
            tile *const which = part.last ? &t : &sums;
            which->taps_h = which->taps_w = 1;
            which->depth = depth;
            which->b = k->b + column * k->run * taps + (tap * k->run + from) * width;
            const coming more = { which->b + depth * width, k->far_b ? k->depth_chunk * width / LINE : 0 };
            panel(k, *which, column, vectors, part, part.last ? next : more);
        }
}

static void one_panel(const weft_gemm_block *k, int64_t column, int vectors, coming next)
{
    const int64_t width = vectors * WEFT_LANES, left = k->columns - column;
    tile t = { .block = k, .taps_h = k->taps_h, .taps_w = k->taps_w, .depth = k->run, .start = k->bias + column,
               .c_row = k->c_row, .act = k->act };

    t.b = k->b + column * (k->run * k->taps_h * k->taps_w);
    t.columns = (int)(left < width ? left : width);
    t.stream = k->stream && (vectors * sizeof(weft_v)) % WEFT_CACHE_LINE == 0;
    if (k->partial)
        panel_in_chunks(k, t, column, vectors, next);
    else
        panel(k, t, column, vectors, (chunk){ 0, true, true }, next);
}

static void block(const weft_gemm_block *k)
{
    const int64_t depth = k->run * k->taps_h * k->taps_w;
    int64_t column = 0;
    int index = 0;
    for (int vectors = WEFT_GEMM_VECTORS; vectors > 0; vectors--) {
        const int64_t width = vectors * WEFT_LANES;
        for (int i = 0; i < k->count[vectors]; i++, index++, column += width) {
            if (index < k->first || index >= k->last)
                continue;
            coming next = { k->then, k->then_floats / LINE };
            if (index + 1 < k->last) /* it is as wide at most */
                next = (coming){ k->b + (column + width) * depth, width * depth / LINE };
            one_panel(k, column, vectors, k->far_b ? next : (coming){ NULL, 0 });
        }
    }
    if (k->stream)
        weft_v_fence();
}

#define TEXT_OF(x) TEXT_OF_(x)
#define TEXT_OF_(x) #x

const weft_gemm_table WEFT_SIMD_NAME(weft_gemm_) = {
    .isa = TEXT_OF(WEFT_SIMD_ISA),
    .lanes = WEFT_LANES,
    .rows = { 0, ROWS_1, ROWS_2, ROWS_3, ROWS_4 },
/* Narrow panels do more loads per multiplication: measured shares of the peak, inverted. */
#if WEFT_LANES == 16
    .cost = { 0, 1.30f, 1.06f, 1.00f, 1.00f },
#elif WEFT_V_REGISTERS == 32 /* by counts of instructions: not measured */
    .cost = { 0, 1.12f, 1.02f, 1.00f, 0 },
#else
    .cost = { 0, 1.25f, 1.00f, 1.01f, 0 },
#endif
    .block = block,
};
