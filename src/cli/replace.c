/* SPDX-License-Identifier: Apache-2.0
 *
 * Replacing files (replace.h). */
#include "cli/replace.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/text.h"

cli_replacement cli_replace_begin(const char *folder, const char *name)
{
    cli_replacement r = { .path = cli_format_text("%s/%s", folder, name) };
    r.beside = cli_format_text("%s.new", r.path);
    r.file = fopen(r.beside, "w");
    return r;
}

/* Closes; 0 or the first error's number. */
static int finish(FILE *file, bool durable)
{
    int error = fflush(file) || ferror(file) ? errno : 0;
    if (!error && durable && fsync(fileno(file)))
        error = errno;
    return fclose(file) && !error ? errno : error;
}

bool cli_replace_end(cli_replacement *replacement, bool durable)
{
    const bool begun = replacement->file;
    int error = begun ? finish(replacement->file, durable) : errno;
    if (!error && rename(replacement->beside, replacement->path))
        error = errno;
    if (error && begun)
        unlink(replacement->beside);
    free(replacement->path);
    free(replacement->beside);
    *replacement = (cli_replacement){ 0 };
    errno = error;
    return !error;
}
