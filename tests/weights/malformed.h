/* SPDX-License-Identifier: Apache-2.0
 *
 * Files made wrong by hand: each row is one, with a piece of the sentence that must refuse it. */
#ifndef WEFT_TESTS_WEIGHTS_MALFORMED_H
#define WEFT_TESTS_WEIGHTS_MALFORMED_H

#include "weights/common.h"

/* The bytes are refused with `status`, "case: byte N" and `part`, before `most` bytes of memory were taken (0: the
 * size of the file and 1 MiB) and in less than two seconds of the CPU; nothing stays allocated. `what` is for the
 * report. */
void malformed_refused(const char *what, const void *data, size_t size, weft_format format, weft_status status,
                       const char *part, size_t most);

#endif
