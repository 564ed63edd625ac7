/* SPDX-License-Identifier: Apache-2.0
 *
 * Standard input of classify: names of images, or the bytes of one. */
#ifndef WEFT_CLI_INPUT_H
#define WEFT_CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/cli.h"

typedef struct cli_input {
    char *data;
    size_t size, room, at; /* read; of the array; taken */
    bool ended;
    int end; /* what ends names: '\n', '\0', -1: not known yet */
    int blank; /* empty names since the last that was not */
} cli_input;

/* Reads what tells an image from names. The caller frees input->data. */
cli_exit cli_input_begin(cli_input *input);
/* Whether an image's bytes come. */
bool cli_input_is_image(const cli_input *input);
/* Reads all the rest. */
cli_exit cli_input_all(cli_input *input);
/* The next name that is not empty; NULL at the end. What ends the first one ends all: a line, or a NUL as find -print0
 * writes. Valid until the next call. */
cli_exit cli_input_name(cli_input *input, const char **name);

#endif
