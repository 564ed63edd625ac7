/* SPDX-License-Identifier: Apache-2.0
 *
 * NVIDIA's libraries as they are on this machine, or are not: whatever is found, the report, the loader and the device
 * agree, and what is missing is named with what to install. Runs anywhere. */
#include <string.h>
#include <unistd.h>

#include "check/harness.h"
#include "cuda/vendor/vendor.h"

static const weft_vendor_piece *first_missing(const weft_vendor_report *report, const char *but)
{
    for (int i = 0; i < report->count; i++)
        if (!report->piece[i].found && strcmp(report->piece[i].what, but) != 0)
            return &report->piece[i];
    return NULL;
}

START_TEST(report_and_loader_agree)
{
    weft_vendor vendor = { .runtime = 1 };
    weft_vendor_report report;
    weft_vendor_probe(&report);
    ck_assert_int_gt(report.count, 3);
    for (int i = 0; i < report.count; i++) {
        const weft_vendor_piece *p = &report.piece[i];
        ck_assert_msg(p->found != (p->missing[0] != '\0'), "%s: found, and yet \"%s\"", p->what, p->missing);
        if (p->found && p->library[0] && strcmp(p->what, "NVIDIA driver") != 0)
            ck_assert_msg(access(p->path, R_OK) == 0, "%s: found, and its file is '%s'", p->what, p->path);
        if (!p->found && p->library[0])
            ck_assert_msg(strstr(p->missing, "install"), "%s: \"%s\"", p->what, p->missing);
    }
    const weft_status status = weft_vendor_load(&vendor);
    bool libraries = true; /* that are loaded: runtime, cuBLASLt, cuDNN */
    for (int i = 0; i < report.count; i++) {
        const char *soname = report.piece[i].library;
        const bool loaded = strstr(soname, "cudart") || strstr(soname, "cublasLt") || !strcmp(soname, "libcudnn.so.9");
        libraries = libraries && (!loaded || report.piece[i].found);
    }
    ck_assert_int_eq(status == WEFT_OK, libraries);
    if (status != WEFT_OK) {
        ck_assert_int_eq(status, WEFT_NO_DEVICE);
        ck_assert_ptr_nonnull(strstr(weft_error(), "install"));
        ck_assert_int_eq(vendor.runtime, 0);
        return;
    }
    ck_assert_int_ge(vendor.runtime, 13000);
    ck_assert_int_ge(vendor.cudnn, 91000);
    if (report.devices == 0)
        ck_assert_int_eq(weft_vendor_need_device(&vendor, 0), WEFT_NO_DEVICE);
    else if (!first_missing(&report, ""))
        CHECK_OK(weft_vendor_need_device(&vendor, 0));
    weft_vendor_close(&vendor);
    ck_assert_ptr_null(vendor.library[0]);
}
END_TEST

START_TEST(parts_are_listed)
{
    char text[512], small[8];
    weft_vendor_parts_text(text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "libcudnn_graph.so.9"));
    ck_assert(strstr(text, "found") || strstr(text, "missing"));
    weft_vendor_parts_text(small, sizeof small);
    ck_assert_uint_lt(strlen(small), sizeof small);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loading");
    CHECK_CASE(suite, "loading", report_and_loader_agree, parts_are_listed);
    return check_main(suite, "cuda-loading");
}
