/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread pool. A run opens a gate; workers that notice join it, take items and leave; the caller works too, then
 * closes the gate and waits only for those inside. The items are cut into a share for each thread, which takes those of
 * its own first and then what is left of the others': so in one run after the other a thread finds near it what it has
 * written before, and nobody waits for a late one. A worker that slept through a run is
 * waited for by nobody, so a busy machine costs speed, not progress. Waiting is a short spin, then a futex (Linux) or a
 * condition variable. The gate is one word: OPEN | WAITING | number of workers inside. A worker that was woken and is
 * still not there a moment later stands behind the caller in the queue for its CPU: it is sent to another.
 *
 * Workers take over the caller's floating-point mode with every run, so that an item gives the same bits on each.
 *
 * A forked child inherits the pool without its workers. There a run is the caller's alone, since nobody joins it, and
 * what belongs to the workers (joining them, the condition variable on which they sleep) is left alone.
 *
 * Order of memory: the caller's release of OPEN hands task and items to a joining worker (acquire); a worker's
 * leaving (release) hands its results to the caller, who acquires the gate with nobody inside. */
#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/fpmode.h"
#include "base/nudge.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__linux__) && !defined(WEFT_POOL_CONDVAR)
#define WEFT_POOL_FUTEX 1
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#else
#define WEFT_POOL_FUTEX 0
#endif

enum { MAX_THREADS = 4096, INSIDE = 0xffff, SPIN_NS = 50000, SPIN_BUSY_NS = 2000, POLL = 32,
       LATE_NS = 100000 /* for a worker that was woken */, AGAIN_NS = 1000000 /* until it is nudged again */,
       NUDGES = 2 /* at a time: with many workers some may sleep, since there was nothing for them */ };
static const uint32_t OPEN = 1u << 31, WAITING = 1u << 30;

typedef struct worker {
    weft_pool *pool;
    pthread_t thread;
    int index;
    _Atomic bool asleep; /* until it runs again, not only until it is woken */
} worker;

/* What is left of the items of a thread's share. */
typedef struct share {
    _Alignas(WEFT_CACHE_LINE) _Atomic int64_t next;
    _Atomic int64_t end;
} share;

struct weft_pool {
    const weft_allocator *allocator;
    int threads, started; /* the caller counts as one of threads */
    pid_t owner;          /* the process that has the workers */
    int64_t spin_ns;
    /* of the run under way; written while nobody is inside */
    weft_task task;
    void *arg;
    weft_fp_mode mode;
    const weft_flag *halt; /* NULL: all items are done */
    int64_t late_ns;       /* when workers that were woken are late; 0: none was */
    int next;              /* that is nudged */

    _Alignas(WEFT_CACHE_LINE) _Atomic uint32_t signal; /* counts runs; workers wait for it to change */
    _Atomic uint32_t sleepers;                         /* workers that sleep on signal, or are about to */
    _Atomic bool stop;
    weft_flag left; /* items were, because of halt: which may be down again by the time that somebody looks */
    _Alignas(WEFT_CACHE_LINE) _Atomic uint32_t gate;
#if !WEFT_POOL_FUTEX
    pthread_mutex_t mutex;
    pthread_cond_t cond;
#endif
    worker *workers; /* [threads - 1], behind the shares */
    share shares[];  /* [threads] */
};

/* ---- waiting ---- */

static void relax(void)
{
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb"); /* some forty cycles of rest; yield is none on most cores */
#endif
}

/* Sleeps while *word == value; may return early. */
static void sleep_while(weft_pool *pool, _Atomic uint32_t *word, uint32_t value)
{
#if WEFT_POOL_FUTEX
    (void)pool;
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
#else
    pthread_mutex_lock(&pool->mutex);
    if (atomic_load(word) == value)
        pthread_cond_wait(&pool->cond, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
#endif
}

/* Wakes up to `count` threads that sleep on *word (without futexes: all). */
static void wake(weft_pool *pool, _Atomic uint32_t *word, int count)
{
#if WEFT_POOL_FUTEX
    (void)pool;
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
#else
    (void)word;
    (void)count;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->cond);
    pthread_mutex_unlock(&pool->mutex);
#endif
}

/* ---- the two sides ---- */

/* Whether no more items are to be done. */
static bool halted(weft_pool *pool)
{
    if (!pool->halt || !weft_flag_is_up(pool->halt))
        return false;
    weft_flag_set(&pool->left, true);
    return true;
}

static void work(weft_pool *pool, int thread)
{
    const weft_task task = pool->task;
    void *const arg = pool->arg;
    for (int i = 0, of = thread; i < pool->threads; i++, of = of + 1 < pool->threads ? of + 1 : 0) {
        share *const s = &pool->shares[of];
        const int64_t end = atomic_load_explicit(&s->end, memory_order_relaxed);
        while (atomic_load_explicit(&s->next, memory_order_relaxed) < end) {
            const int64_t item = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed);
            if (item >= end)
                break;
            if (halted(pool))
                return;
            task(arg, item, thread);
        }
    }
}

static bool join_run(weft_pool *pool)
{
    uint32_t gate = atomic_load_explicit(&pool->gate, memory_order_relaxed);
    while (gate & OPEN) {
        if (atomic_compare_exchange_weak_explicit(&pool->gate, &gate, gate + 1, memory_order_acquire,
                                                  memory_order_relaxed))
            return true;
    }
    return false;
}

static void leave_run(weft_pool *pool)
{
    const uint32_t before = atomic_fetch_sub_explicit(&pool->gate, 1, memory_order_release);
    if (before == (WAITING | 1))
        wake(pool, &pool->gate, 1);
}

/* Returns when signal differs from seen. */
static void await_signal(weft_pool *pool, worker *self, uint32_t seen)
{
    const int64_t end = weft_clock_ns() + pool->spin_ns;
    do {
        for (int i = 0; i < POLL; i++) {
            if (atomic_load_explicit(&pool->signal, memory_order_acquire) != seen)
                return;
            relax();
        }
    } while (weft_clock_ns() < end);
    atomic_store_explicit(&self->asleep, true, memory_order_relaxed);
    atomic_fetch_add(&pool->sleepers, 1);
    while (atomic_load(&pool->signal) == seen)
        sleep_while(pool, &pool->signal, seen);
    atomic_store_explicit(&self->asleep, false, memory_order_relaxed);
    atomic_fetch_sub(&pool->sleepers, 1);
}

static void *worker_main(void *arg)
{
    worker *const self = arg;
    weft_pool *const pool = self->pool;
    uint32_t seen = 0;
    while (!atomic_load_explicit(&pool->stop, memory_order_acquire)) {
        await_signal(pool, self, seen);
        seen = atomic_load_explicit(&pool->signal, memory_order_acquire);
        if (join_run(pool)) {
            weft_fp_write(pool->mode);
            work(pool, self->index);
            leave_run(pool);
        }
    }
    return NULL;
}

/* Whether this process is a child that was forked from the pool's. */
static bool inherited(const weft_pool *pool)
{
    return pool->owner != getpid();
}

/* Tells up to `count` workers that signal has changed. Both sides change their word before they read the other's, in
 * one total order: either the worker sees the new signal or we see the sleeper. */
static void notify(weft_pool *pool, int64_t count)
{
    atomic_fetch_add(&pool->signal, 1);
    if (!atomic_load(&pool->sleepers) || inherited(pool))
        return;
    if (!pool->late_ns)
        pool->late_ns = weft_clock_ns() + LATE_NS;
    wake(pool, &pool->signal, count < MAX_THREADS ? (int)count : MAX_THREADS);
}

/* After a run: workers that were woken in time, and have not come. */
static void hurry(weft_pool *pool)
{
    if (!pool->late_ns || pool->spin_ns < SPIN_NS)
        return; /* or there are more threads than CPUs */
    const int64_t now = weft_clock_ns();
    if (!atomic_load_explicit(&pool->sleepers, memory_order_relaxed)) {
        pool->late_ns = 0;
    } else if (now > pool->late_ns) {
        for (int i = 0, left = NUDGES; i < pool->started && left > 0; i++) {
            const worker *const next = &pool->workers[pool->next++ % pool->started];
            if (!atomic_load_explicit(&next->asleep, memory_order_relaxed))
                continue;
            weft_nudge(next->thread);
            left--;
        }
        pool->next %= pool->started;
        pool->late_ns = now + AGAIN_NS;
    }
}

/* Closes the gate and returns when nobody is inside. */
static void close_gate(weft_pool *pool)
{
    uint32_t gate = atomic_fetch_and_explicit(&pool->gate, ~OPEN, memory_order_acquire) & INSIDE;
    if (!gate)
        return;
    const int64_t end = weft_clock_ns() + pool->spin_ns;
    do {
        for (int i = 0; i < POLL; i++) {
            if (!atomic_load_explicit(&pool->gate, memory_order_acquire))
                return;
            relax();
        }
    } while (weft_clock_ns() < end);
    gate = atomic_fetch_or_explicit(&pool->gate, WAITING, memory_order_acquire) | WAITING;
    while (gate & INSIDE) {
        sleep_while(pool, &pool->gate, gate);
        gate = atomic_load_explicit(&pool->gate, memory_order_acquire);
    }
}

void weft_pool_run(weft_pool *pool, int64_t items, weft_task task, void *arg)
{
    if (items <= 1 || pool->threads == 1) {
        for (int64_t i = 0; i < items && !halted(pool); i++)
            task(arg, i, 0);
        return;
    }
    pool->task = task;
    pool->arg = arg;
    pool->mode = weft_fp_read();
    for (int i = 0; i < pool->threads; i++) {
        atomic_store_explicit(&pool->shares[i].next, items * i / pool->threads, memory_order_relaxed);
        atomic_store_explicit(&pool->shares[i].end, items * (i + 1) / pool->threads, memory_order_relaxed);
    }
    atomic_store_explicit(&pool->gate, OPEN, memory_order_release);
    notify(pool, items - 1);
    work(pool, 0);
    close_gate(pool);
    hurry(pool);
}

bool weft_pool_heed(weft_pool *pool, const weft_flag *halt)
{
    const bool left = weft_flag_is_up(&pool->left);
    weft_flag_set(&pool->left, false);
    pool->halt = halt;
    return left;
}

/* ---- life ---- */

static weft_status start_workers(weft_pool *pool)
{
    sigset_t all, before; /* signals are the host program's: none is delivered to a worker */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = 0;
    while (pool->started < pool->threads - 1) {
        worker *const next = &pool->workers[pool->started];
        *next = (worker){ .pool = pool, .index = pool->started + 1 };
        error = pthread_create(&next->thread, NULL, worker_main, next);
        if (error)
            break;
        pool->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        return weft_fail(error == EAGAIN || error == ENOMEM ? WEFT_NO_MEMORY : WEFT_INTERNAL,
                         "thread pool: only %d of %d threads could be started (error %d of pthread_create)",
                         pool->started + 1, pool->threads, error);
    return WEFT_OK;
}

weft_status weft_pool_create(const weft_allocator *allocator, int threads, weft_pool **out)
{
    if (threads < 1 || threads > MAX_THREADS)
        return weft_fail(WEFT_INVALID, "thread pool: %d threads asked for, 1 to %d are possible", threads, MAX_THREADS);
    const size_t behind = (size_t)threads * sizeof(share) + (size_t)(threads - 1) * sizeof(worker);
    weft_pool *pool = weft_calloc(allocator, 1, sizeof *pool + behind);
    if (!pool)
        return WEFT_NO_MEMORY;
    pool->workers = (worker *)(void *)(pool->shares + threads);
    pool->allocator = allocator;
    pool->threads = threads;
    pool->owner = getpid();
    /* More threads than CPUs: a spinning thread keeps the CPU from the one it waits for. */
    pool->spin_ns = threads > weft_cpu_count() ? SPIN_BUSY_NS : SPIN_NS;
    atomic_init(&pool->signal, 0);
    atomic_init(&pool->sleepers, 0);
    atomic_init(&pool->stop, false);
    atomic_init(&pool->gate, 0);
#if !WEFT_POOL_FUTEX
    pthread_mutex_init(&pool->mutex, NULL); /* with default attributes neither can fail */
    pthread_cond_init(&pool->cond, NULL);
#endif
    const weft_status status = start_workers(pool);
    if (status != WEFT_OK) {
        weft_pool_destroy(pool);
        return status;
    }
    *out = pool;
    return WEFT_OK;
}

void weft_pool_destroy(weft_pool *pool)
{
    if (!pool)
        return;
    if (!inherited(pool)) {
        atomic_store_explicit(&pool->stop, true, memory_order_release);
        notify(pool, pool->started);
        for (int i = 0; i < pool->started; i++)
            pthread_join(pool->workers[i].thread, NULL);
#if !WEFT_POOL_FUTEX
        pthread_cond_destroy(&pool->cond);
        pthread_mutex_destroy(&pool->mutex);
#endif
    }
    weft_free(pool->allocator, pool);
}

int weft_pool_threads(const weft_pool *pool)
{
    return pool->threads;
}
