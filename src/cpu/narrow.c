/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions with narrow groups over whole maps (narrow.h): no zeros are multiplied, and the input is read in place,
 * borders included. A work item is a band of an image's lines, or a share of its channels. It is walked in turns of as
 * many chunks of channels as have their weights in L2; within a turn block by block, each with all channels of the
 * turn, so that memory is read and written in long runs: that is what layers of 4 and 8 channels a group are bound by.
 */
#include "cpu/narrow.h"

#include "cpu/gemm.h"
#include "cpu/machine.h"
#include "cpu/rows.h"

enum {
    TAPS = WEFT_NARROW_TAPS,
    TURN_BYTES = 96 << 10, /* of weights: all of 256 channels in groups of 8 */
    ITEMS_PER_THREAD = 6
};

const char *weft_narrow_refuse_window(const weft_conv2d_opt *conv)
{
    if (conv->groups == 1)
        return "not grouped";
    if (conv->kernel_w != TAPS || conv->dilation != 1)
        return "window not three wide, or dilated";
    return conv->kernel_h > WEFT_NARROW_WINDOW ? "window over 8 lines" : NULL;
}

/* Whether the groups fill vectors: several one, each lane of which finds its group's channels at its own place, or each
 * some. Without registers to spare tiles of GEMMs are as good for groups of more than one. */
static bool fills(const weft_narrow *s, const weft_narrow_table *table)
{
    if (s->out < table->lanes)
        return (s->out == 4 || s->out == 8) && s->in == s->out && s->groups * s->out % table->lanes == 0;
    return s->out % table->lanes == 0 && (s->out == table->lanes || table->spare);
}

/* The widest vectors that the groups fill, or NULL. */
static const weft_narrow_table *table_of(const weft_narrow *s, const weft_device *device)
{
    const weft_narrow_table *table = weft_simd_of(device->isa)->narrow;
    if (table && !fills(s, table) && device->isa == WEFT_ISA_AVX512)
        table = weft_simd_of(WEFT_ISA_AVX2)->narrow;
    return table && fills(s, table) ? table : NULL;
}

const char *weft_narrow_refuse(const weft_narrow *narrow, const weft_device *device)
{
    if (narrow->stride_w > 2)
        return "columns in strides over 2";
    if (narrow->out > WEFT_NARROW_DEPTH || narrow->in > WEFT_NARROW_DEPTH)
        return "groups of over 64 channels: a GEMM is as good";
    const char *const reason = weft_simd_refuse(device);
    return reason || table_of(narrow, device) ? reason
                                              : "groups that fill no vector, or more than it has registers for";
}

/* Where weights are more to read than input, items are shares of the channels first, else bands of lines. */
static void cut(weft_narrow *s, const weft_device *device)
{
    const int64_t wanted = device->threads > 1 ? ((int64_t)device->threads * ITEMS_PER_THREAD + s->n - 1) / s->n : 1;
    const int64_t turns = (s->chunks + s->turn - 1) / s->turn, steps = (s->oh + s->form.lines - 1) / s->form.lines;
    const bool heavy = s->kernel_h * TAPS * s->out > s->h * s->w;
    const int64_t most[2] = { heavy ? turns : steps, heavy ? steps : turns }; /* of what is cut first, and second */
    const int64_t first = most[0] < wanted ? most[0] : wanted, more = (wanted + first - 1) / first;
    const int64_t second = most[1] < more ? most[1] : more, bands = heavy ? second : first;
    s->shares = heavy ? first : second;
    s->band = steps / bands * s->form.lines;
    s->bands = (s->oh + s->band - 1) / s->band;
}

weft_status weft_narrow_plan(const weft_narrow *sizes, weft_plan *plan, size_t *bytes)
{
    weft_narrow *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    *s = *sizes;
    weft_narrow_block *b = &s->form;
    s->table = table_of(s, plan->device);
    b->depth = s->in;
    b->group = s->out;
    b->stride = (int)s->stride_w;
    b->spread = s->out < s->table->lanes;
    b->vectors = s->table->spare && s->out % (2 * s->table->lanes) == 0 ? 2 : 1;
    const bool alone = s->table->spare && b->vectors == 1; /* registers are left */
    b->lines = alone && s->kernel_h == 3 && s->stride_h == 1 && b->stride == 1 ? 2 : 1;
    b->wide = alone && b->stride == 2 && s->ow > weft_narrow_pixels(false);
    b->act = plan->node->epi.act;
    s->pixels = weft_narrow_pixels(b->wide);
    s->width = b->vectors * s->table->lanes;
    s->chunks = s->groups * s->out / s->width;
    const size_t outs = (size_t)(s->groups * s->out);
    if (!weft_mul_size((size_t)(s->in * s->kernel_h * TAPS) * sizeof(float), outs, &s->bias_at) ||
        !weft_add_size(s->bias_at, sizeof(float) * outs, &s->bytes))
        return weft_fail(WEFT_INVALID, "packed weights of %lld groups do not fit in memory", (long long)s->groups);
    const int64_t turn = (int64_t)(TURN_BYTES / (s->bias_at / (size_t)s->chunks));
    s->turn = turn < 1 ? 1 : turn < s->chunks ? turn : s->chunks;
    s->stream = s->width % WEFT_ROWS_LANES == 0 &&
                weft_beyond_cache(plan->device, (double)weft_shape_count(&plan->node->out[0]) * sizeof(float));
    cut(s, plan->device);
    *bytes = s->bytes;
    return WEFT_OK;
}

/* ---- running ---- */

/* A work item: lines [top, bottom) of an image, chunks [first, last). Its blocks are numbered along the line, then down
 * the lines, then by turns. */
typedef struct work {
    const weft_call *call;
    const weft_narrow *s;
    int64_t image, top, bottom, first, last;
    int64_t across, down; /* blocks of a line, steps of one or two lines */
} work;

typedef struct spot {
    int64_t first, line, pixel; /* chunk, and place of the block's first output */
} spot;

static spot spot_at(const work *w, int64_t index)
{
    const weft_narrow *s = w->s;
    return (spot){ .first = w->first + index / w->across / w->down * s->turn,
                   .line = w->top + index / w->across % w->down * s->form.lines,
                   .pixel = index % w->across * s->pixels };
}

static const float *input_line(const work *w, int64_t line)
{
    const weft_narrow *s = w->s;
    return line < 0 || line >= s->h ? NULL : weft_row(&w->call->in[0], (w->image * s->h + line) * s->w);
}

/* Output lines of the step at a spot. */
static int lines_at(const work *w, spot at)
{
    return w->bottom - at.line < w->s->form.lines ? 1 : w->s->form.lines;
}

static int outputs_at(const work *w, spot at)
{
    const int64_t left = w->s->ow - at.pixel;
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
    const weft_narrow *s = w->s;
    const weft_view *x = &w->call->in[0], *y = &w->call->out[0];
    const int64_t move = at.first * s->width, chunks = w->last - at.first;
    const int64_t rows = s->kernel_h + lines_at(w, at) - 1, step = s->stride_h * s->form.lines;
    const int64_t top = at.line * s->stride_h - s->top, begin = at.pixel * s->stride_w - s->left;
    const int64_t all = (s->pixels - 1) * s->stride_w + TAPS, fresh = at.pixel ? s->pixels * s->stride_w : all;
    const int64_t first = clip(begin + all - fresh, s->w), end = clip(begin + all, s->w);
    b->fetch_run = (chunks < s->turn ? chunks : s->turn) * s->width;
    for (int64_t r = at.line == w->top || rows < step ? 0 : rows - step; r < rows && s->in == s->out; r++) {
        const float *const line = input_line(w, top + r);
        if (line)
            add_fetch(b, line + first * x->ld + move, end - first, x->ld);
    }
    const int64_t place = (w->image * s->oh + at.line) * s->ow + at.pixel;
    for (int i = 0; i < lines_at(w, at) && !b->stream; i++)
        add_fetch(b, weft_row(y, place + i * s->ow) + move, outputs_at(w, at), y->ld);
}

static void run_block(const work *w, spot at, weft_narrow_block *b)
{
    const weft_narrow *s = w->s;
    const weft_node *n = w->call->node;
    const int64_t last = at.first + s->turn, row = (w->image * s->oh + at.line) * s->ow + at.pixel;
    const int64_t top = at.line * s->stride_h - s->top, begin = at.pixel * s->stride_w - s->left;
    const int64_t all = (s->pixels - 1) * s->stride_w + TAPS;
    b->lines = lines_at(w, at);
    b->rows = (int)s->kernel_h + b->lines - 1;
    b->count = outputs_at(w, at);
    for (int r = 0; r < b->rows; r++)
        b->row[r] = input_line(w, top + r);
    b->offset = begin * b->x_ld;
    b->begin = (int)clip(-begin, all);
    b->end = (int)clip(s->w - begin, all);
    b->first = at.first;
    b->last = last < w->last ? last : w->last;
    b->y = weft_row(&w->call->out[0], row);
    b->residual = n->epi.residual ? weft_row(&w->call->in[n->n_in - 1], row) : NULL;
    s->table->block(b);
}

static weft_narrow_block block_of(const weft_narrow *s, const weft_call *call)
{
    const weft_node *n = call->node;
    weft_narrow_block b = s->form;
    b.x_ld = call->in[0].ld;
    b.y_ld = call->out[0].ld;
    b.y_line = s->ow * b.y_ld;
    b.r_ld = n->epi.residual ? call->in[n->n_in - 1].ld : 0;
    b.r_line = s->ow * b.r_ld;
    b.wt = call->packed;
    b.bias = weft_at_const(call->packed, s->bias_at);
    b.stream = s->stream && weft_gemm_may_stream(call);
    return b;
}

typedef struct task {
    const weft_narrow *narrow;
    const weft_call *call;
} task;

static void item(void *arg, int64_t index, int thread)
{
    const task *t = arg;
    const weft_narrow *s = t->narrow;
    const int64_t share = index % s->shares, band = index / s->shares % s->bands;
    const int64_t turns = (s->chunks + s->turn - 1) / s->turn, last = turns * (share + 1) / s->shares * s->turn;
    work w = { .call = t->call, .s = s, .image = index / s->shares / s->bands, .top = band * s->band,
               .first = turns * share / s->shares * s->turn, .last = last < s->chunks ? last : s->chunks,
               .across = (s->ow + s->pixels - 1) / s->pixels };
    w.bottom = s->oh - w.top < s->band ? s->oh : w.top + s->band;
    w.down = (w.bottom - w.top + s->form.lines - 1) / s->form.lines;
    const int64_t blocks = (w.last - w.first + s->turn - 1) / s->turn * w.down * w.across;
    weft_narrow_block b = block_of(s, t->call);
    (void)thread;
    for (int64_t i = 0; i < blocks; i++) {
        b.fetches = 0;
        b.fence = b.stream && i + 1 == blocks;
        if (i + 1 < blocks)
            fetch(&w, spot_at(&w, i + 1), &b);
        run_block(&w, spot_at(&w, i), &b);
    }
}

void weft_narrow_run(const weft_narrow *narrow, const weft_call *call)
{
    task t = { narrow, call };
    weft_pool_run(call->device->pool, narrow->n * narrow->bands * narrow->shares, item, &t);
}
