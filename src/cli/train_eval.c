/* SPDX-License-Identifier: Apache-2.0
 *
 * Evaluation while training: all images of a part through inference over the same weights (or their averages), counted
 * from logits in double. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/text.h"
#include "cli/train.h"

/* -log of the softmax at label; of independent sigmoids, the mean of their losses. */
static double loss_of(const train_run *r, const float *x, int label)
{
    double most = -INFINITY, sum = 0;
    if (r->set->loss == TRAIN_LOSS_BCE) {
        for (int i = 0; i < r->classes; i++) { /* log(1 + exp(-z)), z the logit on its side */
            const double z = i == label ? (double)x[i] : -(double)x[i];
            sum += fmax(-z, 0) + log1p(exp(-fabs(z)));
        }
        return sum / r->classes;
    }
    for (int i = 0; i < r->classes; i++)
        most = fmax(most, (double)x[i]);
    for (int i = 0; i < r->classes; i++)
        sum += exp((double)x[i] - most);
    return log(sum) + most - (double)x[label];
}

static void count_image(train_run *r, float *x, int label, train_score *score)
{
    int best = 0, before = 0;
    if (r->set->loss == TRAIN_LOSS_RBF) /* distances: the least is the answer */
        for (int i = 0; i < r->classes; i++)
            x[i] = -x[i];
    for (int i = 0; i < r->classes; i++) {
        best = x[i] > x[best] ? i : best;
        before += i != label && (x[i] > x[label] || (x[i] == x[label] && i < label));
    }
    score->images++;
    score->top1 += before == 0;
    score->top5 += before < 5;
    score->loss += loss_of(r, x, label);
    r->confusion[(size_t)label * (size_t)r->classes + (size_t)best]++;
}

static weft_status run_batch(train_run *r, weft_loader *loader, train_score *score)
{
    const weft_shape shape = weft_loader_shape(loader);
    const size_t values = (size_t)r->part * (size_t)r->classes;
    weft_batch batch;
    CLI_TRY_STATUS(weft_loader_next(loader, &batch));
    CLI_TRY_STATUS(weft_model_set_input(r->model, 0, batch.images,
                                        (size_t)weft_shape_count(&shape) * sizeof *batch.images));
    CLI_TRY_STATUS(weft_model_run(r->model));
    CLI_TRY_STATUS(weft_model_get_output(r->model, 0, r->scores, values * sizeof *r->scores));
    const int64_t filled = weft_loader_filled(loader, NULL);
    for (int64_t i = 0; i < filled; i++)
        count_image(r, r->scores + i * r->classes, batch.labels[i], score);
    return WEFT_OK;
}

/* A batch of training as floats; those of bytes into `room`. */
static const float *floats_of(const train_run *r, const weft_batch *batch, float *room)
{
    const weft_shape shape = weft_loader_shape(r->loader);
    const int64_t count = weft_shape_count(&shape), channels = shape.dim[3];
    for (int64_t i = 0; batch->bytes && i < count; i++)
        room[i] = r->levels[i % channels][batch->bytes[i]];
    return batch->bytes ? room : batch->images;
}

static weft_status measure_norms_in(train_run *r, float *room)
{
    const weft_train_opt opt = train_options(r);
    weft_norm_meter *meter;
    weft_batch batch;
    CLI_TRY_STATUS(weft_loader_seek(r->loader, r->state.step));
    CLI_TRY_STATUS(weft_norm_meter_create(r->ctx, r->inference, &opt, r->settled, &meter));
    weft_status status = WEFT_OK;
    for (int i = 0; i < r->set->norm_batches && !status; i++) {
        status = weft_loader_next(r->loader, &batch);
        if (!status)
            status = weft_norm_meter_add(meter, floats_of(r, &batch, room));
    }
    if (!status)
        status = weft_norm_meter_finish(meter);
    weft_norm_meter_destroy(meter);
    return status ? status : weft_loader_seek(r->loader, r->state.step);
}

/* On the batches that would come next. */
static weft_status measure_norms(train_run *r)
{
    const weft_shape shape = weft_loader_shape(r->loader);
    float *const room = r->levels ? cli_alloc((size_t)weft_shape_count(&shape), sizeof *room) : NULL;
    const weft_status status = measure_norms_in(r, room);
    free(room);
    return status;
}

cli_exit train_settle(train_run *r, bool at_end)
{
    if (r->settled)
        CLI_TRY_LIBRARY(weft_trainer_average(r->trainer, r->settled));
    if (at_end && r->set->norm_batches > 0)
        CLI_TRY_LIBRARY(measure_norms(r));
    return CLI_OK;
}

cli_exit train_evaluate(train_run *r, weft_loader *loader, train_score *out)
{
    train_score score = { 0 };
    const double start = cli_now();
    memset(r->confusion, 0, (size_t)r->classes * (size_t)r->classes * sizeof *r->confusion);
    CLI_TRY_LIBRARY(weft_loader_seek(loader, 0));
    for (int64_t i = 0; i < weft_loader_steps(loader); i++)
        CLI_TRY_LIBRARY(run_batch(r, loader, &score));
    CLI_TRY(train_add_scores(r, &score));
    score.loss /= score.images ? (double)score.images : 1;
    score.seconds = cli_now() - start;
    *out = score;
    return CLI_OK;
}
