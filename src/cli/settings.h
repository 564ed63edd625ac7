/* SPDX-License-Identifier: Apache-2.0
 *
 * What every command takes: how much is said on standard error, and whether in colours. */
#ifndef WEFT_CLI_SETTINGS_H
#define WEFT_CLI_SETTINGS_H

#include "cli/option.h"

typedef enum cli_when { CLI_WHEN_AUTO, CLI_WHEN_ALWAYS, CLI_WHEN_NEVER } cli_when;

/* Set by the parser, once, before the command runs. */
typedef struct cli_settings {
    cli_when color;
    bool quiet, verbose;
    int rank; /* of several processes: named in what is said; 0: it need not be */
} cli_settings;
extern cli_settings cli_set_for_all;
/* The rows of options that fill it; every command has them behind its own. */
extern const cli_option cli_common_rows[];

typedef enum cli_style { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_RED, CLI_GREEN, CLI_YELLOW, CLI_CYAN } cli_style;
/* What turns the style on, "" where there are no colours: auto means a terminal that has them, and that no NO_COLOR is
 * set (no-color.org). CLI_PLAIN ends any style. */
const char *cli_color(FILE *out, cli_style style);

#endif
