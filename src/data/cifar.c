/* SPDX-License-Identifier: Apache-2.0
 *
 * CIFAR's binary version (Krizhevsky, www.cs.toronto.edu/~kriz/cifar.html): records of a label (two in CIFAR-100, of
 * which the second, the fine one, counts) and 32 x 32 pixels, plane by plane, red first. */
#include "data/trainset.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

enum { SIDE = 32, PIXELS = SIDE * SIDE, NAMES = 100, NAME = 64 };

typedef struct variant {
    const char *mark; /* a file that such a folder has */
    int labels, classes;
    const char *names; /* the file of the classes' names */
    struct {
        const char *name;
        weft_part part;
    } files[7];
} variant;

static const variant variants[] = {
    { "data_batch_1.bin", 1, 10, "batches.meta.txt",
      { { "data_batch_1.bin", WEFT_PART_TRAIN }, { "data_batch_2.bin", WEFT_PART_TRAIN },
        { "data_batch_3.bin", WEFT_PART_TRAIN }, { "data_batch_4.bin", WEFT_PART_TRAIN },
        { "data_batch_5.bin", WEFT_PART_TRAIN }, { "test_batch.bin", WEFT_PART_TEST } } },
    { "train.bin", 2, 100, "fine_label_names.txt",
      { { "train.bin", WEFT_PART_TRAIN }, { "test.bin", WEFT_PART_TEST } } },
};

/* Planes to interleaved pixels, in place of the record: the result is never ahead of what is read. */
static void interleave(const uint8_t *planes, uint8_t *out)
{
    uint8_t copy[3 * PIXELS];
    memcpy(copy, planes, sizeof copy);
    for (int i = 0; i < PIXELS; i++) {
        for (int c = 0; c < 3; c++)
            out[3 * i + c] = copy[c * PIXELS + i];
    }
}

static weft_status add_records(weft_trainset *set, const variant *v, weft_part part, const char *path, uint8_t *data,
                               int64_t count, int32_t source)
{
    const size_t record = (size_t)v->labels + 3 * PIXELS;
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *const at = data + (size_t)i * record;
        const int label = at[v->labels - 1];
        if (label >= v->classes)
            return weft_fail(WEFT_BAD_DATA, "%s: byte %zu: label %d; 0 to %d was expected", path,
                             (size_t)i * record + (size_t)v->labels - 1, label, v->classes - 1);
        WEFT_TRY(weft_trainset_add(set, part, label, source, i));
        interleave(at + v->labels, data + (size_t)i * 3 * PIXELS);
    }
    return WEFT_OK;
}

static weft_status add_file(weft_trainset *set, const variant *v, const char *folder, int index)
{
    const char *const name = v->files[index].name, *const path = weft_arena_text(&set->arena, "%s/%s", folder, name);
    const size_t record = (size_t)v->labels + 3 * PIXELS;
    uint8_t *data;
    size_t size;
    int32_t source;
    if (!path)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
    WEFT_TRY(weft_trainset_add_file(set, path));
    WEFT_TRY(weft_read_whole(set->allocator, path, "a CIFAR file", NULL, &data, &size));
    if (size == 0 || size % record) {
        weft_free(set->allocator, data);
        return weft_fail(WEFT_BAD_DATA, "%s: %zu bytes; a multiple of %zu, records of CIFAR-%d, was expected", path,
                         size, record, v->classes);
    }
    const int64_t count = (int64_t)(size / record);
    WEFT_TRY(weft_trainset_add_source(set, &(weft_set_source){ .name = name, .pixels = data, .count = count,
                                                               .height = SIDE, .width = SIDE, .channels = 3 },
                                      &source));
    return add_records(set, v, v->files[index].part, path, data, count, source);
}

/* A line for each class; the set's own numbers where there is no such file. */
static weft_status name_classes(weft_trainset *set, const variant *v, const char *folder)
{
    const char *names[NAMES];
    const char *const path = weft_arena_text(&set->arena, "%s/%s", folder, v->names);
    char *text = NULL;
    if (path && access(path, R_OK) == 0) {
        uint8_t *data;
        size_t size;
        WEFT_TRY(weft_read_whole(set->allocator, path, "a list of classes", NULL, &data, &size));
        text = weft_arena_text(&set->arena, "%.*s", (int)(size < NAMES * NAME ? size : NAMES * NAME), (char *)data);
        weft_free(set->allocator, data);
    }
    for (int i = 0; i < v->classes; i++) {
        text += text ? strspn(text, "\r\n ") : 0;
        const size_t length = text ? strcspn(text, "\r\n") : 0;
        names[i] = length ? weft_arena_text(&set->arena, "%.*s", (int)length, text)
                          : weft_arena_text(&set->arena, "%d", i);
        if (!names[i])
            return weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
        text += length;
    }
    return weft_trainset_set_classes(set, names, v->classes);
}

weft_status weft_trainset_read_cifar(weft_trainset *set, const char *folder, bool *found)
{
    for (int i = 0; i < WEFT_COUNT(variants); i++) {
        const variant *const v = &variants[i];
        const char *const mark = weft_arena_text(&set->arena, "%s/%s", folder, v->mark);
        if (!mark)
            return weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
        if (access(mark, F_OK) != 0)
            continue;
        for (int f = 0; v->files[f].name; f++)
            WEFT_TRY(add_file(set, v, folder, f));
        *found = true;
        set->kind = "CIFAR";
        return name_classes(set, v, folder);
    }
    *found = false;
    return WEFT_OK;
}
