/* SPDX-License-Identifier: Apache-2.0
 *
 * All memory of the library goes through the context's allocator, so that a test can make the n-th request fail.
 * An arena is a chain of blocks freed at once: graphs and plans live in one. */
#ifndef WEFT_BASE_ALLOC_H
#define WEFT_BASE_ALLOC_H

#include <weft/context.h>

#include "base/compiler.h"

/* malloc and free, for a context that names no allocator. */
extern const weft_allocator weft_malloc_allocator;

/* size bytes aligned to 64, not cleared; NULL and a NO_MEMORY sentence on failure. size 0 gives a valid pointer. */
void *weft_alloc(const weft_allocator *allocator, size_t size);
/* count * size bytes, cleared; checked for overflow. */
void *weft_calloc(const weft_allocator *allocator, size_t count, size_t size);
void weft_free(const weft_allocator *allocator, void *ptr);

/* False if a * b (a + b) does not fit. */
bool weft_mul_size(size_t a, size_t b, size_t *out);
bool weft_add_size(size_t a, size_t b, size_t *out);
WEFT_INLINE size_t weft_round_up(size_t x, size_t to)
{
    return (x + to - 1) / to * to;
}

/* The part of a block that lies at so many bytes. As void *, so that it may be whatever was laid out there. */
WEFT_INLINE void *weft_at(void *block, size_t bytes)
{
    return (char *)block + bytes;
}
WEFT_INLINE const void *weft_at_const(const void *block, size_t bytes)
{
    return (const char *)block + bytes;
}

typedef struct weft_arena_block weft_arena_block;
typedef struct weft_arena {
    const weft_allocator *allocator;
    weft_arena_block *blocks;
    size_t used; /* of the newest block */
} weft_arena;

void weft_arena_init(weft_arena *arena, const weft_allocator *allocator);
void weft_arena_release(weft_arena *arena);
/* Cleared, 16-byte aligned; NULL (with a sentence) on failure. Freed with the arena. */
void *weft_arena_alloc(weft_arena *arena, size_t size);
void *weft_arena_array(weft_arena *arena, size_t count, size_t size);
void *weft_arena_copy(weft_arena *arena, const void *data, size_t size);
char *weft_arena_text(weft_arena *arena, const char *format, ...) WEFT_PRINTF(2, 3);

#endif
