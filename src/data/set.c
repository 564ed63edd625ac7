/* SPDX-License-Identifier: Apache-2.0
 *
 * What layouts fill a data set with: images, classes, and what was left out. Files are listed in order of their names'
 * bytes, so that the same tree gives the same order everywhere. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "data/dataset.h"

enum { KINDS = 64 };

weft_status weft_dataset_grow(const weft_allocator *allocator, void **array, int64_t count, int64_t *capacity,
                              size_t size)
{
    if (count < *capacity)
        return WEFT_OK;
    const int64_t wanted = *capacity ? 2 * *capacity : 64;
    void *larger = weft_calloc(allocator, (size_t)wanted, size);
    if (!larger)
        return weft_fail_in(WEFT_NO_MEMORY, "data set");
    if (count)
        memcpy(larger, *array, (size_t)count * size);
    weft_free(allocator, *array);
    *array = larger;
    *capacity = wanted;
    return WEFT_OK;
}

weft_status weft_dataset_add(weft_dataset *set, const char *path, int label)
{
    void *images = set->images;
    const weft_status status = weft_dataset_grow(set->allocator, &images, set->count, &set->capacity,
                                                 sizeof *set->images);
    set->images = images;
    if (status != WEFT_OK)
        return status;
    set->images[set->count++] = (weft_sample){ .path = path, .label = label };
    set->classes[label].images++;
    return WEFT_OK;
}

weft_status weft_dataset_add_class(weft_dataset *set, const char *name, int64_t line)
{
    void *classes = set->classes;
    const weft_status status = weft_dataset_grow(set->allocator, &classes, set->class_count, &set->class_capacity,
                                                 sizeof *set->classes);
    set->classes = classes;
    if (status != WEFT_OK)
        return status;
    set->classes[set->class_count++] = (weft_set_class){ .name = name, .line = line };
    return WEFT_OK;
}

weft_status weft_dataset_leave(weft_dataset *set, const char *kind, const char *folder, const char *name)
{
    if (set->left_count == KINDS - 1)
        kind = "other kinds";
    for (int64_t i = 0; i < set->left_count; i++) {
        if (strcmp(set->left[i].kind, kind) == 0) {
            set->left[i].count++;
            return WEFT_OK;
        }
    }
    void *left = set->left;
    const weft_status status = weft_dataset_grow(set->allocator, &left, set->left_count, &set->left_capacity,
                                                 sizeof *set->left);
    set->left = left;
    if (status != WEFT_OK)
        return status;
    weft_left_out *at = &set->left[set->left_count];
    *at = (weft_left_out){ .kind = weft_arena_text(&set->arena, "%s", kind),
                           .first = weft_arena_text(&set->arena, "%s/%s", folder, name), .count = 1 };
    if (!at->kind || !at->first)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
    set->left_count++;
    return WEFT_OK;
}

/* ---- names that are numbers ---- */

static const char digits[] = "0123456789";

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool weft_are_numbers(const char *const *names, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (!*names[i] || names[i][strspn(names[i], digits)])
            return false;
    }
    return count > 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool weft_are_numbered(const char *const *names, int64_t count)
{
    size_t same = count ? strlen(names[0]) : 0; /* bytes that all begin with */
    for (int64_t i = 1; i < count; i++) {
        size_t n = 0;
        while (n < same && names[i][n] == names[0][n])
            n++;
        same = n;
    }
    while (same > 0 && is_digit(names[0][same - 1])) /* 10, 11, 12 */
        same--;
    for (int64_t i = 0; i < count; i++) {
        if (!is_digit(names[i][same]))
            return false;
    }
    return count > 0;
}

/* A run of digits counts as a number: without the zeros in front the longer is the larger, of the same length the
 * later. All else goes by bytes. */
static int by_value(const void *a, const void *b)
{
    const char *const one = *(const char *const *)a, *const other = *(const char *const *)b;
    const char *x = one, *y = other;
    while (*x || *y) {
        if (!is_digit(*x) || !is_digit(*y)) {
            if (*x != *y)
                return (unsigned char)*x < (unsigned char)*y ? -1 : 1;
            x++, y++;
            continue;
        }
        x += strspn(x, "0"), y += strspn(y, "0");
        const size_t p = strspn(x, digits), q = strspn(y, digits);
        const int order = p != q ? (p < q ? -1 : 1) : memcmp(x, y, p);
        if (order)
            return order;
        x += p, y += q;
    }
    return strcmp(one, other);
}

void weft_sort_names(const char **names, int64_t count, bool by_number)
{
    if (count)
        qsort(names, (size_t)count, sizeof *names, by_number ? by_value : by_bytes);
}

weft_status weft_dataset_order(weft_dataset *set, const char **names, int64_t count)
{
    const bool numbers = weft_are_numbered(names, count);
    if (!numbers && set->order == WEFT_CLASS_ORDER_NUMBER)
        return weft_fail(WEFT_BAD_DATA, "%s: an order by number was asked for, but not all of its folders are numbers, "
                         "or numbers behind the same letters", set->folder);
    for (int64_t i = 1; numbers && set->order == WEFT_CLASS_ORDER_AUTO && i < count; i++)
        set->unsure = set->unsure || by_value(&names[i - 1], &names[i]) > 0;
    if (set->order == WEFT_CLASS_ORDER_NUMBER)
        weft_sort_names(names, count, true);
    return WEFT_OK;
}

int weft_dataset_find_class(const weft_dataset *set, const char *name, bool by_number)
{
    int64_t low = 0, high = set->class_count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const int order = (by_number ? by_value : by_bytes)(&set->classes[middle].name, &name);
        if (order == 0)
            return (int)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}
