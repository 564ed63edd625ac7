/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is always there: what cannot be had is a verdict. */
#include "helper.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *take(uint64_t count, size_t size)
{
    if (size > 0 && count > SIZE_MAX / size)
        refuse(MEMORY, "%llu elements of %zu bytes do not fit into memory", (unsigned long long)count, size);
    void *memory = calloc(count > 0 ? (size_t)count : 1, size > 0 ? size : 1);
    if (!memory)
        refuse(MEMORY, "%llu bytes more are needed than such a file may take",
               (unsigned long long)count * size);
    return memory;
}

void *grow(void *items, uint64_t count, size_t size)
{
    if ((count & (count - 1)) != 0) /* 0 and powers of two: full */
        return items;
    void *bigger = take(count > 0 ? 2 * count : 1, size);
    if (count > 0)
        memcpy(bigger, items, (size_t)count * size);
    free(items);
    return bigger;
}

char *text(const char *format, ...)
{
    char buf[MAX_NAME + 1];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(buf, sizeof buf, format, args);
    va_end(args);
    if (length < 0 || length > MAX_NAME)
        refuse(BAD, "\"%.60s...\": a name of %d bytes; at most %d were expected", buf, length, MAX_NAME);
    char *copy = take((uint64_t)length + 1, 1);
    memcpy(copy, buf, (size_t)length + 1);
    return copy;
}
