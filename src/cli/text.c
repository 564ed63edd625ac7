/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings, the nearest name and memory for the program. The nearest name is by optimal string alignment: the
 * Levenshtein distance with swaps of neighbours (Damerau 1964). */
#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

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

char *cli_format_list(const char *format, va_list ap)
{
    char *text = NULL;
    if (vasprintf(&text, format, ap) < 0)
        out_of_memory();
    return text;
}

char *cli_format_text(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char *text = cli_format_list(format, ap);
    va_end(ap);
    return text;
}

/* The UTF-8 character at text and its length in bytes; 0: there is none (Unicode 15, table 3-7). */
static int decode(const unsigned char *text, uint32_t *character)
{
    static const struct {
        unsigned char first, last, low, high; /* of the first byte; of the second */
        int length;
    } forms[] = {
        { 0xC2, 0xDF, 0x80, 0xBF, 2 }, { 0xE0, 0xE0, 0xA0, 0xBF, 3 }, { 0xE1, 0xEC, 0x80, 0xBF, 3 },
        { 0xED, 0xED, 0x80, 0x9F, 3 }, { 0xEE, 0xEF, 0x80, 0xBF, 3 }, { 0xF0, 0xF0, 0x90, 0xBF, 4 },
        { 0xF1, 0xF3, 0x80, 0xBF, 4 }, { 0xF4, 0xF4, 0x80, 0x8F, 4 },
    };
    *character = text[0];
    if (text[0] < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (text[0] < forms[i].first || text[0] > forms[i].last)
            continue;
        if (text[1] < forms[i].low || text[1] > forms[i].high)
            return 0;
        *character = (uint32_t)text[0] & (0xFFu >> (forms[i].length + 1));
        for (int k = 1; k < forms[i].length; k++) {
            if ((text[k] & 0xC0) != 0x80)
                return 0;
            *character = *character << 6 | (text[k] & 0x3F);
        }
        return forms[i].length;
    }
    return 0;
}

/* Control characters of both sets, line and paragraph separators, and what turns the direction of writing. */
static bool obeyed(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || c == 0x200E || c == 0x200F ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

int cli_next(const char *text, uint32_t *character, bool *shown)
{
    const int length = decode((const unsigned char *)text, character);
    *shown = length > 0 && !obeyed(*character);
    return length > 0 ? length : 1;
}

char *cli_visible(const char *text)
{
    char *visible = cli_alloc(strlen(text) + 1, 4), *to = visible; /* "\xNN" of a byte */
    while (*text) {
        uint32_t character;
        bool shown;
        for (int bytes = cli_next(text, &character, &shown); bytes > 0; bytes--, text++) {
            if (shown)
                *to++ = *text;
            else
                to += sprintf(to, *text == '\n' ? "\\n" : "\\x%02x", (unsigned char)*text);
        }
    }
    *to = '\0';
    return visible;
}

void cli_put_visible(FILE *out, const char *text)
{
    char *visible = cli_visible(text);
    fputs(visible, out);
    free(visible);
}

int cli_width(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80; /* not a continuation byte */
    return width;
}

static int terminal(FILE *out, const char *variable, bool height)
{
    struct winsize size = { 0 };
    const char *text = getenv(variable);
    if (!isatty(fileno(out)))
        return 0;
    const int asked = text ? atoi(text) : 0;
    if (asked > 0)
        return asked;
    return ioctl(fileno(out), TIOCGWINSZ, &size) ? 0 : height ? size.ws_row : size.ws_col;
}

int cli_terminal_width(FILE *out)
{
    return terminal(out, "COLUMNS", false);
}

int cli_terminal_height(FILE *out)
{
    return terminal(out, "LINES", true);
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

double cli_busy(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
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
