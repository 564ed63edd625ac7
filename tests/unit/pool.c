/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread pool: every item exactly once, results visible to the caller, pools inside tasks of other pools, sleeping
 * workers, more threads than CPUs, rapid creation, starts that fail, the caller's floating-point mode, and forked
 * children. Built twice: with futexes and with a condition variable. pthread_create is wrapped here so that the n-th
 * start can fail. */
#include "base/pool.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/fpmode.h"
#include "check/alloc.h"
#include "check/harness.h"

enum { ITEMS = 5000, MOST = 8 };

static _Atomic int starts_left = -1; /* < 0: all succeed */

typedef int create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    create_fn *real;
    void *const symbol = dlsym(RTLD_NEXT, "pthread_create");
    memcpy(&real, &symbol, sizeof real);
    if (starts_left == 0)
        return EAGAIN;
    if (starts_left > 0)
        starts_left--;
    return real(thread, attr, start, arg);
}

typedef struct job {
    int hits[ITEMS]; /* plain: an item is one thread's, and the end of the run makes it ours */
    int threads;
    _Atomic int bad_thread;
} job;

static void mark(void *arg, int64_t item, int thread)
{
    job *const j = arg;
    j->hits[item]++;
    if (thread < 0 || thread >= j->threads)
        j->bad_thread = 1;
}

static void run_and_check(weft_pool *pool, job *j, int64_t items)
{
    memset(j->hits, 0, sizeof j->hits);
    weft_pool_run(pool, items, mark, j);
    for (int64_t i = 0; i < ITEMS; i++) {
        if (j->hits[i] != (i < items)) /* an assertion of Check that holds costs a microsecond */
            ck_abort_msg("%lld items: item %lld ran %d times", (long long)items, (long long)i, j->hits[i]);
    }
    ck_assert_int_eq(j->bad_thread, 0);
}

START_TEST(every_item_once)
{
    static job j;
    for (int threads = 1; threads <= MOST; threads++) {
        weft_pool *pool = NULL;
        CHECK_OK(weft_pool_create(&weft_malloc_allocator, threads, &pool));
        ck_assert_int_eq(weft_pool_threads(pool), threads);
        j.threads = threads;
        for (int64_t items = 0; items <= 40; items++)
            run_and_check(pool, &j, items);
        for (int i = 0; i < 60; i++)
            run_and_check(pool, &j, i * 131 % ITEMS);
        run_and_check(pool, &j, ITEMS);
        weft_pool_destroy(pool);
    }
}
END_TEST

typedef struct order {
    int64_t next;
    pthread_t caller;
    bool broken;
} order;

static void in_order(void *arg, int64_t item, int thread)
{
    order *const o = arg;
    o->broken = o->broken || item != o->next++ || thread != 0 || !pthread_equal(pthread_self(), o->caller);
}

START_TEST(one_thread_or_one_item_stays_with_the_caller)
{
    for (int threads = 1; threads <= 2; threads++) {
        const int64_t items = threads == 1 ? 1000 : 1;
        weft_pool *pool = NULL;
        CHECK_OK(weft_pool_create(&weft_malloc_allocator, threads, &pool));
        order o = { .caller = pthread_self() };
        weft_pool_run(pool, items, in_order, &o);
        ck_assert(!o.broken && o.next == items);
        weft_pool_run(pool, 0, in_order, &o);
        weft_pool_run(pool, -5, in_order, &o);
        ck_assert_int_eq(o.next, items);
        weft_pool_destroy(pool);
    }
}
END_TEST

typedef struct counter {
    _Atomic int64_t value;
} counter;

static void count(void *arg, int64_t item, int thread)
{
    (void)item;
    (void)thread;
    atomic_fetch_add(&((counter *)arg)->value, 1);
}

/* Tiny runs back to back, then runs after gaps long enough for the workers to fall asleep. */
START_TEST(back_to_back_and_after_sleep)
{
    for (int threads = 2; threads <= MOST; threads += 3) {
        counter total = { 0 };
        int64_t expected = 0;
        weft_pool *pool = NULL;
        CHECK_OK(weft_pool_create(&weft_malloc_allocator, threads, &pool));
        for (int i = 0; i < 3000; i++) {
            weft_pool_run(pool, i % 7, count, &total);
            expected += i % 7;
            ck_assert_int_eq(total.value, expected);
        }
        for (int i = 0; i < 20; i++) {
            nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
            weft_pool_run(pool, 50, count, &total);
            expected += 50;
            ck_assert_int_eq(total.value, expected);
        }
        weft_pool_destroy(pool);
    }
}
END_TEST

typedef struct nest {
    counter total;
    weft_pool *inner[MOST];
} nest;

static void run_inner(void *arg, int64_t item, int thread)
{
    nest *const n = arg;
    (void)item;
    weft_pool_run(n->inner[thread], 30, count, &n->total);
}

START_TEST(pools_inside_tasks_of_a_pool)
{
    enum { OUTER = 4 };
    nest n = { 0 };
    weft_pool *outer = NULL;
    CHECK_OK(weft_pool_create(&weft_malloc_allocator, OUTER, &outer));
    for (int i = 0; i < OUTER; i++)
        CHECK_OK(weft_pool_create(&weft_malloc_allocator, 3, &n.inner[i]));
    for (int i = 0; i < 50; i++)
        weft_pool_run(outer, 12, run_inner, &n);
    ck_assert_int_eq(n.total.value, 50 * 12 * 30);
    for (int i = 0; i < OUTER; i++)
        weft_pool_destroy(n.inner[i]);
    weft_pool_destroy(outer);
}
END_TEST

START_TEST(rapid_creation)
{
    counter total = { 0 };
    int64_t expected = 0;
    for (int i = 0; i < 400; i++) {
        weft_pool *pool = NULL;
        CHECK_OK(weft_pool_create(&weft_malloc_allocator, i % MOST + 1, &pool));
        for (int k = 0; k < i % 3; k++) { /* also destroyed unused, its workers hardly started */
            weft_pool_run(pool, 11, count, &total);
            expected += 11;
        }
        weft_pool_destroy(pool);
    }
    ck_assert_int_eq(total.value, expected);
    weft_pool_destroy(NULL);
}
END_TEST

/* Far more threads than CPUs, each item long enough for the scheduler to take the CPU away. */
START_TEST(oversubscribed)
{
    counter total = { 0 };
    weft_pool *pool = NULL;
    CHECK_OK(weft_pool_create(&weft_malloc_allocator, 64, &pool));
    for (int i = 0; i < 300; i++)
        weft_pool_run(pool, 200, count, &total);
    ck_assert_int_eq(total.value, 300 * 200);
    weft_pool_destroy(pool);
}
END_TEST

START_TEST(impossible_counts)
{
    weft_pool *pool = NULL;
    CHECK_FAILS(WEFT_INVALID, weft_pool_create(&weft_malloc_allocator, 0, &pool), "0 threads");
    CHECK_FAILS(WEFT_INVALID, weft_pool_create(&weft_malloc_allocator, -3, &pool), "-3 threads");
    CHECK_FAILS(WEFT_INVALID, weft_pool_create(&weft_malloc_allocator, 1 << 20, &pool), "1048576 threads");
    ck_assert_ptr_null(pool);
}
END_TEST

static weft_status create_and_run(const weft_allocator *allocator, void *arg)
{
    weft_pool *pool = NULL;
    WEFT_TRY(weft_pool_create(allocator, 3, &pool));
    weft_pool_run(pool, 10, count, arg);
    weft_pool_destroy(pool);
    return WEFT_OK;
}

START_TEST(every_allocation_failing)
{
    counter total = { 0 };
    ck_assert_int_ge(check_every_failure(create_and_run, &total), 1);
    ck_assert_int_eq(total.value, 20);
}
END_TEST

START_TEST(every_start_failing)
{
    check_alloc state = { 0 };
    const weft_allocator allocator = check_allocator(&state);
    for (int n = 0; n < MOST - 1; n++) {
        weft_pool *pool = NULL;
        starts_left = n;
        const weft_status status = weft_pool_create(&allocator, MOST, &pool);
        starts_left = -1;
        CHECK_FAILS(WEFT_NO_MEMORY, status, "of 8 threads could be started");
        ck_assert_ptr_null(pool);
        ck_assert_int_eq(state.live, 0);
    }
    ck_assert_int_eq(state.requests, MOST - 1);
}
END_TEST

static void own_mask(void *arg, int64_t item, int thread)
{
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    if (thread > 0 && !sigismember(&mask, SIGINT))
        count(arg, item, thread);
    nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL); /* leave some for the others */
}

START_TEST(signals_stay_with_the_host)
{
    counter open = { 0 };
    sigset_t before, after;
    weft_pool *pool = NULL;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    CHECK_OK(weft_pool_create(&weft_malloc_allocator, 3, &pool));
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    ck_assert_int_eq(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
    weft_pool_run(pool, 50, own_mask, &open);
    ck_assert_int_eq(open.value, 0);
    weft_pool_destroy(pool);
}
END_TEST

static void own_mode(void *arg, int64_t item, int thread)
{
    const weft_fp_mode *const modes = arg;
    const weft_fp_mode mine = weft_fp_read();
    (void)thread;
    nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL); /* leave some for the others */
    if (mine != modes[0])
        ck_abort_msg("item %lld runs in mode 0x%llx, its caller in 0x%llx", (long long)item, (unsigned long long)mine,
                     (unsigned long long)modes[0]);
}

START_TEST(items_run_in_the_callers_mode)
{
    const weft_fp_mode before = weft_fp_read(), modes[] = { before, WEFT_FP_KERNEL, before };
    weft_pool *pool = NULL;
    CHECK_OK(weft_pool_create(&weft_malloc_allocator, 3, &pool));
    for (int i = 0; i < WEFT_COUNT(modes); i++) {
        weft_fp_mode mode = modes[i];
        weft_fp_write(mode);
        weft_pool_run(pool, 60, own_mode, &mode);
        const weft_fp_mode after = weft_fp_read();
        weft_fp_write(before);
        ck_assert_uint_eq(after, mode);
    }
    weft_pool_destroy(pool);
}
END_TEST

#if defined(__SANITIZE_THREAD__) /* which allows a forked child no threads */
enum { CHILD_THREADS = 1 };
#else
enum { CHILD_THREADS = 3 };
#endif

/* In the child: the inherited pool has no workers; new ones take over the stacks of those that are not there. */
static void use_inherited(weft_pool *pool, bool run)
{
    counter total = { 0 };
    weft_pool *own = NULL;
    alarm(20); /* rather than wait for ever for a worker */
    if (run)
        for (int i = 0; i < 100; i++)
            weft_pool_run(pool, 50, count, &total);
    if (weft_pool_create(&weft_malloc_allocator, CHILD_THREADS, &own) != WEFT_OK)
        _exit(2);
    weft_pool_run(own, 50, count, &total);
    weft_pool_destroy(pool);
    weft_pool_run(own, 50, count, &total);
    weft_pool_destroy(own);
    _exit(total.value == (run ? 5100 : 100) ? 0 : 3);
}

START_TEST(a_forked_child_uses_and_destroys)
{
    counter total = { 0 };
    weft_pool *pool = NULL;
    CHECK_OK(weft_pool_create(&weft_malloc_allocator, 4, &pool));
    for (int i = 0; i < 8; i++) {
        int status;
        weft_pool_run(pool, 50, count, &total);
        if (i & 1) /* workers that sleep, or still spin */
            nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
        const pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0)
            use_inherited(pool, i & 2);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child %d ended with 0x%x", i, (unsigned)status);
    }
    weft_pool_run(pool, 50, count, &total);
    ck_assert_int_eq(total.value, 9 * 50);
    weft_pool_destroy(pool);
}
END_TEST

typedef struct halting {
    weft_flag halt;
    _Atomic int64_t done;
} halting;

enum { HALT_AT = 20 };

static void halt_at(void *arg, int64_t item, int thread)
{
    halting *const h = arg;
    (void)thread;
    atomic_fetch_add(&h->done, 1);
    if (item == HALT_AT)
        weft_flag_set(&h->halt, true);
}

/* From the item that says so on, no thread takes more than the one it is at; and the pool says that items were left. */
START_TEST(a_halted_run_leaves_items_out)
{
    for (int threads = 1; threads <= MOST; threads += 3) {
        halting h = { .done = 0 };
        weft_pool *pool = NULL;
        CHECK_OK(weft_pool_create(&weft_malloc_allocator, threads, &pool));
        ck_assert(!weft_pool_heed(pool, &h.halt));
        weft_pool_run(pool, ITEMS, halt_at, &h);
        ck_assert_int_gt(h.done, HALT_AT);
        ck_assert_int_lt(h.done, ITEMS);
        h.done = 0;
        weft_pool_run(pool, ITEMS, halt_at, &h); /* still true: none begins */
        ck_assert_int_eq(h.done, 0);
        weft_flag_set(&h.halt, false);
        ck_assert(weft_pool_heed(pool, &h.halt)); /* though it is over by now */
        ck_assert(!weft_pool_heed(pool, NULL));
        weft_pool_run(pool, ITEMS, halt_at, &h); /* nobody heeds */
        ck_assert_int_eq(h.done, ITEMS);
        ck_assert(!weft_pool_heed(pool, NULL));
        weft_pool_destroy(pool);
    }
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("pool");
    CHECK_CASE(suite, "pool", every_item_once, one_thread_or_one_item_stays_with_the_caller,
               back_to_back_and_after_sleep, pools_inside_tasks_of_a_pool, rapid_creation, oversubscribed,
               impossible_counts, every_allocation_failing, every_start_failing, signals_stay_with_the_host,
               items_run_in_the_callers_mode, a_halted_run_leaves_items_out);
    CHECK_CASE(suite, "fork", a_forked_child_uses_and_destroys); /* alone: emulators do not bear it */
    return check_main(suite, argv[0]);
}
