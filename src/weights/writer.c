/* SPDX-License-Identifier: Apache-2.0
 *
 * Atomic writing: a temporary file in the target's folder (O_EXCL, O_NOFOLLOW), fsync, rename, fsync of the folder.
 * A reader sees the old file or the new one, and a crash leaves at most a temporary file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "weights/file.h"

enum { ATTEMPTS = 100, TEXT = 48 };

static weft_status io(const weft_writer *writer, const char *what)
{
    return weft_fail(WEFT_IO, "%s: %s: %s", writer->path, what, strerror(errno));
}

/* Ends the writer; the temporary file, if there is one still, goes. */
static void release(weft_writer *writer)
{
    if (writer->file >= 0)
        close(writer->file);
    if (writer->file >= 0 && writer->temporary)
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

static weft_status create(weft_writer *writer)
{
    struct stat old;
    const bool exists = fstatat(writer->folder_fd, writer->name, &old, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && !S_ISREG(old.st_mode) && !S_ISLNK(old.st_mode))
        return weft_fail(WEFT_IO, "%s: is not a regular file and is not replaced", writer->path);
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    for (int attempt = 0; writer->file < 0 && attempt < ATTEMPTS; attempt++) {
        name_temporary(writer, attempt);
        writer->file = openat(writer->folder_fd, writer->temporary, flags, 0666);
        if (writer->file < 0 && errno != EEXIST)
            break;
    }
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

weft_status weft_writer_commit(weft_writer *writer)
{
    weft_status status = WEFT_OK;
    if (fsync(writer->file) != 0)
        status = io(writer, "cannot be synced");
    else if (renameat(writer->folder_fd, writer->temporary, writer->folder_fd, writer->name) != 0)
        status = io(writer, "cannot be renamed into place");
    if (status == WEFT_OK) {
        writer->temporary = NULL; /* it is the target now */
        if (fsync(writer->folder_fd) != 0 && errno != EINVAL) /* which says that this file system does not */
            status = io(writer, "its folder cannot be synced");
    }
    release(writer);
    return status;
}

void weft_writer_abort(weft_writer *writer)
{
    release(writer);
}
