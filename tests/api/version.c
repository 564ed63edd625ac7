/* SPDX-License-Identifier: Apache-2.0
 *
 * The version of the headers is the one that CMake gives the project and the library. */
#include <stdio.h>
#include <weft/version.h>

#include "check/harness.h"

START_TEST(headers_follow_the_project)
{
    ck_assert_int_eq(WEFT_VERSION_MAJOR, WEFT_PROJECT_MAJOR);
    ck_assert_int_eq(WEFT_VERSION_MINOR, WEFT_PROJECT_MINOR);
    ck_assert_int_eq(WEFT_VERSION_PATCH, WEFT_PROJECT_PATCH);
}
END_TEST

START_TEST(library_follows_the_headers)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR, WEFT_VERSION_PATCH);
    ck_assert_str_eq(weft_version(), text);
}
END_TEST

START_TEST(number_is_for_the_preprocessor)
{
#if WEFT_VERSION_NUMBER < WEFT_PROJECT_MAJOR * 10000 + WEFT_PROJECT_MINOR * 100
    ck_abort_msg("WEFT_VERSION_NUMBER is too small");
#endif
    ck_assert_int_eq(WEFT_VERSION_NUMBER % 100, WEFT_PROJECT_PATCH);
    ck_assert_int_eq(WEFT_VERSION_NUMBER / 100 % 100, WEFT_PROJECT_MINOR);
    ck_assert_int_eq(WEFT_VERSION_NUMBER / 10000, WEFT_PROJECT_MAJOR);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("version");
    CHECK_CASE(suite, "version", headers_follow_the_project, library_follows_the_headers,
               number_is_for_the_preprocessor);
    return check_main(suite, argv[0]);
}
