/* SPDX-License-Identifier: Apache-2.0
 *
 * An allocator for the context that counts: what a plan promises is checked against what was really asked for. The
 * block's size is kept in front of it, in one unit of its alignment. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"

typedef struct header {
    void *block;
    size_t size;
} header;

static atomic_size_t live, peak, calls;

static void *count_alloc(void *user, size_t size, size_t align)
{
    (void)user;
    const size_t front = align > sizeof(header) ? align : sizeof(header);
    if (size > SIZE_MAX / 2)
        return NULL;
    unsigned char *block = aligned_alloc(align, (front + size + align - 1) / align * align);
    if (!block)
        return NULL;
    const header h = { block, size };
    memcpy(block + front - sizeof h, &h, sizeof h);

    const size_t now = atomic_fetch_add(&live, size) + size;
    size_t before = atomic_load(&peak);
    while (now > before && !atomic_compare_exchange_weak(&peak, &before, now))
        ;
    atomic_fetch_add(&calls, 1);
    return block + front;
}

static void count_free(void *user, void *ptr)
{
    (void)user;
    if (!ptr)
        return;
    header h;
    memcpy(&h, (unsigned char *)ptr - sizeof h, sizeof h);
    atomic_fetch_sub(&live, h.size);
    free(h.block);
}

weft_allocator cli_counting_allocator(void)
{
    return (weft_allocator){ count_alloc, count_free, NULL };
}

cli_count cli_counted(void)
{
    return (cli_count){ atomic_load(&live), atomic_load(&peak), atomic_load(&calls) };
}
