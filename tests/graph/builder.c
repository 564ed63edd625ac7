/* SPDX-License-Identifier: Apache-2.0
 *
 * Building graphs: names, sticky errors with their scope, queries of the null var, counts. */
#include <string.h>
#include <weft/model.h>
#include <weft/ops.h>

#include "check/harness.h"

static weft_ctx *ctx;
static weft_graph *g;
static weft_var x;

static void setup(void)
{
    const weft_shape shape = weft_shape_nhwc(2, 8, 8, 3);
    CHECK_OK(weft_ctx_create(NULL, &ctx));
    CHECK_OK(weft_graph_create(ctx, &g));
    x = weft_input(g, "image", &shape);
}

static void teardown(void)
{
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
}

START_TEST(names_are_paths)
{
    weft_scope_push(g, "stage%d", 1);
    weft_scope_push(g, "a");
    weft_conv2d(g, x, &(weft_conv2d_opt){ .out = 4, .bias = true });
    weft_conv2d(g, x, &(weft_conv2d_opt){ .out = 4 });
    weft_scope_pop(g);
    weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "proj", .out = 4 });
    weft_scope_pop(g);
    CHECK_OK(weft_graph_status(g));
    static const char *const expected[] = { "stage1/a/conv2d/weight", "stage1/a/conv2d/bias",
                                            "stage1/a/conv2d_2/weight", "stage1/proj/weight" };
    ck_assert_int_eq(weft_graph_param_count(g), 4);
    for (int i = 0; i < 4; i++) {
        weft_param_info info;
        CHECK_OK(weft_graph_param(g, i, &info));
        ck_assert_str_eq(info.name, expected[i]);
    }
}
END_TEST

START_TEST(the_first_error_stays)
{
    weft_scope_push(g, "stage1");
    const weft_var bad = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "a", .out = 4, .groups = 2 });
    ck_assert_int_eq(bad.id, 0);
    ck_assert_int_eq(weft_channels(g, bad), 0);
    ck_assert_int_eq(weft_var_shape(g, bad).rank, 0);
    const weft_var later = weft_dense(g, weft_flatten(g, bad), &(weft_dense_opt){ .out = 3 });
    ck_assert_int_eq(later.id, 0);
    CHECK_FAILS(WEFT_INVALID, weft_graph_status(g), "stage1/a: ");
    weft_model *model;
    CHECK_FAILS(WEFT_INVALID, weft_model_create(ctx, g, NULL, &model), "stage1/a: ");
}
END_TEST

START_TEST(foreign_and_null_values_are_refused)
{
    weft_relu(g, (weft_var){ 99 });
    CHECK_FAILS(WEFT_INVALID, weft_graph_status(g), "not a value of this graph");
}
END_TEST

START_TEST(scopes_must_balance)
{
    weft_scope_pop(g);
    CHECK_FAILS(WEFT_INVALID, weft_graph_status(g), "without a weft_scope_push");
}
END_TEST

START_TEST(a_network_may_fail_by_itself)
{
    weft_scope_push(g, "net");
    weft_graph_fail(g, WEFT_INVALID, "input is %d px, at least %d expected", 8, 32);
    CHECK_FAILS(WEFT_INVALID, weft_graph_status(g), "net: input is 8 px, at least 32 expected");
}
END_TEST

START_TEST(counts_add_up)
{
    weft_var y = weft_conv2d(g, x, &(weft_conv2d_opt){ .out = 4, .kernel = 3 });
    y = weft_batch_norm(g, y, NULL);
    y = weft_dense(g, weft_flatten(g, y), &(weft_dense_opt){ .out = 5 });
    weft_counts counts;
    CHECK_OK(weft_graph_counts(g, &counts));
    ck_assert_int_eq(counts.trainable, 4 * 27 + 8 + 5 * 256 + 5);
    ck_assert_int_eq(counts.statistics, 8);
    ck_assert_int_eq(counts.macs, 64 * 4 * 27 + 5 * 256); /* of one image, whatever the batch */
    ck_assert_int_eq(counts.convolutions, 1);
    weft_node_info info;
    CHECK_OK(weft_graph_node(g, 1, &info));
    ck_assert_str_eq(info.op, "batch_norm");
    ck_assert_int_eq(info.inputs, 1);
    ck_assert_int_eq(info.input_of[0], 0);
    CHECK_OK(weft_graph_node(g, 0, &info));
    ck_assert_int_eq(info.input_of[0], -1);
    CHECK_FAILS(WEFT_INVALID, weft_graph_node(g, 4, &info), "nodes 0 to 3");
}
END_TEST

/* Bytes of 2^62 elements wrap around to none: every way into a graph refuses them, so that no sum of bytes sees one. */
START_TEST(values_whose_bytes_do_not_fit_are_refused)
{
    const int64_t half = INT64_C(1) << 31, at_most = (int64_t)(SIZE_MAX / 128);
    const weft_shape whole = weft_shape_nc(half, half), edge = { .rank = 1, .dim = { at_most } },
                     beyond = { .rank = 1, .dim = { at_most + 1 } }, rows = weft_shape_nc(half - 1, 1);
    const char *part = "";
    switch (_i) {
    case 0:
        weft_input(g, "wide", &whole);
        part = "wide of shape [2147483648, 2147483648] does not fit in memory";
        break;
    case 1:
        weft_parameter(g, "weights", &whole, WEFT_INIT_ZERO);
        part = "weights of shape [2147483648, 2147483648]";
        break;
    case 2:
        weft_state(g, "mean", &beyond, WEFT_INIT_ZERO);
        part = "mean of shape [144115188075855872] does not fit in memory, expected at most 144115188075855871";
        break;
    case 3: /* an output, and no parameter, of 2^62 */
        weft_dense(g, weft_input(g, "rows", &rows), &(weft_dense_opt){ .name = "fc", .out = half - 1 });
        part = "fc: an output of shape [2147483647, 2147483647]";
        break;
    default: /* a parameter of 2^60 and a small output */
        weft_dense(g, weft_input(g, "row", &(weft_shape){ .rank = 2, .dim = { 1, half - 1 } }),
                   &(weft_dense_opt){ .name = "fc", .out = half / 4 });
        part = "fc: fc/weight of shape [536870912, 2147483647]";
        break;
    }
    CHECK_FAILS(WEFT_NO_MEMORY, weft_graph_status(g), part);
    weft_store *store = NULL;
    const weft_graph *const graphs[] = { g };
    CHECK_FAILS(WEFT_NO_MEMORY, weft_store_create(ctx, graphs, 1, &store), part);
    weft_graph *largest;
    CHECK_OK(weft_graph_create(ctx, &largest));
    weft_parameter(largest, "weights", &edge, WEFT_INIT_ZERO);
    CHECK_OK(weft_graph_status(largest));
    weft_graph_destroy(largest);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph-builder");
    TCase *tc = tcase_create("builder");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, names_are_paths);
    tcase_add_test(tc, the_first_error_stays);
    tcase_add_test(tc, foreign_and_null_values_are_refused);
    tcase_add_test(tc, scopes_must_balance);
    tcase_add_test(tc, a_network_may_fail_by_itself);
    tcase_add_test(tc, counts_add_up);
    tcase_add_loop_test(tc, values_whose_bytes_do_not_fit_are_refused, 0, 5);
    suite_add_tcase(suite, tc);
    return check_main(suite, "graph-builder");
}
