/* SPDX-License-Identifier: Apache-2.0
 *
 * --help and weft help, written from the commands and their rows. */
#include <string.h>

#include "cli/command.h"

enum { INDENT = 30, WIDTH = 100 };

typedef struct help_args {
    bool man;
} help_args;

/* Text broken at spaces, from a column on. */
static void print_wrapped(FILE *out, const char *text, int indent)
{
    int at = indent;
    while (*text) {
        const size_t length = strcspn(text, " \n");
        if (at > indent && at + 1 + (int)length > WIDTH) {
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

static void option_face(const cli_option *o, char face[64])
{
    char letter[8] = "    ";
    if (o->letter)
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(face, 64, "  %s--%s%s%s", letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
}

static void option_help(const cli_option *o, char *text, size_t size)
{
    snprintf(text, size, "%s%s%s%s", o->help, o->fallback ? " [" : "", o->fallback ? o->fallback : "",
             o->fallback ? "]" : "");
}

static void print_options(FILE *out, const cli_option *rows)
{
    fputs("\nOptions:\n", out);
    for (const cli_option *o = rows; o->name; o++) {
        char face[64], text[512];
        option_face(o, face);
        option_help(o, text, sizeof text);
        fprintf(out, "%-*s", INDENT, face);
        if ((int)strlen(face) >= INDENT)
            fprintf(out, "\n%*s", INDENT, "");
        print_wrapped(out, text, INDENT);
    }
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
    print_options(out, c->rows);
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
    print_options(out, top->rows);
    fputs("\n'weft COMMAND --help' explains a command.\n", out);
    print_examples(out, top->examples);
}

static cli_exit run(const cli_call *call)
{
    const help_args *args = call->args;
    const cli_command *command = call->top;
    if (call->n_words) {
        char name[64];
        snprintf(name, sizeof name, "%s%s%s", call->words[0], call->n_words > 1 ? " " : "",
                 call->n_words > 1 ? call->words[1] : "");
        command = cli_command_find(call->top, name);
        if (!command || command->hidden)
            return cli_error(CLI_USAGE, "no help for '%s': there is no such command; see 'weft --help'", name);
    }
    if (args->man)
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
    .takes = CLI_TAKES_COMMAND,
    .max_words = 2,
    .synopsis = "[COMMAND]",
    .brief = "explain a command",
    .description = "Prints the help of a command, or of weft. With --man it prints the manual page as roff.",
    .examples = "weft help bench table|as weft bench table --help\n"
                "weft help --man bench | man -l -|read the manual page before it is installed",
    .rows = rows,
    .args_size = sizeof(help_args),
    .run = run,
};
