/* SPDX-License-Identifier: Apache-2.0
 *
 * A launch: its checks, the order of its blocks and threads, and the books that control.h reads. */
#include "block.h"

#include "control.h"

using namespace emu;

enum { INVALID_CONFIGURATION = 9, LAUNCH_FAILURE = 719 }; /* cudaError_t's */

launch emu::now;
uint64_t emu::launches;

static int64_t total_threads;
static emu_order how;
static uint64_t how_seed;
static unsigned block_limit = MOST_THREADS;
static emu_record *records;

static void shuffle(void)
{
    uint64_t r = how_seed * 0x9e3779b97f4a7c15u + launches + 1;
    for (unsigned i = now.threads; i > 1; i--) {
        r = r * 6364136223846793005u + 1442695040888963407u;
        const unsigned j = (unsigned)((r >> 33) % i), keep = order[j];
        order[j] = order[i - 1];
        order[i - 1] = keep;
    }
}

static void set_threads(dim3 block)
{
    for (unsigned i = 0; i < now.threads; i++) {
        threads[i].index = { i % block.x, i / block.x % block.y, i / (block.x * block.y) };
        order[i] = how == EMU_REVERSE ? now.threads - 1 - i : i;
    }
    if (how == EMU_SHUFFLED)
        shuffle();
}

static void run_block(void)
{
    for (emu_array *a = now.arrays; a; a = a->next)
        unset(a->data, a->bytes);
    unset(now.dynamic, now.dynamic_bytes);
    for (unsigned i = 0; i < now.threads; i++)
        threads[i].state = NEW, threads[i].begun = false;
    now.fresh = 0;
    TSAN(__tsan_release(&now.fresh));
    while (!now.failed) {
        while (now.fresh < now.threads && !now.failed)
            run(&threads[order[now.fresh++]]);
        bool all = true;
        now.released = false;
        for (unsigned i = 0; i < now.threads && !now.failed; i++) {
            thread *t = &threads[order[i]];
            if (t->state == READY)
                run(t);
            all = all && t->state == DONE;
        }
        if (all)
            break;
        if (!now.released && !now.failed && !release())
            complain("threads wait for each other: a barrier or shuffle that not all of them reach");
    }
    TSAN(__tsan_acquire(&now.threads));
    total_threads += now.threads;
}

static bool check(dim3 g, dim3 b, size_t dynamic)
{
    const uint64_t count = (uint64_t)b.x * b.y * b.z;
    if (count == 0 || count > block_limit || b.z > 64)
        complain("a block of %u x %u x %u threads; at most %u are allowed", b.x, b.y, b.z, block_limit);
    else if (g.x == 0 || g.y == 0 || g.z == 0 || g.x > 0x7fffffffu || g.y > 65535 || g.z > 65535)
        complain("a grid of %u x %u x %u blocks", g.x, g.y, g.z);
    else if (dynamic > MOST_SHARED)
        complain("%zu bytes of dynamic shared memory, more than 48 KB", dynamic);
    return !now.failed;
}

static void run_grid(dim3 blocks)
{
    const uint64_t count = (uint64_t)blocks.x * blocks.y * blocks.z;
    /* A step that is coprime to count visits every block once. */
    uint64_t step = 1, at = how == EMU_REVERSE ? count - 1 : 0;
    if (how == EMU_SHUFFLED)
        for (step = count * 5 / 8 + 1;; step++) {
            uint64_t a = step, b = count;
            while (b) {
                const uint64_t rest = a % b;
                a = b;
                b = rest;
            }
            if (a == 1)
                break;
        }
    for (uint64_t i = 0; i < count && !now.failed; i++) {
        emu_now.block = { (unsigned)(at % blocks.x), (unsigned)(at / blocks.x % blocks.y),
                          (unsigned)(at / ((uint64_t)blocks.x * blocks.y)) };
        run_block();
        at = how == EMU_REVERSE ? at - 1 : (at + step) % count;
    }
}

int emu_run(emu_record *site, dim3 blocks, dim3 block, size_t dynamic, void (*body)(void *), void *arguments)
{
    now = launch();
    now.site = site;
    now.body = body;
    now.arguments = arguments;
    launches++;
    if (!check(blocks, block, dynamic))
        return INVALID_CONFIGURATION;
    site->runs++;
    now.threads = block.x * block.y * block.z;
    now.warps = (now.threads + WARP - 1) / WARP;
    now.dynamic_bytes = dynamic;
    now.dynamic = make_array(dynamic);
    emu_now.threads = block;
    emu_now.blocks = blocks;
    begin_scheduling();
    set_threads(block);
    run_grid(blocks);
    if (now.failed) {
        abandon();
        forget_waiting();
        forget_products();
    }
    for (emu_array *a = now.arrays; a; a = a->next)
        free_array(a->data, a->bytes);
    free_array(now.dynamic, dynamic);
    return now.failed ? LAUNCH_FAILURE : 0;
}

void weft_begin(void)
{
    current->begun = true;
}

emu_queue_fn *emu_queue;

void emu_set_queue(emu_queue_fn *queue)
{
    emu_queue = queue;
}

emu_record::emu_record(const char *name_) : name(name_), runs(0), next(records)
{
    records = this;
}

void emu_set_order(emu_order o, uint64_t seed)
{
    how = o;
    how_seed = seed;
}

void emu_set_block_limit(unsigned count)
{
    block_limit = count < MOST_THREADS ? count : (unsigned)MOST_THREADS;
}

const char *emu_site(int index, int64_t *runs)
{
    const emu_record *r = records;
    while (r && index-- > 0)
        r = r->next;
    if (!r)
        return nullptr;
    *runs = r->runs;
    return r->name;
}

void emu_totals(int64_t *count, int64_t *switches)
{
    *count = total_threads;
    *switches = total_switches;
}
