/* SPDX-License-Identifier: Apache-2.0
 *
 * avg_pool2d by its definition: sum and count of every window, one output after the other. Sums in double. */
#include "cpu/ref/ref.h"

static double window(const weft_call *call, int64_t n, int64_t oh, int64_t ow, int64_t c)
{
    const weft_pool2d_opt *o = call->node->opt;
    const int64_t h = call->node->in[0].dim[1], w = call->node->in[0].dim[2];
    int64_t count = 0;
    double sum = 0;
    for (int r = 0; r < o->kernel_h; r++) {
        for (int s = 0; s < o->kernel_w; s++) {
            const int64_t ih = oh * o->stride_h - o->pad.top + r, iw = ow * o->stride_w - o->pad.left + s;
            const bool inside = ih >= 0 && ih < h && iw >= 0 && iw < w;
            if (inside)
                sum += (double)ref_row(&call->in[0], (n * h + ih) * w + iw)[c];
            if (inside || (o->count_border && ih < h + o->pad.bottom && iw < w + o->pad.right))
                count++;
        }
    }
    return sum / (double)count;
}

static weft_status run(const weft_call *call)
{
    const weft_shape *y = &call->node->out[0];
    const int64_t oh = y->dim[1], ow = y->dim[2];
    for (int64_t row = 0; row < y->dim[0] * oh * ow; row++) {
        real *out = ref_row(&call->out[0], row);
        for (int64_t c = 0; c < y->dim[3]; c++)
            out[c] = (real)window(call, row / (oh * ow), row / ow % oh, row % ow, c);
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(avg_pool2d) = { WEFT_REF_NAMED(avg_pool2d), .run = run };
