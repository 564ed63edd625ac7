/* SPDX-License-Identifier: Apache-2.0
 *
 * --help and manual pages (roff, the man macros), both written from the tables of commands.c. */
#include <ctype.h>
#include <string.h>

#include "cli/option.h"
#include "cli/text.h"

enum { INDENT = 30, WIDTH = 100 };

/* ---- help ---- */

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

static void print_options(FILE *out, unsigned bit)
{
    fputs("\nOptions:\n", out);
    for (int i = 0; i < cli_option_count; i++) {
        const cli_option *o = &cli_options[i];
        char face[64], text[512];
        if (!(o->commands & bit))
            continue;
        option_face(o, face);
        option_help(o, text, sizeof text);
        fprintf(out, "%-*s", INDENT, face);
        if ((int)strlen(face) >= INDENT)
            fprintf(out, "\n%*s", INDENT, "");
        print_wrapped(out, text, INDENT);
    }
}

/* One "command|meaning" of examples; false at the end. A '|' of the command itself has a space before it. */
static bool next_example(const char **text, char command[128], char meaning[160])
{
    if (!*text || !**text)
        return false;
    size_t line = strcspn(*text, "\n"), bar = line;
    for (size_t i = 1; i < line; i++)
        if ((*text)[i] == '|' && (*text)[i - 1] != ' ')
            bar = i;
    snprintf(command, 128, "%.*s", (int)bar, *text);
    snprintf(meaning, 160, "%.*s", bar < line ? (int)(line - bar - 1) : 0, *text + bar + (bar < line));
    *text += line + ((*text)[line] == '\n');
    return true;
}

static void print_examples(FILE *out, const char *examples)
{
    char command[128], meaning[160];
    if (examples)
        fputs("\nExamples:\n", out);
    while (next_example(&examples, command, meaning))
        fprintf(out, "  %s\n      %s\n", command, meaning);
}

void cli_print_usage(FILE *out, const cli_command *c)
{
    fprintf(out, "Usage: weft %s [OPTION...]%s%s\n\n", c->name, c->synopsis ? " " : "", c->synopsis ? c->synopsis : "");
    print_wrapped(out, c->description, 0);
    print_options(out, c->bit);
    print_examples(out, c->examples);
}

void cli_print_overview(FILE *out)
{
    fprintf(out, "Usage: weft %s\n\n", cli_top.synopsis);
    print_wrapped(out, cli_top.description, 0);
    fputs("\nCommands:\n", out);
    for (int i = 0; i < cli_command_count; i++)
        if (!cli_commands[i].hidden)
            fprintf(out, "  %-14s %s\n", cli_commands[i].name, cli_commands[i].brief);
    print_options(out, cli_top.bit);
    fputs("\n'weft COMMAND --help' explains a command.\n", out);
    print_examples(out, cli_top.examples);
}

cli_exit cli_help(const cli_args *args)
{
    const cli_command *command = &cli_top;
    if (args->n_words) {
        char name[64];
        snprintf(name, sizeof name, "%s%s%s", args->words[0], args->n_words > 1 ? " " : "",
                 args->n_words > 1 ? args->words[1] : "");
        command = cli_command_find(name);
        if (!command || command->hidden)
            return cli_error(CLI_USAGE, "no help for '%s': there is no such command; see 'weft --help'", name);
    }
    if (args->man)
        cli_print_man(stdout, command);
    else if (command->name)
        cli_print_usage(stdout, command);
    else
        cli_print_overview(stdout);
    return CLI_OK;
}

/* ---- manual pages ---- */

/* Escapes what roff would take for its own; a line must not begin with a point or an apostrophe. */
static void roff(FILE *out, const char *text)
{
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
        line_start = *text == '\n';
    }
}

static void roff_paragraphs(FILE *out, const char *text)
{
    for (const char *end = strstr(text, "\n\n"); end; end = strstr(text, "\n\n")) {
        char part[1024];
        snprintf(part, sizeof part, "%.*s", (int)(end - text), text);
        roff(out, part);
        fputs("\n.PP\n", out);
        text = end + 2;
    }
    roff(out, text);
    fputc('\n', out);
}

/* "weft-bench-table" */
static void page_name(const cli_command *c, char name[64])
{
    snprintf(name, 64, c->name ? "weft-%s" : "weft", c->name);
    for (char *at = name; *at; at++)
        if (*at == ' ')
            *at = '-';
}

static void man_options(FILE *out, unsigned bit)
{
    fputs(".SH OPTIONS\n", out);
    for (int i = 0; i < cli_option_count; i++) {
        const cli_option *o = &cli_options[i];
        if (!(o->commands & bit))
            continue;
        fputs(".TP\n", out);
        if (o->letter)
            fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
        fputs("\\fB\\-\\-", out);
        roff(out, o->name);
        fputs("\\fR", out);
        if (o->arg) {
            fputs("=\\fI", out);
            roff(out, o->arg);
            fputs("\\fR", out);
        }
        fputc('\n', out);
        roff(out, o->help);
        if (o->fallback) {
            fputs(". Default: ", out);
            roff(out, o->fallback);
        }
        fputs(".\n", out);
    }
}

static void man_commands(FILE *out)
{
    fputs(".SH COMMANDS\n", out);
    for (int i = 0; i < cli_command_count; i++) {
        char page[64];
        if (cli_commands[i].hidden)
            continue;
        page_name(&cli_commands[i], page);
        fputs(".TP\n.BR ", out);
        roff(out, page);
        fputs(" (1)\n", out);
        roff(out, cli_commands[i].brief);
        fputs(".\n", out);
    }
}

static void man_see_also(FILE *out, const cli_command *c)
{
    bool first = true;
    fputs(".SH SEE ALSO\n", out);
    if (c->name) {
        fputs(".BR weft (1)", out);
        first = false;
    }
    for (int i = 0; i < cli_command_count; i++) {
        char page[64];
        if (cli_commands[i].hidden || &cli_commands[i] == c)
            continue;
        page_name(&cli_commands[i], page);
        fputs(first ? ".BR " : ",\n.BR ", out);
        roff(out, page);
        fputs(" (1)", out);
        first = false;
    }
    fputc('\n', out);
}

static void man_name(FILE *out, const cli_command *c)
{
    char page[64], title[64];
    page_name(c, page);
    snprintf(title, sizeof title, "%s", page);
    for (char *at = title; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    fprintf(out, ".\\\" Written by: weft help --man%s%s\n", c->name ? " " : "", c->name ? c->name : "");
    fprintf(out, ".TH %s 1 \"\" \"weft %s\" \"weft manual\"\n.SH NAME\n", title, weft_version());
    roff(out, page);
    fputs(" \\- ", out);
    roff(out, c->brief);
    fputs("\n.SH SYNOPSIS\n.B weft", out);
    fprintf(out, "%s%s\n", c->name ? " " : "", c->name ? c->name : "");
    if (c->name)
        fputs("[\\fIOPTION\\fR...]\n", out);
    if (c->synopsis) {
        roff(out, c->synopsis);
        fputc('\n', out);
    }
}

void cli_print_man(FILE *out, const cli_command *c)
{
    man_name(out, c);
    fputs(".SH DESCRIPTION\n", out);
    roff_paragraphs(out, c->description);
    if (!c->name)
        man_commands(out);
    man_options(out, c->bit);
    if (c->examples) {
        char command[128], meaning[160];
        const char *examples = c->examples;
        fputs(".SH EXAMPLES\n", out);
        while (next_example(&examples, command, meaning)) {
            fputs(".TP\n\\fB", out);
            roff(out, command);
            fputs("\\fR\n", out);
            roff(out, meaning);
            fputs(".\n", out);
        }
    }
    fputs(".SH EXIT STATUS\n", out);
    for (int i = 0; i < cli_exit_code_count; i++) {
        fprintf(out, ".TP\n.B %d\n", cli_exit_codes[i].code);
        roff(out, cli_exit_codes[i].meaning);
        fputs(".\n", out);
    }
    fputs(".SH ENVIRONMENT\n.TP\n.B WEFT_ISA\nCaps the instruction set: ref, avx2 or avx512.\n", out);
    man_see_also(out, c);
}
