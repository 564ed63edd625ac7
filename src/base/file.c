/* SPDX-License-Identifier: Apache-2.0
 *
 * Regular files: opened without waiting for what is none, read through interruptions. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

weft_status weft_open_regular(const char *path, const char *wanted, int *out, uint64_t *size)
{
    /* Non-blocking, so that a pipe or a terminal is refused below instead of waited for. */
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0) {
        const bool absent = errno == ENOENT || errno == ENOTDIR;
        return weft_fail(absent ? WEFT_NOT_FOUND : WEFT_IO, "%s: cannot be opened: %s", path, strerror(errno));
    }
    struct stat facts;
    weft_status status = WEFT_OK;
    if (fstat(file, &facts) != 0)
        status = weft_fail(WEFT_IO, "%s: cannot be examined: %s", path, strerror(errno));
    else if (S_ISDIR(facts.st_mode))
        status = weft_fail(WEFT_BAD_DATA, "%s: is a directory, not a regular file; %s was expected", path, wanted);
    else if (!S_ISREG(facts.st_mode))
        status = weft_fail(WEFT_BAD_DATA, "%s: is not a regular file; %s was expected", path, wanted);
    if (status != WEFT_OK) {
        close(file);
        return status;
    }
    *out = file;
    *size = (uint64_t)facts.st_size;
    return WEFT_OK;
}

weft_status weft_read_bytes(int file, const char *path, uint8_t *data, size_t size, size_t *got)
{
    size_t at = 0;
    while (at < size) {
        const ssize_t count = read(file, data + at, size - at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return weft_fail(WEFT_IO, "%s: byte %zu: cannot be read: %s", path, at, strerror(errno));
        if (count == 0)
            break;
        at += (size_t)count;
    }
    *got = at;
    return WEFT_OK;
}
