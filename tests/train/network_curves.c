/* SPDX-License-Identifier: Apache-2.0
 *
 * Twenty steps of whole networks by the public API and the fast kernels, against the losses that PyTorch has in double
 * precision with the same weights and batches (network_curves.txt, written by make_network_curves.py).
 *
 * Rounding moves a few of millions of elements over the kink of a ReLU, each of which moves gradients by a thousandth,
 * in PyTorch's single precision, too. So the rate of ResNet-18 is one at which steps do not multiply such differences
 * (make_network_curves.py), and the instruction set is given, that all machines round alike. EfficientNet has no kinks.
 *
 *   train-network-curves [show]     `show` prints both curves */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

#include "check/harness.h"
#include "graph/graph.h"
#include "nets.h"
#include "op/dropout.h"

enum { STEPS = 20, BATCH = 8, BATCHES = 4, PX = 64, CLASSES = 10 };

static const struct {
    const char *name;
    double gain, lr, most; /* gain of the seeded weights; relative difference of a loss that is allowed */
    bool raw;              /* the network scales its pixels by itself */
    weft_optimizer optimizer;
} curves[] = {
    { "resnet18", 23 / 32., .00005, 1e-3, false, { .momentum = .9, .decay = 1e-4 } },
    { "efficientnet-b0", 33 / 32., .004, 1e-2, false, { .kind = WEFT_RMSPROP, .momentum = .9, .decay = 1e-5 } },
};

static bool show;

/* What is drawn is weft's own, so that no other framework can draw it. */
static void never_drop(const weft_graph *graph)
{
    for (int32_t i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].node.id == WEFT_OP_DROPOUT)
            ((weft_dropout_opt *)weft_gnode_opt(&graph->nodes[i]))->rate = 0;
}

static weft_trainer *open_trainer(weft_ctx *ctx, int which)
{
    const weft_arch_opt build = { .dialect = WEFT_TORCH, .batch = BATCH, .px = PX, .classes = CLASSES };
    weft_graph *network;
    weft_trainer *trainer;
    weft_model *model;
    CHECK_OK(weft_arch_build(ctx, curves[which].name, &build, &network));
    never_drop(network);
    CHECK_OK(weft_trainer_create(ctx, network, &(weft_train_opt){ .optimizer = curves[which].optimizer }, &trainer));
    CHECK_OK(weft_model_create(ctx, network, &(weft_model_opt){ .store = weft_trainer_store(trainer) }, &model));
    CHECK_OK(weft_model_seed_scaled(model, 1, curves[which].gain));
    weft_model_destroy(model);
    weft_graph_destroy(network);
    return trainer;
}

static void hold(int which, weft_trainer *trainer, const float *images, const int32_t *labels, const double *want)
{
    double worst = 0;
    for (int i = 0; i < STEPS; i++) {
        const int64_t at = (int64_t)(i % BATCHES) * BATCH;
        weft_step_result r;
        CHECK_OK(weft_trainer_step(trainer, &(weft_batch){ .images = images + at * PX * PX * 3, .labels = labels + at },
                                   curves[which].lr, &r));
        const double off = fabs(r.loss - want[i]) / want[i];
        if (show)
            fprintf(stderr, "%s, step %d: loss %.9g, PyTorch's %.9g, off by %.2g\n", curves[which].name, i, r.loss,
                    want[i], off);
        worst = fmax(worst, off);
    }
    ck_assert_msg(worst <= curves[which].most, "%s: a loss is off by %.3g of PyTorch's", curves[which].name, worst);
}

START_TEST(as_pytorch)
{
    double want[STEPS + 1];
    int32_t labels[BATCH * BATCHES];
    const weft_shape shape = weft_shape_nhwc(BATCH * BATCHES, PX, PX, 3);
    float *images = malloc((size_t)weft_shape_count(&shape) * sizeof *images);
    ck_assert_ptr_nonnull(images);
    ck_assert_int_eq(golden_row("network_curves.txt", curves[_i].name, want, STEPS + 1), STEPS);
    CHECK_OK(weft_seed_images(1, &shape, curves[_i].raw ? 0 : -1, curves[_i].raw ? 255 : 1, images));
    for (int i = 0; i < BATCH * BATCHES; i++)
        labels[i] = i * 3 % CLASSES;
    weft_ctx *ctx;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .device = "cpu", .threads = 2, .isa = "avx2" }, &ctx));
    weft_trainer *trainer = open_trainer(ctx, _i);
    hold(_i, trainer, images, labels, want);
    weft_trainer_destroy(trainer);
    weft_ctx_destroy(ctx);
    free(images);
}
END_TEST

int main(int argc, char **argv)
{
    show = argc > 1 && strcmp(argv[1], "show") == 0;
    Suite *suite = suite_create("train-network-curves");
    TCase *tcase = tcase_create("networks");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, as_pytorch, 0, (int)(sizeof curves / sizeof *curves));
    suite_add_tcase(suite, tcase);
    return check_main(suite, argv[0]);
}
