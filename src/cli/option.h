/* SPDX-License-Identifier: Apache-2.0
 *
 * The one option table and the one command table, from which parsing, --help, man pages and completions all come. */
#ifndef WEFT_CLI_OPTION_H
#define WEFT_CLI_OPTION_H

#include "cli/cli.h"

typedef enum cli_kind {
    CLI_FLAG,   /* bool */
    CLI_TEXT,   /* const char * */
    CLI_CHOICE, /* int: index into values */
    CLI_INT,    /* int64_t in min..max */
    CLI_INTS,   /* cli_list of the same */
    CLI_REAL,   /* double in min..max */
    CLI_PERCENT /* double: 5 and 5% are .05 */
} cli_kind;

/* Bits of cli_option.commands. */
enum {
    CLI_AT_BENCH = 1,
    CLI_AT_TABLE = 2,
    CLI_AT_SUMMARY = 4,
    CLI_AT_MODELS = 8,
    CLI_AT_DEVICES = 16,
    CLI_AT_EXPLAIN = 32,
    CLI_AT_COMPLETION = 64,
    CLI_AT_HELP = 128,
    CLI_AT_VERSION = 256,
    CLI_AT_WORKER = 512,
    CLI_AT_TOP = 1024, /* weft itself */
    CLI_AT_CLASSIFY = 1 << 16,
    CLI_AT_EVAL = 1 << 17,
    CLI_AT_CONVERT = 1 << 20,
    CLI_AT_COST = 1 << 18,
    CLI_AT_DIFF = 1 << 21,
    CLI_AT_SELFTEST = 1 << 22,
    CLI_AT_TARGET = CLI_AT_COST | CLI_AT_EXPLAIN, /* what plans for a GPU that need not be there */
    CLI_AT_ANSWER = CLI_AT_CLASSIFY | CLI_AT_EVAL,
    CLI_AT_RUN = CLI_AT_BENCH | CLI_AT_TABLE,
    CLI_AT_PLAN = CLI_AT_RUN | CLI_AT_SUMMARY | CLI_AT_EXPLAIN,
    CLI_AT_ALL = (2047 & ~CLI_AT_WORKER) | CLI_AT_ANSWER | CLI_AT_COST | CLI_AT_CONVERT | CLI_AT_DIFF |
                 CLI_AT_SELFTEST
};

typedef struct cli_option {
    const char *name; /* "batch" */
    char letter;      /* 'b'; 0: none */
    const char *arg;  /* "N"; NULL: takes none */
    cli_kind kind;
    unsigned commands;
    size_t offset;        /* in cli_args */
    const char *fallback; /* the default as the user would write it; NULL: zero */
    double min, max;      /* of numbers */
    const char *values;   /* "text|md|csv|json": the choices, or what completions offer */
    const char *help;
} cli_option;

/* What a command's operands are. */
typedef enum cli_operand {
    CLI_OPERAND_NONE,
    CLI_OPERAND_MODEL,
    CLI_OPERAND_FILE,
    CLI_OPERAND_SHELL,
    CLI_OPERAND_COMMAND
} cli_operand;

typedef struct cli_command {
    const char *name; /* "bench table" */
    unsigned bit;
    cli_operand operand;
    int min_words, max_words; /* max 0: none; -1: any number */
    const char *synopsis;     /* after the options */
    const char *brief;
    const char *description; /* paragraphs apart by an empty line */
    const char *examples;    /* lines "command|what it does" */
    cli_exit (*run)(const cli_args *args);
    bool hidden;
} cli_command;

extern const cli_option cli_options[];
extern const int cli_option_count;
extern const cli_command cli_commands[];
extern const int cli_command_count;
extern const cli_command cli_top; /* weft itself */
extern const struct cli_code {
    int code;
    const char *meaning;
} cli_exit_codes[];
extern const int cli_exit_code_count;

/* Finds the command of argv[1..] and parses the rest into args; prints what is wrong. args->words is allocated. */
cli_exit cli_parse(int argc, char **argv, cli_args *args);
/* The row of that name for a command; NULL if it has none. */
const cli_option *cli_option_find(const char *name, size_t length, unsigned bit);
const cli_command *cli_command_find(const char *name);

/* Calls each with every '|'-separated part of text. */
bool cli_part(const char **text, const char **part, size_t *length);

#endif
