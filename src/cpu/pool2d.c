/* SPDX-License-Identifier: Apache-2.0
 *
 * Pooling windows from a node, and their bands as work items. */
#include "cpu/pool2d.h"

typedef struct job {
    const weft_call *call;
    void (*kernel)(const weft_pooling *p);
    weft_pooling pooling; /* what all items share */
    int64_t bands;
} job;

static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const int64_t image = index / j->bands, band = index % j->bands;
    weft_pooling p = j->pooling;
    (void)thread;
    p.x = weft_row(&j->call->in[0], image * p.window.ih * p.window.iw);
    p.y = weft_row(&j->call->out[0], image * p.window.oh * p.window.ow);
    p.first = (int)(p.window.oh * band / j->bands);
    p.last = (int)(p.window.oh * (band + 1) / j->bands);
    j->kernel(&p);
}

weft_status weft_pool2d_run(const weft_call *call, void (*kernel)(const weft_pooling *p))
{
    const weft_pool2d_opt *o = call->node->opt;
    const int64_t *x = call->node->in[0].dim, *y = call->node->out[0].dim;
    const int64_t x_ld = call->in[0].ld, y_ld = call->out[0].ld;
    job j = { .call = call, .kernel = kernel };
    j.pooling = (weft_pooling){
        .window = { .ih = (int)x[1], .iw = (int)x[2], .oh = (int)y[1], .ow = (int)y[2], .kh = o->kernel_h,
                    .kw = o->kernel_w, .stride_h = o->stride_h, .stride_w = o->stride_w, .dilation = 1,
                    .top = o->pad.top, .left = o->pad.left, .x_row = x[2] * x_ld, .x_ld = x_ld, .y_row = y[2] * y_ld,
                    .y_ld = y_ld, .channels = x[3] },
        .bottom = o->pad.bottom, .right = o->pad.right, .count_border = o->count_border,
        .zero_border = o->zero_border,
    };
    j.bands =
        weft_bands(call->device, x[0], y[1], (double)weft_shape_count(&call->node->out[0]) * o->kernel_h * o->kernel_w);
    weft_pool_run(call->device->pool, x[0] * j.bands, item, &j);
    return WEFT_OK;
}
