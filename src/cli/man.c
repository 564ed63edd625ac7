/* SPDX-License-Identifier: Apache-2.0
 *
 * Manual pages (roff, the man macros), written from the commands and their rows. */
#include <ctype.h>
#include <string.h>

#include "cli/command.h"

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

static void man_row(FILE *out, bool is_key, const cli_option *o)
{
    fputs(".TP\n", out);
    if (o->letter)
        fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
    fputs(is_key ? "\\fB" : "\\fB\\-\\-", out);
    roff(out, o->name);
    fputs("\\fR", out);
    if (o->arg) {
        fputs(is_key ? " \\fI" : "=\\fI", out);
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

static void man_options(FILE *out, const cli_command *command)
{
    const cli_option *o;
    fputs(".SH OPTIONS\n", out);
    for (int i = 0; (o = cli_command_row(command, i)) != NULL; i++)
        man_row(out, false, o);
    if (command->keys)
        fprintf(out, ".SH %s\n", command->keys_title);
    for (o = command->keys; o && o->name; o++)
        man_row(out, true, o);
}

static void man_commands(FILE *out, const cli_command *top)
{
    fputs(".SH COMMANDS\n", out);
    for (const cli_command *const *c = top->commands; *c; c++) {
        char page[64];
        if ((*c)->hidden)
            continue;
        page_name(*c, page);
        fputs(".TP\n.BR ", out);
        roff(out, page);
        fputs(" (1)\n", out);
        roff(out, (*c)->brief);
        fputs(".\n", out);
    }
}

static void man_see_also(FILE *out, const cli_command *top, const cli_command *self)
{
    bool first = true;
    fputs(".SH SEE ALSO\n", out);
    if (self->name) {
        fputs(".BR weft (1)", out);
        first = false;
    }
    for (const cli_command *const *c = top->commands; *c; c++) {
        char page[64];
        if ((*c)->hidden || *c == self)
            continue;
        page_name(*c, page);
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

void cli_print_man(FILE *out, const cli_command *top, const cli_command *c)
{
    man_name(out, c);
    fputs(".SH DESCRIPTION\n", out);
    roff_paragraphs(out, c->description);
    if (!c->name)
        man_commands(out, top);
    man_options(out, c);
    if (c->examples) {
        char command[128], meaning[160];
        const char *examples = c->examples;
        fputs(".SH EXAMPLES\n", out);
        while (cli_example(&examples, command, meaning)) {
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
    fputs(".SH ENVIRONMENT\n.TP\n.B WEFT_ISA\nCaps the instruction set: ref, portable, neon, avx2 or avx512.\n"
          ".TP\n.B WEFT_CPU_NO\ntuned: the CPU runs without what weft tune found for it.\n"
          ".TP\n.B NO_COLOR\nNo colours, if it is set and not empty.\n", out);
    man_see_also(out, top, c);
}
