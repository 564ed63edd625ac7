/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of pools over windows by their definition: each pixel of x gathers from the windows that hold it. Sums
 * in double. */
#include "op/pool2d.h"

#include "cpu/ref/ref.h"

/* A window of image n: its corner in x. */
typedef struct corner {
    int64_t n, ih, iw;
} corner;

/* The pixel that a window's maximum came from, counted within the window: the first of equal ones. */
static int64_t winner(const weft_call *call, const corner *at, int64_t c)
{
    const weft_pool2d_grad_opt *g = call->node->opt;
    const weft_pool2d_opt *o = &g->pool;
    int64_t best = -1;
    double most = 0;
    for (int r = 0; r < o->kernel_h; r++) {
        for (int s = 0; s < o->kernel_w; s++) {
            const int64_t ih = at->ih + r, iw = at->iw + s;
            const bool inside = ih >= 0 && ih < g->h && iw >= 0 && iw < g->w;
            if (!inside && !(o->zero_border && ih < g->h + o->pad.bottom && iw < g->w + o->pad.right))
                continue;
            const double v = inside ? (double)ref_row(&call->in[1], (at->n * g->h + ih) * g->w + iw)[c] : 0;
            if (best < 0 || v > most) {
                most = v;
                best = (int64_t)r * o->kernel_w + s;
            }
        }
    }
    return best;
}

/* Pixels of a window along one axis that the mean is taken over: inside the image, or inside image and padding. */
static int64_t counted(int64_t start, int kernel, int64_t size, int after, bool border)
{
    const int64_t end = start + kernel, last = size + (border ? after : 0);
    return (end < last ? end : last) - (start < 0 && !border ? 0 : start);
}

/* What the window hands to its pixel (r, s). */
static double share(const weft_call *call, const corner *at, int r, int s, int64_t c, double dy)
{
    const weft_pool2d_grad_opt *g = call->node->opt;
    const weft_pool2d_opt *o = &g->pool;
    if (call->node->id == WEFT_OP_MAX_POOL2D_DX)
        return winner(call, at, c) == (int64_t)r * o->kernel_w + s ? dy : 0;
    return dy / (double)(counted(at->ih, o->kernel_h, g->h, o->pad.bottom, o->count_border) *
                         counted(at->iw, o->kernel_w, g->w, o->pad.right, o->count_border));
}

static double gather(const weft_call *call, int64_t n, int64_t ih, int64_t iw, int64_t c)
{
    const weft_pool2d_opt *o = &((const weft_pool2d_grad_opt *)call->node->opt)->pool;
    const int64_t oh_count = call->node->in[0].dim[1], ow_count = call->node->in[0].dim[2];
    double sum = 0;
    for (int r = 0; r < o->kernel_h; r++) {
        for (int s = 0; s < o->kernel_w; s++) {
            const int64_t top = ih + o->pad.top - r, left = iw + o->pad.left - s;
            const int64_t oh = top / o->stride_h, ow = left / o->stride_w;
            if (top < 0 || top % o->stride_h || oh >= oh_count || left < 0 || left % o->stride_w || ow >= ow_count)
                continue;
            const corner at = { n, ih - r, iw - s };
            sum += share(call, &at, r, s, c, (double)ref_row(&call->in[0], (n * oh_count + oh) * ow_count + ow)[c]);
        }
    }
    return sum;
}

static weft_status run(const weft_call *call)
{
    const weft_shape *x = &call->node->out[0];
    const int64_t h = x->dim[1], w = x->dim[2];
    for (int64_t row = 0; row < x->dim[0] * h * w; row++)
        for (int64_t c = 0; c < x->dim[3]; c++)
            ref_row(&call->out[0], row)[c] =
                (real)ref_finish(call, gather(call, row / (h * w), row / w % h, row % w, c), row, c);
    return WEFT_OK;
}

const weft_kernel WEFT_REF(max_pool2d_dx) = { WEFT_REF_NAMED(max_pool2d_dx), .run = run };
const weft_kernel WEFT_REF(avg_pool2d_dx) = { WEFT_REF_NAMED(avg_pool2d_dx), .run = run };
