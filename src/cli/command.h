/* SPDX-License-Identifier: Apache-2.0
 *
 * A command: its name, what is said about it, its rows of options and what it runs. Each stands in its own file;
 * commands.c lists them. */
#ifndef WEFT_CLI_COMMAND_H
#define WEFT_CLI_COMMAND_H

#include "cli/option.h"

/* What completions offer for operands. */
enum {
    CLI_TAKES_MODEL = 1,
    CLI_TAKES_FILE = 2,
    CLI_TAKES_SHELL = 4,
    CLI_TAKES_COMMAND = 8,
    CLI_TAKES_TOPIC = 16
};

typedef struct cli_command cli_command;

/* A command line, read. */
typedef struct cli_call {
    const cli_command *top;     /* weft itself, which lists them */
    const cli_command *command;
    const char **words; /* operands */
    int n_words;
    void *args; /* the command's struct */
    bool help, version;
} cli_call;

struct cli_command {
    const char *name; /* "bench table"; NULL: weft itself */
    unsigned takes;
    int min_words, max_words; /* max 0: none; -1: any number */
    const char *synopsis;     /* after the options */
    const char *brief;
    const char *description;  /* paragraphs apart by an empty line */
    const char *examples;     /* lines "command|what it does" */
    const cli_option *rows;   /* to OPT_END */
    const cli_option *keys;   /* of files that it reads, for the manual page; NULL: none */
    const char *keys_title;   /* "RECIPE KEYS" */
    size_t args_size;
    const void *defaults;     /* of the struct, where a zero would be a value; NULL: zeros */
    cli_exit (*run)(const cli_call *call);
    bool hidden;
    const cli_command *const *commands; /* of weft itself: all others, NULL at the end */
};

/* Row i of the command's own options and, but for weft itself, those of every command (settings.h); NULL: no more. */
const cli_option *cli_command_row(const cli_command *command, int i);
/* The one of that name or letter; NULL if there is none. */
const cli_option *cli_command_option(const cli_command *command, const char *name, size_t length);
const cli_option *cli_command_letter(const cli_command *command, char letter);
/* The command of that name; NULL if there is none. */
const cli_command *cli_command_find(const cli_command *top, const char *name);
/* Finds the command of argv[1..] and parses the rest; prints what is wrong. cli_release frees what call holds. */
cli_exit cli_parse(const cli_command *top, int argc, char **argv, cli_call *call);
void cli_release(cli_call *call);

/* One "command|meaning" of examples; false at the end. A '|' of the command itself has a space before it. */
bool cli_example(const char **text, char command[128], char meaning[160]);
/* What --help and help print. */
void cli_print_usage(FILE *out, const cli_command *command);
void cli_print_overview(FILE *out, const cli_command *top);
/* One row as --help prints it; dashes stand before its name. */
void cli_print_row(FILE *out, const char *dashes, const cli_option *row);
/* A manual page in roff. */
void cli_print_man(FILE *out, const cli_command *top, const cli_command *command);
/* "weft 0.1.0", or { "weft": "0.1.0" } */
void cli_print_version(FILE *out, bool json);

/* ---- weft itself (commands.c), and the commands, each in the file of its name ---- */
extern const cli_command cli_top;
extern const cli_command cli_bench, cli_bench_table, cli_summary, cli_models, cli_classify, cli_eval, cli_convert,
    cli_diff, cli_devices, cli_explain, cli_cost, cli_plans, cli_tune, cli_selftest, cli_completion, cli_help,
    cli_version, cli_dataset, cli_dataset_check, cli_dataset_hash, cli_dataset_stats, cli_dataset_preview,
    cli_dataset_pack, cli_dataset_bench, cli_worker;
extern const cli_command cli_train;

#endif
