/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d on the CPU: the list, and the two kernels that are plain GEMMs.
 *
 * pointwise: a 1x1 convolution of stride 1 is the product of all pixels with the weights; so is one whose window is the
 * whole image, with an image for a row.
 *
 * gemm (implicit GEMM): any window, stride, dilation and padding. Each work item is a block of output lines of one
 * image; an output pixel's row of A is read in place through taps. Where the windows reach into the padding, the item
 * first copies the input lines it needs into a zero-bordered tile of its own: the copy costs C floats a pixel, its use
 * kh*kw*C*K multiply-adds. No im2col matrix exists. Loops: panels of 64 output channels, lines, pixels. */
#include "cpu/conv2d.h"

#include <string.h>

#include "cpu/blas.h"
#include "cpu/ref/ref.h"

enum {
    PIXELS = 224,   /* of a work item: enough to use a panel from L2 30 times */
    TILE_SHARE = 2, /* the tile may take half of L2 */
    TILE_BYTES = 1 << 24, /* more only for images that are themselves large */
    TILE_IMAGES = 4
};

/* ---- geometry ---- */

static weft_conv2d_geometry geometry(const weft_node *node)
{
    const weft_conv2d_opt *o = node->opt;
    const int64_t *x = node->in[0].dim, *y = node->out[0].dim;
    return (weft_conv2d_geometry){
        .n = x[0],
        .h = x[1],
        .w = x[2],
        .c = x[3],
        .oh = y[1],
        .ow = y[2],
        .reach_h = (y[1] - 1) * o->stride_h + (int64_t)(o->kernel_h - 1) * o->dilation + 1,
        .reach_w = (y[2] - 1) * o->stride_w + (int64_t)(o->kernel_w - 1) * o->dilation + 1,
    };
}

/* Whether some window reaches outside the image. */
static bool padded(const weft_conv2d_opt *o, const weft_conv2d_geometry *g)
{
    return o->pad.top > 0 || o->pad.left > 0 || g->reach_h - o->pad.top > g->h || g->reach_w - o->pad.left > g->w;
}

const char *weft_conv2d_refuse_border(const weft_node *node)
{
    const weft_conv2d_opt *o = node->opt;
    const weft_conv2d_geometry g = geometry(node);
    const double lines = (double)(o->kernel_h - 1) * o->dilation + 1, pixel = (double)g.c * sizeof(float);
    const double tile = lines * (double)g.reach_w * pixel, image = (double)g.h * (double)g.w * pixel;
    return tile > TILE_BYTES && tile > TILE_IMAGES * image
               ? "padded so far beyond the image that a copy with its border would cost more than the outputs"
               : NULL;
}

/* Taps over pixels `step` floats apart, lines of `width` pixels; runs join where nothing lies between them. */
static weft_gemm_taps taps_of(const weft_conv2d_opt *o, int64_t c, int64_t step, int64_t width)
{
    weft_gemm_taps t = { o->kernel_h, o->kernel_w, o->dilation * width * step, o->dilation * step, c };
    if (step == c && (o->dilation == 1 || t.w == 1)) {
        t.run *= t.w;
        t.w = 1;
    }
    if (t.w == 1 && t.step_h == t.run) {
        t.run *= t.h;
        t.h = 1;
    }
    if (t.h == 1 && t.w == 1)
        t.step_h = t.step_w = 0;
    return t;
}

static const char *refuse_grouped(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = node->opt;
    return o->groups != 1 ? "grouped: only convolutions of one group" : weft_gemm_refuse(device);
}

/* Packs KRSC filters and the bias. */
static void pack(const weft_call *call, const weft_gemm *gemm, size_t bias_at)
{
    weft_gemm_pack(gemm, weft_call_param(call, 0), gemm->depth, 1, call->packed);
    weft_gemm_pack_bias(gemm, weft_call_param(call, 1), weft_at(call->packed, bias_at));
}

/* ---- pointwise ---- */

static const char *pointwise_refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = node->opt;
    const weft_conv2d_geometry g = geometry(node);
    if (padded(o, &g))
        return "padded: the pixels are no plain rows";
    if (g.oh == 1 && g.ow == 1)
        return refuse_grouped(node, device);
    if (o->kernel_h != 1 || o->kernel_w != 1)
        return "window larger than 1x1";
    if (o->stride_h != 1 || o->stride_w != 1)
        return "strided: the pixels are no plain rows";
    return refuse_grouped(node, device);
}

static weft_status pointwise_prepare(const weft_node *node, weft_plan *plan)
{
    const weft_conv2d_opt *o = node->opt;
    weft_gemm_rows *rows = weft_arena_alloc(plan->arena, sizeof *rows);
    if (!rows)
        return WEFT_NO_MEMORY;
    const int64_t depth = node->in[0].dim[3] * o->kernel_h * o->kernel_w;
    weft_gemm_init(&rows->gemm, weft_gemm_table_of(plan->device), depth, o->out);
    rows->rows = weft_shape_rows(&node->out[0]);
    plan->state = rows;
    return weft_gemm_rows_plan(rows, plan);
}

static weft_status pointwise_pack(const weft_call *call)
{
    const weft_gemm_rows *rows = call->state;
    pack(call, &rows->gemm, rows->bias_at);
    return WEFT_OK;
}

static weft_status pointwise_run(const weft_call *call)
{
    const weft_conv2d_geometry g = geometry(call->node);
    const int64_t ld = call->in[0].ld;
    const weft_gemm_taps taps = taps_of(call->node->opt, g.c, ld, g.w);
    weft_gemm_rows_run(call->state, call, g.oh == 1 && g.ow == 1 ? g.h * g.w * ld : ld, &taps);
    return WEFT_OK;
}

static const weft_kernel pointwise = {
    .name = "cpu.conv2d.pointwise",
    .refuse = pointwise_refuse,
    .prepare = pointwise_prepare,
    .pack = pointwise_pack,
    .run = pointwise_run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};

/* ---- implicit GEMM ---- */

static const char *implicit_refuse(const weft_node *node, const weft_device *device)
{
    const char *const reason = refuse_grouped(node, device);
    return reason ? reason : weft_conv2d_refuse_border(node);
}

typedef struct implicit {
    weft_gemm gemm;
    weft_conv2d_geometry geometry;
    int64_t lines, blocks; /* output lines of a work item, items of an image */
    int64_t groups;
    size_t bias_at;
    bool tile; /* copy with a border */
    bool stream;
} implicit;

static weft_status implicit_prepare(const weft_node *node, weft_plan *plan)
{
    const weft_conv2d_opt *o = node->opt;
    implicit *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    const weft_conv2d_geometry g = s->geometry = geometry(node);
    plan->state = s;
    weft_gemm_init(&s->gemm, weft_gemm_table_of(plan->device), g.c * o->kernel_h * o->kernel_w, o->out);
    WEFT_TRY(weft_gemm_bytes(&s->gemm, &s->bias_at, &plan->packed));
    s->tile = padded(o, &g);
    s->stream = weft_gemm_streams(&s->gemm, plan->device, weft_shape_rows(&node->out[0]));

    const int64_t line = g.reach_w * g.c * (int64_t)sizeof(float); /* bytes of a tile's line */
    const int64_t window = (int64_t)(o->kernel_h - 1) * o->dilation + 1;
    int64_t lines = s->tile && o->stride_h > window ? 1 : (PIXELS + g.ow - 1) / g.ow; /* no lines between windows */
    while (lines > 1 && ((lines - 1) * o->stride_h + window) * line > (int64_t)plan->device->cpu.l2 / TILE_SHARE)
        lines--;
    while (lines > 1 && g.n * ((g.oh + lines - 1) / lines) < (int64_t)plan->device->threads * WEFT_GEMM_ITEMS &&
           (lines - 1) * g.ow >= PIXELS / 4 && plan->device->threads > 1)
        lines--;
    s->blocks = (g.oh + lines - 1) / lines;
    s->lines = (g.oh + s->blocks - 1) / s->blocks;
    s->blocks = (g.oh + s->lines - 1) / s->lines;
    s->groups = weft_gemm_groups(&s->gemm, plan->device, g.n * s->blocks);
    if (s->tile) {
        size_t bytes;
        if (!weft_mul_size((size_t)((s->lines - 1) * o->stride_h + window), (size_t)line, &bytes))
            return weft_fail(WEFT_INVALID, "a line of the padded input does not fit in memory");
        plan->thread_scratch = bytes;
    }
    return WEFT_OK;
}

static weft_status implicit_pack(const weft_call *call)
{
    const implicit *s = call->state;
    pack(call, &s->gemm, s->bias_at);
    return WEFT_OK;
}

/* Lines [top, top + count) of image n, pixels [left, left + reach_w), zeros outside the image; tile is dense. */
static void copy_tile(const weft_conv2d_geometry *g, const weft_view *x, int64_t n, int64_t top, int64_t left,
                      int64_t count, float *tile)
{
    const int64_t c = g->c, first = left > 0 ? left : 0;
    const int64_t end = left + g->reach_w < g->w ? left + g->reach_w : g->w;
    const size_t pixel = (size_t)c * sizeof(float);
    for (int64_t i = top; i < top + count; i++, tile += g->reach_w * c) {
        if (i < 0 || i >= g->h || end <= first) {
            memset(tile, 0, (size_t)g->reach_w * pixel);
            continue;
        }
        const float *from = (const float *)x->data + ((n * g->h + i) * g->w + first) * x->ld;
        float *to = tile + (first - left) * c;
        memset(tile, 0, (size_t)(first - left) * pixel);
        if (x->ld == c)
            memcpy(to, from, (size_t)(end - first) * pixel);
        else
            for (int64_t j = 0; j < end - first; j++)
                memcpy(to + j * c, from + j * x->ld, pixel);
        memset(to + (end - first) * c, 0, (size_t)(left + g->reach_w - end) * pixel);
    }
}

typedef struct implicit_task {
    const implicit *state;
    const weft_call *call;
    weft_gemm_block block;
} implicit_task;

static void implicit_item(void *arg, int64_t item, int thread)
{
    const implicit_task *task = arg;
    const implicit *s = task->state;
    const weft_conv2d_geometry *g = &s->geometry;
    const weft_conv2d_opt *o = task->call->node->opt;
    const int64_t n = item / s->groups / s->blocks, line = item / s->groups % s->blocks * s->lines;
    weft_gemm_block b = task->block;

    weft_gemm_share(&s->gemm, s->groups, item % s->groups, &b.first, &b.last);
    b.lines = g->oh - line < s->lines ? g->oh - line : s->lines;
    const int64_t top = line * o->stride_h - o->pad.top;
    if (s->tile) {
        float *tile = weft_call_thread_scratch(task->call, thread);
        const int64_t count = (b.lines - 1) * o->stride_h + (int64_t)(o->kernel_h - 1) * o->dilation + 1;
        copy_tile(g, &task->call->in[0], n, top, -(int64_t)o->pad.left, count, tile);
        b.a = tile;
    } else {
        b.a += (n * g->h + top) * g->w * task->call->in[0].ld;
    }
    const int64_t row = (n * g->oh + line) * g->ow;
    b.c += row * b.c_row;
    if (b.residual)
        b.residual += row * b.r_row;
    s->gemm.table->block(&b);
}

static weft_status implicit_run(const weft_call *call)
{
    const implicit *s = call->state;
    const weft_conv2d_geometry *g = &s->geometry;
    const weft_conv2d_opt *o = call->node->opt;
    const int64_t step = s->tile ? g->c : call->in[0].ld; /* of a pixel */
    const int64_t width = s->tile ? g->reach_w : g->w;    /* of a line */
    const weft_gemm_taps taps = taps_of(o, g->c, step, width);
    implicit_task task = { s, call, weft_gemm_block_of(&s->gemm, call, &taps, s->bias_at) };

    task.block.a = call->in[0].data;
    task.block.a_row = o->stride_w * step;
    task.block.a_line = o->stride_h * width * step;
    task.block.pixels = g->ow;
    task.block.c_line = g->ow * task.block.c_row;
    task.block.r_line = g->ow * task.block.r_row;
    task.block.stream = s->stream && weft_gemm_may_stream(call);
    weft_pool_run(call->device->pool, g->n * s->blocks * s->groups, implicit_item, &task);
    return WEFT_OK;
}

static const weft_kernel implicit_gemm = {
    .name = "cpu.conv2d.gemm",
    .refuse = implicit_refuse,
    .prepare = implicit_prepare,
    .pack = implicit_pack,
    .run = implicit_run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cpu_conv2d[] = {
    &weft_cpu_conv2d_depthwise, &weft_cpu_conv2d_grouped, &pointwise, &weft_cpu_conv2d_winograd, &implicit_gemm,
    &weft_cpu_conv2d_openblas,  &weft_cpu_conv2d_ref,     NULL,
};
