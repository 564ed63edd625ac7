/* SPDX-License-Identifier: Apache-2.0
 *
 * weft train: the command, its options, and the order of things. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/common.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/train.h"

/* ---- settings ---- */

/* The value of an option that is a key of recipes; NULL: it was not given, or is none. */
static const char *given(const train_args *args, const cli_option *o)
{
    if ((o->kind != CLI_TEXT && o->kind != CLI_FILE && o->kind != CLI_DIR) || train_key(o->name) < 0)
        return NULL;
    return *(const char *const *)(const void *)((const char *)args + o->offset);
}

/* --set 'KEY VALUE; KEY VALUE' */
static cli_exit read_sets(train_plan *plan, const char *text)
{
    char *const lines = cli_copy(text);
    for (char *at = lines; *at; at++)
        if (*at == ';')
            *at = '\n';
    const cli_exit code = train_plan_parse(plan, lines, "--set", "--set");
    free(lines);
    return code;
}

/* The recipe: the one named, that of a run, else the network's own where it has one. */
static cli_exit read_recipe(train_run *r, const char *network)
{
    const train_args *args = r->args;
    if (args->resume) {
        char *const path = cli_format_text("%s/settings.recipe", args->resume);
        const cli_exit code = train_plan_read(&r->plan, path, false);
        free(path);
        return code;
    }
    if (args->recipe)
        return train_plan_read(&r->plan, args->recipe, true);
    if (args->weights)
        return train_has_recipe("finetune") ? train_plan_read(&r->plan, "finetune", true) : CLI_OK;
    return network && !args->dialect && train_has_recipe(network) ? train_plan_read(&r->plan, network, true) : CLI_OK;
}

static cli_exit read_settings(train_run *r)
{
    const cli_call *call = r->call;
    const train_args *args = r->args;
    const char *const word = call->n_words ? call->words[0] : NULL;
    const weft_arch *named = word ? weft_arch_find(word, WEFT_DIALECT_DEFAULT) : NULL;
    if (args->resume && (args->recipe || word))
        return cli_error(CLI_USAGE, "train: a run that is resumed has its network and recipe: --resume stands alone, "
                         "with --epochs, --time and the like");
    CLI_TRY(train_plan_begin(&r->plan));
    CLI_TRY(read_recipe(r, named ? named->name : NULL));
    for (const cli_option *o = call->command->rows; o->name; o++) {
        const char *const value = given(args, o);
        char where[64];
        snprintf(where, sizeof where, "--%s", o->name);
        if (value)
            CLI_TRY(train_plan_set(&r->plan, o->name, value, where, NULL));
    }
    if (args->sets)
        CLI_TRY(read_sets(&r->plan, args->sets));
    r->set = &r->plan.set;
    if (word)
        CLI_TRY(train_plan_set(&r->plan, "network", word, "command line", "train"));
    if (!r->set->network)
        return cli_error(CLI_USAGE, "train: which network? 'weft train resnet18 --data DIR'; 'weft models' lists all");
    return train_check_units(r->set);
}

/* ---- the run ---- */

/* What must be the same when the run is resumed. */
static char *config_of(const train_run *r)
{
    char recipe[WEFT_RECIPE_TEXT];
    char *const keys = train_plan_text(&r->plan, false);
    char *const text = cli_format_text("%sbatch %lld\nimages %lld\nclasses %d\ninput-is %s\n", keys,
                                       (long long)r->batch,
                                       (long long)weft_trainset_count(r->data, WEFT_PART_TRAIN), r->classes,
                                       weft_recipe_text(&r->input, recipe, sizeof recipe));
    free(keys);
    return text;
}

static cli_exit write_settings(const train_run *r)
{
    char *const text = train_plan_text(&r->plan, true);
    const cli_exit code = train_write_file(r, "settings.recipe", text);
    free(text);
    CLI_TRY(code);
    return train_write_file(r, "environment.txt", r->environment);
}

static json_t *score_json(const train_score *score)
{
    json_t *object = json_object();
    const double images = score->images ? (double)score->images : 1;
    cli_set_count(object, "images", score->images);
    cli_set_real(object, "loss", score->loss);
    cli_set_real(object, "top1", 100 * (double)score->top1 / images);
    cli_set_real(object, "top5", 100 * (double)score->top5 / images);
    return object;
}

/* The set's test part, where validation was on another. */
static cli_exit test(train_run *r, train_score *score)
{
    weft_loader *loader;
    if (r->eval_part == WEFT_PART_TEST || weft_trainset_count(r->data, WEFT_PART_TEST) == 0)
        return CLI_OK;
    const weft_loader_opt opt = { .part = WEFT_PART_TEST, .batch = r->part, .rank = weft_ranks_rank(r->ranks),
                                  .ranks = weft_ranks_size(r->ranks), .recipe = &r->input, .in_order = true,
                                  .upright = r->set->upright, .workers = r->set->workers };
    CLI_TRY_LIBRARY(weft_loader_create(r->ctx, r->data, &opt, &loader));
    cli_exit code = train_settle(r, true);
    if (!code)
        code = train_evaluate(r, loader, score);
    weft_loader_destroy(loader);
    return code;
}

/* How much was passed between ranks, and what of the time for it did not count. */
static void print_ranks(const train_run *r)
{
    char text[32];
    const weft_ranks_stats stats = weft_ranks_get_stats(r->ranks, false);
    if (stats.passing <= 0)
        return;
    const double hidden = stats.waited < stats.passing ? 1 - stats.waited / stats.passing : 0;
    printf("passed     %s of gradients were sent by each rank; %.0f %% of the time that took, %.2f s, were hidden "
           "behind the backward pass\n", cli_bytes_text((double)stats.bytes, text), 100 * hidden, stats.passing);
}

static cli_exit print_result(train_run *r)
{
    train_score tested = { 0 };
    char text[32];
    const train_state *s = &r->state;
    const double seconds = s->elapsed + cli_now() - r->start;
    CLI_TRY(test(r, &tested));
    if (r->args->json) {
        json_t *root = cli_json_document();
        cli_set_text(root, "model", r->arch->name);
        cli_set_text(root, "run", r->folder);
        cli_set_count(root, "steps", s->step);
        cli_set_real(root, "epochs", (double)s->step / (double)r->steps_per_epoch);
        cli_set_real(root, "best_top1", 100 * s->best);
        cli_set_count(root, "best_epoch", s->best_epoch);
        cli_set_real(root, "seconds", seconds);
        cli_set_count(root, "ranks", weft_ranks_size(r->ranks));
        if (train_is_scaled(r) && r->scale > 0) {
            cli_set_real(root, "loss_scale", r->scale);
            cli_set_count(root, "steps_skipped", r->skips);
        }
        if (tested.images)
            json_object_set_new(root, "test", score_json(&tested));
        cli_json_print(root, stdout);
        json_decref(root);
        return CLI_OK;
    }
    print_ranks(r);
    printf("best       %.2f %% of the %s part right, in epoch %lld; %s in all\n", 100 * s->best,
           weft_part_name(r->eval_part), (long long)s->best_epoch, cli_duration_text(seconds, text));
    if (tested.images)
        printf("test       %.2f %% of %lld images right, with the last weights\n",
               100. * (double)tested.top1 / (double)tested.images, (long long)tested.images);
    char *const folder = cli_visible(train_is_first(r) ? r->folder : "");
    printf("written    %s/best.safetensors: weft classify %s/best.safetensors PHOTO\n", folder, folder);
    free(folder);
    return CLI_OK;
}

static cli_exit begin(train_run *r)
{
    if (r->args->resume)
        r->folder = cli_copy(r->args->resume);
    CLI_TRY(train_open(r));
    r->config = config_of(r);
    r->environment = train_environment(r);
    if (r->args->dry_run)
        return CLI_OK;
    if (train_is_first(r)) {
        CLI_TRY(r->args->resume ? train_open_folder(r) : train_make_folder(r));
        if (r->args->resume)
            CLI_TRY(train_restore(r));
    }
    CLI_TRY(train_share(r));
    return train_is_first(r) ? write_settings(r) : CLI_OK;
}

/* The CPUs of this machine are shared by its ranks, where the launcher has not given each some of its own. */
static int fair_threads(const train_run *r)
{
    cpu_set_t mine;
    const int mine_at_most = weft_ctx_threads(r->ctx), local = weft_ranks_local(r->ranks);
    const int all = (int)sysconf(_SC_NPROCESSORS_ONLN);
    const bool bound = sched_getaffinity(0, sizeof mine, &mine) == 0 && CPU_COUNT(&mine) < all;
    const int fair = (bound ? all : mine_at_most) / local;
    if (bound && mine_at_most < fair)
        cli_warn("the launcher lets each rank have %d CPU%s only, and there are %d for %d of them: mpirun's --bind-to "
                 "none gives each its share", mine_at_most, mine_at_most > 1 ? "s" : "", all, local);
    return fair < 1 ? 1 : fair < mine_at_most ? fair : mine_at_most;
}

/* Of several ranks each has the card of its place on its machine, unless one is named. */
static cli_exit name_card(const train_run *r, const char **device)
{
    static char name[16];
    int place;
    CLI_TRY(train_place(r, &place));
    snprintf(name, sizeof name, "cuda:%d", place);
    *device = name;
    return CLI_OK;
}

static cli_exit reopen(train_run *r, const weft_ctx_opt *opt)
{
    weft_ctx_destroy(r->ctx);
    r->ctx = NULL;
    return cli_open(opt, &r->ctx);
}

/* The device is the machine's matter, the precision one of the run's settings, which a resumed run keeps. */
static cli_exit open_device(train_run *r)
{
    weft_ctx_opt opt = r->args->ctx;
    const bool several = weft_ranks_size(r->ranks) > 1;
    opt.precision = (weft_precision)r->set->precision;
    opt.training = true;
    if (several && opt.device && strcmp(opt.device, "cuda") == 0)
        CLI_TRY(name_card(r, &opt.device));
    CLI_TRY(cli_open(&opt, &r->ctx));
    const bool found = several && strcmp(opt.device ? opt.device : "cpu", "auto") == 0;
    if (found && strncmp(weft_ctx_device(r->ctx), "cuda", 4) == 0)
        CLI_TRY(name_card(r, &opt.device));
    if (several && opt.threads == 0)
        opt.threads = fair_threads(r);
    if (opt.threads != r->args->ctx.threads || (found && strcmp(opt.device, "auto") != 0))
        CLI_TRY(reopen(r, &opt));
    const weft_precision has = weft_ctx_precision(r->ctx);
    if (opt.precision == WEFT_PRECISION_DEFAULT || opt.precision == has)
        return CLI_OK;
    return cli_error(CLI_USAGE, "precision %s: the device %s computes in %s", weft_precision_name(opt.precision),
                     weft_ctx_device(r->ctx), weft_precision_name(has));
}

static cli_exit run_training(train_run *r)
{
    CLI_TRY(cli_find_arch(r->set->network, r->set->dialect, &r->arch));
    CLI_TRY(train_join(r));
    CLI_TRY(open_device(r));
    CLI_TRY(train_open_data(r));
    CLI_TRY(train_compare(r));
    CLI_TRY(begin(r));
    train_print_header(r);
    if (r->args->dry_run)
        return CLI_OK;
    if (!r->resumed)
        CLI_TRY(train_save(r, false)); /* what the first step would lose */
    else
        fprintf(train_out(r), "resumed    at step %lld, epoch %lld\n", (long long)r->state.step,
                (long long)r->state.epochs_done + 1);
    CLI_TRY(train_loop(r));
    CLI_TRY(print_result(r));
    return r->save_failed ? cli_error(CLI_IO, "%s: the last files could not be written", r->folder) : CLI_OK;
}

static cli_exit run(const cli_call *call)
{
    const train_args *args = call->args;
    if (args->keys) {
        for (const cli_option *o = train_keys; o->name; o++)
            cli_print_row(stdout, "", o);
        return CLI_OK;
    }
    train_run r = { .call = call, .args = args, .lock = -1, .saved_step = -1, .start = cli_now() };
    cli_bar_open(&r.bar, args->progress);
    cli_exit code = read_settings(&r);
    if (!code)
        code = run_training(&r);
    if (r.lock >= 0)
        close(r.lock);
    train_close(&r);
    train_leave(&r, code);
    return code;
}

/* clang-format off */
#define KEY(field, name, arg, help) OPT_TEXT(train_args, field, 0, name, arg, NULL, NULL, help)
static const cli_option rows[] = {
    OPT_FILE(train_args, data, 0, "data", "DIR", NULL, "folder or pack of the data, or the name of a set that is found "
            "by itself; default: fashion-mnist for networks of grey images"),
    OPT_FILE(train_args, recipe, 0, "recipe", "FILE", NULL, "settings from a file, or from a recipe that is installed"),
    OPT_TEXT(train_args, sets, 0, "set", "KEYS", NULL, NULL, "more keys of recipes: 'warm-up 5; clip-norm 1'"),
    OPT_FILE(train_args, weights, 'w', "weights", "FILE", NULL,
             "begin with these weights; the classifier is new where the number of classes differs"),
    OPT_DIR(train_args, out, 'o', "out", "DIR", "folder of the run; default: runs/NETWORK-N"),
    OPT_DIR(train_args, resume, 0, "resume", "DIR", "go on with the run in this folder"),
    OPT_BOOL(train_args, dry_run, 0, "dry-run", "print what would be done, and end"),
    KEY(epochs, "epochs", "N", "passes through the data"),
    KEY(time, "time", "TIME", "how long the whole may take, 30min; the epochs become as many as fit"),
    KEY(patience, "patience", "EPOCHS", "end when validation has not got better for so long"),
    OPT_TEXT(train_args, batch, 'b', "batch", "N", NULL, NULL, "images in a step, or auto"),
    KEY(memory, "memory", "BYTES", "how much to use, 4GiB: --batch auto fills it, a given one is recomputed to fit"),
    KEY(optimizer, "optimizer", "NAME", "sgd, rmsprop, adam, adamw or lamb"),
    KEY(lr, "lr", "RATE", "learning rate"),
    KEY(schedule, "schedule", "NAME", "constant, step, exponential, cosine, polynomial, one-cycle or plateau"),
    KEY(decay, "decay", "D", "weight decay, not of biases and norms"),
    KEY(ema, "ema", "D", "decay of a moving average of the weights, which is then evaluated and written"),
    KEY(class_weights, "class-weights", "HOW", "none, balanced or root"),
    KEY(sampling, "sampling", "HOW", "all, oversample or balanced"),
    KEY(augment, "augment", "STEPS", "of training images: 'crop-pad 4, flip, erase .25', or none"),
    KEY(freeze, "freeze", "PATTERNS", "parameters that stay: 'stem/* stage1*', or body: all but the classifier"),
    KEY(layer_decay, "layer-decay", "F", "the rate falls by this factor from part to part, towards the input"),
    OPT_TEXT(train_args, dialect, 'D', "dialect", "NAME", NULL, "paper|keras|torch", "whose variant of the network"),
    KEY(px, "px", "N", "pixels of a side of the input"),
    KEY(val_split, "val-split", "SHARE", "of the training part, for validation"),
    KEY(fraction, "fraction", "SHARE", "of the training part that is used"),
    KEY(cache, "cache", "WHERE", "none, ram or disk: keeps decoded photographs"),
    KEY(workers, "workers", "N", "threads that make batches"),
    KEY(seed, "seed", "N", "of everything that is drawn"),
    KEY(checkpoint, "checkpoint", "TIME", "between checkpoints, 10min or 100steps"),
    OPT_BOOL(train_args, strict, 0, "strict-resume", "refuse to go on where the environment is another"),
    OPT_BOOL(train_args, keys, 0, "keys", "print the keys of recipes, and end"),
    ROW_DEVICE(train_args, ctx.device, "cpu", DEVICES_THAT_RUN,
               "what trains: cpu, cuda, cuda:1 or auto: cuda where there is one, else cpu"),
    ROW_THREADS(train_args, "threads that compute"),
    ROW_JSON(train_args),
    ROW_PROGRESS(train_args, progress, ""),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_train = {
    .name = "train",
    .takes = CLI_TAKES_MODEL,
    .min_words = 0,
    .max_words = 1,
    .synopsis = "[MODEL]",
    .brief = "train a network on labelled images",
    .description =
        "Trains a network of the registry on images with labels: a folder with a folder of photographs for each class, "
        "with parts called train, val and test or without, or the files of MNIST, Fashion-MNIST and CIFAR. It says "
        "first, in plain words, what it is about to do; --dry-run ends there.\n"
        "\n"
        "Settings come from the defaults, a recipe, and the command line, in this order. A recipe is a text file of "
        "lines 'key value'; the keys are those below, most of which have no option: --set takes any. Without --recipe, "
        "a network with a recipe of its own name has that one, and --weights that for fine-tuning.\n"
        "\n"
        "With --weights, a network that somebody trained learns other classes: its body is taken, and its classifier "
        "where the number of classes is the same. --freeze body trains the classifier alone; batch norms among frozen "
        "parameters use and keep their statistics, and no dropout is among them.\n"
        "\n"
        "The folder of the run has settings.recipe with the origin of each value, environment.txt, metrics.csv and "
        "metrics.jsonl, loss.svg, and of the best epoch classes.csv (precision, recall, F1), confusion.csv and "
        "confusion.svg. best.safetensors and last.safetensors go straight into weft classify, eval and convert, with "
        "the names of the classes and what is done to photographs.\n"
        "\n"
        "Interrupted by control-C, SIGTERM or SIGUSR1, it finishes the step, saves, and ends with 130, 143 or 75; a "
        "second signal ends it at once. --resume goes on to the same bits as if it had never ended, also after a kill, "
        "which loses the steps since the last checkpoint. A longer --epochs is taken from there on: the learning rate "
        "is that of a run of the new length, so constant, step and exponential schedules give what one long run gives, "
        "and cosine, polynomial and one-cycle go up again first. A number that is none ends it with 76: it names "
        "the op and tensor where the first one stands, and the last good checkpoint is kept. Where a checkpoint cannot "
        "be written, training goes on, and the exit code is 74 if the last one could not.\n"
        "\n"
        "Started by mpirun, several processes train one network: each takes its part of every batch (--batch is that "
        "of all together, and the learning rate is for that), and gradients become the means of all. Validation is "
        "shared; rank 0 alone prints and writes. Batch norms have the statistics of each rank's part, or, with the key "
        "sync-bn, of the whole batch. The bits are the same for the same number of ranks. Where a rank does "
        "not answer for as long as the key rank-timeout says, all others end with 75 and name it. With --device cuda "
        "each takes a card of its machine, and gradients pass between the cards by NCCL where all have it, else "
        "through the host.",
    .examples = "weft train fashion-cnn|the book's CNN on Fashion-MNIST, which is found by itself\n"
                "weft train --recipe fashion --time 3min|the best of three minutes\n"
                "weft train resnet18 --weights resnet18.pth --data flowers/ --freeze body|a classifier of one's own "
                "photographs\n"
                "weft train resnet50 --recipe resnet --data imagenet/ --dry-run|what it would take\n"
                "weft train --resume runs/resnet18-1 --epochs 40|go on, longer\n"
                "mpirun -n 4 weft train resnet18 --data flowers/ --batch 128|four processes, of 32 images each",
    .rows = rows,
    .keys = train_keys,
    .keys_title = "RECIPE KEYS",
    .args_size = sizeof(train_args),
    .run = run,
};
