/* SPDX-License-Identifier: Apache-2.0
 *
 * Classifying: files are decoded, fitted and preprocessed by the context's threads, one file an item, straight into the
 * model's input; then the same threads run the model. Nothing else runs meanwhile, so no thread waits for another
 * phase. What an image gets does not depend on which others it came with, but for the rounding of the kernels that are
 * planned for a batch. Probabilities are made of the logits in double precision. */
#include "task/classify.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"

static void softmax(weft_classifier *c, const float *logits)
{
    double most = -INFINITY, sum = 0;
    const double sign = c->distances ? -1 : 1;
    for (int i = 0; i < c->classes; i++)
        most = fmax(most, sign * (double)logits[i]);
    for (int i = 0; i < c->classes; i++)
        sum += c->probability[i] = exp(sign * (double)logits[i] - most);
    for (int i = 0; i < c->classes; i++)
        c->probability[i] /= sum;
}

/* Of one output with two labels, the second is the output's. */
static void sigmoid(weft_classifier *c, const float *logits)
{
    const double sign = c->distances ? -1 : 1;
    const int first = c->classes - c->outputs;
    for (int i = 0; i < c->outputs; i++)
        c->probability[first + i] = 1 / (1 + exp(-sign * (double)logits[i]));
    if (first)
        c->probability[0] = 1 - c->probability[1];
}

/* Logits to c->probability. */
static weft_status soften(weft_classifier *c, const float *logits)
{
    for (int i = 0; i < c->outputs; i++) {
        if (!isfinite(logits[i]))
            return weft_fail(WEFT_NUMERIC, "%s gives %g for class %d: the weights or the recipe do not fit",
                             c->arch->name, (double)logits[i], i);
    }
    (c->activation == WEFT_READOUT_SIGMOID ? sigmoid : softmax)(c, logits);
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
    return weft_model_get_output(c->model, 0, c->output, images * (size_t)c->outputs * sizeof *c->output);
}

/* Where a call's images come from: one of the three. */
typedef struct source {
    const char *const *paths;
    const weft_image *images;
    const weft_dataset *set;
    int64_t first; /* of the set; the image that item 0 is */
} source;

static const char *path_of(const source *s, int64_t item)
{
    return s->paths ? s->paths[item] : s->set ? s->set->images[s->first + item].path : NULL;
}

static source part_of(const source *s, int64_t from)
{
    return (source){ .paths = s->paths ? s->paths + from : NULL, .images = s->images ? s->images + from : NULL,
                     .set = s->set, .first = s->first + from };
}

typedef struct batch {
    weft_classifier *c;
    source from;
    weft_allocator lender; /* the context's behind a lock: not every user's allocator may be called by many threads */
    pthread_mutex_t lock;
} batch;

static void *locked_alloc(void *user, size_t size, size_t align)
{
    batch *b = user;
    const weft_allocator *a = weft_ctx_allocator(b->c->ctx);
    pthread_mutex_lock(&b->lock);
    void *ptr = a->alloc(a->user, size, align);
    pthread_mutex_unlock(&b->lock);
    return ptr;
}

static void locked_free(void *user, void *ptr)
{
    batch *b = user;
    const weft_allocator *a = weft_ctx_allocator(b->c->ctx);
    pthread_mutex_lock(&b->lock);
    a->free(a->user, ptr);
    pthread_mutex_unlock(&b->lock);
}

static weft_status load(const batch *b, int64_t item, weft_image *out)
{
    const source *const s = &b->from;
    return s->set ? weft_dataset_read(s->set, &b->lender, s->first + item, &b->c->image, out)
                  : weft_image_load(&b->lender, s->paths[item], &b->c->image, out);
}

static void prepare_image(void *arg, int64_t item, int thread)
{
    (void)thread;
    batch *b = arg;
    weft_classifier *c = b->c;
    const size_t one = (size_t)c->recipe.px * (size_t)c->recipe.px * (size_t)c->recipe.channels;
    float *to = c->input + (size_t)item * one;
    weft_image image = { 0 };
    weft_status status = b->from.images ? WEFT_OK : load(b, item, &image);
    if (status == WEFT_OK) {
        const char *const path = path_of(&b->from, item);
        status = weft_image_prepare(&b->lender, b->from.images ? &b->from.images[item] : &image, &c->recipe, to);
        if (status != WEFT_OK && path)
            weft_fail_in(status, "%s", path);
    }
    weft_free(&b->lender, image.pixels);
    c->faults[item].status = status;
    snprintf(c->faults[item].reason, sizeof c->faults[item].reason, "%s", status ? weft_error() : "");
    if (status)
        memset(to, 0, one * sizeof *to);
}

/* Decodes count <= batch images into c->input, on the context's threads. */
static weft_status prepare(weft_classifier *c, const source *from, int64_t count)
{
    batch b = { .c = c, .from = *from };
    if (pthread_mutex_init(&b.lock, NULL) != 0)
        return weft_fail(WEFT_NO_MEMORY, "classifier: no lock");
    b.lender = (weft_allocator){ .alloc = locked_alloc, .free = locked_free, .user = &b };
    if (c->ctx->device->pool) {
        weft_pool_run(c->ctx->device->pool, count, prepare_image, &b);
    } else {
        for (int64_t i = 0; i < count; i++)
            prepare_image(&b, i, 0);
    }
    pthread_mutex_destroy(&b.lock);
    return WEFT_OK;
}

/* The answers of image i of the batch, which is image `at` of the call; none if it has a fault. One image of which the
 * network makes no numbers is a fault of that image. */
static weft_status answer(weft_classifier *c, int64_t i, const char *path, int top, weft_answer *to)
{
    memset(to, 0, (size_t)top * sizeof *to);
    for (int k = 0; k < top; k++)
        to[k].id = to[k].name = "";
    weft_fault *const fault = &c->faults[i];
    if (fault->status != WEFT_OK)
        return fault->status;
    weft_status status = soften(c, c->output + i * c->outputs);
    if (status != WEFT_OK && path)
        status = weft_fail_in(status, "%s", path);
    if (status != WEFT_OK) {
        fault->status = status;
        snprintf(fault->reason, sizeof fault->reason, "%s", weft_error());
        return status;
    }
    rank(c, top, to);
    return WEFT_OK;
}

/* Decodes and runs n <= batch images; how many there are to answer. */
static weft_status run_batch(weft_classifier *c, const source *from, int64_t n, bool all)
{
    int64_t good = 0;
    WEFT_TRY(prepare(c, from, n));
    for (int64_t i = 0; i < n; i++) {
        const weft_fault *fault = &c->faults[i];
        if (fault->status != WEFT_OK && (all || fault->status == WEFT_NO_MEMORY))
            return weft_fail(fault->status, "%s", fault->reason);
        good += fault->status == WEFT_OK;
    }
    return good ? run(c) : WEFT_OK;
}

static weft_status classify(weft_classifier *c, const source *from, int64_t count, int top, weft_answer *answers,
                            weft_fault *faults)
{
    for (int64_t first = 0; first < count; first += c->batch) {
        const int64_t n = count - first < c->batch ? count - first : c->batch;
        const source part = part_of(from, first);
        WEFT_TRY(run_batch(c, &part, n, !faults));
        for (int64_t i = 0; i < n; i++) {
            const weft_status status = answer(c, i, path_of(&part, i), top, answers + (first + i) * top);
            if (status != WEFT_OK && !faults)
                return status;
            if (faults)
                faults[first + i] = c->faults[i];
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
    return classify(c, &(source){ .paths = paths }, count, top, answers, faults);
}

weft_status weft_classify_part(weft_classifier *c, const weft_dataset *set, int64_t first, int64_t count, int top,
                               weft_answer *answers, weft_fault *faults)
{
    return classify(c, &(source){ .set = set, .first = first }, count, top, answers, faults);
}

weft_status weft_classify_images(weft_classifier *c, const weft_image *images, int64_t count, int top,
                                 weft_answer *answers)
{
    WEFT_TRY(check(c, images, count, top, answers, "weft_classify_images"));
    return classify(c, &(source){ .images = images }, count, top, answers, NULL);
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
            WEFT_TRY(soften(c, c->output + i * c->outputs));
            for (int k = 0; k < c->classes; k++)
                out[(first + i) * c->classes + k] = (float)c->probability[k];
        }
    }
    return WEFT_OK;
}
