/* SPDX-License-Identifier: Apache-2.0
 *
 * weft, the program: finds the command, runs it, and makes sure that what it printed has arrived. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cli/command.h"

/* A full disk or a closed pipe is found out here at the latest. */
static cli_exit close_output(cli_exit code)
{
    errno = 0;
    const bool failed = fflush(stdout) != 0 || ferror(stdout);
    if (failed && !errno) /* why an earlier write failed is gone: one more tells */
        (void)(putchar('\n') == EOF || fflush(stdout));
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
    cli_call call;
    cli_exit code = cli_parse(&cli_top, argc, argv, &call);
    if (!code) {
        if (call.version)
            cli_print_version(stdout, false);
        else if (call.help)
            call.command->name ? cli_print_usage(stdout, call.command) : cli_print_overview(stdout, call.top);
        else if (call.command->run)
            code = call.command->run(&call);
        else {
            cli_print_overview(stderr, call.top);
            code = CLI_USAGE;
        }
    }
    cli_release(&call);
    return code;
}

int main(int argc, char **argv)
{
    signal(SIGXFSZ, SIG_IGN); /* a file that ulimit -f cuts off is an error of its write, to be told */
    return (int)close_output(run(argc, argv));
}
