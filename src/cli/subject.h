/* SPDX-License-Identifier: Apache-2.0
 *
 * What a command that plans a network is about: a network by name, or a user's own weight file, which says what it is
 * of; with as many pixels and classes as are asked for. */
#ifndef WEFT_CLI_SUBJECT_H
#define WEFT_CLI_SUBJECT_H

#include "cli/common.h"
#include "cli/table.h"

typedef struct cli_subject {
    const weft_arch *arch;
    const char *file;   /* the weights; NULL: a network by name */
    int px, classes;    /* never 0 */
    weft_recipe recipe; /* how a photograph becomes the input */
} cli_subject;

/* A name with a '/' or '.' that no network has is a file's; so is any other name that a file has and no network. */
bool cli_names_a_file(const char *word);
/* The network or file of a word; of a file *weights (NULL: not wanted) are its tensors, to be destroyed by the caller.
 * Prints why there is none. */
cli_exit cli_find_subject(weft_ctx *ctx, const char *word, weft_dialect dialect, const cli_size *size,
                          cli_subject *out, weft_weights **weights);
/* A network by name, of the size asked for. */
cli_subject cli_sized(const weft_arch *arch, const cli_size *size);
/* Whether its network has the size that it is published with. */
bool cli_has_own_size(const cli_subject *subject);
/* Builds its network; prints why it cannot. */
cli_exit cli_build(weft_ctx *ctx, const cli_subject *subject, int64_t batch, weft_graph **out);

/* The first columns of a table whose rows are networks as a GPU plans them, and a new row with these filled. */
/* clang-format off */
#define CLI_COLUMNS_PLANNED \
    { "model", { "", "model" }, .flags = CLI_COLUMN_LEFT }, \
    { "dialect", { "", "dialect" }, .flags = CLI_COLUMN_DATA }, \
    { "px", { "", "px" }, .digits = 0 }, \
    { "precision", { "", "precision" }, .flags = CLI_COLUMN_LEFT }, \
    { "batch", { "", "batch" }, .digits = 0 }
/* clang-format on */
void cli_add_planned(cli_table *table, const cli_subject *subject, weft_precision precision, int64_t batch);

#endif
