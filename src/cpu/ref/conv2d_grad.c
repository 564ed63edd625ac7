/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of a convolution by their definition. Each input pixel gathers from the outputs whose windows hold it;
 * each weight sums over all outputs. Sums in double. */
#include "op/conv2d.h"

#include "cpu/ref/ref.h"

/* The output line (or column) whose window has input i at tap t; -1: there is none. */
static int64_t output_of(int64_t i, int before, int t, int dilation, int stride, int64_t outputs)
{
    const int64_t at = i + before - (int64_t)t * dilation;
    return at >= 0 && at % stride == 0 && at / stride < outputs ? at / stride : -1;
}

enum { RUN = 64 }; /* channels of a group that are summed side by side, each on its own and in the same order */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Channels [c, c + count) of one group at pixel (ih, iw) of image n. */
static void gather(const weft_call *call, int64_t n, int64_t ih, int64_t iw, int64_t c, int64_t count, double sum[RUN])
{
    const weft_conv2d_grad_opt *g = call->node->opt;
    const weft_conv2d_opt *o = &g->conv;
    const int64_t oh_count = call->node->in[0].dim[1], ow_count = call->node->in[0].dim[2];
    const int64_t depth = g->c / o->groups, filters = o->out / o->groups, first = c / depth * filters;
    for (int64_t i = 0; i < count; i++)
        sum[i] = 0;
    for (int r = 0; r < o->kernel_h; r++) {
        for (int s = 0; s < o->kernel_w; s++) {
            const int64_t oh = output_of(ih, o->pad.top, r, o->dilation, o->stride_h, oh_count);
            const int64_t ow = output_of(iw, o->pad.left, s, o->dilation, o->stride_w, ow_count);
            if (oh < 0 || ow < 0)
                continue;
            const real *dy = ref_row(&call->in[0], (n * oh_count + oh) * ow_count + ow);
            for (int64_t k = first; k < first + filters; k++) {
                const real *wt = ref_row(&call->in[1], (k * o->kernel_h + r) * o->kernel_w + s) + c % depth;
                for (int64_t i = 0; i < count; i++)
                    sum[i] += (double)dy[k] * (double)wt[i];
            }
        }
    }
}

static weft_status run_dx(const weft_call *call)
{
    const weft_conv2d_grad_opt *g = call->node->opt;
    const weft_shape *x = &call->node->out[0];
    const int64_t h = x->dim[1], w = x->dim[2], depth = g->c / g->conv.groups;
    double sum[RUN];
    for (int64_t row = 0; row < x->dim[0] * h * w; row++) {
        for (int64_t c = 0, count; c < x->dim[3]; c += count) {
            count = least(depth - c % depth, RUN);
            gather(call, row / (h * w), row / w % h, row % w, c, count, sum);
            for (int64_t i = 0; i < count; i++)
                ref_row(&call->out[0], row)[c + i] = (real)ref_finish(call, sum[i], row, c + i);
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(conv2d_dx) = { WEFT_REF_NAMED(conv2d_dx), .run = run_dx };

/* The sums over all outputs of filter k at tap (r, s), channels [c, c + count) of its group. */
static void weight_sums(const weft_call *call, int64_t k, int r, int s, int64_t c, int64_t count, double sum[RUN])
{
    const weft_conv2d_grad_opt *g = call->node->opt;
    const weft_conv2d_opt *o = &g->conv;
    const weft_shape *y = &call->node->in[1];
    const int64_t channel = k / (o->out / o->groups) * (g->c / o->groups) + c;
    for (int64_t i = 0; i < count; i++)
        sum[i] = 0;
    for (int64_t n = 0; n < y->dim[0]; n++) {
        for (int64_t oh = 0; oh < y->dim[1]; oh++) {
            const int64_t ih = oh * o->stride_h - o->pad.top + (int64_t)r * o->dilation;
            for (int64_t ow = 0; ow < y->dim[2] && ih >= 0 && ih < g->h; ow++) {
                const int64_t iw = ow * o->stride_w - o->pad.left + (int64_t)s * o->dilation;
                if (iw < 0 || iw >= g->w)
                    continue;
                const real *px = ref_row(&call->in[0], (n * g->h + ih) * g->w + iw) + channel;
                const double dy = (double)ref_row(&call->in[1], (n * y->dim[1] + oh) * y->dim[2] + ow)[k];
                for (int64_t i = 0; i < count; i++)
                    sum[i] += (double)px[i] * dy;
            }
        }
    }
}

static weft_status run_dw(const weft_call *call)
{
    const weft_shape *w = &call->node->out[0];
    double sum[RUN];
    for (int64_t row = 0; row < weft_shape_rows(w); row++) {
        for (int64_t c = 0, count; c < w->dim[3]; c += count) {
            count = least(w->dim[3] - c, RUN);
            weight_sums(call, row / (w->dim[1] * w->dim[2]), (int)(row / w->dim[2] % w->dim[1]),
                        (int)(row % w->dim[2]), c, count, sum);
            for (int64_t i = 0; i < count; i++)
                ref_row(&call->out[0], row)[c + i] = (real)sum[i];
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(conv2d_dw) = { WEFT_REF_NAMED(conv2d_dw), .run = run_dw };
