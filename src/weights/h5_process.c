/* SPDX-License-Identifier: Apache-2.0
 *
 * One run of the weft-h5 helper. The library is a guest in a process with threads, handlers and children of its own:
 * posix_spawn (no fork, no code of ours between), no signal is handled or blocked, descriptors are closed on exec, and
 * the only child waited for is ours. The image goes to the helper as a descriptor, not through a pipe, so nothing here
 * ever writes to one. What comes back (src/h5/helper.h) is trusted no more than the file. */
#include "weights/h5_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/context.h"
#include "base/error.h"
#include "weights/weights.h"

enum {
    FIRST_FD = 3,         /* a host may have closed 0, 1 or 2, and dup2 in the child must not cross */
    PIPE_BYTES = 1 << 20,
    SLACK = 1 << 20,      /* of the first buffer over the file's size, for the header */
    RATIO = 1000,         /* bytes sent for a byte of the file, beyond the floor */
    SENTENCE = 1024,      /* of the verdict */
    REAP_MS = 1000,       /* for a helper that has closed its pipe */
    LEAST_NAP_NS = 20000, /* between looks whether it has ended */
    MOST_NAP_NS = 1000000,
    UNKNOWN = -1          /* wait status, when the host has reaped the child */
};
#define FLOOR_BYTES ((uint64_t)256 << 20)

typedef struct run {
    const weft_h5_job *job;
    const weft_allocator *allocator;
    int64_t deadline;
    int pipe;
    uint8_t *data;
    size_t size, room;
} run;

/* ---- starting ---- */

/* *file as a descriptor that is not 0, 1 or 2. */
static bool raise_descriptor(int *file)
{
    if (*file >= FIRST_FD)
        return true;
    const int raised = fcntl(*file, F_DUPFD_CLOEXEC, FIRST_FD);
    if (raised < 0)
        return false;
    close(*file);
    *file = raised;
    return true;
}

/* Default handlers and nothing blocked, whatever the calling thread has. Returns an errno. */
static int plain_signals(posix_spawnattr_t *attributes)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int error = posix_spawnattr_setsigdefault(attributes, &all);
    if (!error)
        error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error)
        error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    return error;
}

/* Descriptor 2 is the pipe too: the dynamic loader complains there before main begins. */
static int spawn(const weft_h5_job *job, int file, int output, pid_t *child)
{
    char libraries[WEFT_H5_PATH], program[] = "weft-h5";
    char *arguments[] = { program, NULL }, *environment[] = { NULL, NULL };
    const char *path = getenv("LD_LIBRARY_PATH");
    if (path && snprintf(libraries, sizeof libraries, "LD_LIBRARY_PATH=%s", path) < (int)sizeof libraries)
        environment[0] = libraries;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    error = plain_signals(&attributes);
    const int pairs[][2] = { { file, 0 }, { output, 1 }, { output, 2 } };
    for (int i = 0; i < WEFT_COUNT(pairs) && !error; i++)
        error = posix_spawn_file_actions_adddup2(&actions, pairs[i][0], pairs[i][1]);
    if (!error)
        error = posix_spawn(child, job->helper, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static weft_status start(const weft_h5_job *job, int *pipe, pid_t *child)
{
    int ends[2] = { -1, -1 };
    int file = fcntl(job->file, F_DUPFD_CLOEXEC, FIRST_FD);
    if (file < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        const int error = errno;
        if (file >= 0)
            close(file);
        return weft_fail(WEFT_IO, "%s: no pipe to the helper %s: %s", job->path, job->helper, strerror(error));
    }
    int error = raise_descriptor(&ends[0]) && raise_descriptor(&ends[1]) ? 0 : errno;
#ifdef F_SETPIPE_SZ
    (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES); /* fewer switches; if not granted, the usual 64 KiB do */
#endif
    if (!error)
        error = spawn(job, file, ends[1], child);
    close(file);
    close(ends[1]);
    if (error) {
        close(ends[0]);
        return weft_fail(WEFT_UNSUPPORTED, "%s: the helper %s, which reads Keras' HDF5 files, cannot be started: %s",
                         job->path, job->helper, strerror(error));
    }
    *pipe = ends[0];
    return WEFT_OK;
}

/* ---- receiving ---- */

static weft_status make_room(run *r)
{
    const uint64_t size = r->job->size;
    const uint64_t most = size < (UINT64_MAX - FLOOR_BYTES) / RATIO ? FLOOR_BYTES + size * RATIO : UINT64_MAX;
    size_t room = r->room;
    if (r->size >= most)
        return weft_fail(WEFT_BAD_DATA, "%s: weft-h5 sent more than %d times the file's %llu bytes",
                         r->job->path, RATIO, (unsigned long long)size);
    if (room == 0 ? !weft_add_size((size_t)(size < SIZE_MAX ? size : SIZE_MAX), SLACK, &room) :
                    !weft_mul_size(room, 2, &room))
        return weft_fail(WEFT_NO_MEMORY, "%s: fits no memory", r->job->path);
    uint8_t *data = weft_alloc(r->allocator, room);
    if (!data)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", r->job->path);
    if (r->data)
        memcpy(data, r->data, r->size);
    weft_free(r->allocator, r->data);
    r->data = data;
    r->room = room;
    return WEFT_OK;
}

/* All that the helper sends, until it closes the pipe. */
static weft_status receive(run *r)
{
    for (;;) {
        const int64_t left = r->deadline - weft_clock_ns() / 1000000;
        if (left <= 0)
            return weft_fail(WEFT_BAD_DATA, "%s: weft-h5 was not done with it after %lld ms and was ended",
                             r->job->path, (long long)r->job->limit_ms);
        struct pollfd wait = { .fd = r->pipe, .events = POLLIN };
        const int ready = poll(&wait, 1, left < INT32_MAX ? (int)left : INT32_MAX);
        if (ready < 0 && errno != EINTR && errno != EAGAIN)
            return weft_fail(WEFT_IO, "%s: waiting for weft-h5: %s", r->job->path, strerror(errno));
        if (ready <= 0)
            continue;
        if (r->size == r->room)
            WEFT_TRY(make_room(r));
        const ssize_t count = read(r->pipe, r->data + r->size, r->room - r->size);
        if (count < 0 && errno != EINTR)
            return weft_fail(WEFT_IO, "%s: reading from weft-h5: %s", r->job->path, strerror(errno));
        if (count == 0)
            return WEFT_OK;
        if (count > 0)
            r->size += (size_t)count;
    }
}

/* Ends the child if it has not ended, and takes its status; a host that waits for all children may have been faster.
 * While the child is ours and not waited for, its number cannot be anybody else's. */
static int reap(pid_t child, bool at_once)
{
    const int64_t until = weft_clock_ns() + (int64_t)REAP_MS * 1000000;
    int status = 0;
    /* It has closed its pipe and is on its way out: the first naps are short. */
    struct timespec nap = { .tv_nsec = LEAST_NAP_NS };
    while (!at_once && weft_clock_ns() < until) {
        const pid_t got = waitpid(child, &status, WNOHANG);
        if (got == child)
            return status;
        if (got < 0 && errno != EINTR)
            return UNKNOWN;
        nanosleep(&nap, NULL);
        nap.tv_nsec = 2 * nap.tv_nsec < MOST_NAP_NS ? 2 * nap.tv_nsec : MOST_NAP_NS;
    }
    kill(child, SIGKILL);
    for (;;) {
        const pid_t got = waitpid(child, &status, 0);
        if (got == child)
            return status;
        if (got < 0 && errno != EINTR)
            return UNKNOWN;
    }
}

/* ---- judging ---- */

static const char *signal_text(int number)
{
    static const struct {
        int number;
        const char *text;
    } rows[] = {
        { SIGSEGV, "a memory fault" }, { SIGBUS, "a memory fault" }, { SIGABRT, "damaged memory" },
        { SIGFPE, "an impossible division" }, { SIGILL, "an illegal instruction" },
        { SIGSYS, "a system call it may not make" }, { SIGXCPU, "its limit of CPU time" }, { SIGKILL, "being killed" },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        if (rows[i].number == number)
            return rows[i].text;
    }
    return "a signal";
}

/* The end of what was sent as a sentence: at most size - 1 bytes, what is not ASCII text as '?'. */
static void copy_text(const uint8_t *data, size_t length, char *out, size_t size)
{
    if (length > size - 1)
        length = size - 1;
    for (size_t i = 0; i < length; i++)
        out[i] = data[i] >= 0x20 && data[i] < 0x7f ? (char)data[i] : '?';
    out[length] = '\0';
}

static weft_status no_verdict(const run *r, int status)
{
    const char *path = r->job->path;
    char said[128];
    if (status != UNKNOWN && WIFSIGNALED(status))
        return weft_fail(WEFT_BAD_DATA, "%s: weft-h5 died of %s (signal %d) in libhdf5; the file is damaged or hostile",
                         path, signal_text(WTERMSIG(status)), WTERMSIG(status));
    const uint8_t *line = r->size > 0 ? memchr(r->data, '\n', r->size) : NULL;
    copy_text(r->data, line ? (size_t)(line - r->data) : r->size, said, sizeof said);
    if (status != UNKNOWN && WIFEXITED(status) && WEXITSTATUS(status) == 127) /* the dynamic loader's */
        return weft_fail(WEFT_UNSUPPORTED, "%s: the helper %s cannot run: %s", path, r->job->helper, said);
    return weft_fail(WEFT_BAD_DATA, "%s: weft-h5 ended without a verdict on the file (exit status %d, %zu bytes sent, "
                     "which begin with \"%s\")", path,
                     status != UNKNOWN && WIFEXITED(status) ? WEXITSTATUS(status) : UNKNOWN, r->size, said);
}

static weft_status judge(weft_ctx *ctx, run *r, int status, weft_weights **out)
{
    static const struct {
        const char *word;
        weft_status status;
    } verdicts[] = { { "bad ", WEFT_BAD_DATA }, { "unsupported ", WEFT_BAD_DATA }, { "memory ", WEFT_BAD_DATA } };
    const size_t tail = r->size < SENTENCE + 32 ? r->size : SENTENCE + 32;
    const uint8_t *line = tail > 0 ? memrchr(r->data + r->size - tail, '\n', tail) : NULL;
    char said[SENTENCE];
    if (!line)
        return no_verdict(r, status);
    copy_text(line + 1, (size_t)(r->data + r->size - line - 1), said, sizeof said);
    for (int i = 0; i < WEFT_COUNT(verdicts); i++) {
        const size_t length = strlen(verdicts[i].word);
        if (strncmp(said, verdicts[i].word, length) == 0)
            return weft_fail(verdicts[i].status, "%s: %s", r->job->path, said + length);
    }
    if (strcmp(said, "ok") != 0 || (status != UNKNOWN && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)))
        return no_verdict(r, status);
    const weft_file file = { .path = r->job->path, .data = r->data, .size = (size_t)(line - r->data) };
    r->data = NULL; /* the parser's */
    const weft_status parsed =
        weft_weights_fill(ctx, &file, weft_safetensors_read, &(weft_read_opt){ 0 }, out);
    return parsed == WEFT_OK ? WEFT_OK : weft_fail_in(parsed, "what weft-h5 sent for");
}

weft_status weft_h5_collect(weft_ctx *ctx, const weft_h5_job *job, int pipe, pid_t child, weft_weights **out)
{
    const int64_t deadline = weft_clock_ns() / 1000000 + job->limit_ms;
    run r = { .job = job, .allocator = &ctx->allocator, .deadline = deadline, .pipe = pipe };
    weft_status status = receive(&r);
    close(pipe);
    const int ended = reap(child, status != WEFT_OK);
    if (status == WEFT_OK)
        status = judge(ctx, &r, ended, out);
    weft_free(r.allocator, r.data);
    return status;
}

weft_status weft_h5_run(weft_ctx *ctx, const weft_h5_job *job, weft_weights **out)
{
    int pipe = -1;
    pid_t child = 0;
    WEFT_TRY(start(job, &pipe, &child));
    return weft_h5_collect(ctx, job, pipe, child, out);
}
