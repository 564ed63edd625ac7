/* SPDX-License-Identifier: Apache-2.0
 *
 * Printing a table: aligned text, GitHub's Markdown, and CSV (RFC 4180, with # before lines of head and notes). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "cli/text.h"

static bool shown(const cli_table *table, int c)
{
    const int flags = table->columns[c].flags;
    if (flags & CLI_COLUMN_DATA)
        return false;
    if (!(flags & CLI_COLUMN_SPARSE))
        return true;
    for (int r = 0; r < table->n_rows; r++)
        if (table->rows[r][c].has_number || table->rows[r][c].text)
            return true;
    return false;
}

static char *raw_face(const cli_column *column, const cli_cell *cell)
{
    const char *mark = cell->mark ? cell->mark : "";
    if (cell->shown)
        return cli_format_text("%s%s", cell->shown, mark);
    if (cell->has_number)
        return cli_format_text("%.*f%s", column->digits, cell->number / (column->scale > 0 ? column->scale : 1), mark);
    if (cell->text)
        return cli_format_text("%s%s", cell->text, mark);
    return cli_copy(column->flags & CLI_COLUMN_LEFT ? "" : "-");
}

/* What a cell shows, without its mark of the best. Allocated. */
static char *face(const cli_column *column, const cli_cell *cell)
{
    char *raw = raw_face(column, cell), *visible = cli_visible(raw);
    free(raw);
    return visible;
}

/* A line of head or notes, between what surrounds it. */
static void print_line(FILE *out, const char *before, const char *line, const char *after)
{
    fputs(before, out);
    cli_put_visible(out, line);
    fputs(after, out);
}

static void pad(FILE *out, int count, char with)
{
    while (count-- > 0)
        fputc(with, out);
}

static void print_aligned(FILE *out, const char *text, int width, bool left, bool last)
{
    const int space = width - cli_width(text);
    if (!left)
        pad(out, space, ' ');
    fputs(text, out);
    if (left && !last)
        pad(out, space, ' ');
}

/* Numbers keep one place for the star of the best in columns that have one. */
static char *text_face(const cli_column *column, const cli_cell *cell)
{
    char *plain = face(column, cell);
    if (column->best == CLI_BEST_NONE)
        return plain;
    char *starred = cli_format_text("%s%s", plain, cell->best ? "*" : " ");
    free(plain);
    return starred;
}

static int last_shown(const cli_table *table)
{
    int last = 0;
    for (int c = 0; c < table->n_columns; c++)
        if (shown(table, c))
            last = c;
    return last;
}

static void print_text_heads(const cli_table *table, const int *width, int last, FILE *out)
{
    bool two = false;
    int total = -2;
    for (int c = 0; c < table->n_columns; c++) {
        two |= shown(table, c) && *table->columns[c].head[0];
        total += shown(table, c) ? width[c] + 2 : 0;
    }
    for (int line = two ? 0 : 1; line < 2; line++) {
        for (int c = 0; c < table->n_columns; c++) {
            if (!shown(table, c))
                continue;
            const cli_column *column = &table->columns[c];
            const int star = column->best == CLI_BEST_NONE ? 0 : 1;
            print_aligned(out, column->head[line], width[c] - star, column->flags & CLI_COLUMN_LEFT, c == last);
            fputs(c == last ? "\n" : star ? "   " : "  ", out);
        }
    }
    for (int i = 0; i < total; i++)
        fputs("─", out);
    fputc('\n', out);
}

static void print_text_row(const cli_table *table, int row, const int *width, int last, FILE *out)
{
    for (int c = 0; c <= last; c++) {
        if (!shown(table, c))
            continue;
        const cli_cell *cell = &table->rows[row][c];
        char *text = text_face(&table->columns[c], cell);
        int room = width[c];
        if (c == last && table->columns[c].best != CLI_BEST_NONE && !cell->best) { /* no blank at the end of a line */
            text[strlen(text) - 1] = '\0';
            room--;
        }
        print_aligned(out, text, room, table->columns[c].flags & CLI_COLUMN_LEFT, c == last);
        fputs(c == last ? "\n" : "  ", out);
        free(text);
    }
}

static void print_text(const cli_table *table, FILE *out)
{
    int *width = cli_alloc((size_t)table->n_columns, sizeof *width);
    const int last = last_shown(table);
    for (int c = 0; c < table->n_columns; c++) {
        const cli_column *column = &table->columns[c];
        const int star = column->best == CLI_BEST_NONE ? 0 : 1;
        width[c] = (int)fmax(cli_width(column->head[0]) + star, cli_width(column->head[1]) + star);
        for (int r = 0; r < table->n_rows; r++) {
            char *text = text_face(column, &table->rows[r][c]);
            width[c] = (int)fmax(width[c], cli_width(text));
            free(text);
        }
    }
    for (int i = 0; i < table->n_head; i++)
        print_line(out, "", table->head[i], "\n");
    if (table->n_head)
        fputc('\n', out);
    print_text_heads(table, width, last, out);
    for (int r = 0; r < table->n_rows; r++)
        print_text_row(table, r, width, last, out);
    if (table->n_notes)
        fputc('\n', out);
    for (int i = 0; i < table->n_notes; i++)
        print_line(out, "", table->notes[i], "\n");
    free(width);
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

static void print_md(const cli_table *table, FILE *out)
{
    for (int i = 0; i < table->n_head; i++)
        print_line(out, "", table->head[i], "  \n");
    if (table->n_head)
        fputc('\n', out);
    for (int c = 0; c < table->n_columns; c++)
        if (shown(table, c)) {
            const char *const *head = table->columns[c].head;
            fprintf(out, "| %s%s%s ", head[0], *head[0] && *head[1] ? " " : "", head[1]);
        }
    fputs("|\n", out);
    for (int c = 0; c < table->n_columns; c++)
        if (shown(table, c))
            fputs(table->columns[c].flags & CLI_COLUMN_LEFT ? "|---" : "|--:", out);
    fputs("|\n", out);
    for (int r = 0; r < table->n_rows; r++) {
        for (int c = 0; c < table->n_columns; c++) {
            if (!shown(table, c))
                continue;
            const cli_cell *cell = &table->rows[r][c];
            char *text = face(&table->columns[c], cell);
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

static void print_csv(const cli_table *table, FILE *out)
{
    for (int i = 0; i < table->n_head; i++)
        print_line(out, "# ", table->head[i], "\n");
    for (int c = 0; c < table->n_columns; c++)
        fprintf(out, "%s%s", c ? "," : "", table->columns[c].key);
    fputc('\n', out);
    for (int r = 0; r < table->n_rows; r++) {
        for (int c = 0; c < table->n_columns; c++) {
            const cli_cell *cell = &table->rows[r][c];
            if (c)
                fputc(',', out);
            if (cell->has_number)
                fprintf(out,
                        fabs(cell->number) < 1e15 && fabs(cell->number - rint(cell->number)) <= 0 ? "%.0f" : "%.10g",
                        cell->number);
            else if (cell->text)
                cli_csv_text(out, cell->text);
        }
        fputc('\n', out);
    }
    for (int i = 0; i < table->n_notes; i++)
        print_line(out, "# ", table->notes[i], "\n");
}

void cli_table_print(const cli_table *table, cli_format format, FILE *out)
{
    switch (format) {
    case CLI_FORMAT_TEXT:
        print_text(table, out);
        break;
    case CLI_FORMAT_MD:
        print_md(table, out);
        break;
    case CLI_FORMAT_CSV:
        print_csv(table, out);
        break;
    case CLI_FORMAT_JSON: /* a table is a part of a document */
        break;
    }
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
