/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of the library's trainer, and the networks that are trained and evaluated, from settings. */
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/train.h"

static const double MOST_SCALE = 16777216;

cli_exit train_read_loss_scale(train_run *r)
{
    static const struct {
        const char *name;
        weft_scaling kind;
    } words[] = { { "auto", WEFT_SCALING_DYNAMIC }, { "none", WEFT_SCALING_NONE } };
    const char *const text = r->set->loss_scale;
    char *end;
    r->loss_scale = (weft_loss_scale){ 0 };
    if (!text)
        return CLI_OK;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i].name) == 0) {
            r->loss_scale.kind = words[i].kind;
            return CLI_OK;
        }
    const double factor = strtod(text, &end);
    if (end == text || *end || !(factor > 0 && factor <= MOST_SCALE))
        return cli_error(CLI_USAGE, "loss-scale: '%s' is neither auto nor none nor a number above 0, up to 2^24", text);
    r->loss_scale = (weft_loss_scale){ .kind = WEFT_SCALING_FIXED, .factor = factor };
    return CLI_OK;
}

bool train_is_scaled(const train_run *r)
{
    const weft_scaling kind = r->loss_scale.kind;
    return kind == WEFT_SCALING_AUTO ? weft_ctx_precision(r->ctx) == WEFT_PRECISION_FP16 : kind != WEFT_SCALING_NONE;
}

weft_train_opt train_options(const train_run *r)
{
    static const weft_loss losses[] = { WEFT_LOSS_CROSS_ENTROPY, WEFT_LOSS_BCE, WEFT_LOSS_RBF };
    const train_settings *set = r->set;
    return (weft_train_opt){
        .batch = r->part,
        .loss = losses[set->loss],
        .rbf_j = set->rbf_j,
        .smoothing = set->smoothing,
        .class_weights = r->class_weights,
        .aux_weight = set->aux_weight,
        .targets = weft_augment_needs_targets(set->augment),
        .levels = r->levels ? r->levels[0] : NULL,
        .optimizer = { .kind = (weft_optimizer_kind)set->optimizer,
                       .momentum = set->momentum,
                       .nesterov = set->nesterov && set->optimizer == WEFT_SGD,
                       .decay = set->decay,
                       .decay_all = set->decay_all,
                       .rho = set->rho,
                       .mean_square_from_zero = set->mean_square_from_zero,
                       .beta1 = set->beta1,
                       .beta2 = set->beta2,
                       .epsilon = set->epsilon },
        .freeze = (const char *const *)r->frozen,
        .freeze_count = r->n_frozen,
        .groups = r->groups,
        .group_count = r->n_groups,
        .layer_decay = set->layer_decay,
        .clip_norm = set->clip_norm,
        .clip_value = set->clip_value,
        .loss_scale = r->loss_scale,
        .accumulate = set->accumulate,
        .ema = set->ema,
        .ema_no_warm_up = !set->ema_warm_up,
        .norm_momentum = set->norm_momentum,
        .seed = (uint64_t)set->seed,
        .ranks = r->ranks,
        .sync_norms = set->sync_bn,
    };
}

weft_status train_build(const train_run *r, int px, int classes, int64_t batch, bool training, weft_graph **out)
{
    const weft_arch_opt opt = { .dialect = r->arch->dialect, .batch = batch, .px = px, .classes = classes,
                                .no_softmax = !training, .aux = training && r->aux };
    return weft_arch_build(r->ctx, r->arch->name, &opt, out);
}
