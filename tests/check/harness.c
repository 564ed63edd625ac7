/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of every test program: run, report, say how to repeat. */
#include "check/harness.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void check_case(Suite *suite, const char *name, const TTest *const *tests)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 0); /* ctest limits the whole program */
    for (; *tests; tests++)
        tcase_add_test(tcase, *tests);
    suite_add_tcase(suite, tcase);
}

int check_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

uint64_t check_seed(void)
{
    const char *text = getenv("WEFT_TEST_SEED");
    return text ? strtoull(text, NULL, 10) : 1;
}

int check_main(Suite *suite, const char *program)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (failed)
        printf("repeat: WEFT_TEST_SEED=%" PRIu64 " CK_FORK=no %s\n", check_seed(), program);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
