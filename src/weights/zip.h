/* SPDX-License-Identifier: Apache-2.0
 *
 * Zip archives in memory (APPNOTE.TXT 6.3.10, with zip64), read as strictly as the formats built on them allow: the
 * end record closes the file, local headers and central directory say the same, and entries follow each other without
 * a hole from the first byte to the directory, so that nothing hides between them. Methods: stored and deflate. */
#ifndef WEFT_WEIGHTS_ZIP_H
#define WEFT_WEIGHTS_ZIP_H

#include "base/alloc.h"
#include "weights/file.h"
#include "weights/index.h"

/* Unpacked bytes beyond the floor may be at most so many times the packed ones, of one entry and of all together:
 * deflate itself ends at 1032, weights that compress tenfold are rare. */
enum { WEFT_ZIP_RATIO = 100, WEFT_ZIP_FLOOR = 64 << 20, WEFT_ZIP_ENTRIES = 1000000 };

typedef struct weft_zip_entry {
    const char *name;      /* "archive/data.pkl", "conv1.npy"; UTF-8 without control characters */
    uint64_t header, data; /* byte offsets of the local header and of the data */
    uint64_t packed, size; /* bytes in the file, bytes unpacked */
    uint32_t crc;
    bool deflated;
} weft_zip_entry;

typedef struct weft_zip {
    const weft_allocator *allocator;
    weft_file file; /* lent */
    weft_zip_entry *entries; /* in the directory's order */
    int64_t count;
    weft_index index;
    weft_arena names;
} weft_zip;

/* Whether a file that begins as an archive ends as one: before memory is taken for all of it. BAD_DATA, IO. */
weft_status weft_zip_check(const char *path);
/* Reads the directory and checks every local header. BAD_DATA. */
weft_status weft_zip_open(const weft_allocator *allocator, const weft_file *file, weft_zip *out);
void weft_zip_close(weft_zip *zip);
/* NULL if there is none. */
const weft_zip_entry *weft_zip_find(const weft_zip *zip, const char *name);

/* The entry's unpacked bytes, CRC-32 checked: in the file itself if stored (*owned is NULL), else in memory that the
 * caller frees with weft_free(zip->allocator, *owned). */
weft_status weft_zip_read(const weft_zip *zip, const weft_zip_entry *entry, const uint8_t **data, void **owned);

#endif
