/* SPDX-License-Identifier: Apache-2.0
 *
 * Promises of the public headers that hold for every object: destroy takes NULL, out parameters stay untouched on
 * failure, the first builder error sticks with its scope, queries of the null var answer 0, errors say what was
 * expected. */
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

#include "check/harness.h"

static weft_ctx *ctx;

static void open_ctx(void)
{
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 2 }, &ctx));
}

static void close_ctx(void)
{
    weft_ctx_destroy(ctx);
    ctx = NULL;
}

START_TEST(destroy_takes_null)
{
    weft_ctx_destroy(NULL);
    weft_graph_destroy(NULL);
    weft_model_destroy(NULL);
}
END_TEST

START_TEST(context_options)
{
    weft_ctx *out = NULL;
    CHECK_OK(weft_ctx_create(NULL, &out));
    ck_assert_str_eq(weft_ctx_device(out), "cpu");
    ck_assert_int_ge(weft_ctx_threads(out), 1);
    weft_ctx_destroy(out);
    for (int threads = 1; threads <= 3; threads++) {
        CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = threads, .isa = "ref" }, &out));
        ck_assert_int_eq(weft_ctx_threads(out), threads);
        ck_assert_str_eq(weft_ctx_isa(out), "ref");
        weft_ctx_destroy(out);
    }
    out = NULL;
    CHECK_FAILS(WEFT_INVALID, weft_ctx_create(&(weft_ctx_opt){ .threads = -1 }, &out), "-1");
    CHECK_FAILS(WEFT_INVALID, weft_ctx_create(&(weft_ctx_opt){ .isa = "mmx" }, &out), "mmx");
    CHECK_FAILS(WEFT_INVALID, weft_ctx_create(&(weft_ctx_opt){ .device = "abacus" }, &out), "abacus");
    ck_assert_ptr_null(out);
}
END_TEST

START_TEST(devices)
{
    weft_device_info info;
    bool cpu = false;
    ck_assert_int_ge(weft_device_count(), 2);
    for (int i = 0; i < weft_device_count(); i++) {
        CHECK_OK(weft_device_get(i, &info));
        cpu = cpu || (strcmp(info.name, "cpu") == 0 && info.available);
        ck_assert_msg(info.available == !info.missing[0], "%s: \"%s\"", info.name, info.missing);
        ck_assert_uint_gt(strlen(info.description), 0);
    }
    ck_assert(cpu);
    ck_assert_int_eq(weft_device_get(-1, &info), WEFT_INVALID);
    ck_assert_int_eq(weft_device_get(weft_device_count(), &info), WEFT_INVALID);
}
END_TEST

START_TEST(the_first_error_sticks)
{
    const weft_shape shape = weft_shape_nhwc(1, 8, 8, 6);
    weft_graph *g = NULL;
    CHECK_OK(weft_graph_create(ctx, &g));
    weft_var x = weft_input(g, "x", &shape);
    weft_scope_push(g, "stage%d", 3);
    ck_assert_int_gt(x.id, 0);
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "proj", .out = 8, .kernel = 1, .groups = 4 });
    ck_assert_int_eq(x.id, 0);
    CHECK_FAILS(WEFT_INVALID, weft_graph_status(g), "stage3/proj");
    char first[256];
    strncpy(first, weft_error(), sizeof first - 1);
    first[sizeof first - 1] = '\0';

    x = weft_conv2d(g, x, NULL); /* later calls do nothing */
    x = weft_relu(g, x);
    const weft_shape none = weft_var_shape(g, x);
    ck_assert_int_eq(x.id, 0);
    ck_assert_int_eq(none.rank, 0);
    ck_assert_int_eq(weft_channels(g, x), 0);
    ck_assert_int_eq(weft_height(g, x), 0);
    ck_assert_int_eq(weft_width(g, x), 0);
    weft_scope_pop(g);
    weft_graph_create(ctx, NULL); /* another sentence in between */
    CHECK_FAILS(WEFT_INVALID, weft_graph_status(g), first);

    weft_model *model = NULL;
    CHECK_FAILS(WEFT_INVALID, weft_model_create(ctx, g, NULL, &model), first);
    ck_assert_ptr_null(model);
    weft_graph_destroy(g);
}
END_TEST

START_TEST(networks_fail_the_graph_themselves)
{
    weft_graph *g = NULL;
    CHECK_OK(weft_graph_create(ctx, &g));
    const weft_var none = weft_graph_fail(g, WEFT_INVALID, "%d pixels are too few", 7);
    ck_assert_int_eq(none.id, 0);
    CHECK_FAILS(WEFT_INVALID, weft_graph_status(g), "7 pixels are too few");
    weft_graph_destroy(g);
}
END_TEST

START_TEST(networks_by_name)
{
    weft_graph *g = NULL;
    CHECK_FAILS(WEFT_NOT_FOUND, weft_arch_build(ctx, "resnet51", NULL, &g), "resnet50");
    ck_assert_int_ne(weft_arch_build(ctx, "", NULL, &g), WEFT_OK);
    ck_assert_ptr_null(g);
    ck_assert_ptr_null(weft_arch_get(-1));
    ck_assert_ptr_null(weft_arch_get(weft_arch_count()));
    ck_assert_ptr_null(weft_arch_find("nothing", WEFT_DIALECT_DEFAULT));
    ck_assert_ptr_nonnull(weft_arch_nearest("nothing at all like it"));
    for (int i = 0; i < WEFT_DIALECT_COUNT; i++)
        ck_assert_int_eq(weft_dialect_parse(weft_dialect_name((weft_dialect)i)), i);
    ck_assert_int_eq(weft_dialect_parse("caffe"), WEFT_DIALECT_COUNT);
}
END_TEST

START_TEST(a_model_outlives_its_graph)
{
    const weft_shape shape = weft_shape_nc(2, 3);
    const float in[6] = { 0, 1, 2, 3, 4, 5 };
    float out[8], weight[12];
    weft_graph *g = NULL;
    weft_model *model = NULL;
    CHECK_OK(weft_graph_create(ctx, &g));
    weft_output(g, weft_dense(g, weft_input(g, "x", &shape), &(weft_dense_opt){ .name = "fc", .out = 4 }), "y");
    CHECK_OK(weft_model_create(ctx, g, NULL, &model));
    weft_graph_destroy(g);
    for (int i = 0; i < 12; i++)
        weight[i] = (float)i;
    CHECK_OK(weft_model_set_param(model, "fc/weight", weight, 12));
    CHECK_OK(weft_model_set_input(model, 0, in, sizeof in));
    CHECK_OK(weft_model_run(model));
    CHECK_OK(weft_model_get_output(model, 0, out, sizeof out));
    for (int n = 0; n < 2; n++) {
        for (int k = 0; k < 4; k++) {
            const float *const x = in + (ptrdiff_t)n * 3, *const w = weight + (ptrdiff_t)k * 3;
            ck_assert(out[n * 4 + k] == x[0] * w[0] + x[1] * w[1] + x[2] * w[2]); /* small integers: exact */
        }
    }
    weft_model_destroy(model);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("contract");
    TCase *tcase = tcase_create("contract");
    tcase_add_unchecked_fixture(tcase, open_ctx, close_ctx);
    tcase_add_test(tcase, destroy_takes_null);
    tcase_add_test(tcase, context_options);
    tcase_add_test(tcase, devices);
    tcase_add_test(tcase, the_first_error_sticks);
    tcase_add_test(tcase, networks_fail_the_graph_themselves);
    tcase_add_test(tcase, networks_by_name);
    tcase_add_test(tcase, a_model_outlives_its_graph);
    suite_add_tcase(suite, tcase);
    return check_main(suite, argv[0]);
}
