/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread whose affinity leaves out the CPU in whose queue it stands is moved at once; then it may have it again. */
#include "base/nudge.h"

#include <sched.h>

void weft_nudge(pthread_t thread)
{
#if defined(__linux__)
    cpu_set_t before, others;
    const int here = sched_getcpu();
    if (here < 0 || here >= CPU_SETSIZE || pthread_getaffinity_np(thread, sizeof before, &before) != 0)
        return;
    others = before;
    CPU_CLR(here, &others);
    if (CPU_COUNT(&others) == 0 || CPU_EQUAL(&others, &before) ||
        pthread_setaffinity_np(thread, sizeof others, &others) != 0)
        return;
    (void)pthread_setaffinity_np(thread, sizeof before, &before);
#else
    (void)thread;
#endif
}
