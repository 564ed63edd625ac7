/* SPDX-License-Identifier: Apache-2.0
 *
 * What every test program ends with. */
#ifndef WEFT_TESTS_CHECK_HARNESS_H
#define WEFT_TESTS_CHECK_HARNESS_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

/* An assertion that holds is noted where it holds for the first time, no more: libcheck writes each note to a file, and
 * reads them in quadratic time. A test that dies says behind which of these lines. */
static inline void check_note(const char *file, int line)
{
    static bool noted[1024];
    if (noted[line % 1024])
        return;
    noted[line % 1024] = true;
    _mark_point(file, line);
}
#define _mark_point(file, line) check_note((file), (line))

/* A case of the given test functions, named for CK_RUN_CASE. */
#define CHECK_CASE(suite, name, ...)                                                               \
    check_case((suite), (name), (const TTest *const[]){ __VA_ARGS__, NULL })
void check_case(Suite *suite, const char *name, const TTest *const *tests);

/* Runs the suite and frees it: the exit status of main. Tells on stdout how to repeat a failure. */
int check_main(Suite *suite, const char *program);

/* Open descriptors of this process. */
int check_descriptors(void);

/* Seed of this run's random draws: WEFT_TEST_SEED, or 1. A failure prints it. */
uint64_t check_seed(void);

/* CHECK_OK(call): fails the test with the sentence of the call that did not return WEFT_OK. */
#define CHECK_OK(call)                                                                             \
    do {                                                                                           \
        const weft_status check_status_ = (call);                                                  \
        ck_assert_msg(check_status_ == WEFT_OK, "%s: %s: %s", #call, weft_status_text(check_status_), weft_error()); \
    } while (0)

/* CHECK_FAILS(status, call, "part of the sentence") */
#define CHECK_FAILS(status, call, part)                                                            \
    do {                                                                                           \
        const weft_status check_status_ = (call);                                                  \
        ck_assert_msg(check_status_ == (status), "%s: is \"%s\", \"%s\" was expected", #call,      \
                      weft_status_text(check_status_), weft_status_text(status));                  \
        ck_assert_msg(strstr(weft_error(), (part)) != NULL, "%s: the sentence is \"%s\", without \"%s\"", #call, \
                      weft_error(), (part));                                                       \
    } while (0)

#endif
