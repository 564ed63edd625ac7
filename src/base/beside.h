/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that lie beside the library: plug-ins. */
#ifndef WEFT_BASE_BESIDE_H
#define WEFT_BASE_BESIDE_H

#include <stdbool.h>

enum { WEFT_BESIDE_PATH = 1200 };

/* The path of a file that lies where the library (or the program that it is linked into) was loaded from, in weft/
 * there, or in the lib/ beside that; false: it is in none of these. */
bool weft_beside(const char *file, char path[WEFT_BESIDE_PATH]);

#endif
