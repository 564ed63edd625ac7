/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d with groups of 4 to 64 channels and windows three wide (ResNeXt; simd/narrow.h): no zeros are multiplied, and
 * the input is read in place, borders included. A work item is a band of an image's lines, or a share of its channels.
 * It is walked in turns of as many chunks of channels as have their weights in L2; within a turn block by block, each
 * with all channels of the turn, so that memory is read and written in long runs: that is what layers of 4 and 8
 * channels a group are bound by. */
#include <string.h>

#include "cpu/conv2d.h"
#include "cpu/machine.h"
#include "cpu/rows.h"

enum {
    TAPS = 3,
    TURN_BYTES = 96 << 10, /* of weights: all of 256 channels in groups of 8 */
    ITEMS_PER_THREAD = 6
};

typedef struct state {
    const weft_narrow_table *table;
    weft_narrow_block form; /* what is the same for all blocks of all calls */
    int64_t width, chunks;  /* output channels of a chunk, chunks */
    int64_t pixels;         /* outputs of a block's line */
    int64_t turn;           /* chunks */
    int64_t band, bands;    /* output lines of an item, items of an image */
    int64_t shares;         /* of the chunks */
    size_t bias_at;
    bool stream;
} state;

/* Channels of a group. */
static int64_t group_in(const weft_node *node)
{
    const weft_conv2d_opt *o = node->opt;
    return node->in[0].dim[3] / o->groups;
}

static int64_t group_out(const weft_node *node)
{
    const weft_conv2d_opt *o = node->opt;
    return o->out / o->groups;
}

/* Whether the groups fill vectors: several one, each lane of which finds its group's channels at its own place, or each
 * some. Without registers to spare tiles of GEMMs are as good for groups of more than one. */
static bool fills(const weft_node *node, const weft_narrow_table *table)
{
    const weft_conv2d_opt *o = node->opt;
    const int64_t in = group_in(node), out = group_out(node);
    if (out < table->lanes)
        return (out == 4 || out == 8) && in == out && o->out % table->lanes == 0;
    return out % table->lanes == 0 && (out == table->lanes || table->spare);
}

/* The widest vectors that the groups fill, or NULL. */
static const weft_narrow_table *table_of(const weft_node *node, const weft_device *device)
{
    const weft_narrow_table *table = weft_simd_of(device->isa)->narrow;
    if (table && !fills(node, table) && device->isa == WEFT_ISA_AVX512)
        table = weft_simd_of(WEFT_ISA_AVX2)->narrow;
    return table && fills(node, table) ? table : NULL;
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = node->opt;
    if (o->groups == 1)
        return "not grouped";
    if (o->kernel_w != TAPS || o->dilation != 1 || o->stride_w > 2)
        return "columns: window not three wide, dilated or a stride over 2";
    if (o->kernel_h > WEFT_NARROW_WINDOW)
        return "window over 8 lines";
    if (group_out(node) > WEFT_NARROW_DEPTH || group_in(node) > WEFT_NARROW_DEPTH)
        return "groups of over 64 channels: a GEMM is as good";
    const char *const reason = weft_simd_refuse(device);
    return reason || table_of(node, device) ? reason : "groups that fill no vector, or more than it has registers for";
}

/* Where weights are more to read than input, items are shares of the channels first, else bands of lines. */
static void cut(state *s, const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = node->opt;
    const int64_t *x = node->in[0].dim, oh = node->out[0].dim[1];
    const int64_t wanted = device->threads > 1 ? ((int64_t)device->threads * ITEMS_PER_THREAD + x[0] - 1) / x[0] : 1;
    const int64_t turns = (s->chunks + s->turn - 1) / s->turn, steps = (oh + s->form.lines - 1) / s->form.lines;
    const bool heavy = s->form.depth * o->kernel_h * TAPS * o->out > x[1] * x[2] * x[3];
    const int64_t most[2] = { heavy ? turns : steps, heavy ? steps : turns }; /* of what is cut first, and second */
    const int64_t first = most[0] < wanted ? most[0] : wanted, more = (wanted + first - 1) / first;
    const int64_t second = most[1] < more ? most[1] : more, bands = heavy ? second : first;
    s->shares = heavy ? first : second;
    s->band = steps / bands * s->form.lines;
    s->bands = (oh + s->band - 1) / s->band;
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_conv2d_opt *o = node->opt;
    state *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    *s = (state){ .table = table_of(node, plan->device) };
    weft_narrow_block *b = &s->form;
    const int64_t out = group_out(node);
    b->depth = group_in(node);
    b->group = out;
    b->stride = o->stride_w;
    b->spread = out < s->table->lanes;
    b->vectors = s->table->spare && out % (2 * s->table->lanes) == 0 ? 2 : 1;
    const bool alone = s->table->spare && b->vectors == 1; /* registers are left */
    b->lines = alone && o->kernel_h == 3 && o->stride_h == 1 && b->stride == 1 ? 2 : 1;
    b->wide = alone && b->stride == 2 && node->out[0].dim[2] > weft_narrow_pixels(false);
    b->rows = o->kernel_h + b->lines - 1;
    b->act = node->epi.act;
    s->pixels = weft_narrow_pixels(b->wide);
    s->width = b->vectors * s->table->lanes;
    s->chunks = o->out / s->width;
    size_t weights, bytes;
    if (!weft_mul_size((size_t)(b->depth * o->kernel_h * TAPS), sizeof(float) * (size_t)o->out, &weights) ||
        !weft_add_size(weights, sizeof(float) * (size_t)o->out, &bytes))
        return weft_fail(WEFT_INVALID, "packed weights of %lld groups do not fit in memory", (long long)o->groups);
    s->bias_at = weights;
    plan->packed = bytes;
    const int64_t turn = (int64_t)(TURN_BYTES / (weights / (size_t)s->chunks));
    s->turn = turn < 1 ? 1 : turn < s->chunks ? turn : s->chunks;
    s->stream = s->width % WEFT_ROWS_LANES == 0 &&
                weft_beyond_cache(plan->device, (double)weft_shape_count(&node->out[0]) * sizeof(float));
    cut(s, node, plan->device);
    return WEFT_OK;
}

/* [out][kh][3][depth] to [chunk][kh][depth][3][width]. */
static weft_status pack(const weft_call *call)
{
    const weft_conv2d_opt *o = call->node->opt;
    const state *s = call->state;
    const int64_t depth = s->form.depth, lines = o->kernel_h;
    const float *wt = weft_call_param(call, 0), *bias = weft_call_param(call, 1);
    float *to = call->packed;
    for (int64_t k = 0; k < s->chunks; k++)
        for (int64_t r = 0; r < lines; r++)
            for (int64_t c = 0; c < depth; c++)
                for (int64_t t = 0; t < TAPS; t++)
                    for (int64_t i = 0; i < s->width; i++)
                        *to++ = wt[(((k * s->width + i) * lines + r) * TAPS + t) * depth + c];
    if (bias)
        memcpy(to, bias, sizeof *to * (size_t)o->out);
    else
        memset(to, 0, sizeof *to * (size_t)o->out);
    return WEFT_OK;
}

/* ---- running ---- */

/* A work item: lines [top, bottom) of an image, chunks [first, last). Its blocks are numbered along the line, then down
 * the lines, then by turns. */
typedef struct work {
    const weft_call *call;
    const state *s;
    int64_t image, top, bottom, first, last;
    int64_t across, down; /* blocks of a line, steps of one or two lines */
} work;

typedef struct spot {
    int64_t first, line, pixel; /* chunk, and place of the block's first output */
} spot;

static spot spot_at(const work *w, int64_t index)
{
    const state *s = w->s;
    return (spot){ .first = w->first + index / w->across / w->down * s->turn,
                   .line = w->top + index / w->across % w->down * s->form.lines,
                   .pixel = index % w->across * s->pixels };
}

static const float *input_line(const work *w, int64_t line)
{
    const int64_t *x = w->call->node->in[0].dim;
    return line < 0 || line >= x[1] ? NULL : weft_row(&w->call->in[0], (w->image * x[1] + line) * x[2]);
}

/* Output lines of the step at a spot. */
static int lines_at(const work *w, spot at)
{
    return w->bottom - at.line < w->s->form.lines ? 1 : w->s->form.lines;
}

static int outputs_at(const work *w, spot at)
{
    const int64_t left = w->call->node->out[0].dim[2] - at.pixel;
    return (int)(left < w->s->pixels ? left : w->s->pixels);
}

static int64_t clip(int64_t at, int64_t end)
{
    return at < 0 ? 0 : at < end ? at : end;
}

static void add_fetch(weft_narrow_block *b, const float *from, int64_t pixels, int64_t ld)
{
    for (int64_t i = 0; i < pixels && b->fetches < WEFT_NARROW_FETCH; i++)
        b->fetch[b->fetches++] = from + i * ld;
}

/* What the block at a spot is the first to read, and all it writes. */
static void fetch(const work *w, spot at, weft_narrow_block *b)
{
    const weft_node *n = w->call->node;
    const weft_conv2d_opt *o = n->opt;
    const weft_view *x = &w->call->in[0], *y = &w->call->out[0];
    const int64_t move = at.first * w->s->width, left = w->last - at.first;
    const int64_t rows = o->kernel_h + lines_at(w, at) - 1, step = (int64_t)o->stride_h * w->s->form.lines;
    const int64_t top = at.line * o->stride_h - o->pad.top, begin = at.pixel * o->stride_w - o->pad.left;
    const int64_t all = (w->s->pixels - 1) * o->stride_w + TAPS, fresh = at.pixel ? w->s->pixels * o->stride_w : all;
    const int64_t first = clip(begin + all - fresh, n->in[0].dim[2]), end = clip(begin + all, n->in[0].dim[2]);
    b->fetch_run = (left < w->s->turn ? left : w->s->turn) * w->s->width;
    for (int64_t r = at.line == w->top || rows < step ? 0 : rows - step; r < rows && b->depth == b->group; r++) {
        const float *const line = input_line(w, top + r);
        if (line)
            add_fetch(b, line + first * x->ld + move, end - first, x->ld);
    }
    const int64_t place = (w->image * n->out[0].dim[1] + at.line) * n->out[0].dim[2] + at.pixel;
    for (int i = 0; i < lines_at(w, at) && !b->stream; i++)
        add_fetch(b, weft_row(y, place + i * n->out[0].dim[2]) + move, outputs_at(w, at), y->ld);
}

static void run_block(const work *w, spot at, weft_narrow_block *b)
{
    const weft_node *n = w->call->node;
    const weft_conv2d_opt *o = n->opt;
    const int64_t *x = n->in[0].dim, *y = n->out[0].dim, last = at.first + w->s->turn;
    const int64_t row = (w->image * y[1] + at.line) * y[2] + at.pixel, top = at.line * o->stride_h - o->pad.top;
    const int64_t begin = at.pixel * o->stride_w - o->pad.left, all = (w->s->pixels - 1) * o->stride_w + TAPS;
    b->lines = lines_at(w, at);
    b->rows = o->kernel_h + b->lines - 1;
    b->count = outputs_at(w, at);
    for (int r = 0; r < b->rows; r++)
        b->row[r] = input_line(w, top + r);
    b->offset = begin * b->x_ld;
    b->begin = (int)clip(-begin, all);
    b->end = (int)clip(x[2] - begin, all);
    b->first = at.first;
    b->last = last < w->last ? last : w->last;
    b->y = weft_row(&w->call->out[0], row);
    b->residual = n->epi.residual ? weft_row(&w->call->in[n->n_in - 1], row) : NULL;
    w->s->table->block(b);
}

static weft_narrow_block block_of(const state *s, const weft_call *call)
{
    const weft_node *n = call->node;
    const int64_t ow = n->out[0].dim[2];
    weft_narrow_block b = s->form;
    b.x_ld = call->in[0].ld;
    b.y_ld = call->out[0].ld;
    b.y_line = ow * b.y_ld;
    b.r_ld = n->epi.residual ? call->in[n->n_in - 1].ld : 0;
    b.r_line = ow * b.r_ld;
    b.wt = call->packed;
    b.bias = weft_at_const(call->packed, s->bias_at);
    b.stream = s->stream && weft_gemm_may_stream(call);
    return b;
}

static void item(void *arg, int64_t index, int thread)
{
    const weft_call *call = arg;
    const state *s = call->state;
    const int64_t share = index % s->shares, band = index / s->shares % s->bands, oh = call->node->out[0].dim[1];
    const int64_t turns = (s->chunks + s->turn - 1) / s->turn, last = turns * (share + 1) / s->shares * s->turn;
    work w = { .call = call, .s = s, .image = index / s->shares / s->bands, .top = band * s->band,
               .first = turns * share / s->shares * s->turn, .last = last < s->chunks ? last : s->chunks,
               .across = (call->node->out[0].dim[2] + s->pixels - 1) / s->pixels };
    w.bottom = oh - w.top < s->band ? oh : w.top + s->band;
    w.down = (w.bottom - w.top + s->form.lines - 1) / s->form.lines;
    const int64_t blocks = (w.last - w.first + s->turn - 1) / s->turn * w.down * w.across;
    weft_narrow_block b = block_of(s, call);
    (void)thread;
    for (int64_t i = 0; i < blocks; i++) {
        const spot at = spot_at(&w, i), next = spot_at(&w, i + 1);
        b.fetches = 0;
        b.fence = b.stream && i + 1 == blocks;
        if (i + 1 < blocks)
            fetch(&w, next, &b);
        run_block(&w, at, &b);
    }
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    weft_call copy = *call;
    weft_pool_run(call->device->pool, call->node->in[0].dim[0] * s->bands * s->shares, item, &copy);
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_narrow = {
    .name = "cpu.conv2d.narrow", .refuse = refuse, .prepare = prepare, .pack = pack, .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};
