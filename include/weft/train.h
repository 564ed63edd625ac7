/* SPDX-License-Identifier: Apache-2.0
 *
 * Training. A trainer is a network, differentiated and planned together with its loss and its optimiser as one program,
 * and the store that it changes. It knows no data, no schedule and no files: a step takes a batch and a learning rate.
 * Models for evaluation stand on the same store and see what each step changed. */
#ifndef WEFT_TRAIN_H
#define WEFT_TRAIN_H

#include <weft/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum weft_loss {
    WEFT_LOSS_CROSS_ENTROPY, /* softmax over the classes */
    WEFT_LOSS_COUNT
} weft_loss;

typedef enum weft_optimizer_kind {
    WEFT_SGD,
    WEFT_OPTIMIZER_COUNT
} weft_optimizer_kind;

typedef struct weft_optimizer {
    weft_optimizer_kind kind;
    double momentum; /* SGD: 0: none */
    bool nesterov;
    double decay;    /* weight decay, of parameters of rank 2 and more: not of norms and biases */
} weft_optimizer;

typedef struct weft_train_opt {
    int64_t batch;         /* 0: as the network's inputs say */
    weft_loss loss;
    double smoothing;      /* of labels, 0 to 1 */
    double aux_weight;     /* of the losses of auxiliary heads, the network's outputs after the first; 0: .3 */
    bool targets;          /* batches come with rows of targets: mixed, weighted */
    weft_optimizer optimizer;
    const char *const *freeze; /* [freeze_count] patterns of paths, as of files: "stem/?*": such parameters stay, and so
                                  do the statistics of frozen norms */
    int freeze_count;
    uint64_t seed;         /* of dropout and of the parameters' start */
    weft_store *store;     /* shared, outlives the trainer; has all that the network and the trainer need
                              (weft_trainer_graphs). NULL: its own, drawn from seed */
    bool plan_only;        /* plan and report, allocate nothing */
} weft_train_opt;

typedef struct weft_trainer weft_trainer;

/* One batch in host memory, as many images as the trainer's batch. */
typedef struct weft_batch {
    const float *images;   /* [N, H, W, C] */
    const int32_t *labels; /* [N] */
    const float *targets;  /* [N, classes]; with weft_train_opt.targets, else NULL */
} weft_batch;

typedef struct weft_step_result {
    double loss;           /* of all heads, a mean over the batch */
    int64_t top1, top5;    /* images whose label was first, and among the first five */
} weft_step_result;

/* Differentiates and plans network (copied) on ctx's device. UNSUPPORTED if an op on the way has no gradient. */
WEFT_API weft_status weft_trainer_create(weft_ctx *ctx, const weft_graph *network, const weft_train_opt *opt,
                                         weft_trainer **out);
WEFT_API void weft_trainer_destroy(weft_trainer *trainer);
/* Parameters, statistics and what the optimiser keeps ("optimizer/<path>/momentum"); lent. */
WEFT_API weft_store *weft_trainer_store(weft_trainer *trainer);
/* The program of a step, for reports: its plan, memory and cost; lent. */
WEFT_API weft_model *weft_trainer_model(weft_trainer *trainer);
/* Forward, backward, update: parameters are changed when it returns. */
WEFT_API weft_status weft_trainer_step(weft_trainer *trainer, const weft_batch *batch, double lr,
                                       weft_step_result *out);
/* The number of the next step, from 0, which all randomness depends on: set when training is resumed. */
WEFT_API int64_t weft_trainer_position(const weft_trainer *trainer);
WEFT_API void weft_trainer_set_position(weft_trainer *trainer, int64_t step);

#ifdef __cplusplus
}
#endif
#endif
