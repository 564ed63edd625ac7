/* SPDX-License-Identifier: Apache-2.0
 *
 * Outer products over pixels, cut into work items (outer.h). An item is a block of weights (up to 256 KB of sums, which
 * stay in L2) and a slice of the pixels, which it takes in chunks of 128 to 256: per chunk and panel of columns it
 * walks taps and rows. Slices have sums of their own, added in the order of slices afterwards. Blocks, chunks and
 * slices follow from sizes alone, so the bits are the same for any number of threads.
 *
 * Each group is a product of its own; groups of few channels are joined, as many as fill a vector, into one whose sums
 * across groups are thrown away.
 *
 * A chunk is read in place where it can be, with the lines of the next one fetched meanwhile. It is copied where
 * windows reach outside of the image, where the columns end within a vector, and where C and K are both so large that
 * rows of pixels a power of two apart fall into few sets of L1 (measured: from 256 on). */
#include "cpu/outer.h"

#include <string.h>

#include "cpu/machine.h"
#include "cpu/rows.h"

enum {
    BLOCK_BYTES = 256 << 10,
    FLAT_PIXELS = 128,   /* of a chunk that is one run of pixels */
    WINDOW_PIXELS = 256, /* of a chunk of lines, at least half of it; turned, so that columns stay in L1: FLAT_PIXELS */
    WIDE = 256,          /* channels of both sides, from which on chunks are copied */
    ITEMS = 48,          /* blocks times slices, where there are chunks enough: for up to 16 threads or so */
    PARTIAL_BYTES = 16 << 20,
    SUM_ROWS = 16, /* of a block, summed over the slices at a time */
    MAX_AHEAD = 96,
    LINE = WEFT_CACHE_LINE / (int)sizeof(float)
};

/* ---- planning ---- */

static double cost_of(const weft_gemm_table *table, int64_t columns)
{
    weft_gemm g;
    double cost = 0;
    weft_gemm_init(&g, table, 1, columns);
    for (int v = 1; v <= WEFT_GEMM_VECTORS; v++)
        cost += (double)g.count[v] * v * (double)table->cost[v];
    return cost / (double)columns;
}

/* Halves the longer side of a block until its sums fit. */
static void cut_blocks(weft_outer *o)
{
    const int64_t taps = o->taps_h * o->taps_w;
    o->row_block = o->rows;
    o->column_block = o->columns;
    while (taps * o->row_block * o->column_block * (int64_t)sizeof(float) > BLOCK_BYTES) {
        const bool wide = o->column_block > WEFT_OUTER_FLOATS;
        if (wide && (o->column_block >= o->row_block || o->row_block <= LINE))
            o->column_block = (int64_t)weft_round_up((size_t)(o->column_block + 1) / 2, WEFT_OUTER_FLOATS);
        else if (o->row_block > LINE)
            o->row_block = (o->row_block + 1) / 2;
        else
            break;
    }
    o->row_blocks = (o->rows + o->row_block - 1) / o->row_block;
    o->column_blocks = (o->columns + o->column_block - 1) / o->column_block;
    o->c_row = (int64_t)weft_round_up((size_t)o->column_block, LINE);
    o->block_floats = taps * o->row_block * o->c_row;
}

static void cut_panels(weft_outer *o, const weft_gemm_table *table)
{
    const int64_t last = o->columns - (o->column_blocks - 1) * o->column_block;
    for (int i = 0; i < 2; i++) {
        weft_gemm g;
        weft_gemm_init(&g, table, 1, i ? last : o->column_block);
        memcpy(o->panels[i], g.count, sizeof g.count);
    }
}

/* Of all products. */
static int64_t blocks_of(const weft_outer *o)
{
    return o->products * o->row_blocks * o->column_blocks;
}

static void cut_pixels(weft_outer *o)
{
    const weft_outer_shape *s = &o->shape;
    const bool flat = s->images == 1 && s->oh == 1;
    const bool point = s->kernel_h == 1 && s->kernel_w == 1;
    const int64_t most = point || o->turned ? FLAT_PIXELS : WINDOW_PIXELS, blocks = blocks_of(o);
    o->segments = (s->ow + most - 1) / most;
    o->pixels = flat && o->segments > 1 ? most : (s->ow + o->segments - 1) / o->segments;
    o->segments = (s->ow + o->pixels - 1) / o->pixels;
    o->lines = most / o->pixels < s->oh ? most / o->pixels : s->oh;
    o->bands = (s->oh + o->lines - 1) / o->lines;
    o->lines = (s->oh + o->bands - 1) / o->bands;
    o->bands = (s->oh + o->lines - 1) / o->lines;
    o->chunks = s->images * o->bands * o->segments;

    const int64_t bytes = blocks * o->block_floats * (int64_t)sizeof(float);
    o->slices = (ITEMS + blocks - 1) / blocks;
    if (o->slices > PARTIAL_BYTES / bytes)
        o->slices = PARTIAL_BYTES / bytes;
    if (o->slices > o->chunks)
        o->slices = o->chunks;
    if (o->slices < 1)
        o->slices = 1;
    o->direct = o->chunks == 1 && !o->turned && o->joined == 1;
}

/* Copied lines and pixels of `count` outputs in a row. */
static int64_t copied(int64_t count, int64_t stride, int64_t reach, int64_t hop)
{
    return ((count - 1) * stride + reach) / hop + 1;
}

static int64_t copied_pixels(const weft_outer_side *s, int64_t lines, int64_t pixels)
{
    return copied(lines, s->stride_h, s->reach_h, s->hop_h) * copied(pixels, s->stride_w, s->reach_w, s->hop_w);
}

static void set_sides(weft_outer *o)
{
    const weft_outer_shape *s = &o->shape;
    const int64_t reach_h = (int64_t)(s->kernel_h - 1) * s->dilation;
    const int64_t reach_w = (int64_t)(s->kernel_w - 1) * s->dilation;
    const bool inside = !s->top && !s->left && (s->oh - 1) * s->stride_h + reach_h - s->top < s->h &&
                        (s->ow - 1) * s->stride_w + reach_w - s->left < s->w;
    const bool wide = s->c >= WIDE && s->k >= WIDE, ragged = o->columns % o->table->lanes != 0;
    o->x = (weft_outer_side){
        .h = s->h, .w = s->w, .stride_h = s->stride_h, .stride_w = s->stride_w, .tap_h = s->dilation,
        .tap_w = s->dilation, .reach_h = reach_h, .reach_w = reach_w, .top = s->top, .left = s->left,
        .hop_h = reach_h ? 1 : s->stride_h, .hop_w = reach_w ? 1 : s->stride_w,
        .copied = !inside || wide || (o->turned ? o->taps_w < s->kernel_w : ragged),
    };
    o->y = (weft_outer_side){ .h = s->oh, .w = s->ow, .stride_h = 1, .stride_w = 1, .hop_h = 1, .hop_w = 1,
                              .copied = wide || (o->turned && ragged) };
}

/* Floats of a pixel of the copied rows: a row of taps is one run; else their lines fall into different sets of L1. */
static int64_t a_width(const weft_outer *o)
{
    if (o->turned)
        return o->shape.c;
    return o->row_block + LINE;
}

weft_status weft_outer_plan(weft_outer *outer, const weft_outer_shape *shape, weft_plan *plan)
{
    weft_outer *o = outer;
    const weft_gemm_table *const gemm = weft_gemm_table_of(plan->device);
    *o = (weft_outer){ .table = weft_simd_of(plan->device->isa)->outer, .shape = *shape };
    weft_outer_shape *s = &o->shape;
    o->joined = 1;
    while (s->groups % (o->joined * 2) == 0 && o->joined * 2 * s->c / s->groups <= o->table->lanes)
        o->joined *= 2;
    o->products = s->groups / o->joined;
    s->c /= o->products;
    s->k /= o->products;
    if (s->kernel_h == 1 && s->kernel_w == 1 && s->stride_h == 1 && s->stride_w == 1 && s->h == s->oh &&
        s->w == s->ow && !s->top && !s->left) {
        s->w = s->ow = s->images * s->oh * s->ow;
        s->images = s->h = s->oh = 1;
    }
    const double by_k = cost_of(gemm, s->k), by_c = cost_of(gemm, s->c);
    const bool point = s->kernel_h == 1 && s->kernel_w == 1;
    o->turned = o->joined == 1 && (by_k < 0.95 * by_c || (point && s->k > s->c && s->c < WIDE && by_k < 1.05 * by_c));
    const bool joined = o->turned && s->dilation == 1;
    o->taps_h = s->kernel_h;
    o->taps_w = joined ? 1 : s->kernel_w;
    o->rows = o->turned ? s->c * (joined ? s->kernel_w : 1) : s->k;
    o->columns = o->turned ? s->k : s->c;
    cut_blocks(o);
    cut_panels(o, gemm);
    cut_pixels(o);
    set_sides(o);

    const weft_outer_side *a = o->turned ? &o->x : &o->y, *b = o->turned ? &o->y : &o->x;
    if (a->copied)
        o->a_floats =
            (int64_t)weft_round_up((size_t)(copied_pixels(a, o->lines, o->pixels) * a_width(o)), LINE);
    o->b_floats = b->copied ? copied_pixels(b, o->lines, o->pixels) * WEFT_OUTER_FLOATS : 0;
    const bool kept = o->slices == 1 && !o->direct;
    plan->thread_scratch = sizeof(float) * (size_t)(o->a_floats + o->b_floats + (kept ? o->block_floats : 0));
    if (o->slices > 1)
        plan->scratch = sizeof(float) * (size_t)(o->slices * blocks_of(o) * o->block_floats);
    return WEFT_OK;
}

/* ---- feeding ---- */

/* A chunk of outputs. */
typedef struct chunk {
    int64_t n, line, pixel; /* the first */
    int64_t lines, pixels;
} chunk;

static chunk chunk_of(const weft_outer *o, int64_t index)
{
    chunk c = { .n = index / (o->bands * o->segments), .line = index / o->segments % o->bands * o->lines,
                .pixel = index % o->segments * o->pixels };
    c.lines = o->shape.oh - c.line < o->lines ? o->shape.oh - c.line : o->lines;
    c.pixels = o->shape.ow - c.pixel < o->pixels ? o->shape.ow - c.pixel : o->pixels;
    return c;
}

/* Where a chunk's tap (0, 0) lies, and how far it is to the next. */
typedef struct window {
    const float *at;
    int64_t line, pixel, tap_h, tap_w; /* floats */
} window;

/* In the tensor. */
static window in_place(const weft_outer_side *s, const weft_view *view, const chunk *c, int64_t channel)
{
    const int64_t row = (c->n * s->h + c->line * s->stride_h - s->top) * s->w + c->pixel * s->stride_w - s->left;
    return (window){
        .at = (const float *)view->data + row * view->ld + channel,
        .line = s->stride_h * s->w * view->ld,
        .pixel = s->stride_w * view->ld,
        .tap_h = s->tap_h * s->w * view->ld,
        .tap_w = s->tap_w * view->ld,
    };
}

/* Channels [channel, channel + channels) of a chunk with all that its taps need, zeros outside of the image, copied to
 * `to`, pixels `width` floats apart, which are zeros up to `fill`. */
static window copy_chunk(const weft_outer *o, const weft_outer_side *s, const weft_view *view, const chunk *c,
                         int64_t channel, int64_t channels, float *to, int64_t width, int64_t fill)
{
    const int64_t lines = copied(c->lines, s->stride_h, s->reach_h, s->hop_h);
    const int64_t pixels = copied(c->pixels, s->stride_w, s->reach_w, s->hop_w);
    const int64_t top = c->line * s->stride_h - s->top, left = c->pixel * s->stride_w - s->left;
    /* Pixels [first, last) of each line lie in the image. */
    int64_t first = left < 0 ? (-left + s->hop_w - 1) / s->hop_w : 0;
    int64_t last = left < s->w ? (s->w - left + s->hop_w - 1) / s->hop_w : 0;
    last = last < pixels ? last : pixels;
    first = first < last ? first : last < 0 ? 0 : last;
    const window w = { to, s->stride_h / s->hop_h * pixels * width, s->stride_w / s->hop_w * width,
                       s->tap_h / s->hop_h * pixels * width, s->tap_w / s->hop_w * width };
    for (int64_t i = 0; i < lines; i++, to += pixels * width) {
        const int64_t line = top + i * s->hop_h;
        if (line < 0 || line >= s->h || first >= last) {
            memset(to, 0, sizeof *to * (size_t)(pixels * width));
            continue;
        }
        const float *from = (const float *)view->data +
                            ((c->n * s->h + line) * s->w + left + first * s->hop_w) * view->ld + channel;
        memset(to, 0, sizeof *to * (size_t)(first * width));
        if (view->ld * s->hop_w == channels && width == channels)
            memcpy(to + first * width, from, sizeof *to * (size_t)((last - first) * channels));
        else
            o->table->copy(from, view->ld * s->hop_w, last - first, channels, to + first * width, width, fill);
        memset(to + last * width, 0, sizeof *to * (size_t)((pixels - last) * width));
    }
    return w;
}

/* Lists what the next chunk needs, a cache line of each pixel a row, to be fetched while this one is multiplied. Where
 * windows overlap, the first lines of the next chunk are the last of this one. */
static int list_ahead(const weft_outer_side *s, const weft_view *view, const chunk *c, int64_t channel,
                      int64_t channels, weft_outer_ahead *list, int room)
{
    const window w = in_place(s, view, c, channel);
    const int64_t lines = s->hop_h == 1 ? s->stride_h : 1, pixels = s->hop_w == 1 ? s->stride_w : 1;
    const float *const first = w.at + (c->line > 0 ? s->reach_h / s->stride_h * w.line : 0);
    int count = 0;
    for (int64_t i = 0; i < lines * pixels; i++)
        for (int64_t j = 0; j < channels && count < room; j += LINE)
            list[count++] =
                (weft_outer_ahead){ first + (i / pixels * s->w + i % pixels) * view->ld + j, w.line, w.pixel };
    return count;
}

/* ---- items ---- */

typedef struct job {
    const weft_outer *outer;
    const weft_call *call;
} job;

/* Which weights a block has, and its product's channels. */
typedef struct part {
    int64_t row, rows, column, columns;
    weft_view x, y, out;
} part;

static weft_view shifted(const weft_view *view, int64_t channels)
{
    return (weft_view){ (float *)view->data + channels, view->ld };
}

static part part_of(const job *j, int64_t index)
{
    const weft_outer *o = j->outer;
    const weft_outer_shape *s = &o->shape;
    const int64_t blocks = o->row_blocks * o->column_blocks, product = index / blocks, block = index % blocks;
    part p = { .x = shifted(&j->call->in[0], product * s->c), .y = shifted(&j->call->in[1], product * s->k),
               .out = weft_view_from(&j->call->out[0], product * s->k * s->kernel_h * s->kernel_w),
               .row = block / o->column_blocks * o->row_block, .column = block % o->column_blocks * o->column_block };
    p.rows = o->rows - p.row < o->row_block ? o->rows - p.row : o->row_block;
    p.columns = o->columns - p.column < o->column_block ? o->columns - p.column : o->column_block;
    return p;
}

/* Where the product of tap t goes, and the step of its rows. */
static float *sums_of(const weft_outer *o, const part *p, int64_t tap, float *sums, int64_t *row)
{
    if (!o->direct) {
        *row = o->c_row;
        return sums + tap * o->row_block * o->c_row;
    }
    const int64_t taps = o->taps_h * o->taps_w;
    *row = taps * p->out.ld;
    return weft_row(&p->out, p->row * taps + tap) + p->column;
}

/* One chunk into the sums of a block; k says whether they are added to, and what to fetch. */
static void add_chunk(const weft_outer *o, const part *p, const chunk *c, weft_outer_block k, float *sums,
                      float *scratch)
{
    const weft_outer_side *a = o->turned ? &o->x : &o->y, *b = o->turned ? &o->y : &o->x;
    const weft_view *a_view = o->turned ? &p->x : &p->y, *b_view = o->turned ? &p->y : &p->x;
    float *const b_buffer = scratch + o->a_floats;
    const int64_t width = a_width(o);
    window wa;
    if (!a->copied) {
        wa = in_place(a, a_view, c, p->row);
    } else if (o->turned) {
        wa = copy_chunk(o, a, a_view, c, 0, width, scratch, width, width);
        wa.at += p->row;
    } else {
        wa = copy_chunk(o, a, a_view, c, p->row, p->rows, scratch, width, p->rows);
    }
    const int *const count = o->panels[p->column + o->column_block >= o->columns];
    int64_t column = 0;
    k.a_line = wa.line;
    k.a_pixel = wa.pixel;
    k.lines = c->lines;
    k.pixels = c->pixels;
    k.rows = p->rows;
    for (int v = WEFT_GEMM_VECTORS; v > 0; v--) {
        const int64_t floats = v * o->table->lanes;
        for (int i = 0; i < count[v]; i++, column += floats) {
            const int64_t left = p->columns - column, real = left < floats ? left : floats;
            const window wb =
                b->copied ? copy_chunk(o, b, b_view, c, p->column + column, real, b_buffer, floats, floats)
                          : in_place(b, b_view, c, p->column + column);
            k.b_line = wb.line;
            k.b_pixel = wb.pixel;
            k.vectors = v;
            k.columns = (int)(o->direct ? real : floats);
            for (int64_t t = 0; t < o->taps_h * o->taps_w; t++) {
                const int64_t r = t / o->taps_w, s = t % o->taps_w;
                k.a = wa.at + r * wa.tap_h + s * wa.tap_w;
                k.b = wb.at + r * wb.tap_h + s * wb.tap_w;
                k.c = sums_of(o, p, t, sums, &k.c_row) + column;
                o->table->block(&k);
            }
        }
    }
}

/* Rows [first, last) of a block, counted over its taps, to the output: the sums of `count` slices, `step` apart. */
static void put(const weft_outer *o, const part *p, int64_t first, int64_t last, const float *sums, int64_t step,
                int64_t count)
{
    const weft_outer_shape *s = &o->shape;
    const weft_view *out = &p->out;
    const int64_t taps = (int64_t)s->kernel_h * s->kernel_w;
    for (int64_t i = first; i < last; i++) {
        const int64_t tap = i / p->rows, row = p->row + i % p->rows;
        const float *from = sums + (tap * o->row_block + i % p->rows) * o->c_row;
        if (!o->turned) { /* the row's own group of the columns */
            const int64_t in = s->c / o->joined, group = row / (s->k / o->joined) * in;
            const int64_t low = group > p->column ? group : p->column, ends = p->column + p->columns;
            const int64_t high = group + in < ends ? group + in : ends;
            if (low < high)
                o->table->sum(from + low - p->column, step, count, weft_row(out, row * taps + tap) + low - group,
                              high - low);
            continue;
        }
        const bool run = o->taps_w < s->kernel_w;
        const int64_t at = run ? tap * s->kernel_w + row / s->c : tap, c = row % s->c;
        for (int64_t column = 0; column < p->columns; column += WEFT_OUTER_FLOATS) {
            const int64_t left = p->columns - column, n = left < WEFT_OUTER_FLOATS ? left : WEFT_OUTER_FLOATS;
            float line[WEFT_OUTER_FLOATS];
            o->table->sum(from + column, step, count, line, n);
            for (int64_t k = 0; k < n; k++)
                weft_row(out, (p->column + column + k) * taps + at)[c] = line[k];
        }
    }
}

void weft_outer_slice(const weft_outer *outer, int64_t slice, int64_t *from, int64_t *to)
{
    *from = outer->chunks * slice / outer->slices;
    *to = outer->chunks * (slice + 1) / outer->slices;
}

static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_outer *o = j->outer;
    const int64_t blocks = blocks_of(o), slice = index / blocks;
    int64_t from, to;
    weft_outer_slice(o, slice, &from, &to);
    const part p = part_of(j, index % blocks);
    float *const scratch = weft_call_thread_scratch(j->call, thread);
    float *const kept = scratch + o->a_floats + o->b_floats;
    float *const sums = o->slices > 1 ? (float *)j->call->scratch + index * o->block_floats : kept;
    weft_outer_ahead list[MAX_AHEAD];
    for (int64_t i = from; i < to; i++) {
        const chunk c = chunk_of(o, i);
        int count = 0;
        if (i + 1 < to) {
            const chunk next = chunk_of(o, i + 1);
            const bool turned = o->turned;
            count = list_ahead(turned ? &o->y : &o->x, turned ? &p.y : &p.x, &next, p.column, p.columns, list,
                               MAX_AHEAD);
            count += list_ahead(turned ? &o->x : &o->y, turned ? &p.x : &p.y, &next, turned ? 0 : p.row,
                                turned ? o->shape.c : p.rows, list + count, MAX_AHEAD - count);
        }
        const weft_outer_block k = { .add = i > from, .ahead = list, .ahead_end = list + count };
        add_chunk(o, &p, &c, k, sums, scratch);
    }
    if (o->slices == 1 && !o->direct)
        put(o, &p, 0, o->taps_h * o->taps_w * p.rows, sums, 0, 1);
}

static void item_sum(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_outer *o = j->outer;
    const int64_t taps = o->taps_h * o->taps_w, blocks = blocks_of(o);
    const int64_t shares = (taps * o->row_block + SUM_ROWS - 1) / SUM_ROWS, block = index / shares;
    const part p = part_of(j, block);
    const int64_t first = index % shares * SUM_ROWS, end = taps * p.rows;
    (void)thread;
    put(o, &p, first < end ? first : end, first + SUM_ROWS < end ? first + SUM_ROWS : end,
        (const float *)j->call->scratch + block * o->block_floats, blocks * o->block_floats, o->slices);
}

void weft_outer_finish(const weft_outer *outer, const weft_call *call)
{
    job j = { outer, call };
    const int64_t rows = outer->taps_h * outer->taps_w * outer->row_block;
    weft_pool_run(call->device->pool, blocks_of(outer) * ((rows + SUM_ROWS - 1) / SUM_ROWS), item_sum, &j);
}

void weft_outer_run(const weft_outer *outer, const weft_call *call)
{
    job j = { outer, call };
    weft_pool_run(call->device->pool, outer->slices * blocks_of(outer), item, &j);
    if (outer->slices > 1)
        weft_outer_finish(outer, call);
}

/* ---- fed by others ---- */

bool weft_outer_is_flat(const weft_outer *outer)
{
    const weft_outer_shape *s = &outer->shape;
    return outer->slices > 1 && blocks_of(outer) == 1 && outer->joined == 1 && s->images == 1 && s->oh == 1 &&
           s->kernel_h == 1 && s->kernel_w == 1 && s->h == s->oh && s->w == s->ow;
}

void weft_outer_add(const weft_outer *outer, int64_t slice, const weft_outer_rows *rows, bool first, float *sums)
{
    const weft_outer *o = outer;
    const float *const b = o->turned ? rows->y : rows->x;
    float *const c = sums + slice * o->block_floats;
    weft_outer_block k = {
        .a = o->turned ? rows->x : rows->y, .a_pixel = o->turned ? rows->x_ld : rows->y_ld,
        .b_pixel = o->turned ? rows->y_ld : rows->x_ld, .lines = 1, .pixels = rows->rows, .rows = o->rows,
        .c_row = o->c_row, .add = !first, .ahead = rows->ahead, .ahead_end = rows->ahead + rows->n_ahead,
    };
    int64_t column = 0;
    for (int v = WEFT_GEMM_VECTORS; v > 0; v--) {
        for (int i = 0; i < o->panels[1][v]; i++, column += k.columns) {
            k.vectors = v;
            k.columns = v * o->table->lanes;
            k.b = b + column;
            k.c = c + column;
            o->table->block(&k);
        }
    }
}
