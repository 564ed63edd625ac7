/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights that a training begins with, and those that it writes. Of a file of another number of classes the body is
 * taken and the classifier is new: which parameters belong to it is found by building the network for one class more
 * and looking which shapes change. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/text.h"
#include "cli/train.h"

static bool shape_of(const weft_graph *graph, const char *name, weft_shape *out)
{
    weft_param_info info;
    for (int i = 0; weft_graph_param(graph, i, &info) == WEFT_OK; i++)
        if (strcmp(info.name, name) == 0) {
            *out = info.shape;
            return true;
        }
    return false;
}

typedef struct twins {
    weft_graph *ours, *wider; /* for the data's classes, and one more */
} twins;

static cli_exit build_twins(const train_run *r, twins *t)
{
    weft_arch_opt opt = { .dialect = r->arch->dialect, .px = r->input.px, .classes = r->classes, .aux = r->aux };
    CLI_TRY_LIBRARY(weft_arch_build(r->ctx, r->arch->name, &opt, &t->ours));
    opt.classes++;
    CLI_TRY_LIBRARY(weft_arch_build(r->ctx, r->arch->name, &opt, &t->wider));
    return CLI_OK;
}

static void destroy_twins(twins *t)
{
    weft_graph_destroy(t->ours);
    weft_graph_destroy(t->wider);
}

static bool is_head(const twins *t, const char *name)
{
    weft_shape a = { 0 }, b = { 0 };
    return shape_of(t->ours, name, &a) && shape_of(t->wider, name, &b) && !weft_shape_equal(&a, &b);
}

/* ---- what stays ---- */

static void add_pattern(train_run *r, char *pattern)
{
    r->frozen = cli_grow(r->frozen, (size_t)r->n_frozen + 1, sizeof *r->frozen);
    r->frozen[r->n_frozen++] = pattern;
}

static bool matches_head(const twins *t, const char *pattern)
{
    weft_param_info info;
    for (int i = 0; weft_graph_param(t->ours, i, &info) == WEFT_OK; i++)
        if (fnmatch(pattern, info.name, 0) == 0 && is_head(t, info.name))
            return true;
    return false;
}

/* Every parameter that is not the classifier's, by patterns that are its node's, too, whose norm then stays. */
static void freeze_body(train_run *r, const twins *t)
{
    weft_param_info info;
    for (int i = 0; weft_graph_param(t->ours, i, &info) == WEFT_OK; i++) {
        if (is_head(t, info.name))
            continue;
        const char *const slash = strrchr(info.name, '/');
        char *const node = cli_format_text("%.*s*", slash ? (int)(slash - info.name) : 0, info.name);
        const bool known = r->n_frozen && strcmp(r->frozen[r->n_frozen - 1], node) == 0;
        if (!known)
            add_pattern(r, !slash || matches_head(t, node) ? cli_copy(info.name) : cli_copy(node));
        free(node);
    }
}

cli_exit train_read_freeze(train_run *r)
{
    twins t = { 0 };
    if (!r->set->freeze)
        return CLI_OK;
    char *const copy = cli_copy(r->set->freeze);
    cli_exit code = CLI_OK;
    char *rest = copy;
    for (char *word; !code && (word = strsep(&rest, " ,\t")) != NULL;) {
        if (strcmp(word, "body") == 0) {
            code = build_twins(r, &t);
            if (!code)
                freeze_body(r, &t);
            destroy_twins(&t);
        } else if (*word) {
            add_pattern(r, cli_copy(word));
        }
    }
    free(copy);
    return code;
}

/* "PATTERN lr=10 decay=0" */
static cli_exit read_group(train_run *r, char *text)
{
    weft_param_group group = { 0 };
    char *rest = text;
    for (char *word; (word = strsep(&rest, " \t")) != NULL;) {
        char *end = word, *const equals = strchr(word, '=');
        const double number = equals ? strtod(equals + 1, &end) : 0;
        if (!*word)
            continue;
        if (!equals && !group.pattern) {
            group.pattern = cli_copy(word);
        } else if (equals && group.pattern && end != equals + 1 && !*end && number >= 0 &&
                   strncmp(word, "lr=", 3) == 0 && number > 0) {
            group.lr = number;
        } else if (equals && group.pattern && end != equals + 1 && !*end && number >= 0 &&
                   strncmp(word, "decay=", 6) == 0) {
            group.decay = number;
            group.no_decay = number == 0;
        } else {
            free((void *)(uintptr_t)group.pattern);
            return cli_error(CLI_USAGE, "groups: '%s' is not understood: 'PATTERN lr=FACTOR decay=D' was expected, "
                             "several apart by ';'", word);
        }
    }
    if (!group.pattern)
        return CLI_OK;
    r->groups = cli_grow(r->groups, (size_t)r->n_groups + 1, sizeof *r->groups);
    r->groups[r->n_groups++] = group;
    return CLI_OK;
}

cli_exit train_read_groups(train_run *r)
{
    if (!r->set->groups)
        return CLI_OK;
    char *const copy = cli_copy(r->set->groups), *rest = copy;
    cli_exit code = CLI_OK;
    for (char *part; !code && (part = strsep(&rest, ";")) != NULL;)
        code = read_group(r, part);
    free(copy);
    return code;
}

/* ---- what is taken ---- */

typedef struct taking {
    train_run *r;
    const weft_weights *weights;
    const twins *twins;
    int taken, fresh;
    char *first; /* parameter that is new */
} taking;

static cli_exit take(taking *t, const weft_param_info *param)
{
    weft_weight tensor;
    weft_store *const store = weft_trainer_store(t->r->trainer);
    const bool head = is_head(t->twins, param->name);
    const bool there = weft_weights_find(t->weights, param->name, &tensor) == WEFT_OK;
    if (there && weft_shape_equal(&tensor.shape, &param->shape)) {
        float *const values = cli_alloc((size_t)tensor.count, sizeof *values);
        weft_status status = weft_weight_floats(&tensor, values);
        if (!status && store) /* a dry run has none */
            status = weft_store_set(store, param->name, values, tensor.count);
        free(values);
        t->taken++;
        return status ? cli_library_error(status) : CLI_OK;
    }
    char have[96], want[96];
    if (there && !head)
        return cli_error(CLI_DATA, "%s: tensor %s has shape %s, the network needs %s", t->r->set->weights, param->name,
                         weft_shape_text(&tensor.shape, have, sizeof have),
                         weft_shape_text(&param->shape, want, sizeof want));
    if (!there && !head && strncmp(param->name, "aux", 3) != 0)
        return cli_error(CLI_DATA, "%s: there is no tensor for %s", t->r->set->weights, param->name);
    if (!t->first)
        t->first = cli_copy(param->name);
    t->fresh++;
    return CLI_OK;
}

static cli_exit take_all(taking *t)
{
    weft_param_info info;
    for (int i = 0; weft_graph_param(t->twins->ours, i, &info) == WEFT_OK; i++)
        CLI_TRY(take(t, &info));
    t->r->taken = t->fresh ? cli_format_text("%d tensors of %s; %d new ones for %d classes, such as %s", t->taken,
                                             t->r->set->weights, t->fresh, t->r->classes, t->first)
                           : cli_format_text("all %d tensors of %s", t->taken, t->r->set->weights);
    return CLI_OK;
}

cli_exit train_take_weights(train_run *r)
{
    weft_weights *weights = NULL;
    twins t = { 0 };
    if (!r->set->weights)
        return CLI_OK;
    const weft_import_opt opt = { .arch = r->arch->name, .dialect = r->arch->dialect, .map = { .lenient = true } };
    CLI_TRY_LIBRARY(weft_weights_import(r->ctx, r->set->weights, &opt, NULL, &weights));
    int classes;
    cli_exit code = weft_weights_classes(weights, 0, &classes)
                        ? cli_error(CLI_DATA, "%s: %s", r->set->weights, weft_error())
                        : build_twins(r, &t);
    taking job = { .r = r, .weights = weights, .twins = &t };
    if (!code)
        code = take_all(&job);
    free(job.first);
    destroy_twins(&t);
    weft_weights_destroy(weights);
    return code;
}

/* ---- what is written ---- */

/* Folders may be called what a line of UTF-8 text cannot say. */
static char *labels(const train_run *r)
{
    char *text = cli_copy("");
    for (int i = 0; i < r->classes; i++) {
        char *const name = cli_visible(weft_trainset_class(r->data, i));
        char *const longer = cli_format_text("%s%s%s", text, i ? "\n" : "", name);
        free(name);
        free(text);
        text = longer;
    }
    return text;
}

static weft_status describe(const train_run *r, weft_weights *weights)
{
    char recipe[WEFT_RECIPE_TEXT], classes[16];
    char *const names = labels(r);
    char *const source = cli_format_text("weft train, step %lld", (long long)r->state.step);
    snprintf(classes, sizeof classes, "%d", r->classes);
    const struct {
        const char *key, *text;
    } facts[] = {
        { "weft.arch", r->arch->name },
        { "weft.dialect", weft_dialect_name(r->arch->dialect) },
        { "weft.classes", classes },
        { "weft.labels", names },
        { "weft.preprocess", weft_preprocess_name(r->input.preprocess) },
        { "weft.recipe", weft_recipe_text(&r->input, recipe, sizeof recipe) },
        { "weft.activation", r->set->loss == TRAIN_LOSS_BCE ? "sigmoid" : "softmax" },
        { "weft.source", source },
    };
    weft_status status = WEFT_OK;
    for (size_t i = 0; !status && i < sizeof facts / sizeof *facts; i++)
        status = weft_weights_set_meta(weights, facts[i].key, facts[i].text);
    free(source);
    free(names);
    return status;
}

cli_exit train_export(train_run *r, const char *name)
{
    if (!train_is_first(r))
        return CLI_OK;
    weft_weights *weights;
    char *const path = cli_format_text("%s/%s", r->folder, name);
    weft_status status = weft_weights_create(r->ctx, &weights);
    if (!status) {
        status = weft_model_save(r->model, weights);
        if (!status)
            status = describe(r, weights);
        if (!status)
            status = weft_weights_write(weights, path, WEFT_SAFETENSORS);
        weft_weights_destroy(weights);
    }
    free(path);
    return status ? cli_library_error(status) : CLI_OK;
}
