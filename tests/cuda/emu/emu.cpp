/* SPDX-License-Identifier: Apache-2.0
 *
 * The emulator's scheduler: fibers, barriers, shuffles, shared memory, checks of launches (emu.h says what for).
 *
 * A thread of the block runs on a worker, a stack of its own. Workers outnumber one only while threads wait: one that
 * ends goes on with the next thread that has not begun, so a kernel without barriers never switches. (Under
 * ThreadSanitizer each thread has its own, since a race is one between fibers.) When nothing can run, warps whose
 * lanes all wait at one shuffle are let go, and else the block if all its threads wait at one barrier; if neither, that
 * is the fault: the block is abandoned with its stacks as they are. Compiled without the race detector's
 * instrumentation. */
#include "emu.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "control.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
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
enum { OWN_WORKERS = 1 };
#else
#define TSAN(call) static_cast<void>(0)
enum { OWN_WORKERS = 0 };
#endif
#if !defined(__x86_64__) || defined(WEFT_EMU_UCONTEXT)
#define SWITCH_UCONTEXT
#include <ucontext.h>
#endif

enum { WARP = 32, MOST_THREADS = 1024, MOST_SHARED = 48 << 10, STACK = 256 << 10, NO_SYNC = 1 };
enum { INVALID_CONFIGURATION = 9, LAUNCH_FAILURE = 719 }; /* cudaError_t's */

namespace
{

#if defined(SWITCH_UCONTEXT)
typedef ucontext_t context;
#else
typedef void *context; /* the stack pointer; the rest lies on the stack */
#endif

enum state { NEW, READY, AT_BARRIER, AT_WARP, DONE };

struct worker;

struct thread {
    enum state state;
    uint3 index;
    const char *where;
    unsigned mask;
    uint64_t payload;
    worker *on;
};

struct worker {
    context at;
    char *stack;
    bool begun;
    thread *runs;
    void *asan, *tsan;
    worker *next; /* free list */
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
    bool failed;
};

thread threads[MOST_THREADS];
unsigned order[MOST_THREADS];
uint64_t brought[MOST_THREADS]; /* payloads of the last shuffle, by thread */
worker *idle, *running;
thread *current;
launch now;
uint64_t launches;
context scheduler;
#if defined(__SANITIZE_ADDRESS__)
void *scheduler_asan;
const void *scheduler_stack;
size_t scheduler_stack_bytes;
#endif
#if defined(WEFT_EMU_TSAN)
void *scheduler_tsan;
#endif
int64_t total_threads, total_switches;
emu_order how;
uint64_t how_seed;
unsigned block_limit = MOST_THREADS;
char fault_text[1024];
emu_record *records;

} // namespace

emu_place emu_now;

/* ---- faults ---- */

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *format, ...)
{
    if (now.failed)
        return; /* the first is the reason */
    now.failed = true;
    va_list args;
    va_start(args, format);
    int used = vsnprintf(fault_text, sizeof fault_text, format, args);
    va_end(args);
    const uint3 b = emu_now.block;
    used += snprintf(fault_text + used, sizeof fault_text - (size_t)used, "\n  block (%u, %u, %u) of %s", b.x, b.y, b.z,
                     now.site->name);
    unsigned ended = 0, shown = 0;
    const char *last = nullptr;
    for (unsigned i = 0; i < now.threads; i++) {
        const thread *t = &threads[i];
        ended += t->state == DONE;
        if ((t->state != AT_BARRIER && t->state != AT_WARP) || t->where == last || shown >= 4 ||
            (size_t)used > sizeof fault_text - 200)
            continue;
        last = t->where;
        shown++;
        used += snprintf(fault_text + used, sizeof fault_text - (size_t)used, "\n  thread (%u, %u, %u) waits in %s",
                         t->index.x, t->index.y, t->index.z, t->where);
    }
    if (ended && (size_t)used < sizeof fault_text - 60)
        snprintf(fault_text + used, sizeof fault_text - (size_t)used, "\n  %u of %u threads have ended", ended,
                 now.threads);
}

/* ---- changing stacks ---- */

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

static void to_scheduler(void)
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

/* Runs t until it waits or ends (and others on the same stack after it). */
static void run(thread *t)
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

/* ---- waiting ---- */

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

/* A fault of the running thread: it never goes on. */
static void stop(const char *what, const char *where)
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

static bool release(void)
{
    bool any = false;
    for (unsigned i = 0; i < now.threads; i++)
        if (threads[i].state == AT_WARP && release_lanes(i))
            any = true;
    return any || release_block();
}

/* ---- shared memory ---- */

/* NaNs. Not memset, which ThreadSanitizer would take for the running thread's. */
static void unset(void *data, size_t bytes)
{
    volatile unsigned char *at = static_cast<volatile unsigned char *>(data);
    for (size_t i = 0; i < bytes; i++)
        at[i] = 0xff;
}

#if defined(WEFT_EMU_TSAN) /* nor a heap block, for the same reason */

alignas(16) static unsigned char pool[2 * MOST_SHARED];
static size_t pool_used;

static void *make_array(size_t bytes)
{
    void *data = pool + pool_used;
    pool_used += (bytes + 15) / 16 * 16;
    if (pool_used > sizeof pool) {
        fputs("emulator: no memory for a shared array\n", stderr);
        abort();
    }
    unset(data, bytes);
    return data;
}

static void free_array(void *, size_t)
{
    pool_used = 0; /* at the launch's end they all go */
}

#else

static void *make_array(size_t bytes)
{
    void *data = aligned_alloc(16, (bytes + 15) / 16 * 16 + (bytes == 0 ? 16 : 0));
    if (!data) {
        fputs("emulator: no memory for a shared array\n", stderr);
        abort();
    }
#if defined(__SANITIZE_ADDRESS__)
    __asan_poison_memory_region(static_cast<char *>(data) + bytes, (bytes + 15) / 16 * 16 - bytes);
#endif
    unset(data, bytes);
    return data;
}

static void free_array(void *data, size_t bytes)
{
    (void)bytes;
#if defined(__SANITIZE_ADDRESS__)
    if (data)
        __asan_unpoison_memory_region(data, (bytes + 15) / 16 * 16);
#endif
    free(data);
}

#endif

void *emu_shared(emu_array *array)
{
    if (array->launch != launches) {
        array->launch = launches;
        array->data = make_array(array->bytes);
        array->next = now.arrays;
        now.arrays = array;
        now.static_bytes += array->bytes;
        if (now.static_bytes + now.dynamic_bytes > MOST_SHARED)
            stop("more than 48 KB of shared memory", "an array of it");
    }
    return array->data;
}

void *emu_dynamic(void)
{
    return now.dynamic;
}

/* ---- a launch ---- */

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
        threads[i].state = NEW;
    now.fresh = 0;
    TSAN(__tsan_release(&now.fresh));
    while (!now.failed) {
        while (now.fresh < now.threads && !now.failed)
            run(&threads[order[now.fresh++]]);
        bool all = true, any = false;
        for (unsigned i = 0; i < now.threads && !now.failed; i++) {
            thread *t = &threads[order[i]];
            if (t->state == READY)
                run(t);
            all = all && t->state == DONE;
            any = any || t->state == READY;
        }
        if (all)
            break;
        if (!any && !now.failed && !release())
            complain("threads wait for each other: a barrier or shuffle that not all of them reach");
    }
    TSAN(__tsan_acquire(&now.threads));
    total_threads += now.threads;
}

/* Stacks that were left in the middle start anew. */
static void abandon(void)
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
    TSAN(scheduler_tsan = __tsan_get_current_fiber());
    set_threads(block);
    run_grid(blocks);
    if (now.failed)
        abandon();
    for (emu_array *a = now.arrays; a; a = a->next)
        free_array(a->data, a->bytes);
    free_array(now.dynamic, dynamic);
    return now.failed ? LAUNCH_FAILURE : 0;
}

/* ---- control.h ---- */

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

const char *emu_fault(void)
{
    return fault_text;
}

void emu_clear(void)
{
    fault_text[0] = 0;
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
