/* SPDX-License-Identifier: Apache-2.0
 *
 * A table of numbers and texts, printed as aligned text, Markdown, CSV or JSON. Every list that weft prints is one.
 * Text and Markdown show rounded numbers in a column's unit; CSV and JSON give them whole. */
#ifndef WEFT_CLI_TABLE_H
#define WEFT_CLI_TABLE_H

#include <jansson.h>

#include "cli/rows.h"

typedef enum cli_best { CLI_BEST_NONE, CLI_BEST_LOW, CLI_BEST_HIGH } cli_best;

enum {
    CLI_COLUMN_LEFT = 1,   /* text, to the left */
    CLI_COLUMN_DATA = 2,   /* only in CSV and JSON */
    CLI_COLUMN_SPARSE = 4, /* left out of text and Markdown where every cell is empty */
    CLI_COLUMN_ALARM = 16, /* what it says is wrong */
    CLI_COLUMN_STACK = 8   /* on a terminal too narrow for it, on lines of its own under the row */
};

typedef struct cli_column {
    const char *key;     /* in CSV, JSON and --sort */
    const char *head[2]; /* one above the other in text, side by side in Markdown; "" for none */
    int digits;          /* after the point */
    double scale;        /* shown is number / scale; 0: 1 */
    cli_best best;
    int flags;
    int drop; /* columns of the highest number leave first on a narrow terminal; 0: stays */
    int room; /* characters to expect of cells that are to come */
} cli_column;

typedef struct cli_table cli_table;

/* The columns are borrowed. */
cli_table *cli_table_create(const cli_column *columns, int count);
void cli_table_destroy(cli_table *table);
/* Adds an empty row; cells not set print as "-" (text: ""). */
int cli_table_add(cli_table *table);
int cli_table_rows(const cli_table *table);
/* The column of that key; prints, as the option's, that there is none. */
cli_exit cli_table_column(const cli_table *table, const char *option, const char *key, int *column);
/* Which columns are printed, and in which order, by "a,b"; NULL: those that a person wants. */
cli_exit cli_table_choose(cli_table *table, const char *columns);
/* The columns that are printed, for a person or all for a program; returns how many. columns has room for n_columns
 * and n_chosen. */
int cli_table_list(const cli_table *table, bool all, int *columns);

/* All cells are of the newest row, or of the one selected since, named by the column's key. */
void cli_table_select(cli_table *table, int row);
void cli_put_number(cli_table *table, const char *key, double number);
void cli_put_text(cli_table *table, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* "yes" or "no"; true or false in JSON. */
void cli_put_bool(cli_table *table, const char *key, bool value);
/* What text and Markdown show instead of the rounded number. */
void cli_put_shown(cli_table *table, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Why there is no number. */
void cli_put_missing(cli_table *table, const char *key, const char *reason);
/* A mark after the value that a note explains; "flags" in JSON. */
void cli_put_mark(cli_table *table, const char *key, const char *mark);

/* Lines above and below the table. */
void cli_table_head(cli_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes the lines above out again. */
void cli_table_clear_head(cli_table *table);
void cli_table_note(cli_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Rows without a number come last. Pointers that go with the rows are moved along; NULL: none. */
void cli_table_sort(cli_table *table, int column, bool reverse, const void **along);
/* Takes the rows from count on out. */
void cli_table_truncate(cli_table *table, int count);
void cli_table_mark_best(cli_table *table);

/* Rows as an array of objects, for a document. */
json_t *cli_table_json(const cli_table *table);
/* The number of a cell; NAN if it has none. The text; NULL if it has none. */
double cli_table_number(const cli_table *table, int row, const char *key);
const char *cli_table_text(const cli_table *table, int row, const char *key);
/* The same, as a person is shown it. */
const char *cli_table_label(const cli_table *table, int row, const char *key);

/* Text, Markdown or CSV. */
void cli_table_print(const cli_table *table, const cli_view *view, FILE *out);
/* The first, alone. */
void cli_table_print_text(const cli_table *table, const cli_view *view, FILE *out);
/* Rows of text as they come, of a table whose other cells are known before. NULL, which the others take, where out is
 * no terminal; closing clears the place for the whole table. */
typedef struct cli_live cli_live;
cli_live *cli_live_open(const cli_table *table, const cli_view *view, FILE *out);
void cli_live_row(cli_live *live, int row);
void cli_live_close(cli_live *live);
/* A field of CSV, in quotes where it needs them. */
void cli_csv_text(FILE *out, const char *text);
/* Indented, keys in order, one newline at the end. */
void cli_json_print(const json_t *value, FILE *out);

/* ---- inside ---- */

typedef struct cli_cell {
    bool has_number, is_bool, best;
    double number;
    char *text, *shown, *missing;
    const char *mark;
} cli_cell;

struct cli_table {
    const cli_column *columns;
    int n_columns, n_rows, cap_rows, row;
    cli_cell **rows;
    char **head, **notes;
    int n_head, n_notes;
    int *chosen, n_chosen; /* by cli_table_choose; NULL: by their flags */
};

/* What a cell shows, without its mark of the best. Allocated. */
char *cli_cell_face(const cli_column *column, const cli_cell *cell);

#endif
