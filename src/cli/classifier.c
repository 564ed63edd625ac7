/* SPDX-License-Identifier: Apache-2.0
 *
 * A classifier as the command line describes it. */
#include "cli/classifier.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/common.h"
#include "cli/text.h"

/* A name with a '/' or '.' that no network has is a file's; so is any other name that a file has and no network. */
static bool names_a_file(const char *word)
{
    return !weft_arch_find(word, WEFT_DIALECT_DEFAULT) && (strpbrk(word, "/.") || access(word, F_OK) == 0);
}

static cli_exit without_weights(const cli_call *call, const char *name)
{
    return cli_error(CLI_USAGE,
                     "%s: no weights for %s: give a file of torchvision, timm or Keras by --weights FILE (safetensors, "
                     ".pth, .h5, .weights.h5, .keras, .npz); weft downloads nothing. --seed N runs on random weights",
                     call->command->name, name);
}

/* The words of the recipe's options, one behind the other; NULL: none. The caller frees them. */
static char *recipe_words(const cli_classifier_args *args)
{
    const struct {
        const char *key, *value;
    } words[] = {
        { "px", args->px },     { "crop", args->crop }, { "interpolation", args->interpolation },
        { "mean", args->mean }, { "std", args->std },
    };
    char *text = args->recipe ? cli_copy(args->recipe) : NULL;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!words[i].value)
            continue;
        char *const longer = cli_format_text("%s %s=%s", text ? text : "", words[i].key, words[i].value);
        free(text);
        text = longer;
    }
    return text;
}

cli_exit cli_open_classifier(const cli_call *call, int64_t batch, bool as_stored, weft_ctx **ctx, weft_classifier **out)
{
    const cli_classifier_args *args = call->args;
    const char *const word = call->words[0];
    const bool is_file = names_a_file(word);
    const weft_arch *arch = NULL;
    if (is_file && args->weights)
        return cli_error(CLI_USAGE, "%s: '%s' is no network's name, and --weights is given too; 'weft models' lists "
                         "all", call->command->name, word);
    if (!is_file)
        CLI_TRY(cli_find_arch(word, args->dialect, &arch));
    if (!is_file && !args->weights && !args->seed)
        return without_weights(call, arch->name);
    if (args->seed && (is_file || args->weights))
        return cli_error(CLI_USAGE, "%s: --seed is for networks without weights", call->command->name);
    CLI_TRY(cli_open(&args->ctx, ctx));
    char *const words = recipe_words(args);
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
    const weft_status status = args->seed ? weft_classifier_create(*ctx, NULL, &opt, out)
                                          : weft_classifier_open(*ctx, is_file ? word : args->weights, &opt, out);
    free(words);
    if (status) {
        /* A weight file that does not name its network is no wrong option. */
        const cli_exit code =
            status == WEFT_INVALID && is_file ? cli_error(CLI_DATA, "%s", weft_error()) : cli_library_error(status);
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
