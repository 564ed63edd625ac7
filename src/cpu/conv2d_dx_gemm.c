/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d_dx by implicit GEMMs (gemm_window.h), any window, stride, dilation, padding and groups.
 *
 * The gradient of a convolution of stride 1 is a convolution of dy with the turned window: w'[c][r'][s'][k] =
 * w[k][R-1-r'][S-1-s'][c], padded by what the window reaches beyond the pads. With strides the pixels of x fall into
 * stride_h * stride_w grids, by where in the stride they lie; a pixel of one grid meets the same few taps of the window
 * as all its neighbours in the grid, so each grid is a convolution of stride 1 with these taps: together they do just
 * the forward's multiplications. Pixels that no window reaches have no taps. All grids of a block of lines are one work
 * item, so that dy is read once. Rows of B are rows of the weights, as they lie in memory.
 *
 * Narrow groups are joined as conv2d_grouped.c does. */
#include "cpu/conv2d_dx.h"

#include <string.h>

#include "cpu/machine.h"
#include "cpu/rows.h"

enum {
    PACK_ROWS = 16,  /* filters of an item */
    MAX_GRIDS = 1024 /* a window of 32 x 32 that is the whole image */
};

/* The i-th grid, all but weights. */
static weft_gemm_window grid_at(const weft_conv2d_dx_axis axis[2], int64_t i)
{
    const int64_t a = i / axis[1].grids, b = i % axis[1].grids;
    const weft_conv2d_dx_taps h = weft_conv2d_dx_taps_at(&axis[0], a), w = weft_conv2d_dx_taps_at(&axis[1], b);
    return (weft_gemm_window){
        .oh = h.pixels, .ow = w.pixels, .kernel_h = (int)h.count, .kernel_w = (int)w.count, .stride_h = 1,
        .stride_w = 1, .dilation_h = h.dilation, .dilation_w = w.dilation, .top = h.before, .left = w.before,
        .first = a * axis[1].in + b, .pixel_step = axis[1].stride, .line_step = axis[0].stride * axis[1].in,
    };
}

/* dy and dx, all but grids; groups are products. */
static weft_gemm_windows windows_of(const weft_node *node, int64_t joined)
{
    const weft_conv2d_grad_opt *g = node->opt;
    const int64_t *dy = node->in[0].dim, products = g->conv.groups / joined;
    return (weft_gemm_windows){ .n = dy[0], .h = dy[1], .w = dy[2], .image = g->h * g->w, .products = products,
                                .in = dy[3] / products, .out = g->c / products };
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_gemm_windows s = windows_of(node, 1);
    weft_conv2d_dx_axis axis[2];
    weft_conv2d_dx_axes(node, axis);
    if (axis[0].grids > MAX_GRIDS || axis[1].grids > MAX_GRIDS || axis[0].grids * axis[1].grids > MAX_GRIDS)
        return "pixels fall into over 1024 grids";
    for (int64_t i = 0; i < axis[0].grids * axis[1].grids; i++) {
        const weft_gemm_window grid = grid_at(axis, i);
        const char *const reason = weft_gemm_window_refuse(&s, &grid);
        if (reason)
            return reason;
    }
    return weft_gemm_refuse(device);
}

typedef struct state {
    weft_gemm_windows windows;
    weft_conv2d_dx_axis axis[2];
    weft_conv2d_dx_taps *lines, *columns; /* [grids] of each axis */
    int64_t joined;        /* groups of a product */
    int64_t zeros;  /* floats, in place of a bias */
    size_t zeros_at;
} state;

/* Places of the grids' panels in the packed weights. */
static weft_status place_grids(state *s, const weft_gemm_table *table, size_t *packed)
{
    const weft_gemm_windows *w = &s->windows;
    size_t at = 0;
    for (int i = 0; i < w->parts; i++) {
        weft_gemm_window *p = &w->part[i];
        size_t with_bias, all;
        weft_gemm_init(&p->gemm, table, w->in * p->kernel_h * p->kernel_w, w->out);
        WEFT_TRY(weft_gemm_bytes(&p->gemm, &p->b_step, &with_bias));
        p->b_at = at;
        if (!weft_mul_size(p->b_step, (size_t)w->products, &all) || !weft_add_size(at, all, &at))
            return weft_fail(WEFT_INVALID, "packed weights do not fit in memory");
    }
    s->zeros = w->part[0].gemm.width;
    s->zeros_at = at;
    for (int i = 0; i < w->parts; i++)
        w->part[i].bias_at = at;
    return weft_add_size(at, sizeof(float) * (size_t)s->zeros, packed)
               ? WEFT_OK
               : weft_fail(WEFT_INVALID, "packed weights do not fit in memory");
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_conv2d_grad_opt *g = node->opt;
    state *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    *s = (state){ .joined = 1 };
    weft_conv2d_dx_axes(node, s->axis);
    const weft_gemm_table *table = weft_gemm_table_of(plan->device);
    if (g->conv.groups > 1)
        table = weft_conv2d_join_groups(plan->device, g->conv.groups, g->c / g->conv.groups, &s->joined);
    weft_gemm_windows *w = &s->windows;
    *w = windows_of(node, s->joined);
    w->parts = (int)(s->axis[0].grids * s->axis[1].grids);
    w->part = weft_arena_alloc(plan->arena, sizeof *w->part * (size_t)w->parts);
    s->lines = weft_arena_alloc(plan->arena, sizeof *s->lines * (size_t)s->axis[0].grids);
    s->columns = weft_arena_alloc(plan->arena, sizeof *s->columns * (size_t)s->axis[1].grids);
    if (!w->part || !s->lines || !s->columns)
        return WEFT_NO_MEMORY;
    for (int64_t i = 0; i < s->axis[0].grids; i++)
        s->lines[i] = weft_conv2d_dx_taps_at(&s->axis[0], i);
    for (int64_t i = 0; i < s->axis[1].grids; i++)
        s->columns[i] = weft_conv2d_dx_taps_at(&s->axis[1], i);
    for (int i = 0; i < w->parts; i++)
        w->part[i] = grid_at(s->axis, i);
    WEFT_TRY(place_grids(s, table, &plan->scratch));
    const double bytes = (double)weft_shape_count(&node->out[0]) * sizeof(float);
    w->stream = w->products == 1 && (w->parts > 1 ? weft_beyond_near_cache(plan->device, bytes)
                                                  : weft_beyond_cache(plan->device, bytes));
    return weft_gemm_windows_plan(w, plan);
}

/* The rows of filter k of a product, for every grid. */
static void pack_filter(const weft_call *call, int64_t product, int64_t k)
{
    const state *s = call->state;
    const weft_gemm_windows *w = &s->windows;
    const int64_t in = w->in / s->joined, out = w->out / s->joined; /* of a group */
    const int64_t first = (product * w->in + k) * s->axis[0].kernel * s->axis[1].kernel;
    for (int i = 0; i < w->parts; i++) {
        const weft_gemm_window *p = &w->part[i];
        float *const to = weft_at(call->packed, p->b_at + (size_t)product * p->b_step);
        const weft_conv2d_dx_taps h = s->lines[i / s->axis[1].grids], v = s->columns[i % s->axis[1].grids];
        for (int64_t t = 0; t < h.count * v.count; t++) {
            const int64_t tap = (h.last - t / v.count * h.step) * s->axis[1].kernel + v.last - t % v.count * v.step;
            weft_gemm_pack_row(&p->gemm, t * w->in + k, weft_row(&call->in[1], first + tap), k / in * out, out, to);
        }
    }
}

static void pack_item(void *arg, int64_t item, int thread)
{
    const weft_call *call = arg;
    const state *s = call->state;
    const int64_t chunks = (s->windows.in + PACK_ROWS - 1) / PACK_ROWS, first = item % chunks * PACK_ROWS;
    const int64_t last = s->windows.in - first < PACK_ROWS ? s->windows.in : first + PACK_ROWS;
    (void)thread;
    for (int64_t k = first; k < last; k++)
        pack_filter(call, item / chunks, k);
    if (item == 0)
        memset(weft_at(call->packed, s->zeros_at), 0, sizeof(float) * (size_t)s->zeros);
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    weft_call packed = *call;
    packed.packed = call->scratch;
    weft_pool_run(call->device->pool, s->windows.products * ((s->windows.in + PACK_ROWS - 1) / PACK_ROWS), pack_item,
                  &packed);
    weft_gemm_windows_run(&s->windows, &packed);
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_dx_gemm = {
    .name = "cpu.conv2d_dx.gemm",
    .refuse = refuse,
    .prepare = prepare,
    .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};
