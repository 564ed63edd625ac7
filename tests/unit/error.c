/* SPDX-License-Identifier: Apache-2.0
 *
 * Status texts and the sentence: its prefix, its cut, its thread. */
#include "base/error.h"

#include <pthread.h>
#include <string.h>

#include "check/harness.h"

START_TEST(every_status_has_a_text)
{
    for (int i = 0; i < WEFT_STATUS_COUNT; i++) {
        ck_assert_uint_gt(strlen(weft_status_text((weft_status)i)), 1);
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(weft_status_text((weft_status)i), weft_status_text((weft_status)k));
    }
    ck_assert_str_eq(weft_status_text(WEFT_STATUS_COUNT), "unknown status");
    ck_assert_str_eq(weft_status_text((weft_status)-1), "unknown status");
    ck_assert_int_eq(WEFT_OK, 0);
}
END_TEST

START_TEST(sentence_and_prefix)
{
    CHECK_FAILS(WEFT_INVALID, weft_fail(WEFT_INVALID, "input has %d channels", 128), "input has 128 channels");
    CHECK_FAILS(WEFT_IO, weft_fail_in(WEFT_IO, "stage%d.%d", 3, 0), "stage3.0: input has 128 channels");
    /* the sentence may be an argument of its successor */
    weft_fail(WEFT_IO, "again: %s", weft_error());
    ck_assert_str_eq(weft_error(), "again: stage3.0: input has 128 channels");
}
END_TEST

START_TEST(long_sentences_are_cut)
{
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    weft_fail(WEFT_INVALID, "%s", text);
    const size_t length = strlen(weft_error());
    ck_assert_uint_gt(length, 500);
    ck_assert_uint_lt(length, sizeof text - 1);
    for (int i = 0; i < 100; i++)
        weft_fail_in(WEFT_INVALID, "%s", text);
    ck_assert_uint_le(strlen(weft_error()), length);
}
END_TEST

static weft_status outer(weft_status inner)
{
    WEFT_TRY(inner);
    return WEFT_NOT_FOUND;
}

START_TEST(try_returns_early)
{
    ck_assert_int_eq(outer(WEFT_OK), WEFT_NOT_FOUND);
    ck_assert_int_eq(outer(WEFT_IO), WEFT_IO);
}
END_TEST

static void *fail_elsewhere(void *seen)
{
    strcpy(seen, weft_error());
    weft_fail(WEFT_IO, "of the other thread");
    return NULL;
}

START_TEST(sentence_belongs_to_its_thread)
{
    char seen[1024] = "?";
    pthread_t thread;
    weft_fail(WEFT_INVALID, "mine");
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_elsewhere, seen), 0);
    pthread_join(thread, NULL);
    ck_assert_str_eq(seen, "");
    ck_assert_str_eq(weft_error(), "mine");
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("error");
    CHECK_CASE(suite, "error", every_status_has_a_text, sentence_and_prefix, long_sentences_are_cut, try_returns_early,
               sentence_belongs_to_its_thread);
    return check_main(suite, argv[0]);
}
