/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line: GNU style (--name value, --name=value, -x value, -xvalue, --, options anywhere), read by the
 * tables of commands.c. Names are not abbreviated, so that scripts do not break when an option is added. */
#include "cli/option.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/text.h"

enum { NAMES = 64 };

bool cli_part(const char **text, const char **part, size_t *length)
{
    if (!*text || !**text)
        return false;
    *part = *text;
    *length = strcspn(*text, "|");
    *text += *length + ((*text)[*length] == '|');
    return true;
}

const cli_option *cli_option_find(const char *name, size_t length, unsigned bit)
{
    for (int i = 0; i < cli_option_count; i++) {
        const cli_option *o = &cli_options[i];
        if ((o->commands & bit) && strlen(o->name) == length && strncmp(o->name, name, length) == 0)
            return o;
    }
    return NULL;
}

static const cli_option *find_letter(char letter, unsigned bit)
{
    for (int i = 0; i < cli_option_count; i++)
        if ((cli_options[i].commands & bit) && cli_options[i].letter == letter)
            return &cli_options[i];
    return NULL;
}

const cli_command *cli_command_find(const char *name)
{
    for (int i = 0; i < cli_command_count; i++)
        if (strcmp(cli_commands[i].name, name) == 0)
            return &cli_commands[i];
    return NULL;
}

/* "bench: ", or nothing for weft itself. */
static const char *prefix(const cli_command *command, char buf[64])
{
    snprintf(buf, 64, "%s%s", command->name ? command->name : "", command->name ? ": " : "");
    return buf;
}

/* "weft bench --help" */
static const char *hint(const cli_command *command, char buf[80])
{
    snprintf(buf, 80, "weft%s%s --help", command->name ? " " : "", command->name ? command->name : "");
    return buf;
}

static cli_exit unknown_option(const cli_command *command, const char *name, size_t length)
{
    const char *names[NAMES];
    int count = 0;
    char where[64], help[80], word[64];
    snprintf(word, sizeof word, "%.*s", (int)length, name);
    for (int i = 0; i < cli_option_count && count < NAMES; i++)
        if (cli_options[i].commands & command->bit)
            names[count++] = cli_options[i].name;
    const char *nearest = cli_nearest(word, names, count);
    prefix(command, where);
    if (nearest)
        return cli_error(CLI_USAGE, "%sunknown option '--%s'; did you mean '--%s'?", where, word, nearest);
    return cli_error(CLI_USAGE, "%sunknown option '--%s'; see '%s'", where, word, hint(command, help));
}

static cli_exit bad_value(const cli_option *o, const char *value, size_t length, const char *wanted)
{
    return cli_error(CLI_USAGE, "--%s: '%.*s' is not %s", o->name, (int)length, value, wanted);
}

static cli_exit out_of_range(const cli_option *o, const char *value, size_t length)
{
    return cli_error(CLI_USAGE, "--%s: %.*s is out of range, %.0f to %.0f", o->name, (int)length, value, o->min,
                     o->max);
}

static cli_exit read_int(const cli_option *o, const char *value, size_t length, int64_t *out)
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

static cli_exit read_real(const cli_option *o, const char *value, double *out)
{
    char *end;
    double number = strtod(value, &end);
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

static cli_exit read_list(const cli_option *o, const char *value, cli_list *out)
{
    cli_list list = { 0 };
    const bool single = !strchr(o->arg, ',');
    for (const char *at = value;; at++) {
        const size_t length = strcspn(at, ",");
        if (list.count == (single ? 1 : CLI_LIST_MAX))
            return single ? bad_value(o, value, strlen(value), "a single number")
                          : cli_error(CLI_USAGE, "--%s: more than %d values", o->name, CLI_LIST_MAX);
        const cli_exit code = read_int(o, at, length, &list.value[list.count++]);
        if (code)
            return code;
        at += length;
        if (!*at)
            break;
    }
    *out = list;
    return CLI_OK;
}

static cli_exit read_choice(const cli_option *o, const char *value, int *out)
{
    const char *names[NAMES], *rest = o->values, *part;
    char text[256], all[256];
    size_t length, used = 0;
    int count = 0;
    all[0] = '\0';
    snprintf(text, sizeof text, "%s", o->values);
    while (count < NAMES && cli_part(&rest, &part, &length)) {
        char *copy = text + (part - o->values);
        copy[length] = '\0';
        names[count] = copy;
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", count ? ", " : "", copy);
        if (strcmp(copy, value) == 0) {
            *out = count;
            return CLI_OK;
        }
        count++;
    }
    const char *nearest = cli_nearest(value, names, count);
    if (nearest)
        return cli_error(CLI_USAGE, "--%s: unknown value '%s'; did you mean '%s'?", o->name, value, nearest);
    return cli_error(CLI_USAGE, "--%s: unknown value '%s'; one of %s", o->name, value, all);
}

static cli_exit set(const cli_option *o, const char *value, cli_args *args)
{
    void *const field = (char *)args + o->offset;
    switch (o->kind) {
    case CLI_FLAG:
        *(bool *)field = true;
        return CLI_OK;
    case CLI_TEXT:
        if (!*value)
            return cli_error(CLI_USAGE, "--%s: the value is empty", o->name);
        *(const char **)field = value;
        return CLI_OK;
    case CLI_CHOICE:
        return read_choice(o, value, field);
    case CLI_INT:
        return read_int(o, value, strlen(value), field);
    case CLI_INTS:
        return read_list(o, value, field);
    case CLI_REAL:
    case CLI_PERCENT:
        return read_real(o, value, field);
    }
    return CLI_INTERNAL;
}

/* One "--name", "--name=value" or "--name value"; *i moves past what was used. */
static cli_exit read_long(int argc, char **argv, int *i, cli_args *args)
{
    const char *name = argv[*i] + 2;
    const size_t length = strcspn(name, "=");
    const cli_option *o = cli_option_find(name, length, args->command->bit);
    if (!o)
        return unknown_option(args->command, name, length);
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    if (!o->arg && value)
        return cli_error(CLI_USAGE, "--%s takes no value", o->name);
    if (o->arg && !value) {
        if (*i + 1 >= argc)
            return cli_error(CLI_USAGE, "--%s needs a value: %s", o->name, o->arg);
        value = argv[++*i];
    }
    return set(o, value, args);
}

/* "-x", "-xy", "-xvalue" or "-x value". */
static cli_exit read_short(int argc, char **argv, int *i, cli_args *args)
{
    for (const char *at = argv[*i] + 1; *at; at++) {
        const cli_option *o = find_letter(*at, args->command->bit);
        char where[64], help[80];
        if (!o)
            return cli_error(CLI_USAGE, "%sunknown option '-%c'; see '%s'", prefix(args->command, where), *at,
                             hint(args->command, help));
        if (!o->arg) {
            set(o, NULL, args);
            continue;
        }
        if (at[1])
            return set(o, at + 1 + (at[1] == '='), args);
        if (*i + 1 >= argc)
            return cli_error(CLI_USAGE, "-%c needs a value: %s", o->letter, o->arg);
        return set(o, argv[++*i], args);
    }
    return CLI_OK;
}

/* Where the first operand from argv[from] on stands, by what options of any command take; argc if there is none. */
static int first_operand(int argc, char **argv, int from)
{
    for (int i = from; i < argc; i++) {
        const char *at = argv[i];
        if (at[0] != '-' || !at[1])
            return i;
        if (strcmp(at, "--") == 0)
            return i + 1 < argc ? i + 1 : argc;
        const cli_option *o = at[1] == '-' ? cli_option_find(at + 2, strlen(at + 2), ~0u)
                              : at[2]      ? NULL
                                           : find_letter(at[1], ~0u);
        i += o && o->arg;
    }
    return argc;
}

static cli_exit unknown_command(const char *word)
{
    const char *names[NAMES];
    int count = 0;
    for (int i = 0; i < cli_command_count; i++)
        if (!cli_commands[i].hidden && !strchr(cli_commands[i].name, ' '))
            names[count++] = cli_commands[i].name;
    const char *nearest = cli_nearest(word, names, count);
    if (nearest)
        return cli_error(CLI_USAGE, "unknown command '%s'; did you mean '%s'?", word, nearest);
    return cli_error(CLI_USAGE, "unknown command '%s'; see 'weft --help'", word);
}

/* "bench" or, where its first operand is a subcommand, "bench table", whose place is then *skip. */
static const cli_command *find_command(int argc, char **argv, int *skip)
{
    const cli_command *command = cli_command_find(argv[1]);
    const int at = first_operand(argc, argv, 2);
    *skip = -1;
    if (!command || strchr(argv[1], ' '))
        return NULL;
    if (at < argc) {
        char name[64];
        snprintf(name, sizeof name, "%s %s", argv[1], argv[at]);
        const cli_command *sub = cli_command_find(name);
        if (sub) {
            *skip = at;
            return sub;
        }
    }
    return command;
}

static cli_exit set_defaults(cli_args *args)
{
    for (int i = 0; i < cli_option_count; i++) {
        const cli_option *o = &cli_options[i];
        const cli_exit code = (o->commands & args->command->bit) && o->fallback ? set(o, o->fallback, args) : CLI_OK;
        if (code)
            return code;
    }
    return CLI_OK;
}

static cli_exit check_words(const cli_args *args)
{
    const cli_command *c = args->command;
    char where[64], help[80];
    if (args->help || args->version)
        return CLI_OK;
    if (args->n_words < c->min_words)
        return cli_error(CLI_USAGE, "%s%s is missing; see '%s'", prefix(c, where), c->synopsis, hint(c, help));
    if (c->max_words >= 0 && args->n_words > c->max_words)
        return cli_error(CLI_USAGE, "%sunexpected argument '%s'; see '%s'", prefix(c, where), args->words[c->max_words],
                         hint(c, help));
    return CLI_OK;
}

cli_exit cli_parse(int argc, char **argv, cli_args *args)
{
    int skip = -1, from = 1;
    *args = (cli_args){ .command = &cli_top, .fail_over = -1 };
    args->words = cli_alloc((size_t)argc + 1, sizeof *args->words);
    if (argc > 1 && argv[1][0] != '-') {
        args->command = find_command(argc, argv, &skip);
        from = 2;
        if (!args->command)
            return unknown_command(argv[1]);
    }

    cli_exit code = set_defaults(args);
    for (int i = from; !code && i < argc; i++) {
        if (i == skip)
            continue;
        if (strcmp(argv[i], "--") == 0) {
            while (++i < argc)
                if (i != skip)
                    args->words[args->n_words++] = argv[i];
        } else if (argv[i][0] == '-' && argv[i][1] == '-') {
            code = read_long(argc, argv, &i, args);
        } else if (argv[i][0] == '-' && argv[i][1]) {
            code = read_short(argc, argv, &i, args);
        } else {
            args->words[args->n_words++] = argv[i];
        }
    }
    if (!code)
        code = check_words(args);
    if (args->json)
        args->output = CLI_FORMAT_JSON;
    return code;
}
