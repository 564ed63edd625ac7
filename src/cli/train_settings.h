/* SPDX-License-Identifier: Apache-2.0
 *
 * What a training is made by: the keys of recipe files, each a row of one table, and where each value came from. */
#ifndef WEFT_CLI_TRAIN_SETTINGS_H
#define WEFT_CLI_TRAIN_SETTINGS_H

#include "cli/option.h"

/* The settings as the table's rows fill them; texts are lent. Choices are indices into the row's values; "no|yes" are
 * 0 and 1. */
typedef struct train_settings {
    const char *network, *data, *weights;
    weft_dialect dialect;
    int px, precision, upright, normalise, aux;
    const char *input, *batch;
    double epochs;
    int64_t seed;
    int optimizer, nesterov, decay_all, mean_square_from_zero;
    double lr, momentum, decay, rho, beta1, beta2, epsilon;
    int loss, class_weights, sampling;
    double smoothing, rbf_j, aux_weight;
    const char *loss_scale; /* NULL: by the precision */
    double clip_norm, clip_value, ema, norm_momentum, layer_decay;
    int accumulate, ema_warm_up, norm_batches, sync_bn;
    const char *freeze, *groups;
    int schedule, staircase, linear, rise_from_one;
    double factor, every, final_lr, power, rise, start_divisor, final_divisor, warm_up, warm_up_from;
    const char *milestones;
    int plateau_patience;
    const char *augment, *time, *checkpoint, *bad_images, *memory;
    double val_split, fraction;
    int decode, cache, workers, patience, keep, recompute;
    double rank_timeout;
} train_settings;

enum { TRAIN_LOSS_CROSS_ENTROPY, TRAIN_LOSS_BCE, TRAIN_LOSS_RBF };
enum { TRAIN_SCHEDULE_PLATEAU = 6 }; /* behind those of weft_schedule_kind */
enum { TRAIN_NORMALISE_RECIPE, TRAIN_NORMALISE_DATA };
enum { TRAIN_WEIGHTS_NONE, TRAIN_WEIGHTS_BALANCED, TRAIN_WEIGHTS_ROOT };
enum { TRAIN_AUX_AUTO, TRAIN_AUX_NO, TRAIN_AUX_YES };

extern const cli_option train_keys[];
enum { TRAIN_KEYS = 80 }; /* at most */

/* Settings, and the values as they were written. */
typedef struct train_plan {
    train_settings set;
    const char *value[TRAIN_KEYS];  /* of each row; NULL: its default */
    const char *origin[TRAIN_KEYS]; /* "--lr", "recipe fashion"; NULL: "default" */
    char **owned; /* texts that the values are in */
    int n_owned;
} train_plan;

/* All keys at their defaults. */
cli_exit train_plan_begin(train_plan *plan);
void train_plan_release(train_plan *plan);
/* Sets a key; the texts are copied. where begins the sentence of a failure, "fashion.recipe: line 3"; NULL: it is the
 * option of the key's name. */
cli_exit train_plan_set(train_plan *plan, const char *key, const char *value, const char *origin, const char *where);
/* Lines "key value" of a text; name is the file's. origin NULL: each line's comment says it, as in a run's settings. */
cli_exit train_plan_parse(train_plan *plan, const char *text, const char *name, const char *origin);
/* The same of a file, or of a recipe of that name where recipes are installed; named: which is the origin. */
cli_exit train_plan_read(train_plan *plan, const char *recipe, bool named);
/* Whether there is a recipe of that name. */
bool train_has_recipe(const char *name);
/* The row of a key; -1: none. */
int train_key(const char *name);
/* The value of a row as text, its default if it was not set. */
const char *train_value(const train_plan *plan, int row);
/* Lines of a recipe that gives these settings: of the keys that change what comes out, or all, with their origin. */
char *train_plan_text(const train_plan *plan, bool all);

/* "90", "30s", "10min", "1.5h" to seconds; prints what is wrong. */
cli_exit train_seconds(const char *key, const char *text, double *out);
/* "300M", "4GiB" to bytes. */
cli_exit train_bytes(const char *key, const char *text, double *out);
/* How often there is a checkpoint: "500steps" to steps, anything else to seconds; the other is 0. */
cli_exit train_interval(const char *text, int64_t *steps, double *seconds);
/* Prints which time or size is none, before anything is done that would need it. */
cli_exit train_check_units(const train_settings *set);

#endif
