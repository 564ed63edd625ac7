/* SPDX-License-Identifier: Apache-2.0
 *
 * An allocator for tests: counts, can make the n-th request fail (once, or from there on), and fences every block so
 * that a write beyond its end is found when it is freed. May be used from several threads. */
#ifndef WEFT_TESTS_CHECK_ALLOC_H
#define WEFT_TESTS_CHECK_ALLOC_H

#include <stdatomic.h>
#include <weft/context.h>

typedef struct check_alloc {
    _Atomic int64_t requests; /* so far, the failed ones included */
    _Atomic int64_t live;     /* blocks not freed */
    _Atomic int64_t bytes;    /* in live blocks */
    _Atomic int64_t damaged;  /* blocks whose fence was overwritten */
    int64_t fail_at;          /* the request that fails, from 1; 0: none */
    bool fail_on;             /* and all that follow it */
} check_alloc;

/* *state needs no initialisation but zeros and outlives all users of the allocator. */
weft_allocator check_allocator(check_alloc *state);

/* Runs `step` with the first, second, third... request failing until it succeeds; each time checks that it failed with
 * NO_MEMORY and a sentence, that nothing is live and no fence is damaged. Once more with all later requests failing
 * too. step gets the allocator, does and undoes everything, and returns its status. Returns the number of requests
 * that were made to fail. Fails the running Check test otherwise. */
int64_t check_every_failure(weft_status (*step)(const weft_allocator *allocator, void *arg), void *arg);

#endif
