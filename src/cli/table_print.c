/* SPDX-License-Identifier: Apache-2.0
 *
 * Printing a table: GitHub's Markdown and CSV (RFC 4180: names and rows alone, for readers that know nothing else; what
 * stands above and below a table goes to standard error). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/settings.h"
#include "cli/table.h"
#include "cli/text.h"

/* A line of head or notes, between what surrounds it. */
static void print_line(FILE *out, const char *before, const char *line, const char *after)
{
    fputs(before, out);
    cli_put_visible(out, line);
    fputs(after, out);
}

/* '|' would end a Markdown cell. */
static void print_md_cell(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void print_md(const cli_table *table, const int *columns, int count, FILE *out)
{
    for (int i = 0; i < table->n_head; i++)
        print_line(out, "", table->head[i], "  \n");
    if (table->n_head)
        fputc('\n', out);
    for (int i = 0; i < count; i++) {
        const char *const *head = table->columns[columns[i]].head;
        fprintf(out, "| %s%s%s ", head[0], *head[0] && *head[1] ? " " : "", head[1]);
    }
    fputs("|\n", out);
    for (int i = 0; i < count; i++)
        fputs(table->columns[columns[i]].flags & CLI_COLUMN_LEFT ? "|---" : "|--:", out);
    fputs("|\n", out);
    for (int r = 0; r < table->n_rows; r++) {
        for (int i = 0; i < count; i++) {
            const cli_cell *cell = &table->rows[r][columns[i]];
            char *text = cli_cell_face(&table->columns[columns[i]], cell);
            fputs(cell->best ? "| **" : "| ", out);
            print_md_cell(out, text);
            fputs(cell->best ? "** " : " ", out);
            free(text);
        }
        fputs("|\n", out);
    }
    if (table->n_notes)
        fputc('\n', out);
    for (int i = 0; i < table->n_notes; i++)
        print_line(out, "", table->notes[i], "  \n");
}

void cli_csv_text(FILE *out, const char *text)
{
    char *visible = cli_visible(text);
    const bool quoted = strpbrk(visible, ",\"") != NULL;
    if (quoted)
        fputc('"', out);
    for (const char *at = visible; *at; at++) {
        if (*at == '"')
            fputc('"', out);
        fputc(*at, out);
    }
    if (quoted)
        fputc('"', out);
    free(visible);
}

static void print_number(double number, FILE *out)
{
    fprintf(out, fabs(number) < 1e15 && fabs(number - rint(number)) <= 0 ? "%.0f" : "%.10g", number);
}

static void print_csv(const cli_table *table, const int *columns, int count, FILE *out)
{
    for (int i = 0; i < count; i++)
        fprintf(out, "%s%s", i ? "," : "", table->columns[columns[i]].key);
    fputc('\n', out);
    for (int r = 0; r < table->n_rows; r++) {
        for (int i = 0; i < count; i++) {
            const cli_cell *cell = &table->rows[r][columns[i]];
            if (i)
                fputc(',', out);
            if (cell->has_number)
                print_number(cell->number, out);
            else if (cell->text)
                cli_csv_text(out, cell->text);
        }
        fputc('\n', out);
    }
}

static void tell_beside_csv(const cli_table *table)
{
    if (cli_set_for_all.quiet)
        return;
    for (int i = 0; i < table->n_head; i++)
        print_line(stderr, "", table->head[i], "\n");
    for (int i = 0; i < table->n_notes; i++)
        print_line(stderr, "", table->notes[i], "\n");
}

void cli_table_print(const cli_table *table, const cli_view *view, FILE *out)
{
    if (view->format == CLI_FORMAT_TEXT) {
        cli_table_print_text(table, view, out);
        return;
    }
    const bool csv = view->format == CLI_FORMAT_CSV; /* JSON is no table's, but a document's */
    int *columns = cli_alloc((size_t)(table->n_columns + table->n_chosen), sizeof *columns);
    const int count = cli_table_list(table, csv, columns);
    (csv ? print_csv : print_md)(table, columns, count, out);
    if (csv)
        tell_beside_csv(table);
    free(columns);
}

void cli_json_print(const json_t *value, FILE *out)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(10) | JSON_ENCODE_ANY);
    uint32_t character;
    bool shown;
    for (const char *at = text; at && *at;) {
        const int bytes = cli_next(at, &character, &shown);
        if (shown || *at == '\n')
            fwrite(at, 1, (size_t)bytes, out);
        else /* in a string */
            fprintf(out, "\\u%04x", (unsigned)character);
        at += bytes;
    }
    fputc('\n', out);
    free(text);
}
