/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of pools over whole images.
 *
 *   global_avg_pool2d_dx   dx[n, h, w, c] = dy[n, c] / (H * W)
 *   global_max_pool2d_dx   dx[n, h, w, c] = dy[n, c] where x[n, h, w, c] is the largest of its channel, else 0
 *
 * Semantics
 *  1. Of equal pixels the first gets the gradient, in the order of lines, then columns.
 *  2. The residual is another gradient of the same x. */
#include "op/case.h"
#include "op/pool2d.h"

static weft_status resolve_avg(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    const weft_global_pool2d_grad_opt *o = opt;
    (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("dy", &in[0], 2));
    WEFT_TRY(weft_need_range("h", o->h, 1, WEFT_MAX_DIM - 1));
    return weft_need_range("w", o->w, 1, WEFT_MAX_DIM - 1);
}

static weft_status infer_avg(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_global_pool2d_grad_opt *o = opt;
    (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { weft_shape_nhwc(in[0].dim[0], o->h, o->w, in[0].dim[1]) } };
    return weft_need_output(&sig->out[0]);
}

static weft_cost cost_avg(const weft_node *n)
{
    return (weft_cost){ .flops = weft_out_count(n) + weft_epilogue_flops(n) };
}

static weft_status resolve_max(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    char is[96], x[96];
    (void)opt, (void)n_in, (void)arena;
    WEFT_TRY(weft_need_shape("dy", &in[0], 2));
    WEFT_TRY(weft_need_shape("x", &in[1], 4));
    if (in[0].dim[0] != in[1].dim[0] || in[0].dim[1] != in[1].dim[3])
        return weft_fail(WEFT_INVALID, "dy is %s, expected the images and channels of x, %s",
                         weft_shape_text(&in[0], is, sizeof is), weft_shape_text(&in[1], x, sizeof x));
    return WEFT_OK;
}

static weft_status infer_max(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    (void)opt, (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { in[1] } };
    return WEFT_OK;
}

static weft_cost cost_max(const weft_node *n)
{
    return (weft_cost){ .flops = 2 * weft_out_count(n) };
}

static double least_max(const weft_node *n)
{
    return 2 * weft_out_count(n);
}

/* clang-format off */
static const weft_op_case cases_avg[] = {
    { WEFT_CASE("7x7", WEFT_NC(2, 64)), WEFT_OPT(weft_global_pool2d_grad_opt, .h = 7, .w = 7) },
    { WEFT_CASE("one_channel", WEFT_NC(3, 1)), WEFT_OPT(weft_global_pool2d_grad_opt, .h = 5, .w = 9) },
    { WEFT_CASE("one_pixel", WEFT_NC(2, 40)), WEFT_OPT(weft_global_pool2d_grad_opt, .h = 1, .w = 1) },
    { WEFT_CASE("lines_over_threads", WEFT_NC(2, 33)), WEFT_OPT(weft_global_pool2d_grad_opt, .h = 28, .w = 31) },
    { WEFT_CASE("residual", WEFT_NC(3, 24)), WEFT_OPT(weft_global_pool2d_grad_opt, .h = 4, .w = 5),
      .epi = { .residual = true } },
    { .name = NULL },
};
static const weft_op_case cases_max[] = {
    { WEFT_CASE("7x7", WEFT_NC(2, 64), WEFT_NHWC(2, 7, 7, 64)) },
    { WEFT_CASE("one_channel", WEFT_NC(3, 1), WEFT_NHWC(3, 5, 9, 1)) },
    { WEFT_CASE("one_pixel", WEFT_NC(2, 40), WEFT_NHWC(2, 1, 1, 40)) },
    { WEFT_CASE("odd", WEFT_NC(3, 33), WEFT_NHWC(3, 5, 8, 33)) },
    { WEFT_CASE("ties", WEFT_NC(2, 40), WEFT_NHWC(2, 5, 5, 40)), .levels = 5 },
    { WEFT_CASE("blocks_over_threads", WEFT_NC(1, 300), WEFT_NHWC(1, 28, 31, 300)) },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_global_avg_pool2d_dx = {
    .name = "global_avg_pool2d_dx",
    .brief = "Gradient of a mean over the image",
    .paper = "",
    .n_in = 1,
    .opt_size = sizeof(weft_global_pool2d_grad_opt),
    .takes = WEFT_TAKES_RESIDUAL,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve_avg,
    .infer = infer_avg,
    .cost = cost_avg,
    .least = weft_least_map,
    .cases = cases_avg,
};

const weft_op weft_op_global_max_pool2d_dx = {
    .name = "global_max_pool2d_dx",
    .brief = "Gradient of a maximum over the image",
    .paper = "",
    .n_in = 2,
    .opt_size = sizeof(const char *),
    .error_class = WEFT_EXACT,
    .resolve = resolve_max,
    .infer = infer_max,
    .cost = cost_max,
    .least = least_max,
    .cases = cases_max,
};
