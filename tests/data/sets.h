/* SPDX-License-Identifier: Apache-2.0
 *
 * Small sets to train on, written into the test's folder. */
#ifndef WEFT_TESTS_DATA_SETS_H
#define WEFT_TESTS_DATA_SETS_H

#include <stddef.h>
#include <stdint.h>

/* Byte i of an image number n of the sets below. */
uint8_t sets_pixel(int n, int i);
/* Writes `count` images of side x side, labels n % classes, as IDX files of the folder: <part>-images-idx3-ubyte and
 * its labels, packed if so asked. */
void sets_put_idx(const char *folder, const char *part, int count, int side, int classes, int packed);
/* Writes bytes to a file of the test's folder. */
void sets_put_bytes(const char *name, const void *data, size_t size);

#endif
