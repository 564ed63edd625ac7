/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 of bytes that come in pieces. */
#ifndef WEFT_BASE_SHA256_H
#define WEFT_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { WEFT_SHA256_BLOCK = 64, WEFT_SHA256_TEXT = 65 };

typedef struct weft_sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t rest[WEFT_SHA256_BLOCK];
    size_t held; /* bytes in rest */
} weft_sha256;

void weft_sha256_begin(weft_sha256 *s);
void weft_sha256_add(weft_sha256 *s, const void *bytes, size_t size);
/* As 64 hex digits and an end. */
void weft_sha256_end(weft_sha256 *s, char hex[WEFT_SHA256_TEXT]);

#endif
