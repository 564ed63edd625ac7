/* SPDX-License-Identifier: Apache-2.0
 *
 * Fixtures, comparison, the peak of memory. */
#include "weights/common.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 64 };

weft_ctx weights_ctx(const weft_allocator *allocator)
{
    return (weft_ctx){ .allocator = *allocator };
}

void weights_path(const char *name, char path[WEIGHTS_PATH])
{
    ck_assert_int_lt(snprintf(path, WEIGHTS_PATH, "%s/fixtures/%s", WEFT_TEST_WEIGHTS, name), WEIGHTS_PATH);
}

uint8_t *weights_bytes(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s cannot be opened", path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*size + 1);
    ck_assert_uint_eq(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

weft_weights *weights_fixture(weft_ctx *ctx, const char *name)
{
    char path[WEIGHTS_PATH];
    weft_weights *weights = NULL;
    weights_path(name, path);
    const weft_status status = weft_weights_read(ctx, path, WEFT_FORMAT_AUTO, &weights);
    ck_assert_msg(status == WEFT_OK, "%s", weft_error());
    return weights;
}

weft_status weights_parse(weft_ctx *ctx, const void *data, size_t size, weft_format format, weft_weights **out)
{
    weft_file file = { .path = "case", .data = weft_alloc(&ctx->allocator, size), .size = size };
    if (!file.data)
        return WEFT_NO_MEMORY;
    memcpy(file.data, data, size);
    return weft_weights_parse(ctx, &file, &(weft_read_opt){ .format = format }, out);
}

bool weights_same(const weft_weights *a, const weft_weights *b)
{
    if (weft_weights_count(a) != weft_weights_count(b))
        return false;
    for (int64_t i = 0; i < weft_weights_count(a); i++) {
        weft_weight x, y;
        ck_assert_int_eq(weft_weights_get(a, i, &x), WEFT_OK);
        if (weft_weights_find(b, x.name, &y) != WEFT_OK || x.dtype != y.dtype ||
            !weft_shape_equal(&x.shape, &y.shape) || x.count != y.count)
            return false;
        if (x.count && memcmp(x.data, y.data, (size_t)x.count * weft_dtype_size(x.dtype)) != 0)
            return false;
    }
    return true;
}

bool weights_same_meta(const weft_weights *a, const weft_weights *b)
{
    if (weft_weights_meta_count(a) != weft_weights_meta_count(b))
        return false;
    for (int i = 0; i < weft_weights_meta_count(a); i++) {
        const char *key, *text;
        ck_assert_int_eq(weft_weights_meta(a, i, &key, &text), WEFT_OK);
        const char *other = weft_weights_meta_find(b, key);
        if (!other || strcmp(other, text) != 0)
            return false;
    }
    return true;
}

static void *peak_alloc(void *user, size_t size, size_t align)
{
    weights_peak *p = user;
    if (size > (size_t)1 << 32) /* what could not be had anyway */
        size = (size_t)1 << 32;
    p->live += size;
    if (p->live > p->peak)
        p->peak = p->live;
    unsigned char *block = aligned_alloc(align, (size + HEAD + align - 1) / align * align);
    if (!block)
        return NULL;
    memcpy(block, &size, sizeof size);
    return block + HEAD;
}

static void peak_free(void *user, void *ptr)
{
    weights_peak *p = user;
    size_t size;
    if (!ptr)
        return;
    unsigned char *block = (unsigned char *)ptr - HEAD;
    memcpy(&size, block, sizeof size);
    p->live -= size;
    free(block);
}

weft_allocator weights_peak_allocator(weights_peak *peak)
{
    return (weft_allocator){ peak_alloc, peak_free, peak };
}

int weights_each(void (*visit)(const char *name, void *arg), void *arg)
{
    int count = 0;
    DIR *folder = opendir(WEFT_TEST_WEIGHTS "/fixtures");
    ck_assert_ptr_nonnull(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        const char *end = strrchr(entry->d_name, '.');
        static const char *const known[] = { ".safetensors", ".npz", ".pth", ".npy" };
        for (int i = 0; i < WEFT_COUNT(known); i++) {
            if (entry->d_name[0] != '.' && end && strcmp(end, known[i]) == 0) {
                visit(entry->d_name, arg);
                count++;
            }
        }
    }
    closedir(folder);
    return count;
}
