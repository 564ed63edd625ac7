/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of layers' plans: a row for each layer, a cell for each card and precision, in a golden file and in
 * journals (plans_table.c), and who takes what has no plan (plans_whole.c). The letters of cells: plans.c. */
#ifndef WEFT_TESTS_CUDA_PLANS_H
#define WEFT_TESTS_CUDA_PLANS_H

#include "layers.h"

#include <stdio.h>

/* Cells of one layer. 0: not known; '.': no network asks for it. */
typedef struct row {
    char cell[LAYER_CELLS];
} row;

/* The golden file holds "text|PpPP|..." in order of text, with a group of cells for each card that networks were
 * planned for. */
typedef struct plans_file {
    int known;     /* layers that it has; -1: it cannot be read */
    int strangers; /* rows of it that are no layer's, though they have cells in the columns that are wanted */
    int version;   /* cuDNN's when it was written */
} plans_file;

/* Fills the rows of the layers that it knows. */
plans_file plans_read(const char *path, const layers *all, const layers_wanted *wanted, row *rows);
bool plans_write(const char *path, bool training, const layers *all, const row *rows, int version);

/* The journal of a column in folder, opened as fopen does; NULL without. */
FILE *plans_journal(const char *folder, bool training, int column, const char *mode);
/* What earlier runs found out: "P text" lines. */
void plans_read_journals(const char *folder, bool training, const layers *all, row *rows);
/* The cells that need no question: of kernels of weft's own, and of what no network asks for. */
void plans_settle(const layers *all, row *rows);

/* Names every cell of the columns that are wanted without a plan; counts those that nothing else takes. */
int plans_count_bad(const layers *all, const layers_wanted *wanted, const row *rows);
/* Whether the golden file is whole: no question open, and in the columns that are wanted a row for each layer and no
 * other, in each cell a plan or who takes it. Counts what is wrong. */
int plans_check_whole(const layers *all, const layers_wanted *wanted, const row *rows, const plans_file *file);

#endif
