/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of subsample and its gradients: a depthwise convolution whose window has the gain at every tap
 * (depthwise.h). Its gradient by the input is dy times the gain, once for each tap, its gradient by the gain the sum
 * of the taps' own. */
#include <string.h>

#include "cpu/depthwise.h"
#include "cpu/machine.h"
#include "cpu/ref/ref.h"
#include "cpu/rows.h"
#include "cpu/simd/act.h"
#include "op/util.h"

static int64_t padded(int64_t channels)
{
    return (int64_t)weft_round_up((size_t)channels, WEFT_ROWS_LANES);
}

static weft_window window_of(const weft_shape *x, const weft_shape *y, int kernel)
{
    return (weft_window){ .ih = (int)x->dim[1], .iw = (int)x->dim[2], .oh = (int)y->dim[1], .ow = (int)y->dim[2],
                          .kh = kernel, .kw = kernel, .stride_h = kernel, .stride_w = kernel, .dilation = 1,
                          .channels = x->dim[3] };
}

/* ---- subsample ---- */

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_subsample_opt *o = node->opt;
    const int64_t taps = (int64_t)o->kernel * o->kernel;
    plan->packed = sizeof(float) * (size_t)((taps + 1) * padded(node->in[0].dim[3]));
    if (!weft_act_clamps(node->epi.act))
        plan->thread_scratch = sizeof(float) * (size_t)(2 * node->out[0].dim[2] * WEFT_ROWS_TILE);
    return WEFT_OK;
}

/* The gain for each tap, then the bias. */
static weft_status pack(const weft_call *call)
{
    const weft_subsample_opt *o = call->node->opt;
    const int64_t channels = call->node->in[0].dim[3], step = padded(channels), taps = (int64_t)o->kernel * o->kernel;
    float *to = call->packed;
    memset(to, 0, call->packed_bytes);
    for (int64_t t = 0; t <= taps; t++)
        memcpy(to + t * step, weft_call_param(call, t == taps), sizeof *to * (size_t)channels);
    return WEFT_OK;
}

static weft_status run(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_subsample_opt *o = n->opt;
    const int64_t step = padded(n->in[0].dim[3]), taps = (int64_t)o->kernel * o->kernel;
    const float *wt = call->packed;
    weft_depthwise_part part = { .kernel = { .window = window_of(&n->in[0], &n->out[0], o->kernel), .wt = wt,
                                             .step = step, .bias = wt + taps * step } };
    weft_depthwise_place(call, &part, 1, 1);
    weft_depthwise_run(call, &part, 1, (double)weft_shape_count(&n->out[0]) * (double)taps);
    return WEFT_OK;
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_subsample_opt *o = node->opt;
    return o->kernel > WEFT_ROWS_WINDOW ? "window over 64 lines" : weft_rows_refuse(node, device);
}

static const weft_kernel depthwise = {
    .name = "cpu.subsample.depthwise", .refuse = refuse, .prepare = prepare, .pack = pack, .run = run,
};

const weft_kernel *const weft_cpu_subsample[] = { &depthwise, &weft_cpu_subsample_ref, NULL };

/* ---- subsample_dx ---- */

/* A line of dx: the line of dy above it, to the pixels of each tap; zeros where no window reaches. */
static void item_dx(void *arg, int64_t line, int thread)
{
    const weft_call *call = arg;
    const int64_t k = ((const weft_subsample_dx_opt *)call->node->opt)->kernel;
    const weft_shape *x = &call->node->out[0], *dy = &call->node->in[0];
    const int64_t h = x->dim[1], w = x->dim[2], oh = dy->dim[1], ow = dy->dim[2], i = line % h / k;
    const int64_t seen = i < oh ? ow * k : 0;
    const weft_view *out = &call->out[0];
    (void)thread;
    for (int64_t tap = 0; tap < k && seen; tap++)
        weft_rows_of(call->device)->affine(&(weft_affine){
            .x = weft_row(&call->in[0], (line / h * oh + i) * ow), .scale = call->in[1].data,
            .y = weft_row(out, line * w + tap), .x_ld = call->in[0].ld, .y_ld = k * out->ld, .rows = ow,
            .channels = x->dim[3] });
    for (int64_t j = seen; j < w; j++)
        memset(weft_row(out, line * w + j), 0, sizeof(float) * (size_t)x->dim[3]);
}

static weft_status run_dx(const weft_call *call)
{
    const weft_shape *x = &call->node->out[0];
    weft_call copy = *call;
    weft_pool_run(call->device->pool, x->dim[0] * x->dim[1], item_dx, &copy);
    return WEFT_OK;
}

static const weft_kernel rows_dx = { .name = "cpu.subsample_dx.rows", .refuse = weft_rows_refuse, .run = run_dx };

const weft_kernel *const weft_cpu_subsample_dx[] = { &rows_dx, &weft_cpu_subsample_dx_ref, NULL };

/* ---- subsample_dg ---- */

enum { SLICES = 32 }; /* of the images, at most; by their number alone */

static int64_t slices_of(const weft_node *node)
{
    return node->in[0].dim[0] < SLICES ? node->in[0].dim[0] : SLICES;
}

/* Floats of a slice's sums: [taps][channels]. */
static int64_t slice_floats(const weft_node *node)
{
    const int64_t k = ((const weft_subsample_opt *)node->opt)->kernel;
    return k * k * padded(node->in[0].dim[3]);
}

static weft_status prepare_dg(const weft_node *node, weft_plan *plan)
{
    plan->scratch = sizeof(float) * (size_t)(slices_of(node) * slice_floats(node));
    return WEFT_OK;
}

static void item_dg(void *arg, int64_t slice, int thread)
{
    const weft_call *call = arg;
    const weft_node *n = call->node;
    const weft_view *x = &call->in[0], *dy = &call->in[1];
    const int64_t images = n->in[0].dim[0], slices = slices_of(n), floats = slice_floats(n);
    weft_depthwise_dw p = { .window = window_of(&n->in[0], &n->in[1], ((const weft_subsample_opt *)n->opt)->kernel),
                            .sums = (float *)call->scratch + slice * floats, .step = padded(n->in[0].dim[3]) };
    (void)thread;
    p.window.x_ld = x->ld;
    p.window.x_row = p.window.iw * x->ld;
    p.window.y_ld = dy->ld;
    p.window.y_row = p.window.ow * dy->ld;
    p.last = p.window.oh;
    memset(p.sums, 0, sizeof *p.sums * (size_t)floats);
    for (int64_t i = images * slice / slices; i < images * (slice + 1) / slices; i++) {
        p.x = weft_row(x, i * p.window.ih * p.window.iw);
        p.dy = weft_row(dy, i * p.window.oh * p.window.ow);
        weft_rows_of(call->device)->depthwise_dw(&p);
    }
}

static weft_status run_dg(const weft_call *call)
{
    const int64_t slices = slices_of(call->node), floats = slice_floats(call->node);
    const int64_t channels = call->node->in[0].dim[3], step = padded(channels);
    const float *sums = call->scratch;
    weft_call copy = *call;
    weft_pool_run(call->device->pool, slices, item_dg, &copy);
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0;
        for (int64_t i = c; i < slices * floats; i += step)
            sum += (double)sums[i];
        ((float *)call->out[0].data)[c] = (float)sum;
    }
    return WEFT_OK;
}

static const weft_kernel depthwise_dg = {
    .name = "cpu.subsample_dg.depthwise", .refuse = weft_rows_refuse, .prepare = prepare_dg, .run = run_dg,
};

const weft_kernel *const weft_cpu_subsample_dg[] = { &depthwise_dg, &weft_cpu_subsample_dg_ref, NULL };
