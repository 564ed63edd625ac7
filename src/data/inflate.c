/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole files in memory, unpacked where they are gzip streams. How much may come out is what the beginning of the file
 * says, and bounded by how much went in: a thousand times as much, or 64 MiB. */
#include "data/trainset.h"

#include <string.h>
#include <unistd.h>

#define ZLIB_CONST
#include <zlib.h>

#include "base/error.h"
#include "base/file.h"

enum { RATIO = 1000, FLOOR = 64 << 20, FIRST = 1 << 20, HEAD = 32 };

static voidpf z_alloc(voidpf opaque, uInt items, uInt size)
{
    return weft_calloc(opaque, items, size);
}

static void z_free(voidpf opaque, voidpf ptr)
{
    weft_free(opaque, ptr);
}

/* What comes out, in a block that doubles. */
typedef struct output {
    const weft_allocator *allocator;
    uint8_t *data;
    size_t size, room, most;
    weft_expected expected;
    bool given_up; /* what comes out is no file of the kind: its beginning is enough to say so */
} output;

static weft_status widen(output *out, const char *path)
{
    size_t whole = 0;
    if (out->room == FIRST && out->expected && !out->expected(out->data, out->size, &whole)) {
        out->given_up = true;
        return WEFT_OK;
    }
    if (whole && whole < out->most)
        out->most = whole > FIRST ? whole : FIRST;
    if (out->room == out->most)
        return weft_fail(WEFT_BAD_DATA, "%s: more than %zu bytes come out of it, which its beginning or its size "
                         "does not allow", path, out->most);
    const size_t room = out->room ? 2 * out->room : FIRST, capped = room < out->most ? room : out->most;
    uint8_t *const larger = weft_alloc(out->allocator, capped);
    if (!larger)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", path);
    if (out->size)
        memcpy(larger, out->data, out->size);
    weft_free(out->allocator, out->data);
    out->data = larger;
    out->room = capped;
    return WEFT_OK;
}

static weft_status run(z_stream *z, const uint8_t *data, size_t size, const char *path, output *out)
{
    size_t left = size;
    int result = Z_OK;
    z->next_in = data;
    while (result == Z_OK || (result == Z_BUF_ERROR && out->size == out->room)) {
        if (out->size == out->room)
            WEFT_TRY(widen(out, path));
        if (out->given_up)
            return WEFT_OK;
        const uInt in = left < FIRST ? (uInt)left : FIRST;
        const size_t space = out->room - out->size;
        const uInt room = space < 1u << 30 ? (uInt)space : 1u << 30;
        z->avail_in = in;
        z->avail_out = room;
        z->next_out = out->data + out->size;
        result = inflate(z, Z_NO_FLUSH);
        left -= in - z->avail_in;
        out->size += room - z->avail_out;
    }
    if (result == Z_MEM_ERROR)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", path);
    if (result != Z_STREAM_END)
        return weft_fail(WEFT_BAD_DATA, "%s: byte %zu of %zu: %s; a whole gzip file was expected", path, size - left,
                         size, result == Z_BUF_ERROR ? "the file ends here" : z->msg ? z->msg : "damaged");
    if (left)
        return weft_fail(WEFT_BAD_DATA, "%s: byte %zu of %zu: the gzip stream ends here; the end of the file was "
                         "expected", path, size - left, size);
    return WEFT_OK;
}

static weft_status unpack(const weft_allocator *allocator, const char *path, weft_expected expected, uint8_t **data,
                          size_t *size)
{
    weft_allocator user = *allocator;
    z_stream z = { .zalloc = z_alloc, .zfree = z_free, .opaque = &user };
    size_t most;
    if (!weft_mul_size(*size, RATIO, &most))
        most = SIZE_MAX;
    output out = { .allocator = allocator, .most = most > FLOOR ? most : FLOOR, .expected = expected };
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", path);
    const weft_status status = run(&z, *data, *size, path, &out);
    inflateEnd(&z);
    if (status != WEFT_OK) {
        weft_free(allocator, out.data);
        return status;
    }
    weft_free(allocator, *data);
    *data = out.data;
    *size = out.size;
    return WEFT_OK;
}

static bool is_gzip(const uint8_t *data, size_t size)
{
    return size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

/* A file that is not packed is as long as its beginning says. What is no file of the kind: its beginning is enough. */
static weft_status check_length(const char *path, weft_expected expected, const uint8_t *head, size_t got, size_t *size)
{
    size_t whole = 0;
    if (!expected || is_gzip(head, got))
        return WEFT_OK;
    if (!expected(head, got, &whole))
        *size = got;
    else if (*size > FIRST && *size != whole)
        return weft_fail(WEFT_BAD_DATA, "%s: has %zu bytes; its beginning says %zu", path, *size, whole);
    return WEFT_OK;
}

static weft_status read_open(const weft_allocator *allocator, int file, const char *path, weft_expected expected,
                             uint8_t **data, size_t size, size_t *got)
{
    uint8_t head[HEAD];
    size_t first = 0;
    WEFT_TRY(weft_read_bytes(file, path, head, size < HEAD ? size : HEAD, &first));
    WEFT_TRY(check_length(path, expected, head, first, &size));
    *data = weft_alloc(allocator, size);
    if (!*data)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", path);
    memcpy(*data, head, first);
    if (first < size)
        WEFT_TRY(weft_read_bytes(file, path, *data + first, size - first, got));
    *got += first;
    if (*got != size)
        return weft_fail(WEFT_IO, "%s: byte %zu: the file became shorter while it was read; %zu bytes were expected",
                         path, *got, size);
    return WEFT_OK;
}

weft_status weft_read_whole(const weft_allocator *allocator, const char *path, const char *wanted,
                            weft_expected expected, uint8_t **data, size_t *size)
{
    int file = -1;
    uint64_t length = 0;
    uint8_t *bytes = NULL;
    size_t got = 0;
    WEFT_TRY(weft_open_regular(path, wanted, &file, &length));
    weft_status status = read_open(allocator, file, path, expected, &bytes, (size_t)length, &got);
    close(file);
    if (status == WEFT_OK && is_gzip(bytes, got))
        status = unpack(allocator, path, expected, &bytes, &got);
    if (status != WEFT_OK) {
        weft_free(allocator, bytes);
        return status;
    }
    *data = bytes;
    *size = got;
    return WEFT_OK;
}
