/* SPDX-License-Identifier: Apache-2.0
 *
 * The block that the emulator runs: its launch, its threads, and what the emulator's files do for each other. stack.cpp
 * changes stacks, wait.cpp lets threads wait and go on, product.cpp is the tensor cores, shared.cpp has their memory,
 * fault.cpp says what went wrong, launch.cpp runs the blocks of a grid. All are compiled without the race detector's
 * instrumentation, and tell it of fibers and barriers themselves. */
#ifndef WEFT_TESTS_CUDA_EMU_BLOCK_H
#define WEFT_TESTS_CUDA_EMU_BLOCK_H

#include "emu.h"

#if defined(WEFT_EMU_TSAN)
extern "C" {
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_acquire(void *address);
void __tsan_release(void *address);
}
#define TSAN(call) call
#else
#define TSAN(call) static_cast<void>(0)
#endif

namespace emu
{

enum { WARP = 32, MOST_THREADS = 1024, MOST_SHARED = 48 << 10 };
enum state { NEW, READY, AT_BARRIER, AT_WARP, DONE };

struct worker; /* a stack, of stack.cpp */

struct thread {
    enum state state;
    uint3 index;
    const char *where;
    bool begun; /* it has called weft_begin */
    unsigned mask, products; /* products: since its last end of them */
    uint64_t payload;
    worker *on;
};

struct launch {
    emu_record *site;
    void (*body)(void *);
    void *arguments;
    unsigned threads, warps, fresh; /* fresh: threads of order that have begun */
    size_t dynamic_bytes;
    void *dynamic;
    emu_array *arrays;
    size_t static_bytes;
    bool failed, released; /* released: a warp, since the scheduler asked last */
};

extern thread threads[MOST_THREADS];
extern unsigned order[MOST_THREADS];
extern thread *current;
extern launch now;
extern uint64_t launches;

/* Of the thread in its block. */
inline unsigned number_of(const thread *t)
{
    return (unsigned)(t - threads);
}

/* ---- fault.cpp: the first fault of a launch ---- */

void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- stack.cpp ---- */

extern int64_t total_switches;
/* The caller's own stack is the scheduler's, from which run() is called. */
void begin_scheduling(void);
/* Runs t until it waits or ends (and others on the same stack after it). */
void run(thread *t);
/* Leaves the running thread as it is; returns when it is run again. */
void to_scheduler(void);
/* Stacks that were left in the middle start anew. */
void abandon(void);

/* ---- wait.cpp ---- */

/* A fault of the running thread: it never goes on. */
void stop(const char *what, const char *where);
/* A lane of the running thread's warp waits for the others of mask, a payload with each; true for the last of them. */
bool meet(unsigned mask, uint64_t payload, const char *where);
/* When nothing can run: lets those go on who have all met. False if there are none. */
bool release(void);
/* Nobody waits. */
void forget_waiting(void);

/* ---- product.cpp ---- */

/* There are none. */
void forget_products(void);

/* ---- shared.cpp ---- */

/* Bytes of NaN, aligned to 16. */
void *make_array(size_t bytes);
void free_array(void *data, size_t bytes);
/* Fills with NaN. */
void unset(void *data, size_t bytes);

} // namespace emu

#endif
