/* SPDX-License-Identifier: Apache-2.0
 *
 * The allocator and the verdict of fuzz targets. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/status.h>

enum { HEAD = 64 }; /* before each block: its size, and alignment kept */

static void *counted_alloc(void *user, size_t size, size_t align)
{
    fuzz_memory *memory = user;
    if (memory->refuse && (size > memory->most || memory->live > memory->most - size))
        return NULL;
    memory->live += size;
    fuzz_check(memory->live <= memory->most, "more memory is asked for than the input can back");
    unsigned char *block = aligned_alloc(align, (size + HEAD + align - 1) / align * align);
    fuzz_check(block != NULL, "there is memory");
    memcpy(block, &size, sizeof size);
    return block + HEAD;
}

static void counted_free(void *user, void *ptr)
{
    fuzz_memory *memory = user;
    size_t size;
    if (!ptr)
        return;
    unsigned char *block = (unsigned char *)ptr - HEAD;
    memcpy(&size, block, sizeof size);
    memory->live -= size;
    free(block);
}

weft_allocator fuzz_allocator(fuzz_memory *memory)
{
    return (weft_allocator){ counted_alloc, counted_free, memory };
}

void fuzz_check(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "fuzz_check: %s; the last sentence is \"%s\"\n", what, weft_error());
    abort();
}
