/* SPDX-License-Identifier: Apache-2.0
 *
 * Implicit GEMMs over windows (gemm_window.h). Work is cut into blocks of output lines and, where these are too few for
 * the threads, into shares of the products or of the panels: no sum is ever split. */
#include "cpu/gemm_window.h"

#include <string.h>

#include "cpu/rows.h"

enum {
    PIXELS = 224,         /* of a work item: enough to use a panel from L2 30 times */
    TILE_SHARE = 2,       /* the tile may take half of L2 */
    TILE_BYTES = 1 << 24, /* more only for images that are themselves large */
    TILE_IMAGES = 4
};

static int64_t window_h(const weft_gemm_window *p)
{
    return (p->kernel_h - 1) * p->dilation_h + 1;
}

static bool has_taps(const weft_gemm_window *p)
{
    return p->kernel_h > 0 && p->kernel_w > 0;
}

static int64_t reach_w(const weft_gemm_window *p)
{
    return (p->ow - 1) * p->stride_w + (p->kernel_w - 1) * p->dilation_w + 1;
}

const char *weft_gemm_window_refuse(const weft_gemm_windows *windows, const weft_gemm_window *part)
{
    const double pixel = (double)(windows->products * windows->in) * sizeof(float);
    const double tile = (double)window_h(part) * (double)reach_w(part) * pixel;
    const double image = (double)windows->h * (double)windows->w * pixel;
    return has_taps(part) && tile > TILE_BYTES && tile > TILE_IMAGES * image
               ? "padded so far beyond the image that a copy with its border would cost more than the outputs"
               : NULL;
}

static void derive(const weft_gemm_windows *s, weft_gemm_window *p)
{
    p->reach_h = (p->oh - 1) * p->stride_h + window_h(p);
    p->reach_w = reach_w(p);
    p->tile = has_taps(p) && (p->top > 0 || p->left > 0 || p->reach_h - p->top > s->h || p->reach_w - p->left > s->w);
}

/* Bytes of the input that `lines` output lines of a part need. */
static bool input_bytes(const weft_gemm_windows *s, const weft_gemm_window *p, int64_t lines, size_t *bytes)
{
    size_t line;
    return weft_mul_size((size_t)p->reach_w, (size_t)(s->products * s->in) * sizeof(float), &line) &&
           weft_mul_size((size_t)((lines - 1) * p->stride_h + window_h(p)), line, bytes);
}

/* Of the part that needs most; SIZE_MAX if that does not fit. */
static size_t most_bytes(const weft_gemm_windows *s, int64_t lines, bool tiles)
{
    size_t most = 0;
    for (int i = 0; i < s->parts; i++) {
        const weft_gemm_window *p = &s->part[i];
        size_t bytes;
        if (!has_taps(p) || (tiles && !p->tile))
            continue;
        if (!input_bytes(s, p, lines < p->oh ? lines : p->oh, &bytes))
            return SIZE_MAX;
        most = bytes > most ? bytes : most;
    }
    return most;
}

static void cut(weft_gemm_windows *s, const weft_device *device)
{
    const weft_gemm_window *p = &s->part[0]; /* no part has more lines */
    const int64_t wanted = (int64_t)device->threads * WEFT_GEMM_ITEMS;
    int64_t lines = p->tile && p->stride_h > window_h(p) ? 1 : (PIXELS + p->ow - 1) / p->ow; /* no lines between */
    lines = lines < p->oh ? lines : p->oh;
    while (lines > 1 && most_bytes(s, lines, false) > device->cpu.l2 / TILE_SHARE)
        lines--;
    while (s->products == 1 && lines > 1 && s->n * ((p->oh + lines - 1) / lines) < wanted &&
           (lines - 1) * p->ow >= PIXELS / 4 && device->threads > 1)
        lines--;
    s->blocks = (p->oh + lines - 1) / lines;
    s->lines = (p->oh + s->blocks - 1) / s->blocks;
    s->blocks = (p->oh + s->lines - 1) / s->lines;
    s->shares = 1;
    if (s->products == 1)
        s->shares = weft_gemm_groups(&p->gemm, device, s->n * s->blocks);
    else if (device->threads > 1 && s->n * s->blocks < wanted)
        s->shares = (wanted + s->n * s->blocks - 1) / (s->n * s->blocks);
    if (s->products > 1 && s->shares > s->products)
        s->shares = s->products;
    s->cuts = 1;
    if (s->products == 1 && s->parts == 1 && s->shares > 1)
        s->cuts = weft_gemm_cuts(device, s->n * s->blocks * s->shares, s->lines * p->ow);
    s->cuts = s->cuts < s->lines ? s->cuts : s->lines;
}

weft_status weft_gemm_windows_plan(weft_gemm_windows *windows, weft_plan *plan)
{
    for (int i = 0; i < windows->parts; i++)
        derive(windows, &windows->part[i]);
    cut(windows, plan->device);
    windows->keeps =
        windows->part[0].tile && windows->products == 1 && windows->parts == 1 && windows->shares * windows->cuts > 1;
    windows->held_at = plan->scratch = weft_round_up(plan->scratch, WEFT_CACHE_LINE);
    if (windows->keeps)
        plan->scratch += (size_t)plan->device->threads * WEFT_CACHE_LINE;
    const size_t bytes = most_bytes(windows, windows->lines, true);
    if (bytes == SIZE_MAX)
        return weft_fail(WEFT_INVALID, "the padded input lines do not fit in memory");
    plan->thread_scratch = windows->sums_at = weft_round_up(bytes, WEFT_CACHE_LINE);
    for (int i = 0; i < windows->parts; i++) {
        size_t scratch = windows->sums_at;
        weft_gemm_window *p = &windows->part[i];
        p->depth_chunk = weft_gemm_depth_chunk(&p->gemm, plan->device, windows->lines * p->ow, &scratch);
        plan->thread_scratch = scratch > plan->thread_scratch ? scratch : plan->thread_scratch;
    }
    return WEFT_OK;
}

/* ---- running ---- */

typedef struct channels {
    int64_t first, count;
} channels;

/* Those channels of `lines` input lines from `top` on into the tile, whose pixels are those of all channels; zeros
 * outside the image. */
static void copy_tile(const weft_gemm_windows *s, const weft_gemm_window *p, const weft_view *x, int64_t n, int64_t top,
                      int64_t lines, channels which, float *tile)
{
    const int64_t step = s->products * s->in, left = -p->left, first = left > 0 ? left : 0;
    const int64_t end = left + p->reach_w < s->w ? left + p->reach_w : s->w;
    const size_t bytes = (size_t)which.count * sizeof(float);
    float *to = tile + which.first;
    for (int64_t i = top; i < top + lines; i++) {
        const bool inside = i >= 0 && i < s->h && end > first;
        const int64_t from = inside ? first : left + p->reach_w, to_end = inside ? end : left + p->reach_w;
        const float *x_at = weft_row(x, (n * s->h + i) * s->w) + which.first;
        for (int64_t j = left; j < from; j++, to += step)
            memset(to, 0, bytes);
        if (which.count == step && x->ld == step) {
            memcpy(to, x_at + from * step, (size_t)(to_end - from) * bytes);
            to += (to_end - from) * step;
        } else {
            for (int64_t j = from; j < to_end; j++, to += step)
                memcpy(to, x_at + j * x->ld, bytes);
        }
        for (int64_t j = to_end; j < left + p->reach_w; j++, to += step)
            memset(to, 0, bytes);
    }
}

/* Outputs that no window reaches. */
static void fill(const weft_gemm_window *p, const weft_gemm_block *b, int64_t columns)
{
    const size_t bytes = (size_t)columns * sizeof(float);
    for (int64_t line = 0; line < b->lines; line++)
        for (int64_t i = 0; i < p->ow; i++) {
            float *to = b->c + line * b->c_line + i * b->c_row;
            const float *from = b->residual ? b->residual + line * b->r_line + i * b->r_row : NULL;
            if (!from)
                memset(to, 0, bytes);
            else if (from != to)
                memcpy(to, from, bytes);
        }
}

typedef struct task {
    const weft_gemm_windows *windows;
    const weft_call *call;
    bool stream;
} task;

/* Of the work: a cut of a share of a block of lines of image n. */
typedef struct piece {
    int64_t n, block, share, cut;
    int thread;
} piece;

/* The block that the thread's tile is of; -1: none. */
static int64_t *held(const weft_gemm_windows *s, const weft_call *call, int thread)
{
    return weft_at(call->scratch, s->held_at + (size_t)thread * WEFT_CACHE_LINE);
}

/* Where the block's output and residual lie: line `line` of image n, from column `column` on. */
static void place(const weft_gemm_windows *s, const weft_gemm_window *p, int64_t n, int64_t line, int64_t column,
                  weft_gemm_block *b)
{
    const int64_t row = n * s->image + p->first + line * p->line_step;
    b->c += row * b->c_row + column;
    b->c_line = p->line_step * b->c_row;
    b->c_row *= p->pixel_step;
    if (!b->residual)
        return;
    b->residual += row * b->r_row + column;
    b->r_line = p->line_step * b->r_row;
    b->r_row *= p->pixel_step;
}

/* The products [from, to) of a block whose A, C and residual are the first one's. */
static void multiply(const weft_gemm_windows *s, const weft_gemm_window *p, const void *packed, int64_t from,
                     int64_t to, weft_gemm_block *b)
{
    for (int64_t i = from; i < to; i++) {
        b->b = weft_at_const(packed, p->b_at + (size_t)i * p->b_step);
        b->bias = weft_at_const(packed, p->bias_at + (size_t)i * p->bias_step);
        p->gemm.table->block(b);
        b->a += s->in;
        b->c += s->out;
        if (b->residual)
            b->residual += s->out;
    }
}

/* The input lines of a piece's block in the thread's tile: those of `lines` output lines. */
static const float *tile_of(const task *t, const weft_gemm_window *p, const piece *at, int64_t lines, channels which)
{
    const weft_gemm_windows *s = t->windows;
    float *tile = weft_call_thread_scratch(t->call, at->thread);
    const int64_t block = at->n * s->blocks + at->block;
    int64_t *const of = s->keeps ? held(s, t->call, at->thread) : NULL;
    if (of && *of == block)
        return tile;
    copy_tile(s, p, &t->call->in[0], at->n, at->block * s->lines * p->stride_h - p->top,
              (lines - 1) * p->stride_h + window_h(p), which, tile);
    if (of)
        *of = block;
    return tile;
}

static void run_part(const task *t, const weft_gemm_window *p, const piece *at)
{
    const weft_gemm_windows *s = t->windows;
    const weft_view *x = &t->call->in[0];
    const bool alone = s->products == 1;
    const int64_t from = alone ? 0 : s->products * at->share / s->shares;
    const int64_t to = alone ? 1 : s->products * (at->share + 1) / s->shares;
    const int64_t step = p->tile ? s->products * s->in : x->ld, width = p->tile ? p->reach_w : s->w;
    const int64_t begin = at->block * s->lines, left = p->oh - begin, lines = left < s->lines ? left : s->lines;
    const int64_t skipped = lines * at->cut / s->cuts, line = begin + skipped;
    const weft_gemm_taps taps = weft_gemm_join_taps(
        (weft_gemm_taps){ p->kernel_h, p->kernel_w, p->dilation_h * width * step, p->dilation_w * step, s->in });
    weft_gemm_block b = weft_gemm_block_of(&p->gemm, t->call, &taps, p->bias_at);

    b.lines = lines * (at->cut + 1) / s->cuts - skipped;
    if (b.lines <= 0)
        return;
    b.pixels = p->ow;
    b.stream = t->stream;
    b.a_row = p->stride_w * step;
    b.a_line = p->stride_h * width * step;
    place(s, p, at->n, line, from * s->out, &b);
    if (alone)
        weft_gemm_share(&p->gemm, s->shares, at->share, &b.first, &b.last);
    b.depth_chunk = p->depth_chunk;
    if (b.depth_chunk)
        b.partial = weft_at(weft_call_thread_scratch(t->call, at->thread), s->sums_at);
    if (alone)
        weft_gemm_then(&p->gemm, s->shares, (at->share + 1) % s->shares, at->cut, s->cuts, &b);
    if (!has_taps(p)) {
        if (at->share == 0 || !alone)
            fill(p, &b, (to - from) * s->out);
        return;
    }
    if (p->tile) {
        const channels which = { from * s->in, (to - from) * s->in };
        b.a = tile_of(t, p, at, lines, which) + skipped * b.a_line + which.first;
    } else {
        b.a = weft_row(x, (at->n * s->h + line * p->stride_h - p->top) * s->w - p->left) + from * s->in;
    }
    multiply(s, p, t->call->packed, from, to, &b);
}

static void item(void *arg, int64_t index, int thread)
{
    const task *t = arg;
    const weft_gemm_windows *s = t->windows;
    const int64_t share = index / s->cuts, block = share / s->shares;
    const piece at = { block / s->blocks, block % s->blocks, share % s->shares, index % s->cuts, thread };
    for (int i = 0; i < s->parts; i++)
        run_part(t, &s->part[i], &at);
}

void weft_gemm_windows_run(const weft_gemm_windows *windows, const weft_call *call)
{
    task t = { windows, call, windows->stream && weft_gemm_may_stream(call) };
    if (windows->keeps)
        for (int i = 0; i < call->device->threads; i++)
            *held(windows, call, i) = -1;
    weft_pool_run(call->device->pool, windows->n * windows->blocks * windows->shares * windows->cuts, item, &t);
}
