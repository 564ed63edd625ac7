/* SPDX-License-Identifier: Apache-2.0
 *
 * The roofs that every report is held against, measured here and now on all threads: fused multiply-adds that never
 * leave the registers, and a copy whose source was flushed from every cache before it, by stores that go around them.
 * So a fixed, small amount of memory will do, whatever cache a machine claims to have. Medians of several rounds. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/context.h"
#include "cpu/machine.h"

enum {
    ROUNDS = 9,
    CHAINS = 12,        /* of the spin kernel: its flops are 2 * lanes * CHAINS a step */
    PIECES = 16,        /* items per thread and round */
    ROUND_NS = 20000000,   /* aimed at: all rounds of both are about 0.3 s */
    COPY_BYTES = 1 << 25   /* of each of the two buffers */
};

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    return values[count / 2];
}

typedef struct job {
    const weft_rows *rows;
    int64_t steps;
    float *from, *to;
    int64_t piece; /* floats */
} job;

static void spin_item(void *arg, int64_t item, int thread)
{
    const job *j = arg;
    (void)item, (void)thread;
    j->rows->spin(j->steps);
}

static void copy_item(void *arg, int64_t item, int thread)
{
    const job *j = arg;
    (void)thread;
    j->rows->copy(j->to + item * j->piece, j->from + item * j->piece, j->piece);
}

static void touch_item(void *arg, int64_t item, int thread)
{
    const job *j = arg;
    (void)thread;
    memset(j->from + item * j->piece, 1, sizeof(float) * (size_t)j->piece);
    memset(j->to + item * j->piece, 0, sizeof(float) * (size_t)j->piece);
}

static void flush_item(void *arg, int64_t item, int thread)
{
    const job *j = arg;
    (void)thread;
    const char *from = (const char *)(j->from + item * j->piece);
    for (int64_t at = 0; at < j->piece * (int64_t)sizeof(float); at += WEFT_CACHE_LINE)
        weft_flush_line(from + at);
}

static double time_of(weft_pool *pool, int64_t items, weft_task task, job *j)
{
    const double start = weft_clock();
    weft_pool_run(pool, items, task, j);
    return weft_clock() - start;
}

static double measure_flops(const weft_device *device, job *j)
{
    const int64_t items = (int64_t)device->threads * PIECES;
    double taken[ROUNDS];
    j->steps = 1000;
    double once = time_of(device->pool, items, spin_item, j); /* wakes the threads and the clock */
    once = time_of(device->pool, items, spin_item, j);
    j->steps = (int64_t)(1000 * (1e-9 * ROUND_NS / (once > 1e-6 ? once : 1e-6))) + 1;
    for (int r = 0; r < ROUNDS; r++)
        taken[r] = time_of(device->pool, items, spin_item, j);
    const double flops = 2.0 * j->rows->lanes * CHAINS * (double)j->steps * (double)items;
    return 1e-9 * flops / median(taken, ROUNDS);
}

static double measure_copy(const weft_device *device, job *j)
{
    const int64_t items = (int64_t)device->threads * PIECES;
    double taken[ROUNDS];
    time_of(device->pool, items, touch_item, j);
    for (int r = 0; r < ROUNDS; r++) {
        time_of(device->pool, items, flush_item, j);
        taken[r] = time_of(device->pool, items, copy_item, j);
    }
    return 1e-9 * 2 * sizeof(float) * (double)j->piece * (double)items / median(taken, ROUNDS);
}

weft_status weft_measure_roof(weft_ctx *ctx, weft_roof *out)
{
    if (!ctx || !out)
        return weft_fail(WEFT_INVALID, "weft_measure_roof: %s is NULL", ctx ? "out" : "ctx");
    const weft_device *device = ctx->device;
    job j = { .rows = weft_simd_of(device->cpu.best)->rows }; /* of the machine, whatever the kernels are capped to */

    const size_t items = (size_t)device->threads * PIECES;
    j.piece = (int64_t)weft_round_up(COPY_BYTES / sizeof(float) / items, 64);
    const size_t whole = sizeof(float) * (size_t)j.piece * items;
    j.from = weft_alloc(device->allocator, whole);
    j.to = weft_alloc(device->allocator, whole);
    weft_status status = WEFT_NO_MEMORY;
    if (j.from && j.to) {
        const double bandwidth = measure_copy(device, &j);
        *out = (weft_roof){ .gflops = measure_flops(device, &j), .bandwidth = bandwidth };
        status = WEFT_OK;
    }
    weft_free(device->allocator, j.to);
    weft_free(device->allocator, j.from);
    return status;
}
