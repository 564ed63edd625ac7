/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d with several groups (AlexNet's two, ResNeXt's 32): an implicit GEMM per group over a channel slice of the
 * input. Groups with fewer output channels than a vector has lanes are joined, as many as fill it, into one product
 * whose weights are block-diagonal; the zeros cost arithmetic, so narrow groups take the narrower vectors of AVX2 even
 * where AVX-512 is there: 4 channels in 8 lanes is half of the peak, 8 all of it. Items are bands of output lines and
 * shares of groups; where windows reach into the padding an item copies its input lines into a zero-bordered tile. */
#include <string.h>

#include "cpu/conv2d.h"
#include "cpu/machine.h"
#include "cpu/rows.h"

enum { PIXELS = 224, TILE_SHARE = 2, NARROW = 8 };

typedef struct state {
    weft_gemm gemm;          /* of one product */
    int64_t joined, products; /* groups of a product, products of all */
    int64_t in, out;         /* channels of a product */
    size_t bytes, bias_at;   /* of a product's packed weights; to its bias */
    int64_t reach_h, reach_w; /* of the windows: a tile of all output lines */
    int64_t lines, bands, shares;
    bool tile;
} state;

static const weft_gemm_table *table_for(const weft_device *device, int64_t out)
{
    const bool narrow = device->isa == WEFT_ISA_AVX512 && out <= NARROW;
    return weft_simd_of(narrow ? WEFT_ISA_AVX2 : device->isa)->gemm;
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = node->opt;
    if (o->groups == 1)
        return "not grouped";
    const char *const reason = weft_gemm_refuse(device);
    return reason ? reason : weft_conv2d_refuse_border(node);
}

/* Bands of output lines: a tile within half of L2, and items enough. */
static void cut(const weft_node *node, const weft_device *device, state *s)
{
    const weft_conv2d_opt *o = node->opt;
    const int64_t *x = node->in[0].dim, *y = node->out[0].dim;
    const int64_t line = s->reach_w * x[3] * (int64_t)sizeof(float);
    const int64_t window = (int64_t)(o->kernel_h - 1) * o->dilation + 1,
                  wanted = (int64_t)device->threads * WEFT_GEMM_ITEMS;
    s->lines = s->tile && o->stride_h > window ? 1 : (PIXELS + y[2] - 1) / y[2]; /* no lines between windows */
    if (s->lines > y[1])
        s->lines = y[1];
    while (s->lines > 1 && ((s->lines - 1) * o->stride_h + window) * line > (int64_t)device->cpu.l2 / TILE_SHARE)
        s->lines--;
    s->bands = (y[1] + s->lines - 1) / s->lines;
    s->lines = (y[1] + s->bands - 1) / s->bands;
    s->bands = (y[1] + s->lines - 1) / s->lines;
    s->shares = 1;
    if (device->threads > 1 && x[0] * s->bands < wanted)
        s->shares = (wanted + x[0] * s->bands - 1) / (x[0] * s->bands);
    if (s->shares > s->products)
        s->shares = s->products;
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_conv2d_opt *o = node->opt;
    const int64_t *x = node->in[0].dim, *y = node->out[0].dim;
    state *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    const int64_t in = x[3] / o->groups, out = o->out / o->groups;
    const weft_gemm_table *table = table_for(plan->device, out);
    s->joined = 1;
    while (s->joined * 2 * out <= table->lanes && o->groups % (s->joined * 2) == 0)
        s->joined *= 2;
    s->products = o->groups / s->joined;
    s->in = in * s->joined;
    s->out = out * s->joined;
    weft_gemm_init(&s->gemm, table, s->in * o->kernel_h * o->kernel_w, s->out);
    WEFT_TRY(weft_gemm_bytes(&s->gemm, &s->bias_at, &s->bytes));
    if (!weft_mul_size(s->bytes, (size_t)s->products, &plan->packed))
        return weft_fail(WEFT_INVALID, "packed weights of %lld groups do not fit in memory", (long long)o->groups);
    plan->pack_scratch = sizeof(float) * (size_t)(s->out * o->kernel_h * o->kernel_w * s->in);

    const int64_t window_h = (int64_t)(o->kernel_h - 1) * o->dilation + 1;
    s->reach_h = (y[1] - 1) * o->stride_h + window_h;
    s->reach_w = (y[2] - 1) * o->stride_w + (int64_t)(o->kernel_w - 1) * o->dilation + 1;
    s->tile = o->pad.top > 0 || o->pad.left > 0 || s->reach_h - o->pad.top > x[1] || s->reach_w - o->pad.left > x[2];
    cut(node, plan->device, s);
    if (s->tile) {
        size_t pixels, floats;
        const int64_t lines = (s->lines - 1) * o->stride_h + window_h;
        if (!weft_mul_size((size_t)lines, (size_t)s->reach_w, &pixels) ||
            !weft_mul_size(pixels, (size_t)x[3], &floats) ||
            !weft_mul_size(floats, sizeof(float), &plan->thread_scratch))
            return weft_fail(WEFT_INVALID, "the padded input lines do not fit in memory");
    }
    return WEFT_OK;
}

/* Weights of one product as [out][kh * kw][in], zero where a filter's group is not the channel's. */
static void expand(const state *s, const float *wt, int64_t taps, float *full)
{
    const int64_t in = s->in / s->joined, out = s->out / s->joined;
    memset(full, 0, sizeof *full * (size_t)(s->out * taps * s->in));
    for (int64_t k = 0; k < s->out; k++)
        for (int64_t t = 0; t < taps; t++)
            memcpy(full + (k * taps + t) * s->in + k / out * in, wt + (k * taps + t) * in, sizeof *full * (size_t)in);
}

static weft_status pack(const weft_call *call)
{
    const weft_conv2d_opt *o = call->node->opt;
    const state *s = call->state;
    const int64_t taps = (int64_t)o->kernel_h * o->kernel_w;
    const float *wt = weft_call_param(call, 0), *bias = weft_call_param(call, 1);
    float *full = call->scratch;
    memset(call->packed, 0, call->packed_bytes);
    for (int64_t p = 0; p < s->products; p++) {
        void *const to = weft_at(call->packed, (size_t)p * s->bytes);
        expand(s, wt + p * s->out * taps * (s->in / s->joined), taps, full);
        weft_gemm_pack(&s->gemm, full, taps * s->in, 1, to);
        weft_gemm_pack_bias(&s->gemm, bias ? bias + p * s->out : NULL, weft_at(to, s->bias_at));
    }
    return WEFT_OK;
}

/* Channels [first, first + channels) of input lines [top, top + lines) of image n into the tile, pixels of all channels
 * apart, zeros outside the image. */
static void copy_tile(const weft_call *call, const state *s, int64_t n, int64_t top, int64_t lines, int64_t first,
                      int64_t channels, float *tile)
{
    const weft_conv2d_opt *o = call->node->opt;
    const int64_t *x = call->node->in[0].dim;
    const size_t bytes = sizeof *tile * (size_t)channels;
    float *to = tile + first;
    for (int64_t i = top; i < top + lines; i++)
        for (int64_t j = -(int64_t)o->pad.left; j < s->reach_w - o->pad.left; j++, to += x[3])
            if (i < 0 || i >= x[1] || j < 0 || j >= x[2])
                memset(to, 0, bytes);
            else
                memcpy(to, weft_row(&call->in[0], (n * x[1] + i) * x[2] + j) + first, bytes);
}

static void item(void *arg, int64_t index, int thread)
{
    const weft_call *call = arg;
    const state *s = call->state;
    const weft_node *node = call->node;
    const weft_conv2d_opt *o = node->opt;
    const int64_t *x = node->in[0].dim, *y = node->out[0].dim;
    const int64_t share = index % s->shares, band = index / s->shares % s->bands, n = index / s->shares / s->bands;
    const int64_t from = s->products * share / s->shares, to = s->products * (share + 1) / s->shares;
    const int64_t line = band * s->lines, top = line * o->stride_h - o->pad.top;
    const int64_t step = s->tile ? x[3] : call->in[0].ld, width = s->tile ? s->reach_w : x[2];
    const weft_gemm_taps taps = { o->kernel_h, o->kernel_w, o->dilation * width * step, o->dilation * step, s->in };

    weft_gemm_block b = weft_gemm_block_of(&s->gemm, call, &taps, s->bias_at);
    b.lines = y[1] - line < s->lines ? y[1] - line : s->lines;
    b.pixels = y[2];
    b.a_row = o->stride_w * step;
    b.a_line = o->stride_h * width * step;
    b.c_line = y[2] * b.c_row;
    b.r_line = y[2] * b.r_row;
    if (s->tile) {
        float *tile = weft_call_thread_scratch(call, thread);
        const int64_t lines = (b.lines - 1) * o->stride_h + (int64_t)(o->kernel_h - 1) * o->dilation + 1;
        copy_tile(call, s, n, top, lines, from * s->in, (to - from) * s->in, tile);
        b.a = tile;
    } else {
        b.a = weft_row(&call->in[0], (n * x[1] + top) * x[2]);
    }
    const int64_t row = (n * y[1] + line) * y[2];
    b.a += from * s->in;
    b.c += row * b.c_row + from * s->out;
    if (b.residual)
        b.residual += row * b.r_row + from * s->out;
    for (int64_t p = from; p < to; p++) {
        const void *const packed = weft_at_const(call->packed, (size_t)p * s->bytes);
        b.b = packed;
        b.bias = weft_at_const(packed, s->bias_at);
        s->gemm.table->block(&b);
        b.a += s->in;
        b.c += s->out;
        if (b.residual)
            b.residual += s->out;
    }
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    weft_call copy = *call;
    weft_pool_run(call->device->pool, call->node->in[0].dim[0] * s->bands * s->shares, item, &copy);
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_grouped = {
    .name = "cpu.conv2d.grouped", .refuse = refuse, .prepare = prepare, .pack = pack, .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};
