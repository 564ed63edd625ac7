/* SPDX-License-Identifier: Apache-2.0
 *
 * Trains LeNet-5 on a set in MNIST's format (a folder of IDX files; without one, Fashion-MNIST where it is installed):
 *   cc train.c $(pkg-config --cflags --libs weft) -o train
 *   ./train [FOLDER [EPOCHS]] */
#include <stdio.h>
#include <stdlib.h>
#include <weft/weft.h>

enum { BATCH = 64, MAX_CLASSES = 64 };

#define TRY(call)                                                                                                     \
    do {                                                                                                              \
        if ((call) != WEFT_OK) {                                                                                      \
            fprintf(stderr, "%s\n", weft_error());                                                                    \
            return 1;                                                                                                 \
        }                                                                                                             \
    } while (0)

/* Percent of the test images that the model gets right. */
static int evaluate(weft_model *model, weft_loader *loader, int classes, double *percent)
{
    static float scores[BATCH * MAX_CLASSES];
    const weft_shape shape = weft_loader_shape(loader);
    int64_t seen = 0, right = 0;
    for (int64_t step = 0; step < weft_loader_steps(loader); step++) {
        weft_batch batch;
        TRY(weft_loader_next(loader, &batch));
        TRY(weft_model_set_input(model, 0, batch.images, (size_t)weft_shape_count(&shape) * sizeof(float)));
        TRY(weft_model_run(model));
        TRY(weft_model_get_output(model, 0, scores, (size_t)(BATCH * classes) * sizeof(float)));
        for (int64_t i = 0; i < weft_loader_filled(loader, NULL); i++, seen++) {
            int best = 0;
            for (int k = 1; k < classes; k++)
                best = scores[i * classes + k] > scores[i * classes + best] ? k : best;
            right += best == batch.labels[i];
        }
    }
    *percent = seen ? 100. * (double)right / (double)seen : 0;
    return 0;
}

int main(int argc, char **argv)
{
    const int epochs = argc > 2 ? atoi(argv[2]) : 5;
    const weft_recipe recipe = weft_arch_recipe(weft_arch_find("lenet5", WEFT_KERAS), 0);
    weft_ctx *ctx;
    weft_trainset *set;
    weft_loader *train, *test;
    weft_graph *network;
    weft_trainer *trainer;
    weft_model *model;
    TRY(weft_ctx_create(NULL, &ctx));
    TRY(weft_trainset_open(ctx, argc > 1 ? argv[1] : "fashion-mnist", NULL, &set));
    const int classes = weft_trainset_classes(set) < MAX_CLASSES ? weft_trainset_classes(set) : MAX_CLASSES;
    TRY(weft_loader_create(ctx, set, &(weft_loader_opt){ .batch = BATCH, .recipe = &recipe }, &train));
    TRY(weft_loader_create(ctx, set, &(weft_loader_opt){ .part = WEFT_PART_TEST, .batch = BATCH, .recipe = &recipe,
                                                         .in_order = true }, &test));
    TRY(weft_arch_build(ctx, "lenet5", &(weft_arch_opt){ WEFT_KERAS, .batch = BATCH, .classes = classes }, &network));
    TRY(weft_trainer_create(ctx, network, &(weft_train_opt){ .optimizer = { .momentum = .9 } }, &trainer));
    TRY(weft_model_create(ctx, network, &(weft_model_opt){ .store = weft_trainer_store(trainer) }, &model));

    const weft_schedule schedule = { .kind = WEFT_SCHEDULE_ONE_CYCLE, .rate = .05, .epochs = epochs,
                                     .steps_per_epoch = weft_loader_steps(train) };
    for (int64_t step = 0; step < epochs * schedule.steps_per_epoch; step++) {
        weft_batch batch;
        weft_step_result result;
        double percent;
        TRY(weft_loader_next(train, &batch));
        TRY(weft_trainer_step(trainer, &batch, weft_schedule_rate(&schedule, step), &result));
        if ((step + 1) % schedule.steps_per_epoch)
            continue;
        if (evaluate(model, test, classes, &percent))
            return 1;
        printf("epoch %d: loss %.3f, %.2f %% of the test images are right\n",
               (int)((step + 1) / schedule.steps_per_epoch), result.loss, percent);
    }
    return 0;
}
