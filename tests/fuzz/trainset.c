/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets to train on, in MNIST's format: the first byte of an input says which of a folder's files the rest is, images or
 * labels, plain or compressed; the other one is good. What is opened has classes for all of its images, and these can
 * be had. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft/trainset.h>

#include "base/context.h"
#include "fuzz/fuzz.h"

enum { PATH = 64 };
static const size_t floor_bytes = 80 << 20, ratio = 1100; /* gzip: 64 MiB, and 1000 bytes for each of the file's */
static char folder[PATH];

static const char *const names[] = { "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "train-images-idx3-ubyte.gz",
                                     "train-labels-idx1-ubyte.gz" };
static const uint8_t images[] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8 };
static const uint8_t labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 1, 0 };

static void write_file(const char *name, const void *data, size_t size)
{
    char path[2 * PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    fuzz_check(file && fwrite(data, 1, size, file) == size && fclose(file) == 0, "a file can be written");
}

static void remove_files(void)
{
    for (int i = 0; i < 4; i++) {
        char path[2 * PATH];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
}

static void remove_all(void)
{
    remove_files();
    rmdir(folder);
}

static void look(weft_ctx *ctx, const weft_trainset *set)
{
    for (int part = 0; part < WEFT_PART_COUNT; part++) {
        for (int64_t i = 0; i < weft_trainset_count(set, (weft_part)part) && i < 4; i++) {
            weft_image image = { 0 };
            const int label = weft_trainset_label(set, (weft_part)part, i);
            fuzz_check(label >= 0 && label < weft_trainset_classes(set), "an image has a class");
            fuzz_check(weft_trainset_image(set, (weft_part)part, i, &image) == WEFT_OK, "an image can be had");
            weft_image_free(ctx, &image);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_memory memory = { .most = floor_bytes + ratio * size };
    weft_ctx ctx = { .allocator = fuzz_allocator(&memory) };
    weft_trainset *set = NULL;
    if (!size)
        return 0;
    if (!*folder) {
        snprintf(folder, sizeof folder, "/tmp/weft-fuzz-XXXXXX");
        fuzz_check(mkdtemp(folder) != NULL, "a folder can be made");
        atexit(remove_all);
    }
    remove_files();
    const int which = data[0] % 4;
    write_file(names[which], data + 1, size - 1);
    write_file(which % 2 ? names[0] : names[1], which % 2 ? images : labels, which % 2 ? sizeof images : sizeof labels);
    const weft_status status = weft_trainset_open(&ctx, folder, NULL, &set);
    if (status == WEFT_OK) {
        look(&ctx, set);
    } else {
        fuzz_check(status == WEFT_BAD_DATA || status == WEFT_NOT_FOUND, "the status is of a file");
        fuzz_check(strstr(weft_error(), folder) != NULL, "the sentence names the file, or its folder");
    }
    weft_trainset_destroy(set);
    fuzz_check(memory.live == 0, "nothing stays allocated");
    return 0;
}
