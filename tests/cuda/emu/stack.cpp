/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes of stacks, each told to the sanitizers.
 *
 * A thread of the block runs on a worker, a stack of its own. Workers outnumber one only while threads wait: one that
 * ends goes on with the next thread that has not begun, so a kernel without barriers never switches. (Under
 * ThreadSanitizer each thread has its own, since a race is one between fibers.) */
#include "block.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(WEFT_EMU_TSAN)
enum { OWN_WORKERS = 1 };
#else
enum { OWN_WORKERS = 0 };
#endif
#if !defined(__x86_64__) || defined(WEFT_EMU_UCONTEXT)
#define SWITCH_UCONTEXT
#include <ucontext.h>
#endif

using namespace emu;

enum { STACK = 256 << 10, NO_SYNC = 1 };

#if defined(SWITCH_UCONTEXT)
typedef ucontext_t context;
#else
typedef void *context; /* the stack pointer; the rest lies on the stack */
#endif

struct emu::worker {
    context at;
    char *stack;
    bool begun;
    thread *runs;
    void *asan, *tsan;
    worker *next; /* free list */
};

thread emu::threads[MOST_THREADS];
unsigned emu::order[MOST_THREADS];
thread *emu::current;
int64_t emu::total_switches;
emu_place emu_now;

static worker *idle, *running;
static context scheduler;
#if defined(__SANITIZE_ADDRESS__)
static void *scheduler_asan;
static const void *scheduler_stack;
static size_t scheduler_stack_bytes;
#endif
#if defined(WEFT_EMU_TSAN)
static void *scheduler_tsan;
#endif

#if defined(SWITCH_UCONTEXT)
static void swap(context *save, context *load)
{
    swapcontext(save, load);
}
#else
/* Saves the six registers that a call preserves, and the stack pointer. */
extern "C" void weft_emu_swap(void **save, void *load);
__asm__(".text\n.globl weft_emu_swap\n.type weft_emu_swap,@function\nweft_emu_swap:\n"
        "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
        "movq %rsp,(%rdi)\nmovq %rsi,%rsp\n"
        "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nretq\n"
        ".size weft_emu_swap,.-weft_emu_swap\n");
static void swap(context *save, context *load)
{
    weft_emu_swap(save, *load);
}
#endif

void emu::to_scheduler(void)
{
    worker *w = running;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&w->asan, scheduler_stack, scheduler_stack_bytes);
#endif
    TSAN(__tsan_switch_to_fiber(scheduler_tsan, NO_SYNC));
    swap(&w->at, &scheduler);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(w->asan, &scheduler_stack, &scheduler_stack_bytes);
#endif
}

static void enter(thread *t)
{
    current = t;
    emu_now.thread = t->index;
}

static void work(void)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_stack_bytes);
#endif
    for (;;) {
        TSAN(__tsan_acquire(&now.fresh));
        now.body(now.arguments);
        TSAN(__tsan_release(&now.threads));
        thread *t = running->runs;
        t->state = DONE;
        t->on = nullptr;
        if (!OWN_WORKERS && now.fresh < now.threads) {
            t = &threads[order[now.fresh++]];
            t->state = READY;
            t->on = running;
            running->runs = t;
            enter(t);
            continue;
        }
        to_scheduler();
    }
}

static void begin(worker *w)
{
    w->begun = true;
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(w->stack, STACK); /* of an abandoned thread */
#endif
    TSAN(w->tsan = w->tsan ? w->tsan : __tsan_create_fiber(0));
#if defined(SWITCH_UCONTEXT)
    getcontext(&w->at);
    w->at.uc_stack.ss_sp = w->stack;
    w->at.uc_stack.ss_size = STACK;
    w->at.uc_link = nullptr;
    makecontext(&w->at, work, 0);
#else
    void **top = reinterpret_cast<void **>(w->stack + STACK);
    *--top = nullptr; /* where a return address would be: the stack is as after a call */
    *--top = reinterpret_cast<void *>(&work);
    for (int i = 0; i < 6; i++)
        *--top = nullptr;
    w->at = top;
#endif
}

static worker *new_worker(void)
{
    worker *w = static_cast<worker *>(calloc(1, sizeof(worker)));
    void *stack = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!w || stack == MAP_FAILED) {
        fputs("emulator: no memory for a thread\n", stderr);
        abort();
    }
    w->stack = static_cast<char *>(stack);
    return w;
}

void emu::run(thread *t)
{
    if (t->state == NEW) {
        if (!idle)
            idle = new_worker();
        t->on = idle;
        idle = idle->next;
        t->on->runs = t;
        t->state = READY;
    }
    worker *w = t->on;
    running = w;
    if (!w->begun)
        begin(w);
    enter(t);
    total_switches++;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&scheduler_asan, w->stack, STACK);
#endif
    TSAN(__tsan_switch_to_fiber(w->tsan, NO_SYNC));
    swap(&scheduler, &w->at);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(scheduler_asan, nullptr, nullptr);
#endif
    if (w->runs->state == DONE) {
        w->next = idle;
        idle = w;
    }
}

void emu::begin_scheduling(void)
{
    TSAN(scheduler_tsan = __tsan_get_current_fiber());
}

void emu::abandon(void)
{
    for (unsigned i = 0; i < now.threads; i++) {
        worker *w = threads[i].on;
        if (!w || threads[i].state == DONE || threads[i].state == NEW)
            continue;
        TSAN(__tsan_destroy_fiber(w->tsan));
        w->tsan = nullptr;
        w->begun = false;
        w->next = idle;
        idle = w;
        threads[i].on = nullptr;
    }
}
