/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared memory: each array a heap block of its own, so that AddressSanitizer sees its ends. */
#include "block.h"

#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

using namespace emu;

#if defined(WEFT_EMU_TSAN)

/* Not memset, which ThreadSanitizer would take for the running thread's. */
void emu::unset(void *data, size_t bytes)
{
    volatile unsigned char *at = static_cast<volatile unsigned char *>(data);
    for (size_t i = 0; i < bytes; i++)
        at[i] = 0xff;
}

/* Nor a heap block, for the same reason. */
alignas(16) static unsigned char pool[2 * MOST_SHARED];
static size_t pool_used;

void *emu::make_array(size_t bytes)
{
    void *data = pool + pool_used;
    pool_used += (bytes + 15) / 16 * 16;
    if (pool_used > sizeof pool) {
        fputs("emulator: no memory for a shared array\n", stderr);
        abort();
    }
    unset(data, bytes);
    return data;
}

void emu::free_array(void *, size_t)
{
    pool_used = 0; /* at the launch's end they all go */
}

#else

void emu::unset(void *data, size_t bytes)
{
    memset(data, 0xff, bytes);
}

void *emu::make_array(size_t bytes)
{
    void *data = aligned_alloc(16, (bytes + 15) / 16 * 16 + (bytes == 0 ? 16 : 0));
    if (!data) {
        fputs("emulator: no memory for a shared array\n", stderr);
        abort();
    }
#if defined(__SANITIZE_ADDRESS__)
    __asan_poison_memory_region(static_cast<char *>(data) + bytes, (bytes + 15) / 16 * 16 - bytes);
#endif
    unset(data, bytes);
    return data;
}

void emu::free_array(void *data, size_t bytes)
{
    (void)bytes;
#if defined(__SANITIZE_ADDRESS__)
    if (data)
        __asan_unpoison_memory_region(data, (bytes + 15) / 16 * 16);
#endif
    free(data);
}

#endif

void *emu_shared(emu_array *array)
{
    if (array->launch != launches) {
        array->launch = launches;
        array->data = make_array(array->bytes);
        array->next = now.arrays;
        now.arrays = array;
        now.static_bytes += array->bytes;
        if (now.static_bytes + now.dynamic_bytes > MOST_SHARED)
            stop("more than 48 KB of shared memory", "an array of it");
    }
    return array->data;
}

void *emu_dynamic(void)
{
    return now.dynamic;
}
