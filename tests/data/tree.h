/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder of a test's own, with images and texts in it. */
#ifndef WEFT_TESTS_DATA_TREE_H
#define WEFT_TESTS_DATA_TREE_H

#include "base/compiler.h"

enum { TREE_TEXT = 1024 };

/* Makes the folder, and removes it with all that is in it: a checked fixture. */
void tree_setup(void);
void tree_teardown(void);
/* Writes a file of that name, making its folders: an image of the fixtures, or a text. */
void tree_put(const char *fixture, const char *text, const char *format, ...) WEFT_PRINTF(3, 4);
/* Makes a symbolic link of that name. */
void tree_link(const char *to, const char *name);
/* The path of a name in the folder; valid for the next fifteen calls, of which each of the above is one. */
char *tree_path(const char *name);

#endif
