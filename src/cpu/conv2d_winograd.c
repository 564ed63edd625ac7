/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d 3x3 of stride 1 by Winograd's minimal filtering F(4x4, 3x3): 36 multiplications where the direct algorithm
 * needs 144. Lavin & Gray 2016, arXiv:1509.09308. Weights are transformed in double when they are packed; 36 products
 * [tiles, C] x [C, K] run on the GEMM tiles of simd/gemm.h.
 *
 * Two orders of work. Apart: an item takes a few tiles through all three steps, in buffers of its thread that stay in
 * L2; every item reads all transformed weights, so this is for weights that stay in L3. Together: all threads share
 * each step over many tiles, so that the weights (38 MB at 512 x 512 channels) are read once for them all.
 *
 * Error. With independent inputs and weights the rounding of one product is amplified, per dimension, by
 * sum over p of A[i][p]^2 |B[p]|^2 |G[p]|^2 = 9, 8.6, 17, 94 for the four outputs of a tile, where the direct sum has
 * 3: in two dimensions the deviation grows by 11 in the mean and 31 at worst (the corner pixel). The chains are 9 times
 * shorter, which divides it by 3: 3.6 and 10.4 times the direct algorithm's. Measured: 3 to 4 (L2), 5 (maximum). */
#include "cpu/conv2d.h"
#include "cpu/machine.h"

#include <string.h>

enum {
    POSITIONS = WEFT_WINOGRAD_POSITIONS,
    OUT = WEFT_WINOGRAD_OUT,
    IN = WEFT_WINOGRAD_IN,
    MIN_CHANNELS = 32, /* fewer: the transforms cost more than the products save */
    MIN_TILES = 12,    /* fewer: reading 4 times the weights costs more than it saves (7x7 at batch 1 to 2) */
    SQUARE = 16,
    TOGETHER = 192, /* tiles at a time, when the threads work together */
    ITEMS_APART = 4, /* of a thread: large, for each reads all the weights */
    ITEMS_TOGETHER = 8 /* of a thread: small, for all wait for the last one after each step */
};

typedef struct winograd {
    weft_gemm gemm;
    weft_conv2d_geometry geometry;
    const weft_winograd_table *table;
    int64_t tiles_h, tiles_w, tiles;
    int64_t at_once; /* tiles of an item, or of a round when together */
    int64_t groups;  /* shares of the panels, when together */
    bool together, stream;
    int64_t v_row, m_row, v_position, m_position; /* floats */
    size_t position_bytes, bias_at, zeros_at;     /* of packed */
} winograd;

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = node->opt;
    const int64_t *y = node->out[0].dim;
    const int64_t tiles_h = (y[1] + OUT - 1) / OUT, tiles_w = (y[2] + OUT - 1) / OUT;
    if (o->kernel_h != 3 || o->kernel_w != 3)
        return "window other than 3x3";
    if (o->stride_h != 1 || o->stride_w != 1 || o->dilation != 1)
        return "strided or dilated";
    if (o->groups != 1)
        return "grouped: only convolutions of one group";
    if (device->math != WEFT_MATH_FAST)
        return "math strict: no Winograd";
    if (node->in[0].dim[3] < MIN_CHANNELS || o->out < MIN_CHANNELS)
        return "under 32 channels: the transforms cost more than they save";
    if (y[0] * tiles_h * tiles_w < MIN_TILES)
        return "under 12 tiles: reading the transformed weights costs more than they save";
    if (2 * y[1] * y[2] < tiles_h * tiles_w * OUT * OUT)
        return "map fills less than half of its tiles";
    return weft_gemm_refuse(device);
}

/* ---- preparing ---- */

/* A position's distance in floats: at least `floats`, and an odd number of cache lines, so that the 36 positions of a
 * tile fall into different sets of L1. */
static int64_t position_step(int64_t floats)
{
    const int64_t line = WEFT_CACHE_LINE / (int64_t)sizeof(float);
    const int64_t lines = (floats + line - 1) / line;
    return (lines | 1) * line;
}

/* Tiles an item takes through all steps: as many as fit in about the L2, or more where the weights come from L3. */
static int64_t tiles_apart(const winograd *s, const weft_device *device)
{
    const int64_t tile_bytes = POSITIONS * (s->v_row + s->m_row) * (int64_t)sizeof(float);
    int64_t n = (int64_t)device->cpu.l2 * 3 / 4 / tile_bytes;
    n = n < 6 ? 6 : n > 48 ? 48 : n;
    const int64_t share = s->tiles / ((int64_t)device->threads * ITEMS_APART);
    return share < n ? (share < 6 ? 6 : share) : n;
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_device *device = plan->device;
    const int64_t *x = node->in[0].dim, *y = node->out[0].dim;
    const int64_t line = WEFT_CACHE_LINE / (int64_t)sizeof(float);
    winograd *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    s->table = weft_simd_of(device->isa)->winograd;
    s->geometry = (weft_conv2d_geometry){ .n = x[0], .h = x[1], .w = x[2], .c = x[3], .oh = y[1], .ow = y[2] };
    weft_gemm_init(&s->gemm, weft_gemm_table_of(device), x[3], y[3]);
    s->tiles_h = (y[1] + OUT - 1) / OUT;
    s->tiles_w = (y[2] + OUT - 1) / OUT;
    s->tiles = y[0] * s->tiles_h * s->tiles_w;
    s->stream = weft_gemm_streams(&s->gemm, device, weft_shape_rows(&node->out[0]));

    size_t with_bias, all;
    WEFT_TRY(weft_gemm_bytes(&s->gemm, &s->position_bytes, &with_bias));
    const size_t bias = with_bias - s->position_bytes;
    if (!weft_mul_size(s->position_bytes, POSITIONS, &all) || !weft_add_size(all, 2 * bias, &plan->packed))
        return weft_fail(WEFT_INVALID, "transformed weights do not fit in memory");
    s->bias_at = all;
    s->zeros_at = all + bias;

    s->v_row = (x[3] + line - 1) / line * line + line;
    s->m_row = (s->gemm.width + line - 1) / line * line + line;
    s->together = all > device->cpu.l3 / 3 || (device->threads > 1 && s->tiles < 24 * device->threads);
    s->at_once = s->together ? (s->tiles < TOGETHER ? s->tiles : TOGETHER) : tiles_apart(s, device);
    s->v_position = position_step(s->at_once * s->v_row);
    s->m_position = position_step(s->at_once * s->m_row);
    s->groups = weft_gemm_groups(&s->gemm, device, POSITIONS);
    const size_t buffers = (size_t)(POSITIONS * (s->v_position + s->m_position)) * sizeof(float);
    if (s->together)
        plan->scratch = buffers;
    else
        plan->thread_scratch = buffers;
    return WEFT_OK;
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
static void pack_square(const winograd *s, const float *wt, int64_t c0, int rows, int64_t j0, int columns,
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
static void pack_panel(const winograd *s, const float *wt, int64_t column, int64_t width, float *packed)
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
    const winograd *s = call->state;
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

/* ---- running ---- */

typedef struct job {
    const winograd *state;
    const weft_call *call;
    weft_gemm_block block; /* all panels, no position yet */
    bool stream;
    float *v, *m;         /* together: of the round */
    int64_t first, count; /* together: tiles of the round */
    int64_t slice;        /* together: tiles a transforming item takes */
} job;

/* How far [at, at + size) reaches into [0, end): the part of it, counted from at. */
static void inside(int64_t at, int64_t size, int64_t end, int *first, int *last)
{
    *first = (int)(at >= 0 ? 0 : at + size <= 0 ? size : -at);
    *last = (int)(at + size <= end ? size : at >= end ? 0 : end - at);
}

static void transform_input(const job *j, int64_t tile, int64_t row, float *v)
{
    const winograd *s = j->state;
    const weft_conv2d_geometry *g = &s->geometry;
    const weft_conv2d_opt *o = j->call->node->opt;
    const weft_view *x = &j->call->in[0];
    const int64_t n = tile / (s->tiles_h * s->tiles_w);
    const int64_t ih = tile / s->tiles_w % s->tiles_h * OUT - o->pad.top, iw = tile % s->tiles_w * OUT - o->pad.left;
    weft_winograd_input t = {
        .x = (const float *)x->data + ((n * g->h + ih) * g->w + iw) * x->ld,
        .pixel = x->ld,
        .line = g->w * x->ld,
        .channels = g->c,
        .v = v + row * s->v_row,
        .position = s->v_position,
    };
    inside(ih, IN, g->h, &t.top, &t.bottom);
    inside(iw, IN, g->w, &t.left, &t.right);
    s->table->input(&t);
}

static void transform_output(const job *j, int64_t tile, int64_t row, const float *m)
{
    const winograd *s = j->state;
    const weft_conv2d_geometry *g = &s->geometry;
    const weft_view *y = &j->call->out[0];
    const int64_t n = tile / (s->tiles_h * s->tiles_w);
    const int64_t oh = tile / s->tiles_w % s->tiles_h * OUT, ow = tile % s->tiles_w * OUT;
    const int64_t pixel = (n * g->oh + oh) * g->ow + ow;
    const weft_winograd_output t = {
        .m = m + row * s->m_row,
        .position = s->m_position,
        .bias = weft_at_const(j->call->packed, s->bias_at),
        .residual = j->block.residual ? j->block.residual + pixel * j->block.r_row : NULL,
        .r_pixel = j->block.r_row,
        .r_line = j->block.r_row * g->ow,
        .y = (float *)y->data + pixel * y->ld,
        .y_pixel = y->ld,
        .y_line = y->ld * g->ow,
        .height = g->oh - oh < OUT ? (int)(g->oh - oh) : OUT,
        .width = g->ow - ow < OUT ? (int)(g->ow - ow) : OUT,
        .channels = s->gemm.columns,
        .act = j->call->node->epi.act,
        .stream = j->stream,
    };
    s->table->output(&t);
}

/* The product of one position. */
static void multiply(const job *j, int position, int64_t tiles, const float *v, float *m, int first, int last)
{
    const winograd *s = j->state;
    weft_gemm_block b = j->block;
    b.residual = NULL;
    b.act = WEFT_ACT_NONE;
    b.columns = s->gemm.width;
    b.a = v + position * s->v_position;
    b.a_row = s->v_row;
    b.b += (int64_t)(s->position_bytes / sizeof(float)) * position;
    b.c = m + position * s->m_position;
    b.c_row = s->m_row;
    b.pixels = tiles;
    b.first = first;
    b.last = last;
    s->gemm.table->block(&b);
}

static void item_apart(void *arg, int64_t item, int thread)
{
    const job *j = arg;
    const winograd *s = j->state;
    float *v = weft_call_thread_scratch(j->call, thread), *m = v + POSITIONS * s->v_position;
    const int64_t first = item * s->at_once;
    const int64_t count = s->tiles - first < s->at_once ? s->tiles - first : s->at_once;
    for (int64_t i = 0; i < count; i++)
        transform_input(j, first + i, i, v);
    for (int p = 0; p < POSITIONS; p++)
        multiply(j, p, count, v, m, 0, s->gemm.panels);
    for (int64_t i = 0; i < count; i++)
        transform_output(j, first + i, i, m);
    if (j->stream)
        s->table->fence();
}

static void item_input(void *arg, int64_t item, int thread)
{
    const job *j = arg;
    (void)thread;
    const int64_t end = (item + 1) * j->slice < j->count ? (item + 1) * j->slice : j->count;
    for (int64_t i = item * j->slice; i < end; i++)
        transform_input(j, j->first + i, i, j->v);
}

static void item_multiply(void *arg, int64_t item, int thread)
{
    const job *j = arg;
    int first, last;
    (void)thread;
    weft_gemm_share(&j->state->gemm, j->state->groups, item % j->state->groups, &first, &last);
    multiply(j, (int)(item / j->state->groups), j->count, j->v, j->m, first, last);
}

static void item_output(void *arg, int64_t item, int thread)
{
    const job *j = arg;
    (void)thread;
    const int64_t end = (item + 1) * j->slice < j->count ? (item + 1) * j->slice : j->count;
    for (int64_t i = item * j->slice; i < end; i++)
        transform_output(j, j->first + i, i, j->m);
    if (j->stream)
        j->state->table->fence();
}

static weft_status run(const weft_call *call)
{
    const winograd *s = call->state;
    weft_pool *pool = call->device->pool;
    const weft_gemm_taps taps = { .h = 1, .w = 1, .run = s->gemm.depth };
    job j = { .state = s, .call = call, .block = weft_gemm_block_of(&s->gemm, call, &taps, s->zeros_at) };
    j.stream = s->stream && weft_gemm_may_stream(call);
    if (!s->together) {
        weft_pool_run(pool, (s->tiles + s->at_once - 1) / s->at_once, item_apart, &j);
        return WEFT_OK;
    }
    j.v = call->scratch;
    j.m = j.v + POSITIONS * s->v_position;
    for (j.first = 0; j.first < s->tiles; j.first += j.count) {
        j.count = s->tiles - j.first < s->at_once ? s->tiles - j.first : s->at_once;
        const int64_t wanted = (int64_t)call->device->threads * ITEMS_TOGETHER;
        const int64_t slices = j.count < wanted ? j.count : wanted;
        j.slice = (j.count + slices - 1) / slices;
        const int64_t items = (j.count + j.slice - 1) / j.slice;
        weft_pool_run(pool, items, item_input, &j);
        weft_pool_run(pool, POSITIONS * s->groups, item_multiply, &j);
        weft_pool_run(pool, items, item_output, &j);
    }
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_winograd = {
    .name = "cpu.conv2d.winograd",
    .refuse = refuse,
    .prepare = prepare,
    .pack = pack,
    .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
    .error_factor = 12, /* the corner pixel's 10.4, and the rounding of the transforms */
};
