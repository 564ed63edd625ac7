/* SPDX-License-Identifier: Apache-2.0
 *
 * Barriers, shuffles and votes: where threads wait, and who may go on.
 *
 * When nothing can run, warps whose lanes all wait at one shuffle are let go, and else the block if all its threads
 * wait at one barrier; if neither, that is the fault: the block is abandoned with its stacks as they are. */
#include "block.h"

using namespace emu;

static uint64_t brought[MOST_THREADS]; /* payloads of the last shuffle, by thread */

static unsigned number_of(const thread *t)
{
    return (unsigned)(t - threads);
}

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

/* Everyone of mask comes with a payload; afterwards brought[] has them all. */
static void meet(unsigned mask, uint64_t payload, const char *where)
{
    if (!(mask >> emu_lane() & 1))
        stop("a lane calls with a mask that leaves it out", where);
    TSAN(void *const warp = &brought[number_of(current) / WARP * WARP]);
    current->mask = mask;
    current->payload = payload;
    TSAN(__tsan_release(warp));
    wait_for(AT_WARP, where);
    TSAN(__tsan_acquire(warp));
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

const emu_operands *emu_exchange(const emu_operands *mine, const char *where)
{
    static emu_operands slots[2][MOST_THREADS]; /* by turns: a lane may be one product ahead of another */
    const unsigned me = number_of(current), turn = current->products++ % 2;
    slots[turn][me] = *mine;
    meet(0xffffffffu, 0, where);
    return &slots[turn][me / WARP * WARP];
}

static bool same(const char *a, const char *b)
{
    return a == b || strcmp(a, b) == 0;
}

/* Lets the lanes go that wait together with thread i: all of its mask (those beyond the block do not count), at one
 * place. */
static bool release_lanes(unsigned i)
{
    const thread *t = &threads[i];
    const unsigned first = i / WARP * WARP;
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned lane = 0; lane < WARP && first + lane < now.threads; lane++) {
            thread *other = &threads[first + lane];
            if (!(t->mask >> lane & 1))
                continue;
            if (pass == 0 && (other->state != AT_WARP || other->mask != t->mask || !same(other->where, t->where)))
                return false;
            if (pass == 1) {
                brought[first + lane] = other->payload;
                other->state = READY;
            }
        }
    }
    return true;
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
