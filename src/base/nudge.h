/* SPDX-License-Identifier: Apache-2.0
 *
 * Help for a thread that is awake and has no CPU. */
#ifndef WEFT_BASE_NUDGE_H
#define WEFT_BASE_NUDGE_H

#include <pthread.h>

/* Moves a thread that waits behind the caller for the caller's CPU to another one that it may use; its affinity is left
 * as it was. Linux puts a thread that is woken near the one that wakes it, when all CPUs seem busy at that moment, and
 * may leave it there for milliseconds although another has become free. Elsewhere, or without another CPU, nothing. */
void weft_nudge(pthread_t thread);

#endif
