/* SPDX-License-Identifier: Apache-2.0
 *
 * What libFuzzer calls, and what fuzz targets share. */
#ifndef WEFT_TESTS_FUZZ_FUZZ_H
#define WEFT_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <weft/context.h>

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

/* Ends the process, which is how a fuzzer is told, unless condition holds. */
void fuzz_check(int condition, const char *what);

#endif
