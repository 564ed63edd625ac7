/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d 3x3 of stride 1 by Winograd's minimal filtering (winograd.h). Weights are transformed in double when they are
 * packed. */
#include "cpu/conv2d.h"
#include "cpu/winograd.h"

#include <string.h>

enum { POSITIONS = WEFT_WINOGRAD_POSITIONS, IN = WEFT_WINOGRAD_IN, SQUARE = 16 };

static weft_winograd sizes(const weft_node *node)
{
    const weft_conv2d_opt *o = node->opt;
    const int64_t *x = node->in[0].dim, *y = node->out[0].dim;
    return (weft_winograd){ .n = x[0], .h = x[1], .w = x[2], .c = x[3], .oh = y[1], .ow = y[2], .k = y[3],
                            .top = o->pad.top, .left = o->pad.left };
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = node->opt;
    const weft_winograd s = sizes(node);
    if (o->kernel_h != 3 || o->kernel_w != 3)
        return "window other than 3x3";
    if (o->stride_h != 1 || o->stride_w != 1 || o->dilation != 1)
        return "strided or dilated";
    if (o->groups != 1)
        return "grouped: only convolutions of one group";
    return weft_winograd_refuse(&s, device);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    weft_winograd *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    *s = sizes(node);
    return weft_winograd_plan(s, plan);
}

/* U = G g G' in double, for filter `wt` [3][3][channels], channel c. */
static void transform_filter(const float *wt, int64_t channels, int64_t c, double u[IN][IN])
{
    static const double G[IN][3] = {
        { 1. / 4, 0, 0 },
        { -1. / 6, -1. / 6, -1. / 6 },
        { -1. / 6, 1. / 6, -1. / 6 },
        { 1. / 24, 1. / 12, 1. / 6 },
        { 1. / 24, -1. / 12, 1. / 6 },
        { 0, 0, 1 },
    };
    double rows[IN][3];
    for (int i = 0; i < IN; i++)
        for (int s = 0; s < 3; s++)
            rows[i][s] = G[i][0] * (double)wt[s * channels + c] + G[i][1] * (double)wt[(3 + s) * channels + c] +
                         G[i][2] * (double)wt[(6 + s) * channels + c];
    for (int i = 0; i < IN; i++)
        for (int j = 0; j < IN; j++)
            u[i][j] = rows[i][0] * G[j][0] + rows[i][1] * G[j][1] + rows[i][2] * G[j][2];
}

/* Channels [c0, c0 + rows) and columns [j0, j0 + columns) of a panel, every position. The positions lie a power of two
 * apart, so each line of them is written once and whole. */
static void pack_square(const weft_winograd *s, const float *wt, int64_t c0, int rows, int64_t j0, int columns,
                        int64_t width, float *panel)
{
    const int64_t channels = s->gemm.depth, step = (int64_t)(s->position_bytes / sizeof(float));
    float square[POSITIONS][SQUARE][SQUARE];
    for (int j = 0; j < columns; j++) {
        for (int c = 0; c < rows; c++) {
            double u[IN][IN];
            transform_filter(wt + (j0 + j) * 9 * channels, channels, c0 + c, u);
            for (int p = 0; p < POSITIONS; p++)
                square[p][c][j] = (float)u[p / IN][p % IN];
        }
    }
    for (int p = 0; p < POSITIONS; p++)
        for (int c = 0; c < rows; c++)
            memcpy(panel + p * step + (c0 + c) * width + j0, square[p][c], (size_t)columns * sizeof(float));
}

/* One panel of every position; columns beyond the last are zeros. */
static void pack_panel(const weft_winograd *s, const float *wt, int64_t column, int64_t width, float *packed)
{
    const int64_t channels = s->gemm.depth, left = s->gemm.columns - column, real = left < width ? left : width;
    float *panel = packed + column * channels;
    if (real < width)
        for (int p = 0; p < POSITIONS; p++)
            memset(weft_at(panel, (size_t)p * s->position_bytes), 0, (size_t)(channels * width) * sizeof(float));
    for (int64_t c = 0; c < channels; c += SQUARE)
        for (int64_t j = 0; j < real; j += SQUARE)
            pack_square(s, wt + column * 9 * channels, c, (int)(channels - c < SQUARE ? channels - c : SQUARE), j,
                        (int)(real - j < SQUARE ? real - j : SQUARE), width, panel);
}

static weft_status pack(const weft_call *call)
{
    const weft_winograd *s = call->state;
    int64_t column = 0;
    for (int v = WEFT_GEMM_VECTORS; v > 0; v--) {
        const int64_t width = (int64_t)v * s->gemm.table->lanes;
        for (int i = 0; i < s->gemm.count[v]; i++, column += width)
            pack_panel(s, weft_call_param(call, 0), column, width, call->packed);
    }
    weft_gemm_pack_bias(&s->gemm, weft_call_param(call, 1), weft_at(call->packed, s->bias_at));
    weft_gemm_pack_bias(&s->gemm, NULL, weft_at(call->packed, s->zeros_at));
    return WEFT_OK;
}

static weft_status run(const weft_call *call)
{
    weft_winograd_run(call->state, call);
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_winograd = {
    .name = "cpu.conv2d.winograd",
    .refuse = refuse,
    .prepare = prepare,
    .pack = pack,
    .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
    .error_factor = WEFT_WINOGRAD_ERROR_FACTOR,
};
