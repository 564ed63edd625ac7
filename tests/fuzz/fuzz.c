/* SPDX-License-Identifier: Apache-2.0
 *
 * The allocator, the files and the verdict of fuzz targets. */
#include "fuzz/fuzz.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft/trainset.h>

#include "base/context.h"

enum { HEAD = 64 }; /* before each block: its size, and alignment kept */

/* ---- memory ---- */

static void *counted_alloc(void *user, size_t size, size_t align)
{
    fuzz_memory *memory = user;
    if (memory->refuse && (size > memory->most || memory->live > memory->most - size))
        return NULL;
    memory->live += size;
    fuzz_check(memory->live <= memory->most, "more memory is asked for than the input can back");
    unsigned char *block = aligned_alloc(align, (size + HEAD + align - 1) / align * align);
    fuzz_check(block != NULL, "there is memory");
    memcpy(block, &size, sizeof size);
    return block + HEAD;
}

static void counted_free(void *user, void *ptr)
{
    fuzz_memory *memory = user;
    size_t size;
    if (!ptr)
        return;
    unsigned char *block = (unsigned char *)ptr - HEAD;
    memcpy(&size, block, sizeof size);
    memory->live -= size;
    free(block);
}

weft_allocator fuzz_allocator(fuzz_memory *memory)
{
    return (weft_allocator){ counted_alloc, counted_free, memory };
}

/* ---- files ---- */

static char folder[FUZZ_PATH];

static int take(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)facts, (void)kind, (void)place;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, take, 8, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_folder(void)
{
    if (*folder)
        return folder;
    const char *const parent = getenv("TMPDIR");
    const int length = snprintf(folder, sizeof folder, "%s/weft-fuzz-XXXXXX", parent && *parent ? parent : "/tmp");
    fuzz_check(length < (int)sizeof folder && mkdtemp(folder) != NULL, "a folder can be made");
    atexit(remove_folder);
    return folder;
}

const char *fuzz_path(const char *name, char buf[FUZZ_PATH])
{
    fuzz_check(snprintf(buf, FUZZ_PATH, "%s/%s", fuzz_folder(), name) < FUZZ_PATH, "a path has room");
    return buf;
}

void fuzz_write(const char *name, const void *data, size_t size)
{
    char path[FUZZ_PATH];
    FILE *const file = fopen(fuzz_path(name, path), "wb");
    fuzz_check(file && fwrite(data, 1, size, file) == size && fclose(file) == 0, "a file can be written");
}

/* ---- sets to train on ---- */

static void look_at(weft_ctx *ctx, const weft_trainset *set, int classes)
{
    fuzz_check(!classes || weft_trainset_classes(set) == classes, "there are as many classes as the format has");
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

void fuzz_open_trainset(size_t most, int classes)
{
    fuzz_memory memory = { .most = most };
    weft_ctx ctx = { .allocator = fuzz_allocator(&memory) };
    weft_trainset *set = NULL;
    const weft_status status = weft_trainset_open(&ctx, fuzz_folder(), NULL, &set);
    if (status == WEFT_OK) {
        look_at(&ctx, set, classes);
    } else {
        fuzz_check(status == WEFT_BAD_DATA || status == WEFT_NOT_FOUND, "the status is of a file");
        fuzz_check(strstr(weft_error(), folder) != NULL, "the sentence names the file, or its folder");
    }
    weft_trainset_destroy(set);
    fuzz_check(memory.live == 0, "nothing stays allocated");
}

/* ---- the verdict ---- */

void fuzz_check(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "fuzz_check: %s; the last sentence is \"%s\"\n", what, weft_error());
    abort();
}
