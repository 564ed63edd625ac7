/* SPDX-License-Identifier: Apache-2.0
 *
 * Zip archives, in three passes: the end records, the central directory, and each local header against its entry of
 * the directory. Numbers in comments are APPNOTE's sections. */
#include "weights/zip.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "base/error.h"
#include "base/file.h"

/* Sizes of the fixed parts of records, and marks of values that stand in a zip64 record. */
enum { LOCAL = 30, CENTRAL = 46, END = 22, END64 = 56, LOCATOR = 20, ONES16 = 0xffff, ZIP64_EXTRA = 1 };
static const uint32_t ones32 = 0xffffffff;
/* Signatures, little-endian. */
static const uint32_t local_mark = 0x04034b50, central_mark = 0x02014b50, end_mark = 0x06054b50,
                      end64_mark = 0x06064b50, locator_mark = 0x07064b50, descriptor_mark = 0x08074b50;
enum { ENCRYPTED = 1, LEVELS = 6, DESCRIPTOR = 8, UTF8_NAME = 0x800, STORED = 0, DEFLATED = 8 };
enum { NAME = 4096, DEFLATE_BEST = 1032 /* no deflate stream unpacks to more than so many times its bytes */ };

/* ---- the end records (4.3.14 to 4.3.16) ---- */

typedef struct directory {
    uint64_t at, size, count;
} directory;

/* Values of the short end record, each of which may be all ones if the long one has it. */
static bool agrees(const uint8_t *end, const directory *d)
{
    const uint32_t count = weft_le16(end + 10), size = weft_le32(end + 12), at = weft_le32(end + 16);
    return (count == ONES16 || count == d->count) && (size == ones32 || size == d->size) &&
           (at == ones32 || at == d->at);
}

static weft_status read_end64(const weft_file *file, uint64_t locator, directory *d)
{
    const uint64_t at = weft_le64(file->data + locator + 8);
    if (weft_le32(file->data + locator + 4) != 0 || weft_le32(file->data + locator + 16) != 1)
        return weft_file_bad(file, locator, "the zip archive has several disks; one was expected");
    if (locator < END64 || at != locator - END64)
        return weft_file_bad(file, locator, "the zip64 locator says that the end record is at byte %" PRIu64
                             "; right before the locator was expected", at);
    const uint8_t *end = file->data + at;
    if (weft_le32(end) != end64_mark || weft_le64(end + 4) != END64 - 12)
        return weft_file_bad(file, at, "a zip64 end record of %d bytes was expected", END64);
    if (weft_le32(end + 16) != 0 || weft_le32(end + 20) != 0 || weft_le64(end + 24) != weft_le64(end + 32))
        return weft_file_bad(file, at, "the zip64 archive has several disks; one was expected");
    *d = (directory){ .at = weft_le64(end + 48), .size = weft_le64(end + 40), .count = weft_le64(end + 32) };
    if (!agrees(file->data + file->size - END, d))
        return weft_file_bad(file, at, "the zip64 end record and the end record disagree");
    return WEFT_OK;
}

static weft_status check_end(const weft_file *file, uint64_t at, const uint8_t *end)
{
    if (weft_le32(end) == end_mark && weft_le16(end + 20) == 0)
        return WEFT_OK;
    return weft_file_bad(file, at, "the last %d bytes of the file should be the end record of a zip archive without a "
                         "comment; the file is cut off or has something behind its end", END);
}

static weft_status check_open(int file, const char *path, uint64_t size)
{
    uint8_t end[END];
    size_t got = 0;
    if (size < END || lseek(file, (off_t)(size - END), SEEK_SET) < 0)
        return WEFT_OK; /* too short, which is told by who reads it */
    WEFT_TRY(weft_read_bytes(file, path, end, END, &got));
    return got < END ? WEFT_OK : check_end(&(const weft_file){ .path = path }, size - END, end);
}

weft_status weft_zip_check(const char *path)
{
    int file = -1;
    uint64_t size = 0;
    WEFT_TRY(weft_open_regular(path, "a zip archive", &file, &size));
    const weft_status status = check_open(file, path, size);
    close(file);
    return status;
}

static weft_status read_end(const weft_file *file, directory *out)
{
    const uint32_t mark = file->size < 4 ? 0 : weft_le32(file->data);
    if (mark != local_mark && mark != end_mark) /* the latter of an archive of nothing */
        return weft_file_bad(file, 0, "a zip archive was expected, which begins with 50 4b 03 04");
    if (file->size < END)
        return weft_file_bad(file, file->size, "the zip archive ends here, before its end record");
    uint64_t limit = file->size - END; /* where the directory ends */
    const uint8_t *end = file->data + limit;
    WEFT_TRY(check_end(file, limit, end));
    directory d = { .at = weft_le32(end + 16), .size = weft_le32(end + 12), .count = weft_le16(end + 10) };
    if (weft_le32(end + 4) != 0 || weft_le16(end + 8) != d.count)
        return weft_file_bad(file, limit, "the zip archive has several disks; one was expected");
    if (limit >= LOCATOR && weft_le32(file->data + limit - LOCATOR) == locator_mark) {
        limit -= LOCATOR;
        WEFT_TRY(read_end64(file, limit, &d));
        limit -= END64;
    }
    if (d.at > limit || d.size != limit - d.at)
        return weft_file_bad(file, limit, "the end record says that the directory has %" PRIu64 " bytes from byte %"
                             PRIu64 "; it should end here", d.size, d.at);
    if (d.count > WEFT_ZIP_ENTRIES || d.count > d.size / CENTRAL)
        return weft_file_bad(file, limit, "the end record says that there are %" PRIu64 " entries; a directory of %"
                             PRIu64 " bytes cannot have so many", d.count, d.size);
    *out = d;
    return WEFT_OK;
}

/* ---- records of one entry ---- */

/* Bytes of a field of 64 bits that a zip64 extra field holds for each value that is all ones, in this order. */
typedef struct wide {
    uint64_t size, packed, header;
} wide;

static weft_status read_extra(const weft_file *file, uint64_t at, uint64_t length, wide *w)
{
    const uint64_t end = at + length;
    uint64_t *const values[] = { &w->size, &w->packed, &w->header };
    bool seen = false;
    while (at < end) {
        if (end - at < 4 || end - at - 4 < weft_le16(file->data + at + 2))
            return weft_file_bad(file, at, "an extra field of a zip entry is longer than its room");
        uint64_t field = at + 4;
        const uint64_t id = weft_le16(file->data + at);
        at = field + weft_le16(file->data + at + 2);
        if (id != ZIP64_EXTRA)
            continue;
        if (seen)
            return weft_file_bad(file, field, "a zip entry has two zip64 fields");
        seen = true;
        for (int i = 0; i < WEFT_COUNT(values); i++) {
            if (*values[i] != ones32)
                continue;
            if (at - field < 8)
                return weft_file_bad(file, field, "a zip64 field is too short for what it should hold");
            *values[i] = weft_le64(file->data + field);
            field += 8;
        }
        if (field != at)
            return weft_file_bad(file, field, "a zip64 field holds more than it should");
    }
    return WEFT_OK;
}

static weft_status check_method(const weft_file *file, uint64_t at, uint32_t flags, uint32_t method)
{
    if (flags & ENCRYPTED)
        return weft_file_bad(file, at, "the zip entry is encrypted");
    if (method != STORED && method != DEFLATED)
        return weft_file_bad(file, at,
                              "the zip entry is packed by method %u; stored (0) and deflate "
                              "(8) are read",
                              method);
    if (flags & ~(uint32_t)(DESCRIPTOR | UTF8_NAME | (method == DEFLATED ? LEVELS : 0)))
        return weft_file_bad(file, at, "the zip entry has the flags %04x, which do not fit its method", flags);
    return WEFT_OK;
}

static weft_status check_sizes(const weft_file *file, uint64_t at, const weft_zip_entry *e)
{
    if (!e->deflated && e->packed != e->size)
        return weft_file_bad(file, at, "the zip entry is stored, but its sizes are %" PRIu64 " and %" PRIu64, e->packed,
                             e->size);
    if (e->deflated && (e->size / DEFLATE_BEST > e->packed ||
                        (e->size > WEFT_ZIP_FLOOR && e->size / WEFT_ZIP_RATIO > e->packed)))
        return weft_file_bad(file, at,
                             "the zip entry unpacks %" PRIu64 " bytes to %" PRIu64 "; at most %d times as many "
                             "were expected",
                             e->packed, e->size, WEFT_ZIP_RATIO);
    return WEFT_OK;
}

static weft_status copy_name(weft_zip *zip, uint64_t at, size_t length, const char **out)
{
    const char *from = (const char *)zip->file.data + at;
    size_t bad = 0;
    if (length == 0 || length > NAME)
        return weft_file_bad(&zip->file, at, "a zip entry's name has %zu bytes; 1 to %d were expected", length, NAME);
    bool good = weft_utf8(from, length, &bad);
    for (size_t i = 0; good && i < length; i++) {
        bad = i;
        good = (unsigned char)from[i] >= 0x20 && from[i] != 0x7f;
    }
    if (!good)
        return weft_file_bad(&zip->file, at + bad, "a zip entry's name should be UTF-8 without control characters");
    char *name = weft_arena_alloc(&zip->names, length + 1);
    if (!name)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", zip->file.path);
    memcpy(name, from, length);
    *out = name;
    return WEFT_OK;
}

/* ---- the central directory (4.3.12) ---- */

static weft_status read_central(weft_zip *zip, uint64_t *at, uint64_t end)
{
    const weft_file *file = &zip->file;
    const uint8_t *c = file->data + *at;
    if (end - *at < CENTRAL || weft_le32(c) != central_mark)
        return weft_file_bad(file, *at, "entry %" PRId64 " of the zip directory was expected here (50 4b 01 02)",
                             zip->count);
    const uint32_t flags = weft_le16(c + 8), method = weft_le16(c + 10);
    const uint64_t name = weft_le16(c + 28), extra = weft_le16(c + 30), comment = weft_le16(c + 32);
    if (end - *at - CENTRAL < name + extra + comment)
        return weft_file_bad(file, *at, "the zip directory ends within this entry");
    if (comment || weft_le16(c + 34))
        return weft_file_bad(file, *at, "the zip entry has a comment or is on another disk");
    WEFT_TRY(check_method(file, *at, flags, method));
    wide w = { .size = weft_le32(c + 24), .packed = weft_le32(c + 20), .header = weft_le32(c + 42) };
    WEFT_TRY(read_extra(file, *at + CENTRAL + name, extra, &w));
    weft_zip_entry *e = &zip->entries[zip->count];
    *e = (weft_zip_entry){ .header = w.header, .packed = w.packed, .size = w.size, .crc = weft_le32(c + 16),
                           .deflated = method == DEFLATED };
    WEFT_TRY(check_sizes(file, *at, e));
    WEFT_TRY(copy_name(zip, *at + CENTRAL, name, &e->name));
    const weft_status status = weft_index_add(&zip->index, zip->allocator, zip->entries, sizeof *zip->entries);
    if (status != WEFT_OK)
        return weft_file_bad_in(status, file, *at);
    zip->count++;
    e->data = *at; /* until the local header is read: where the directory's entry is */
    *at += CENTRAL + name + extra;
    return WEFT_OK;
}

/* ---- local headers (4.3.7) and data descriptors (4.3.9) ---- */

/* With a descriptor behind the data, a local header may leave values at 0. */
static bool same(uint64_t local, uint64_t central, uint32_t flags)
{
    return local == central || (local == 0 && (flags & DESCRIPTOR));
}

static weft_status check_descriptor(const weft_file *file, const weft_zip_entry *e, uint64_t length)
{
    const uint64_t at = e->data + e->packed;
    const uint8_t *d = file->data + at;
    const bool fits = length == 16 ? weft_le32(d + 8) == e->packed && weft_le32(d + 12) == e->size
                    : length == 24 && weft_le64(d + 8) == e->packed && weft_le64(d + 16) == e->size;
    if (!fits || weft_le32(d) != descriptor_mark || weft_le32(d + 4) != e->crc)
        return weft_file_bad(file, at, "a data descriptor that agrees with the zip directory was expected here");
    return WEFT_OK;
}

/* The entry's local header is at its place, says what the directory does, and its data end at `next`. */
static weft_status check_local(const weft_file *file, weft_zip_entry *e, uint64_t next)
{
    const uint8_t *c = file->data + e->data, *h = file->data + e->header;
    if (next - e->header < LOCAL || weft_le32(h) != local_mark)
        return weft_file_bad(file, e->header, "the local header of zip entry \"%.80s\" was expected here (50 4b 03 04)",
                             e->name);
    const uint32_t flags = weft_le16(h + 6);
    const uint64_t name = weft_le16(h + 26), extra = weft_le16(h + 28);
    if (next - e->header - LOCAL < name + extra)
        return weft_file_bad(file, e->header, "the local header of zip entry \"%.80s\" is longer than its room",
                             e->name);
    wide w = { .size = weft_le32(h + 22), .packed = weft_le32(h + 18) };
    WEFT_TRY(read_extra(file, e->header + LOCAL + name, extra, &w));
    if (memcmp(h + 6, c + 8, 8) != 0 || name != weft_le16(c + 28) ||
        memcmp(h + LOCAL, c + CENTRAL, name) != 0 || !same(weft_le32(h + 14), e->crc, flags) ||
        !same(w.packed, e->packed, flags) || !same(w.size, e->size, flags))
        return weft_file_bad(file, e->header,
                             "the local header of zip entry \"%.80s\" and the directory's entry at byte "
                             "%" PRIu64 " disagree",
                             e->name, e->data);
    e->data = e->header + LOCAL + name + extra;
    if (next - e->data < e->packed)
        return weft_file_bad(file, e->data, "zip entry \"%.80s\" should have %" PRIu64 " bytes; the next one begins %"
                             PRIu64 " bytes on", e->name, e->packed, next - e->data);
    const uint64_t rest = next - e->data - e->packed;
    if (flags & DESCRIPTOR)
        return check_descriptor(file, e, rest);
    if (rest)
        return weft_file_bad(file, next - rest, "%" PRIu64 " bytes behind zip entry \"%.80s\" belong to nothing", rest,
                             e->name);
    return WEFT_OK;
}

/* No archive is a bomb in many parts. */
static weft_status check_sum(const weft_zip *zip)
{
    uint64_t packed = 0, size = 0; /* which lie in the file; at most DEFLATE_BEST times that: no overflow */
    for (int64_t i = 0; i < zip->count; i++) {
        packed += zip->entries[i].deflated ? zip->entries[i].packed : 0;
        size += zip->entries[i].deflated ? zip->entries[i].size : 0;
    }
    if (size <= WEFT_ZIP_FLOOR || size / WEFT_ZIP_RATIO <= packed)
        return WEFT_OK;
    return weft_file_bad(&zip->file, 0,
                         "the zip archive unpacks %" PRIu64 " bytes to %" PRIu64 "; at most %d times as many "
                         "were expected",
                         packed, size, WEFT_ZIP_RATIO);
}

static weft_status read_all(weft_zip *zip)
{
    const weft_file *file = &zip->file;
    directory d = { 0 };
    WEFT_TRY(read_end(file, &d));
    zip->entries = weft_calloc(zip->allocator, (size_t)d.count + 1, sizeof *zip->entries);
    if (!zip->entries)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", file->path);
    uint64_t at = d.at;
    while (zip->count < (int64_t)d.count)
        WEFT_TRY(read_central(zip, &at, d.at + d.size));
    if (at != d.at + d.size)
        return weft_file_bad(file, at, "the zip directory should end here, after %" PRId64 " entries", zip->count);
    uint64_t expected = 0;
    for (int64_t i = 0; i < zip->count; i++) {
        weft_zip_entry *e = &zip->entries[i];
        const uint64_t next = i + 1 < zip->count ? zip->entries[i + 1].header : d.at;
        if (e->header != expected || next > d.at || next < e->header)
            return weft_file_bad(file, e->data, "zip entry \"%.80s\" is at byte %" PRIu64 ", the next at %" PRIu64
                                 "; entries one behind the other from byte %" PRIu64 " on were expected", e->name,
                                 e->header, next, expected);
        WEFT_TRY(check_local(file, e, next));
        expected = next;
    }
    WEFT_TRY(check_sum(zip));
    if (zip->count == 0 && d.at != 0)
        return weft_file_bad(file, 0, "the zip archive has no entries, but %" PRIu64 " bytes before its directory",
                             d.at);
    return WEFT_OK;
}

weft_status weft_zip_open(const weft_allocator *allocator, const weft_file *file, weft_zip *out)
{
    weft_zip zip = { .allocator = allocator, .file = *file };
    weft_arena_init(&zip.names, allocator);
    const weft_status status = read_all(&zip);
    if (status != WEFT_OK) {
        weft_zip_close(&zip);
        return status;
    }
    *out = zip;
    return WEFT_OK;
}

void weft_zip_close(weft_zip *zip)
{
    weft_free(zip->allocator, zip->entries);
    weft_index_release(&zip->index, zip->allocator);
    weft_arena_release(&zip->names);
    zip->entries = NULL;
    zip->count = 0;
}

const weft_zip_entry *weft_zip_find(const weft_zip *zip, const char *name)
{
    const int64_t at = weft_index_find(&zip->index, zip->entries, sizeof *zip->entries, name);
    return at < 0 ? NULL : &zip->entries[at];
}

/* ---- data ---- */

static voidpf zip_alloc(voidpf opaque, uInt items, uInt size)
{
    const weft_zip *zip = opaque;
    return weft_calloc(zip->allocator, items, size);
}

static void zip_free(voidpf opaque, voidpf ptr)
{
    const weft_zip *zip = opaque;
    weft_free(zip->allocator, ptr);
}

static uInt part(uint64_t left)
{
    return left < (1u << 30) ? (uInt)left : 1u << 30;
}

/* Unpacks to exactly e->size bytes from exactly e->packed. */
static weft_status unpack(const weft_zip *zip, const weft_zip_entry *e, uint8_t *to)
{
    weft_zip user = *zip;
    z_stream z = { .zalloc = zip_alloc, .zfree = zip_free, .opaque = &user };
    uint8_t nothing;
    if (inflateInit2(&z, -15) != Z_OK)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", zip->file.path);
    uint64_t in = e->packed, out = e->size;
    z.next_in = zip->file.data + e->data;
    z.next_out = e->size ? to : &nothing;
    int result = Z_OK;
    while (result == Z_OK) {
        const uInt more_in = part(in), more_out = part(out);
        z.avail_in = more_in;
        z.avail_out = more_out;
        result = inflate(&z, Z_NO_FLUSH);
        in -= more_in - z.avail_in;
        out -= more_out - z.avail_out;
    }
    inflateEnd(&z);
    if (result == Z_MEM_ERROR)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", zip->file.path);
    if (result != Z_STREAM_END || in || out)
        return weft_file_bad(&zip->file, e->data + e->packed - in, "zip entry \"%.80s\": a deflate stream of %" PRIu64
                             " bytes that unpacks to %" PRIu64 " was expected; %" PRIu64 " bytes came out", e->name,
                             e->packed, e->size, e->size - out);
    return WEFT_OK;
}

weft_status weft_zip_read(const weft_zip *zip, const weft_zip_entry *e, const uint8_t **data, void **owned)
{
    uint8_t *memory = NULL;
    const uint8_t *bytes = zip->file.data + e->data;
    if (e->deflated) {
        memory = weft_alloc(zip->allocator, (size_t)e->size);
        weft_status status = memory ? unpack(zip, e, memory) : weft_fail_in(WEFT_NO_MEMORY, "%.200s", zip->file.path);
        if (status != WEFT_OK) {
            weft_free(zip->allocator, memory);
            return status;
        }
        bytes = memory;
    }
    const uint32_t crc = (uint32_t)crc32_z(0, bytes, (size_t)e->size);
    if (crc != e->crc) {
        weft_free(zip->allocator, memory);
        return weft_file_bad(&zip->file, e->data,
                             "zip entry \"%.80s\" has the CRC-32 %08" PRIx32 "; the directory says %08" PRIx32, e->name,
                             crc, e->crc);
    }
    *data = bytes;
    *owned = memory;
    return WEFT_OK;
}
