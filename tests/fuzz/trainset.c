/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets to train on, in MNIST's format: the first byte of an input says which of a folder's files the rest is, images or
 * labels, plain or compressed; the other one is good. */
#include <unistd.h>

#include "base/compiler.h"
#include "fuzz/fuzz.h"

static const size_t floor_bytes = 80 << 20, ratio = 1100; /* gzip: 64 MiB, and 1000 bytes for each of the file's */
static const char *const names[] = { "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "train-images-idx3-ubyte.gz",
                                     "train-labels-idx1-ubyte.gz" };
static const uint8_t images[] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8 };
static const uint8_t labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 1, 0 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    if (!size)
        return 0;
    for (int i = 0; i < WEFT_COUNT(names); i++) /* of the input before */
        unlink(fuzz_path(names[i], path));
    const int which = data[0] % WEFT_COUNT(names);
    fuzz_write(names[which], data + 1, size - 1);
    if (which % 2)
        fuzz_write(names[0], images, sizeof images);
    else
        fuzz_write(names[1], labels, sizeof labels);
    fuzz_open_trainset(floor_bytes + ratio * size, 0);
    return 0;
}
