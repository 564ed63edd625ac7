/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of results that options name: there when the run is over, whole; of a run that fails or is ended by a signal
 * there is nothing, or what stood there before. */
#ifndef WEFT_CLI_OUTPUT_H
#define WEFT_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/cli.h"

typedef struct cli_output {
    FILE *file; /* to write to; NULL: not wanted */
    const char *option, *path;
    bool direct; /* a pipe or a device, which is written as it comes */
} cli_output;

/* Before anything is computed: a path that cannot be written is known at once. Nothing for the path NULL. */
cli_exit cli_output_open(cli_output *output, const char *option, const char *path);
/* Puts the file in its place if code is CLI_OK. Returns code, or why that failed. */
cli_exit cli_output_close(cli_output *output, cli_exit code);

#endif
