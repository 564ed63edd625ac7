/* SPDX-License-Identifier: Apache-2.0
 *
 * The fixtures that make_keras_fixtures.py wrote, and what tests of HDF5 files share. */
#ifndef WEFT_TESTS_WEIGHTS_KERAS_FILES_H
#define WEFT_TESTS_WEIGHTS_KERAS_FILES_H

#include <weft/weights.h>

#include "base/context.h"

enum { KERAS_PATH = 512, SKIPPED = 77 /* ctest's SKIP_RETURN_CODE */ };

/* Points the library at this build's helper. False, with a word to stdout, if the build has none. */
bool keras_helper(void);
/* "<folder>/fixtures/keras/<name>" */
void keras_path(const char *name, char path[KERAS_PATH]);
/* The whole file; the caller frees it. Fails the test if there is none. */
uint8_t *keras_bytes(const char *name, size_t *size);
/* A context of nothing but this allocator, which is all that reading uses. */
weft_ctx keras_ctx(const weft_allocator *allocator);
/* Fails the test if the process has a child, running or dead. */
void keras_no_child(void);

#endif
