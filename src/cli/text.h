/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings, the nearest name and memory for the program, which unlike the library may exit when none is left. */
#ifndef WEFT_CLI_TEXT_H
#define WEFT_CLI_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Cleared; ends the program with exit code 71 if there is none. */
void *cli_alloc(size_t count, size_t size);
void *cli_grow(void *ptr, size_t count, size_t size);
char *cli_copy(const char *text);
char *cli_format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *cli_format_list(const char *format, va_list ap) __attribute__((format(printf, 1, 0)));

/* The same text with \n, \x1b and the like for what a terminal would obey or not show: control characters, marks that
 * turn the direction of writing, bytes that are not UTF-8. Names in files are written by strangers. Allocated. */
char *cli_visible(const char *text);
void cli_put_visible(FILE *out, const char *text);
/* The bytes of the next character of text, and whether a terminal only shows it. */
int cli_next(const char *text, uint32_t *character, bool *shown);

/* Columns that UTF-8 text takes (one per code point). */
int cli_width(const char *text);
/* Columns and lines of the terminal that out is (COLUMNS and LINES overrule it); 0: it is none. */
int cli_terminal_width(FILE *out);
int cli_terminal_height(FILE *out);
/* The nearest of count names if it is near enough to be meant; else NULL. */
const char *cli_nearest(const char *word, const char *const *names, int count);

/* Seconds of the monotonic clock. */
double cli_now(void);
/* Processor time of all threads of this process so far, in seconds. */
double cli_busy(void);
/* "2026-01-31T12:00:00Z" */
const char *cli_date(char buf[32]);
/* "12.3 MiB"; "1 h 02 min", "3 min 05 s", "12 s" */
const char *cli_bytes_text(double bytes, char buf[32]);
const char *cli_duration_text(double seconds, char buf[32]);

/* Element q (0..1) of n sorted values, interpolated. */
double cli_quantile(const double *sorted, int n, double q);
void cli_sort_doubles(double *values, int n);

#endif
