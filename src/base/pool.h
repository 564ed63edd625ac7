/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own threads. A pool runs a task over items 0..n-1: each thread takes those of its own share of them, the caller
 * the first, and then what is left of the others', so that a descheduled core does not hold up the rest. Idle workers
 * spin about 50 us, then sleep on a futex. Which thread runs which item is not fixed, so an item must compute the same
 * bits on any thread, and sums over items must be combined in item order afterwards. */
#ifndef WEFT_BASE_POOL_H
#define WEFT_BASE_POOL_H

#include <weft/context.h>

#include "base/flag.h"

typedef struct weft_pool weft_pool;

/* Does items [item], on thread 0 <= thread < weft_pool_threads. Must not fail. */
typedef void (*weft_task)(void *arg, int64_t item, int thread);

weft_status weft_pool_create(const weft_allocator *allocator, int threads, weft_pool **out);
void weft_pool_destroy(weft_pool *pool);
int weft_pool_threads(const weft_pool *pool);
/* Returns when all items are done. Not reentrant. items <= 1 or one thread: runs in the caller, in order. All items run
 * in the caller's floating-point mode. In a child that was forked from the process that made the pool, the caller runs
 * them all; there it may be destroyed as well. */
void weft_pool_run(weft_pool *pool, int64_t items, weft_task task, void *arg);
/* Until the next call, items of runs are left out from when halt is up (NULL: none is); what they would have made is
 * then missing. Returns whether any was since the last call. Not while a run is under way. */
bool weft_pool_heed(weft_pool *pool, const weft_flag *halt);
/* CPUs this process may run on (affinity and cgroup quota). */
int weft_cpu_count(void);

#endif
