/* SPDX-License-Identifier: Apache-2.0
 *
 * Files as weights need them: read whole into owned memory (never mapped: a mapped file that is cut kills its reader),
 * and written beside the old one, synced, renamed. */
#ifndef WEFT_WEIGHTS_FILE_H
#define WEFT_WEIGHTS_FILE_H

#include "base/alloc.h"

typedef struct weft_file {
    const char *path; /* for sentences */
    uint8_t *data;
    size_t size;
} weft_file;

/* The first bytes of a regular file, at most size; *got says how many. NOT_FOUND, IO;
 * BAD_DATA for what is not a regular file. */
weft_status weft_file_head(const char *path, uint8_t *head, size_t size, size_t *got);
/* How many bytes a regular file has. */
weft_status weft_file_size(const char *path, uint64_t *out);
/* All of it; free out->data with weft_free. */
weft_status weft_file_load(const weft_allocator *allocator, const char *path, weft_file *out);

/* "<path>: byte <at>: ..." as BAD_DATA. */
weft_status weft_file_bad(const weft_file *file, uint64_t at, const char *format, ...) WEFT_PRINTF(3, 4);
/* The same before the sentence of the failure under way; whatever is no fault of memory becomes BAD_DATA. */
weft_status weft_file_bad_in(weft_status status, const weft_file *file, uint64_t at);

/* Little-endian numbers at a place that need not be aligned. */
uint32_t weft_le16(const uint8_t *at);
uint32_t weft_le32(const uint8_t *at);
uint64_t weft_le64(const uint8_t *at);
void weft_put_le(uint8_t *at, uint64_t value, int bytes);

/* True if the bytes are well-formed UTF-8 without a zero byte; *at is set to the first that is not. */
bool weft_utf8(const char *text, size_t length, size_t *at);

/* A file on its way: bytes go to a temporary file in the target's folder, one without a name where the file system has
 * such. Exactly one of commit and abort ends it.
 * A target that exists must be a regular file, whose permissions the new one takes, or a symbolic link, which is
 * replaced. Failures are IO; after them no temporary file is left and an old file is as it was. */
typedef struct weft_writer {
    const char *path;
    const weft_allocator *allocator;
    char *folder, *name, *temporary;
    int folder_fd, file;
    bool named;  /* the temporary file is found in the folder, as `temporary` */
    uint64_t at; /* bytes put so far */
} weft_writer;
weft_status weft_writer_open(const weft_allocator *allocator, const char *path, weft_writer *out);
weft_status weft_writer_put(weft_writer *writer, const void *data, size_t size);
weft_status weft_writer_commit(weft_writer *writer);
void weft_writer_abort(weft_writer *writer);

#endif
