/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of every command, and colours: ECMA-48's select graphic rendition. */
#include "cli/settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

cli_settings cli_set_for_all;

const cli_option cli_common_rows[] = {
    OPT_ENUM(cli_settings, color, 0, "color", "WHEN", "auto", "auto|always|never",
             "colours: auto (on a terminal, unless NO_COLOR is set), always or never"),
    OPT_BOOL(cli_settings, quiet, 'q', "quiet", "no warnings, no progress; errors are told"),
    OPT_BOOL(cli_settings, verbose, 'v', "verbose", "tell what the library notes as it works"),
    OPT_END,
};

static bool has_colors(FILE *out)
{
    const char *const no = getenv("NO_COLOR"), *const terminal = getenv("TERM");
    if (cli_set_for_all.color != CLI_WHEN_AUTO)
        return cli_set_for_all.color == CLI_WHEN_ALWAYS;
    return !(no && *no) && !(terminal && strcmp(terminal, "dumb") == 0) && isatty(fileno(out));
}

const char *cli_color(FILE *out, cli_style style)
{
    static const char *const codes[] = {
        [CLI_PLAIN] = "\033[0m", [CLI_BOLD] = "\033[1m",    [CLI_DIM] = "\033[2m",  [CLI_RED] = "\033[31m",
        [CLI_GREEN] = "\033[32m", [CLI_YELLOW] = "\033[33m", [CLI_CYAN] = "\033[36m",
    };
    return has_colors(out) ? codes[style] : "";
}
