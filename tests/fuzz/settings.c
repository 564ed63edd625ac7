/* SPDX-License-Identifier: Apache-2.0
 *
 * Recipes of weft train and the settings of a run, which --resume reads: of a parser in the program. What is refused is
 * refused by a sentence that names the file; what is taken, written and read again, is the same. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/train_settings.h"
#include "cli/common.h"
#include "fuzz/fuzz.h"

static char said[512]; /* the last sentence */

/* In place of the program's, which prints. */
cli_exit cli_error(cli_exit code, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(said, sizeof said, format, ap);
    va_end(ap);
    return code;
}

/* Nothing is read from a file here. */
cli_exit cli_open_file(const char *path, const char *what, FILE **out)
{
    (void)out;
    return cli_error(CLI_NOT_FOUND, "%s: no %s", path, what);
}

static char *read_it(const char *text, bool all)
{
    train_plan plan;
    char *written = NULL;
    fuzz_check(train_plan_begin(&plan) == CLI_OK, "the defaults are good");
    said[0] = '\0';
    if (train_plan_parse(&plan, text, "a.recipe", NULL) == CLI_OK)
        written = train_plan_text(&plan, all);
    else
        fuzz_check(strncmp(said, "a.recipe: line ", 15) == 0, "the sentence names the file and the line");
    train_plan_release(&plan);
    return written;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *const text = malloc(size + 1);
    fuzz_check(text != NULL, "there is memory");
    memcpy(text, data, size);
    text[size] = '\0';
    char *const once = read_it(text, true);
    char *const twice = once ? read_it(once, true) : NULL;
    fuzz_check(!once || (twice && strcmp(once, twice) == 0), "what was written is read as the same");
    free(twice);
    free(once);
    free(text);
    return 0;
}
