/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of options. A command lists the options it has as rows that name the field of its own argument struct; parsing,
 * --help, manual pages and completions are all made from the rows. The macros check the type of the field; arguments
 * are (struct, field, letter or 0, name, ...), the default as the user would write it. */
#ifndef WEFT_CLI_OPTION_H
#define WEFT_CLI_OPTION_H

#include <stddef.h>

#include "cli/cli.h"

typedef enum cli_kind {
    CLI_HELP,
    CLI_VERSION,
    CLI_BOOL,
    CLI_SET,    /* an enum becomes `value` */
    CLI_TEXT,   /* const char * */
    CLI_FILE,   /* the same; completions offer files */
    CLI_DIR,    /* folders */
    CLI_ENUM,   /* the index into values */
    CLI_INT,    /* int in min..max */
    CLI_COUNT,  /* int64_t */
    CLI_LIST,   /* cli_list of at most `value` */
    CLI_REAL,   /* double in min..max */
    CLI_PERCENT /* double: 5 and 5% are .05 */
} cli_kind;

typedef struct cli_option {
    const char *name; /* "batch" */
    char letter;      /* 'b'; 0: none */
    const char *arg;  /* "N"; NULL: takes none */
    cli_kind kind;
    size_t offset;        /* in the command's argument struct */
    const char *fallback; /* NULL: what the struct begins with */
    double min, max;      /* of numbers */
    int value;            /* see CLI_SET, CLI_LIST */
    const char *values;   /* "text|md|csv|json": the choices, or what completions offer */
    const char *help;
} cli_option;

enum { CLI_LIST_MAX = 16 };
typedef struct cli_list {
    int count;
    int64_t value[CLI_LIST_MAX];
} cli_list;

/* The offset of a field of that type; of an enum, which is as large as an int. */
#define OPT_AT(args, field, type) (offsetof(args, field) + 0 * sizeof(1 ? &((args *)0)->field : (type *)0))
#define OPT_AT_ENUM(args, field) (offsetof(args, field) + 0 / (sizeof((args *)0)->field == sizeof(int)))

#define OPT_BOOL(args, field, letter_, name_, help_) \
    { .name = name_, .letter = letter_, .kind = CLI_BOOL, .offset = OPT_AT(args, field, bool), .help = help_ }
#define OPT_SET(args, field, letter_, name_, value_, help_) \
    { .name = name_, .letter = letter_, .kind = CLI_SET, .offset = OPT_AT_ENUM(args, field), .value = value_, \
      .help = help_ }
#define OPT_WORD(kind_, args, field, letter_, name_, arg_, fallback_, values_, help_) \
    { .name = name_, .letter = letter_, .arg = arg_, .kind = kind_, .offset = OPT_AT(args, field, const char *), \
      .fallback = fallback_, .values = values_, .help = help_ }
#define OPT_TEXT(args, field, letter_, name_, arg_, fallback_, values_, help_) \
    OPT_WORD(CLI_TEXT, args, field, letter_, name_, arg_, fallback_, values_, help_)
#define OPT_FILE(args, field, letter_, name_, arg_, values_, help_) \
    OPT_WORD(CLI_FILE, args, field, letter_, name_, arg_, NULL, values_, help_)
#define OPT_DIR(args, field, letter_, name_, arg_, help_) \
    OPT_WORD(CLI_DIR, args, field, letter_, name_, arg_, NULL, NULL, help_)
#define OPT_ENUM(args, field, letter_, name_, arg_, fallback_, values_, help_) \
    { .name = name_, .letter = letter_, .arg = arg_, .kind = CLI_ENUM, .offset = OPT_AT_ENUM(args, field), \
      .fallback = fallback_, .values = values_, .help = help_ }
#define OPT_NUMBER(kind_, type, args, field, letter_, name_, arg_, fallback_, min_, max_, help_) \
    { .name = name_, .letter = letter_, .arg = arg_, .kind = kind_, .offset = OPT_AT(args, field, type), \
      .fallback = fallback_, .min = min_, .max = max_, .help = help_ }
#define OPT_INT(args, field, letter_, name_, arg_, fallback_, min_, max_, help_) \
    OPT_NUMBER(CLI_INT, int, args, field, letter_, name_, arg_, fallback_, min_, max_, help_)
#define OPT_COUNT(args, field, letter_, name_, arg_, fallback_, min_, max_, help_) \
    OPT_NUMBER(CLI_COUNT, int64_t, args, field, letter_, name_, arg_, fallback_, min_, max_, help_)
#define OPT_REAL(args, field, letter_, name_, arg_, fallback_, min_, max_, help_) \
    OPT_NUMBER(CLI_REAL, double, args, field, letter_, name_, arg_, fallback_, min_, max_, help_)
#define OPT_PERCENT(args, field, letter_, name_, arg_, fallback_, min_, max_, help_) \
    OPT_NUMBER(CLI_PERCENT, double, args, field, letter_, name_, arg_, fallback_, min_, max_, help_)
#define OPT_LIST(args, field, letter_, name_, arg_, most, fallback_, min_, max_, help_) \
    { .name = name_, .letter = letter_, .arg = arg_, .kind = CLI_LIST, .offset = OPT_AT(args, field, cli_list), \
      .value = most, .fallback = fallback_, .min = min_, .max = max_, .help = help_ }
#define OPT_HELP { .name = "help", .letter = 'h', .kind = CLI_HELP, .help = "print this help" }
#define OPT_VERSION { .name = "version", .letter = 'V', .kind = CLI_VERSION, .help = "print the version" }
#define OPT_END { .name = NULL }

/* The last double that counts. */
#define OPT_MAX_COUNT 9007199254740991.0

/* Puts value, as the user wrote it, into the row's field of args; prints what is wrong. NULL for options without. */
cli_exit cli_option_set(const cli_option *option, const char *value, void *args);
/* The same of a value that stands elsewhere, "fashion.recipe: line 3". */
cli_exit cli_option_set_in(const cli_option *option, const char *value, void *args, const char *where);
/* The next of the parts of *text between '|'; false at the end. */
bool cli_part(const char **text, const char **part, size_t *length);

#endif
