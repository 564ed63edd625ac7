/* SPDX-License-Identifier: Apache-2.0
 *
 * Making a classifier: which network the weights and the caller mean, its recipe, classes and labels, and a model of it
 * with the weights in. */
#include <stdlib.h>
#include <string.h>

#include "task/classify.h"

enum { PX_TIMES = 8 /* the network's own image, at most */ };

/* What the weights' metadata and the options together name. */
static weft_status choose_arch(const weft_weights *weights, const weft_classifier_opt *opt, const weft_arch **out)
{
    const char *const said = weights ? weft_weights_meta_find(weights, "weft.arch") : NULL;
    const char *const dialect_said = weights ? weft_weights_meta_find(weights, "weft.dialect") : NULL;
    const char *const name = opt->arch ? opt->arch : said;
    weft_dialect dialect = opt->dialect;
    if (!name)
        return weft_fail(WEFT_INVALID, "the weights do not say which network they are of, and none was named");
    if (dialect == WEFT_DIALECT_DEFAULT && said && dialect_said)
        dialect = weft_dialect_parse(dialect_said);
    const weft_arch *arch = weft_arch_find(name, dialect);
    if (!arch)
        return weft_fail(WEFT_NOT_FOUND, "unknown network '%.80s'%s%s: did you mean %s? `weft models` lists all", name,
                         dialect ? " of dialect " : "", dialect ? weft_dialect_name(dialect) : "",
                         weft_arch_nearest(name));
    const weft_arch *other = said ? weft_arch_find(said, arch->dialect) : arch;
    if (other != arch || (said && dialect_said && weft_dialect_parse(dialect_said) != arch->dialect))
        return weft_fail(WEFT_INVALID, "the weights are of %s (%s), not of %s (%s)", said,
                         dialect_said ? dialect_said : "no dialect", arch->name, weft_dialect_name(arch->dialect));
    *out = arch;
    return WEFT_OK;
}

weft_status weft_recipe_fits(const weft_recipe *recipe, const weft_arch *arch)
{
    if (!recipe || !arch)
        return weft_fail(WEFT_INVALID, "weft_recipe_fits: recipe and arch must not be NULL");
    if (recipe->channels != arch->channels)
        return weft_fail(WEFT_BAD_DATA, "the recipe makes images of %d channels, %s takes %d", recipe->channels,
                         arch->name, arch->channels);
    if (recipe->px > PX_TIMES * arch->px)
        return weft_fail(WEFT_BAD_DATA, "the recipe makes images of %d pixels; %s is for %d, and %d at most were "
                         "expected", recipe->px, arch->name, arch->px, PX_TIMES * arch->px);
    return WEFT_OK;
}

static weft_status choose_recipe(const weft_classifier *c, const weft_weights *weights, const weft_classifier_opt *opt,
                                 weft_recipe *out)
{
    const char *const text = weights ? weft_weights_meta_find(weights, "weft.recipe") : NULL;
    weft_recipe r = weft_arch_recipe(c->arch, 0);
    if (opt->recipe)
        r = *opt->recipe;
    else if (text)
        WEFT_TRY(weft_recipe_parse(text, &r));
    if (opt->recipe_words)
        WEFT_TRY(weft_recipe_change(opt->recipe_words, &r));
    WEFT_TRY(weft_recipe_check(&r));
    WEFT_TRY(weft_recipe_fits(&r, c->arch));
    *out = r;
    return WEFT_OK;
}

weft_status weft_weights_classes(const weft_weights *weights, int otherwise, int *out)
{
    const char *const text = weights ? weft_weights_meta_find(weights, "weft.classes") : NULL;
    if (!text) {
        *out = otherwise;
        return WEFT_OK;
    }
    const size_t digits = strspn(text, "0123456789");
    const long classes = digits && digits < 9 ? strtol(text, NULL, 10) : 0;
    if (text[digits] || classes < 1 || classes > WEFT_CLASSES_MAX)
        return weft_fail(WEFT_BAD_DATA, "weft.classes is '%.40s'; 1 to %d was expected", text, WEFT_CLASSES_MAX);
    *out = (int)classes;
    return WEFT_OK;
}

static const char *const activations[] = { "default", "softmax", "sigmoid" };

const char *weft_readout_name(weft_readout activation)
{
    return (unsigned)activation < WEFT_COUNT(activations) ? activations[activation] : "unknown";
}

/* One output cannot be a softmax: that is 1, whatever the image shows. */
static weft_status choose_activation(const weft_classifier *c, const weft_weights *weights,
                                     const weft_classifier_opt *opt, weft_readout *out)
{
    const char *const text = weights ? weft_weights_meta_find(weights, "weft.activation") : NULL;
    weft_readout found = opt->activation;
    for (int i = 1; !found && text && i < WEFT_COUNT(activations); i++) {
        if (strcmp(text, activations[i]) == 0)
            found = (weft_readout)i;
    }
    if (!opt->activation && text && !found)
        return weft_fail(WEFT_BAD_DATA, "weft.activation is '%.40s'; softmax or sigmoid was expected", text);
    if (!found)
        found = c->outputs == 1 ? WEFT_READOUT_SIGMOID : WEFT_READOUT_SOFTMAX;
    if (found == WEFT_READOUT_SOFTMAX && c->outputs == 1)
        return weft_fail(opt->activation ? WEFT_INVALID : WEFT_BAD_DATA,
                         "the softmax of one output is 1 for every image; sigmoid was expected");
    *out = found;
    return WEFT_OK;
}

/* Layers that flatten an image grow with its pixels: of another size than the network's own, the parameters are counted
 * before memory is taken for them. */
static weft_status check_params(const weft_classifier *c, const weft_graph *graph, const weft_weights *weights)
{
    weft_counts counts;
    WEFT_TRY(weft_graph_counts(graph, &counts));
    int64_t have = 0;
    weft_weight w;
    for (int64_t i = 0; i < weft_weights_count(weights); i++)
        have += weft_weights_get(weights, i, &w) == WEFT_OK ? w.count : 0;
    if (counts.trainable + counts.statistics > have)
        return weft_fail(WEFT_BAD_DATA, "for images of %d pixels %s has %lld parameters, the weights have %lld: they "
                         "are of another size of image", c->recipe.px, c->arch->name,
                         (long long)(counts.trainable + counts.statistics), (long long)have);
    return WEFT_OK;
}

/* Whether images go to the model as bytes. */
static bool takes_bytes(const weft_classifier *c)
{
    return weft_device_is_apart(c->ctx->device) && weft_recipe_is_of_bytes(&c->recipe);
}

static weft_status plan_model(weft_classifier *c, const weft_graph *graph, const weft_weights *weights)
{
    weft_port_info port;
    float level[3][256];
    weft_model_opt opt = { .resident = true, .ahead = true };
    if (weights && c->recipe.px > c->arch->px)
        WEFT_TRY(check_params(c, graph, weights));
    if (takes_bytes(c)) {
        weft_recipe_levels(&c->recipe, level);
        opt.levels = level[0];
    }
    WEFT_TRY(weft_model_create(c->ctx, graph, &opt, &c->model));
    WEFT_TRY(weft_model_output(c->model, 0, &port));
    c->distances = strcmp(port.name, "distances") == 0;
    return WEFT_OK;
}

static weft_status build_graph(const weft_classifier *c, weft_graph **out)
{
    const weft_arch_opt build = {
        .dialect = c->arch->dialect, .batch = c->batch, .px = c->recipe.px, .classes = c->outputs, .no_softmax = true
    };
    return weft_arch_build(c->ctx, c->arch->name, &build, out);
}

static weft_status build_model(weft_classifier *c, const weft_weights *weights)
{
    weft_graph *graph = NULL;
    WEFT_TRY(build_graph(c, &graph));
    const weft_status status = plan_model(c, graph, weights);
    weft_graph_destroy(graph);
    return status;
}

/* [batch] images of elements of so many bytes. */
static void *alloc_images(const weft_classifier *c, size_t element)
{
    const size_t px = (size_t)c->recipe.px;
    return weft_calloc(weft_ctx_allocator(c->ctx), (size_t)c->batch, px * px * (size_t)c->recipe.channels * element);
}

static weft_status alloc_buffers(weft_classifier *c)
{
    const weft_allocator *a = weft_ctx_allocator(c->ctx);
    const size_t batch = (size_t)c->batch;
    if (takes_bytes(c))
        c->bytes = alloc_images(c, sizeof *c->bytes);
    else
        c->input = alloc_images(c, sizeof *c->input);
    c->output = weft_calloc(a, batch, (size_t)c->outputs * sizeof *c->output);
    c->probability = weft_calloc(a, (size_t)c->classes, sizeof *c->probability);
    c->faults = weft_calloc(a, 2 * batch, sizeof *c->faults);
    return (c->bytes || c->input) && c->output && c->probability && c->faults
               ? WEFT_OK
               : weft_fail_in(WEFT_NO_MEMORY, "classifier");
}

weft_status weft_classifier_need_floats(weft_classifier *c, weft_model **out)
{
    if (!c->input)
        c->input = alloc_images(c, sizeof *c->input);
    if (!c->input)
        return weft_fail_in(WEFT_NO_MEMORY, "classifier");
    weft_status status = WEFT_OK;
    if (c->bytes && !c->floats) {
        weft_graph *graph = NULL;
        const weft_model_opt opt = { .store = weft_model_store(c->model), .resident = true, .ahead = true };
        WEFT_TRY(build_graph(c, &graph));
        status = weft_model_create(c->ctx, graph, &opt, &c->floats);
        weft_graph_destroy(graph);
    }
    *out = c->bytes ? c->floats : c->model;
    return status;
}

/* Everything after arch: mapped are the weights in weft's names (NULL: random numbers). */
static weft_status fill(weft_classifier *c, const weft_weights *mapped, const weft_classifier_opt *opt)
{
    const char *const labels = mapped ? weft_weights_meta_find(mapped, "weft.labels") : NULL;
    WEFT_TRY(choose_recipe(c, mapped, opt, &c->recipe));
    WEFT_TRY(weft_weights_classes(mapped, c->arch->classes, &c->outputs));
    WEFT_TRY(choose_activation(c, mapped, opt, &c->activation));
    WEFT_TRY(weft_labels_make(c, opt, labels, &c->labels, &c->classes));
    WEFT_TRY(build_model(c, mapped));
    WEFT_TRY(mapped ? weft_model_load(c->model, mapped) : weft_model_init(c->model, opt->seed));
    WEFT_TRY(alloc_buffers(c));
    return c->bytes ? weft_model_commit(c->model) /* weft_classifier_need_floats may want the parameters, too */
                    : weft_model_release_params(c->model);
}

/* The same of weights in any framework's names. */
static weft_status fill_from(weft_classifier *c, const weft_weights *given, const weft_classifier_opt *opt)
{
    weft_weights *mapped = NULL;
    if (given && !weft_weights_meta_find(given, "weft.arch"))
        WEFT_TRY(weft_weights_map(c->ctx, given, c->arch->name, c->arch->dialect, NULL, NULL, &mapped));
    const weft_status status = fill(c, mapped ? mapped : given, opt);
    weft_weights_destroy(mapped);
    return status;
}

weft_status weft_classifier_create(weft_ctx *ctx, const weft_weights *weights, const weft_classifier_opt *opt,
                                   weft_classifier **out)
{
    static const weft_classifier_opt defaults;
    if (!opt)
        opt = &defaults;
    if ((unsigned)opt->activation >= WEFT_READOUT_COUNT)
        return weft_fail(WEFT_INVALID, "weft_classifier_create: no activation %d", (int)opt->activation);
    if (!ctx || !out || opt->batch < 0 || opt->batch > WEFT_BATCH_MAX || (!weights && !opt->random))
        return weft_fail(WEFT_INVALID, "weft_classifier_create: ctx, out and weights must not be NULL, and batch be 0 "
                         "to %d", WEFT_BATCH_MAX);
    const weft_arch *arch = NULL;
    const weft_weights *const given = opt->random ? NULL : weights;
    WEFT_TRY(choose_arch(given, opt, &arch));
    weft_classifier *c = weft_calloc(weft_ctx_allocator(ctx), 1, sizeof *c);
    if (!c)
        return weft_fail_in(WEFT_NO_MEMORY, "classifier");
    *c = (weft_classifier){ .ctx = ctx, .arch = arch, .batch = opt->batch ? opt->batch : 1 };
    c->image.upright = !opt->as_stored;
    weft_arena_init(&c->arena, weft_ctx_allocator(ctx));
    const weft_status status = fill_from(c, given, opt);
    if (status != WEFT_OK) {
        weft_classifier_destroy(c);
        return status;
    }
    *out = c;
    return WEFT_OK;
}

weft_status weft_classifier_open(weft_ctx *ctx, const char *path, const weft_classifier_opt *opt, weft_classifier **out)
{
    if (!ctx || !path || !out)
        return weft_fail(WEFT_INVALID, "weft_classifier_open: ctx, path and out must not be NULL");
    weft_weights *weights = NULL;
    const weft_import_opt import = { .arch = opt ? opt->arch : NULL,
                                     .dialect = opt ? opt->dialect : WEFT_DIALECT_DEFAULT };
    WEFT_TRY(weft_weights_import(ctx, path, &import, NULL, &weights));
    const weft_status status = weft_classifier_create(ctx, weights, opt, out);
    weft_weights_destroy(weights);
    return status == WEFT_OK ? status : weft_fail_in(status, "%s", path);
}

void weft_classifier_destroy(weft_classifier *c)
{
    if (!c)
        return;
    const weft_allocator *a = weft_ctx_allocator(c->ctx);
    weft_model_destroy(c->floats);
    weft_model_destroy(c->model);
    weft_free(a, c->bytes);
    weft_free(a, c->input);
    weft_free(a, c->output);
    weft_free(a, c->probability);
    weft_free(a, c->faults);
    weft_arena_release(&c->arena);
    weft_free(a, c);
}

const weft_arch *weft_classifier_arch(const weft_classifier *c)
{
    return c ? c->arch : NULL;
}

const weft_recipe *weft_classifier_recipe(const weft_classifier *c)
{
    return c ? &c->recipe : NULL;
}

int weft_classifier_classes(const weft_classifier *c)
{
    return c ? c->classes : 0;
}

weft_readout weft_classifier_readout(const weft_classifier *c)
{
    return c ? c->activation : WEFT_READOUT_DEFAULT;
}

const weft_label *weft_classifier_label(const weft_classifier *c, int index)
{
    return c && index >= 0 && index < c->classes ? &c->labels[index] : NULL;
}
