/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of options, read as their rows say. */
#include "cli/option.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"

enum { MAX_VALUES = 64 };

/* Where the value under way stands; NULL: on the command line. */
static const char *where_now;

/* What begins the sentence of a failure: "--lr", or "fashion.recipe: line 3: lr". */
static const char *place(const cli_option *o)
{
    static char text[512];
    if (where_now)
        snprintf(text, sizeof text, "%.400s: %.60s", where_now, o->name);
    else
        snprintf(text, sizeof text, "--%s", o->name);
    return text;
}

bool cli_part(const char **text, const char **part, size_t *length)
{
    if (!*text || !**text)
        return false;
    *part = *text;
    *length = strcspn(*text, "|");
    *text += *length + ((*text)[*length] == '|');
    return true;
}

static cli_exit bad_value(const cli_option *o, const char *value, size_t length, const char *wanted)
{
    return cli_error(CLI_USAGE, "%s: '%.*s' is not %s", place(o), (int)length, value, wanted);
}

static cli_exit out_of_range(const cli_option *o, const char *value, size_t length)
{
    return cli_error(CLI_USAGE, "%s: %.*s is out of range, %.16g to %.16g", place(o), (int)length, value, o->min,
                     o->max);
}

static cli_exit read_whole(const cli_option *o, const char *value, size_t length, int64_t *out)
{
    char buf[32], *end;
    snprintf(buf, sizeof buf, "%.*s", (int)length, value);
    errno = 0;
    const long long number = strtoll(buf, &end, 10);
    if (length == 0 || length >= sizeof buf || *end || end == buf || isspace((unsigned char)buf[0]))
        return bad_value(o, value, length, "a whole number");
    if (errno == ERANGE || (double)number < o->min || (double)number > o->max)
        return out_of_range(o, value, length);
    *out = number;
    return CLI_OK;
}

static cli_exit read_list(const cli_option *o, const char *value, int most, cli_list *out)
{
    cli_list list = { 0 };
    for (const char *at = value;; at++) {
        const size_t length = strcspn(at, ",");
        if (list.count == most)
            return most == 1 ? bad_value(o, value, strlen(value), "a single number")
                             : cli_error(CLI_USAGE, "%s: more than %d values", place(o), most);
        const cli_exit code = read_whole(o, at, length, &list.value[list.count++]);
        if (code)
            return code;
        at += length;
        if (!*at)
            break;
    }
    *out = list;
    return CLI_OK;
}

/* A list of one. */
static cli_exit read_number(const cli_option *o, const char *value, int64_t *out)
{
    cli_list list;
    const cli_exit code = read_list(o, value, 1, &list);
    if (!code)
        *out = list.value[0];
    return code;
}

static cli_exit read_int(const cli_option *o, const char *value, int *out)
{
    int64_t number = 0;
    const cli_exit code = read_number(o, value, &number);
    if (!code)
        *out = (int)number;
    return code;
}

static cli_exit read_real(const cli_option *o, const char *value, double *out)
{
    char *end;
    const double number = strtod(value, &end);
    if (end == value || isspace((unsigned char)*value) || !isfinite(number))
        return bad_value(o, value, strlen(value), "a number");
    if (o->kind == CLI_PERCENT && *end == '%')
        end++;
    if (*end)
        return bad_value(o, value, strlen(value), o->kind == CLI_PERCENT ? "a percentage, such as 5%" : "a number");
    if (number < o->min || number > o->max)
        return out_of_range(o, value, strlen(value));
    *out = o->kind == CLI_PERCENT ? number / 100 : number;
    return CLI_OK;
}

/* Enums are as large as an int, and seldom of its type. */
static void set_enum(void *field, int value)
{
    memcpy(field, &value, sizeof value);
}

static cli_exit read_enum(const cli_option *o, const char *value, void *field)
{
    const char *names[MAX_VALUES], *rest = o->values, *part;
    char text[256], all[256];
    size_t length, used = 0;
    int count = 0;
    all[0] = '\0';
    snprintf(text, sizeof text, "%s", o->values);
    while (count < MAX_VALUES && cli_part(&rest, &part, &length)) {
        char *copy = text + (part - o->values);
        copy[length] = '\0';
        names[count] = copy;
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", count ? ", " : "", copy);
        if (strcmp(copy, value) == 0) {
            set_enum(field, count);
            return CLI_OK;
        }
        count++;
    }
    const char *nearest = cli_nearest(value, names, count);
    if (nearest)
        return cli_error(CLI_USAGE, "%s: unknown value '%s'; did you mean '%s'?", place(o), value, nearest);
    return cli_error(CLI_USAGE, "%s: unknown value '%s'; one of %s", place(o), value, all);
}

static cli_exit read_text(const cli_option *o, const char *value, const char **out)
{
    if (!*value)
        return cli_error(CLI_USAGE, "%s: the value is empty", place(o));
    *out = value;
    return CLI_OK;
}

cli_exit cli_option_set(const cli_option *o, const char *value, void *args)
{
    void *const field = (char *)args + o->offset;
    switch (o->kind) {
    case CLI_HELP: /* the parser's own */
    case CLI_VERSION:
        return CLI_OK;
    case CLI_BOOL:
        *(bool *)field = true;
        return CLI_OK;
    case CLI_SET:
        set_enum(field, o->value);
        return CLI_OK;
    case CLI_TEXT:
    case CLI_FILE:
    case CLI_DIR:
        return read_text(o, value, field);
    case CLI_ENUM:
        return read_enum(o, value, field);
    case CLI_INT:
        return read_int(o, value, field);
    case CLI_COUNT:
        return read_number(o, value, field);
    case CLI_LIST:
        return read_list(o, value, o->value, field);
    case CLI_REAL:
    case CLI_PERCENT:
        return read_real(o, value, field);
    }
    return CLI_INTERNAL;
}

cli_exit cli_option_set_in(const cli_option *o, const char *value, void *args, const char *where)
{
    where_now = where;
    const cli_exit code = cli_option_set(o, value, args);
    where_now = NULL;
    return code;
}
