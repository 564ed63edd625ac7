/* SPDX-License-Identifier: Apache-2.0
 *
 * weft, the program: finds the command, runs it, and makes sure that what it printed has arrived. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/option.h"
#include "cli/text.h"

static void say(const char *kind, const char *format, va_list ap)
{
    fflush(stdout);
    fprintf(stderr, "weft: %s", kind);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
}

cli_exit cli_error(cli_exit code, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    say("", format, ap);
    va_end(ap);
    return code;
}

void cli_warn(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    say("warning: ", format, ap);
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
    };
    return (unsigned)status < WEFT_STATUS_COUNT ? code[status] : CLI_INTERNAL;
}

cli_exit cli_library_error(weft_status status)
{
    const char *sentence = weft_error();
    return cli_error(cli_exit_of(status), "%s", *sentence ? sentence : weft_status_text(status));
}

/* A full disk or a closed pipe is found out here at the latest. */
static cli_exit close_output(cli_exit code)
{
    errno = 0;
    const bool failed = fflush(stdout) != 0 || ferror(stdout);
    if (failed && !errno)
        errno = EIO;
    if (failed) {
        fprintf(stderr, "weft: cannot write standard output: %s\n", strerror(errno));
        return CLI_IO;
    }
    if (fclose(stdout) == 0)
        return code;
    fprintf(stderr, "weft: cannot write standard output: %s\n", strerror(errno));
    return CLI_IO;
}

static cli_exit run(int argc, char **argv)
{
    cli_args args;
    cli_exit code = cli_parse(argc, argv, &args);
    if (!code) {
        if (args.version)
            code = cli_version(&args);
        else if (args.help)
            args.command->name ? cli_print_usage(stdout, args.command) : cli_print_overview(stdout);
        else if (args.command->run)
            code = args.command->run(&args);
        else {
            cli_print_overview(stderr);
            code = CLI_USAGE;
        }
    }
    free(args.words);
    return code;
}

int main(int argc, char **argv)
{
    return (int)close_output(run(argc, argv));
}
