/* SPDX-License-Identifier: Apache-2.0
 *
 * How weft fails: one sentence on standard error and an exit code. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>

#include "cli/bar.h"
#include "cli/settings.h"
#include "cli/text.h"

/* clang-format off */
const struct cli_code cli_exit_codes[] = {
    { CLI_OK, "success" },
    { CLI_BELOW, "a result is worse than asked for (bench --fail-over), or differs (diff, selftest)" },
    { CLI_USAGE, "wrong usage: unknown command or option, bad or missing value" },
    { CLI_DATA, "a file is damaged or not what it should be" },
    { CLI_NOT_FOUND, "no such network, dialect, file or folder" },
    { CLI_UNAVAILABLE, "the device or something it needs is not available" },
    { CLI_INTERNAL, "internal error, or a process of bench crashed" },
    { CLI_MEMORY, "out of memory" },
    { CLI_CREATE, "cannot create an output file" },
    { CLI_IO, "input or output error" },
    { CLI_RETRY, "ended before its time, and may be started again (train, at SIGUSR1 or where a rank is lost)" },
    { CLI_NUMERIC, "numeric fault" },
    { CLI_INTERRUPTED, "interrupted; bench, bench table and eval print what they have until then, train has saved" },
    { CLI_TERMINATED, "ended by SIGTERM; train has saved" },
};
/* clang-format on */
const int cli_exit_code_count = (int)(sizeof cli_exit_codes / sizeof *cli_exit_codes);

static char *held; /* what was said since cli_messages_hold; NULL: nothing is held */

static void say(const char *kind, cli_style style, const char *format, va_list ap)
{
    char *sentence = cli_format_list(format, ap), *visible = cli_visible(sentence);
    char who[32] = "";
    if (cli_set_for_all.rank > 0)
        snprintf(who, sizeof who, "rank %d: ", cli_set_for_all.rank);
    char *line = cli_format_text("%sweft: %s%s%s%s\n", cli_color(stderr, style), kind, cli_color(stderr, CLI_PLAIN),
                                 who, visible);
    free(visible);
    free(sentence);
    if (held) {
        char *const all = cli_format_text("%s%s", held, line);
        free(held);
        held = all;
    } else {
        fflush(stdout);
        cli_bar_make_room();
        fputs(line, stderr);
    }
    free(line);
}

void cli_messages_hold(void)
{
    if (!held)
        held = cli_copy("");
}

void cli_messages_print(void)
{
    char *const all = held;
    held = NULL;
    if (!all)
        return;
    if (*all) {
        fflush(stdout);
        cli_bar_make_room();
        fputs(all, stderr);
    }
    free(all);
}

cli_exit cli_error(cli_exit code, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    say("", CLI_RED, format, ap);
    va_end(ap);
    return code;
}

void cli_warn(const char *format, ...)
{
    va_list ap;
    if (cli_set_for_all.quiet)
        return;
    va_start(ap, format);
    say("warning: ", CLI_YELLOW, format, ap);
    va_end(ap);
}

cli_exit cli_exit_of(weft_status status)
{
    static const cli_exit code[WEFT_STATUS_COUNT] = {
        [WEFT_OK] = CLI_OK,
        [WEFT_INVALID] = CLI_USAGE,
        [WEFT_UNSUPPORTED] = CLI_UNAVAILABLE,
        [WEFT_NOT_FOUND] = CLI_NOT_FOUND,
        [WEFT_NO_MEMORY] = CLI_MEMORY,
        [WEFT_BAD_DATA] = CLI_DATA,
        [WEFT_IO] = CLI_IO,
        [WEFT_NO_DEVICE] = CLI_UNAVAILABLE,
        [WEFT_NUMERIC] = CLI_NUMERIC,
        [WEFT_INTERNAL] = CLI_INTERNAL,
        [WEFT_LOST] = CLI_RETRY,
        [WEFT_CANCELLED] = CLI_INTERRUPTED,
    };
    return (unsigned)status < WEFT_STATUS_COUNT ? code[status] : CLI_INTERNAL;
}

cli_exit cli_library_error(weft_status status)
{
    const char *sentence = weft_error();
    return cli_error(cli_exit_of(status), "%s", *sentence ? sentence : weft_status_text(status));
}
