/* SPDX-License-Identifier: Apache-2.0
 *
 * A progress bar on standard error: one line that is written over and over. */
#ifndef WEFT_CLI_BAR_H
#define WEFT_CLI_BAR_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/rows.h"

typedef struct cli_bar {
    bool live;
    double start, shown; /* by cli_now() */
} cli_bar;

/* Not live where progress is not wanted: never, with --quiet, or for auto where standard error is no terminal. */
void cli_bar_open(cli_bar *bar, cli_progress when);
/* share of the work is done (0 to 1), to_come seconds are left; NAN: not known. At most ten times a second, and where
 * now is true. */
void cli_bar_show(cli_bar *bar, const char *what, double share, double to_come, bool now);
/* The same of done of count things, from the rate so far. */
void cli_bar_count(cli_bar *bar, int64_t done, int64_t count, const char *things);
/* Takes the line away, before anything else is written. */
void cli_bar_clear(const cli_bar *bar);
/* The same of whatever bar is shown: before an error is told. */
void cli_bar_make_room(void);

#endif
