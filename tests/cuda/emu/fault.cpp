/* SPDX-License-Identifier: Apache-2.0
 *
 * What a launch did wrong, and where its threads wait. */
#include "block.h"

#include <stdarg.h>
#include <stdio.h>

using namespace emu;

static char fault_text[1024];

void emu::complain(const char *format, ...)
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

const char *emu_fault(void)
{
    return fault_text;
}

void emu_clear(void)
{
    fault_text[0] = 0;
}
