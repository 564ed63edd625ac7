/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines of golden.txt and recipes.txt, and what tests of images share. */
#ifndef WEFT_TESTS_DATA_GOLDEN_H
#define WEFT_TESTS_DATA_GOLDEN_H

#include <weft/image.h>

#include "base/context.h"

enum { GOLDEN_TEXT = 512 };

/* Calls row(verb's arguments, arg) for each line of either file that begins with verb; returns how many there were. */
int golden_each(const char *verb, void (*row)(const char *rest, void *arg), void *arg);
/* "<folder>/fixtures/<name>" */
void golden_path(const char *name, char path[GOLDEN_TEXT]);
/* The whole file; the caller frees it. Fails the test if there is none. */
uint8_t *golden_bytes(const char *path, size_t *size);
/* 64-bit FNV-1a of the image's bytes. */
uint64_t golden_digest(const weft_image *image);
/* A context of nothing but this allocator, which is all that images use. */
weft_ctx golden_ctx(const weft_allocator *allocator);

#endif
