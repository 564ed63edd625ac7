/* SPDX-License-Identifier: Apache-2.0
 *
 * A mutator that keeps the header's length right, so that what is mutated is the header and not its frame. One in four
 * mutants is left as libFuzzer made it. */
#include <string.h>

#include "fuzz/fuzz.h"
#include "weights/file.h"

enum { PREFIX = 8, RAW = 4 };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
    if (seed % RAW == 0 || size < PREFIX + 2 || weft_le64(data) > size - PREFIX)
        return LLVMFuzzerMutate(data, size, room);
    /* The data behind the header move with its end. */
    const size_t length = (size_t)weft_le64(data), rest = size - PREFIX - length;
    uint8_t tail[4096];
    if (rest > sizeof tail || room < PREFIX + rest + 2)
        return LLVMFuzzerMutate(data, size, room);
    memcpy(tail, data + PREFIX + length, rest);
    const size_t changed = LLVMFuzzerMutate(data + PREFIX, length, room - PREFIX - rest);
    weft_put_le(data, changed, PREFIX);
    memcpy(data + PREFIX + changed, tail, rest);
    return PREFIX + changed + rest;
}
