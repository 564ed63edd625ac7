/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line: GNU style (--name value, --name=value, -x value, -xvalue, --, options anywhere), read by the rows
 * of the command. Names are not abbreviated, so that scripts do not break when an option is added. */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/settings.h"
#include "cli/text.h"

enum { NAMES = 64 };

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

/* ---- options ---- */

static cli_exit unknown_option(const cli_command *command, const char *name, size_t length)
{
    const char *names[NAMES];
    int count = 0;
    char where[64], help[80], word[64];
    snprintf(word, sizeof word, "%.*s", (int)length, name);
    const cli_option *o;
    for (int i = 0; (o = cli_command_row(command, i)) != NULL && count < NAMES; i++)
        names[count++] = o->name;
    const char *nearest = cli_nearest(word, names, count);
    prefix(command, where);
    if (nearest)
        return cli_error(CLI_USAGE, "%sunknown option '--%s'; did you mean '--%s'?", where, word, nearest);
    return cli_error(CLI_USAGE, "%sunknown option '--%s'; see '%s'", where, word, hint(command, help));
}

static bool is_common(const cli_option *option)
{
    for (const cli_option *o = cli_common_rows; o->name; o++)
        if (o == option)
            return true;
    return false;
}

static cli_exit set(cli_call *call, const cli_option *o, const char *value)
{
    call->help |= o->kind == CLI_HELP;
    call->version |= o->kind == CLI_VERSION;
    return cli_option_set(o, value, is_common(o) ? (void *)&cli_set_for_all : call->args);
}

/* One "--name", "--name=value" or "--name value"; *i moves past what was used. */
static cli_exit read_long(int argc, char **argv, int *i, cli_call *call)
{
    const char *name = argv[*i] + 2;
    const size_t length = strcspn(name, "=");
    const cli_option *o = cli_command_option(call->command, name, length);
    if (!o)
        return unknown_option(call->command, name, length);
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    if (!o->arg && value)
        return cli_error(CLI_USAGE, "--%s takes no value", o->name);
    if (o->arg && !value) {
        if (*i + 1 >= argc)
            return cli_error(CLI_USAGE, "--%s needs a value: %s", o->name, o->arg);
        value = argv[++*i];
    }
    return set(call, o, value);
}

/* "-x", "-xy", "-xvalue" or "-x value". */
static cli_exit read_short(int argc, char **argv, int *i, cli_call *call)
{
    for (const char *at = argv[*i] + 1; *at; at++) {
        const cli_option *o = cli_command_letter(call->command, *at);
        char where[64], help[80];
        if (!o)
            return cli_error(CLI_USAGE, "%sunknown option '-%c'; see '%s'", prefix(call->command, where), *at,
                             hint(call->command, help));
        if (!o->arg) {
            set(call, o, NULL);
            continue;
        }
        if (at[1])
            return set(call, o, at + 1 + (at[1] == '='));
        if (*i + 1 >= argc)
            return cli_error(CLI_USAGE, "-%c needs a value: %s", o->letter, o->arg);
        return set(call, o, argv[++*i]);
    }
    return CLI_OK;
}

/* ---- the command ---- */

static cli_exit unknown_command(const cli_command *top, const char *word)
{
    const char *names[NAMES];
    int count = 0;
    for (const cli_command *const *c = top->commands; *c && count < NAMES; c++)
        if (!(*c)->hidden && !strchr((*c)->name, ' '))
            names[count++] = (*c)->name;
    const char *nearest = cli_nearest(word, names, count);
    if (nearest)
        return cli_error(CLI_USAGE, "unknown command '%s'; did you mean '%s'?", word, nearest);
    return cli_error(CLI_USAGE, "unknown command '%s'; see 'weft --help'", word);
}

/* Whether an option of `command` or of one of its subcommands takes the next word as its value. */
static bool takes_next(const cli_command *top, const char *command, const char *option)
{
    const size_t length = strlen(command);
    for (const cli_command *const *c = top->commands; *c; c++) {
        const char *name = (*c)->name;
        if (strncmp(name, command, length) != 0 || (name[length] && name[length] != ' '))
            continue;
        const cli_option *o = option[1] == '-' ? cli_command_option(*c, option + 2, strlen(option + 2))
                              : option[2]      ? NULL
                                               : cli_command_letter(*c, option[1]);
        if (o)
            return o->arg != NULL;
    }
    return false;
}

/* Where the first operand behind the command's name stands; argc if there is none. */
static int first_operand(const cli_command *top, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        if (argv[i][0] != '-' || !argv[i][1])
            return i;
        if (strcmp(argv[i], "--") == 0)
            return i + 1 < argc ? i + 1 : argc;
        i += takes_next(top, argv[1], argv[i]);
    }
    return argc;
}

/* "bench" or, where its first operand is a subcommand, "bench table", whose place is then *skip. */
static const cli_command *find_command(const cli_command *top, int argc, char **argv, int *skip)
{
    const cli_command *command = cli_command_find(top, argv[1]);
    const int at = first_operand(top, argc, argv);
    *skip = -1;
    if (!command || strchr(argv[1], ' '))
        return NULL;
    if (at < argc) {
        char name[64];
        snprintf(name, sizeof name, "%s %s", argv[1], argv[at]);
        const cli_command *sub = cli_command_find(top, name);
        if (sub) {
            *skip = at;
            return sub;
        }
    }
    return command;
}

static cli_exit set_defaults(cli_call *call)
{
    const cli_command *c = call->command;
    call->args = cli_alloc(1, c->args_size);
    if (c->defaults)
        memcpy(call->args, c->defaults, c->args_size);
    for (const cli_option *o = c->rows; o->name; o++) {
        const cli_exit code = o->fallback ? set(call, o, o->fallback) : CLI_OK;
        if (code)
            return code;
    }
    return CLI_OK;
}

static cli_exit check_words(const cli_call *call)
{
    const cli_command *c = call->command;
    char where[64], help[80];
    if (call->help || call->version)
        return CLI_OK;
    if (call->n_words < c->min_words)
        return cli_error(CLI_USAGE, "%s%s is missing; see '%s'", prefix(c, where), c->synopsis, hint(c, help));
    if (c->max_words >= 0 && call->n_words > c->max_words)
        return cli_error(CLI_USAGE, "%sunexpected argument '%s'; see '%s'", prefix(c, where), call->words[c->max_words],
                         hint(c, help));
    return CLI_OK;
}

cli_exit cli_parse(const cli_command *top, int argc, char **argv, cli_call *call)
{
    int skip = -1, from = 1;
    *call = (cli_call){ .top = top, .command = top };
    call->words = cli_alloc((size_t)argc + 1, sizeof *call->words);
    if (argc > 1 && argv[1][0] != '-') {
        call->command = find_command(top, argc, argv, &skip);
        from = 2;
        if (!call->command)
            return unknown_command(top, argv[1]);
    }

    cli_exit code = set_defaults(call);
    for (int i = from; !code && i < argc; i++) {
        if (i == skip)
            continue;
        if (strcmp(argv[i], "--") == 0) {
            while (++i < argc)
                if (i != skip)
                    call->words[call->n_words++] = argv[i];
        } else if (argv[i][0] == '-' && argv[i][1] == '-') {
            code = read_long(argc, argv, &i, call);
        } else if (argv[i][0] == '-' && argv[i][1]) {
            code = read_short(argc, argv, &i, call);
        } else {
            call->words[call->n_words++] = argv[i];
        }
    }
    return code ? code : check_words(call);
}

void cli_release(cli_call *call)
{
    free(call->words);
    free(call->args);
}
