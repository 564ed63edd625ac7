/* SPDX-License-Identifier: Apache-2.0
 *
 * channel_sum on the CPU: rows are cut into parts by their number and the channels' alone, a part is an item, and the
 * parts' sums are added in pairs. Within a part eight rows are added in pairs, then to the sum so far. Bound: one read
 * of x. */
#include <string.h>

#include "cpu/ref/ref.h"
#include "cpu/rows.h"

enum {
    PARTS = 32,
    PART_ROWS = 64,         /* at least: the sums of a part cost as much as a row */
    ALONE_FLOATS = 1 << 14, /* fewer are one part */
    GROUP = 8               /* rows that are added in pairs */
};

typedef struct state {
    int64_t rows, channels;
    int64_t part, parts; /* rows of a part, and how many parts */
} state;

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    state *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    *s = (state){ .rows = weft_shape_rows(&node->in[0]), .channels = weft_shape_channels(&node->in[0]) };
    const int64_t most = s->rows / PART_ROWS < PARTS ? s->rows / PART_ROWS : PARTS;
    const int64_t parts = most < 1 || s->rows * s->channels <= ALONE_FLOATS ? 1 : most;
    s->part = ((s->rows + parts - 1) / parts + GROUP - 1) / GROUP * GROUP;
    s->parts = (s->rows + s->part - 1) / s->part;
    if (s->parts > 1)
        plan->scratch = sizeof(float) * (size_t)(s->parts * s->channels);
    return WEFT_OK;
}

static void item(void *arg, int64_t index, int thread)
{
    const weft_call *call = arg;
    const state *s = call->state;
    const int64_t first = index * s->part, left = s->rows - first;
    float *to = s->parts > 1 ? (float *)call->scratch + index * s->channels : call->out[0].data;
    (void)thread;
    weft_rows_of(call->device)->sum_rows(weft_row(&call->in[0], first), call->in[0].ld,
                                         left < s->part ? left : s->part, s->channels, 1, to);
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    weft_call copy = *call;
    float *sums = call->scratch;
    weft_pool_run(call->device->pool, s->parts, item, &copy);
    for (int64_t step = 1; step < s->parts; step *= 2)
        for (int64_t i = 0; i + step < s->parts; i += 2 * step) {
            const weft_sum2 pair = { .a = sums + i * s->channels, .b = sums + (i + step) * s->channels,
                                     .y = sums + i * s->channels, .rows = 1, .channels = s->channels, .scale = 1 };
            weft_rows_of(call->device)->sum2(&pair);
        }
    if (s->parts > 1)
        memcpy(call->out[0].data, sums, sizeof *sums * (size_t)s->channels);
    return WEFT_OK;
}

static const weft_kernel rows = {
    .name = "cpu.channel_sum.rows",
    .refuse = weft_rows_refuse,
    .prepare = prepare,
    .run = run,
};

const weft_kernel *const weft_cpu_channel_sum[] = { &rows, &weft_cpu_channel_sum_ref, NULL };
