/* SPDX-License-Identifier: Apache-2.0
 *
 * The calls that the linker puts in place of the C library's. */
#include "train/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    shim_mode mode;
    int64_t at, calls, disk; /* disk: bytes left */
    int error;
    bool full;
} shim = { .disk = -1 };

void shim_begin(shim_mode mode, int64_t at, int error)
{
    shim.mode = mode;
    shim.at = at;
    shim.error = error;
    shim.calls = 0;
}

void shim_disk(int64_t bytes)
{
    shim.disk = bytes;
    shim.full = bytes >= 0;
}

int64_t shim_end(void)
{
    const int64_t calls = shim.calls;
    shim_begin(SHIM_COUNT, 0, 0);
    shim_disk(-1);
    return calls;
}

/* Whether this call fails; the error is in errno. */
static bool is_hit(void)
{
    shim.calls++;
    if (shim.mode == SHIM_KILL && shim.calls == shim.at)
        kill(getpid(), SIGKILL);
    const bool hit = (shim.mode == SHIM_FAIL && shim.calls == shim.at) ||
                     (shim.mode == SHIM_FAIL_ON && shim.calls >= shim.at);
    if (hit)
        errno = shim.error;
    return hit;
}

#define REAL(result, name, ...) \
    result __real_##name(__VA_ARGS__); \
    result __wrap_##name(__VA_ARGS__); \
    result __wrap_##name(__VA_ARGS__)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    const mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return is_hit() ? -1 : __real_open(path, flags, mode);
}

int __real_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    const mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return is_hit() ? -1 : __real_openat(folder, path, flags, mode);
}

REAL(ssize_t, write, int file, const void *data, size_t size)
{
    if (is_hit())
        return -1;
    if (shim.full && shim.disk <= 0) {
        errno = ENOSPC;
        return -1;
    }
    const size_t most = shim.full && (uint64_t)shim.disk < size ? (size_t)shim.disk : size; /* a short write */
    const ssize_t got = __real_write(file, data, most);
    if (got > 0 && shim.full)
        shim.disk -= got;
    return got;
}

REAL(ssize_t, read, int file, void *data, size_t size)
{
    return is_hit() ? -1 : __real_read(file, data, size);
}

/* This disk cannot reserve, so that writes are what fails: where it could, nothing would be left to find. */
REAL(int, posix_fallocate, int file, off_t at, off_t size)
{
    if (is_hit())
        return errno;
    return shim.full ? EOPNOTSUPP : __real_posix_fallocate(file, at, size);
}

REAL(int, fsync, int file)
{
    return is_hit() ? -1 : __real_fsync(file);
}

REAL(int, close, int file)
{
    if (!is_hit())
        return __real_close(file);
    const int error = errno;
    __real_close(file); /* a close that fails has closed */
    errno = error;
    return -1;
}

REAL(int, mkdirat, int folder, const char *path, mode_t mode)
{
    return is_hit() ? -1 : __real_mkdirat(folder, path, mode);
}

REAL(int, renameat, int from, const char *old, int to, const char *name)
{
    return is_hit() ? -1 : __real_renameat(from, old, to, name);
}

REAL(int, renameat2, int from, const char *old, int to, const char *name, unsigned flags)
{
    return is_hit() ? -1 : __real_renameat2(from, old, to, name, flags);
}

REAL(int, linkat, int from, const char *old, int to, const char *name, int flags)
{
    return is_hit() ? -1 : __real_linkat(from, old, to, name, flags);
}

REAL(int, unlinkat, int folder, const char *path, int flags)
{
    if (shim.mode == SHIM_KILL)
        is_hit();
    return __real_unlinkat(folder, path, flags);
}
