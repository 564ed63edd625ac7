/* SPDX-License-Identifier: Apache-2.0
 *
 * The library's side of the helper process, with shell scripts in its place: helpers that hang, die, lie or are not
 * there, and hosts that handle signals, children and descriptors in their own way. Needs no libhdf5. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "check/alloc.h"
#include "check/harness.h"
#include "weights/h5.h"
#include "weights/h5_process.h"
#include "weights/keras_files.h"

enum { SHORT_MS = 300, LONG_MS = 20000, SOON_MS = 10000 };

/* An empty safetensors stream of eight bytes. */
#define STREAM "printf '\\010\\0\\0\\0\\0\\0\\0\\0{      }'\n"

static char script[] = "./weft-h5-double-XXXXXX", image[] = "weft-h5-image-XXXXXX";

static void write_script(const char *body, mode_t mode)
{
    static const char head[] = "#!/bin/sh\n";
    unlink(script); /* not rewritten: a file that is being run is busy */
    const int file = open(script, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, head, strlen(head)), (ssize_t)strlen(head));
    ck_assert_int_eq(write(file, body, strlen(body)), (ssize_t)strlen(body));
    ck_assert_int_eq(fchmod(file, mode), 0);
    close(file);
}

static weft_status run_helper(weft_ctx *ctx, const char *helper, int64_t limit_ms, weft_weights **out)
{
    const int file = open(image, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(file, 0);
    const weft_h5_job job = { .path = "x.h5", .helper = helper, .file = file, .size = 5, .limit_ms = limit_ms };
    const weft_status status = weft_h5_run(ctx, &job, out);
    close(file);
    return status;
}

static const struct {
    const char *body;
    int64_t limit_ms;
    weft_status status;
    const char *part;
} doubles[] = {
    { STREAM "printf '\\nok'", LONG_MS, WEFT_OK, "" },
    { "read line\n" STREAM "[ \"$line\" = image ] && printf '\\nok'", LONG_MS, WEFT_OK, "" },
    /* slow, dead */
    { "exec sleep 100", SHORT_MS, WEFT_BAD_DATA, "x.h5: weft-h5 was not done with it after 300 ms" },
    { STREAM "exec sleep 100", SHORT_MS, WEFT_BAD_DATA, "x.h5: weft-h5 was not done with it after 300 ms" },
    { "while :; do :; done", SHORT_MS, WEFT_BAD_DATA, "was not done with it" },
    { "exec >&- 2>&-; exec sleep 100", LONG_MS, WEFT_BAD_DATA, "x.h5: weft-h5 died of being killed (signal 9)" },
    { "kill -SEGV $$", LONG_MS, WEFT_BAD_DATA, "x.h5: weft-h5 died of a memory fault (signal 11)" },
    { STREAM "kill -ABRT $$", LONG_MS, WEFT_BAD_DATA, "x.h5: weft-h5 died of damaged memory (signal 6)" },
    { STREAM "printf '\\nok'; kill -SYS $$", LONG_MS, WEFT_BAD_DATA, "a system call it may not make (signal 31)" },
    { "kill -TERM $$", LONG_MS, WEFT_BAD_DATA, "died of a signal (signal 15)" },
    /* rubbish */
    { "exit 0", LONG_MS, WEFT_BAD_DATA, "x.h5: weft-h5 ended without a verdict on the file (exit status 0, 0 bytes" },
    { "printf 'a\\001b\\377'; exit 3", LONG_MS, WEFT_BAD_DATA,
      "(exit status 3, 4 bytes sent, which begin with \"a?b?\")" },
    { "printf '\\nmaybe'", LONG_MS, WEFT_BAD_DATA, "without a verdict" },
    { "printf '\\nok'; exit 1", LONG_MS, WEFT_BAD_DATA, "without a verdict" },
    { "printf '\\nok'", LONG_MS, WEFT_BAD_DATA, "what weft-h5 sent for" },
    { "printf rubbish-rubbish-rubbish; printf '\\nok'", LONG_MS, WEFT_BAD_DATA, "what weft-h5 sent for" },
    { STREAM "printf 'more\\nok'", LONG_MS, WEFT_BAD_DATA, "what weft-h5 sent for" },
    { "printf '\\377\\377\\377\\377\\377\\377\\377\\377{}\\nok'", LONG_MS, WEFT_BAD_DATA, "what weft-h5 sent for" },
    /* verdicts */
    { STREAM "printf '\\nbad /a/b: is no good'", LONG_MS, WEFT_BAD_DATA, "x.h5: /a/b: is no good" },
    { "printf '\\nbad \\033[31mred\\n'; printf '\\nbad \\001\\002'", LONG_MS, WEFT_BAD_DATA, "x.h5: ??" },
    { "printf '\\nunsupported it is new'", LONG_MS, WEFT_BAD_DATA, "x.h5: it is new" },
    { "printf '\\nmemory too much'", LONG_MS, WEFT_BAD_DATA, "x.h5: too much" },
    { "printf 'no libhdf5\\n'; exit 127", LONG_MS, WEFT_UNSUPPORTED, "cannot run: no libhdf5" },
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

START_TEST(helpers_may_do_anything)
{
    check_alloc state = { 0 };
    weft_allocator allocator = check_allocator(&state);
    weft_ctx ctx = keras_ctx(&allocator);
    const int before = check_descriptors();
    for (size_t i = 0; i < sizeof doubles / sizeof doubles[0]; i++) {
        weft_weights *weights = NULL;
        const int64_t begin = now_ms();
        write_script(doubles[i].body, 0700);
        const weft_status status = run_helper(&ctx, script, doubles[i].limit_ms, &weights);
        ck_assert_msg(status == doubles[i].status, "%s: %s: %s", doubles[i].body, weft_status_text(status),
                      weft_error());
        ck_assert_msg(status == WEFT_OK || strstr(weft_error(), doubles[i].part), "%s: \"%s\"", doubles[i].body,
                      weft_error());
        ck_assert_msg((status == WEFT_OK) == (weights != NULL), "%s", doubles[i].body);
        ck_assert_msg(now_ms() - begin < SOON_MS, "%s: took %lld ms", doubles[i].body, (long long)(now_ms() - begin));
        weft_weights_destroy(weights);
        keras_no_child();
    }
    ck_assert_int_eq(check_descriptors(), before);
    ck_assert_int_eq(state.live, 0);
}
END_TEST

START_TEST(helpers_may_be_missing)
{
    weft_ctx ctx = keras_ctx(&weft_malloc_allocator);
    weft_weights *weights = NULL;
    CHECK_FAILS(WEFT_UNSUPPORTED, run_helper(&ctx, "/nowhere/weft-h5", LONG_MS, &weights),
                "x.h5: the helper /nowhere/weft-h5, which reads Keras' HDF5 files, cannot be started");
    write_script("exit 0", 0600);
    CHECK_FAILS(WEFT_UNSUPPORTED, run_helper(&ctx, script, LONG_MS, &weights), "cannot be started");
    keras_no_child();
}
END_TEST

START_TEST(the_helper_is_found)
{
    char path[WEFT_H5_PATH];
    weft_ctx ctx = keras_ctx(&weft_malloc_allocator);
    weft_weights *weights = NULL;
    setenv("WEFT_H5_HELPER", script, 1);
    CHECK_OK(weft_h5_find("x.h5", path));
    ck_assert_str_eq(path, script);
    write_script("printf '\\nbad from the double'", 0700);
    CHECK_FAILS(WEFT_BAD_DATA, weft_h5_read(&ctx, image, &weights), "from the double");
    unsetenv("WEFT_H5_HELPER"); /* no helper lies near the test program */
    CHECK_FAILS(WEFT_UNSUPPORTED, weft_h5_read(&ctx, image, &weights), "install libhdf5-dev");
    CHECK_FAILS(WEFT_UNSUPPORTED, weft_keras_zip_read(&ctx, image, &weights), "install libhdf5-dev");
}
END_TEST

/* ---- hosts ---- */

START_TEST(hosts_may_ignore_children)
{
    weft_ctx ctx = keras_ctx(&weft_malloc_allocator);
    struct sigaction ignore = { .sa_handler = SIG_IGN }, old, now;
    weft_weights *weights = NULL;
    ck_assert_int_eq(sigaction(SIGCHLD, &ignore, &old), 0);
    write_script(STREAM "printf '\\nok'", 0700);
    CHECK_OK(run_helper(&ctx, script, LONG_MS, &weights));
    weft_weights_destroy(weights);
    write_script("kill -SEGV $$", 0700);
    CHECK_FAILS(WEFT_BAD_DATA, run_helper(&ctx, script, LONG_MS, &weights), "without a verdict");
    ck_assert_int_eq(sigaction(SIGCHLD, &old, &now), 0);
    ck_assert_msg(now.sa_handler == SIG_IGN, "the host's handler was changed");
}
END_TEST

START_TEST(hosts_may_block_signals)
{
    weft_ctx ctx = keras_ctx(&weft_malloc_allocator);
    sigset_t all, old, now;
    weft_weights *weights = NULL;
    sigfillset(&all);
    ck_assert_int_eq(sigprocmask(SIG_SETMASK, &all, &old), 0);
    write_script("kill -TERM $$; sleep 100", 0700);
    CHECK_FAILS(WEFT_BAD_DATA, run_helper(&ctx, script, LONG_MS, &weights), "signal 15");
    ck_assert_int_eq(sigprocmask(SIG_SETMASK, &old, &now), 0);
    ck_assert_int_eq(sigismember(&now, SIGTERM), 1);
}
END_TEST

START_TEST(hosts_may_have_closed_the_first_descriptors)
{
    weft_ctx ctx = keras_ctx(&weft_malloc_allocator);
    int kept[3];
    weft_weights *weights = NULL;
    write_script("read line\n" STREAM "[ \"$line\" = image ] && printf '\\nok'", 0700);
    for (int i = 0; i < 3; i++) {
        kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 100);
        close(i);
    }
    const weft_status status = run_helper(&ctx, script, LONG_MS, &weights);
    int open_now = 0;
    for (int i = 0; i < 3; i++) {
        open_now += fcntl(i, F_GETFD) >= 0;
        if (kept[i] >= 0) {
            dup2(kept[i], i);
            close(kept[i]);
        }
    }
    ck_assert_int_eq(open_now, 0);
    CHECK_OK(status);
    weft_weights_destroy(weights);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    const int files[] = { mkstemp(script), mkstemp(image) };
    if (files[0] < 0 || files[1] < 0 || write(files[1], "image", 5) != 5)
        return EXIT_FAILURE;
    close(files[0]);
    close(files[1]);
    Suite *suite = suite_create("weights-h5-process");
    CHECK_CASE(suite, "helper", helpers_may_do_anything, helpers_may_be_missing, the_helper_is_found);
    CHECK_CASE(suite, "host", hosts_may_ignore_children, hosts_may_block_signals,
               hosts_may_have_closed_the_first_descriptors);
    const int status = check_main(suite, argv[0]);
    unlink(script);
    unlink(image);
    return status;
}
