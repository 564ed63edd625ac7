/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing that fails leaves nothing behind and an old file as it was: folders that are missing or not to be written,
 * targets that are no files, a file size limit hit at every byte, a signal that ends the process. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check/harness.h"
#include "weights/common.h"
#include "weights/file.h"

/* What the kernel does, or a file system that is not here: calls that signals interrupt, files that must have a name,
 * a signal that arrives while a file is renamed. The writer calls these in place of the C library's. */
static int interrupting, calls, named_files, signal_in_rename;

/* Each call once, before it is done. */
static bool interrupted(void)
{
    errno = EINTR;
    return interrupting && calls++ % 2 == 0;
}

int fsync(int file)
{
    return interrupted() ? -1 : (int)syscall(SYS_fsync, file);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    if (signal_in_rename)
        raise(signal_in_rename);
    return interrupted() ? -1 : (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    const bool unnamed = (flags & O_TMPFILE) == O_TMPFILE;
    const int mode = unnamed || flags & O_CREAT ? va_arg(more, int) : 0;
    va_end(more);
    errno = EOPNOTSUPP;
    return unnamed && named_files ? -1 : (int)syscall(SYS_openat, folder, path, flags, mode);
}

static const char *const written[] = { "w/new.safetensors", "w/new.npz" };

static void fresh_folder(void)
{
    ck_assert(mkdir("w", 0777) == 0);
}

/* Files in "w", without . and .. */
static int files_in_folder(void)
{
    int count = -2;
    DIR *folder = opendir("w");
    ck_assert_ptr_nonnull(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static weft_weights *types(weft_ctx *ctx)
{
    return weights_fixture(ctx, "types.safetensors");
}

START_TEST(places_that_take_no_file)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = types(&ctx);
    struct stat facts;
    fresh_folder();
    ck_assert(mkdir("w/folder.npz", 0777) == 0);
    ck_assert(mkfifo("w/pipe.npz", 0666) == 0);
    static const struct {
        const char *path, *part;
        weft_format format;
    } rows[] = {
        { "w/missing/x.safetensors", "w/missing/x.safetensors: its folder cannot be opened: No such",
          WEFT_FORMAT_AUTO },
        { "w/folder.npz", "w/folder.npz: is not a regular file", WEFT_FORMAT_AUTO },
        { "w/pipe.npz", "w/pipe.npz: is not a regular file", WEFT_FORMAT_AUTO },
        { "w/", "names a folder", WEFT_NPZ },
        { "w/..", "names a folder", WEFT_NPZ },
        /* behind the pipe: code that replaces what is no file fails above, before it could harm a device */
        { "/dev/full", "/dev/full: is not a regular file", WEFT_SAFETENSORS },
        { "/proc/x.safetensors", "/proc/x.safetensors: no file can be created", WEFT_FORMAT_AUTO },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++)
        CHECK_FAILS(WEFT_IO, weft_weights_write(set, rows[i].path, rows[i].format), rows[i].part);
    ck_assert(stat("/dev/full", &facts) == 0 && S_ISCHR(facts.st_mode));
    CHECK_FAILS(WEFT_UNSUPPORTED, weft_weights_write(set, "w/x.pth", WEFT_FORMAT_AUTO), "does not write pth");
    CHECK_FAILS(WEFT_UNSUPPORTED, weft_weights_write(set, "w/x.txt", WEFT_FORMAT_AUTO), "does not write such");
    ck_assert_int_eq(files_in_folder(), 2);
    rmdir("w/folder.npz");
    unlink("w/pipe.npz");
    if (geteuid() != 0) { /* root may write everywhere */
        ck_assert(chmod("w", 0555) == 0);
        CHECK_FAILS(WEFT_IO, weft_weights_write(set, written[0], WEFT_FORMAT_AUTO), "no file can be created");
        chmod("w", 0755);
    }
    ck_assert_int_eq(files_in_folder(), 0);
    rmdir("w");
    weft_weights_destroy(set);
}
END_TEST

/* The limit on file sizes makes write fail as a full device does, at any byte. */
static void limit(rlim_t bytes)
{
    struct rlimit now;
    ck_assert(getrlimit(RLIMIT_FSIZE, &now) == 0);
    now.rlim_cur = bytes < now.rlim_max ? bytes : now.rlim_max;
    ck_assert(setrlimit(RLIMIT_FSIZE, &now) == 0);
}

START_TEST(a_write_that_fails_at_any_byte_leaves_the_old_file)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = types(&ctx), *old = weights_fixture(&ctx, "views.safetensors");
    signal(SIGXFSZ, SIG_IGN);
    fresh_folder();
    for (int i = 0; i < WEFT_COUNT(written); i++) {
        size_t size, before, after;
        CHECK_OK(weft_weights_write(set, written[i], WEFT_FORMAT_AUTO));
        free(weights_bytes(written[i], &size));
        CHECK_OK(weft_weights_write(old, written[i], WEFT_FORMAT_AUTO));
        uint8_t *bytes = weights_bytes(written[i], &before);
        for (size_t at = 0; at < size; at++) {
            char part[64];
            limit(at);
            const weft_status status = weft_weights_write(set, written[i], WEFT_FORMAT_AUTO);
            limit(RLIM_INFINITY);
            snprintf(part, sizeof part, "byte %zu: cannot be written: File too large", at);
            ck_assert_msg(status == WEFT_IO && strstr(weft_error(), part) && strstr(weft_error(), written[i]),
                          "%s, limit %zu: %s", written[i], at, weft_error());
            uint8_t *now = weights_bytes(written[i], &after);
            ck_assert_msg(after == before && memcmp(now, bytes, before) == 0, "limit %zu: the old file changed", at);
            free(now);
            ck_assert_int_eq(files_in_folder(), i + 1);
        }
        free(bytes);
    }
    for (int i = 0; i < WEFT_COUNT(written); i++)
        unlink(written[i]);
    rmdir("w");
    weft_weights_destroy(set);
    weft_weights_destroy(old);
}
END_TEST

START_TEST(the_old_file_is_replaced_as_a_whole)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = types(&ctx), *read = NULL;
    struct stat facts;
    fresh_folder();
    const mode_t mask = umask(022);
    CHECK_OK(weft_weights_write(set, written[0], WEFT_FORMAT_AUTO));
    ck_assert(stat(written[0], &facts) == 0 && (facts.st_mode & 07777) == 0644);
    ck_assert(chmod(written[0], 0600) == 0);
    const int reader = open(written[0], O_RDONLY | O_CLOEXEC); /* keeps what it opened */
    const ino_t inode = facts.st_ino;
    CHECK_OK(weft_weights_set_meta(set, "more", "text"));
    CHECK_OK(weft_weights_write(set, written[0], WEFT_FORMAT_AUTO));
    ck_assert(stat(written[0], &facts) == 0 && (facts.st_mode & 07777) == 0600);
    ck_assert(facts.st_ino != inode);
    ck_assert(fstat(reader, &facts) == 0 && facts.st_ino == inode);
    close(reader);
    ck_assert(symlink("new.safetensors", "w/link.safetensors") == 0);
    CHECK_OK(weft_weights_write(set, "w/link.safetensors", WEFT_FORMAT_AUTO)); /* replaces the link, not its target */
    ck_assert(lstat("w/link.safetensors", &facts) == 0 && S_ISREG(facts.st_mode));
    CHECK_OK(weft_weights_read(&ctx, "w/link.safetensors", WEFT_FORMAT_AUTO, &read));
    ck_assert_str_eq(weft_weights_meta_find(read, "more"), "text");
    ck_assert_int_eq(files_in_folder(), 2);
    unlink(written[0]);
    unlink("w/link.safetensors");
    rmdir("w");
    umask(mask);
    weft_weights_destroy(read);
    weft_weights_destroy(set);
}
END_TEST

static void write_twice(const weft_weights *set)
{
    for (int old = 0; old < 2; old++) {
        calls = 0;
        interrupting = 1;
        CHECK_OK(weft_weights_write(set, written[0], WEFT_FORMAT_AUTO));
        interrupting = 0;
        ck_assert_int_ge(calls, 4); /* two fsync at least */
        ck_assert_int_eq(files_in_folder(), 1);
    }
}

START_TEST(signals_interrupt_calls_and_not_the_writing)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = types(&ctx), *read = NULL;
    fresh_folder();
    for (named_files = 0; named_files < 2; named_files++) {
        write_twice(set);
        CHECK_OK(weft_weights_read(&ctx, written[0], WEFT_FORMAT_AUTO, &read));
        weft_weights_destroy(read);
        unlink(written[0]);
        signal(SIGXFSZ, SIG_IGN);
        limit(100);
        CHECK_FAILS(WEFT_IO, weft_weights_write(set, written[0], WEFT_FORMAT_AUTO), "byte 100: cannot be written");
        limit(RLIM_INFINITY);
        ck_assert_int_eq(files_in_folder(), 0);
    }
    named_files = 0;
    rmdir("w");
    weft_weights_destroy(set);
}
END_TEST

static const int deadly[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGKILL };

/* A process without its parent's handlers. */
static pid_t child_of(int deadly_signal)
{
    const struct rlimit none = { 0 };
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &none);
        signal(deadly_signal, SIG_DFL);
    }
    return child;
}

static void check_died_of(pid_t child, int deadly_signal)
{
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == deadly_signal, "signal %d: status %d", deadly_signal,
                  status);
}

START_TEST(a_signal_while_bytes_are_put_leaves_nothing)
{
    fresh_folder();
    const int file = open("w", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600); /* does the file system have such? */
    const pid_t child = file < 0 ? -1 : child_of(deadly[_i]);
    if (child == 0) {
        weft_writer writer;
        if (weft_writer_open(&weft_malloc_allocator, written[0], &writer) == WEFT_OK &&
            weft_writer_put(&writer, "text", 4) == WEFT_OK)
            raise(deadly[_i]);
        _exit(0);
    }
    if (child > 0) {
        check_died_of(child, deadly[_i]);
        close(file);
    }
    ck_assert_int_eq(files_in_folder(), 0);
    rmdir("w");
}
END_TEST

START_TEST(a_signal_waits_for_the_renaming)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = types(&ctx), *read = NULL;
    fresh_folder();
    CHECK_OK(weft_weights_write(set, written[0], WEFT_FORMAT_AUTO));
    CHECK_OK(weft_weights_set_meta(set, "more", "text"));
    const pid_t child = child_of(SIGTERM);
    if (child == 0) {
        signal_in_rename = SIGTERM;
        (void)weft_weights_write(set, written[0], WEFT_FORMAT_AUTO);
        _exit(0);
    }
    check_died_of(child, SIGTERM);
    ck_assert_int_eq(files_in_folder(), 1);
    CHECK_OK(weft_weights_read(&ctx, written[0], WEFT_FORMAT_AUTO, &read));
    ck_assert_str_eq(weft_weights_meta_find(read, "more"), "text");
    weft_weights_destroy(read);
    weft_weights_destroy(set);
    unlink(written[0]);
    rmdir("w");
}
END_TEST

START_TEST(what_is_no_file_is_not_read)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *read = NULL;
    fresh_folder();
    ck_assert(mkfifo("w/pipe", 0666) == 0);
    fclose(fopen("w/empty", "w"));
    CHECK_FAILS(WEFT_NOT_FOUND, weft_weights_read(&ctx, "w/none", WEFT_FORMAT_AUTO, &read), "w/none: cannot be opened");
    CHECK_FAILS(WEFT_NOT_FOUND, weft_weights_read(&ctx, "w/empty/x", WEFT_FORMAT_AUTO, &read), "w/empty/x: cannot be");
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_read(&ctx, "w", WEFT_FORMAT_AUTO, &read), "w: is a directory");
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_read(&ctx, "w/pipe", WEFT_FORMAT_AUTO, &read), "is not a regular file");
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_read(&ctx, "/dev/zero", WEFT_NPZ, &read), "is not a regular file");
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_read(&ctx, "w/empty", WEFT_FORMAT_AUTO, &read), "the file is empty");
    CHECK_FAILS(WEFT_INVALID, weft_weights_read(&ctx, "w/empty", (weft_format)77, &read), "format must be known");
    ck_assert_ptr_null(read);
    unlink("w/pipe");
    unlink("w/empty");
    rmdir("w");
}
END_TEST

/* Three GiB with a header that claims other ones: nothing of them is read. */
START_TEST(what_ends_as_no_archive_is_refused_before_it_is_read)
{
    static const struct {
        const char *path, *head, *part;
        size_t size;
    } files[] = {
        { "sparse.pth", "PK\3\4", "the end record of a zip archive", 4 },
        { "sparse.npz", "PK\3\4", "the end record of a zip archive", 4 },
        { "sparse.keras", "PK\3\4", "the end record of a zip archive", 4 },
        { "sparse.h5", "\x89HDF\r\n\x1a\n", "addresses of 0 bytes", 8 },
        { "tail.h5", "\x89HDF\r\n\x1a\n"
          "\0\0\0\0\0\10\10\0\4\0\20\0\0\0\0\0\0\0\0\0\0\0\0\0"
          "\377\377\377\377\377\377\377\377\240\106\0\0\0\0\0\0\377\377\377\377",
          "3221225472 bytes and says that it ends at 18080", 52 },
    };
    for (int i = 0; i < WEFT_COUNT(files); i++) {
        weights_peak peak = { 0 };
        const weft_allocator allocator = weights_peak_allocator(&peak);
        weft_ctx ctx = weights_ctx(&allocator);
        weft_weights *read = NULL;
        FILE *file = fopen(files[i].path, "wb");
        ck_assert_ptr_nonnull(file);
        ck_assert_uint_eq(fwrite(files[i].head, 1, files[i].size, file), files[i].size);
        ck_assert_int_eq(ftruncate(fileno(file), (off_t)3 << 30), 0);
        fclose(file);
        CHECK_FAILS(WEFT_BAD_DATA, weft_weights_read(&ctx, files[i].path, WEFT_FORMAT_AUTO, &read), files[i].part);
        unlink(files[i].path);
        ck_assert_uint_le(peak.peak, 1 << 20);
    }
}
END_TEST

START_TEST(a_wrong_header_is_refused_before_the_rest_is_read)
{
    static const char header[] = "\x38\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,32]}} ";
    weights_peak peak = { 0 };
    const weft_allocator allocator = weights_peak_allocator(&peak);
    weft_ctx ctx = weights_ctx(&allocator);
    weft_weights *read = NULL;
    FILE *file = fopen("sparse.safetensors", "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(header, 1, sizeof header - 1, file), sizeof header - 1);
    ck_assert_int_eq(ftruncate(fileno(file), (off_t)3 << 30), 0);
    fclose(file);
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_read(&ctx, "sparse.safetensors", WEFT_FORMAT_AUTO, &read),
                "sparse.safetensors: byte 96: the last tensor ends here; the file has 3221225376 bytes more");
    unlink("sparse.safetensors");
    ck_assert_uint_le(peak.peak, 1 << 20);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    char folder[] = "weft-write-XXXXXX"; /* beside other tests that run now */
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return EXIT_FAILURE;
    Suite *suite = suite_create("weights_write");
    CHECK_CASE(suite, "write", places_that_take_no_file, a_write_that_fails_at_any_byte_leaves_the_old_file,
               the_old_file_is_replaced_as_a_whole, what_is_no_file_is_not_read,
               a_wrong_header_is_refused_before_the_rest_is_read,
               what_ends_as_no_archive_is_refused_before_it_is_read, signals_interrupt_calls_and_not_the_writing,
               a_signal_waits_for_the_renaming);
    TCase *signals = tcase_create("signals");
    tcase_add_loop_test(signals, a_signal_while_bytes_are_put_leaves_nothing, 0, WEFT_COUNT(deadly));
    suite_add_tcase(suite, signals);
    const int result = check_main(suite, argv[0]);
    if (chdir("..") == 0)
        rmdir(folder);
    return result;
}
