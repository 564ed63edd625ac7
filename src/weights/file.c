/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a regular file whole, and the bytes and sentences that all formats share. */
#include "weights/file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

static const char wanted[] = "a weight file";

weft_status weft_file_head(const char *path, uint8_t *head, size_t size, size_t *got)
{
    int file = -1;
    uint64_t length = 0;
    WEFT_TRY(weft_open_regular(path, wanted, &file, &length));
    const weft_status status = weft_read_bytes(file, path, head, size, got);
    close(file);
    return status;
}

weft_status weft_file_size(const char *path, uint64_t *out)
{
    int file = -1;
    WEFT_TRY(weft_open_regular(path, wanted, &file, out));
    close(file);
    return WEFT_OK;
}

weft_status weft_file_load(const weft_allocator *allocator, const char *path, weft_file *out)
{
    int file = -1;
    uint64_t length = 0;
    WEFT_TRY(weft_open_regular(path, wanted, &file, &length));
    const size_t size = length <= SIZE_MAX ? (size_t)length : SIZE_MAX;
    weft_status status = WEFT_OK;
    size_t got = 0;
    uint8_t *data = weft_alloc(allocator, size);
    if (!data)
        status = weft_fail_in(WEFT_NO_MEMORY, "%s", path);
    else
        status = weft_read_bytes(file, path, data, size, &got);
    if (status == WEFT_OK && got != size)
        status = weft_fail(WEFT_IO, "%s: byte %zu: the file became shorter while it was read; %zu bytes were expected",
                           path, got, size);
    close(file);
    if (status != WEFT_OK) {
        weft_free(allocator, data);
        return status;
    }
    *out = (weft_file){ .path = path, .data = data, .size = size };
    return WEFT_OK;
}

/* ---- sentences ---- */

weft_status weft_file_bad(const weft_file *file, uint64_t at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    weft_fail_v(WEFT_BAD_DATA, format, args);
    va_end(args);
    return weft_fail_in(WEFT_BAD_DATA, "%.200s: byte %llu", file->path, (unsigned long long)at);
}

weft_status weft_file_bad_in(weft_status status, const weft_file *file, uint64_t at)
{
    const weft_status kept = status == WEFT_NO_MEMORY ? status : WEFT_BAD_DATA;
    return weft_fail_in(kept, "%.200s: byte %llu", file->path, (unsigned long long)at);
}

/* ---- bytes ---- */

uint32_t weft_le16(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

uint32_t weft_le32(const uint8_t *at)
{
    return weft_le16(at) | weft_le16(at + 2) << 16;
}

uint64_t weft_le64(const uint8_t *at)
{
    return weft_le32(at) | (uint64_t)weft_le32(at + 4) << 32;
}

void weft_put_le(uint8_t *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* Bytes of the well-formed UTF-8 sequence at s (RFC 3629: no surrogates, nothing over-long); 0 if it is none. */
static size_t sequence(const unsigned char *s, size_t left)
{
    static const struct {
        unsigned char first, last, low, high; /* lead bytes; range of the second */
        size_t length;
    } rows[] = {
        { 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        if (s[0] < rows[i].first || s[0] > rows[i].last)
            continue;
        if (left < rows[i].length || (rows[i].length > 1 && (s[1] < rows[i].low || s[1] > rows[i].high)))
            return 0;
        for (size_t k = 2; k < rows[i].length; k++) {
            if ((s[k] & 0xc0) != 0x80)
                return 0;
        }
        return rows[i].length;
    }
    return 0;
}

bool weft_utf8(const char *text, size_t length, size_t *at)
{
    size_t i = 0;
    while (i < length) {
        const size_t step = sequence((const unsigned char *)text + i, length - i);
        if (step == 0) {
            *at = i;
            return false;
        }
        i += step;
    }
    return true;
}
