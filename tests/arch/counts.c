/* SPDX-License-Identifier: Apache-2.0
 *
 * Every network of the registry, built in every dialect: parameters, multiply-adds and shapes against what papers,
 * Keras Applications and torchvision publish; other sizes; a failing allocator. */
#include "arch/registry.h"
#include "check/alloc.h"
#include "check/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

static weft_ctx *ctx;

static void open_context(void)
{
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
}

static void close_context(void)
{
    weft_ctx_destroy(ctx);
    ctx = NULL;
}

static weft_graph *build(const char *name, const weft_arch_opt *opt)
{
    weft_graph *g = NULL;

    CHECK_OK(weft_arch_build(ctx, name, opt, &g));
    return g;
}

START_TEST(counts_are_the_published_ones)
{
    const weft_arch *arch = weft_arch_get(_i);
    weft_graph *g = build(arch->name, &(weft_arch_opt){ .dialect = arch->dialect });
    weft_counts counts;

    CHECK_OK(weft_graph_counts(g, &counts));
    ck_assert_int_eq(counts.trainable, arch->trainable);
    ck_assert_int_eq(counts.trainable + (weft_arch_counts_statistics(arch) ? counts.statistics : 0), arch->params);
    ck_assert_int_eq(counts.macs, arch->macs);
    weft_graph_destroy(g);
}
END_TEST

/* One input [batch, px, px, channels], one output [batch, classes], under the stated names. */
static void check_ports(const weft_graph *g, const weft_arch *arch, int64_t batch, int px, int classes,
                        const char *output)
{
    const weft_shape in = weft_shape_nhwc(batch, px, px, arch->channels), out = weft_shape_nc(batch, classes);
    weft_port_info port;

    ck_assert_int_eq(weft_graph_input_count(g), 1);
    CHECK_OK(weft_graph_input(g, 0, &port));
    ck_assert_str_eq(port.name, "image");
    ck_assert(weft_shape_equal(&port.shape, &in));
    ck_assert_int_eq(weft_graph_output_count(g), 1);
    CHECK_OK(weft_graph_output(g, 0, &port));
    ck_assert_str_eq(port.name, output);
    ck_assert(weft_shape_equal(&port.shape, &out));
}

static const char *op_of_last_node(const weft_graph *g)
{
    weft_node_info node;

    CHECK_OK(weft_graph_node(g, weft_graph_node_count(g) - 1, &node));
    return node.op;
}

START_TEST(ports_follow_the_options)
{
    const weft_arch *arch = weft_arch_get(_i);
    const bool rbf = strcmp(arch->name, "lenet5") == 0 && arch->dialect == WEFT_PAPER;
    weft_graph *g = build(arch->name, &(weft_arch_opt){ .dialect = arch->dialect });

    check_ports(g, arch, 1, arch->px, arch->classes, rbf ? "distances" : "probabilities");
    ck_assert_str_eq(op_of_last_node(g), rbf ? "rbf" : "softmax");
    weft_graph_destroy(g);

    const int px = arch->px + 33; /* odd where the network's own is even, and the other way about */
    g = build(arch->name,
              &(weft_arch_opt){ .dialect = arch->dialect, .batch = 3, .px = px, .classes = 7, .no_softmax = true });
    check_ports(g, arch, 3, px, 7, rbf ? "distances" : "logits");
    ck_assert_str_eq(op_of_last_node(g), rbf ? "rbf" : "dense");
    weft_graph_destroy(g);
}
END_TEST

/* Multiply-adds are of one image, whatever the batch; another number of classes changes the last layer only. */
START_TEST(counts_follow_the_options)
{
    const weft_arch *arch = weft_arch_get(_i);
    weft_graph *g = build(arch->name, &(weft_arch_opt){ .dialect = arch->dialect });
    weft_counts one, many, fewer;

    CHECK_OK(weft_graph_counts(g, &one));
    weft_graph_destroy(g);

    g = build(arch->name, &(weft_arch_opt){ .dialect = arch->dialect, .batch = 32 });
    CHECK_OK(weft_graph_counts(g, &many));
    weft_graph_destroy(g);
    ck_assert_mem_eq(&one, &many, sizeof one);

    g = build(arch->name, &(weft_arch_opt){ .dialect = arch->dialect, .classes = arch->classes - 1 });
    CHECK_OK(weft_graph_counts(g, &fewer));
    weft_graph_destroy(g);
    ck_assert_int_eq(fewer.nodes, one.nodes);
    if (one.macs == fewer.macs) { /* LeNet-5's RBF: one centre of 84 less, no multiply-adds counted */
        ck_assert_int_eq(one.statistics - fewer.statistics, 84);
        ck_assert_int_eq(one.trainable, fewer.trainable);
    } else { /* a dense layer: one row of weights and one bias less */
        ck_assert_int_eq(one.trainable - fewer.trainable, one.macs - fewer.macs + 1);
        ck_assert_int_eq(one.statistics, fewer.statistics);
    }
}
END_TEST

START_TEST(smallest_images_build_and_smaller_ones_are_refused)
{
    const weft_arch *arch = weft_arch_get(_i);
    const int least = weft_arch_rows[_i].min_px;
    weft_arch_opt opt = { .dialect = arch->dialect };
    weft_graph *g = NULL;

    for (int px = least; px < least + 34; px += 3) { /* odd and even on every grid */
        opt.px = px;
        g = build(arch->name, &opt);
        weft_graph_destroy(g);
    }
    g = NULL;
    opt.px = least - 1;
    CHECK_FAILS(WEFT_INVALID, weft_arch_build(ctx, arch->name, &opt, &g), "pixels");
    ck_assert(strstr(weft_error(), arch->name) != NULL);
    ck_assert_ptr_null(g);
}
END_TEST

START_TEST(auxiliary_heads_follow_the_network_or_are_refused)
{
    const weft_arch *arch = weft_arch_get(_i);
    const weft_arch_opt opt = { .dialect = arch->dialect, .classes = 0, .aux = true };
    weft_graph *g = NULL;
    weft_counts counts;
    weft_port_info port;

    ck_assert((arch->params_aux > 0) == (arch->aux_weight > 0));
    if (arch->params_aux == 0) {
        CHECK_FAILS(WEFT_INVALID, weft_arch_build(ctx, arch->name, &opt, &g), "no auxiliary heads");
        return;
    }
    g = build(arch->name, &opt);
    CHECK_OK(weft_graph_counts(g, &counts));
    ck_assert_int_eq(counts.trainable, arch->params_aux);
    ck_assert_int_gt(weft_graph_output_count(g), 1);
    for (int i = 0; i < weft_graph_output_count(g); i++) {
        const weft_shape shape = weft_shape_nc(1, arch->classes);

        CHECK_OK(weft_graph_output(g, i, &port));
        ck_assert(weft_shape_equal(&port.shape, &shape));
        if (i == 0)
            ck_assert_str_eq(port.name, "probabilities");
        else
            ck_assert(strncmp(port.name, "aux", 3) == 0 && port.name[3] == '0' + i);
    }
    weft_graph_destroy(g);
}
END_TEST

/* ---- docs/networks.md: the same counts for readers ---- */

static const char *docs_path;

static void print_row(char *line, size_t size, const weft_arch *a)
{
    char top[32] = "", aux[24] = "";

    if (a->published.top1 > 0 && a->published.top5 > 0)
        snprintf(top, sizeof top, "%.3f / %.3f", a->published.top1, a->published.top5);
    else if (a->published.top1 > 0)
        snprintf(top, sizeof top, "%.3f", a->published.top1);
    if (a->params_aux)
        snprintf(aux, sizeof aux, "%lld", (long long)a->params_aux);
    snprintf(line, size, "| %s | %s%s | %d | %lld | %lld | %lld | %s | %s | %s | %s |\n", a->name,
             weft_dialect_name(a->dialect), a->is_default ? " (default)" : "", a->px, (long long)a->params,
             (long long)a->trainable, (long long)a->macs, aux, top, a->published.source ? a->published.source : "",
             a->paper);
}

/* With WEFT_UPDATE_DOCS set, writes the file instead. */
START_TEST(the_table_in_docs_is_the_registry)
{
    static const char head[] =
        "# Networks\n\n"
        "Every network and dialect that weft builds, with its exact counts. A test builds each row and compares to\n"
        "the unit; `WEFT_UPDATE_DOCS=1 arch_counts docs/networks.md` writes this file. Parameters count moving\n"
        "statistics in the keras dialect, as Keras does. Multiply-adds are of convolutions and dense layers, for one\n"
        "image of the given size. Accuracies are the publishers', in percent.\n\n"
        "| network | dialect | px | parameters | trainable | multiply-adds | with aux heads | top-1 / top-5 | source | "
        "paper |\n|---|---|--:|--:|--:|--:|--:|--:|---|---|\n";
    const bool update = getenv("WEFT_UPDATE_DOCS") != NULL;
    char want[1024], got[1024];
    FILE *file;

    if (!docs_path)
        return;
    file = fopen(docs_path, update ? "w" : "r");
    ck_assert_msg(file != NULL, "%s cannot be opened", docs_path);
    if (update)
        fputs(head, file);
    for (const char *line = head; !update && *line; line += strlen(got)) {
        ck_assert_msg(fgets(got, sizeof got, file) && strncmp(got, line, strlen(got)) == 0, "%s: '%s'", docs_path, got);
    }
    for (int i = 0; i < weft_arch_count(); i++) {
        print_row(want, sizeof want, weft_arch_get(i));
        if (update)
            fputs(want, file);
        else
            ck_assert_msg(fgets(got, sizeof got, file) && strcmp(got, want) == 0, "%s has '%s', '%s' is expected",
                          docs_path, got, want);
    }
    fclose(file);
}
END_TEST

/* A parameter's path finds its values in weight files: no two may be equal. */
static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

START_TEST(parameters_have_different_names)
{
    const weft_arch *arch = weft_arch_get(_i);
    weft_graph *g = build(arch->name, &(weft_arch_opt){ .dialect = arch->dialect });
    const int count = weft_graph_param_count(g);
    const char **names = calloc((size_t)count, sizeof *names);

    ck_assert_ptr_nonnull(names);
    for (int i = 0; i < count; i++) {
        weft_param_info param;

        CHECK_OK(weft_graph_param(g, i, &param));
        names[i] = param.name;
    }
    qsort(names, (size_t)count, sizeof *names, compare_names);
    for (int i = 1; i < count; i++)
        ck_assert_str_ne(names[i - 1], names[i]);
    free(names);
    weft_graph_destroy(g);
}
END_TEST

START_TEST(the_table_has_fifteen_networks)
{
    int count = 0;

    for (int i = 0; i < weft_arch_count(); i++) {
        const weft_arch *arch = weft_arch_get(i);

        if (!arch->in_table)
            continue;
        count++;
        ck_assert_int_eq(arch->dialect, WEFT_KERAS);
        ck_assert(arch->is_default);
        ck_assert_str_eq(arch->published.source, "Keras Applications");
        ck_assert(arch->published.top1 > 70 && arch->published.top5 > arch->published.top1);
        ck_assert(arch->published.size_mb > 0 && arch->published.cpu_ms > arch->published.gpu_ms);
    }
    ck_assert_int_eq(count, 15);
}
END_TEST

static weft_status build_and_destroy(const weft_allocator *allocator, void *arg)
{
    weft_ctx *own = NULL;
    weft_graph *g = NULL;
    weft_status status = weft_ctx_create(&(weft_ctx_opt){ .threads = 1, .allocator = *allocator }, &own);

    if (status == WEFT_OK)
        status = weft_arch_build(own, "lenet5", arg, &g);
    if (status != WEFT_OK)
        ck_assert_ptr_null(g);
    weft_graph_destroy(g);
    weft_ctx_destroy(own);
    return status;
}

START_TEST(every_failed_allocation_is_an_error)
{
    weft_arch_opt opt = { .dialect = _i == 0 ? WEFT_PAPER : WEFT_KERAS };

    ck_assert_int_gt(check_every_failure(build_and_destroy, &opt), 4);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("arch_counts");
    TCase *every = tcase_create("every network"), *tables = tcase_create("tables"), *memory = tcase_create("memory");
    const int rows = weft_arch_count();

    tcase_add_checked_fixture(every, open_context, close_context);
    tcase_add_loop_test(every, counts_are_the_published_ones, 0, rows);
    tcase_add_loop_test(every, ports_follow_the_options, 0, rows);
    tcase_add_loop_test(every, counts_follow_the_options, 0, rows);
    tcase_add_loop_test(every, smallest_images_build_and_smaller_ones_are_refused, 0, rows);
    tcase_add_loop_test(every, parameters_have_different_names, 0, rows);
    tcase_add_loop_test(every, auxiliary_heads_follow_the_network_or_are_refused, 0, rows);
    suite_add_tcase(s, every);

    tcase_add_checked_fixture(tables, open_context, close_context);
    tcase_add_test(tables, the_table_has_fifteen_networks);
    tcase_add_test(tables, the_table_in_docs_is_the_registry);
    suite_add_tcase(s, tables);

    tcase_add_loop_test(memory, every_failed_allocation_is_an_error, 0, 2);
    suite_add_tcase(s, memory);
    return s;
}

int main(int argc, char **argv)
{
    docs_path = argc > 1 ? argv[1] : NULL;
    return check_main(suite(), "arch_counts");
}
