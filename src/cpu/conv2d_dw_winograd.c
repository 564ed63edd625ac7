/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d_dw of 3x3 windows with stride 1 by Winograd's minimal filtering F(4x4, 3x3), turned around: with the
 * transforms of the forward pass (arXiv:1509.09308), y = A'[(G g G') o (B' d B)]A is linear in g, and its gradient is
 *
 *   dg = G'[sum over tiles (A dy A') o (B' d B)]G,
 *
 * 36 products where the direct sum has 144. Rounds of tiles are transformed, then the 36 products [K, tiles] x
 * [tiles, C] are added to sums of their own; after the last round the sums are transformed back. Two orders of work.
 * Together: all threads share each step, products block by block. Apart, where the sums stay in L2 and there are many
 * tiles: an item takes a slice of the tiles through all steps, and the slices' gradients are added in order. Rounds,
 * blocks and slices follow from sizes alone.
 *
 * Error. With independent tensors a product is amplified, per dimension, by sum over p of A[p]^2 |B[p]|^2 G[p][r]^2 =
 * 13, 19, 97 for the three taps, where the direct sum of a tile's row has 4: in two dimensions the deviation grows by
 * 11 in the mean and 24 at worst (the last tap). The chains are 16 times shorter, which divides the part that grows
 * with them by 4: 2.7 and 6 times the direct algorithm's; what rounding the transforms adds does not shrink. */
#include "op/conv2d.h"

#include "cpu/conv2d.h"
#include "cpu/machine.h"
#include "cpu/rows.h"
#include "cpu/winograd.h"

enum {
    POSITIONS = WEFT_WINOGRAD_POSITIONS,
    OUT = WEFT_WINOGRAD_OUT,
    IN = WEFT_WINOGRAD_IN,
    TAPS = 9,
    LINE = WEFT_CACHE_LINE / (int)sizeof(float),
    MIN_CHANNELS = 32, /* fewer: the transforms cost more than the products save */
    MIN_TILES = 32,    /* fewer: so does transforming the sums back */
    LEAST_ROUND = 96,  /* tiles at a time */
    TILES = 4,         /* of a transforming item */
    BLOCK_ROWS = 128,  /* of a product */
    BACK = 4,          /* filters of an item that transforms back */
    APART_WEIGHTS = 80 * 64, /* C times K at most: 720 KB of sums */
    APART_ROUND = 48,
    APART_TILES = 192, /* at least, and of a slice: */
    SLICE_TILES = 24,
    SLICES = 32 /* at most */
};

typedef struct winograd {
    const weft_simd *simd;
    weft_gemm columns; /* for its panels */
    int64_t tiles_h, tiles_w, tiles, round;
    int64_t x_row, y_row, x_position, y_position; /* floats of the transformed tiles */
    int64_t sum_row, sum_position;                /* and of the sums */
    int64_t blocks;                               /* of the filters */
    int64_t slices;                               /* 0: together */
} winograd;

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_grad_opt *g = node->opt;
    const weft_conv2d_opt *o = &g->conv;
    const int64_t *y = node->in[1].dim;
    const int64_t tiles_h = (y[1] + OUT - 1) / OUT, tiles_w = (y[2] + OUT - 1) / OUT;
    const char *const reason = weft_winograd_refuse_window(o);
    if (reason)
        return reason;
    if (device->math != WEFT_MATH_FAST)
        return "math strict: no Winograd";
    if (g->c < MIN_CHANNELS || o->out < MIN_CHANNELS)
        return "under 32 channels: the transforms cost more than they save";
    if (y[0] * tiles_h * tiles_w < MIN_TILES)
        return "under 32 tiles: transforming the sums back costs more than they save";
    if (2 * y[1] * y[2] < tiles_h * tiles_w * OUT * OUT)
        return "map fills less than half of its tiles";
    return weft_simd_refuse(device);
}

/* ---- preparing ---- */

static int64_t padded(int64_t channels)
{
    return (int64_t)weft_round_up((size_t)channels, LINE);
}

/* Of a position: an odd number of cache lines, so that the 36 of a tile fall into different sets of L1. */
static int64_t position_step(int64_t floats)
{
    return (floats / LINE | 1) * LINE;
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_conv2d_grad_opt *g = node->opt;
    const int64_t *y = node->in[1].dim;
    winograd *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    s->simd = weft_simd_of(plan->device->isa);
    weft_gemm_init(&s->columns, weft_gemm_table_of(plan->device), 1, g->c);
    s->tiles_h = (y[1] + OUT - 1) / OUT;
    s->tiles_w = (y[2] + OUT - 1) / OUT;
    s->tiles = y[0] * s->tiles_h * s->tiles_w;
    /* So many that a round's tiles weigh as much as the sums that it reads and writes. */
    if (g->c * y[3] <= APART_WEIGHTS && s->tiles >= APART_TILES)
        s->slices = s->tiles / SLICE_TILES < SLICES ? s->tiles / SLICE_TILES : SLICES;
    const int64_t even = g->c * y[3] / (g->c + y[3]), most = even > LEAST_ROUND ? even : LEAST_ROUND;
    const int64_t rounds = (s->tiles + most - 1) / most;
    s->round = s->slices ? APART_ROUND : (s->tiles + rounds - 1) / rounds;
    s->x_row = padded(g->c) + LINE; /* not a power of two apart */
    s->y_row = padded(y[3]) + LINE;
    s->x_position = position_step(s->round * s->x_row);
    s->y_position = position_step(s->round * s->y_row);
    s->sum_row = padded(g->c);
    s->sum_position = position_step(y[3] * s->sum_row);
    s->blocks = (y[3] + BLOCK_ROWS - 1) / BLOCK_ROWS;

    size_t floats;
    if (!weft_mul_size((size_t)(s->x_position + s->y_position + s->sum_position), POSITIONS, &floats) ||
        !weft_mul_size(floats, sizeof(float), s->slices ? &plan->thread_scratch : &plan->scratch))
        return weft_fail(WEFT_INVALID, "transformed weights do not fit in memory");
    if (s->slices)
        plan->scratch = sizeof(float) * (size_t)(s->slices * y[3] * TAPS * s->sum_row);
    return WEFT_OK;
}

/* ---- running ---- */

typedef struct job {
    const winograd *state;
    const weft_call *call;
    float *x, *y, *sums; /* [POSITIONS] of them */
    int64_t first, count; /* tiles of the round */
} job;

/* How far [at, at + IN) reaches into [0, end): the part of it, counted from at. */
static void inside(int64_t at, int64_t end, int *first, int *last)
{
    *first = (int)(at >= 0 ? 0 : at + IN <= 0 ? IN : -at);
    *last = (int)(at + IN <= end ? IN : at >= end ? 0 : end - at);
}

static void transform(const job *j, int64_t tile, int64_t row)
{
    const winograd *s = j->state;
    const weft_conv2d_grad_opt *g = j->call->node->opt;
    const weft_view *x = &j->call->in[0], *y = &j->call->in[1];
    const int64_t *dy = j->call->node->in[1].dim, n = tile / (s->tiles_h * s->tiles_w);
    const int64_t oh = tile / s->tiles_w % s->tiles_h * OUT, ow = tile % s->tiles_w * OUT;
    const int64_t ih = oh - g->conv.pad.top, iw = ow - g->conv.pad.left;
    weft_winograd_input in = {
        .x = (const float *)x->data + ((n * g->h + ih) * g->w + iw) * x->ld, .pixel = x->ld, .line = g->w * x->ld,
        .channels = g->c, .v = j->x + row * s->x_row, .position = s->x_position,
    };
    inside(ih, g->h, &in.top, &in.bottom);
    inside(iw, g->w, &in.left, &in.right);
    s->simd->winograd->input(&in);
    const weft_winograd_dy out = {
        .dy = weft_row(y, (n * dy[1] + oh) * dy[2] + ow), .pixel = y->ld, .line = dy[2] * y->ld,
        .height = dy[1] - oh < OUT ? (int)(dy[1] - oh) : OUT, .width = dy[2] - ow < OUT ? (int)(dy[2] - ow) : OUT,
        .channels = dy[3], .u = j->y + row * s->y_row, .position = s->y_position,
    };
    s->simd->winograd_dw->dy(&out);
}

static void item_transform(void *arg, int64_t item, int thread)
{
    const job *j = arg;
    const int64_t end = (item + 1) * TILES < j->count ? (item + 1) * TILES : j->count;
    (void)thread;
    for (int64_t i = item * TILES; i < end; i++)
        transform(j, j->first + i, i);
}

/* A block of filters of one position. */
static void multiply(const job *j, int64_t position, int64_t block, bool add)
{
    const winograd *s = j->state;
    const int64_t filters = j->call->node->in[1].dim[3];
    const int64_t first = filters * block / s->blocks, last = filters * (block + 1) / s->blocks;
    weft_outer_block k = {
        .a = j->y + position * s->y_position + first, .a_pixel = s->y_row, .b_pixel = s->x_row, .lines = 1,
        .pixels = j->count, .rows = last - first, .c_row = s->sum_row, .add = add,
    };
    const float *x = j->x + position * s->x_position;
    float *sums = j->sums + position * s->sum_position + first * s->sum_row;
    for (int v = WEFT_GEMM_VECTORS; v > 0; v--) {
        for (int i = 0; i < s->columns.count[v]; i++) {
            k.b = x;
            k.c = sums;
            k.vectors = v;
            k.columns = v * s->simd->outer->lanes;
            s->simd->outer->block(&k);
            x += k.columns;
            sums += k.columns;
        }
    }
}

static void item_multiply(void *arg, int64_t item, int thread)
{
    const job *j = arg;
    (void)thread;
    multiply(j, item / j->state->blocks, item % j->state->blocks, j->first > 0);
}

/* The gradient of filter k, from the sums. */
static void back(const job *j, int64_t k, float *dw, int64_t tap)
{
    const winograd *s = j->state;
    const weft_conv2d_grad_opt *g = j->call->node->opt;
    const weft_winograd_dw filter = { .m = j->sums + k * s->sum_row, .position = s->sum_position, .dw = dw,
                                      .tap = tap, .channels = g->c };
    s->simd->winograd_dw->dw(&filter);
}

static void item_back(void *arg, int64_t item, int thread)
{
    const job *j = arg;
    const weft_view *out = &j->call->out[0];
    const int64_t filters = j->call->node->in[1].dim[3];
    (void)thread;
    for (int64_t k = item * BACK; k < (item + 1) * BACK && k < filters; k++)
        back(j, k, weft_row(out, k * TAPS), out->ld);
}

/* All of a job's memory, from where it begins. */
static void lay_out(job *j, float *memory)
{
    const winograd *s = j->state;
    j->sums = memory;
    j->x = j->sums + POSITIONS * s->sum_position;
    j->y = j->x + POSITIONS * s->x_position;
}

/* A slice of the tiles, into a gradient of its own. */
static void item_slice(void *arg, int64_t item, int thread)
{
    job own = *(const job *)arg, *const j = &own;
    const winograd *s = j->state;
    const int64_t filters = j->call->node->in[1].dim[3], from = s->tiles * item / s->slices;
    const int64_t to = s->tiles * (item + 1) / s->slices;
    lay_out(j, weft_call_thread_scratch(j->call, thread));
    for (j->first = from; j->first < to; j->first += j->count) {
        j->count = to - j->first < s->round ? to - j->first : s->round;
        for (int64_t i = 0; i < j->count; i++)
            transform(j, j->first + i, i);
        for (int64_t p = 0; p < POSITIONS * s->blocks; p++)
            multiply(j, p / s->blocks, p % s->blocks, j->first > from);
    }
    float *const dw = (float *)j->call->scratch + item * filters * TAPS * s->sum_row;
    for (int64_t k = 0; k < filters; k++)
        back(j, k, dw + k * TAPS * s->sum_row, s->sum_row);
}

static void item_sum(void *arg, int64_t item, int thread)
{
    const job *j = arg;
    const winograd *s = j->state;
    const int64_t filters = j->call->node->in[1].dim[3];
    (void)thread;
    for (int64_t row = item * BACK * TAPS; row < (item + 1) * BACK * TAPS && row < filters * TAPS; row++)
        s->simd->outer->sum((const float *)j->call->scratch + row * s->sum_row, filters * TAPS * s->sum_row,
                            s->slices, weft_row(&j->call->out[0], row), s->columns.columns);
}

static weft_status run(const weft_call *call)
{
    const winograd *s = call->state;
    weft_pool *const pool = call->device->pool;
    const int64_t backs = (call->node->in[1].dim[3] + BACK - 1) / BACK;
    job j = { .state = s, .call = call };
    if (s->slices) {
        weft_pool_run(pool, s->slices, item_slice, &j);
        weft_pool_run(pool, backs, item_sum, &j);
        return WEFT_OK;
    }
    lay_out(&j, call->scratch);
    for (j.first = 0; j.first < s->tiles; j.first += j.count) {
        j.count = s->tiles - j.first < s->round ? s->tiles - j.first : s->round;
        weft_pool_run(pool, (j.count + TILES - 1) / TILES, item_transform, &j);
        weft_pool_run(pool, POSITIONS * s->blocks, item_multiply, &j);
    }
    weft_pool_run(pool, backs, item_back, &j);
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_dw_winograd = {
    .name = "cpu.conv2d_dw.winograd", .refuse = refuse, .prepare = prepare, .run = run,
    .error_factor = 8, /* the last tap's 6, and the rounding of the transforms */
};
