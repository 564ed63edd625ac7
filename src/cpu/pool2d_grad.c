/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of pools over windows: bands of lines of dx as work items. Bound: DRAM (x, dy and dx once each). */
#include "op/pool2d.h"

#include "cpu/ref/ref.h"
#include "cpu/rows.h"

typedef struct job {
    const weft_call *call;
    void (*kernel)(const weft_pooling_dx *p);
    weft_pooling_dx pooling; /* what all items share */
    const weft_view *x, *residual; /* NULL: none */
    int64_t bands;
} job;

static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const int64_t image = index / j->bands, band = index % j->bands;
    weft_pooling_dx p = j->pooling;
    const int64_t pixels = (int64_t)p.window.ih * p.window.iw;
    (void)thread;
    p.dy = weft_row(&j->call->in[0], image * p.window.oh * p.window.ow);
    p.dx = weft_row(&j->call->out[0], image * pixels);
    p.x = j->x ? weft_row(j->x, image * pixels) : NULL;
    p.residual = j->residual ? weft_row(j->residual, image * pixels) : NULL;
    p.first = (int)(p.window.ih * band / j->bands);
    p.last = (int)(p.window.ih * (band + 1) / j->bands);
    j->kernel(&p);
}

static weft_status run(const weft_call *call, const weft_view *x, void (*kernel)(const weft_pooling_dx *p))
{
    const weft_pool2d_grad_opt *g = call->node->opt;
    const weft_pool2d_opt *o = &g->pool;
    const weft_node *n = call->node;
    const int64_t *dy = n->in[0].dim, *dx = n->out[0].dim, dy_ld = call->in[0].ld, dx_ld = call->out[0].ld;
    job j = { .call = call, .kernel = kernel, .x = x, .residual = n->epi.residual ? &call->in[n->n_in - 1] : NULL };
    j.pooling = (weft_pooling_dx){
        .window = { .ih = (int)dx[1], .iw = (int)dx[2], .oh = (int)dy[1], .ow = (int)dy[2], .kh = o->kernel_h,
                    .kw = o->kernel_w, .stride_h = o->stride_h, .stride_w = o->stride_w, .dilation = 1,
                    .top = o->pad.top, .left = o->pad.left, .x_row = dx[2] * dx_ld, .x_ld = dx_ld,
                    .y_row = dy[2] * dy_ld, .y_ld = dy_ld, .channels = dx[3] },
        .x_row = x ? dx[2] * x->ld : 0, .x_ld = x ? x->ld : 0,
        .r_row = j.residual ? dx[2] * j.residual->ld : 0, .r_ld = j.residual ? j.residual->ld : 0,
        .bottom = o->pad.bottom, .right = o->pad.right, .count_border = o->count_border,
        .zero_border = o->zero_border,
    };
    j.bands = weft_bands(call->device, dx[0], dx[1], (double)weft_shape_count(&n->in[0]) * o->kernel_h * o->kernel_w);
    weft_pool_run(call->device->pool, dx[0] * j.bands, item, &j);
    return WEFT_OK;
}

static weft_status run_max(const weft_call *call)
{
    return run(call, &call->in[1], weft_rows_of(call->device)->max_pool_dx);
}

static weft_status run_avg(const weft_call *call)
{
    return run(call, NULL, weft_rows_of(call->device)->avg_pool_dx);
}

static const weft_kernel max_rows = { .name = "cpu.max_pool2d_dx.rows", .refuse = weft_rows_refuse, .run = run_max };
static const weft_kernel avg_rows = { .name = "cpu.avg_pool2d_dx.rows", .refuse = weft_rows_refuse, .run = run_avg,
                                      .inplace = WEFT_INPLACE_RESIDUAL };

const weft_kernel *const weft_cpu_max_pool2d_dx[] = { &max_rows, &weft_cpu_max_pool2d_dx_ref, NULL };
const weft_kernel *const weft_cpu_avg_pool2d_dx[] = { &avg_rows, &weft_cpu_avg_pool2d_dx_ref, NULL };
