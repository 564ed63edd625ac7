/* SPDX-License-Identifier: Apache-2.0
 *
 * Small sets to train on. */
#include "data/sets.h"

#include <stdio.h>
#include <stdlib.h>

#include <zlib.h>

#include "check/harness.h"
#include "data/tree.h"

uint8_t sets_pixel(int n, int i)
{
    return (uint8_t)(n * 7 + i * 3 + (i >> 3));
}

void sets_put_bytes(const char *name, const void *data, size_t size)
{
    tree_put(NULL, "", "%s", name);
    FILE *const file = fopen(tree_path(name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    fclose(file);
}

static void put(const char *name, const uint8_t *data, size_t size, int packed)
{
    if (!packed) {
        sets_put_bytes(name, data, size);
        return;
    }
    tree_put(NULL, "", "%s", name);
    const gzFile file = gzopen(tree_path(name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(gzwrite(file, data, (unsigned)size), (int)size);
    gzclose(file);
}

static void big_endian(uint8_t *to, int x)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(x >> (24 - 8 * i));
}

void sets_put_idx(const char *folder, const char *part, int count, int side, int classes, int packed)
{
    const int pixels = side * side;
    const size_t size = 16 + (size_t)count * (size_t)pixels;
    uint8_t *const images = calloc(1, size), *const labels = calloc(1, 8 + (size_t)count);
    char name[256];
    images[2] = labels[2] = 8;
    images[3] = 3;
    labels[3] = 1;
    big_endian(images + 4, count);
    big_endian(images + 8, side);
    big_endian(images + 12, side);
    big_endian(labels + 4, count);
    for (int n = 0; n < count; n++) {
        labels[8 + n] = (uint8_t)(n % classes);
        for (int i = 0; i < pixels; i++)
            images[16 + (size_t)n * (size_t)pixels + (size_t)i] = sets_pixel(n, i);
    }
    snprintf(name, sizeof name, "%s/%s-images-idx3-ubyte%s", folder, part, packed ? ".gz" : "");
    put(name, images, size, packed);
    snprintf(name, sizeof name, "%s/%s-labels-idx1-ubyte%s", folder, part, packed ? ".gz" : "");
    put(name, labels, 8 + (size_t)count, packed);
    free(images);
    free(labels);
}
