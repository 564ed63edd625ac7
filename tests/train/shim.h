/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the library and the kernel, for a program that is linked with --wrap: system calls that concern files are
 * counted, and the n-th of them kills the process, or fails. A disk of so many bytes can be full. */
#ifndef WEFT_TESTS_TRAIN_SHIM_H
#define WEFT_TESTS_TRAIN_SHIM_H

#include <stdint.h>

typedef enum shim_mode { SHIM_COUNT, SHIM_KILL, SHIM_FAIL, SHIM_FAIL_ON } shim_mode;

/* From now on: call number `at` (from 1) kills before it is made, fails with `error`, or it and all later ones fail.
 * Removing never fails: a full disk does not prevent it. */
void shim_begin(shim_mode mode, int64_t at, int error);
/* Writing and reserving beyond so many bytes finds no room; < 0: there is always some. */
void shim_disk(int64_t bytes);
/* Back to normal; how many calls there were. */
int64_t shim_end(void);

#endif
