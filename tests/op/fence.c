/* SPDX-License-Identifier: Apache-2.0
 *
 * Fenced memory. */
#include "fence.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FENCE = 64 };

static size_t round_up(size_t x, size_t to)
{
    return (x + to - 1) / to * to;
}

static bool make_edge(fence *f, size_t bytes, size_t align)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    f->raw_bytes = round_up(FENCE + round_up(bytes, align), page);
    f->map_bytes = f->raw_bytes + page;
    void *map = mmap(NULL, f->map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return false;
    f->raw = map;
    f->data = f->raw + f->raw_bytes - round_up(bytes, align);
    return mprotect(f->raw + f->raw_bytes, page, PROT_NONE) == 0;
}

bool fence_make(fence *f, size_t bytes, size_t align, bool edge, unsigned char byte)
{
    *f = (fence){ .bytes = bytes, .byte = byte };
    if (edge) {
        if (!make_edge(f, bytes, align))
            return false;
    } else {
        f->raw_bytes = FENCE + round_up(bytes, FENCE) + FENCE;
        f->raw = aligned_alloc(FENCE, f->raw_bytes);
        if (!f->raw)
            return false;
        /* Only what asks for 64 gets it: the rest starts one float beyond. */
        f->data = f->raw + FENCE + (align < FENCE ? 4 : 0);
        if (f->data + bytes > f->raw + f->raw_bytes - 4)
            f->data = f->raw + FENCE;
    }
    memset(f->raw, byte, f->raw_bytes);
    memset(f->data, NAN_BYTE, bytes);
    return true;
}

static bool all(const unsigned char *from, const unsigned char *to, unsigned char byte)
{
    for (; from < to; from++)
        if (*from != byte)
            return false;
    return true;
}

bool fence_intact(const fence *f)
{
    return all(f->raw, f->data, f->byte) && all(f->data + f->bytes, f->raw + f->raw_bytes, f->byte);
}

void fence_free(fence *f)
{
    if (f->map_bytes)
        munmap(f->raw, f->map_bytes);
    else
        free(f->raw);
    *f = (fence){ .raw = NULL };
}

bool fenced_view_make(fenced_view *v, int64_t rows, int64_t channels, int before, int after, bool edge,
                      unsigned char byte, const float *values)
{
    *v = (fenced_view){ .rows = rows, .channels = channels, .ld = before + channels + after };
    if (!fence_make(&v->memory, (size_t)(rows * v->ld) * sizeof(float), edge ? 4 : 64, edge, byte))
        return false;
    memset(v->memory.data, byte, v->memory.bytes);
    v->data = (float *)(void *)v->memory.data + before;
    fenced_view_set(v, values);
    return true;
}

void fenced_view_set(fenced_view *v, const float *values)
{
    const size_t bytes = (size_t)v->channels * sizeof(float);
    for (int64_t r = 0; r < v->rows; r++) {
        if (values)
            memcpy(v->data + r * v->ld, values + r * v->channels, bytes);
        else
            memset(v->data + r * v->ld, NAN_BYTE, bytes);
    }
}

void fenced_view_get(const fenced_view *v, float *values)
{
    for (int64_t r = 0; r < v->rows; r++)
        memcpy(values + r * v->channels, v->data + r * v->ld, (size_t)v->channels * sizeof(float));
}

bool fenced_view_intact(const fenced_view *v)
{
    const unsigned char *at = v->memory.data;
    for (int64_t r = 0; r < v->rows; r++) {
        const unsigned char *row = (const unsigned char *)(const void *)(v->data + r * v->ld);
        if (!all(at, row, v->memory.byte))
            return false;
        at = row + (size_t)v->channels * sizeof(float);
    }
    return all(at, v->memory.data + v->memory.bytes, v->memory.byte) && fence_intact(&v->memory);
}

bool fenced_view_equal(const fenced_view *v, const float *values)
{
    for (int64_t r = 0; r < v->rows; r++)
        if (memcmp(v->data + r * v->ld, values + r * v->channels, (size_t)v->channels * sizeof(float)) != 0)
            return false;
    return true;
}
