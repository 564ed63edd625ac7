/* SPDX-License-Identifier: Apache-2.0
 *
 * Each op by the launchers of cuda/kernel/kernels.h. Written from the op's semantics, apart from the backend's host
 * code. */
#include <math.h>

#include "cuda/kernel/excite.h"
#include "lower_part.h"
#include "op/activation.h"
#include "op/normalize.h"
#include "op/util.h"

static weft_map_args map_of(const lower_call *call)
{
    return (weft_map_args){ .dtype = call->dtype,
                            .y_dtype = call->y_dtype,
                            .x = call->in[0],
                            .y = call->out,
                            .rows = weft_shape_rows(&call->node->out[0]),
                            .c = (int)weft_shape_channels(&call->node->out[0]) };
}

/* ---- pools ---- */

static int pool2d(const lower_call *call)
{
    const weft_pool2d_opt *o = call->node->opt;
    const weft_pool2d_args a = { .dtype = call->dtype,
                                 .kind = call->node->id == WEFT_OP_MAX_POOL2D ? WEFT_POOL_MAX : WEFT_POOL_AVG,
                                 .x = call->in[0],
                                 .y = call->out,
                                 .win = lower_window_of(call->node, o->kernel_h, o->kernel_w, o->stride_h, o->stride_w,
                                                        1, o->pad),
                                 .c = (int)call->node->in[0].dim[3],
                                 .count_border = o->count_border,
                                 .zero_border = o->zero_border };
    return weft_launch_pool2d(&a, NULL);
}

static weft_global_pool_args global_args(const lower_call *call)
{
    const weft_shape *x = &call->node->in[0];
    return (weft_global_pool_args){ .dtype = call->dtype,
                                    .y_dtype = call->y_dtype,
                                    .kind = call->node->id == WEFT_OP_GLOBAL_MAX_POOL2D ? WEFT_POOL_MAX : WEFT_POOL_AVG,
                                    .x = call->in[0],
                                    .y = call->out,
                                    .n = (int)x->dim[0],
                                    .pixels = (int)(x->dim[1] * x->dim[2]),
                                    .c = (int)x->dim[3] };
}

static int global_pool2d(const lower_call *call)
{
    weft_global_pool_args a = global_args(call);
    const int parts = weft_global_pool_parts(&a);
    a.scratch = parts > 1 ? lower_fresh_floats(call, (int64_t)a.n * parts * a.c) : NULL;
    return parts > 1 && !a.scratch ? -1 : weft_launch_global_pool(&a, NULL);
}

static int subsample(const lower_call *call)
{
    const weft_subsample_opt *o = call->node->opt;
    const weft_subsample_args a = { .dtype = call->dtype,
                                    .x = call->in[0],
                                    .y = call->out,
                                    .win = lower_window_of(call->node, o->kernel, o->kernel, o->kernel, o->kernel, 1,
                                                           (weft_pad){ 0 }),
                                    .c = (int)call->node->in[0].dim[3],
                                    .gain = call->param[0],
                                    .epi = lower_epilogue_of(call, call->param[1]) };
    return weft_launch_subsample(&a, NULL);
}

/* ---- squeeze and excite ---- */

static int excite_of(const lower_call *call, bool joins)
{
    static unsigned turns[WEFT_TURNS];
    const weft_squeeze_excite_opt *o = call->node->opt;
    weft_global_pool_args squeeze = global_args(call);
    const int parts = weft_global_pool_parts(&squeeze);
    squeeze.y = (weft_kview){ NULL, 0 };
    squeeze.scratch = lower_fresh_floats(call, (int64_t)squeeze.n * parts * squeeze.c);
    float *hidden = lower_fresh_floats(call, squeeze.n * o->reduced);
    if (!squeeze.scratch || !hidden)
        return -1;
    const int second = o->no_bias ? 1 : 2;
    const weft_excite_args a = { .dtype = call->dtype,
                                 .sums = squeeze.scratch,
                                 .hidden = hidden,
                                 .parts = parts,
                                 .pixels = squeeze.pixels,
                                 .n = squeeze.n,
                                 .c = squeeze.c,
                                 .reduced = (int)o->reduced,
                                 .w1 = call->weight[0],
                                 .w2 = call->weight[second],
                                 .b1 = o->no_bias ? NULL : call->param[1],
                                 .b2 = o->no_bias ? NULL : call->param[3],
                                 .act = o->act,
                                 .gate = o->gate,
                                 .gate_dtype = call->dtype,
                                 .from = call->in[0],
                                 .to = call->out,
                                 .rows = squeeze.pixels };
    weft_squeeze_args joined = { .dtype = a.dtype, .x = call->in[0], .n = a.n, .pixels = a.pixels, .c = a.c,
                                 .reduced = a.reduced, .w1 = a.w1, .b1 = a.b1, .act = a.act, .hidden = hidden,
                                 .turns = turns };
    joined.scratch = lower_fresh_floats(call, weft_squeeze_floats(&joined));
    if (!joined.scratch)
        return -1;
    if (joins && weft_excite_joins(a.n, a.c, a.reduced)) {
        const int status = weft_launch_squeeze(&joined, NULL);
        return status != 0 ? status : weft_launch_excite_gates(&a, NULL);
    }
    const int status = weft_launch_global_pool(&squeeze, NULL);
    return status != 0 ? status : weft_launch_excite(&a, NULL);
}

static int squeeze_excite(const lower_call *call)
{
    return excite_of(call, false);
}

static int squeeze_excite_joined(const lower_call *call)
{
    return excite_of(call, true);
}

static int channel_scale(const lower_call *call)
{
    const weft_shape *x = &call->node->in[0];
    const weft_channel_scale_args a = { .dtype = call->dtype,
                                        .s_dtype = call->dtype,
                                        .x = call->in[0],
                                        .s = call->in[1],
                                        .y = call->out,
                                        .n = (int)x->dim[0],
                                        .pixels = (int)(x->dim[1] * x->dim[2]),
                                        .c = (int)x->dim[3] };
    return weft_launch_channel_scale(&a, NULL);
}

static int channel_scale_ds(const lower_call *call)
{
    const weft_shape *x = &call->node->in[0];
    weft_map_product_args a = { .dtype = call->dtype,
                                .x = call->in[0],
                                .dy = call->in[1],
                                .ds = call->out,
                                .n = (int)x->dim[0],
                                .pixels = (int)(x->dim[1] * x->dim[2]),
                                .c = (int)x->dim[3] };
    const int parts = weft_map_product_parts(&a);
    a.scratch = parts > 1 ? lower_fresh_floats(call, 2 * (int64_t)a.n * parts * a.c) : NULL;
    return parts > 1 && !a.scratch ? -1 : weft_launch_map_product(&a, NULL);
}

/* ---- normalisation ---- */

static int batch_norm(const lower_call *call)
{
    const weft_batch_norm_opt *o = call->node->opt;
    weft_map_args a = map_of(call);
    const int first = o->no_gamma ? 0 : 1;
    float *gain = lower_fresh_floats(call, a.c);
    if (!gain)
        return -1;
    for (int c = 0; c < a.c; c++) {
        const double gamma = o->no_gamma ? 1 : (double)call->param[0][c];
        gain[c] = (float)(gamma / sqrt((double)call->param[first + 2][c] + o->epsilon));
    }
    a.mean = call->param[first + 1];
    a.gain = gain;
    a.epi = lower_epilogue_of(call, call->param[first]);
    return weft_launch_map(&a, NULL);
}

static int normalize(const lower_call *call)
{
    const weft_normalize_opt *o = call->node->opt;
    weft_map_args a = map_of(call);
    float *mean = lower_fresh_floats(call, a.c), *gain = lower_fresh_floats(call, a.c);
    if (!mean || !gain)
        return -1;
    for (int c = 0; c < a.c; c++) {
        const double variance = o->stats ? (double)call->param[1][c] : o->variance[c];
        const double m = o->stats ? (double)call->param[0][c] : o->mean[c];
        mean[c] = (float)((m - o->offset) / o->scale);
        gain[c] = (float)(o->scale / fmax(sqrt(variance), WEFT_NORMALIZE_FLOOR));
    }
    a.mean = mean;
    a.gain = gain;
    return weft_launch_map(&a, NULL);
}

static int lrn(const lower_call *call)
{
    const weft_lrn_opt *o = call->node->opt;
    const weft_lrn_args a = { .dtype = call->dtype,
                              .x = call->in[0],
                              .y = call->out,
                              .rows = weft_shape_rows(&call->node->in[0]),
                              .c = (int)weft_shape_channels(&call->node->in[0]),
                              .reach = o->window / 2,
                              .k = (float)o->k,
                              .a = (float)(o->alpha_is_per_window ? o->alpha / o->window : o->alpha),
                              .beta = (float)o->beta };
    return weft_launch_lrn(&a, NULL);
}

static int softmax(const lower_call *call)
{
    const weft_softmax_args a = { .dtype = call->dtype,
                                  .y_dtype = call->y_dtype,
                                  .x = call->in[0],
                                  .y = call->out,
                                  .rows = weft_shape_rows(&call->node->in[0]),
                                  .c = (int)weft_shape_channels(&call->node->in[0]) };
    return weft_launch_softmax(&a, NULL);
}

/* ---- one element to one element ---- */

static int copy(const lower_call *call)
{
    const weft_map_args a = map_of(call);
    return weft_launch_map(&a, NULL);
}

static int activation(const lower_call *call)
{
    weft_map_args a = map_of(call);
    a.epi.act = ((const weft_activation_opt *)call->node->opt)->act;
    return weft_launch_map(&a, NULL);
}

static int activation_dx(const lower_call *call)
{
    const weft_slope_args a = { .dtype = call->dtype,
                                .dy = call->in[0],
                                .v = call->in[1],
                                .dx = call->out,
                                .rows = weft_shape_rows(&call->node->out[0]),
                                .c = (int)weft_shape_channels(&call->node->out[0]),
                                .act = ((const weft_activation_opt *)call->node->opt)->act };
    return weft_launch_slope(&a, NULL);
}

static int scale(const lower_call *call)
{
    const weft_norm_apply_args a = { .dtype = call->dtype,
                                     .x = call->in[0],
                                     .residual = lower_epilogue_of(call, NULL).residual,
                                     .y = call->out,
                                     .rows = weft_shape_rows(&call->node->out[0]),
                                     .c = (int)weft_shape_channels(&call->node->out[0]),
                                     .factor = (float)((const weft_scale_opt *)call->node->opt)->factor };
    return weft_launch_norm_apply(&a, NULL);
}

static int add(const lower_call *call)
{
    weft_map_args a = map_of(call);
    a.b = call->in[1];
    a.b_scale = (float)((const weft_add_opt *)call->node->opt)->scale;
    a.epi = lower_epilogue_of(call, NULL);
    return weft_launch_map(&a, NULL);
}

/* The same sum by way of the residual. */
static bool is_plain_sum(const weft_node *n)
{
    return ((const weft_add_opt *)n->opt)->scale == 1;
}

static int add_residual(const lower_call *call)
{
    weft_map_args a = map_of(call);
    a.epi = (weft_kepilogue){ .residual = call->in[1], .act = call->node->epi.act };
    return weft_launch_map(&a, NULL);
}

static int concat(const lower_call *call)
{
    const size_t size = call->y_dtype == WEFT_F32 ? 4 : 2;
    weft_map_args a = map_of(call);
    for (int i = 0; i < call->node->n_in; i++) {
        a.x = call->in[i];
        a.c = (int)weft_shape_channels(&call->node->in[i]);
        const int status = weft_launch_map(&a, NULL);
        if (status != 0)
            return status;
        a.y.data = (unsigned char *)a.y.data + (size_t)a.c * size;
    }
    return 0;
}

static int border(const lower_call *call)
{
    const weft_border_opt *o = call->node->opt;
    const weft_shape *x = &call->node->in[0], *y = &call->node->out[0];
    const int sign = call->node->id == WEFT_OP_PAD2D ? 1 : -1;
    const weft_shift_args a = { .dtype = call->dtype,
                                .x = call->in[0],
                                .y = call->out,
                                .n = (int)x->dim[0],
                                .h = (int)x->dim[1],
                                .w = (int)x->dim[2],
                                .oh = (int)y->dim[1],
                                .ow = (int)y->dim[2],
                                .c = (int)x->dim[3],
                                .top = sign * o->pad.top,
                                .left = sign * o->pad.left };
    return weft_launch_shift(&a, NULL);
}

static int reshape(const lower_call *call)
{
    const weft_reshape_args a = { .dtype = call->dtype,
                                  .x = call->in[0],
                                  .y = call->out,
                                  .count = weft_shape_count(&call->node->in[0]),
                                  .xc = (int)weft_shape_channels(&call->node->in[0]),
                                  .yc = (int)weft_shape_channels(&call->node->out[0]) };
    return weft_launch_reshape(&a, NULL);
}

/* inverted_residual is not here: the backend runs its stages, which are. */
const lower_row lower_table[] = {
    { .op = WEFT_OP_CONV2D, .name = "direct", .run = lower_conv2d_direct, .rounded = 1 },
    { .op = WEFT_OP_CONV2D,
      .name = "depthwise",
      .takes = lower_is_depthwise,
      .run = lower_conv2d_depthwise,
      .rounded = 1 },
    { .op = WEFT_OP_CONV2D,
      .name = "depthwise_pooled",
      .takes = lower_is_depthwise,
      .run = lower_conv2d_depthwise_pooled,
      .rounded = 1 },
    { .op = WEFT_OP_CONV2D,
      .name = "gemm",
      .takes = lower_is_pointwise,
      .run = lower_conv2d_gemm,
      .rounded = 1,
      .widens = true },
    { .op = WEFT_OP_PARTIAL_CONV2D, .name = "partial", .run = lower_partial_conv2d, .rounded = 1 },
    { .op = WEFT_OP_DENSE, .name = "gemm", .run = lower_dense, .rounded = 1, .widens = true },
    { .op = WEFT_OP_MAX_POOL2D, .name = "pool", .run = pool2d },
    { .op = WEFT_OP_AVG_POOL2D, .name = "pool", .run = pool2d },
    { .op = WEFT_OP_GLOBAL_AVG_POOL2D, .name = "global_pool", .run = global_pool2d, .widens = true },
    { .op = WEFT_OP_GLOBAL_MAX_POOL2D, .name = "global_pool", .run = global_pool2d, .widens = true },
    { .op = WEFT_OP_SUBSAMPLE, .name = "subsample", .run = subsample },
    { .op = WEFT_OP_BATCH_NORM, .name = "map", .run = batch_norm, .widens = true, .narrows = true, .inplace = 1 },
    { .op = WEFT_OP_LRN, .name = "lrn", .run = lrn },
    { .op = WEFT_OP_NORMALIZE, .name = "map", .run = normalize, .widens = true, .narrows = true, .inplace = 1 },
    { .op = WEFT_OP_ACTIVATION, .name = "map", .run = activation, .widens = true, .narrows = true, .inplace = 1 },
    { .op = WEFT_OP_ACTIVATION_DX, .name = "slope", .run = activation_dx, .inplace = 3 },
    { .op = WEFT_OP_SOFTMAX, .name = "softmax", .run = softmax, .widens = true, .inplace = 1 },
    { .op = WEFT_OP_ADD, .name = "map", .run = add, .widens = true, .narrows = true, .inplace = 3 },
    { .op = WEFT_OP_ADD, .name = "residual", .takes = is_plain_sum, .run = add_residual, .inplace = 3 },
    { .op = WEFT_OP_SCALE, .name = "apply", .run = scale, .inplace = 1 },
    { .op = WEFT_OP_CHANNEL_SCALE_DS, .name = "product", .run = channel_scale_ds },
    { .op = WEFT_OP_CHANNEL_SCALE, .name = "scale", .run = channel_scale, .inplace = 1 },
    { .op = WEFT_OP_SQUEEZE_EXCITE, .name = "excite", .run = squeeze_excite, .rounded = 7, .inplace = 1 },
    { .op = WEFT_OP_SQUEEZE_EXCITE, .name = "joined", .run = squeeze_excite_joined, .rounded = 7, .inplace = 1 },
    { .op = WEFT_OP_DROPOUT, .name = "map", .run = copy, .widens = true, .narrows = true, .inplace = 1 },
    { .op = WEFT_OP_CONCAT, .name = "map", .run = concat, .widens = true, .narrows = true },
    { .op = WEFT_OP_RESHAPE, .name = "reshape", .run = reshape },
    { .op = WEFT_OP_PAD2D, .name = "shift", .run = border },
    { .op = WEFT_OP_CROP2D, .name = "shift", .run = border },
    { .op = WEFT_OP_RBF, .name = "rbf", .run = lower_rbf, .widens = true },
    { .op = WEFT_OP_MAX_POOL2D_DX, .name = "grad", .takes = lower_is_small, .run = lower_pool2d_grad },
    { .op = WEFT_OP_AVG_POOL2D_DX, .name = "grad", .takes = lower_is_small, .run = lower_pool2d_grad },
    { .op = WEFT_OP_GLOBAL_AVG_POOL2D_DX, .name = "grad", .run = lower_global_pool2d_grad, .narrows = true },
    { .op = WEFT_OP_GLOBAL_MAX_POOL2D_DX, .name = "grad", .takes = lower_is_small, .run = lower_global_pool2d_grad },
    { .op = WEFT_OP_LRN_DX, .name = "grad", .run = lower_lrn_grad },
    { .op = WEFT_OP_SOFTMAX_DX, .name = "grad", .run = lower_softmax_grad, .widens = true, .inplace = 3 },
    { .op = WEFT_OP_RBF_DX, .name = "grad", .run = lower_rbf_grad, .widens = true },
};
const int lower_count = (int)(sizeof lower_table / sizeof *lower_table);
