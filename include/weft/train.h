/* SPDX-License-Identifier: Apache-2.0
 *
 * Training. A trainer is a network, differentiated and planned together with its loss and its optimiser as one program,
 * and the store that it changes. It knows no data, no schedule and no files: a step takes a batch and a learning rate
 * (weft/schedule.h has those of the papers). Models for evaluation stand on the same store and see what each step
 * changed.
 *
 * A step whose loss or gradients are not finite changes nothing: no parameter, no moment, no moving statistic; only a
 * dynamic scale of the loss. */
#ifndef WEFT_TRAIN_H
#define WEFT_TRAIN_H

#include <weft/model.h>
#include <weft/ranks.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum weft_loss {
    WEFT_LOSS_CROSS_ENTROPY, /* softmax over the classes */
    WEFT_LOSS_BCE,           /* a sigmoid for each class: several may be right */
    WEFT_LOSS_RBF,           /* LeNet-5's, of distances (LeCun 1998, eq. 9) */
    WEFT_LOSS_COUNT
} weft_loss;

typedef enum weft_optimizer_kind {
    WEFT_SGD,
    WEFT_RMSPROP, /* TensorFlow's form */
    WEFT_ADAM,    /* decay coupled */
    WEFT_ADAMW,   /* decay decoupled */
    WEFT_LAMB,
    WEFT_OPTIMIZER_COUNT
} weft_optimizer_kind;

/* Zeros are the defaults of the op (weft/ops.h). */
typedef struct weft_optimizer {
    weft_optimizer_kind kind;
    double momentum; /* SGD, RMSPROP */
    bool nesterov;   /* SGD */
    double decay;    /* weight decay, of parameters of rank 2 and more: not of norms and biases */
    bool decay_all;  /* of these, too */
    double rho;      /* RMSPROP */
    bool mean_square_from_zero; /* RMSPROP: as Keras; default: from one, as TensorFlow 1 and tf-slim */
    double beta1, beta2;        /* ADAM, ADAMW, LAMB */
    double epsilon;
} weft_optimizer;

/* What is different for some parameters; where several patterns match, each says its part. */
typedef struct weft_param_group {
    const char *pattern; /* of paths, as of files: "stem/?*" */
    double lr;           /* times the learning rate; 0: 1 */
    double decay;        /* instead of the optimiser's; 0: the optimiser's */
    bool no_decay;
} weft_param_group;

/* In fp16 a gradient below 6e-8 is nothing, and one above 65504 infinite. So the gradient of the loss, and with it all
 * others, is multiplied by a scale, and updates divide by it. DYNAMIC: it is halved after a step that is not finite,
 * which is left out, and doubles (up to 2^24) after some that were, all of it on the device. In fp32 a power of two
 * changes no bit. */
typedef enum weft_scaling {
    WEFT_SCALING_AUTO, /* DYNAMIC on a device that computes in fp16, else NONE */
    WEFT_SCALING_NONE,
    WEFT_SCALING_FIXED,
    WEFT_SCALING_DYNAMIC,
    WEFT_SCALING_COUNT
} weft_scaling;
typedef struct weft_loss_scale {
    weft_scaling kind;
    double factor; /* FIXED: the scale, DYNAMIC: the first; 0: 65536 */
    int interval;  /* DYNAMIC: good steps before it doubles; 0: 2000 */
} weft_loss_scale;

typedef struct weft_train_opt {
    int64_t batch;         /* 0: as the network's inputs say */
    weft_loss loss;
    double rbf_j;          /* of WEFT_LOSS_RBF; 0: .1 */
    double smoothing;      /* of labels, 0 to 1 */
    const float *class_weights; /* [classes], copied: factors of the loss of each class, not of the RBF loss; NULL: 1 */
    double aux_weight;     /* of the losses of auxiliary heads, the network's outputs after the first; 0: .3,
                              GoogLeNet's (Inception-v3's is .4) */
    bool targets;          /* batches come with rows of targets: mixed, of several classes */
    const float *levels;   /* [channels of the images, 1 to 3][256], copied: batches come as bytes, of which these are
                              the network's values (weft_recipe_levels): the same numbers, a quarter to send to a
                              device. NULL: as floats */
    weft_optimizer optimizer;
    const char *const *freeze; /* [freeze_count] patterns of paths, as of files: "stem/?*": such parameters stay, and so
                                  do the statistics of frozen norms; dropout inside of a frozen part is off */
    int freeze_count;
    const weft_param_group *groups; /* [group_count] */
    int group_count;
    double layer_decay;    /* the learning rate falls by this factor from each part of the network to the one before it;
                              parts are scopes ("stage1.0", "head"), in order; 0: 1 */
    double clip_norm;      /* largest norm of all gradients together; 0: none */
    double clip_value;     /* largest absolute value of a gradient's elements; 0: none. One of the two */
    weft_loss_scale loss_scale; /* its state is "optimizer/scale": scale, good steps since it changed, steps left out */
    int accumulate;        /* steps (each a batch) to an update, by the mean of their gradients; 0: 1. Each of
                              several ranks adds up its own, and what it has passes once, with the last batch
                              (weft_trainer_settle) */
    double ema;            /* decay of averages of parameters and statistics, "ema/<path>"; 0: none */
    bool ema_no_warm_up;   /* default: the decay is at most (1 + t) / (10 + t) at update t */
    double norm_momentum;  /* share of batch norms' moving statistics that a step keeps, for all norms: so that the few
                              steps of a small set are enough to know them; 0: as each norm has it */
    uint64_t seed;         /* of dropout and of the parameters' start */
    weft_store *store;     /* shared, outlives the trainer; has all that the network and the trainer need
                              (weft_train_graph). NULL: its own, drawn from seed */
    size_t memory;         /* the most bytes that a step may need (weft_model_opt.memory); the trainer's model tells the
                              price (weft_model_recomputed). 0: no limit, nothing is recomputed */
    bool plan_only;        /* plan and report, allocate nothing (before weft_trainer_begin) */
    weft_ranks *ranks;     /* each has a trainer of its part of the batch, made alike: gradients become the means over
                              all ranks, and so do losses and the statistics of norms; dropout draws as for the whole
                              batch. All of them make, begin and step at the same time; every rank has the same
                              parameters at the start (weft_trainer_share) and after each step. Outlives the trainer.
                              NULL: alone */
    size_t bucket;         /* bytes of gradients that pass between ranks at once, while others are still being
                              computed; 0: 1 MiB */
    bool times;            /* results of steps say what the device took for each */
    bool sync_norms;       /* of ranks: batch norms are by the statistics of the whole batch, as those of one rank, not
                              of each rank's part; two more exchanges for each norm, which are waited for */
} weft_train_opt;

typedef struct weft_trainer weft_trainer;

/* One batch in host memory, as many images as the trainer's batch. */
typedef struct weft_batch {
    const float *images;   /* [N, H, W, C] */
    const int32_t *labels; /* [N] */
    const float *targets;  /* [N, classes]; with weft_train_opt.targets, else NULL */
    const uint8_t *bytes;  /* [N, H, W, C]; with weft_train_opt.levels, instead of images */
} weft_batch;

typedef struct weft_step_result {
    double loss;           /* of all heads, a mean over the batch */
    int64_t top1, top5;    /* images whose label was first, and among the first five */
    double gradient_norm;  /* before clipping, not scaled; of this batch; where ranks accumulate, the mean of
                              the norms of their parts, which is more than the whole's */
    bool finite;           /* loss and gradients were; else nothing was changed (weft_trainer_trace says where) */
    bool skipped;          /* they were not, and the next step has a smaller scale: no reason to end. A dynamic scale
                              that has come to 1 does not help any more: then it is false */
    bool updated;          /* parameters were changed: not before the last step of those that are accumulated */
    int64_t updates;       /* so far */
    double scale;          /* of the loss's gradient in the next step; 1: none */
    int64_t skips;         /* steps so far that were not finite, where there is a scale */
    int64_t step;          /* its number */
    double seconds;        /* that the device took for it, once it came to it; 0: weft_train_opt.times is not set */
} weft_step_result;

/* Differentiates and plans network (copied) on ctx's device. UNSUPPORTED if an op on the way has no gradient. */
WEFT_API weft_status weft_trainer_create(weft_ctx *ctx, const weft_graph *network, const weft_train_opt *opt,
                                         weft_trainer **out);
WEFT_API void weft_trainer_destroy(weft_trainer *trainer);
/* Gives a trainer that was made with plan_only its parameters and memory: from then on it is as if made without,
 * planned once. After an error it can only be destroyed. INVALID if it has them. */
WEFT_API weft_status weft_trainer_begin(weft_trainer *trainer);
/* Parameters, statistics and what the optimiser keeps ("optimizer/<path>/momentum"); lent. */
WEFT_API weft_store *weft_trainer_store(weft_trainer *trainer);
/* The program of a step, for reports: its plan, memory and cost; lent. */
WEFT_API weft_model *weft_trainer_model(weft_trainer *trainer);
/* Forward, backward, update: parameters are changed when it returns. A step is made whole, or, where weft_ctx_cancel
 * has cancelled it, not begun; of several ranks the others then wait for this one, until their deadline. */
WEFT_API weft_status weft_trainer_step(weft_trainer *trainer, const weft_batch *batch, double lr,
                                       weft_step_result *out);
/* The same step, only queued where the device can do that: it returns when the batch has been taken, which may then be
 * changed, while steps before this one still run. What went wrong on the device is said by a later call. INVALID when
 * the results of WEFT_STEPS_AHEAD steps have not been read. The steps behind one that is not finite go on from what it
 * has left as it was. Reading the store, evaluating and saving wait for all steps. batch NULL: that of the step before
 * once more, which is not sent anew; so with weft_trainer_step, too. */
enum { WEFT_STEPS_AHEAD = 64 };
WEFT_API weft_status weft_trainer_submit(weft_trainer *trainer, const weft_batch *batch, double lr);
/* The results of submitted steps, the oldest first, each once: of all if `wait`, else of those that are known to be
 * done, some steps late. At most room; *count: how many. */
WEFT_API weft_status weft_trainer_results(weft_trainer *trainer, bool wait, weft_step_result *out, int room,
                                          int *count);
/* The number of the next step, from 0, which all randomness depends on: set when training is resumed. */
WEFT_API int64_t weft_trainer_position(const weft_trainer *trainer);
WEFT_API void weft_trainer_set_position(weft_trainer *trainer, int64_t step);

/* Of ranks: parameters, moments and all else of the store, and the number of the next step, become those of rank 0. */
WEFT_API weft_status weft_trainer_share(weft_trainer *trainer);

/* Of ranks whose batches are accumulated: what each has added up so far becomes the mean of all, so that all have the
 * same store: before it is saved in the midst of such batches. By all ranks at once; nothing where nothing is added up.
 */
WEFT_API weft_status weft_trainer_settle(weft_trainer *trainer);

/* How gradients pass between ranks: "by the processes", "by NCCL 2.28.3", or "through the host: " and why NCCL does not
 * take them, which costs time. "" of one rank, and before the trainer has memory. Lent. */
WEFT_API const char *weft_trainer_passage(const weft_trainer *trainer);

/* What becomes of each parameter of the network, in their order. */
typedef struct weft_trained_info {
    const char *name;
    weft_shape shape;
    bool trained;     /* else frozen, or a statistic */
    double lr, decay; /* factor of the learning rate; weight decay, 0 if it is left off */
} weft_trained_info;
WEFT_API int weft_trainer_param_count(const weft_trainer *trainer);
WEFT_API weft_status weft_trainer_param(const weft_trainer *trainer, int index, weft_trained_info *out);

/* The graph of one step, to make a store for several trainers from: weft_store_create of it and the network. */
WEFT_API weft_status weft_train_graph(weft_ctx *ctx, const weft_graph *network, const weft_train_opt *opt,
                                      weft_graph **out);

/* Copies the averages to all entries of a store of the network (weft_store_create) for a model that evaluates them;
 * what has no average (nothing has one without weft_train_opt.ema), and all before the first update, as it is. */
WEFT_API weft_status weft_trainer_average(weft_trainer *trainer, weft_store *to);

/* Measures the statistics of batch norms anew, for the parameters as they are: each becomes the mean of what the
 * batches have that are added. Moving ones lag behind parameters that still change, and averages of parameters have
 * none of their own (Wu and Johnson 2021, "Rethinking 'Batch' in BatchNorm", section 3). Batches pass forward as in
 * training: with the statistics of the batch, drops and all. */
typedef struct weft_norm_meter weft_norm_meter;
/* Of opt batch, freeze, seed, ranks and sync_norms count: frozen norms keep their statistics, and the means are those
 * over all ranks' batches, which are one batch with sync_norms. The store, which is used until the meter is destroyed,
 * has all that the network needs: NOT_FOUND. */
WEFT_API weft_status weft_norm_meter_create(weft_ctx *ctx, const weft_graph *network, const weft_train_opt *opt,
                                            weft_store *store, weft_norm_meter **out);
/* images: [N, H, W, C] */
WEFT_API weft_status weft_norm_meter_add(weft_norm_meter *meter, const float *images);
/* Writes the means to the store, once. NUMERIC if one is not finite. */
WEFT_API weft_status weft_norm_meter_finish(weft_norm_meter *meter);
/* Without weft_norm_meter_finish the statistics are again what they were. */
WEFT_API void weft_norm_meter_destroy(weft_norm_meter *meter);

/* Where the first number that is not finite stands: the last step (before weft_trainer_position), which had such, once
 * more with the same batch, changing nothing. NOT_FOUND if all are finite, as those of a rank may be where another's
 * are not. Names are lent by the trainer. */
typedef struct weft_trace {
    const char *what;   /* "parameter", "input", "output" */
    const char *name;   /* path of the parameter, of the input, of the node */
    const char *op;     /* of a node, else "" */
    int64_t step, index; /* element */
    double value;
} weft_trace;
WEFT_API weft_status weft_trainer_trace(weft_trainer *trainer, const weft_batch *batch, double lr, weft_trace *out);

#ifdef __cplusplus
}
#endif
#endif
