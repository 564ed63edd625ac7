/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening and reading a file that somebody named: regular files only, every failure a sentence with the path. */
#ifndef WEFT_BASE_FILE_H
#define WEFT_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <weft/status.h>

/* Opens a regular file for reading; *size says how large it is now. NOT_FOUND, IO; BAD_DATA for what is no regular
 * file, with `wanted` ("a weight file") in the sentence. The caller closes *out. */
weft_status weft_open_regular(const char *path, const char *wanted, int *out, uint64_t *size);
/* Reads up to size bytes; *got says how many there were before the end. IO. */
weft_status weft_read_bytes(int file, const char *path, uint8_t *data, size_t size, size_t *got);

#endif
