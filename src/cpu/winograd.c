/* SPDX-License-Identifier: Apache-2.0
 *
 * Winograd's F(4x4, 3x3) and F(2x2, 3x3) over whole maps (winograd.h): 36 or 16 products [tiles, C] x [C, K] run on the
 * GEMM tiles of simd/gemm.h.
 *
 * Two orders of work. Apart: an item takes a few tiles through all three steps, in buffers of its thread that stay in
 * L2; every item reads all transformed weights, so this is for weights that are small. Together: all threads share
 * each step over many tiles, so that the weights (38 MB at 512 x 512 channels) are read once for them all.
 *
 * F(4x4) multiplies a quarter as often as the direct algorithm, F(2x2) four ninths, but its weights are four times as
 * many, F(2x2)'s 1.8 times: where the tiles are few (14x14 pixels at batch 1) reading them is what takes the time. A
 * stride of 2 takes nine sixteenths of the multiplications, with four times the weights; seven taps in a line take 16
 * of 35, with 16 sevenths of them.
 *
 * Error of F(4x4). With independent inputs and weights the rounding of one product is amplified, per dimension, by
 * sum over p of A[i][p]^2 |B[p]|^2 |G[p]|^2 = 9, 8.6, 17, 94 for the four outputs of a tile, where the direct sum has
 * 3: in two dimensions the deviation grows by 11 in the mean and 31 at worst (the corner pixel). The chains are 9 times
 * shorter, which divides it by 3: 3.6 and 10.4 times the direct algorithm's. Measured: 3 to 4 (L2), 5 (maximum). For
 * F(2x2) the sums are 5 and 5: the deviation grows by 5 thirds, squared, and the chains divide it by 3. */
#include "cpu/winograd.h"

#include "cpu/machine.h"

enum {
    MIN_CHANNELS = 32,     /* fewer: the transforms cost more than the products save */
    MIN_TILES = 12,        /* fewer: reading the weights costs more than it saves */
    MIN_TILES_OTHERS = 24, /* with a stride of 2, 1x7, 5x5 */
    FAR_L3 = 2 << 20,      /* bytes of L2 that come with a slow L3 */
    TOGETHER = 192,        /* tiles at a time, when the threads work together */
    TOGETHER_STRIDED = 48, /* which are more than twice as large */
    ITEMS_APART = 4,       /* of a thread: large, for each reads all the weights */
    ITEMS_TOGETHER = 8     /* of a thread: small, for all wait for the last one after each step */
};

/* Lines and pixels of an output tile. */
static int height_of(const weft_winograd *s, const weft_winograd_table *table)
{
    return s->kernel_h > 1 ? table->out : 1;
}

static int width_of(const weft_winograd *s, const weft_winograd_table *table)
{
    return s->kernel_w > 1 ? table->out : 1;
}

static int64_t tiles_of(const weft_winograd *s, const weft_winograd_table *table)
{
    const int64_t height = height_of(s, table), width = width_of(s, table);
    return s->n * ((s->oh + height - 1) / height) * ((s->ow + width - 1) / width);
}

/* Time of the products, for each weight of the direct algorithm: that of the multiply-adds with it, or of the reading
 * of it from beyond L2, which takes as long as so many multiply-adds of one vector's lane: 1.5 measured where L2 is 2
 * MB and L3 far away (AVX-512 and AVX2 of a Xeon), 1 computed for the bandwidth of a Zen 4. */
static double time_of(const weft_winograd *s, const weft_winograd_table *table, const weft_device *device)
{
    const double lanes = weft_simd_of(device->isa)->gemm->lanes;
    const double reading = device->cpu.l2 >= FAR_L3 ? 1.5 * lanes : lanes, tiles = (double)tiles_of(s, table);
    return table->positions * (tiles > reading ? tiles : reading);
}

static const weft_winograd_table *table_of(const weft_winograd *s, const weft_device *device)
{
    const weft_winograd_table *tables = weft_simd_of(device->isa)->winograd;
    const weft_winograd_table *large = tables + WEFT_WINOGRAD_LARGE, *small = tables + WEFT_WINOGRAD_SMALL;
    if (s->kernel_h != s->kernel_w)
        return weft_simd_of(device->isa)->winograd_line;
    if (s->kernel_h == 5)
        return tables + WEFT_WINOGRAD_WIDE;
    if (s->stride > 1)
        return tables + WEFT_WINOGRAD_STRIDED;
    const bool few = tiles_of(s, large) < MIN_TILES;
    return few || time_of(s, small, device) < time_of(s, large, device) ? small : large;
}

const char *weft_winograd_refuse_window(const weft_conv2d_opt *conv)
{
    if (conv->kernel_h != 3 || conv->kernel_w != 3)
        return "window other than 3x3";
    if (conv->stride_h != 1 || conv->stride_w != 1 || conv->dilation != 1)
        return "strided or dilated";
    return conv->groups != 1 ? "grouped: only convolutions of one group" : NULL;
}

/* A stride of 2 saves 63 of 144 multiply-adds of a whole tile, seven taps in a line 19 of 35, 5x5 64 of 100. Measured
 * (AVX-512): a channel's transforms, in and out, cost as much as 28 multiply-adds at each position. */
static bool pays(const weft_winograd *s, const weft_winograd_table *table, int64_t tiles)
{
    const double transforms = 28.0 / (double)s->c + 28.0 / (double)s->k;
    const double direct = (double)(s->kernel_h * s->kernel_w) * (double)(s->n * s->oh * s->ow);
    return tiles >= MIN_TILES_OTHERS &&
           table->positions * table->parts * (double)tiles * (1 + transforms) < 0.97 * direct;
}

const char *weft_winograd_refuse(const weft_winograd *winograd, const weft_device *device)
{
    const weft_winograd *s = winograd;
    const char *const reason = weft_gemm_refuse(device);
    if (reason)
        return reason;
    if (device->math != WEFT_MATH_FAST)
        return "math strict: no Winograd";
    if (s->c < MIN_CHANNELS || s->k < MIN_CHANNELS)
        return "under 32 channels: the transforms cost more than they save";
    const weft_winograd_table *table = table_of(s, device);
    const int64_t tiles = tiles_of(s, table), outputs = tiles * height_of(s, table) * width_of(s, table);
    if ((s->stride > 1 || s->kernel_h != 3) && !pays(s, table, tiles))
        return "strided, 1x7 or 5x5, with few channels or tiles: the transforms cost more than they save";
    if (tiles < MIN_TILES)
        return "under 12 tiles: reading the transformed weights costs more than they save";
    return 2 * s->n * s->oh * s->ow < outputs ? "map fills less than half of its tiles" : NULL;
}

/* ---- preparing ---- */

/* A position's distance in floats: at least `floats`, and an odd number of cache lines, so that the positions of a
 * tile fall into different sets of L1. */
static int64_t position_step(int64_t floats)
{
    const int64_t line = WEFT_CACHE_LINE / (int64_t)sizeof(float);
    const int64_t lines = (floats + line - 1) / line;
    return (lines | 1) * line;
}

/* Tiles an item takes through all steps: as many as fit in about the L2, or more where the weights come from L3. */
static int64_t tiles_apart(const weft_winograd *s, const weft_device *device)
{
    const int64_t tile_bytes = s->table->positions * (s->v_row + s->m_row) * (int64_t)sizeof(float);
    int64_t n = (int64_t)device->cpu.l2 * 3 / 4 / tile_bytes;
    const int64_t most = 48 * WEFT_WINOGRAD_POSITIONS / s->table->positions;
    n = n < 6 ? 6 : n > most ? most : n;
    const int64_t share = s->tiles / ((int64_t)device->threads * ITEMS_APART);
    return share < n ? (share < 6 ? 6 : share) : n;
}

/* Tiles of a round when the threads work together. */
static int64_t tiles_together(const weft_winograd *s)
{
    const int64_t most = s->stride > 1 ? TOGETHER_STRIDED : TOGETHER * WEFT_WINOGRAD_POSITIONS / s->table->positions;
    return s->tiles < most ? s->tiles : most;
}

/* Whether items of `apart` tiles would read more of the transformed weights from beyond L2 than working together moves
 * of its buffers, written and read once. Measured at 2 MB of L2: 64 channels are faster apart (by a fifth), 128 alike,
 * 256 together (by a quarter), 512 together (by half). */
static bool reads_less(const weft_winograd *s, double weights, int64_t apart)
{
    const double tile = s->table->positions * (double)(s->v_row + s->m_row) * sizeof(float);
    return weights / (double)apart > 2 * tile + weights / (double)tiles_together(s);
}

weft_status weft_winograd_plan(weft_winograd *winograd, weft_plan *plan)
{
    weft_winograd *s = winograd;
    const weft_device *device = plan->device;
    const int64_t line = WEFT_CACHE_LINE / (int64_t)sizeof(float);
    s->table = table_of(s, device);
    const int height = height_of(s, s->table), width = width_of(s, s->table);
    s->turned = height < width;
    s->tiles_h = (s->oh + height - 1) / height;
    s->tiles_w = (s->ow + width - 1) / width;
    s->tiles = s->n * s->tiles_h * s->tiles_w;
    const weft_gemm_table *gemm = weft_gemm_table_of(device);
    s->part = s->table->parts > 1 ? (s->c + gemm->lanes - 1) / gemm->lanes * gemm->lanes : s->c;
    weft_gemm_init(&s->gemm, gemm, s->table->parts * s->part, s->k);
    s->stream = weft_gemm_streams(&s->gemm, device, s->n * s->oh * s->ow);

    size_t with_bias, all;
    WEFT_TRY(weft_gemm_bytes(&s->gemm, &s->product_bytes, &with_bias));
    const size_t bias = with_bias - s->product_bytes;
    if (!weft_mul_size(s->product_bytes, (size_t)s->table->products, &all) ||
        !weft_add_size(all, 2 * bias, &plan->packed))
        return weft_fail(WEFT_INVALID, "transformed weights do not fit in memory");
    s->bias_at = all;
    s->zeros_at = all + bias;

    s->v_row = (s->gemm.depth + line - 1) / line * line + line;
    s->m_row = (s->gemm.width + line - 1) / line * line + line;
    const int64_t apart = tiles_apart(s, device);
    s->together = reads_less(s, (double)all, apart) || all > device->cpu.l3 / 3 ||
                  (device->threads > 1 && s->tiles < 24 * device->threads);
    s->at_once = s->together ? tiles_together(s) : apart;
    s->v_position = position_step(s->at_once * s->v_row);
    s->m_position = position_step(s->at_once * s->m_row);
    s->groups = weft_gemm_groups(&s->gemm, device, s->table->spans);
    const size_t buffers = (size_t)(s->table->positions * (s->v_position + s->m_position)) * sizeof(float);
    if (s->together)
        plan->scratch = buffers;
    else
        plan->thread_scratch = buffers;
    return WEFT_OK;
}

/* ---- running ---- */

typedef struct job {
    const weft_winograd *state;
    const weft_call *call;
    weft_gemm_block block; /* all panels, no position yet */
    bool stream;
    bool far;             /* the weights do not stay in L2 */
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
    const weft_winograd *s = j->state;
    const weft_view *x = &j->call->in[0];
    const int64_t n = tile / (s->tiles_h * s->tiles_w);
    const int64_t ih = tile / s->tiles_w % s->tiles_h * height_of(s, s->table) * s->stride - s->top;
    const int64_t iw = tile % s->tiles_w * width_of(s, s->table) * s->stride - s->left;
    const int high = s->kernel_h > 1 ? s->table->in : 1, wide = s->kernel_w > 1 ? s->table->in : 1;
    weft_winograd_input t = {
        .x = (const float *)x->data + ((n * s->h + ih) * s->w + iw) * x->ld,
        .pixel = s->turned ? s->w * x->ld : x->ld,
        .line = s->turned ? x->ld : s->w * x->ld,
        .channels = s->c,
        .v = v + row * s->v_row,
        .position = s->v_position,
        .part = s->part,
    };
    inside(ih, high, s->h, s->turned ? &t.left : &t.top, s->turned ? &t.right : &t.bottom);
    inside(iw, wide, s->w, s->turned ? &t.top : &t.left, s->turned ? &t.bottom : &t.right);
    s->table->input(&t);
}

static void transform_output(const job *j, int64_t tile, int64_t row, const float *m)
{
    const weft_winograd *s = j->state;
    const weft_view *y = &j->call->out[0];
    const int64_t high = height_of(s, s->table), wide = width_of(s, s->table);
    const int64_t n = tile / (s->tiles_h * s->tiles_w);
    const int64_t oh = tile / s->tiles_w % s->tiles_h * high, ow = tile % s->tiles_w * wide;
    const int height = (int)(s->oh - oh < high ? s->oh - oh : high),
              width = (int)(s->ow - ow < wide ? s->ow - ow : wide);
    const int64_t r_line = j->block.r_row * s->ow, y_line = y->ld * s->ow;
    const int64_t pixel = (n * s->oh + oh) * s->ow + ow;
    const weft_winograd_output t = {
        .m = m + row * s->m_row,
        .position = s->m_position,
        .bias = weft_at_const(j->call->packed, s->bias_at),
        .residual = j->block.residual ? j->block.residual + pixel * j->block.r_row : NULL,
        .r_pixel = s->turned ? r_line : j->block.r_row,
        .r_line = s->turned ? j->block.r_row : r_line,
        .y = (float *)y->data + pixel * y->ld,
        .y_pixel = s->turned ? y_line : y->ld,
        .y_line = s->turned ? y->ld : y_line,
        .height = s->turned ? width : height,
        .width = s->turned ? height : width,
        .channels = s->gemm.columns,
        .act = j->call->node->epi.act,
        .stream = j->stream,
    };
    s->table->output(&t);
}

static weft_winograd_span span_of(const weft_winograd_table *table, int i)
{
    return table->span ? table->span[i] : (weft_winograd_span){ (unsigned char)i, 1, (unsigned char)i };
}

/* The positions of one span by their product. */
static void multiply(const job *j, int index, int64_t tiles, const float *v, float *m, int first, int last)
{
    const weft_winograd *s = j->state;
    const weft_winograd_span span = span_of(s->table, index);
    const int64_t product = (int64_t)(s->product_bytes / sizeof(float));
    weft_gemm_block b = j->block;
    b.residual = NULL;
    b.act = WEFT_ACT_NONE;
    b.ahead = false; /* scratch is near */
    b.columns = s->gemm.width;
    b.a = v + span.first * s->v_position;
    b.a_line = s->v_position;
    b.a_row = s->v_row;
    b.b = j->block.b + product * span.product;
    b.c = m + span.first * s->m_position;
    b.c_line = s->m_position;
    b.c_row = s->m_row;
    b.lines = span.count;
    b.pixels = tiles;
    b.first = first;
    b.last = last;
    b.far_b = j->far && tiles > WEFT_GEMM_ROWS;
    if (index + 1 < s->table->spans) {
        b.then = j->block.b + product * span_of(s->table, index + 1).product;
        b.then_floats = s->gemm.width * s->gemm.depth / s->gemm.panels;
    }
    s->gemm.table->block(&b);
}

static void item_apart(void *arg, int64_t item, int thread)
{
    const job *j = arg;
    const weft_winograd *s = j->state;
    float *v = weft_call_thread_scratch(j->call, thread), *m = v + s->table->positions * s->v_position;
    const int64_t first = item * s->at_once;
    const int64_t count = s->tiles - first < s->at_once ? s->tiles - first : s->at_once;
    for (int64_t i = 0; i < count; i++)
        transform_input(j, first + i, i, v);
    for (int i = 0; i < s->table->spans; i++)
        multiply(j, i, count, v, m, 0, s->gemm.panels);
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

void weft_winograd_run(const weft_winograd *winograd, const weft_call *call)
{
    const weft_winograd *s = winograd;
    weft_pool *pool = call->device->pool;
    const weft_gemm_taps taps = { .h = 1, .w = 1, .run = s->gemm.depth };
    job j = { .state = s, .call = call, .block = weft_gemm_block_of(&s->gemm, call, &taps, s->zeros_at) };
    j.stream = s->stream && weft_gemm_may_stream(call);
    j.far = weft_gemm_is_far(&s->gemm, call->device, s->table->products);
    if (!s->together) {
        weft_pool_run(pool, (s->tiles + s->at_once - 1) / s->at_once, item_apart, &j);
        return;
    }
    j.v = call->scratch;
    j.m = j.v + s->table->positions * s->v_position;
    for (j.first = 0; j.first < s->tiles; j.first += j.count) {
        j.count = s->tiles - j.first < s->at_once ? s->tiles - j.first : s->at_once;
        const int64_t wanted = (int64_t)call->device->threads * ITEMS_TOGETHER;
        const int64_t slices = j.count < wanted ? j.count : wanted;
        j.slice = (j.count + slices - 1) / slices;
        const int64_t items = (j.count + j.slice - 1) / j.slice;
        weft_pool_run(pool, items, item_input, &j);
        weft_pool_run(pool, s->table->spans * s->groups, item_multiply, &j);
        weft_pool_run(pool, items, item_output, &j);
    }
}
