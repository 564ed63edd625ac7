/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the program share: exit codes, errors, the parsed command line and the commands. The program
 * is a user of the library like any other: it includes <weft/...> only. */
#ifndef WEFT_CLI_CLI_H
#define WEFT_CLI_CLI_H

#include <stdio.h>
#include <weft/weft.h>

/* After sysexits; listed in every man page by cli_exit_codes. */
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
    CLI_NUMERIC = 76
} cli_exit;

typedef enum cli_format { CLI_FORMAT_TEXT, CLI_FORMAT_MD, CLI_FORMAT_CSV, CLI_FORMAT_JSON } cli_format;
typedef enum cli_progress { CLI_PROGRESS_AUTO, CLI_PROGRESS_ALWAYS, CLI_PROGRESS_NEVER } cli_progress;

enum { CLI_LIST_MAX = 16 };
typedef struct cli_list {
    int count;
    int64_t value[CLI_LIST_MAX];
} cli_list;

struct cli_command;

/* Everything that the option table can set; options a command does not have keep zero. */
typedef struct cli_args {
    const struct cli_command *command;
    const char **words; /* operands */
    int n_words;
    bool help, version, man, json, layers, dot, roof, reverse, no_units;
    int output;   /* cli_format */
    int progress; /* cli_progress */
    int dialect;  /* weft_dialect */
    int math;     /* weft_math */
    int precision; /* weft_precision */
    bool steps, quick;
    const char *target, *report;
    cli_list batch, threads;
    int64_t reps, warmup, seed;
    double min_time, fail_over; /* fail_over < 0: not given */
    const char *device, *isa, *images, *sort, *svg, *compare;
    bool no_strict, no_verify;
    int from; /* weft_origin */
    const char *model, *names, *classes;
    int64_t top, limit;
    int64_t px;
    double tolerance;
    int layout; /* weft_layout */
    const char *weights, *data, *labels, *csv, *confusion, *bad_images;
} cli_args;

/* Prints "weft: sentence" on stderr and returns code. */
cli_exit cli_error(cli_exit code, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cli_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The exit code that a library status means, and the same with the library's sentence printed. */
cli_exit cli_exit_of(weft_status status);
cli_exit cli_library_error(weft_status status);

/* ---- one function per command ---- */
cli_exit cli_bench(const cli_args *args);
cli_exit cli_bench_table(const cli_args *args);
cli_exit cli_summary(const cli_args *args);
cli_exit cli_models(const cli_args *args);
cli_exit cli_devices(const cli_args *args);
cli_exit cli_explain(const cli_args *args);
cli_exit cli_cost(const cli_args *args);
cli_exit cli_completion(const cli_args *args);
cli_exit cli_help(const cli_args *args);
cli_exit cli_version(const cli_args *args);
cli_exit cli_worker(const cli_args *args);
cli_exit cli_classify(const cli_args *args);
cli_exit cli_convert(const cli_args *args);
cli_exit cli_eval(const cli_args *args);
cli_exit cli_diff(const cli_args *args);
cli_exit cli_selftest(const cli_args *args);

/* ---- what commands have in common ---- */

/* The network of a name as the user wrote it; prints why not. */
cli_exit cli_find_arch(const char *name, int dialect, const weft_arch **out);
/* A context with device, threads (0: all), ISA and math of args. */
cli_exit cli_open(const cli_args *args, const char *device, int64_t threads, weft_ctx **out);
/* "cpu" or what --device says. */
const char *cli_device(const cli_args *args);
/* The index of the first available device whose name is `name`; -1 with info->missing saying why. */
int cli_find_device(const char *name, weft_device_info *info);

/* Help, man pages, completion: written from the tables of commands.c. */
void cli_print_usage(FILE *out, const struct cli_command *command);
void cli_print_man(FILE *out, const struct cli_command *command);
void cli_print_overview(FILE *out);

#endif
