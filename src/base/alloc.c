/* SPDX-License-Identifier: Apache-2.0
 *
 * The allocator seam, checked arithmetic and the arena. */
#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { ALIGN = 64, BLOCK = 1 << 16, ARENA_ALIGN = 16 };

struct weft_arena_block {
    weft_arena_block *next;
    size_t size; /* of data */
    _Alignas(ARENA_ALIGN) unsigned char data[];
};

static void *malloc_aligned(void *user, size_t size, size_t align)
{
    (void)user;
    return aligned_alloc(align, weft_round_up(size, align));
}

static void malloc_free(void *user, void *ptr)
{
    (void)user;
    free(ptr);
}

const weft_allocator weft_malloc_allocator = { malloc_aligned, malloc_free, NULL };

void *weft_alloc(const weft_allocator *allocator, size_t size)
{
    void *ptr = NULL;
    if (size <= SIZE_MAX - ALIGN)
        ptr = allocator->alloc(allocator->user, size ? size : 1, ALIGN);
    if (!ptr)
        weft_fail(WEFT_NO_MEMORY, "out of memory: %zu bytes needed", size);
    return ptr;
}

void *weft_calloc(const weft_allocator *allocator, size_t count, size_t size)
{
    size_t bytes;
    if (!weft_mul_size(count, size, &bytes)) {
        weft_fail(WEFT_NO_MEMORY, "out of memory: %zu times %zu bytes needed", count, size);
        return NULL;
    }
    void *ptr = weft_alloc(allocator, bytes);
    if (ptr)
        memset(ptr, 0, bytes);
    return ptr;
}

void weft_free(const weft_allocator *allocator, void *ptr)
{
    if (ptr)
        allocator->free(allocator->user, ptr);
}

bool weft_mul_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

bool weft_add_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

void weft_arena_init(weft_arena *arena, const weft_allocator *allocator)
{
    *arena = (weft_arena){ .allocator = allocator };
}

void weft_arena_release(weft_arena *arena)
{
    while (arena->blocks) {
        weft_arena_block *next = arena->blocks->next;
        weft_free(arena->allocator, arena->blocks);
        arena->blocks = next;
    }
    arena->used = 0;
}

void *weft_arena_alloc(weft_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) {
        weft_fail(WEFT_NO_MEMORY, "out of memory: %zu bytes needed", size);
        return NULL;
    }
    size = weft_round_up(size ? size : 1, ARENA_ALIGN);
    if (!arena->blocks || arena->blocks->size - arena->used < size) {
        const size_t room = size > BLOCK ? size : BLOCK;
        weft_arena_block *block = weft_alloc(arena->allocator, sizeof *block + room);
        if (!block)
            return NULL;
        block->next = arena->blocks;
        block->size = room;
        arena->blocks = block;
        arena->used = 0;
    }
    void *ptr = arena->blocks->data + arena->used;
    arena->used += size;
    return memset(ptr, 0, size);
}

void *weft_arena_array(weft_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (!weft_mul_size(count, size, &bytes))
        bytes = SIZE_MAX;
    return weft_arena_alloc(arena, bytes);
}

void *weft_arena_copy(weft_arena *arena, const void *data, size_t size)
{
    void *ptr = weft_arena_alloc(arena, size);
    return ptr && size ? memcpy(ptr, data, size) : ptr;
}

char *weft_arena_text(weft_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    char *text = length < 0 ? NULL : weft_arena_alloc(arena, (size_t)length + 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}
