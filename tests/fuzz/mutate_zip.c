/* SPDX-License-Identifier: Apache-2.0
 *
 * A mutator for formats inside zip archives: it unpacks the archive, changes the bytes of one entry (or its name), and
 * packs it again with the right sizes, offsets and CRCs, so that mutants get behind the checks of the archive. One in
 * eight is left as libFuzzer made it, which is how the archive's own checks are reached. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "fuzz/fuzz.h"
#include "weights/zip.h"

enum { RAW = 8, ENTRIES = 32, LOCAL = 30, CENTRAL = 46, END = 22, NAME = 64, BYTES = 8192, RENAME = 16, DEFLATE = 2 };

typedef struct part {
    char name[NAME];
    uint8_t bytes[BYTES];
    size_t size;
    int deflated;
} part;

typedef struct sink {
    uint8_t *data;
    size_t size, room;
    int full;
} sink;

static void put(sink *to, const void *bytes, size_t size)
{
    if (to->room - to->size < size) {
        to->full = 1;
        return;
    }
    if (size)
        memcpy(to->data + to->size, bytes, size);
    to->size += size;
}

static void put_number(sink *to, uint64_t value, int bytes)
{
    uint8_t le[8];
    weft_put_le(le, value, bytes);
    put(to, le, (size_t)bytes);
}

/* Method to name's length: one after the other in both headers. */
static void put_common(sink *to, const part *p, size_t packed)
{
    put_number(to, 20, 2);
    put_number(to, 0, 2);
    put_number(to, p->deflated ? 8 : 0, 2);
    put_number(to, 0x210000, 4);
    put_number(to, crc32_z(0, p->bytes, p->size), 4);
    put_number(to, packed, 4);
    put_number(to, p->size, 4);
    put_number(to, strlen(p->name), 2);
    put_number(to, 0, 2);
}

/* The entry's data as they stand in the archive. */
static size_t pack(const part *p, uint8_t *to, size_t room)
{
    if (!p->deflated) {
        memcpy(to, p->bytes, p->size);
        return p->size;
    }
    z_stream z = { .next_in = (z_const Bytef *)(uintptr_t)p->bytes, .avail_in = (uInt)p->size, .next_out = to,
                   .avail_out = (uInt)room };
    if (deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return z.total_out;
}

static size_t pack_all(const part *parts, size_t count, uint8_t *data, size_t room)
{
    static uint8_t packed[2 * BYTES];
    sink to = { .data = data, .room = room }, directory = { .data = malloc(room), .room = room };
    for (size_t i = 0; i < count; i++) {
        const size_t at = to.size, size = pack(&parts[i], packed, sizeof packed);
        put(&to, "PK\3\4", 4);
        put_common(&to, &parts[i], size);
        put(&to, parts[i].name, strlen(parts[i].name));
        put(&to, packed, size);
        put(&directory, "PK\1\2", 4);
        put_number(&directory, 20, 2);
        put_common(&directory, &parts[i], size);
        put_number(&directory, 0, 8);
        put_number(&directory, 0, 2);
        put_number(&directory, at, 4);
        put(&directory, parts[i].name, strlen(parts[i].name));
    }
    const size_t at = to.size;
    put(&to, directory.data, directory.size);
    put(&to, "PK\5\6\0\0\0\0", 8);
    put_number(&to, count, 2);
    put_number(&to, count, 2);
    put_number(&to, directory.size, 4);
    put_number(&to, at, 4);
    put_number(&to, 0, 2);
    free(directory.data);
    return to.full || directory.full ? 0 : to.size;
}

static size_t unpack_all(const uint8_t *data, size_t size, part *parts)
{
    fuzz_memory memory = { .most = (size_t)1 << 30 };
    const weft_allocator allocator = fuzz_allocator(&memory);
    weft_file file = { .path = "input", .data = malloc(size + 1), .size = size };
    weft_zip zip;
    size_t count = 0;
    memcpy(file.data, data, size);
    if (weft_zip_open(&allocator, &file, &zip) == WEFT_OK) {
        for (int64_t i = 0; i < zip.count && count < ENTRIES; i++) {
            const weft_zip_entry *e = &zip.entries[i];
            const uint8_t *bytes;
            void *owned;
            if (e->size > BYTES || strlen(e->name) >= NAME || weft_zip_read(&zip, e, &bytes, &owned) != WEFT_OK)
                continue;
            part *p = &parts[count++];
            p->size = (size_t)e->size;
            p->deflated = e->deflated;
            strcpy(p->name, e->name);
            if (p->size)
                memcpy(p->bytes, bytes, p->size);
            weft_free(&allocator, owned);
        }
        weft_zip_close(&zip);
    }
    free(file.data);
    return count;
}

static void rename_part(part *p, unsigned seed)
{
    static const char *const names[] = { "a/data.pkl", "a/data/0", "a/data/1", "a/byteorder", "a/version", "x.npy",
                                         "y.npy", "__metadata__.npy" };
    strcpy(p->name, names[seed % (sizeof names / sizeof names[0])]);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
    static part parts[ENTRIES];
    const size_t count = seed % RAW ? unpack_all(data, size, parts) : 0;
    if (count == 0)
        return LLVMFuzzerMutate(data, size, room);
    part *p = &parts[(seed >> 8) % count];
    if ((seed >> 4) % RENAME == 0)
        rename_part(p, seed >> 16);
    else if ((seed >> 4) % RENAME == 1)
        p->deflated = (seed >> 16) % DEFLATE == 0;
    else
        p->size = LLVMFuzzerMutate(p->bytes, p->size, BYTES);
    const size_t packed = pack_all(parts, count, data, room);
    return packed ? packed : LLVMFuzzerMutate(data, size, room);
}
