/* SPDX-License-Identifier: Apache-2.0
 *
 * When the roofs of a machine have drifted, by weft bench's own functions: no test can make a machine slow to order. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check/harness.h"
#include "cli/bench.h"

static const weft_roof fast = { .gflops = 320, .bandwidth = 12 }, slow = { .gflops = 196, .bandwidth = 12 };
static const weft_roof near_by = { .gflops = 300, .bandwidth = 11.5 }, none = { 0 };

START_TEST(drift_is_of_the_larger)
{
    const weft_roof narrow = { .gflops = 320, .bandwidth = 9 };
    ck_assert_double_eq_tol(cli_roof_drift(&fast, &slow), 0.3875, 1e-9);
    ck_assert_double_eq_tol(cli_roof_drift(&slow, &fast), 0.3875, 1e-9);
    ck_assert_double_eq_tol(cli_roof_drift(&fast, &near_by), 0.0625, 1e-9);
    ck_assert_double_eq_tol(cli_roof_drift(&fast, &narrow), 0.25, 1e-9);
    ck_assert_double_eq_tol(cli_roof_drift(&fast, &none), 0, 1e-9);
}
END_TEST

/* What is said on standard error by cli_machine_warn of a machine, or, with none, by cli_messages_print. */
static void said_by(const cli_machine *machine, char *text, size_t size)
{
    FILE *said = tmpfile();
    ck_assert_ptr_nonnull(said);
    const int kept = dup(STDERR_FILENO);
    dup2(fileno(said), STDERR_FILENO);
    if (machine)
        cli_machine_warn(machine);
    else
        cli_messages_print();
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(said);
    text[fread(text, 1, size - 1, said)] = '\0';
    fclose(said);
}

/* Of a machine with these roofs. */
static void warning(const weft_roof *first, const weft_roof *last, char *text, size_t size)
{
    const cli_machine machine = { .roofs = { { .threads = 2, .roof = *first, .first = *first, .last = *last } },
                                  .n_roofs = 1 };
    said_by(&machine, text, size);
}

/* While rows stand on a terminal that the whole table replaces: a warning between them would move them, and go. */
START_TEST(warnings_can_wait)
{
    char text[512] = "";
    cli_messages_hold();
    for (int i = 0; i < 2; i++) {
        warning(&fast, &slow, text, sizeof text);
        ck_assert_str_eq(text, "");
    }
    said_by(NULL, text, sizeof text);
    const char *const first = strstr(text, "warning: the roof with 2 threads went from 320.0");
    ck_assert(first && strstr(first + 1, "warning: the roof with 2 threads went from 320.0"));
    said_by(NULL, text, sizeof text);
    ck_assert_str_eq(text, "");
    warning(&fast, &slow, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "warning: "));
}
END_TEST

START_TEST(drift_is_said)
{
    char text[512] = "";
    warning(&fast, &slow, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "warning: the roof with 2 threads went from 320.0 to 196.0 GFLOP/s"));
    warning(&fast, &near_by, text, sizeof text);
    ck_assert_str_eq(text, "");
    warning(&fast, &none, text, sizeof text);
    ck_assert_str_eq(text, "");
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("cli_drift");
    CHECK_CASE(suite, "drift", drift_is_of_the_larger, drift_is_said, warnings_can_wait);
    return check_main(suite, argv[0]);
}
