/* SPDX-License-Identifier: Apache-2.0
 *
 * What several commands do with networks, devices and JSON. */
#ifndef WEFT_CLI_COMMON_H
#define WEFT_CLI_COMMON_H

#include <jansson.h>
#include <math.h>

#include "cli/cli.h"
#include "cli/rows.h"

/* The network of a name as the user wrote it; prints why not. */
cli_exit cli_find_arch(const char *name, weft_dialect dialect, const weft_arch **out);
/* A context; prints why not. */
cli_exit cli_open(const weft_ctx_opt *opt, weft_ctx **out);
/* The same on the CPU, for what the device does not matter to. */
cli_exit cli_open_cpu(int threads, weft_ctx **out);
/* The index of the first available device whose name is `name`; -1 with info->missing saying why. */
int cli_find_device(const char *name, weft_device_info *info);

/* What the dialect calls the number of parameters: with moving statistics (keras) or without. */
int64_t cli_params(const weft_arch *arch, const weft_counts *counts);

/* A file that is read; prints, with what was wanted, that there is none or that it is a folder, a pipe or the like. */
cli_exit cli_open_file(const char *path, const char *wanted, FILE **out);
/* The same of one that need not be there: NULL, and nothing is printed. */
FILE *cli_open_if_file(const char *path);
/* Asks before long work whether a file of the option can be written behind it; prints why not. What is there stays. */
cli_exit cli_check_output(const char *option, const char *path);

/* The words of the recipe's options, one behind the other; NULL: none. The caller frees them. */
char *cli_recipe_words(const cli_recipe *recipe);
/* A line that says which dictionary of a PyTorch file was read, if it has others that could have been meant, and one if
 * the file's name says more than the name of its network. */
void cli_tell_import(const char *path, const weft_weights *weights, const weft_imported *found);

/* What is printed as JSON, every command's: an object that begins with the version of its keys. */
json_t *cli_json_document(void);
/* JSON is UTF-8: text that is not becomes what cli_visible makes of it. */
json_t *cli_json_string(const char *text);
/* Adds a member to an object. */
void cli_set_text(json_t *object, const char *key, const char *value);
void cli_set_count(json_t *object, const char *key, int64_t value);
void cli_set_real(json_t *object, const char *key, double value);

json_t *cli_json_shape(const weft_shape *shape);
/* The number at "ms.median"; NAN if there is none. */
double cli_json_number(const json_t *value, const char *path);
/* "" if there is none. */
const char *cli_json_text(const json_t *value, const char *key);

/* How many images may be bad: of "fail" none, of "skip:N" so many. what: the option or key, for the sentence. */
cli_exit cli_bad_limit(const char *what, const char *text, int64_t *out);

#endif
