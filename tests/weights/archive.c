/* SPDX-License-Identifier: Apache-2.0
 *
 * Zip archives for tests: local headers, data, directory, end record, all of them right. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "weights/common.h"

typedef struct sink {
    uint8_t *data;
    size_t size;
} sink;

static void put(sink *to, const void *bytes, size_t size)
{
    if (size)
        memcpy(to->data + to->size, bytes, size);
    to->size += size;
}

static void put_number(sink *to, uint64_t value, int bytes)
{
    weft_put_le(to->data + to->size, value, bytes);
    to->size += (size_t)bytes;
}

/* Version to length of extra fields: one after the other in both headers. */
static void put_common(sink *to, const archive_entry *e, size_t packed)
{
    put_number(to, 20, 2);
    put_number(to, 0, 2);
    put_number(to, e->deflate ? 8 : 0, 2);
    put_number(to, 0x210000, 4);
    put_number(to, crc32_z(0, e->bytes, e->size), 4);
    put_number(to, packed, 4);
    put_number(to, e->size, 4);
    put_number(to, strlen(e->name), 2);
    put_number(to, 0, 2);
}

static uint8_t *pack(const archive_entry *e, size_t *packed)
{
    const size_t room = compressBound(e->size) + 64;
    uint8_t *to = malloc(room);
    if (!e->deflate) {
        memcpy(to, e->bytes, e->size);
        *packed = e->size;
        return to;
    }
    uint8_t *from = malloc(e->size + 1);
    memcpy(from, e->bytes, e->size);
    z_stream z = { .next_in = from, .avail_in = (uInt)e->size, .next_out = to, .avail_out = (uInt)room };
    if (deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) == Z_OK) {
        deflate(&z, Z_FINISH);
        deflateEnd(&z);
    }
    free(from);
    *packed = z.total_out;
    return to;
}

uint8_t *archive_make(const archive_entry *entries, int count, size_t *size)
{
    size_t room = 64;
    for (int i = 0; i < count; i++)
        room += 128 + 2 * strlen(entries[i].name) + compressBound(entries[i].size);
    sink to = { .data = calloc(1, room) }, directory = { .data = calloc(1, room) };
    for (int i = 0; i < count; i++) {
        size_t packed;
        const size_t at = to.size, length = strlen(entries[i].name);
        uint8_t *bytes = pack(&entries[i], &packed);
        put(&to, "PK\3\4", 4);
        put_common(&to, &entries[i], packed);
        put(&to, entries[i].name, length);
        put(&to, bytes, packed);
        free(bytes);
        put(&directory, "PK\1\2", 4);
        put_number(&directory, 20, 2);
        put_common(&directory, &entries[i], packed);
        put_number(&directory, 0, 8);
        put_number(&directory, 0, 2);
        put_number(&directory, at, 4);
        put(&directory, entries[i].name, length);
    }
    const size_t at = to.size;
    put(&to, directory.data, directory.size);
    put(&to, "PK\5\6\0\0\0\0", 8);
    put_number(&to, (uint64_t)count, 2);
    put_number(&to, (uint64_t)count, 2);
    put_number(&to, directory.size, 4);
    put_number(&to, at, 4);
    put_number(&to, 0, 2);
    free(directory.data);
    *size = to.size;
    return to.data;
}
