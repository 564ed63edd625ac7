/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading golden.txt, recipes.txt and the fixtures. */
#include "data/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/harness.h"

static int each_of(const char *path, const char *verb, void (*row)(const char *rest, void *arg), void *arg)
{
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    const size_t length = strlen(verb);
    char line[GOLDEN_TEXT];
    int count = 0;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, verb, length) != 0 || line[length] != ' ')
            continue;
        row(line + length + 1, arg);
        count++;
    }
    fclose(file);
    return count;
}

int golden_each(const char *verb, void (*row)(const char *rest, void *arg), void *arg)
{
    return each_of(WEFT_TEST_DATA "/golden.txt", verb, row, arg) +
           each_of(WEFT_TEST_DATA "/recipes.txt", verb, row, arg);
}

void golden_path(const char *name, char path[GOLDEN_TEXT])
{
    snprintf(path, GOLDEN_TEXT, "%s/fixtures/%s", WEFT_TEST_DATA, name);
}

uint8_t *golden_bytes(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*size ? *size : 1);
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

uint64_t golden_digest(const weft_image *image)
{
    uint64_t digest = 0xcbf29ce484222325u;
    for (size_t i = 0; i < (size_t)image->width * (size_t)image->height * 3; i++)
        digest = (digest ^ image->pixels[i]) * 0x100000001b3u;
    return digest;
}

weft_ctx golden_ctx(const weft_allocator *allocator)
{
    weft_ctx ctx;
    memset(&ctx, 0, sizeof ctx);
    ctx.allocator = *allocator;
    return ctx;
}
