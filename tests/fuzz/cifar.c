/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets to train on in CIFAR's format: the first byte of an input says which of a folder's files the rest is, the others
 * are good. */
#include "base/compiler.h"
#include "fuzz/fuzz.h"

enum { RECORD = 2 + 3 * 32 * 32, CLASSES = 100 };
static const size_t floor_bytes = 4 << 20, ratio = 40;
static const char *const names[] = { "train.bin", "test.bin", "fine_label_names.txt" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t good[RECORD] = { 3, 42 };
    if (!size)
        return 0;
    fuzz_write(names[0], good, sizeof good);
    fuzz_write(names[1], good, sizeof good);
    fuzz_write(names[2], "apple\n", 6);
    fuzz_write(names[data[0] % WEFT_COUNT(names)], data + 1, size - 1);
    fuzz_open_trainset(floor_bytes + ratio * size, CLASSES);
    return 0;
}
