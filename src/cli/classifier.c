/* SPDX-License-Identifier: Apache-2.0
 *
 * A classifier as the command line describes it. */
#include "cli/classifier.h"

#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/subject.h"
#include "cli/text.h"

static cli_exit without_weights(const cli_call *call, const weft_arch *arch)
{
    const weft_arch_file *const file = weft_arch_file_get(arch, 0);
    return cli_error(CLI_USAGE,
                     "%s: no weights for %s: give a file of torchvision, timm or Keras by --weights FILE (safetensors, "
                     ".pth, .h5, .weights.h5, .keras, .npz); weft downloads nothing%s%s. --seed N runs on random "
                     "weights",
                     call->command->name, arch->name, file ? "; published are " : "", file ? file->address : "");
}

/* A file of anybody's, and of a checkpoint the dictionary that was asked for. */
static weft_status open_file(weft_ctx *ctx, const char *path, const char *key, const weft_classifier_opt *opt,
                             weft_classifier **out)
{
    const weft_import_opt import = { .read = { .key = key }, .arch = opt->arch, .dialect = opt->dialect };
    weft_weights *weights = NULL;
    weft_imported found;
    const weft_status read = weft_weights_import(ctx, path, &import, &found, &weights);
    weft_map_report_destroy(ctx, found.report);
    if (read)
        return read;
    cli_tell_import(path, weights, &found);
    const weft_status status = weft_classifier_create(ctx, weights, opt, out);
    weft_weights_destroy(weights);
    return status;
}

/* Prints why there is no classifier of the file, or of random weights for NULL. */
static cli_exit fail(weft_status status, const char *path, bool names_network)
{
    /* A weight file that does not name its network is no wrong option. */
    const cli_exit code = status == WEFT_INVALID && path && !names_network ? CLI_DATA : cli_exit_of(status);
    if (!path || strstr(weft_error(), path))
        return cli_error(code, "%s", weft_error());
    return cli_error(code, "%s: %s", path, weft_error());
}

cli_exit cli_open_classifier(const cli_call *call, int64_t batch, bool as_stored, weft_ctx **ctx, weft_classifier **out)
{
    const cli_classifier_args *args = call->args;
    const char *const word = call->words[0];
    const bool is_file = cli_names_a_file(word);
    const weft_arch *arch = NULL;
    if (is_file && args->weights)
        return cli_error(CLI_USAGE, "%s: '%s' is no network's name, and --weights is given too; 'weft models' lists "
                         "all", call->command->name, word);
    if (!is_file)
        CLI_TRY(cli_find_arch(word, args->dialect, &arch));
    if (!is_file && !args->weights && !args->seed)
        return without_weights(call, arch);
    if (args->seed && (is_file || args->weights))
        return cli_error(CLI_USAGE, "%s: --seed is for networks without weights", call->command->name);
    if (args->seed && args->key)
        return cli_error(CLI_USAGE, "%s: --key is of a weight file, and --seed has none", call->command->name);
    CLI_TRY(cli_open(&args->ctx, ctx));
    char *const words = cli_recipe_words(&args->recipe);
    const weft_classifier_opt opt = {
        .arch = arch ? arch->name : NULL,
        .dialect = args->dialect,
        .batch = batch,
        .recipe_words = words,
        .classes = args->classes,
        .activation = args->activation,
        .as_stored = as_stored,
        .random = args->seed != 0,
        .seed = (uint64_t)args->seed,
    };
    const char *const path = args->seed ? NULL : is_file ? word : args->weights;
    const weft_status status = path ? open_file(*ctx, path, args->key, &opt, out)
                                    : weft_classifier_create(*ctx, NULL, &opt, out);
    free(words);
    if (status) {
        const cli_exit code = fail(status, path, !is_file);
        weft_ctx_destroy(*ctx);
        return code;
    }
    if (args->seed)
        cli_warn("RANDOM WEIGHTS (--seed %lld): the answers mean nothing", (long long)args->seed);
    return CLI_OK;
}

void cli_describe_classifier(const cli_call *call, const weft_classifier *classifier, json_t *object)
{
    const cli_classifier_args *args = call->args;
    const weft_arch *arch = weft_classifier_arch(classifier);
    char recipe[WEFT_RECIPE_TEXT];
    cli_set_text(object, "model", arch->name);
    cli_set_text(object, "dialect", weft_dialect_name(arch->dialect));
    cli_set_count(object, "classes", weft_classifier_classes(classifier));
    cli_set_text(object, "recipe", weft_recipe_text(weft_classifier_recipe(classifier), recipe, sizeof recipe));
    cli_set_text(object, "activation", weft_readout_name(weft_classifier_readout(classifier)));
    if (args->seed)
        cli_set_count(object, "random_seed", args->seed);
    else
        cli_set_text(object, "weights", args->weights ? args->weights : call->words[0]);
}

const char *cli_label_text(const weft_label *label, int index, char buf[32])
{
    if (label && *label->name)
        return label->name;
    if (label && *label->id)
        return label->id;
    snprintf(buf, 32, "class %d", index);
    return buf;
}

void cli_warn_left_out(const weft_dataset *set)
{
    const weft_left_out *left;
    for (int i = 0; (left = weft_dataset_left_out(set, i)) != NULL; i++)
        cli_warn("not looked at: %lld %s (%s)", (long long)left->count, left->kind, left->first);
}
