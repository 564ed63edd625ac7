/* SPDX-License-Identifier: Apache-2.0
 *
 * Damaged HDF5 files by the thousand: prefixes of the fixtures, and copies with a few bytes changed. The helper may
 * die of them; the library may not, and says OK, BAD_DATA or UNSUPPORTED.
 *
 * Starting the program costs ten milliseconds, most of it for libraries that libhdf5 brings along. Here its code is
 * linked in: libhdf5 is initialised once, then a child is forked for each file, which runs the helper's main. All else
 * is as it is outside.
 *
 * An argument says how many copies are changed, when not so many as here. In sanitized builds fewer files are tried,
 * without the sandbox (h5_unconfined.c), and no child may end by the sanitizers' report on the helper's own code. */
#include <hdf5.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "check/alloc.h"
#include "check/harness.h"
#include "weights/h5_process.h"
#include "weights/keras_files.h"

#if defined(__SANITIZE_ADDRESS__)
enum { PATIENCE_MS = 5000, MUTANTS = 500, STRIDE = 97 };
#define REPORTED "exit status 99"
/* Reports end with that status; crashes stay signals, since they are libhdf5's, and what libhdf5 copies is not looked
 * at. Memory is bounded as the sandbox would. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "exitcode=99:handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigfpe=0:replace_intrin=0:replace_str=0:"
           "intercept_strlen=0:intercept_strchr=0:intercept_strndup=0:max_allocation_size_mb=256:"
           "allocator_may_return_null=1";
}
#else
enum { PATIENCE_MS = 3000, MUTANTS = 1000, STRIDE = 1 };
#define REPORTED "no such status"
#endif
enum { CHANGES = 4, FILES = 5, PREFIXED = 2 /* the first ones */, HEAD = 2048 };

int weft_h5_main(void); /* src/h5/main.c */

static uint64_t mutants = MUTANTS;

static const char *const names[] = { "tf.h5", "tiny.weights.h5", "tiny.h5", "tf-filters.h5", "types.weights.h5" };

/* How files fared. */
typedef struct tally {
    int64_t ok, bad, unsupported, deaths;
} tally;

static weft_status read_bytes(weft_ctx *ctx, const uint8_t *data, size_t size, weft_weights **out)
{
    const int file = memfd_create("image", MFD_CLOEXEC);
    int ends[2];
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(pwrite(file, data, size, 0), (ssize_t)size);
    ck_assert_int_eq(pipe(ends), 0);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        dup2(file, 0);
        dup2(ends[1], 1);
        _exit(weft_h5_main());
    }
    close(ends[1]);
    close(file);
    const weft_h5_job job = { .path = "x.h5", .size = size, .limit_ms = PATIENCE_MS };
    const weft_status status = weft_h5_collect(ctx, &job, ends[0], child, out);
    ck_assert_msg(status == WEFT_OK || !strstr(weft_error(), REPORTED), "the sanitizers found: %s", weft_error());
    return status;
}

static void count(tally *t, weft_status status)
{
    t->ok += status == WEFT_OK;
    t->bad += status == WEFT_BAD_DATA;
    t->unsupported += status == WEFT_UNSUPPORTED;
    t->deaths += status != WEFT_OK && strstr(weft_error(), "x.h5: weft-h5 ") == weft_error();
}

START_TEST(whole_files_are_read)
{
    weft_ctx ctx = keras_ctx(&weft_malloc_allocator);
    for (int f = 0; f < FILES; f++) {
        size_t size;
        uint8_t *data = keras_bytes(names[f], &size);
        weft_weights *weights = NULL;
        CHECK_OK(read_bytes(&ctx, data, size, &weights));
        ck_assert_int_ge(weft_weights_count(weights), 7);
        weft_weights_destroy(weights);
        free(data);
    }
}
END_TEST

START_TEST(prefixes_are_refused)
{
    weft_ctx ctx = keras_ctx(&weft_malloc_allocator);
    tally t = { 0 };
    for (int f = 0; f < PREFIXED; f++) {
        size_t size;
        uint8_t *data = keras_bytes(names[f], &size);
        /* Of the head and the last bytes each, of the rest every 8th. */
        for (size_t length = 0, step; length < size; length += step) {
            step = length < HEAD || size - length <= 64 ? STRIDE : 8 * STRIDE;
            weft_weights *weights = NULL;
            const weft_status status = read_bytes(&ctx, data, length, &weights);
            ck_assert_msg(status == WEFT_BAD_DATA, "%s: %zu bytes: %s", names[f], length, weft_status_text(status));
            ck_assert_msg(strncmp(weft_error(), "x.h5: ", 6) == 0 && strlen(weft_error()) > 12, "\"%s\"", weft_error());
            count(&t, status);
        }
        free(data);
    }
    printf("prefixes: %" PRId64 " refused, the helper died of %" PRId64 "\n", t.bad, t.deaths);
}
END_TEST

static void mutate(uint8_t *data, size_t size, uint64_t seed, uint64_t index)
{
    uint32_t draw[4];
    weft_rng_block(seed, weft_rng_stream("mutant"), index * (CHANGES + 1), draw);
    const int changes = 1 + (int)(draw[0] % CHANGES);
    for (int i = 0; i < changes; i++) {
        weft_rng_block(seed, weft_rng_stream("mutant"), index * (CHANGES + 1) + 1 + (uint64_t)i, draw);
        /* Half of the changes in the first kilobytes, where the structure is densest. */
        const size_t range = draw[2] % 2 && size > 4096 ? 4096 : size;
        data[draw[0] % range] = (uint8_t)draw[1];
    }
}

START_TEST(mutants_never_bring_down_the_host)
{
    check_alloc state = { 0 };
    weft_allocator allocator = check_allocator(&state);
    weft_ctx ctx = keras_ctx(&allocator);
    tally t = { 0 };
    for (uint64_t m = 0; m < mutants; m++) {
        size_t size;
        uint8_t *data = keras_bytes(names[m % FILES], &size);
        weft_weights *weights = NULL;
        mutate(data, size, check_seed(), m);
        const weft_status status = read_bytes(&ctx, data, size, &weights);
        ck_assert_msg(status == WEFT_OK || status == WEFT_BAD_DATA || status == WEFT_UNSUPPORTED,
                      "mutant %" PRIu64 ": %s: %s", m, weft_status_text(status), weft_error());
        count(&t, status);
        weft_weights_destroy(weights);
        free(data);
    }
    ck_assert_int_eq(state.live, 0);
    ck_assert_int_eq(state.damaged, 0);
    keras_no_child();
    ck_assert_int_eq(t.ok + t.bad + t.unsupported, mutants);
    ck_assert_int_gt(t.bad, mutants / 100);
    printf("mutants: %" PRIu64 ", of which %" PRId64 " were read, %" PRId64 " bad, %" PRId64 " unsupported; the helper "
           "died of %" PRId64 "\n", mutants, t.ok, t.bad, t.unsupported, t.deaths);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1)
        mutants = strtoull(argv[1], NULL, 10);
    if (H5open() < 0)
        return EXIT_FAILURE;
    Suite *suite = suite_create("weights-h5-damage");
    CHECK_CASE(suite, "whole", whole_files_are_read);
    CHECK_CASE(suite, "prefixes", prefixes_are_refused);
    CHECK_CASE(suite, "mutants", mutants_never_bring_down_the_host);
    return check_main(suite, argv[0]);
}
