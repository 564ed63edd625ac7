/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d by its definition: for every output, the sum over the window and the group's channels. Pixels outside the
 * image are skipped. Sums in double. */
#include "cpu/ref/ref.h"

enum { BESIDE = 8 }; /* filters that are summed side by side, each on its own and in the same order */

/* The sums of filters [k, k + count) of one group at output pixel (oh, ow) of image n. */
static void window(const weft_call *call, int64_t n, int64_t oh, int64_t ow, int64_t k, int64_t count,
                   double sum[BESIDE])
{
    const weft_conv2d_opt *o = call->node->opt;
    const weft_shape *x = &call->node->in[0];
    const int64_t h = x->dim[1], w = x->dim[2], depth = x->dim[3] / o->groups;
    const int64_t first = k / (o->out / o->groups) * depth; /* channel of the group */
    const int64_t filter = o->kernel_h * o->kernel_w * depth;
    const real *wt = (const real *)weft_call_param(call, 0) + k * filter;
    for (int64_t i = 0; i < count; i++)
        sum[i] = 0;
    for (int r = 0; r < o->kernel_h; r++) {
        for (int s = 0; s < o->kernel_w; s++, wt += depth) {
            const int64_t ih = oh * o->stride_h - o->pad.top + (int64_t)r * o->dilation;
            const int64_t iw = ow * o->stride_w - o->pad.left + (int64_t)s * o->dilation;
            if (ih < 0 || ih >= h || iw < 0 || iw >= w)
                continue;
            const real *px = ref_row(&call->in[0], (n * h + ih) * w + iw) + first;
            for (int64_t c = 0; c < depth; c++)
                for (int64_t i = 0; i < count; i++)
                    sum[i] += (double)px[c] * (double)wt[i * filter + c];
        }
    }
}

static weft_status run(const weft_call *call)
{
    const weft_conv2d_opt *o = call->node->opt;
    const weft_shape *y = &call->node->out[0];
    const int64_t oh = y->dim[1], ow = y->dim[2], filters = o->out / o->groups;
    double sum[BESIDE];
    for (int64_t row = 0; row < y->dim[0] * oh * ow; row++) {
        real *out = ref_row(&call->out[0], row);
        for (int64_t k = 0, count; k < o->out; k += count) {
            count = filters - k % filters < BESIDE ? filters - k % filters : BESIDE;
            window(call, row / (oh * ow), row / ow % oh, row % ow, k, count, sum);
            for (int64_t i = 0; i < count; i++) {
                const double v = o->bias ? sum[i] + (double)((const real *)weft_call_param(call, 1))[k + i] : sum[i];
                out[k + i] = (real)ref_finish(call, v, row, k + i);
            }
        }
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(conv2d) = { WEFT_REF_NAMED(conv2d), .run = run };
