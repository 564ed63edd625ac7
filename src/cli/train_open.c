/* SPDX-License-Identifier: Apache-2.0
 *
 * From settings to a training: the data, the network for its classes and images, loaders, trainer, and the model that
 * evaluates. */
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/text.h"
#include "cli/train.h"

enum { MEASURED = 20000 };

/* ---- data ---- */

static weft_status open_set(train_run *r, double val_split)
{
    const weft_trainset_opt opt = { .val_split = val_split, .fraction = r->set->fraction < 1 ? r->set->fraction : 0,
                                    .seed = (uint64_t)r->set->seed };
    return weft_trainset_open(r->ctx, r->set->data, &opt, &r->data);
}

/* The book's networks take the set that is installed for them. */
static cli_exit need_data(train_run *r)
{
    if (r->set->data)
        return CLI_OK;
    if (r->arch->channels != 1)
        return cli_error(CLI_USAGE, "train: --data DIR is missing: a folder with a folder of photographs for each "
                         "class, or the name of a set, such as fashion-mnist or cifar10");
    return train_plan_set(&r->plan, "data", "fashion-mnist", "the network's", "train");
}

cli_exit train_open_data(train_run *r)
{
    CLI_TRY(need_data(r));
    CLI_TRY_LIBRARY(open_set(r, r->set->val_split));
    const bool none = weft_trainset_count(r->data, WEFT_PART_VAL) == 0 &&
                      weft_trainset_count(r->data, WEFT_PART_TEST) == 0;
    if (none && r->set->val_split == 0) {
        weft_trainset_destroy(r->data);
        r->data = NULL;
        CLI_TRY(train_plan_set(&r->plan, "val-split", "0.1", "the data have no validation part", "train"));
        CLI_TRY_LIBRARY(open_set(r, r->set->val_split));
    }
    r->eval_part = weft_trainset_count(r->data, WEFT_PART_VAL) ? WEFT_PART_VAL : WEFT_PART_TEST;
    r->classes = weft_trainset_classes(r->data);
    if (r->classes < 2)
        return cli_error(CLI_DATA, "%s: has %d class, and there is nothing to learn of less than two",
                         weft_trainset_path(r->data), r->classes);
    const weft_left_out *left;
    for (int i = 0; (left = weft_trainset_left_out(r->data, i)) != NULL; i++)
        cli_warn("not looked at: %lld %s (%s)", (long long)left->count, left->kind, left->first);
    return CLI_OK;
}

/* ---- the input ---- */

/* Small images are taken as they are where the network can be built so. */
static int native_px(const train_run *r)
{
    const weft_native_size size = weft_trainset_native(r->data);
    weft_graph *graph = NULL;
    if (size.width <= 0 || size.width != size.height || size.width >= r->arch->px || r->set->weights)
        return 0;
    const bool fits = train_build(r, size.width, r->classes, 1, true, &graph) == WEFT_OK;
    weft_graph_destroy(graph);
    return fits ? size.width : 0;
}

/* The recipe that --weights come with, if they do. */
static cli_exit recipe_of_weights(train_run *r, weft_recipe *recipe)
{
    weft_weights *weights = NULL;
    if (!r->set->weights)
        return CLI_OK;
    const weft_import_opt opt = { .arch = r->arch->name, .dialect = r->arch->dialect, .map = { .lenient = true } };
    CLI_TRY_LIBRARY(weft_weights_import(r->ctx, r->set->weights, &opt, NULL, &weights));
    const char *const own = weft_weights_meta_find(weights, "weft.recipe");
    weft_status status = own ? weft_recipe_parse(own, recipe) : WEFT_OK;
    if (!status)
        status = weft_recipe_fits(recipe, r->arch);
    weft_weights_destroy(weights);
    return status ? cli_error(cli_exit_of(status), "%s: %s", r->set->weights, weft_error()) : CLI_OK;
}

static cli_exit choose_input(train_run *r)
{
    const train_settings *set = r->set;
    const weft_native_size size = weft_trainset_native(r->data);
    weft_recipe recipe = weft_arch_recipe(r->arch, 0);
    CLI_TRY(recipe_of_weights(r, &recipe));
    const int px = set->px ? set->px : native_px(r);
    char word[32];
    snprintf(word, sizeof word, "px=%d", px);
    if (px)
        CLI_TRY_LIBRARY(weft_recipe_change(word, &recipe));
    if (size.width > 0 && size.width == size.height && size.width <= recipe.px)
        CLI_TRY_LIBRARY(weft_recipe_change("fit=squash", &recipe)); /* all of a small picture */
    if (set->input)
        CLI_TRY_LIBRARY(weft_recipe_change(set->input, &recipe));
    if (set->normalise == TRAIN_NORMALISE_DATA) {
        recipe.preprocess = WEFT_PREPROCESS_UNIT;
        CLI_TRY_LIBRARY(weft_trainset_measure(r->ctx, r->data, &recipe, MEASURED, recipe.mean, recipe.std));
    }
    r->input = recipe;
    return CLI_OK;
}

/* ---- loaders ---- */

static void on_bad(void *user, const char *reason)
{
    cli_bar_clear(&((const train_run *)user)->bar);
    cli_warn("left out: %s", reason);
}

/* Bytes, where they have a way to go and the augmentation leaves them bytes. */
static void choose_levels(train_run *r)
{
    const char *augment = strcmp(r->set->augment, "none") == 0 ? NULL : r->set->augment;
    if (strncmp(weft_ctx_device(r->ctx), "cpu", 3) == 0 || !weft_augment_keeps_bytes(augment))
        return;
    r->levels = cli_alloc(3, sizeof *r->levels);
    weft_recipe_levels(&r->input, r->levels);
}

static cli_exit open_loaders(train_run *r)
{
    const train_settings *set = r->set;
    weft_loader_opt opt = { .part = WEFT_PART_TRAIN,
                            .batch = r->part,
                            .rank = weft_ranks_rank(r->ranks),
                            .ranks = weft_ranks_size(r->ranks),
                            .recipe = &r->input,
                            .upright = set->upright,
                            .augment = strcmp(set->augment, "none") == 0 ? NULL : set->augment,
                            .sampling = (weft_sampling)set->sampling,
                            .smoothing = set->smoothing,
                            .bytes = r->levels != NULL,
                            .seed = (uint64_t)set->seed,
                            .workers = set->workers,
                            .exact = set->decode,
                            .cache = (weft_cache)set->cache,
                            .cache_folder = "weft-cache",
                            .bad = on_bad,
                            .user = r };
    CLI_TRY(cli_bad_limit("bad-images", set->bad_images, &opt.bad_limit));
    CLI_TRY_LIBRARY(weft_loader_create(r->ctx, r->data, &opt, &r->loader));
    opt.part = r->eval_part;
    opt.in_order = true;
    opt.augment = NULL;
    opt.sampling = WEFT_SAMPLING_ALL;
    CLI_TRY_LIBRARY(weft_loader_create(r->ctx, r->data, &opt, &r->eval_loader));
    r->steps_per_epoch = weft_loader_steps(r->loader);
    return CLI_OK;
}

/* ---- the trainer ---- */

static cli_exit weigh_classes(train_run *r)
{
    if (r->set->class_weights == TRAIN_WEIGHTS_NONE)
        return CLI_OK;
    r->class_weights = cli_alloc((size_t)r->classes, sizeof *r->class_weights);
    CLI_TRY_LIBRARY(weft_trainset_weights(r->data, r->set->class_weights == TRAIN_WEIGHTS_ROOT ? .5 : 1,
                                          r->class_weights));
    return CLI_OK;
}

static cli_exit read_milestones(const char *text, weft_schedule *out)
{
    int count = 0;
    for (const char *at = text; at && *at; count++) {
        char *end;
        const double epoch = strtod(at, &end);
        if (end == at || (*end && *end != ',') || epoch <= 0 || count == WEFT_SCHEDULE_MILESTONES)
            return cli_error(CLI_USAGE, "milestones: '%s' is not at most %d epochs, '30,60,80'", text,
                             WEFT_SCHEDULE_MILESTONES);
        out->milestones[count] = epoch;
        at = end + (*end == ',');
    }
    return CLI_OK;
}

double train_warm_up(const train_run *r)
{
    return r->set->warm_up < r->state.epochs / 4 ? r->set->warm_up : r->state.epochs / 4;
}

static cli_exit make_schedule(train_run *r)
{
    const train_settings *set = r->set;
    const bool plateau = set->schedule == TRAIN_SCHEDULE_PLATEAU;
    r->schedule = (weft_schedule){ .kind = plateau ? WEFT_SCHEDULE_CONSTANT : (weft_schedule_kind)set->schedule,
                                   .rate = set->lr,
                                   .epochs = r->state.epochs,
                                   .steps_per_epoch = r->steps_per_epoch,
                                   .factor = set->factor,
                                   .every = set->every,
                                   .staircase = set->staircase,
                                   .final_rate = set->final_lr,
                                   .power = set->power,
                                   .rise = set->rise,
                                   .start_divisor = set->start_divisor,
                                   .final_divisor = set->final_divisor,
                                   .linear = set->linear,
                                   .warm_up = train_warm_up(r),
                                   .warm_up_from = set->warm_up_from };
    CLI_TRY(read_milestones(set->milestones, &r->schedule));
    CLI_TRY_LIBRARY(weft_schedule_check(&r->schedule));
    r->state.plateau = (weft_plateau){ .factor = set->factor, .patience = set->plateau_patience };
    return CLI_OK;
}

/* Memory for what is planned; a dry run goes without. */
static cli_exit begin(train_run *r)
{
    const weft_graph *const graphs[] = { r->inference };
    if (r->args->dry_run)
        return CLI_OK;
    CLI_TRY_LIBRARY(weft_trainer_begin(r->trainer));
    if (r->set->ema > 0 || r->set->norm_batches > 0)
        CLI_TRY_LIBRARY(weft_store_create(r->ctx, graphs, 1, &r->settled));
    CLI_TRY_LIBRARY(weft_model_begin(r->model, r->settled ? r->settled : weft_trainer_store(r->trainer)));
    r->confusion = cli_alloc((size_t)r->classes * (size_t)r->classes, sizeof *r->confusion);
    r->scores = cli_alloc((size_t)r->part * (size_t)r->classes, sizeof *r->scores);
    return CLI_OK;
}

/* What decides the network: the input, which heads, which parameters stay. */
static cli_exit decide(train_run *r)
{
    const train_settings *set = r->set;
    r->aux = r->arch->params_aux > 0 && (set->aux == TRAIN_AUX_YES || (set->aux == TRAIN_AUX_AUTO && !set->weights));
    if (set->clip_norm > 0 && set->clip_value > 0)
        return cli_error(CLI_USAGE, "train: clip-norm and clip-value are two ways of one thing: give one");
    CLI_TRY(choose_input(r));
    choose_levels(r);
    CLI_TRY(train_read_freeze(r));
    CLI_TRY(train_read_groups(r));
    CLI_TRY(train_read_loss_scale(r));
    return weigh_classes(r);
}

cli_exit train_open(train_run *r)
{
    CLI_TRY(decide(r));
    CLI_TRY(train_choose_batch(r));
    CLI_TRY(open_loaders(r));
    r->state.epochs = r->set->epochs;
    CLI_TRY(make_schedule(r));
    CLI_TRY(begin(r));
    return r->args->resume ? CLI_OK : train_take_weights(r);
}

void train_close(train_run *r)
{
    weft_model_destroy(r->model);
    weft_store_destroy(r->settled);
    weft_loader_destroy(r->loader);
    weft_loader_destroy(r->eval_loader);
    weft_trainer_destroy(r->trainer);
    weft_graph_destroy(r->network);
    weft_graph_destroy(r->inference);
    weft_trainset_destroy(r->data);
    weft_ctx_destroy(r->ctx);
    for (int i = 0; i < r->n_frozen; i++)
        free(r->frozen[i]);
    for (int i = 0; i < r->n_groups; i++)
        free((void *)(uintptr_t)r->groups[i].pattern);
    free(r->frozen);
    free(r->groups);
    free(r->class_weights);
    free(r->levels);
    free(r->taken);
    free(r->folder);
    free(r->checkpoints);
    free(r->config);
    free(r->environment);
    free(r->confusion);
    free(r->scores);
    train_plan_release(&r->plan);
}
