/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions and products by the launchers of cuda/kernel/kernels.h. */
#include <math.h>
#include <string.h>

#include "cuda/kernel/norm.h"
#include "lower_part.h"
#include "op/util.h"
#include "typed.h"

static weft_kwindow conv_window(const weft_node *n)
{
    const weft_conv2d_opt *o = n->opt;
    return lower_window_of(n, o->kernel_h, o->kernel_w, o->stride_h, o->stride_w, o->dilation, o->pad);
}

int lower_conv2d_direct(const lower_call *call)
{
    const weft_conv2d_opt *o = call->node->opt;
    const weft_conv2d_args a = { .dtype = call->dtype,
                                 .x = call->in[0],
                                 .y = call->out,
                                 .win = conv_window(call->node),
                                 .c = (int)call->node->in[0].dim[3],
                                 .k = (int)o->out,
                                 .groups = (int)o->groups,
                                 .wt = call->weight[0],
                                 .epi = lower_epilogue_of(call, o->bias ? call->param[1] : NULL) };
    return weft_launch_conv2d(&a, NULL);
}

bool lower_is_depthwise(const weft_node *n)
{
    const weft_conv2d_opt *o = n->opt;
    return o->groups == n->in[0].dim[3] && o->out == o->groups;
}

/* The sums of what was stored, and that there are so many of them. */
static bool pool_is_right(const lower_call *call, const float *pool, int parts)
{
    const weft_shape *y = &call->node->out[0];
    const int64_t pixels = y->dim[1] * y->dim[2], c = y->dim[3];
    for (int64_t n = 0; n < y->dim[0]; n++) {
        for (int64_t i = 0; i < c; i++) {
            double sum = 0, want = 0, size = 0;
            for (int part = 0; part < parts; part++)
                sum += (double)pool[(n * parts + part) * c + i];
            for (int64_t p = n * pixels; p < (n + 1) * pixels; p++) {
                const double v = (double)typed_get(call->dtype, call->out.data, p * call->out.ld + i);
                want += v;
                size += fabs(v);
            }
            if (!(fabs(sum - want) <= 1e-5 * size + 1e-30) && isfinite(want))
                return false;
        }
    }
    return true;
}

/* The sums of all that was stored, and of its squares. */
static bool all_is_right(const lower_call *call, const float *all)
{
    const weft_shape *y = &call->node->out[0];
    const int64_t rows = weft_shape_rows(y), c = y->dim[3];
    for (int64_t i = 0; i < c; i++) {
        double sum = 0, squares = 0, size = 0;
        for (int64_t p = 0; p < rows; p++) {
            const double v = (double)typed_get(call->dtype, call->out.data, p * call->out.ld + i);
            sum += v;
            squares += v * v;
            size += fabs(v);
        }
        const bool right = fabs((double)all[i] - sum) <= 1e-5 * size + 1e-30 &&
                           fabs((double)all[c + i] - squares) <= 1e-5 * squares + 1e-30;
        if (!right && isfinite(squares))
            return false;
    }
    return true;
}

static int depthwise_in(const lower_call *call, int64_t ld_wt, bool pooled, int rows)
{
    const weft_conv2d_opt *o = call->node->opt;
    const int c = (int)o->out, taps = o->kernel_h * o->kernel_w;
    void *wt = lower_fresh(call, (size_t)(taps * ld_wt) * sizeof(float));
    if (!wt)
        return -1;
    memset(wt, 0xff, (size_t)(taps * ld_wt) * sizeof(float));
    for (int t = 0; t < taps; t++)
        for (int i = 0; i < c; i++)
            typed_set(call->dtype, wt, t * ld_wt + i, (double)typed_get(call->dtype, call->weight[0], i * taps + t));
    weft_depthwise_args a = { .dtype = call->dtype,
                              .x = call->in[0],
                              .y = call->out,
                              .win = conv_window(call->node),
                              .c = c,
                              .wt = wt,
                              .ld_wt = ld_wt,
                              .epi = lower_epilogue_of(call, o->bias ? call->param[1] : NULL),
                              .rows = rows };
    static unsigned turns[WEFT_TURNS];
    const int parts = weft_depthwise_parts(&a);
    if (pooled) {
        a.sums = lower_fresh_floats(call, a.win.n * (int64_t)parts * c);
        a.all.to = lower_fresh_floats(call, 2 * c);
        a.all.scratch = lower_fresh_floats(call, a.win.n * (int64_t)parts * 2 * c);
        a.all.turns = turns;
        if (!a.sums || !a.all.to || !a.all.scratch)
            return -1;
        if (!weft_depthwise_takes_sums(&a))
            a.all.to = NULL;
    }
    const int status = weft_launch_depthwise(&a, NULL);
    if (status != 0 || !pooled)
        return status;
    return pool_is_right(call, a.sums, parts) && (!a.all.to || all_is_right(call, a.all.to)) ? 0 : -2;
}

int lower_conv2d_depthwise(const lower_call *call)
{
    return depthwise_in(call, (call->node->in[0].dim[3] + 7) / 8 * 8, false, 1);
}

int lower_conv2d_depthwise_pooled(const lower_call *call)
{
    return depthwise_in(call, call->node->in[0].dim[3], true, 2);
}

bool lower_is_pointwise(const weft_node *n)
{
    const weft_conv2d_opt *o = n->opt;
    return o->kernel_h == 1 && o->kernel_w == 1 && o->stride_h == 1 && o->stride_w == 1 && o->groups == 1 &&
           weft_shape_rows(&n->in[0]) == weft_shape_rows(&n->out[0]);
}

static int product(const lower_call *call, int64_t rows, const float *bias)
{
    const int c = (int)weft_shape_channels(&call->node->in[0]);
    const weft_gemm_args a = { .dtype = call->dtype,
                               .y_dtype = call->y_dtype,
                               .x = call->in[0],
                               .y = call->out,
                               .batch = 1,
                               .rows = (int)rows,
                               .c = c,
                               .k = (int)weft_shape_channels(&call->node->out[0]),
                               .wt = call->weight[0],
                               .ld_wt = c,
                               .epi = lower_epilogue_of(call, bias) };
    return weft_launch_gemm(&a, NULL);
}

int lower_conv2d_gemm(const lower_call *call)
{
    const weft_conv2d_opt *o = call->node->opt;
    return product(call, weft_shape_rows(&call->node->in[0]), o->bias ? call->param[1] : NULL);
}

int lower_dense(const lower_call *call)
{
    const weft_dense_opt *o = call->node->opt;
    return product(call, call->node->in[0].dim[0], o->no_bias ? NULL : call->param[1]);
}

int lower_partial_conv2d(const lower_call *call)
{
    const weft_partial_conv2d_opt *o = call->node->opt;
    const int64_t channels = call->node->in[0].dim[3];
    int *first = lower_fresh(call, (size_t)(o->out + 1) * sizeof(int));
    int *channel = lower_fresh(call, (size_t)(o->out * channels) * sizeof(int));
    if (!first || !channel)
        return -1;
    int links = 0;
    for (int64_t k = 0; k < o->out; k++) {
        first[k] = links;
        for (int64_t c = 0; c < channels; c++)
            if (o->table[k * channels + c])
                channel[links++] = (int)c;
    }
    first[o->out] = links;
    const weft_partial_conv2d_args a = { .dtype = call->dtype,
                                         .x = call->in[0],
                                         .y = call->out,
                                         .win = lower_window_of(call->node, o->kernel, o->kernel, 1, 1, 1,
                                                                (weft_pad){ 0 }),
                                         .k = (int)o->out,
                                         .first = first,
                                         .channel = channel,
                                         .wt = call->weight[0],
                                         .epi = lower_epilogue_of(call, o->bias ? call->param[1] : NULL) };
    return weft_launch_partial_conv2d(&a, NULL);
}

int lower_rbf(const lower_call *call)
{
    const weft_rbf_args a = { .dtype = call->dtype,
                              .y_dtype = call->y_dtype,
                              .x = call->in[0],
                              .y = call->out,
                              .n = (int)call->node->in[0].dim[0],
                              .c = (int)call->node->in[0].dim[1],
                              .k = (int)call->node->out[0].dim[1],
                              .centre = call->param[0] };
    return weft_launch_rbf(&a, NULL);
}
