/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of results (output.h): written without a name, then copied beside their place and moved there, while signals
 * wait. */
#include "cli/output.h"

#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/common.h"
#include "cli/text.h"

/* The stream that a name such as /dev/stdout leads to, by way of a file perhaps, which is not to be replaced under it;
 * -1: none. */
static int stream_of(const struct stat *facts)
{
    struct stat its;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
        if (fstat(fd, &its) == 0 && its.st_dev == facts->st_dev && its.st_ino == facts->st_ino)
            return fd;
    return -1;
}

cli_exit cli_output_open(cli_output *output, const char *option, const char *path)
{
    struct stat facts;
    if (!path)
        return CLI_OK;
    CLI_TRY(cli_check_output(option, path));
    const bool there = stat(path, &facts) == 0;
    const int stream = there ? stream_of(&facts) : -1;
    const bool direct = stream >= 0 || (there && !S_ISREG(facts.st_mode));
    FILE *const file = !direct ? tmpfile() : stream >= 0 ? fdopen(dup(stream), "w") : fopen(path, "w");
    if (!file)
        return cli_error(CLI_CREATE, "--%s: cannot create %s: %s", option, path, strerror(errno));
    *output = (cli_output){ .file = file, .option = option, .path = path, .direct = direct };
    return CLI_OK;
}

/* 0 or the first error's number. */
static int copy(FILE *from, FILE *to)
{
    char buf[16384];
    size_t n;
    rewind(from);
    while ((n = fread(buf, 1, sizeof buf, from)) > 0)
        if (fwrite(buf, 1, n, to) != n)
            break;
    const int error = ferror(from) || ferror(to) || fflush(to) ? errno ? errno : EIO : 0;
    return fclose(to) && !error ? errno : error;
}

/* Where a link leads, what it leads to is replaced. */
static int put_at(FILE *from, const char *path)
{
    struct stat facts;
    char *const folder = cli_copy(path);
    char *const beside = cli_format_text("%s/.weft-%d.tmp", dirname(folder), (int)getpid());
    FILE *to = fopen(beside, "wx");
    const bool moves = to != NULL;
    int error = 0;
    if (!moves) /* a folder that takes no files may have one that can be written */
        to = fopen(path, "w");
    else if (stat(path, &facts) == 0 && fchmod(fileno(to), facts.st_mode & 07777))
        error = errno;
    const int copied = to ? copy(from, to) : errno;
    error = error ? error : copied;
    if (moves && !error && rename(beside, path))
        error = errno;
    if (moves && error)
        unlink(beside);
    free(beside);
    free(folder);
    return error;
}

static int put(FILE *from, const char *path)
{
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    char *const real = realpath(path, NULL); /* NULL: there is none yet */
    const int error = put_at(from, real ? real : path);
    free(real);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return error;
}

cli_exit cli_output_close(cli_output *output, cli_exit code)
{
    FILE *const file = output->file;
    int error = 0;
    if (!file)
        return code;
    errno = 0;
    if (fflush(file) || ferror(file))
        error = errno ? errno : EIO;
    if (!error && !code && !output->direct)
        error = put(file, output->path);
    if (fclose(file) && !error)
        error = errno;
    output->file = NULL;
    return error && !code ? cli_error(CLI_IO, "--%s: cannot write %s: %s", output->option, output->path,
                                      strerror(error)) : code;
}
