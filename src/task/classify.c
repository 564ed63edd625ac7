/* SPDX-License-Identifier: Apache-2.0
 *
 * Classifying: files are decoded, fitted and preprocessed by the context's threads, one file an item, straight into the
 * model's input; then the same threads run the model. Nothing else runs meanwhile, so no thread waits for another
 * phase. What an image gets does not depend on which others it came with, but for the rounding of the kernels that are
 * planned for a batch. Probabilities are the softmax of the logits in double precision. */
#include "task/classify.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making one ---- */

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

static weft_status choose_recipe(const weft_classifier *c, const weft_weights *weights, const weft_classifier_opt *opt,
                                 weft_recipe *out)
{
    const char *const text = weights ? weft_weights_meta_find(weights, "weft.recipe") : NULL;
    weft_recipe r = weft_arch_recipe(c->arch, 0);
    if (opt->recipe)
        r = *opt->recipe;
    else if (text)
        WEFT_TRY(weft_recipe_parse(text, &r));
    WEFT_TRY(weft_recipe_check(&r));
    if (r.channels != c->arch->channels)
        return weft_fail(WEFT_BAD_DATA, "the recipe makes images of %d channels, %s takes %d", r.channels,
                         c->arch->name, c->arch->channels);
    *out = r;
    return WEFT_OK;
}

static weft_status read_classes(const weft_classifier *c, const weft_weights *weights, int *out)
{
    const char *const text = weights ? weft_weights_meta_find(weights, "weft.classes") : NULL;
    if (!text) {
        *out = c->arch->classes;
        return WEFT_OK;
    }
    char *end;
    const long classes = strtol(text, &end, 10);
    if (end == text || *end || classes < 1 || classes > WEFT_CLASSES_MAX)
        return weft_fail(WEFT_BAD_DATA, "weft.classes is '%.40s'; 1 to %d was expected", text, WEFT_CLASSES_MAX);
    *out = (int)classes;
    return WEFT_OK;
}

static weft_status build_model(weft_classifier *c)
{
    weft_graph *graph = NULL;
    const weft_arch_opt build = {
        .dialect = c->arch->dialect, .batch = c->batch, .px = c->recipe.px, .classes = c->classes, .no_softmax = true
    };
    WEFT_TRY(weft_arch_build(c->ctx, c->arch->name, &build, &graph));
    weft_status status = weft_model_create(c->ctx, graph, NULL, &c->model);
    weft_graph_destroy(graph);
    weft_port_info port;
    if (status == WEFT_OK)
        status = weft_model_output(c->model, 0, &port);
    if (status == WEFT_OK)
        c->distances = strcmp(port.name, "distances") == 0;
    return status;
}

static weft_status alloc_buffers(weft_classifier *c)
{
    const weft_allocator *a = &c->ctx->allocator;
    const size_t batch = (size_t)c->batch, px = (size_t)c->recipe.px;
    c->input = weft_calloc(a, batch, px * px * (size_t)c->recipe.channels * sizeof *c->input);
    c->output = weft_calloc(a, batch, (size_t)c->classes * sizeof *c->output);
    c->probability = weft_calloc(a, (size_t)c->classes, sizeof *c->probability);
    c->faults = weft_calloc(a, batch, sizeof *c->faults);
    return c->input && c->output && c->probability && c->faults ? WEFT_OK : weft_fail_in(WEFT_NO_MEMORY, "classifier");
}

/* Everything after arch: mapped are the weights in weft's names (NULL: random). */
static weft_status fill(weft_classifier *c, const weft_weights *mapped, const weft_classifier_opt *opt)
{
    const char *const labels = mapped ? weft_weights_meta_find(mapped, "weft.labels") : NULL;
    WEFT_TRY(choose_recipe(c, mapped, opt, &c->recipe));
    WEFT_TRY(read_classes(c, mapped, &c->classes));
    WEFT_TRY(weft_labels_make(&c->arena, opt, labels, c->classes, &c->labels));
    WEFT_TRY(build_model(c));
    WEFT_TRY(mapped ? weft_model_load(c->model, mapped) : weft_model_init(c->model, opt->seed));
    WEFT_TRY(alloc_buffers(c));
    return weft_model_commit(c->model);
}

weft_status weft_classifier_create(weft_ctx *ctx, const weft_weights *weights, const weft_classifier_opt *opt,
                                   weft_classifier **out)
{
    static const weft_classifier_opt defaults;
    if (!opt)
        opt = &defaults;
    if (!ctx || !out || opt->batch < 0 || opt->batch > WEFT_BATCH_MAX || (!weights && !opt->random))
        return weft_fail(WEFT_INVALID, "weft_classifier_create: ctx, out and weights must not be NULL, and batch be 0 "
                         "to %d", WEFT_BATCH_MAX);
    const weft_arch *arch = NULL;
    weft_weights *mapped = NULL;
    const weft_weights *const given = opt->random ? NULL : weights;
    WEFT_TRY(choose_arch(given, opt, &arch));
    weft_classifier *c = weft_calloc(&ctx->allocator, 1, sizeof *c);
    if (!c)
        return weft_fail_in(WEFT_NO_MEMORY, "classifier");
    *c = (weft_classifier){ .ctx = ctx, .arch = arch, .batch = opt->batch ? opt->batch : 1 };
    c->image.upright = !opt->as_stored;
    weft_arena_init(&c->arena, &ctx->allocator);
    weft_status status = WEFT_OK;
    if (given && !weft_weights_meta_find(given, "weft.arch"))
        status = weft_weights_map(ctx, given, arch->name, arch->dialect, NULL, NULL, &mapped);
    if (status == WEFT_OK)
        status = fill(c, mapped ? mapped : given, opt);
    weft_weights_destroy(mapped);
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
    WEFT_TRY(weft_weights_read(ctx, path, WEFT_FORMAT_AUTO, &weights));
    const weft_status status = weft_classifier_create(ctx, weights, opt, out);
    weft_weights_destroy(weights);
    return status == WEFT_OK ? status : weft_fail_in(status, "%s", path);
}

void weft_classifier_destroy(weft_classifier *c)
{
    if (!c)
        return;
    const weft_allocator *a = &c->ctx->allocator;
    weft_model_destroy(c->model);
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

const weft_label *weft_classifier_label(const weft_classifier *c, int index)
{
    return c && index >= 0 && index < c->classes ? &c->labels[index] : NULL;
}

/* ---- running ---- */

/* Logits to probabilities, in place of nothing: c->probability. */
static weft_status soften(weft_classifier *c, const float *logits)
{
    double most = -INFINITY, sum = 0;
    const double sign = c->distances ? -1 : 1;
    for (int i = 0; i < c->classes; i++) {
        if (!isfinite(logits[i]))
            return weft_fail(WEFT_NUMERIC, "%s gives %g for class %d: the weights or the recipe do not fit",
                             c->arch->name, (double)logits[i], i);
        most = fmax(most, sign * (double)logits[i]);
    }
    for (int i = 0; i < c->classes; i++)
        sum += c->probability[i] = exp(sign * (double)logits[i] - most);
    for (int i = 0; i < c->classes; i++)
        c->probability[i] /= sum;
    return WEFT_OK;
}

/* The `top` most probable; of equal ones the lower index first. Slots beyond the classes are not touched. */
static void rank(const weft_classifier *c, int top, weft_answer *out)
{
    int have = 0;
    for (int i = 0; i < c->classes; i++) {
        const double p = c->probability[i];
        if (have == top && !(p > out[top - 1].probability))
            continue;
        int at = have < top ? have++ : top - 1;
        for (; at > 0 && p > out[at - 1].probability; at--)
            out[at] = out[at - 1];
        out[at] = (weft_answer){ .index = i, .probability = p, .id = c->labels[i].id, .name = c->labels[i].name };
    }
}

/* Runs the model on the first count images of c->input; the others are whatever was there, and nobody reads theirs. */
static weft_status run(weft_classifier *c)
{
    const size_t px = (size_t)c->recipe.px, images = (size_t)c->batch;
    WEFT_TRY(weft_model_set_input(c->model, 0, c->input,
                                  images * px * px * (size_t)c->recipe.channels * sizeof *c->input));
    WEFT_TRY(weft_model_run(c->model));
    return weft_model_get_output(c->model, 0, c->output, images * (size_t)c->classes * sizeof *c->output);
}

/* Where a batch's images come from. */
typedef struct batch {
    weft_classifier *c;
    const char *const *paths;
    const weft_image *images;
    weft_ctx lender; /* an allocator behind a lock: not every user's allocator may be called by many threads */
    pthread_mutex_t lock;
} batch;

static void *locked_alloc(void *user, size_t size, size_t align)
{
    batch *b = user;
    const weft_allocator *a = &b->c->ctx->allocator;
    pthread_mutex_lock(&b->lock);
    void *ptr = a->alloc(a->user, size, align);
    pthread_mutex_unlock(&b->lock);
    return ptr;
}

static void locked_free(void *user, void *ptr)
{
    batch *b = user;
    const weft_allocator *a = &b->c->ctx->allocator;
    pthread_mutex_lock(&b->lock);
    a->free(a->user, ptr);
    pthread_mutex_unlock(&b->lock);
}

static void prepare_image(void *arg, int64_t item, int thread)
{
    (void)thread;
    batch *b = arg;
    weft_classifier *c = b->c;
    const size_t one = (size_t)c->recipe.px * (size_t)c->recipe.px * (size_t)c->recipe.channels;
    float *to = c->input + (size_t)item * one;
    weft_image image = { 0 };
    weft_status status = b->images ? WEFT_OK : weft_image_read(&b->lender, b->paths[item], &c->image, &image);
    if (status == WEFT_OK) {
        status = weft_image_to_input(&b->lender, b->images ? &b->images[item] : &image, &c->recipe, to);
        if (status != WEFT_OK && b->paths)
            weft_fail_in(status, "%s", b->paths[item]);
    }
    weft_image_free(&b->lender, &image);
    c->faults[item].status = status;
    snprintf(c->faults[item].reason, sizeof c->faults[item].reason, "%s", status ? weft_error() : "");
    if (status)
        memset(to, 0, one * sizeof *to);
}

/* Decodes count <= batch images into c->input, on the context's threads. */
static weft_status prepare(weft_classifier *c, const char *const *paths, const weft_image *images, int64_t count)
{
    batch b = { .c = c, .paths = paths, .images = images };
    if (pthread_mutex_init(&b.lock, NULL) != 0)
        return weft_fail(WEFT_NO_MEMORY, "classifier: no lock");
    b.lender.allocator = (weft_allocator){ .alloc = locked_alloc, .free = locked_free, .user = &b };
    if (c->ctx->device.pool) {
        weft_pool_run(c->ctx->device.pool, count, prepare_image, &b);
    } else {
        for (int64_t i = 0; i < count; i++)
            prepare_image(&b, i, 0);
    }
    pthread_mutex_destroy(&b.lock);
    return WEFT_OK;
}

static weft_status classify(weft_classifier *c, const char *const *paths, const weft_image *images, int64_t count,
                            int top, weft_answer *answers, weft_fault *faults)
{
    for (int64_t first = 0; first < count; first += c->batch) {
        const int64_t n = count - first < c->batch ? count - first : c->batch;
        int64_t good = 0;
        WEFT_TRY(prepare(c, paths ? paths + first : NULL, images ? images + first : NULL, n));
        for (int64_t i = 0; i < n; i++) {
            const weft_fault *fault = &c->faults[i];
            if (fault->status != WEFT_OK && (!faults || fault->status == WEFT_NO_MEMORY))
                return weft_fail(fault->status, "%s", fault->reason);
            good += fault->status == WEFT_OK;
            if (faults)
                faults[first + i] = *fault;
        }
        if (good)
            WEFT_TRY(run(c));
        for (int64_t i = 0; i < n; i++) {
            weft_answer *const to = answers + (first + i) * top;
            memset(to, 0, (size_t)top * sizeof *to);
            for (int k = 0; k < top; k++)
                to[k].id = to[k].name = "";
            if (c->faults[i].status != WEFT_OK)
                continue;
            WEFT_TRY(soften(c, c->output + i * c->classes));
            rank(c, top, to);
        }
    }
    return WEFT_OK;
}

static weft_status check(const weft_classifier *c, const void *in, int64_t count, int top, const void *out,
                         const char *who)
{
    if (!c || count < 0 || (count && (!in || !out)))
        return weft_fail(WEFT_INVALID, "%s: classifier, images and answers must not be NULL", who);
    if (top < 1 || top > c->classes)
        return weft_fail(WEFT_INVALID, "%s: the %d likeliest of %d classes were asked for", who, top, c->classes);
    return WEFT_OK;
}

weft_status weft_classify_files(weft_classifier *c, const char *const *paths, int64_t count, int top,
                                weft_answer *answers, weft_fault *faults)
{
    WEFT_TRY(check(c, paths, count, top, answers, "weft_classify_files"));
    return classify(c, paths, NULL, count, top, answers, faults);
}

weft_status weft_classify_images(weft_classifier *c, const weft_image *images, int64_t count, int top,
                                 weft_answer *answers)
{
    WEFT_TRY(check(c, images, count, top, answers, "weft_classify_images"));
    return classify(c, NULL, images, count, top, answers, NULL);
}

weft_status weft_classify_inputs(weft_classifier *c, const float *inputs, int64_t count, float *out)
{
    WEFT_TRY(check(c, inputs, count, 1, out, "weft_classify_inputs"));
    const size_t one = (size_t)c->recipe.px * (size_t)c->recipe.px * (size_t)c->recipe.channels;
    for (int64_t first = 0; first < count; first += c->batch) {
        const int64_t n = count - first < c->batch ? count - first : c->batch;
        memcpy(c->input, inputs + (size_t)first * one, (size_t)n * one * sizeof *inputs);
        WEFT_TRY(run(c));
        for (int64_t i = 0; i < n; i++) {
            WEFT_TRY(soften(c, c->output + i * c->classes));
            for (int k = 0; k < c->classes; k++)
                out[(first + i) * c->classes + k] = (float)c->probability[k];
        }
    }
    return WEFT_OK;
}
