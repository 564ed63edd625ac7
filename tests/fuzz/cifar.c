/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets to train on in CIFAR's format: the first byte of an input says which of a folder's files the rest is, the others
 * are good. What is opened has classes for all of its images, and these can be had. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft/trainset.h>

#include "base/compiler.h"
#include "base/context.h"
#include "fuzz/fuzz.h"

enum { PATH = 64, RECORD = 2 + 3 * 32 * 32 };
static const size_t floor_bytes = 4 << 20, ratio = 40;
static const char *const names[] = { "train.bin", "test.bin", "fine_label_names.txt" };
static char folder[PATH];

static const char *path_of(int which, char buf[2 * PATH])
{
    snprintf(buf, 2 * PATH, "%s/%s", folder, names[which]);
    return buf;
}

static void write_file(int which, const void *data, size_t size)
{
    char path[2 * PATH];
    FILE *file = fopen(path_of(which, path), "wb");
    fuzz_check(file && fwrite(data, 1, size, file) == size && fclose(file) == 0, "a file can be written");
}

static void remove_all(void)
{
    char path[2 * PATH];
    for (int i = 0; i < WEFT_COUNT(names); i++)
        unlink(path_of(i, path));
    rmdir(folder);
}

static void look(weft_ctx *ctx, const weft_trainset *set)
{
    fuzz_check(weft_trainset_classes(set) == 100, "there are as many classes as the format has");
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
    static const uint8_t good[RECORD] = { 3, 42 };
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
    const int which = data[0] % WEFT_COUNT(names);
    write_file(0, good, sizeof good);
    write_file(1, good, sizeof good);
    write_file(2, "apple\n", 6);
    write_file(which, data + 1, size - 1);
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
