/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread that shares this one's CPU is on another as soon as it has been nudged, and may still use all that it
 * might; one that may use no other stays. */
#include "base/nudge.h"

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "check/harness.h"

enum { TRIES = 40 };

typedef struct spinner {
    _Atomic int cpu; /* that it last saw itself on; -1: none yet */
    _Atomic bool stop;
} spinner;

static void *spin(void *arg)
{
    spinner *const s = arg;
    while (!s->stop)
        s->cpu = sched_getcpu();
    return NULL;
}

static void allow(pthread_t thread, const cpu_set_t *cpus)
{
    ck_assert_int_eq(pthread_setaffinity_np(thread, sizeof *cpus, cpus), 0);
}

/* Two of the CPUs that this process may use, or false. */
static bool two_cpus(const cpu_set_t *allowed, int cpus[2])
{
    int found = 0;
    for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
        if (CPU_ISSET(i, allowed))
            cpus[found++] = i;
    return found == 2;
}

/* Where it runs next. */
static int next_cpu(spinner *s)
{
    s->cpu = -1;
    while (s->cpu < 0)
        sched_yield();
    return s->cpu;
}

/* Both on one CPU; the other thread may use all of `allowed`. */
static void put_on_one(pthread_t thread, spinner *s, int cpu, const cpu_set_t *allowed)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    allow(pthread_self(), &one);
    allow(thread, &one);
    ck_assert_int_eq(next_cpu(s), cpu);
    allow(thread, allowed);
}

/* Whether it moved. */
static bool nudge_one(bool may_move)
{
    cpu_set_t all, allowed, after;
    int cpus[2];
    spinner s = { .cpu = -1 };
    pthread_t thread;
    ck_assert_int_eq(pthread_getaffinity_np(pthread_self(), sizeof all, &all), 0);
    if (!two_cpus(&all, cpus))
        return may_move;
    CPU_ZERO(&allowed);
    CPU_SET(cpus[0], &allowed);
    if (may_move)
        CPU_SET(cpus[1], &allowed);
    ck_assert_int_eq(pthread_create(&thread, NULL, spin, &s), 0);
    put_on_one(thread, &s, cpus[0], &allowed);
    weft_nudge(thread);
    ck_assert_int_eq(pthread_getaffinity_np(thread, sizeof after, &after), 0);
    ck_assert(CPU_EQUAL(&after, &allowed));
    const int now = next_cpu(&s);
    s.stop = true;
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    allow(pthread_self(), &all);
    return now == cpus[1];
}

START_TEST(another_cpu_if_there_is_one)
{
    int moved = 0;
    for (int i = 0; i < TRIES; i++)
        moved += nudge_one(true);
    ck_assert_int_ge(moved, TRIES / 8); /* others may move it back before it runs */
}
END_TEST

START_TEST(else_it_stays)
{
    ck_assert(!nudge_one(false));
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("nudge");
    CHECK_CASE(suite, "nudge", another_cpu_if_there_is_one, else_it_stays);
    return check_main(suite, argv[0]);
}
