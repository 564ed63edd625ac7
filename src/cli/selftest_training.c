/* SPDX-License-Identifier: Apache-2.0
 *
 * weft selftest, training: ten steps of SGD with momentum over one seeded batch, the losses against the CPU's. The loss
 * must fall, and a second training must give the same bits. */
#include <stdlib.h>
#include <string.h>

#include <weft/train.h>

#include "cli/selftest.h"
#include "cli/text.h"

enum { STEPS = 10, BATCH = 8, PX = 64, CLASSES = 10 };

/* Rounding moves elements over the kinks of activations, and steps multiply what comes of it: the rates are so low that
 * what is compared is the step. */
typedef struct trained {
    const char *name;
    weft_dialect dialect;
    int px, channels;
    double gain, lr; /* gain of the seeded weights */
} trained;

static const trained networks[] = {
    { "lenet5", WEFT_KERAS, 32, 1, 1, .02 },
    { "resnet18", WEFT_TORCH, PX, 3, 23 / 32., .00001 },
    { "mobilenetv2", WEFT_TORCH, PX, 3, 20 / 32., .0000005 },
    { "efficientnet-b0", WEFT_TORCH, PX, 3, 33 / 32., .00005 },
};

/* Of a loss, relative: what ten steps make of numbers that are kept with so many bits. */
static const double limits[WEFT_PRECISION_COUNT] = {
    [WEFT_PRECISION_FP32] = 1e-4,
    [WEFT_PRECISION_TF32] = 2e-2,
    [WEFT_PRECISION_FP16] = 2e-2,
    [WEFT_PRECISION_BF16] = 1e-1,
};

typedef struct curve {
    double loss[STEPS], norm[STEPS]; /* and of all gradients */
} curve;

/* Parameters are those that every model of SELFTEST_SEED has: a model on the trainer's store draws them. */
static weft_status seed(weft_ctx *ctx, const trained *n, const weft_graph *graph, weft_trainer *trainer)
{
    weft_model *model = NULL;
    weft_status status = weft_model_create(ctx, graph, &(weft_model_opt){ .store = weft_trainer_store(trainer) },
                                           &model);
    if (!status)
        status = weft_model_seed_scaled(model, SELFTEST_SEED, n->gain);
    weft_model_destroy(model);
    return status;
}

static weft_status open_trainer(weft_ctx *ctx, const trained *n, weft_trainer **out)
{
    const weft_arch_opt arch = { .dialect = n->dialect, .batch = BATCH, .px = n->px, .classes = CLASSES };
    const weft_train_opt opt = { .seed = SELFTEST_SEED, .optimizer = { .momentum = .9, .decay = 1e-4 } };
    weft_graph *graph = NULL;
    weft_trainer *trainer = NULL;
    weft_status status = weft_arch_build(ctx, n->name, &arch, &graph);
    if (!status)
        status = weft_trainer_create(ctx, graph, &opt, &trainer);
    if (!status)
        status = seed(ctx, n, graph, trainer);
    weft_graph_destroy(graph);
    if (status)
        weft_trainer_destroy(trainer);
    else
        *out = trainer;
    return status;
}

static weft_status train(weft_ctx *ctx, const trained *n, const weft_batch *batch, curve *out)
{
    weft_trainer *trainer = NULL;
    weft_step_result step;
    weft_status status = open_trainer(ctx, n, &trainer);
    for (int i = 0; i < STEPS && !status; i++) {
        do { /* once more where the loss's scale was too large for fp16 */
            weft_trainer_set_position(trainer, i);
            status = weft_trainer_step(trainer, batch, n->lr, &step);
        } while (!status && step.skipped);
        if (status)
            break;
        out->loss[i] = step.loss;
        out->norm[i] = step.gradient_norm;
    }
    weft_trainer_destroy(trainer);
    return status;
}

/* The worst step, relative. */
static double distance(const curve *got, const curve *want)
{
    double worst = 0;
    for (int i = 0; i < STEPS; i++) {
        const double off = fabs(got->loss[i] - want->loss[i]) / want->loss[i];
        if (!(off <= worst))
            worst = off;
    }
    return worst;
}

static void judge(const selftest *s, const curve got[2], const curve *want, json_t *row, char *text, size_t size)
{
    const double error = distance(&got[0], want), limit = limits[s->precision];
    const double first = got[0].loss[0], last = got[0].loss[STEPS - 1];
    cli_set_real(row, "error", isfinite(error) ? error : -1);
    cli_set_real(row, "limit", limit);
    cli_set_real(row, "first_loss", isfinite(first) ? first : -1);
    cli_set_real(row, "last_loss", isfinite(last) ? last : -1);
    if (!(error <= limit))
        snprintf(text, size, "a loss is %.2e from the CPU's (relative), allowed is %.0e", error, limit);
    else if (!(last < first))
        snprintf(text, size, "the loss does not fall: %g at first, %g after %d steps", first, last, STEPS);
    else if (memcmp(&got[0], &got[1], sizeof got[0]) != 0)
        snprintf(text, size, "the second training gave other bits than the first");
}

static weft_status compute(selftest *s, weft_ctx *reference, const trained *n, curve got[2], curve *want)
{
    static const int32_t labels[BATCH] = { 3, 1, 4, 1, 5, 9, 2, 6 };
    const weft_shape shape = weft_shape_nhwc(BATCH, n->px, n->px, n->channels);
    float *images = cli_alloc((size_t)weft_shape_count(&shape), sizeof *images);
    const weft_batch batch = { .images = images, .labels = labels };
    weft_status status = weft_seed_images(SELFTEST_SEED, &shape, -1, 1, images);
    if (!status)
        status = train(reference, n, &batch, want);
    for (int i = 0; i < 2 && !status; i++)
        status = train(s->ctx, n, &batch, &got[i]);
    free(images);
    return status;
}

static void compare(selftest *s, weft_ctx *reference, const trained *n)
{
    curve want, got[2];
    char text[512] = "", name[96];
    snprintf(name, sizeof name, "training %s of %d pixels", n->name, n->px);
    if (!selftest_begin(s, "training", name))
        return;
    json_t *row = json_object();
    cli_set_text(row, "model", n->name);
    cli_set_text(row, "dialect", weft_dialect_name(n->dialect));
    cli_set_count(row, "px", n->px);
    cli_set_count(row, "batch", BATCH);
    cli_set_count(row, "steps", STEPS);
    cli_set_text(row, "precision", weft_precision_name(s->precision));
    const weft_status status = compute(s, reference, n, got, &want);
    if (!status)
        judge(s, got, &want, row, text, sizeof text);
    selftest_end(s, s->training, row, status, text);
}

void selftest_training(selftest *s)
{
    const int before = s->passed, failed = s->failed;
    weft_ctx *reference = NULL;
    const weft_status status = selftest_open_vectors(s, &reference);
    if (status) {
        if (selftest_begin(s, "training", "reference"))
            selftest_end(s, s->training, json_object(), status, NULL);
        return;
    }
    const int count = s->args->quick ? 1 : (int)(sizeof networks / sizeof *networks);
    for (int i = 0; i < count; i++)
        compare(s, reference, &networks[i]);
    weft_ctx_destroy(reference);
    if (s->passed + s->failed == before + failed)
        return;
    selftest_say(s, "training, %s: %d of %d agree with the CPU", weft_precision_name(s->precision), s->passed - before,
                 s->passed - before + s->failed - failed);
}
