/* SPDX-License-Identifier: Apache-2.0
 *
 * What libFuzzer calls, and what fuzz targets share. */
#ifndef WEFT_TESTS_FUZZ_FUZZ_H
#define WEFT_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <weft/context.h>
#include <weft/status.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);
/* libFuzzer's own */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);

/* Counts what is live. What would pass `most` bytes is refused, or, where no input of the size given may need so much,
 * ends the process. */
typedef struct fuzz_memory {
    size_t live, most;
    int refuse;
} fuzz_memory;
weft_allocator fuzz_allocator(fuzz_memory *memory);

/* The files of a target stand in a folder of this process, in $TMPDIR or else /tmp, which goes when the process ends.
 * One in memory makes a target that writes files several times as fast. fuzz_path gives buf. */
enum { FUZZ_PATH = 512 };
const char *fuzz_folder(void);
const char *fuzz_path(const char *name, char buf[FUZZ_PATH]);
void fuzz_write(const char *name, const void *data, size_t size);

/* Opens that folder as a set to train on, within `most` bytes: what is opened has a class for each of its images, of
 * `classes` or, if that is 0, of its own number, and they can be had; what is not is refused by a sentence that names a
 * file, or the folder. */
void fuzz_open_trainset(size_t most, int classes);

/* Ends the process, which is how a fuzzer is told, unless condition holds. */
void fuzz_check(int condition, const char *what);

#endif
