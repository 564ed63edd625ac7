/* SPDX-License-Identifier: Apache-2.0
 *
 * The CUDA emulator as tests see it: how threads are ordered, what went wrong, which kernels were run. C. */
#ifndef WEFT_TESTS_CUDA_EMU_CONTROL_H
#define WEFT_TESTS_CUDA_EMU_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Order in which the blocks of a grid, and the threads of a block between two barriers, take their turn. */
typedef enum emu_order { EMU_FORWARD, EMU_REVERSE, EMU_SHUFFLED, EMU_ORDER_COUNT } emu_order;
void emu_set_order(emu_order order, uint64_t seed);

/* Blocks larger than this are refused (CUDA's own 1024 at most): kernels are compiled for so many. */
void emu_set_block_limit(unsigned threads);

/* What the last launch did wrong, with the kernel, the block and the lines at which its threads wait; "" if nothing.
 * emu_clear forgets it. A launch with a fault returns an error and leaves the rest of its grid undone. */
const char *emu_fault(void);
void emu_clear(void);

/* Who takes launches instead of running them at once: a stand-in for streams, which calls run, now or when its stream
 * gets there, and release when it is done. NULL: nobody. What goes wrong then is in emu_fault. */
typedef int emu_queue_fn(void *stream, void (*run)(void *), void *closure, void (*release)(void *));
void emu_set_queue(emu_queue_fn *queue);

/* Every launch that was compiled in, by the name of the function it stands in and its template arguments. Returns NULL
 * beyond the last. runs: launches so far. */
const char *emu_site(int index, int64_t *runs);

/* Sums over all launches so far: threads run, and switches between them. */
void emu_totals(int64_t *threads, int64_t *switches);

#ifdef __cplusplus
}
#endif
#endif
