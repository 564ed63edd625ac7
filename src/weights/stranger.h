/* SPDX-License-Identifier: Apache-2.0
 *
 * What people have lying about beside weight files, so that a sentence can name it and say what to do. */
#ifndef WEFT_WEIGHTS_STRANGER_H
#define WEFT_WEIGHTS_STRANGER_H

#include <stddef.h>
#include <stdint.h>

/* "a JPEG image", "an ONNX model; ...", by a file's first bytes; NULL: it is not known either. */
const char *weft_stranger(const uint8_t *head, size_t size);

#endif
