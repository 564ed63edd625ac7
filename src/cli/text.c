/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings, the nearest name and memory for the program. The nearest name is by optimal string alignment: the
 * Levenshtein distance with swaps of neighbours (Damerau 1964). */
#include "cli/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

enum { NAME_MAX_LENGTH = 63 };

static void out_of_memory(void)
{
    fputs("weft: out of memory\n", stderr);
    exit(CLI_MEMORY);
}

void *cli_alloc(size_t count, size_t size)
{
    void *ptr = calloc(count ? count : 1, size ? size : 1);
    if (!ptr)
        out_of_memory();
    return ptr;
}

void *cli_grow(void *ptr, size_t count, size_t size)
{
    void *grown = size && count > SIZE_MAX / size ? NULL : realloc(ptr, count * size);
    if (!grown)
        out_of_memory();
    return grown;
}

char *cli_copy(const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        out_of_memory();
    return copy;
}

char *cli_format_text(const char *format, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, format);
    if (vasprintf(&text, format, ap) < 0)
        out_of_memory();
    va_end(ap);
    return text;
}

int cli_width(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80; /* not a continuation byte */
    return width;
}

const char *cli_nearest(const char *word, const char *const *names, int count)
{
    const int length = (int)strlen(word);
    const char *nearest = NULL;
    int best = 2 * (length / 3 + 2); /* in half edits; farther than that, it is another word */
    for (int i = 0; i < count; i++) {
        const bool begins = length >= 3 && strncmp(word, names[i], (size_t)length) == 0;
        const int edits = 2 * weft_edit_distance(word, names[i]), d = begins && edits > 3 ? 3 : edits;
        if (d < best) {
            best = d;
            nearest = names[i];
        }
    }
    return nearest;
}

double cli_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

const char *cli_date(char buf[32])
{
    const time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return buf;
}

const char *cli_bytes_text(double bytes, char buf[32])
{
    static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    int u = 0;
    for (; bytes >= 1024 && u < 4; u++)
        bytes /= 1024;
    snprintf(buf, 32, u ? "%.1f %s" : "%.0f %s", bytes, unit[u]);
    return buf;
}

const char *cli_duration_text(double seconds, char buf[32])
{
    const long s = (long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(buf, 32, "%ld h %02ld min", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(buf, 32, "%ld min %02ld s", s / 60, s % 60);
    else
        snprintf(buf, 32, "%ld s", s);
    return buf;
}

double cli_quantile(const double *sorted, int n, double q)
{
    if (n < 1)
        return 0;
    const double at = q * (n - 1);
    const int low = (int)at;
    return low + 1 < n ? sorted[low] + (at - low) * (sorted[low + 1] - sorted[low]) : sorted[n - 1];
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void cli_sort_doubles(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
}
