/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of plans, on disk: the golden file, which holds all, and the journals of columns, a line for each
 * answer, which make a run that was stopped go on. */
#include "plans.h"

#include <stdlib.h>
#include <string.h>

enum { LINE = 512 };

/* ---- the golden file ---- */

/* The columns of the file, in order; how many. */
static int columns_of(const layers *all, int *column)
{
    int n = 0;
    for (int i = 0; i < LAYER_CELLS; i++)
        if (all->planned[i / LAYER_PRECISIONS])
            column[n++] = i;
    return n;
}

static void read_cells(const char *cells, const layers *all, row *out)
{
    int column[LAYER_CELLS], n = 0;
    const int count = columns_of(all, column);
    for (const char *c = cells; *c && n < count; c++)
        if (*c != '|')
            out->cell[column[n++]] = *c == '?' ? '\0' : *c;
}

static bool has_cells(const row *r, const layers_wanted *wanted)
{
    for (int n = 0; n < LAYER_CELLS; n++)
        if (layers_wants(wanted, n) && r->cell[n] != '.')
            return true;
    return false;
}

plans_file plans_read(const char *path, const layers *all, const layers_wanted *wanted, row *rows)
{
    plans_file found = { .known = -1 };
    char line[LINE];
    FILE *file = fopen(path, "r");
    if (!file)
        return found;
    found.known = 0;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#') {
            sscanf(line, "# cudnn %d", &found.version);
            continue;
        }
        char *cells = strchr(line, '|');
        if (!cells)
            continue;
        *cells++ = '\0';
        const int index = layers_find(all, line);
        row stranger;
        memset(&stranger, '.', sizeof stranger);
        read_cells(cells, all, index >= 0 ? &rows[index] : &stranger);
        found.known += index >= 0;
        found.strangers += index < 0 && has_cells(&stranger, wanted);
    }
    fclose(file);
    return found;
}

static void write_head(FILE *file, bool training, const layers *all, int version)
{
    fprintf(file, "# cudnn %d: layers of %s; columns", version,
            training ? "a step of training of every row of the registry, at batch 32"
                     : "all networks, and of weft selftest");
    for (int t = 0; t < LAYER_TARGETS; t++)
        if (all->planned[t])
            fprintf(file, " %s", layer_targets[t]);
    fprintf(file, ", each fp32 tf32 fp16 bf16; letters: tests/cuda/plans.c\n");
}

bool plans_write(const char *path, bool training, const layers *all, const row *rows, int version)
{
    int column[LAYER_CELLS];
    const int count = columns_of(all, column);
    FILE *file = fopen(path, "w");
    if (!file)
        return false;
    write_head(file, training, all, version);
    for (int i = 0; i < all->count; i++) {
        fputs(all->list[i].text, file);
        for (int n = 0; n < count; n++) {
            if (n % LAYER_PRECISIONS == 0)
                fputc('|', file);
            fputc(rows[i].cell[column[n]] ? rows[i].cell[column[n]] : '?', file);
        }
        fputc('\n', file);
    }
    return fclose(file) == 0;
}

/* ---- journals ---- */

FILE *plans_journal(const char *folder, bool training, int column, const char *mode)
{
    char path[LINE];
    if (!folder)
        return NULL;
    snprintf(path, sizeof path, "%s/%s%s.%s", folder, training ? "step." : "", layer_targets[column / LAYER_PRECISIONS],
             layer_precisions[column % LAYER_PRECISIONS].name);
    return fopen(path, mode);
}

void plans_read_journals(const char *folder, bool training, const layers *all, row *rows)
{
    for (int n = 0; n < LAYER_CELLS; n++) {
        char line[LINE];
        FILE *file = plans_journal(folder, training, n, "r");
        while (file && fgets(line, sizeof line, file)) {
            const bool whole = strchr(line, '\n') != NULL; /* not the last line of a run that was stopped in it */
            line[strcspn(line, "\n")] = '\0';
            const int index = whole && strlen(line) > 2 ? layers_find(all, line + 2) : -1;
            if (index >= 0)
                rows[index].cell[n] = line[0];
        }
        if (file)
            fclose(file);
    }
}

void plans_settle(const layers *all, row *rows)
{
    for (int i = 0; i < all->count; i++)
        for (int n = 0; n < LAYER_CELLS; n++)
            if (!all->list[i].used[n])
                rows[i].cell[n] = '.';
            else if (all->list[i].own)
                rows[i].cell[n] = 'w';
}
