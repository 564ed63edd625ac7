/* SPDX-License-Identifier: Apache-2.0
 *
 * The roofs are measured in a fixed, small amount of memory, whatever cache the machine claims. */
#include <stdlib.h>

#include "backend/kernel.h"
#include "base/context.h"
#include "base/alloc.h"
#include "check/harness.h"

enum { ROOM = 128 << 20 };

/* Refuses what would go beyond ROOM in all: blocks that were given back still count. */
typedef struct meter {
    size_t taken;
} meter;

static void *take(void *user, size_t size, size_t align)
{
    meter *m = user;
    if (m->taken + size > ROOM)
        return NULL;
    m->taken += size;
    return aligned_alloc(align, weft_round_up(size, align));
}

static void give(void *user, void *block)
{
    (void)user;
    free(block);
}

START_TEST(claimed_caches_cost_nothing)
{
    static const size_t claims[] = { (size_t)1 << 20, (size_t)300 << 20, (size_t)16 << 30 };
    for (int i = 0; i < WEFT_COUNT(claims); i++) {
        meter m = { 0 };
        weft_ctx *ctx;
        weft_roof roof = { 0 };
        const weft_ctx_opt opt = { .threads = 2, .allocator = { take, give, &m } };
        CHECK_OK(weft_ctx_create(&opt, &ctx));
        ctx->device->cpu.l3 = claims[i];
        CHECK_OK(weft_measure_roof(ctx, &roof));
        weft_ctx_destroy(ctx);
        ck_assert(roof.bandwidth > 0 && roof.gflops > 0);
    }
}
END_TEST

/* A rate above the peak would be a wrong count of FLOPs; below a hundredth of it, too. What is between is the
 * machine's affair. */
START_TEST(probe_is_a_rate)
{
    static const char *const isas[] = { NULL, "ref", "portable" };
    for (int i = 0; i < WEFT_COUNT(isas); i++) {
        meter m = { 0 };
        weft_ctx *ctx;
        weft_probe probe = { 0 };
        const weft_ctx_opt opt = { .threads = i + 1, .isa = isas[i], .allocator = { take, give, &m } };
        CHECK_OK(weft_ctx_create(&opt, &ctx));
        CHECK_OK(weft_measure_probe(ctx, &probe));
        ck_assert(probe.gflops > 0 && probe.fma_gflops > 0);
        ck_assert(probe.gflops < 10 * probe.fma_gflops && probe.gflops > probe.fma_gflops / 100);
        m.taken = ROOM;
        probe.gflops = -1;
        ck_assert_int_eq(weft_measure_probe(ctx, &probe), WEFT_NO_MEMORY);
        ck_assert(probe.gflops < 0);
        CHECK_FAILS(WEFT_INVALID, weft_measure_probe(ctx, NULL), "out is NULL");
        weft_ctx_destroy(ctx);
    }
    weft_probe unused;
    CHECK_FAILS(WEFT_INVALID, weft_measure_probe(NULL, &unused), "ctx is NULL");
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("roof");
    CHECK_CASE(suite, "roof", claimed_caches_cost_nothing, probe_is_a_rate);
    return check_main(suite, argv[0]);
}
