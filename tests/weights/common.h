/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests of weight files share: fixtures, sets to compare, archives to make. */
#ifndef WEFT_TESTS_WEIGHTS_COMMON_H
#define WEFT_TESTS_WEIGHTS_COMMON_H

#include "base/context.h"
#include "weights/weights.h"

enum { WEIGHTS_PATH = 512 };

/* A context of nothing but this allocator, which is all that weight files use. */
weft_ctx weights_ctx(const weft_allocator *allocator);
/* "<folder>/fixtures/<name>" */
void weights_path(const char *name, char path[WEIGHTS_PATH]);
/* The whole file; the caller frees it. Fails the test if there is none. */
uint8_t *weights_bytes(const char *path, size_t *size);
/* Reads a fixture, which must succeed. */
weft_weights *weights_fixture(weft_ctx *ctx, const char *name);
/* Parses a copy of the bytes as file "case". */
weft_status weights_parse(weft_ctx *ctx, const void *data, size_t size, weft_format format, weft_weights **out);

/* True if b has the tensors of a, whatever their order: name, type, shape and every bit. */
bool weights_same(const weft_weights *a, const weft_weights *b);
/* The same of metadata. */
bool weights_same_meta(const weft_weights *a, const weft_weights *b);

/* An allocator that remembers how many bytes were live at most. */
typedef struct weights_peak {
    size_t live, peak;
} weights_peak;
weft_allocator weights_peak_allocator(weights_peak *peak);

/* Calls visit(name, arg) for each fixture; returns how many there are. */
int weights_each(void (*visit)(const char *name, void *arg), void *arg);

/* ---- archives ---- */

typedef struct archive_entry {
    const char *name;
    const void *bytes;
    size_t size;
    bool deflate;
} archive_entry;

/* A zip archive of count entries, NULL if it does not fit; the caller frees it. */
uint8_t *archive_make(const archive_entry *entries, int count, size_t *size);

#endif
