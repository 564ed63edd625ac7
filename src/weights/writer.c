/* SPDX-License-Identifier: Apache-2.0
 *
 * Atomic writing: a temporary file in the target's folder, fsync, its name, fsync of the folder. A reader sees the old
 * file or the new one. The temporary file has no name (O_TMPFILE), so that whatever ends the process meanwhile, a
 * signal or a crash, leaves nothing behind. Where the file system has no such files (NFS, for one) it has a name
 * (O_EXCL, O_NOFOLLOW), and only an error removes it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "weights/file.h"

enum { ATTEMPTS = 100, TEXT = 48, LINK = 32 };

static weft_status io(const weft_writer *writer, const char *what)
{
    return weft_fail(WEFT_IO, "%s: %s: %s", writer->path, what, strerror(errno));
}

/* Ends the writer; the temporary file, if there is one still, goes: the one without a name by itself. */
static void release(weft_writer *writer)
{
    if (writer->file >= 0)
        close(writer->file);
    if (writer->named)
        unlinkat(writer->folder_fd, writer->temporary, 0);
    if (writer->folder_fd >= 0)
        close(writer->folder_fd);
    weft_free(writer->allocator, writer->folder);
    *writer = (weft_writer){ .file = -1, .folder_fd = -1 };
}

/* folder, name and the room for the temporary name, in one block. */
static weft_status split(weft_writer *writer)
{
    const char *path = writer->path, *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    if (!*base || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
        return weft_fail(WEFT_IO, "%s: names a folder; a file to write was expected", path);
    const size_t before = slash ? (size_t)(base - path) : 2, name = strlen(base) + 1;
    char *text = weft_alloc(writer->allocator, before + 1 + 2 * name + TEXT);
    if (!text)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", path);
    memcpy(text, slash ? path : "./", before);
    text[before] = '\0';
    writer->folder = text;
    writer->name = text + before + 1;
    memcpy(writer->name, base, name);
    writer->temporary = writer->name + name;
    return WEFT_OK;
}

static void decimal(char **to, uint64_t value)
{
    char digits[20];
    int n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (n)
        *(*to)++ = digits[--n];
}

/* ".<name>.<process>-<attempt>.tmp" */
static void name_temporary(weft_writer *writer, int attempt)
{
    const size_t length = strlen(writer->name);
    char *to = writer->temporary;
    *to++ = '.';
    memcpy(to, writer->name, length);
    to += length;
    *to++ = '.';
    decimal(&to, (uint64_t)getpid());
    *to++ = '-';
    decimal(&to, (uint64_t)attempt);
    memcpy(to, ".tmp", 5);
}

/* The open file as a path, which gives it a name without the privilege that AT_EMPTY_PATH needs. */
static const char *link_of(int file, char path[LINK])
{
    snprintf(path, LINK, "/proc/self/fd/%d", file);
    return path;
}

/* -1: the file system has no files without a name, or they could not be given one later. */
static int open_unnamed(int folder)
{
    char path[LINK];
    const int file = openat(folder, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
    if (file < 0 || access(link_of(file, path), F_OK) == 0)
        return file;
    close(file);
    return -1;
}

static int open_named(weft_writer *writer)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int file = -1;
    for (int attempt = 0; file < 0 && attempt < ATTEMPTS; attempt++) {
        name_temporary(writer, attempt);
        file = openat(writer->folder_fd, writer->temporary, flags, 0666);
        if (file < 0 && errno != EEXIST)
            break;
    }
    writer->named = file >= 0;
    return file;
}

static weft_status create(weft_writer *writer)
{
    struct stat old;
    const bool exists = fstatat(writer->folder_fd, writer->name, &old, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && !S_ISREG(old.st_mode) && !S_ISLNK(old.st_mode))
        return weft_fail(WEFT_IO, "%s: is not a regular file and is not replaced", writer->path);
    writer->file = open_unnamed(writer->folder_fd);
    if (writer->file < 0)
        writer->file = open_named(writer);
    if (writer->file < 0)
        return io(writer, "no file can be created in its folder");
    if (exists && S_ISREG(old.st_mode) && fchmod(writer->file, old.st_mode & 07777) != 0)
        return io(writer, "the old file's permissions cannot be given to the new one");
    return WEFT_OK;
}

static weft_status begin(weft_writer *writer)
{
    WEFT_TRY(split(writer));
    writer->folder_fd = open(writer->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (writer->folder_fd < 0)
        return io(writer, "its folder cannot be opened");
    return create(writer);
}

weft_status weft_writer_open(const weft_allocator *allocator, const char *path, weft_writer *out)
{
    weft_writer writer = { .path = path, .allocator = allocator, .folder_fd = -1, .file = -1 };
    const weft_status status = begin(&writer);
    if (status != WEFT_OK) {
        release(&writer);
        return status;
    }
    *out = writer;
    return WEFT_OK;
}

weft_status weft_writer_put(weft_writer *writer, const void *data, size_t size)
{
    const char *from = data;
    while (size) {
        const ssize_t count = write(writer->file, from, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return weft_fail(WEFT_IO, "%s: byte %llu: cannot be written: %s", writer->path,
                             (unsigned long long)writer->at, strerror(errno));
        from += count;
        size -= (size_t)count;
        writer->at += (uint64_t)count;
    }
    return WEFT_OK;
}

static bool sync_file(int file)
{
    int result = fsync(file);
    while (result != 0 && errno == EINTR)
        result = fsync(file);
    return result == 0;
}

static bool link_as(const weft_writer *writer, const char *name)
{
    char path[LINK];
    int result;
    do
        result = linkat(AT_FDCWD, link_of(writer->file, path), writer->folder_fd, name, AT_SYMLINK_FOLLOW);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

static bool link_temporary(weft_writer *writer)
{
    for (int attempt = 0; !writer->named && attempt < ATTEMPTS; attempt++) {
        name_temporary(writer, attempt);
        writer->named = link_as(writer, writer->temporary);
        if (!writer->named && errno != EEXIST)
            break;
    }
    return writer->named;
}

static bool rename_temporary(weft_writer *writer)
{
    int result;
    do
        result = renameat(writer->folder_fd, writer->temporary, writer->folder_fd, writer->name);
    while (result != 0 && errno == EINTR);
    writer->named = result != 0; /* it is the target now */
    return result == 0;
}

/* Gives the file the target's name. No link takes the place of an old file: that needs a name to rename, and signals
 * wait as long as there is one. */
static bool put_in_place(weft_writer *writer)
{
    if (!writer->named && link_as(writer, writer->name))
        return true;
    if (!writer->named && errno != EEXIST)
        return false;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool done = link_temporary(writer) && rename_temporary(writer);
    const int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return done;
}

weft_status weft_writer_commit(weft_writer *writer)
{
    weft_status status = WEFT_OK;
    if (!sync_file(writer->file))
        status = io(writer, "cannot be synced");
    else if (!put_in_place(writer))
        status = io(writer, "cannot be renamed into place");
    else if (!sync_file(writer->folder_fd) && errno != EINVAL) /* which says that this file system does not */
        status = io(writer, "its folder cannot be synced");
    release(writer);
    return status;
}

void weft_writer_abort(weft_writer *writer)
{
    release(writer);
}
