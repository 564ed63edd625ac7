/* SPDX-License-Identifier: Apache-2.0
 *
 * Draws small data sets for the tests of weft train: make_set idx DIR IMAGES (MNIST's files, 28 x 28 grey, four classes
 * of stripes), make_set photos DIR IMAGES (three folders of colour images, PPM, 24 x 20). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SIDE = 28, CLASSES = 4, WIDE = 24, HIGH = 20, FOLDERS = 3 };

static uint32_t state = 1;

static unsigned noise(unsigned below)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 16) % below;
}

static FILE *create(const char *folder, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file) {
        perror(path);
        exit(1);
    }
    return file;
}

static void put_word(FILE *file, uint32_t word)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        fputc((int)(word >> shift & 255), file);
}

/* Stripes across, down, both, none. */
static int pixel(int label, int x, int y)
{
    const int across = label % 2 && y / 3 % 2, down = label / 2 && x / 3 % 2;
    return 40 + 70 * (across + down) + (int)noise(60);
}

static void write_idx(const char *folder, const char *part, int count)
{
    char name[64];
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", part);
    FILE *images = create(folder, name);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", part);
    FILE *labels = create(folder, name);
    put_word(images, 0x803);
    put_word(images, (uint32_t)count);
    put_word(images, SIDE);
    put_word(images, SIDE);
    put_word(labels, 0x801);
    put_word(labels, (uint32_t)count);
    for (int i = 0; i < count; i++) {
        fputc(i % CLASSES, labels);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                fputc(pixel(i % CLASSES, x, y), images);
    }
    if (fclose(images) || fclose(labels))
        exit(1);
}

static void write_photo(const char *folder, int label, int index)
{
    static const char *const names[FOLDERS] = { "red", "green", "blue & \xc3\xa9t\xc3\xa9" };
    char path[400], name[32];
    snprintf(path, sizeof path, "%.300s/%s", folder, names[label]);
    mkdir(path, 0777);
    snprintf(name, sizeof name, "%03d.ppm", index);
    FILE *file = create(path, name);
    fprintf(file, "P6\n%d %d\n255\n", WIDE, HIGH);
    for (int i = 0; i < WIDE * HIGH * 3; i++)
        fputc((int)noise(120) + (i % 3 == label ? 120 : 0), file);
    if (fclose(file))
        exit(1);
}

int main(int argc, char **argv)
{
    const int count = argc == 4 ? atoi(argv[3]) : 0;
    if (count < 1)
        return 2;
    mkdir(argv[2], 0777);
    if (strcmp(argv[1], "idx") == 0) {
        write_idx(argv[2], "train", count);
        write_idx(argv[2], "t10k", count / 2 + 1);
        return 0;
    }
    for (int i = 0; i < count; i++)
        write_photo(argv[2], i % FOLDERS, i);
    return 0;
}
