/* SPDX-License-Identifier: Apache-2.0
 *
 * Scratch memory: a chain of blocks, the newest first; small pieces share one. */
#include "scratch.h"

#include <string.h>

enum { BLOCK = 1 << 16, ALIGN = 16 };

struct weft_scratch_block {
    struct weft_scratch_block *next;
    size_t size, used;
};

static const size_t header = (sizeof(struct weft_scratch_block) + ALIGN - 1) / ALIGN * ALIGN;

static struct weft_scratch_block *add_block(weft_scratch *scratch, size_t size)
{
    struct weft_scratch_block *block = scratch->allocator->alloc(scratch->allocator->user, header + size, 64);

    if (!block) {
        weft_fail(WEFT_NO_MEMORY, "cannot allocate %zu bytes", header + size);
        return NULL;
    }
    *block = (struct weft_scratch_block){ .next = scratch->blocks, .size = size };
    scratch->blocks = block;
    return block;
}

void *weft_scratch_array(weft_scratch *scratch, int64_t count, size_t size)
{
    struct weft_scratch_block *block = scratch->blocks;
    size_t bytes;

    if (count < 0 || (uint64_t)count > (SIZE_MAX / 2 - ALIGN - header) / size) {
        weft_fail(WEFT_NO_MEMORY, "cannot allocate %lld pieces of %zu bytes", (long long)count, size);
        return NULL;
    }
    bytes = ((size_t)count * size + ALIGN - 1) / ALIGN * ALIGN;
    if (!block || block->size - block->used < bytes)
        block = add_block(scratch, bytes > BLOCK ? bytes : BLOCK);
    if (!block)
        return NULL;

    void *piece = (char *)block + header + block->used;
    block->used += bytes;
    return memset(piece, 0, bytes);
}

char *weft_scratch_text(weft_scratch *scratch, const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = weft_scratch_array(scratch, (int64_t)size, 1);

    return copy ? memcpy(copy, text, size) : NULL;
}

void weft_scratch_release(weft_scratch *scratch)
{
    while (scratch->blocks) {
        struct weft_scratch_block *next = scratch->blocks->next;

        scratch->allocator->free(scratch->allocator->user, scratch->blocks);
        scratch->blocks = next;
    }
}
