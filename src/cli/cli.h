/* SPDX-License-Identifier: Apache-2.0
 *
 * What every file of the program shares: exit codes and errors. The program is a user of the library like any other:
 * it includes <weft/...> only. */
#ifndef WEFT_CLI_CLI_H
#define WEFT_CLI_CLI_H

#include <stdio.h>
#include <weft/weft.h>

/* After sysexits; cli_exit_codes has their meanings. */
typedef enum cli_exit {
    CLI_OK = 0,
    CLI_BELOW = 1,
    CLI_USAGE = 2,
    CLI_DATA = 65,
    CLI_NOT_FOUND = 66,
    CLI_UNAVAILABLE = 69,
    CLI_INTERNAL = 70,
    CLI_MEMORY = 71,
    CLI_CREATE = 73,
    CLI_IO = 74,
    CLI_RETRY = 75,
    CLI_NUMERIC = 76,
    CLI_INTERRUPTED = 130, /* as shells say it of SIGINT */
    CLI_TERMINATED = 143   /* and of SIGTERM */
} cli_exit;

/* For the manual pages. */
extern const struct cli_code {
    cli_exit code;
    const char *meaning;
} cli_exit_codes[];
extern const int cli_exit_code_count;

/* Prints "weft: sentence" on stderr and returns code. */
cli_exit cli_error(cli_exit code, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cli_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Keeps what these two say, while lines that are going to be taken back stand on the terminal, and prints it. */
void cli_messages_hold(void);
void cli_messages_print(void);
/* The exit code that a library status means, and the same with the library's sentence printed. */
cli_exit cli_exit_of(weft_status status);
cli_exit cli_library_error(weft_status status);

/* Return early: with the code of a call that went wrong and said so; with that of a call of the library, whose sentence
 * is printed; in functions that return one, with a call's status. What a function holds is released by its caller, or
 * behind an inner function. */
#define CLI_TRY(call)                                                                                                  \
    do {                                                                                                               \
        const cli_exit cli_try_ = (call);                                                                              \
        if (cli_try_)                                                                                                  \
            return cli_try_;                                                                                           \
    } while (0)
#define CLI_TRY_LIBRARY(call)                                                                                          \
    do {                                                                                                               \
        const weft_status cli_try_ = (call);                                                                           \
        if (cli_try_)                                                                                                  \
            return cli_library_error(cli_try_);                                                                        \
    } while (0)
#define CLI_TRY_STATUS(call)                                                                                           \
    do {                                                                                                               \
        const weft_status cli_try_ = (call);                                                                           \
        if (cli_try_)                                                                                                  \
            return cli_try_;                                                                                           \
    } while (0)

#endif
