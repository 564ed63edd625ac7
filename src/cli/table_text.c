/* SPDX-License-Identifier: Apache-2.0
 *
 * A table as aligned text. On a terminal it fits the width: long texts move to lines of their own under their rows,
 * then columns are left out, the least important first, and named below. */
#include <stdlib.h>
#include <string.h>

#include "cli/settings.h"
#include "cli/table.h"
#include "cli/text.h"

enum { GAP = 2, INDENT = 6 };

/* What is printed, by index of columns. */
typedef struct layout {
    int *columns, *stacked, *dropped;
    int n_columns, n_stacked, n_dropped;
    int *width; /* of all columns of the table */
    int room;   /* 0: without end */
} layout;

static int star(const cli_column *column)
{
    return column->best == CLI_BEST_NONE ? 0 : 1;
}

/* Numbers keep one place for the star of the best in columns that have one. */
static char *starred_face(const cli_column *column, const cli_cell *cell)
{
    char *plain = cli_cell_face(column, cell);
    if (!star(column))
        return plain;
    char *starred = cli_format_text("%s%s", plain, cell->best ? "*" : " ");
    free(plain);
    return starred;
}

static int at_least(int width, int other)
{
    return width > other ? width : other;
}

static void measure(const cli_table *table, layout *l)
{
    for (int i = 0; i < l->n_columns; i++) {
        const int c = l->columns[i];
        const cli_column *column = &table->columns[c];
        int width = at_least(cli_width(column->head[0]), cli_width(column->head[1])) + star(column);
        for (int r = 0; r < table->n_rows; r++) {
            char *text = starred_face(column, &table->rows[r][c]);
            width = at_least(width, cli_width(text));
            free(text);
        }
        l->width[c] = at_least(width, column->room);
    }
}

static int total(const layout *l)
{
    int width = -GAP;
    for (int i = 0; i < l->n_columns; i++)
        width += l->width[l->columns[i]] + GAP;
    return width > 0 ? width : 0;
}

/* How soon a column goes; 0: never. */
static int eagerness(const cli_column *column)
{
    return column->flags & CLI_COLUMN_STACK ? 100 : column->drop;
}

/* Takes the column out that goes first, the last of several; false if all have to stay. */
static bool shrink(const cli_table *table, layout *l)
{
    int place = -1, most = 1;
    for (int i = 0; i < l->n_columns; i++)
        if (eagerness(&table->columns[l->columns[i]]) >= most) {
            most = eagerness(&table->columns[l->columns[i]]);
            place = i;
        }
    if (place < 0)
        return false;
    const int c = l->columns[place];
    if (table->columns[c].flags & CLI_COLUMN_STACK)
        l->stacked[l->n_stacked++] = c;
    else
        l->dropped[l->n_dropped++] = c;
    l->n_columns--;
    memmove(l->columns + place, l->columns + place + 1, (size_t)(l->n_columns - place) * sizeof *l->columns);
    return true;
}

static void layout_open(layout *l, const cli_table *table, const cli_view *view, FILE *out)
{
    const size_t n = (size_t)(table->n_columns + table->n_chosen); /* one may be chosen twice */
    *l = (layout){ .room = view->wide ? 0 : cli_terminal_width(out) };
    l->columns = cli_alloc(n, sizeof *l->columns);
    l->stacked = cli_alloc(n, sizeof *l->stacked);
    l->dropped = cli_alloc(n, sizeof *l->dropped);
    l->width = cli_alloc(n, sizeof *l->width);
    l->n_columns = cli_table_list(table, false, l->columns);
    measure(table, l);
    while (l->room > 0 && !table->chosen && total(l) > l->room && shrink(table, l))
        ;
}

static void layout_close(layout *l)
{
    free(l->columns);
    free(l->stacked);
    free(l->dropped);
    free(l->width);
}

/* ---- lines ---- */

static void pad(FILE *out, int count, const char *with)
{
    while (count-- > 0)
        fputs(with, out);
}

static void print_aligned(FILE *out, const char *text, int width, bool left, bool last)
{
    const int space = width - cli_width(text);
    if (!left)
        pad(out, space, " ");
    fputs(text, out);
    if (left && !last)
        pad(out, space, " ");
}

/* Words filled into lines of the width that there is, those after the first behind an indent. Returns the lines. */
static int print_filled(FILE *out, const char *text, int at, int indent, int room)
{
    char *visible = cli_visible(text);
    int lines = 1;
    bool begun = false;
    for (char *word = visible; *word;) {
        const size_t length = strcspn(word + 1, " ") + 1; /* with the blank before it */
        const char kept = word[length];
        word[length] = '\0';
        const int width = cli_width(word);
        if (room > 0 && begun && at + width > room) {
            fprintf(out, "\n%*s", indent, "");
            fputs(word + (*word == ' '), out);
            at = indent + width - (*word == ' ');
            lines++;
        } else {
            fputs(word, out);
            at += width;
        }
        begun = true;
        word[length] = kept;
        word += length;
    }
    fputc('\n', out);
    free(visible);
    return lines;
}

static int print_lines(FILE *out, char *const *lines, int count, int room)
{
    int printed = 0;
    for (int i = 0; i < count; i++) {
        const bool alarm = lines[i][0] == '!'; /* what a reader must not miss */
        fputs(alarm ? cli_color(out, CLI_YELLOW) : "", out);
        printed += print_filled(out, lines[i], 0, 2, room);
        fputs(alarm ? cli_color(out, CLI_PLAIN) : "", out);
    }
    return printed;
}

/* Returns the lines. */
static int print_heads(const cli_table *table, const layout *l, FILE *out)
{
    bool two = false;
    for (int i = 0; i < l->n_columns; i++)
        two |= *table->columns[l->columns[i]].head[0] != '\0';
    for (int line = two ? 0 : 1; line < 2; line++) {
        fputs(cli_color(out, CLI_BOLD), out);
        for (int i = 0; i < l->n_columns; i++) {
            const int c = l->columns[i];
            const cli_column *column = &table->columns[c];
            const bool last = i + 1 == l->n_columns;
            print_aligned(out, column->head[line], l->width[c] - star(column), column->flags & CLI_COLUMN_LEFT, last);
            fputs(last ? "" : star(column) ? "   " : "  ", out);
        }
        fprintf(out, "%s\n", cli_color(out, CLI_PLAIN));
    }
    fputs(cli_color(out, CLI_DIM), out);
    pad(out, total(l), "─");
    fprintf(out, "%s\n", cli_color(out, CLI_PLAIN));
    return two ? 3 : 2;
}

static cli_style cell_style(const cli_column *column)
{
    return column->flags & CLI_COLUMN_ALARM ? CLI_RED : CLI_PLAIN;
}

static void print_cell(const cli_table *table, const layout *l, int row, int i, FILE *out)
{
    const int c = l->columns[i];
    const bool last = i + 1 == l->n_columns;
    const cli_cell *cell = &table->rows[row][c];
    char *text = starred_face(&table->columns[c], cell);
    int room = l->width[c];
    if (last && star(&table->columns[c]) && !cell->best) { /* no blank at the end of a line */
        text[strlen(text) - 1] = '\0';
        room--;
    }
    const cli_style style = cell->best ? CLI_GREEN : cell_style(&table->columns[c]);
    if (style)
        fputs(cli_color(out, style), out);
    print_aligned(out, text, room, table->columns[c].flags & CLI_COLUMN_LEFT, last);
    if (style)
        fputs(cli_color(out, CLI_PLAIN), out);
    fputs(last ? "\n" : "  ", out);
    free(text);
}

/* Returns the lines. */
static int print_row(const cli_table *table, const layout *l, int row, FILE *out)
{
    int lines = 1;
    for (int i = 0; i < l->n_columns; i++)
        print_cell(table, l, row, i, out);
    for (int i = 0; i < l->n_stacked; i++) {
        const cli_column *column = &table->columns[l->stacked[i]];
        char *text = cli_cell_face(column, &table->rows[row][l->stacked[i]]);
        if (*text) {
            fputs(cell_style(column) ? cli_color(out, cell_style(column)) : "", out);
            const int at = fprintf(out, "%*s%s: ", INDENT - GAP, "", column->head[1]);
            lines += print_filled(out, text, at, INDENT, l->room);
            fputs(cell_style(column) ? cli_color(out, CLI_PLAIN) : "", out);
        }
        free(text);
    }
    return lines;
}

static void print_dropped(const cli_table *table, const layout *l, FILE *out)
{
    char *keys = cli_copy("");
    for (int i = 0; i < l->n_dropped; i++) {
        char *more = cli_format_text("%s%s%s", keys, i ? ", " : "", table->columns[l->dropped[i]].key);
        free(keys);
        keys = more;
    }
    char *line =
        cli_format_text("Left out to fit %d columns: %s; --wide prints all, --columns A,B those.", l->room, keys);
    fputc('\n', out);
    print_filled(out, line, 0, 2, l->room);
    free(line);
    free(keys);
}

void cli_table_print_text(const cli_table *table, const cli_view *view, FILE *out)
{
    layout l;
    layout_open(&l, table, view, out);
    print_lines(out, table->head, table->n_head, l.room);
    if (table->n_head)
        fputc('\n', out);
    print_heads(table, &l, out);
    for (int r = 0; r < table->n_rows; r++)
        print_row(table, &l, r, out);
    if (l.n_dropped)
        print_dropped(table, &l, out);
    if (table->n_notes)
        fputc('\n', out);
    print_lines(out, table->notes, table->n_notes, l.room);
    layout_close(&l);
}

/* ---- rows as they come ---- */

struct cli_live {
    const cli_table *table;
    layout l;
    FILE *out;
    int lines;
};

cli_live *cli_live_open(const cli_table *table, const cli_view *view, FILE *out)
{
    if (view->format != CLI_FORMAT_TEXT || cli_terminal_width(out) == 0)
        return NULL;
    cli_live *live = cli_alloc(1, sizeof *live);
    *live = (cli_live){ .table = table, .out = out };
    layout_open(&live->l, table, view, out);
    live->lines = print_lines(out, table->head, table->n_head, live->l.room);
    if (table->n_head)
        live->lines += fprintf(out, "\n");
    live->lines += print_heads(table, &live->l, out);
    fflush(out);
    cli_messages_hold();
    return live;
}

void cli_live_row(cli_live *live, int row)
{
    if (!live)
        return;
    live->lines += print_row(live->table, &live->l, row, live->out);
    fflush(live->out);
}

void cli_live_close(cli_live *live)
{
    if (!live)
        return;
    const bool fits = live->lines < cli_terminal_height(live->out) && total(&live->l) <= cli_terminal_width(live->out);
    if (fits) /* back to where it began: the whole table takes its place */
        fprintf(live->out, "\033[%dA\033[J", live->lines);
    else
        fputc('\n', live->out);
    cli_messages_print();
    layout_close(&live->l);
    free(live);
}
