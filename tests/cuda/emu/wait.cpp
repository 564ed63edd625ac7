/* SPDX-License-Identifier: Apache-2.0
 *
 * Barriers, shuffles and votes: where threads wait, and who may go on.
 *
 * The last lane of a warp that comes to a shuffle goes on, and lets the others go. When nothing can run, warps whose
 * lanes all wait at one shuffle are let go, and else the block if all its threads wait at one barrier; if neither, that
 * is the fault: the block is abandoned with its stacks as they are. */
#include "block.h"

using namespace emu;

static uint64_t brought[MOST_THREADS];        /* payloads of the last shuffle, by thread */
static unsigned waiting[MOST_THREADS / WARP]; /* lanes, by warp */

static void wait_for(enum state state, const char *where)
{
    current->state = state;
    current->where = where;
    to_scheduler();
}

void emu::stop(const char *what, const char *where)
{
    complain("%s: thread (%u, %u, %u), %s", what, current->index.x, current->index.y, current->index.z, where);
    wait_for(AT_BARRIER, where);
}

void emu_barrier(const char *where)
{
    TSAN(__tsan_release(&now.warps));
    wait_for(AT_BARRIER, where);
    TSAN(__tsan_acquire(&now.warps));
}

unsigned emu_lane(void)
{
    return number_of(current) % WARP;
}

static bool same(const char *a, const char *b)
{
    return a == b || strcmp(a, b) == 0;
}

/* Lanes of mask that the block has, in the warp of thread i. */
static unsigned there(unsigned i, unsigned mask)
{
    const unsigned first = i / WARP * WARP, beyond = now.threads - first;
    return beyond < WARP ? mask & ((1u << beyond) - 1) : mask;
}

/* Lets the lanes go that wait together with thread i: all of its mask (those beyond the block do not count), at one
 * place. */
static bool release_lanes(unsigned i)
{
    const thread *t = &threads[i];
    const unsigned first = i / WARP * WARP, lanes = there(i, t->mask);
    for (unsigned rest = lanes; rest; rest &= rest - 1) {
        const thread *other = &threads[first + (unsigned)__builtin_ctz(rest)];
        if (other->state != AT_WARP || other->mask != t->mask || !same(other->where, t->where))
            return false;
    }
    for (unsigned rest = lanes; rest; rest &= rest - 1) {
        const unsigned lane = first + (unsigned)__builtin_ctz(rest);
        brought[lane] = threads[lane].payload;
        threads[lane].state = READY;
    }
    waiting[first / WARP] -= (unsigned)__builtin_popcount(lanes);
    return true;
}

/* Everyone of mask comes with a payload; afterwards brought[] has them all. True for the last of them. */
bool emu::meet(unsigned mask, uint64_t payload, const char *where)
{
    const unsigned me = number_of(current);
    if (!(mask >> emu_lane() & 1))
        stop("a lane calls with a mask that leaves it out", where);
    TSAN(void *const warp = &brought[me / WARP * WARP]);
    current->mask = mask;
    current->payload = payload;
    current->state = AT_WARP;
    current->where = where;
    TSAN(__tsan_release(warp));
    const bool last = ++waiting[me / WARP] >= (unsigned)__builtin_popcount(there(me, mask)) && release_lanes(me);
    if (last)
        now.released = true;
    else
        to_scheduler();
    TSAN(__tsan_acquire(warp));
    return last;
}

void emu_warp_barrier(unsigned mask, const char *where)
{
    meet(mask, 0, where);
}

uint64_t emu_shuffle(unsigned mask, uint64_t payload, int source, const char *where)
{
    const unsigned first = number_of(current) / WARP * WARP;
    const unsigned from = first + (source < 0 ? emu_lane() : (unsigned)source);
    meet(mask, payload, where);
    if (!(mask >> (from - first) & 1) || from >= now.threads)
        stop("a shuffle reads a lane that does not take part", where);
    return brought[from];
}

unsigned emu_ballot(unsigned mask, bool vote, const char *where)
{
    meet(mask, vote, where);
    const unsigned first = number_of(current) / WARP * WARP;
    unsigned votes = 0;
    for (unsigned lane = 0; lane < WARP && first + lane < now.threads; lane++)
        if ((mask >> lane & 1) && brought[first + lane])
            votes |= 1u << lane;
    return votes;
}

static bool release_block(void)
{
    for (unsigned i = 0; i < now.threads; i++)
        if (threads[i].state != AT_BARRIER || !same(threads[i].where, threads[0].where))
            return false;
    for (unsigned i = 0; i < now.threads; i++)
        threads[i].state = READY;
    return true;
}

bool emu::release(void)
{
    bool any = false;
    for (unsigned i = 0; i < now.threads; i++)
        if (threads[i].state == AT_WARP && release_lanes(i))
            any = true;
    return any || release_block();
}

void emu::forget_waiting(void)
{
    memset(waiting, 0, sizeof waiting);
}
