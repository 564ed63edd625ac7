/* SPDX-License-Identifier: Apache-2.0
 *
 * The roofs that every report is held against, measured here and now on all threads: fused multiply-adds that never
 * leave the registers, and a copy whose source was flushed from every cache before it, by stores that go around them.
 * So a fixed, small amount of memory will do, whatever cache a machine claims to have. Medians of several rounds.
 *
 * The probe is a small roof for between two measurements: one tile of our own matrix product, whose data stay in L1 and
 * L2. A neighbour on the other hyperthread of a core takes its share of caches and load ports, which multiply-adds in
 * registers do not feel. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/context.h"
#include "cpu/gemm.h"
#include "cpu/machine.h"

enum {
    ROUNDS = 9,
    CHAINS = 12,        /* of the spin kernel: its flops are 2 * lanes * CHAINS a step */
    PIECES = 16,        /* items per thread and round */
    ROUND_NS = 20000000,   /* aimed at: all rounds of both are about 0.3 s */
    COPY_BYTES = 1 << 25,  /* of each of the two buffers */
    PROBE_ROUNDS = 3,
    PROBE_NS = 700000,     /* of each round of either kind: all are about 4 ms */
    TILE_ROWS = 48,        /* of A: with the panel of B and C about 70 KB a thread, of which a step reads a part */
    TILE_DEPTH = 128
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
    const weft_gemm *gemm; /* of the probe: A, B, C of each thread lie in `from`, bias and zeros in `to` */
} job;

static void spin_item(void *arg, int64_t item, int thread)
{
    const job *j = arg;
    (void)item, (void)thread;
    j->rows->spin(j->steps);
}

/* One tile of the product after the other, by the thread that runs them on its own data. */
static void tile_item(void *arg, int64_t item, int thread)
{
    const job *j = arg;
    float *const a = j->from + thread * j->piece, *const b = a + TILE_ROWS * TILE_DEPTH;
    (void)item;
    const weft_gemm_block block = {
        .a = a,
        .a_row = TILE_DEPTH,
        .taps_h = 1,
        .taps_w = 1,
        .run = TILE_DEPTH,
        .b = b,
        .bias = j->to,
        .count = j->gemm->count,
        .last = j->gemm->panels,
        .columns = j->gemm->columns,
        .c = b + TILE_DEPTH * j->gemm->width,
        .c_row = j->gemm->width,
        .lines = 1,
        .pixels = TILE_ROWS,
    };
    for (int64_t step = 0; step < j->steps; step++)
        j->gemm->table->block(&block);
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

/* GFLOP/s of steps of so many FLOPs: the median of rounds of about `ns` each. */
static double rate_of(const weft_device *device, weft_task task, job *j, double flops, int64_t ns, int rounds)
{
    enum { FIRST = 1000 };
    const int64_t items = (int64_t)device->threads * PIECES;
    double taken[ROUNDS];
    j->steps = FIRST * (int64_t)(2 * 16 * CHAINS) / (int64_t)flops + 1; /* the time of about so many spins */
    double once = time_of(device->pool, items, task, j); /* wakes the threads and the clock */
    once = time_of(device->pool, items, task, j);
    j->steps = (int64_t)((double)j->steps * (1e-9 * (double)ns / (once > 1e-6 ? once : 1e-6))) + 1;
    for (int r = 0; r < rounds; r++)
        taken[r] = time_of(device->pool, items, task, j);
    return 1e-9 * flops * (double)j->steps * (double)items / median(taken, rounds);
}

static double measure_flops(const weft_device *device, job *j)
{
    return rate_of(device, spin_item, j, 2.0 * j->rows->lanes * CHAINS, ROUND_NS, ROUNDS);
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

weft_status weft_measure_probe(weft_ctx *ctx, weft_probe *out)
{
    if (!ctx || !out)
        return weft_fail(WEFT_INVALID, "weft_measure_probe: %s is NULL", ctx ? "out" : "ctx");
    const weft_device *device = ctx->device;
    const weft_isa isa = device->isa == WEFT_ISA_REF ? device->cpu.best : device->isa;
    const weft_simd *simd = weft_simd_of(isa);
    weft_gemm gemm;
    weft_gemm_init(&gemm, simd->gemm, TILE_DEPTH, WEFT_GEMM_VECTORS * simd->gemm->lanes);

    job j = { .rows = simd->rows, .gemm = &gemm };
    j.piece = (int64_t)weft_round_up((size_t)(TILE_ROWS * TILE_DEPTH + (TILE_DEPTH + TILE_ROWS) * gemm.width), 64);
    const size_t floats = (size_t)j.piece * (size_t)device->threads + (size_t)gemm.width;
    j.from = weft_alloc(device->allocator, sizeof(float) * floats);
    if (!j.from)
        return WEFT_NO_MEMORY;
    memset(j.from, 0, sizeof(float) * floats); /* zeros are as quick as any other numbers, and grow to no infinity */
    j.to = j.from + j.piece * device->threads;
    const double fma = 2.0 * j.rows->lanes * CHAINS, tile = 2.0 * TILE_ROWS * TILE_DEPTH * (double)gemm.width;
    *out = (weft_probe){ .fma_gflops = rate_of(device, spin_item, &j, fma, PROBE_NS, PROBE_ROUNDS),
                         .gflops = rate_of(device, tile_item, &j, tile, PROBE_NS, PROBE_ROUNDS) };
    weft_free(device->allocator, j.from);
    return WEFT_OK;
}
