/* SPDX-License-Identifier: Apache-2.0
 *
 * make_idx FOLDER: seeded patterns of ten classes as IDX files, 1280 to train on and 320 to test. */
#include <stdio.h>
#include <stdlib.h>

#include "nets.h"

enum { SIDE = 28, TRAIN = 1280, TEST = 320 };

static FILE *begin(const char *folder, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return fopen(path, "wb");
}

static void put_header(FILE *f, int dims, int count)
{
    const int numbers[] = { count, SIDE, SIDE };
    fputc(0, f);
    fputc(0, f);
    fputc(8, f);
    fputc(dims, f);
    for (int i = 0; i < dims; i++)
        for (int shift = 24; shift >= 0; shift -= 8)
            fputc(numbers[i] >> shift & 255, f);
}

static int put(const char *folder, const char *images_name, const char *labels_name, const float *images,
               const int32_t *labels, int count)
{
    FILE *f = begin(folder, images_name), *g = begin(folder, labels_name);
    if (!f || !g)
        return 1;
    put_header(f, 3, count);
    for (int i = 0; i < count * SIDE * SIDE; i++)
        fputc((int)(127.5f + 80 * images[i]), f);
    put_header(g, 1, count);
    for (int i = 0; i < count; i++)
        fputc(labels[i], g);
    return fclose(f) | fclose(g);
}

int main(int argc, char **argv)
{
    static float images[(TRAIN + TEST) * SIDE * SIDE];
    static int32_t labels[TRAIN + TEST];
    if (argc < 2)
        return 2;
    toy_data(TRAIN + TEST, SIDE, 10, images, labels);
    return put(argv[1], "train-images-idx3-ubyte", "train-labels-idx1-ubyte", images, labels, TRAIN) |
           put(argv[1], "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", images + TRAIN * SIDE * SIDE,
               labels + TRAIN, TEST);
}
