/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 of bytes that come in pieces. */
#ifndef WEFT_BASE_SHA256_H
#define WEFT_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEFT_SHA256_BLOCK = 64, WEFT_SHA256_TEXT = 65 };

/* Adds blocks of WEFT_SHA256_BLOCK bytes to the state. */
typedef void (*weft_sha256_blocks)(uint32_t state[8], const uint8_t *data, size_t count);

typedef struct weft_sha256 {
    weft_sha256_blocks add_blocks;
    uint32_t state[8];
    uint64_t bytes;
    uint8_t rest[WEFT_SHA256_BLOCK];
    size_t held; /* bytes in rest */
} weft_sha256;

void weft_sha256_begin(weft_sha256 *s);
void weft_sha256_add(weft_sha256 *s, const void *bytes, size_t size);
/* The two ways to add blocks: in plain C, and by the SHA extensions of x86, where the CPU has them. */
void weft_sha256_blocks_c(uint32_t state[8], const uint8_t *data, size_t count);
void weft_sha256_blocks_x86(uint32_t state[8], const uint8_t *data, size_t count);
bool weft_sha256_can_x86(void);
extern const uint32_t weft_sha256_constants[64];

/* As 64 hex digits and an end. */
void weft_sha256_end(weft_sha256 *s, char hex[WEFT_SHA256_TEXT]);

#endif
