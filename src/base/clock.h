/* SPDX-License-Identifier: Apache-2.0
 *
 * Time that only moves on, from an unknown start: for durations. */
#ifndef WEFT_BASE_CLOCK_H
#define WEFT_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t weft_clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Of work of this thread alone: stands still while it waits, or another has its core. */
static inline int64_t weft_clock_work_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline double weft_clock(void)
{
    return 1e-9 * (double)weft_clock_ns(); /* seconds */
}

#endif
