/* SPDX-License-Identifier: Apache-2.0
 *
 * The file of a pack: read by pread, as photographs of a folder are, and never mapped: of a mapped file that is cut its
 * readers die. An entry is handed out if it is what was written. */
#include "data/pack.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "base/error.h"

weft_status weft_pack_read_at(const weft_pack *p, uint64_t at, uint8_t *data, size_t size)
{
    size_t got = 0;
    while (got < size) {
        const ssize_t n = pread(p->file, data + got, size - got, (off_t)(at + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return weft_fail(WEFT_IO, "%s: byte %" PRIu64 ": cannot be read: %s", p->path, at + got, strerror(errno));
        if (n == 0)
            return weft_fail(WEFT_BAD_DATA, "%s: byte %" PRIu64 ": the file ends here, in the midst of %zu bytes that "
                             "belong together; it was cut", p->path, at + got, size);
        got += (size_t)n;
    }
    return WEFT_OK;
}

void weft_pack_close(weft_pack *p)
{
    if (!p)
        return;
    if (p->file >= 0)
        close(p->file);
    weft_free(p->allocator, p->entries);
    weft_free(p->allocator, p->texts);
    weft_free(p->allocator, p);
}

weft_status weft_pack_fetch(const weft_pack *p, const weft_allocator *allocator, int64_t entry, uint8_t **data,
                            size_t *size)
{
    const weft_pack_entry *const e = &p->entries[entry];
    const char *const name = p->texts + e->name;
    uint8_t *const bytes = weft_alloc(allocator, (size_t)e->size);
    if (!bytes)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", p->path);
    weft_status status = weft_pack_read_at(p, e->offset, bytes, (size_t)e->size);
    if (status == WEFT_OK && (uint32_t)crc32_z(0, bytes, (size_t)e->size) != e->checksum)
        status = weft_fail(WEFT_BAD_DATA, "%s: entry %" PRId64 " (%.*s): bytes %" PRIu64 " to %" PRIu64 " are damaged: "
                           "their checksum is another", p->path, entry, e->name_length > 200 ? 200 : e->name_length,
                           name, e->offset, e->offset + e->size - 1);
    if (status != WEFT_OK) {
        weft_free(allocator, bytes);
        return status;
    }
    *data = bytes;
    *size = (size_t)e->size;
    return WEFT_OK;
}
