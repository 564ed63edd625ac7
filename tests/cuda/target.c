/* SPDX-License-Identifier: Apache-2.0
 *
 * Cards by name, by capability and from files; and their JSON. */
#include "cuda/vendor/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/harness.h"

START_TEST(every_card_is_whole)
{
    ck_assert_ptr_null(weft_target_get(-1));
    ck_assert_ptr_nonnull(weft_target_get(7));
    for (int i = 0; weft_target_get(i); i++) {
        const weft_target *t = weft_target_get(i);
        char json[WEFT_TARGET_JSON], version[40];
        weft_target_json(t, json, sizeof json);
        ck_assert_uint_lt(strlen(json), sizeof json - 1);
        ck_assert(json[0] == '{' && json[strlen(json) - 1] == '}');
        snprintf(version, sizeof version, "\"deviceVer\":%d,", t->sm * 10);
        ck_assert_ptr_nonnull(strstr(json, version));
        ck_assert_ptr_nonnull(strstr(json, t->device));
        ck_assert(strcmp(t->name, "h100") != 0 || strstr(json, "\"memoryBusWidth\":5120"));
        ck_assert(strcmp(t->name, "t4") != 0 || strstr(json, "\"memoryBusWidth\":256"));
        /* tensor cores are the faster units; the memory is what its clock and a plausible bus make of it */
        ck_assert_double_gt(t->fp16, t->fp32);
        ck_assert(t->tf32 <= t->fp16 && t->bf16 <= t->fp16);
        const double bits = t->bandwidth * 8e6 / (2.0 * t->memory_khz);
        ck_assert_msg(bits > 120 && bits < 8400, "%s: %.0f bits", t->name, bits);
        ck_assert_int_le(t->shared_block, t->shared_optin);
        ck_assert_int_eq(t->threads_sm % 32, 0);
    }
}
END_TEST

START_TEST(names_and_capabilities)
{
    weft_target t;
    CHECK_OK(weft_target_find("h100", &t));
    ck_assert_int_eq(t.sm, 90);
    CHECK_OK(weft_target_find("sm_75", &t));
    ck_assert_str_eq(t.name, "t4");
    CHECK_OK(weft_target_find("120", &t));
    ck_assert_str_eq(t.name, "rtx5090");
    CHECK_OK(weft_target_find("5090", &t));
    ck_assert_str_eq(t.name, "rtx5090");
    CHECK_OK(weft_target_find("h200", &t));
    ck_assert_double_eq(t.bandwidth, 4800);
    CHECK_OK(weft_target_find("sm_90", &t));
    ck_assert_str_eq(t.name, "h100");
    CHECK_OK(weft_target_find("120", &t));
    CHECK_FAILS(WEFT_NOT_FOUND, weft_target_find("h10O", &t), "did you mean 'h100'?");
    ck_assert_str_eq(t.name, "rtx5090"); /* untouched */
}
END_TEST

static void write_file(char path[32], const char *text)
{
    strcpy(path, "/tmp/weft-target-XXXXXX");
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

START_TEST(a_file_says_the_same_as_its_text)
{
    for (int i = 0; weft_target_get(i); i++) {
        char text[2048], again[2048], path[32];
        weft_target t;
        write_file(path, weft_target_text(weft_target_get(i), text, sizeof text));
        CHECK_OK(weft_target_find(path, &t));
        unlink(path);
        ck_assert_str_eq(text, weft_target_text(&t, again, sizeof again));
    }
}
END_TEST

START_TEST(a_file_changes_a_base)
{
    char path[32];
    weft_target t;
    write_file(path, "# a slower card\nbase a100\n name  mine \nsm_khz 1000000 # MHz * 1000\r\nbandwidth 1555\n");
    CHECK_OK(weft_target_find(path, &t));
    unlink(path);
    ck_assert_str_eq(t.name, "mine");
    ck_assert_int_eq(t.sm_khz, 1000000);
    ck_assert_int_eq(t.sm, 80);
    ck_assert_double_eq(t.bandwidth, 1555);
}
END_TEST

START_TEST(bad_files_are_refused)
{
    static const struct {
        const char *text, *part;
    } rows[] = {
        { "base a100\nsm_count -3\n", "line 2: sm_count '-3' is not a number from 1" },
        { "base a100\nbandwidth fast\n", "bandwidth 'fast' is not a number" },
        { "base a100\nfp32 nan\n", "fp32 'nan' is not a number" },
        { "base a101\n", "line 1: base 'a101' is not a card" },
        { "base a100\ncolour red\n", "there is no property 'colour'" },
        { "base a100\ndevice a\"b\n", "device has a character that names do not have" },
        { "base a100\nname 12345678901234567890\n", "has 20 characters, 1 to 15 are expected" },
        { "sm 90\n", "sm_count is missing, and there is no base" },
        { "", "is missing, and there is no base" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[32];
        weft_target t = { .name = "before" };
        write_file(path, rows[i].text);
        CHECK_FAILS(WEFT_BAD_DATA, weft_target_find(path, &t), rows[i].part);
        unlink(path);
        ck_assert_str_eq(t.name, "before");
    }
}
END_TEST

START_TEST(what_is_no_file_is_not_waited_for)
{
    char path[] = "/tmp/weft-target-XXXXXX", pipe[64];
    weft_target t = { .name = "before" };
    ck_assert_ptr_nonnull(mkdtemp(path));
    snprintf(pipe, sizeof pipe, "%s/pipe", path);
    ck_assert_int_eq(mkfifo(pipe, 0600), 0); /* nobody writes into it */
    CHECK_FAILS(WEFT_BAD_DATA, weft_target_find(pipe, &t), "is not a regular file; a description of a card");
    CHECK_FAILS(WEFT_BAD_DATA, weft_target_find(path, &t), "is a directory");
    CHECK_FAILS(WEFT_BAD_DATA, weft_target_find("/dev/zero", &t), "is not a regular file");
    ck_assert_str_eq(t.name, "before");
    unlink(pipe);
    rmdir(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("target");
    CHECK_CASE(suite, "target", every_card_is_whole, names_and_capabilities, a_file_says_the_same_as_its_text,
               a_file_changes_a_base, bad_files_are_refused, what_is_no_file_is_not_waited_for);
    return check_main(suite, "cuda-target");
}
