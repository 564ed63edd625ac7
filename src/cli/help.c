/* SPDX-License-Identifier: Apache-2.0
 *
 * --help and weft help, written from the commands and their rows. */
#include <string.h>

#include "cli/command.h"
#include "cli/roff.h"
#include "cli/text.h"

enum { INDENT = 30, WIDTH = 100, NAMES = 64 };

typedef struct help_args {
    bool man;
} help_args;

/* No wider than lines are read with ease, nor than the terminal. */
static int width(FILE *out)
{
    const int terminal = cli_terminal_width(out);
    return terminal > INDENT + 20 && terminal < WIDTH ? terminal : WIDTH;
}

/* Text broken at spaces, from a column on. */
static void print_wrapped(FILE *out, const char *text, int indent)
{
    const int room = width(out);
    int at = indent;
    while (*text) {
        const size_t length = strcspn(text, " \n");
        if (at > indent && at + 1 + (int)length > room) {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
        } else if (at > indent) {
            fputc(' ', out);
            at++;
        }
        fwrite(text, 1, length, out);
        at += (int)length;
        text += length;
        if (text[0] == '\n' && text[1] == '\n') {
            fprintf(out, "\n\n%*s", indent, "");
            at = indent;
        }
        while (*text == ' ' || *text == '\n')
            text++;
    }
    fputc('\n', out);
}

static void option_face(const cli_option *o, const char *dashes, char face[64])
{
    char letter[8] = "    ";
    if (o->letter)
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(face, 64, "  %s%s%s%s%s", *dashes ? letter : "", dashes, o->name, o->arg ? " " : "",
             o->arg ? o->arg : "");
}

static void option_help(const cli_option *o, char *text, size_t size)
{
    snprintf(text, size, "%s%s%s%s", o->help, o->fallback ? " [" : "", o->fallback ? o->fallback : "",
             o->fallback ? "]" : "");
}

void cli_print_row(FILE *out, const char *dashes, const cli_option *o)
{
    char face[64], text[512];
    option_face(o, dashes, face);
    option_help(o, text, sizeof text);
    fprintf(out, "%-*s", INDENT, face);
    if ((int)strlen(face) >= INDENT)
        fprintf(out, "\n%*s", INDENT, "");
    print_wrapped(out, text, INDENT);
}

static void print_options(FILE *out, const cli_command *command)
{
    const cli_option *o;
    fputs("\nOptions:\n", out);
    for (int i = 0; (o = cli_command_row(command, i)) != NULL; i++)
        cli_print_row(out, "--", o);
}

static void print_examples(FILE *out, const char *examples)
{
    char command[128], meaning[160];
    if (examples)
        fputs("\nExamples:\n", out);
    while (cli_example(&examples, command, meaning))
        fprintf(out, "  %s\n      %s\n", command, meaning);
}

void cli_print_usage(FILE *out, const cli_command *c)
{
    fprintf(out, "Usage: weft %s [OPTION...]%s%s\n\n", c->name, c->synopsis ? " " : "", c->synopsis ? c->synopsis : "");
    print_wrapped(out, c->description, 0);
    print_options(out, c);
    print_examples(out, c->examples);
}

void cli_print_overview(FILE *out, const cli_command *top)
{
    fprintf(out, "Usage: weft %s\n\n", top->synopsis);
    print_wrapped(out, top->description, 0);
    fputs("\nCommands:\n", out);
    for (const cli_command *const *c = top->commands; *c; c++)
        if (!(*c)->hidden)
            fprintf(out, "  %-14s %s\n", (*c)->name, (*c)->brief);
    fputs("\nTopics of 'weft help':\n", out);
    for (const cli_topic *t = cli_topics; t->name; t++) {
        char brief[128];
        fprintf(out, "  %-14s %s\n", t->name, cli_topic_brief(t, brief, sizeof brief));
    }
    print_options(out, top);
    fputs("\n'weft COMMAND --help' explains a command.\n", out);
    print_examples(out, top->examples);
}

static cli_exit unknown(const cli_call *call, const char *name)
{
    const char *const said = call->n_words > 1 ? name : call->words[0];
    const char *names[NAMES];
    int count = 0;
    for (const cli_command *const *c = call->top->commands; *c && count < NAMES; c++)
        if (!(*c)->hidden)
            names[count++] = (*c)->name;
    for (const cli_topic *t = cli_topics; t->name && count < NAMES; t++)
        names[count++] = t->name;
    const char *nearest = cli_nearest(name, names, count);
    if (nearest)
        return cli_error(CLI_USAGE, "no help for '%s'; did you mean '%s'?", said, nearest);
    return cli_error(CLI_USAGE, "no help for '%s': there is no such command or topic; see 'weft --help'", said);
}

/* What is meant by the words or by the name of a page: "bench table" by bench-table, weft-bench-table. */
static void join(const cli_call *call, char name[64])
{
    size_t used = 0;
    name[0] = '\0';
    for (int i = 0; i < call->n_words && used < 64; i++)
        used += (size_t)snprintf(name + used, 64 - used, "%s%s", i ? " " : "", call->words[i]);
    for (char *at = name; *at; at++)
        if (*at == '-')
            *at = ' ';
    if (strncmp(name, "weft ", 5) == 0)
        memmove(name, name + 5, strlen(name + 5) + 1);
}

static cli_exit run(const cli_call *call)
{
    const help_args *args = call->args;
    char name[64];
    join(call, name);
    const cli_command *command = *name && strcmp(name, "weft") != 0 ? cli_command_find(call->top, name) : call->top;
    const cli_topic *topic = cli_topic_find(name);
    if (command && command->hidden)
        command = NULL;
    if (!command && !topic)
        return unknown(call, name);
    if (!command && args->man)
        fputs(topic->page, stdout);
    else if (!command)
        cli_topic_print(stdout, topic, width(stdout));
    else if (args->man)
        cli_print_man(stdout, call->top, command);
    else if (command->name)
        cli_print_usage(stdout, command);
    else
        cli_print_overview(stdout, call->top);
    return CLI_OK;
}

static const cli_option rows[] = {
    OPT_BOOL(help_args, man, 0, "man", "print the manual page (roff)"),
    OPT_HELP,
    OPT_END,
};

const cli_command cli_help = {
    .name = "help",
    .takes = CLI_TAKES_COMMAND | CLI_TAKES_TOPIC,
    .max_words = 2,
    .synopsis = "[COMMAND|TOPIC]",
    .brief = "explain a command or a topic",
    .description = "Prints the help of a command, by its name or by that of its page (bench-table), or of weft; "
                   "or the manual page of a topic, such as weights for weft-weights(5). With --man it prints the "
                   "manual page as roff.",
    .examples = "weft help bench table|as weft bench table --help\n"
                "weft help weights|the formats of weight files\n"
                "weft help --man bench | man -l -|read the manual page before it is installed",
    .rows = rows,
    .args_size = sizeof(help_args),
    .run = run,
};
