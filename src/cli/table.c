/* SPDX-License-Identifier: Apache-2.0
 *
 * Building, sorting and marking a table, and its JSON. */
#include "cli/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/common.h"
#include "cli/text.h"

cli_table *cli_table_create(const cli_column *columns, int count)
{
    cli_table *table = cli_alloc(1, sizeof *table);
    table->columns = columns;
    table->n_columns = count;
    return table;
}

static void free_lines(char **lines, int count)
{
    for (int i = 0; i < count; i++)
        free(lines[i]);
    free(lines);
}

void cli_table_destroy(cli_table *table)
{
    if (!table)
        return;
    cli_table_truncate(table, 0);
    free(table->rows);
    free(table->chosen);
    free_lines(table->head, table->n_head);
    free_lines(table->notes, table->n_notes);
    free(table);
}

int cli_table_add(cli_table *table)
{
    if (table->n_rows == table->cap_rows) {
        table->cap_rows = table->cap_rows ? 2 * table->cap_rows : 32;
        table->rows = cli_grow(table->rows, (size_t)table->cap_rows, sizeof *table->rows);
    }
    table->rows[table->n_rows] = cli_alloc((size_t)table->n_columns, sizeof **table->rows);
    table->row = table->n_rows;
    return table->n_rows++;
}

void cli_table_select(cli_table *table, int row)
{
    table->row = row;
}

static void free_row(const cli_table *table, cli_cell *row)
{
    for (int c = 0; c < table->n_columns; c++) {
        free(row[c].text);
        free(row[c].shown);
        free(row[c].missing);
    }
    free(row);
}

void cli_table_truncate(cli_table *table, int count)
{
    while (table->n_rows > count)
        free_row(table, table->rows[--table->n_rows]);
}

int cli_table_rows(const cli_table *table)
{
    return table->n_rows;
}

static int find(const cli_table *table, const char *key, size_t length)
{
    for (int c = 0; c < table->n_columns; c++)
        if (strlen(table->columns[c].key) == length && strncmp(table->columns[c].key, key, length) == 0)
            return c;
    return -1;
}

static cli_exit unknown_column(const cli_table *table, const char *option, const char *key)
{
    const char **names = cli_alloc((size_t)table->n_columns, sizeof *names);
    for (int c = 0; c < table->n_columns; c++)
        names[c] = table->columns[c].key;
    const char *nearest = cli_nearest(key, names, table->n_columns);
    free(names);
    if (nearest)
        return cli_error(CLI_USAGE, "--%s: unknown column '%s'; did you mean '%s'?", option, key, nearest);
    return cli_error(CLI_USAGE, "--%s: unknown column '%s'; -o csv prints the names of all", option, key);
}

cli_exit cli_table_column(const cli_table *table, const char *option, const char *key, int *column)
{
    *column = find(table, key, strlen(key));
    return *column < 0 ? unknown_column(table, option, key) : CLI_OK;
}

cli_exit cli_table_choose(cli_table *table, const char *columns)
{
    if (!columns)
        return CLI_OK;
    free(table->chosen);
    table->chosen = cli_alloc(strlen(columns) + 1, sizeof *table->chosen);
    table->n_chosen = 0;
    for (const char *at = columns;; at++) {
        char key[64];
        const size_t length = strcspn(at, ",");
        snprintf(key, sizeof key, "%.*s", (int)length, at);
        const cli_exit code = cli_table_column(table, "columns", key, &table->chosen[table->n_chosen++]);
        at += length;
        if (code || !*at)
            return code;
    }
}

/* Whether a person wants to see it. */
static bool wanted(const cli_table *table, int c)
{
    const int flags = table->columns[c].flags;
    if (flags & CLI_COLUMN_DATA)
        return false;
    if (!(flags & CLI_COLUMN_SPARSE))
        return true;
    for (int r = 0; r < table->n_rows; r++)
        if (table->rows[r][c].has_number || table->rows[r][c].text || table->rows[r][c].shown)
            return true;
    return false;
}

int cli_table_list(const cli_table *table, bool all, int *columns)
{
    int count = 0;
    if (table->chosen)
        memcpy(columns, table->chosen, (size_t)table->n_chosen * sizeof *columns);
    for (int c = 0; !table->chosen && c < table->n_columns; c++)
        if (all || wanted(table, c))
            columns[count++] = c;
    return table->chosen ? table->n_chosen : count;
}

static cli_cell *cell_of(const cli_table *table, int row, const char *key)
{
    const int column = find(table, key, strlen(key));
    if (column < 0 || row < 0 || row >= table->n_rows) {
        fprintf(stderr, "weft: internal error: no cell %s\n", key);
        exit(CLI_INTERNAL);
    }
    return &table->rows[row][column];
}

static cli_cell *present(cli_table *table, const char *key)
{
    return cell_of(table, table->row, key);
}

static void replace(char **text, char *by)
{
    free(*text);
    *text = by;
}

void cli_put_number(cli_table *table, const char *key, double number)
{
    cli_cell *cell = present(table, key);
    if (isfinite(number)) {
        cell->number = number;
        cell->has_number = true;
    }
}

void cli_put_text(cli_table *table, const char *key, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    replace(&present(table, key)->text, cli_format_list(format, ap));
    va_end(ap);
}

void cli_put_bool(cli_table *table, const char *key, bool value)
{
    cli_cell *cell = present(table, key);
    replace(&cell->text, cli_copy(value ? "yes" : "no"));
    cell->is_bool = true;
}

void cli_put_shown(cli_table *table, const char *key, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    replace(&present(table, key)->shown, cli_format_list(format, ap));
    va_end(ap);
}

void cli_put_missing(cli_table *table, const char *key, const char *reason)
{
    replace(&present(table, key)->missing, cli_copy(reason));
}

void cli_put_mark(cli_table *table, const char *key, const char *mark)
{
    present(table, key)->mark = mark;
}

static void add_line(char ***lines, int *count, char *line)
{
    *lines = cli_grow(*lines, (size_t)*count + 1, sizeof **lines);
    (*lines)[(*count)++] = line;
}

void cli_table_head(cli_table *table, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    add_line(&table->head, &table->n_head, cli_format_list(format, ap));
    va_end(ap);
}

void cli_table_clear_head(cli_table *table)
{
    free_lines(table->head, table->n_head);
    table->head = NULL;
    table->n_head = 0;
}

void cli_table_note(cli_table *table, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    add_line(&table->notes, &table->n_notes, cli_format_list(format, ap));
    va_end(ap);
}

static int compare_cells(const cli_cell *a, const cli_cell *b, bool reverse)
{
    if (a->has_number != b->has_number)
        return a->has_number ? -1 : 1;
    int order = 0;
    if (a->has_number)
        order = (a->number > b->number) - (a->number < b->number);
    else if (a->text && b->text)
        order = strcasecmp(a->text, b->text);
    return reverse ? -order : order;
}

/* By insertion: rows are few, and equal ones keep their order. */
void cli_table_sort(cli_table *table, int column, bool reverse, const void **along)
{
    for (int r = 1; r < table->n_rows; r++) {
        cli_cell *row = table->rows[r];
        const void *with = along ? along[r] : NULL;
        int at = r;
        for (; at > 0 && compare_cells(&table->rows[at - 1][column], &row[column], reverse) > 0; at--) {
            table->rows[at] = table->rows[at - 1];
            if (along)
                along[at] = along[at - 1];
        }
        table->rows[at] = row;
        if (along)
            along[at] = with;
    }
}

/* A column of one value, or of equal values, has no best. */
void cli_table_mark_best(cli_table *table)
{
    for (int c = 0; c < table->n_columns; c++) {
        const cli_best best = table->columns[c].best;
        double low = INFINITY, high = -INFINITY;
        for (int r = 0; r < table->n_rows; r++) {
            const cli_cell *cell = &table->rows[r][c];
            if (cell->has_number) {
                low = fmin(low, cell->number);
                high = fmax(high, cell->number);
            }
        }
        if (best == CLI_BEST_NONE || !(low < high))
            continue;
        for (int r = 0; r < table->n_rows; r++) {
            cli_cell *cell = &table->rows[r][c];
            cell->best = cell->has_number && !(cell->number < high && cell->number > low) &&
                         (best == CLI_BEST_LOW ? cell->number <= low : cell->number >= high);
        }
    }
}

static json_t *json_number(double number)
{
    const double limit = 9007199254740992.0; /* 2^53 */
    if (number < limit && number > -limit && !(number < floor(number)) && !(number > floor(number)))
        return json_integer((json_int_t)number);
    return json_real(number);
}

static json_t *json_cell(const cli_cell *cell)
{
    if (cell->has_number)
        return json_number(cell->number);
    if (cell->is_bool)
        return json_boolean(strcmp(cell->text, "yes") == 0);
    return cell->text ? cli_json_string(cell->text) : json_null();
}

json_t *cli_table_json(const cli_table *table)
{
    json_t *rows = json_array();
    for (int r = 0; r < table->n_rows; r++) {
        json_t *row = json_object(), *best = json_array(), *flags = json_array(), *missing = json_object();
        for (int c = 0; c < table->n_columns; c++) {
            const cli_cell *cell = &table->rows[r][c];
            const char *key = table->columns[c].key;
            json_object_set_new(row, key, json_cell(cell));
            if (cell->best)
                json_array_append_new(best, json_string(key));
            if (cell->mark)
                json_array_append_new(flags, json_string(key));
            if (cell->missing)
                json_object_set_new(missing, key, cli_json_string(cell->missing));
        }
        if (json_array_size(best))
            json_object_set(row, "best", best);
        if (json_array_size(flags))
            json_object_set(row, "flags", flags);
        if (json_object_size(missing))
            json_object_set(row, "missing", missing);
        json_decref(best);
        json_decref(flags);
        json_decref(missing);
        json_array_append_new(rows, row);
    }
    return rows;
}

double cli_table_number(const cli_table *table, int row, const char *key)
{
    const cli_cell *cell = cell_of(table, row, key);
    return cell->has_number ? cell->number : (double)NAN;
}

const char *cli_table_text(const cli_table *table, int row, const char *key)
{
    return cell_of(table, row, key)->text;
}

const char *cli_table_label(const cli_table *table, int row, const char *key)
{
    const cli_cell *cell = cell_of(table, row, key);
    return cell->shown ? cell->shown : cell->text;
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

char *cli_cell_face(const cli_column *column, const cli_cell *cell)
{
    char *raw = raw_face(column, cell), *visible = cli_visible(raw);
    free(raw);
    return visible;
}
