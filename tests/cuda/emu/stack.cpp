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

enum { STACK = 256 << 10, COLOURS = 61, COLOUR = 1088, NO_SYNC = 1 };

#if defined(SWITCH_UCONTEXT)
typedef ucontext_t context;
#else
typedef void *context; /* the stack pointer; the rest lies on the stack */
#endif

struct emu::worker {
    context at;
    char *stack, *top; /* top: at another place of its pages than the last one's, for the caches' sake */
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
#if defined(__AVX512F__)
#define WIDE_REGISTERS                                                                                                 \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",      \
        "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
#define WIDE_REGISTERS
#endif

/* Saves two registers, where to go on, and the stack pointer; the compiler saves what else it needs. Jumps, where a
 * return would be one that no call foretold. */
static inline __attribute__((always_inline)) void swap(context *save, context *load)
{
    context *from = save;
    void *to = *load;
    __asm__ volatile("leaq -128(%%rsp),%%rsp\nleaq 1f(%%rip),%%rax\npushq %%rax\npushq %%rbp\npushq %%rbx\n"
                     "movq %%rsp,(%0)\nmovq %1,%%rsp\n"
                     "popq %%rbx\npopq %%rbp\npopq %%rax\njmp *%%rax\n1: leaq 128(%%rsp),%%rsp\n"
                     : "+D"(from), "+S"(to)
                     :
                     : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory",
                       "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                       "xmm12", "xmm13", "xmm14", "xmm15" WIDE_REGISTERS);
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
        if (!current->begun)
            stop("a thread ends without weft_begin", "the kernel's first line");
        if (current->products)
            stop("a thread ends without weft_mma_end", "its last products");
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
    w->at.uc_stack.ss_size = (size_t)(w->top - w->stack);
    w->at.uc_link = nullptr;
    makecontext(&w->at, work, 0);
#else
    void **top = reinterpret_cast<void **>(w->top);
    *--top = nullptr; /* where a return address would be: the stack is as after a call */
    *--top = reinterpret_cast<void *>(&work);
    *--top = nullptr;
    *--top = nullptr;
    w->at = top;
#endif
}

static worker *new_worker(void)
{
    static size_t made;
    worker *w = static_cast<worker *>(calloc(1, sizeof(worker)));
    void *stack = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!w || stack == MAP_FAILED) {
        fputs("emulator: no memory for a thread\n", stderr);
        abort();
    }
    w->stack = static_cast<char *>(stack);
    w->top = w->stack + STACK - made++ % COLOURS * COLOUR;
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
