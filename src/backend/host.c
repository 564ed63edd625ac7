/* SPDX-License-Identifier: Apache-2.0
 *
 * Host memory behind the device boundary. Large blocks ask for huge pages: fewer TLB misses at no promise. */
#include "backend/host.h"

#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

enum { HUGE = 2 << 20, PAGES = 1 << 22 };

typedef struct clearing {
    char *start;
    size_t bytes;
} clearing;

static void clear_part(void *arg, int64_t item, int thread)
{
    (void)thread;
    const clearing *c = arg;
    const size_t first = (size_t)item * PAGES;
    memset(c->start + first, 0, c->bytes - first < PAGES ? c->bytes - first : PAGES);
}

weft_status weft_host_alloc(const weft_device *device, size_t bytes, void **out)
{
    char *ptr = weft_alloc(device->allocator, bytes);
    if (!ptr)
        return WEFT_NO_MEMORY;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (bytes >= 2 * (size_t)HUGE) {
        char *aligned = ptr + (HUGE - (size_t)ptr % HUGE) % HUGE;
        (void)madvise(aligned, (bytes - (size_t)(aligned - ptr)) / HUGE * HUGE, MADV_HUGEPAGE);
    }
#endif
    clearing c = { ptr, bytes };
    weft_pool_run(device->pool, (int64_t)((bytes + PAGES - 1) / PAGES), clear_part, &c);
    *out = ptr;
    return WEFT_OK;
}

void weft_host_free(const weft_device *device, void *ptr)
{
    weft_free(device->allocator, ptr);
}

weft_status weft_host_copy(const weft_device *device, void *to, const void *from, size_t bytes)
{
    (void)device;
    memcpy(to, from, bytes);
    return WEFT_OK;
}
