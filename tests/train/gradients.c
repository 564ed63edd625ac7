/* SPDX-License-Identifier: Apache-2.0
 *
 * Loss and gradients of whole networks in training against torchvision and timm: one batch of four small images, seeded
 * weights (weft-weights(5)), statistics of the batch, nothing dropped. One file of tests/train/golden per network,
 * written by golden/make.py in double precision; the frameworks are not needed here. Arguments: the folder, and
 * optionally the files to read.
 *
 * A file has the norm of each parameter's gradient and its products with vectors of random signs, which say how far two
 * gradients are apart: such a product of a difference d is on average |d| large. All gradients together must be within
 * 1e-4 of their norm, and so must each of those that carry weight in it. By the reference kernels, whose sums are in
 * double: this holds what gradients mean; the walker holds the fast kernels to these. (With sums in float a few of
 * millions of elements come to lie on the other side of a ReLU's kink, and each moves gradients by a hundredth.) */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

#include "base/rng.h"
#include "check/files.h"
#include "check/harness.h"
#include "graph/grad.h"
#include "graph/twin.h"
#include "op/dropout.h"
#include "program/program.h"

enum { BATCH = 4, CLASSES = 10, PROBES = 2, MAX_GRADIENTS = 1024, MAX_FILES = 64, LEAST_FILES = 14 };
static const double MOST = 1e-4;
static const int32_t labels[BATCH] = { 3, 7, 0, 5 };

typedef struct gradient {
    char name[96];
    double norm, probe[PROBES];
} gradient;

typedef struct golden {
    char name[64], dialect[16];
    int px, count;
    uint64_t seed;
    double gain, loss;
    gradient gradient[MAX_GRADIENTS];
} golden;

static const char *folder;
static char *files[MAX_FILES];
static int file_count;

static void read_golden(const char *file, golden *g)
{
    char path[1024];
    unsigned long long seed;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s: cannot be opened", path);
    memset(g, 0, sizeof *g);
    ck_assert_msg(fscanf(f, "network %63s %15s px %d seed %llu gain %lf loss %lf\n", g->name, g->dialect, &g->px, &seed,
                         &g->gain, &g->loss) == 6, "%s: the first line is not a network's", path);
    g->seed = seed;
    for (gradient *at = g->gradient; g->count < MAX_GRADIENTS; at++, g->count++)
        if (fscanf(f, "%95s %lf %lf %lf\n", at->name, &at->norm, &at->probe[0], &at->probe[1]) != 4)
            break;
    ck_assert_int_gt(g->count, 0);
    fclose(f);
}

/* ---- the network in training ---- */

typedef struct network {
    weft_ctx *ctx;
    weft_graph *graph;
    weft_model *model;
} network;

static void never_drop(const weft_graph *graph)
{
    for (int32_t i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].node.id == WEFT_OP_DROPOUT)
            ((weft_dropout_opt *)weft_gnode_opt(&graph->nodes[i]))->rate = 0;
}

/* The loss is output 0, the gradient of g->gradient[i] output 1 + i. */
static weft_graph *differentiate(const golden *g, weft_ctx *ctx, const weft_graph *built)
{
    weft_graph *graph;
    weft_var logits, none = { 0 }, params[MAX_GRADIENTS], gradients[MAX_GRADIENTS];
    weft_moves moves;
    CHECK_OK(weft_graph_clone_training(ctx, built, &(weft_twin_opt){ .seed = 1 }, &logits, &moves, &graph));
    const weft_shape column = weft_shape_nc(BATCH, 1);
    const weft_var label = weft_input_of(graph, "labels", WEFT_I32, &column);
    const weft_var target = weft_one_hot(graph, label, &(weft_one_hot_opt){ .classes = CLASSES });
    const weft_var loss = weft_cross_entropy(graph, logits, target, NULL);
    weft_output(graph, loss, "loss");
    for (int i = 0; i < g->count; i++) {
        params[i] = none;
        for (int32_t p = 0; p < graph->n_params; p++)
            if (strcmp(graph->params[p].name, g->gradient[i].name) == 0)
                params[i] = (weft_var){ graph->params[p].value };
        ck_assert_msg(params[i].id, "%s has no parameter %s", g->name, g->gradient[i].name);
    }
    CHECK_OK(weft_graph_grad(graph, &loss, &none, 1, params, g->count, gradients));
    for (int i = 0; i < g->count; i++) {
        ck_assert_msg(gradients[i].id, "%s: %s has no gradient", g->name, g->gradient[i].name);
        weft_output(graph, gradients[i], g->gradient[i].name);
    }
    CHECK_OK(weft_graph_status(graph));
    return graph;
}

static void set_input(const network *n, const char *name, const void *data, size_t bytes)
{
    for (int i = 0; i < weft_model_input_count(n->model); i++) {
        weft_port_info port;
        CHECK_OK(weft_model_input(n->model, i, &port));
        if (strcmp(port.name, name) == 0)
            CHECK_OK(weft_model_set_input(n->model, i, data, bytes));
    }
}

static void run(const golden *g, const weft_arch *arch, const network *n)
{
    const weft_shape shape = weft_shape_nhwc(BATCH, g->px, g->px, 3);
    const size_t bytes = (size_t)weft_shape_count(&shape) * sizeof(float);
    const bool raw = arch->preprocess == WEFT_PREPROCESS_NONE;
    weft_port_info images;
    float *x = malloc(bytes);
    ck_assert_ptr_nonnull(x);
    CHECK_OK(weft_seed_images(g->seed, &shape, raw ? 0 : -1, raw ? 255 : 1, x));
    CHECK_OK(weft_model_input(n->model, 1, &images)); /* behind the number of the step */
    set_input(n, images.name, x, bytes);
    set_input(n, "labels", labels, sizeof labels);
    CHECK_OK(weft_model_run(n->model));
    free(x);
}

static void open_network(const golden *g, network *n)
{
    const weft_arch_opt opt = {
        .dialect = weft_dialect_parse(g->dialect), .batch = BATCH, .px = g->px, .classes = CLASSES, .no_softmax = true
    };
    const weft_arch *arch = weft_arch_find(g->name, opt.dialect);
    weft_graph *built;
    ck_assert_msg(arch != NULL, "%s has no %s dialect", g->name, g->dialect);
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1, .isa = "ref" }, &n->ctx));
    CHECK_OK(weft_arch_build(n->ctx, g->name, &opt, &built));
    never_drop(built);
    n->graph = differentiate(g, n->ctx, built);
    weft_graph_destroy(built);
    CHECK_OK(weft_model_create(n->ctx, n->graph, &(weft_model_opt){ .training = true }, &n->model));
    CHECK_OK(weft_model_seed_scaled(n->model, g->seed, g->gain));
    run(g, arch, n);
}

static void close_network(network *n)
{
    weft_model_destroy(n->model);
    weft_graph_destroy(n->graph);
    weft_ctx_destroy(n->ctx);
}

/* ---- comparing ---- */

/* Square of how far output 1 + i is from the golden gradient, estimated. */
static double square_off(const gradient *want, const network *n, int i)
{
    static const char *const streams[PROBES] = { "probe0", "probe1" };
    weft_port_info port;
    CHECK_OK(weft_model_output(n->model, 1 + i, &port));
    const int64_t count = weft_shape_count(&port.shape);
    float *got = malloc((size_t)count * sizeof *got);
    double off = 0;
    ck_assert_ptr_nonnull(got);
    CHECK_OK(weft_model_get_output(n->model, 1 + i, got, (size_t)count * sizeof *got));
    for (int p = 0; p < PROBES; p++) {
        uint32_t word[4] = { 0 };
        double product = 0;
        for (int64_t e = 0; e < count; e++) {
            if (e % 4 == 0)
                weft_rng_block(1, weft_rng_stream(streams[p]), (uint64_t)e / 4, word);
            product += word[e % 4] >> 31 ? (double)got[e] : -(double)got[e];
        }
        off += (product - want->probe[p]) * (product - want->probe[p]) / PROBES;
    }
    free(got);
    return off;
}

static void hold(const golden *g, const network *n)
{
    float loss;
    double off = 0, norm = 0, worst = 0;
    int which = 0;
    CHECK_OK(weft_model_get_output(n->model, 0, &loss, sizeof loss));
    ck_assert_msg(fabs((double)loss - g->loss) <= MOST * g->loss, "%s: the loss is %.9g, not %.9g", g->name,
                  (double)loss, g->loss);
    for (int i = 0; i < g->count; i++)
        norm += g->gradient[i].norm * g->gradient[i].norm;
    for (int i = 0; i < g->count; i++) {
        const gradient *want = &g->gradient[i];
        const double square = square_off(want, n, i), size = fmax(want->norm * want->norm, norm / g->count);
        off += square;
        if (square / size > worst) {
            worst = square / size;
            which = i;
        }
    }
    if (getenv("GOLDEN_TABLE"))
        printf("%s: loss off by %.2g, gradients by %.2g, worst %s by %.2g\n", g->name,
               fabs((double)loss - g->loss) / g->loss, sqrt(off / norm), g->gradient[which].name, sqrt(worst));
    ck_assert_msg(off <= MOST * MOST * norm, "%s: the gradients are off by %.3g of their norm, worst %s by %.3g",
                  g->name, sqrt(off / norm), g->gradient[which].name, sqrt(worst));
    /* One estimate of many: 4 times what is allowed on average. */
    ck_assert_msg(worst <= 16 * MOST * MOST, "%s: the gradient of %s is off by %.3g", g->name, g->gradient[which].name,
                  sqrt(worst));
}

START_TEST(as_the_framework)
{
    static golden g;
    network n;
    read_golden(files[_i], &g);
    open_network(&g, &n);
    hold(&g, &n);
    close_network(&n);
}
END_TEST

START_TEST(every_file_is_there)
{
    ck_assert_int_ge(file_count, LEAST_FILES);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FOLDER [FILE...]\n", argv[0]);
        return 2;
    }
    folder = argv[1];
    file_count = check_list_files(argc, argv, files, MAX_FILES);
    Suite *suite = suite_create("train-gradients");
    TCase *tcase = tcase_create("networks");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, as_the_framework, 0, file_count);
    if (argc == 2)
        tcase_add_test(tcase, every_file_is_there);
    suite_add_tcase(suite, tcase);
    const int status = check_main(suite, argv[0]);
    while (file_count)
        free(files[--file_count]);
    return status;
}
