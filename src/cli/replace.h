/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that stand whole or as they were, whenever the process ends: written beside their place, then moved there. */
#ifndef WEFT_CLI_REPLACE_H
#define WEFT_CLI_REPLACE_H

#include <stdbool.h>
#include <stdio.h>

typedef struct cli_replacement {
    FILE *file; /* to write to; NULL: it could not be created, and errno says why */
    char *path, *beside;
} cli_replacement;

cli_replacement cli_replace_begin(const char *folder, const char *name);
/* Frees. false: what stood there still does, and errno says why. durable: not before it is on the disk. */
bool cli_replace_end(cli_replacement *replacement, bool durable);

#endif
