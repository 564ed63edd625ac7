/* SPDX-License-Identifier: Apache-2.0
 *
 * MNIST's format IDX (LeCun, "The MNIST database", yann.lecun.com/exdb/mnist): a magic of two zeros, the type and the
 * rank, big-endian sizes, then the elements. A file "<part>-images-idx3-ubyte" goes with "<part>-labels-idx1-ubyte";
 * the '-' before idx may be a '.', either may end in .gz. */
#include "data/trainset.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/error.h"

enum { UBYTE = 8, SIDE = 65535, CLASSES = 256, NAME = 256 };

static const char *const fashion[] = { "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                       "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot" };

static uint32_t big_endian(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The sizes of an array of bytes; *header is where they begin. */
static weft_status read_header(const char *path, const uint8_t *data, size_t size, int rank, uint32_t dim[4],
                               size_t *header)
{
    uint64_t elements = 1;
    *header = 4 + 4 * (size_t)rank;
    if (size < *header)
        return weft_fail(WEFT_BAD_DATA, "%s: byte %zu: the file ends in its header; %zu bytes were expected", path,
                         size, *header);
    if (data[0] || data[1] || data[2] != UBYTE || data[3] != rank)
        return weft_fail(WEFT_BAD_DATA, "%s: byte 0: begins with %02x %02x %02x %02x; 00 00 08 %02x, an IDX file of "
                         "bytes in %d dimensions, was expected", path, data[0], data[1], data[2], data[3], rank, rank);
    for (int i = 0; i < rank; i++) {
        dim[i] = big_endian(data + 4 + 4 * i);
        if (dim[i] == 0 || (i > 0 && dim[i] > SIDE) || __builtin_mul_overflow(elements, dim[i], &elements))
            return weft_fail(WEFT_BAD_DATA, "%s: byte %d: size %" PRIu32 " of dimension %d; 1 to %d was expected", path,
                             4 + 4 * i, dim[i], i, SIDE);
    }
    if (elements != size - *header)
        return weft_fail(WEFT_BAD_DATA, "%s: %zu bytes follow the header, which says %" PRIu64, path, size - *header,
                         elements);
    return WEFT_OK;
}

static bool expected(const uint8_t *head, size_t size, size_t *whole)
{
    size_t bytes = 1;
    if (size < 4 || head[0] || head[1] || head[2] != UBYTE || head[3] < 1 || head[3] > 4)
        return false;
    if (size < 4 + 4 * (size_t)head[3])
        return false;
    for (int i = 0; i < head[3]; i++) {
        if (!weft_mul_size(bytes, big_endian(head + 4 + 4 * i), &bytes))
            return false;
    }
    return weft_add_size(bytes, 4 + 4 * (size_t)head[3], whole);
}

static const char *base_name(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static weft_status add_labelled(weft_trainset *set, weft_part part, const char *labels, const uint8_t *data,
                                size_t size, int32_t source, int *classes)
{
    uint32_t dim[4] = { 0 };
    size_t header;
    WEFT_TRY(read_header(labels, data, size, 1, dim, &header));
    if (dim[0] != set->sources[source].count)
        return weft_fail(WEFT_BAD_DATA, "%s: %" PRIu32 " labels for %" PRId64 " images of %s", labels, dim[0],
                         set->sources[source].count, set->sources[source].name);
    for (uint32_t i = 0; i < dim[0]; i++) {
        const int label = data[header + i];
        *classes = label >= *classes ? label + 1 : *classes;
        WEFT_TRY(weft_trainset_add(set, part, label, source, i));
    }
    return WEFT_OK;
}

static weft_status add_images(weft_trainset *set, const char *path, int32_t *source)
{
    uint32_t dim[4];
    size_t size, header;
    uint8_t *data;
    WEFT_TRY(weft_read_whole(set->allocator, path, "an IDX file", expected, &data, &size));
    const int rank = size > 3 && data[3] == 4 ? 4 : 3;
    weft_status status = read_header(path, data, size, rank, dim, &header);
    if (status == WEFT_OK && rank == 4 && dim[3] != 1 && dim[3] != 3)
        status = weft_fail(WEFT_BAD_DATA, "%s: byte 16: %" PRIu32 " channels; 1 or 3 were expected", path, dim[3]);
    const char *const name = status == WEFT_OK ? weft_arena_text(&set->arena, "%s", base_name(path)) : NULL;
    if (status == WEFT_OK && !name)
        status = weft_fail_in(WEFT_NO_MEMORY, "%s", path);
    if (status != WEFT_OK) {
        weft_free(set->allocator, data);
        return status;
    }
    memmove(data, data + header, size - header);
    return weft_trainset_add_source(set, &(weft_set_source){ .name = name, .pixels = data, .count = dim[0],
                                                             .height = (int)dim[1], .width = (int)dim[2],
                                                             .channels = rank == 4 ? (int)dim[3] : 1 }, source);
}

/* The labels' file of an images' file: with "labels" for "images" and rank 1; packed or not. */
static weft_status labels_of(weft_trainset *set, const char *folder, const char *images, const char **out)
{
    const char *const word = strstr(images, "images"), *const idx = strstr(images, "idx");
    char name[NAME + 16];
    snprintf(name, sizeof name, "%.*slabels%.*sidx1-ubyte", (int)(word - images), images, (int)(idx - word - 6),
             word + 6);
    for (int packed = 0; packed < 2; packed++) {
        const char *const path = weft_arena_text(&set->arena, "%s/%s%s", folder, name, packed ? ".gz" : "");
        if (!path)
            return weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
        if (access(path, F_OK) == 0) { /* not opened: what is no regular file would be waited for */
            *out = path;
            return WEFT_OK;
        }
    }
    return weft_fail(WEFT_NOT_FOUND, "%s/%s: is not there, nor with .gz: the labels of %s were expected in it", folder,
                     name, images);
}

static weft_part part_of(const char *name)
{
    if (strstr(name, "t10k") || strstr(name, "test"))
        return WEFT_PART_TEST;
    return strstr(name, "val") ? WEFT_PART_VAL : WEFT_PART_TRAIN;
}

static weft_status add_file(weft_trainset *set, const char *folder, const char *name, int *classes)
{
    const char *labels = NULL;
    const char *const path = weft_arena_text(&set->arena, "%s/%s", folder, name);
    int32_t source = 0;
    uint8_t *data;
    size_t size;
    if (!path)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
    if (set->parts[part_of(name)].count)
        return weft_fail(WEFT_BAD_DATA, "%s: is a second file of images for part '%s'; one was expected", path,
                         weft_part_name(part_of(name)));
    WEFT_TRY(labels_of(set, folder, name, &labels));
    WEFT_TRY(weft_trainset_add_file(set, path));
    WEFT_TRY(weft_trainset_add_file(set, labels));
    WEFT_TRY(add_images(set, path, &source));
    WEFT_TRY(weft_read_whole(set->allocator, labels, "an IDX file", expected, &data, &size));
    const weft_status status = add_labelled(set, part_of(name), labels, data, size, source, classes);
    weft_free(set->allocator, data);
    return status;
}

static bool names_images(const char *name)
{
    const char *const word = strstr(name, "images"), *const idx = word ? strstr(word, "idx") : NULL;
    const char *const end = idx && (idx[3] == '3' || idx[3] == '4') ? idx + 4 : "?";
    return strlen(name) < NAME && name[0] != '.' && (!strcmp(end, "-ubyte") || !strcmp(end, "-ubyte.gz"));
}

/* Whether two names are those of one file, packed and not. */
static bool same(const char *a, const char *b)
{
    const size_t shorter = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
    return strncmp(a, b, shorter) == 0 && (!a[shorter] || !strcmp(a + shorter, ".gz")) &&
           (!b[shorter] || !strcmp(b + shorter, ".gz"));
}

/* Notes one file of images; of one that is there packed and unpacked, the latter. */
static weft_status note(weft_trainset *set, const char *folder, const char *name, const char *names[WEFT_PART_COUNT],
                        int *count)
{
    int at = 0;
    while (at < *count && !same(names[at], name))
        at++;
    if (at < *count && strlen(names[at]) < strlen(name))
        return WEFT_OK;
    if (at == WEFT_PART_COUNT)
        return weft_fail(WEFT_BAD_DATA, "%s: holds more than %d files of images; those of one set, train, val and "
                         "test, were expected", folder, WEFT_PART_COUNT);
    names[at] = weft_arena_text(&set->arena, "%s", name);
    if (!names[at])
        return weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
    *count += at == *count;
    return WEFT_OK;
}

static weft_status list(weft_trainset *set, const char *folder, const char *names[WEFT_PART_COUNT], int *count)
{
    DIR *const dir = opendir(folder);
    weft_status status = WEFT_OK;
    if (!dir)
        return weft_fail(errno == ENOENT || errno == ENOTDIR ? WEFT_NOT_FOUND : WEFT_IO, "%s: cannot be listed: %s",
                         folder, strerror(errno));
    for (const struct dirent *entry; status == WEFT_OK && (entry = readdir(dir));) {
        if (names_images(entry->d_name))
            status = note(set, folder, entry->d_name, names, count);
    }
    closedir(dir);
    return status;
}

static weft_status name_classes(weft_trainset *set, const char *folder, int classes)
{
    const char *names[CLASSES];
    const bool clothes = classes == WEFT_COUNT(fashion) && strcasestr(folder, "fashion");
    for (int i = 0; i < classes; i++) {
        names[i] = clothes ? fashion[i] : weft_arena_text(&set->arena, "%d", i);
        if (!names[i])
            return weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
    }
    return weft_trainset_set_classes(set, names, classes);
}

weft_status weft_trainset_read_idx(weft_trainset *set, const char *folder, bool *found)
{
    const char *names[WEFT_PART_COUNT];
    int count = 0, classes = 0;
    WEFT_TRY(list(set, folder, names, &count));
    *found = count > 0;
    for (int i = 0; i < count; i++)
        WEFT_TRY(add_file(set, folder, names[i], &classes));
    if (!count)
        return WEFT_OK;
    set->kind = "IDX";
    return name_classes(set, folder, classes);
}
