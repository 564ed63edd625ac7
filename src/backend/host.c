/* SPDX-License-Identifier: Apache-2.0
 *
 * Host memory behind the device boundary. Large blocks ask for huge pages: fewer TLB misses at no promise. */
#include "backend/host.h"

#include <stdint.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

enum { HUGE = 2 << 20, PAGE = 4096, PART = 1 << 22 };

typedef struct block {
    char *start;
    size_t bytes;
} block;

/* Bytes of the item's part of a block. */
static char *part_of(const block *b, int64_t item, size_t *bytes)
{
    const size_t first = (size_t)item * PART;
    *bytes = b->bytes - first < PART ? b->bytes - first : PART;
    return b->start + first;
}

static int64_t parts(size_t bytes)
{
    return (int64_t)((bytes + PART - 1) / PART);
}

static void clear_part(void *arg, int64_t item, int thread)
{
    (void)thread;
    size_t bytes;
    char *const at = part_of(arg, item, &bytes);
    memset(at, 0, bytes);
}

static void touch_part(void *arg, int64_t item, int thread)
{
    (void)thread;
    size_t bytes;
    volatile char *const at = part_of(arg, item, &bytes);
    for (size_t i = 0; i < bytes; i += PAGE)
        at[i] = at[i];
}

weft_status weft_host_reserve(const weft_device *device, size_t bytes, void **out)
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
    *out = ptr;
    return WEFT_OK;
}

void weft_host_clear(const weft_device *device, void *memory, size_t bytes)
{
    weft_pool_run(device->pool, parts(bytes), clear_part, &(block){ memory, bytes });
}

weft_status weft_host_alloc(const weft_device *device, size_t bytes, void **out)
{
    WEFT_TRY(weft_host_reserve(device, bytes, out));
    weft_host_clear(device, *out, bytes);
    return WEFT_OK;
}

void weft_host_touch(const weft_device *device, void *memory, size_t bytes)
{
    weft_pool_run(device->pool, parts(bytes), touch_part, &(block){ memory, bytes });
}

void weft_host_discard(void *memory, size_t bytes)
{
#if defined(__linux__)
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), before = (page - (uintptr_t)memory % page) % page;
    if (bytes >= before + page)
        (void)madvise((char *)memory + before, (bytes - before) / page * page, MADV_DONTNEED);
#else
    (void)memory;
    (void)bytes;
#endif
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
