/* SPDX-License-Identifier: Apache-2.0
 *
 * What weft train's files share: its arguments, and a training under way. */
#ifndef WEFT_CLI_TRAIN_H
#define WEFT_CLI_TRAIN_H

#include <jansson.h>

#include <weft/ranks.h>

#include "cli/bar.h"
#include "cli/command.h"
#include "cli/rows.h"
#include "cli/train_settings.h"

/* Options that are keys of recipes are kept as the user wrote them, and found by their names (train.c). */
typedef struct train_args {
    weft_ctx_opt ctx;
    const char *recipe, *sets, *out, *resume;
    const char *data, *weights, *dialect, *px, *epochs, *batch, *seed, *optimizer, *lr, *decay;
    const char *class_weights, *sampling, *freeze, *layer_decay, *schedule, *augment, *time, *checkpoint;
    const char *memory, *val_split, *fraction, *cache, *workers, *patience, *ema;
    cli_progress progress;
    bool dry_run, keys, strict, json;
} train_args;

/* Of one pass over validation images, and of the images of an epoch of training. */
typedef struct train_score {
    int64_t images, top1, top5;
    double loss; /* a mean */
    double seconds;
} train_score;

/* What a checkpoint keeps beside tensors and position. */
typedef struct train_state {
    int64_t step;        /* taken */
    int64_t epochs_done; /* whose end (validation, metrics) is done */
    double epochs;       /* of the whole run */
    bool timed;          /* epochs were set by --time */
    double elapsed;      /* seconds of training before this process */
    double best;         /* accuracy */
    int64_t best_epoch;  /* from 1; 0: none yet */
    double loss_sum;     /* of the present epoch, by image */
    int64_t hits, seen;
    double waited, between; /* of the loader, in this epoch */
    weft_plateau plateau;
} train_state;

typedef struct train_run {
    const cli_call *call;
    const train_args *args;
    train_plan plan;
    const train_settings *set;
    weft_ctx *ctx;

    /* What is trained, on what. */
    const weft_arch *arch;
    bool aux;
    weft_trainset *data;
    int classes;
    weft_part eval_part;
    weft_recipe input;
    float (*levels)[256];    /* [3] what bytes are to the network, where batches are bytes; NULL: floats */
    weft_graph *network, *inference;
    weft_ranks *ranks;       /* NULL: this process alone */
    int64_t batch, part;     /* images of a step, and this rank's share of them */
    int64_t steps_per_epoch, total_steps;
    weft_loader *loader, *eval_loader;
    weft_trainer *trainer;
    weft_store *settled;     /* of ema and norm-batches: what is evaluated and written; NULL: the trainer's */
    weft_model *model;       /* inference on it */
    weft_schedule schedule;
    char **frozen;           /* patterns */
    int n_frozen;
    weft_param_group *groups;
    int n_groups;
    float *class_weights;
    weft_loss_scale loss_scale;
    char *taken;             /* what of --weights was taken, a sentence */

    /* Where it stands. */
    train_state state;
    double scale;            /* of the loss, after the newest step whose result is known; 0: none is */
    int64_t skips;           /* steps so far that it was too large for */
    double start;            /* of this process */
    bool resumed, save_failed;
    bool in_step;            /* all ranks end here, of one mind */
    bool astray;             /* MPI was entered, and the others were not met */
    cli_bar bar;
    double saved_at;         /* clock of the newest checkpoint */
    int64_t saved_step;      /* -1: none */
    char *folder, *checkpoints; /* NULL with --dry-run */
    int lock;
    char *config, *environment;

    /* The newest evaluation. */
    int64_t *confusion;      /* [classes][classes]: true class, answered class */
    float *scores;           /* [batch][classes] */
} train_run;

/* ---- making it (train_open.c, train_options.c, train_batch.c, train_weights.c) ---- */
cli_exit train_open_data(train_run *r);
/* Everything else of a batch of r->batch. */
cli_exit train_open(train_run *r);
/* The network of a batch; not `training`: as it is evaluated, without the last softmax and auxiliary heads. */
weft_status train_build(const train_run *r, int px, int classes, int64_t batch, bool training, weft_graph **out);
/* The batch: as the settings say, or as many as memory has room for; with network, trainer and model, which are planned
 * and have no memory yet. */
cli_exit train_choose_batch(train_run *r);
/* Epochs of warm-up of a run of this length. */
double train_warm_up(const train_run *r);
/* The training graph's options; they point into r. */
weft_train_opt train_options(const train_run *r);
void train_close(train_run *r);
cli_exit train_read_freeze(train_run *r);
cli_exit train_read_groups(train_run *r);
cli_exit train_read_loss_scale(train_run *r);
bool train_is_scaled(const train_run *r);
/* Takes what fits of set->weights into the trainer's store. */
cli_exit train_take_weights(train_run *r);
/* The weights as inference has them, as a file for classify, eval and convert. */
cli_exit train_export(train_run *r, const char *name);

/* ---- several ranks (train_ranks.c) ---- */

/* Joins the processes that a launcher has started with this one, if it has. From then on rank 0 alone prints, and
 * writes files. */
cli_exit train_join(train_run *r);
bool train_is_first(const train_run *r);
/* Ends unless all ranks have the same settings and data. */
cli_exit train_compare(const train_run *r);
/* Ranks on this machine before this one. */
cli_exit train_place(const train_run *r, int *place);
/* All ranks stand where rank 0 does. */
cli_exit train_share(train_run *r);
/* What ranks decide together after a step. */
typedef struct train_word {
    int signal;        /* that was caught: the largest of all ranks */
    bool late, timed;  /* by rank 0's clock */
    double epochs;     /* likewise */
} train_word;
cli_exit train_confer(const train_run *r, train_word *word);
/* Scores of parts of the images, and r->confusion, become those of all. */
cli_exit train_add_scores(train_run *r, train_score *score);
/* The least of all ranks. */
cli_exit train_least(const train_run *r, int64_t *value);
/* Sees to it that the others do not wait; where the run has failed it does not return. */
void train_leave(train_run *r, cli_exit code);

/* ---- saying it (train_header.c) ---- */
/* Where what is no result goes. */
FILE *train_out(const train_run *r);
void train_print_header(const train_run *r);
/* ", scale 65536, 1 step skipped", "" where the loss has no scale; text. */
const char *train_scale_text(const train_run *r, char *text, size_t size);
/* The bar: of this epoch so far, images / time, seconds to come of the whole, share of waiting. */
void train_show(train_run *r, const train_score *so_far, double rate, double to_come, double waiting);

/* ---- the run's folder (train_folder.c, train_plot.c) ---- */
cli_exit train_make_folder(train_run *r);
cli_exit train_open_folder(train_run *r);
cli_exit train_write_file(const train_run *r, const char *name, const char *text);
/* Adds a line of an epoch to metrics.csv and metrics.jsonl and draws loss.svg. */
void train_log_epoch(const train_run *r, const train_score *train, const train_score *valid, double rate);
/* Takes lines behind the newest step out: of a run that was killed after its last checkpoint. */
void train_trim_metrics(const train_run *r);
void train_draw_losses(const train_run *r);
/* Precision, recall, F1 of each class, and the pairs, of the newest evaluation. */
void train_write_classes(const train_run *r);
char *train_environment(const train_run *r);

/* ---- doing it (train_eval.c, train_state.c, train_loop.c) ---- */
/* What is evaluated becomes what has been trained, or its averages; at the end with statistics measured anew. */
cli_exit train_settle(train_run *r, bool at_end);
cli_exit train_evaluate(train_run *r, weft_loader *loader, train_score *out);
/* Saves; a disk that is full is told and remembered. */
cli_exit train_save(train_run *r, bool best);
cli_exit train_restore(train_run *r);
cli_exit train_loop(train_run *r);

#endif
