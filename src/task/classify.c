/* SPDX-License-Identifier: Apache-2.0
 *
 * Classifying: files are decoded, fitted and preprocessed by the context's threads, one file an item, straight into the
 * model's input; then the same threads run the model. Nothing else runs meanwhile, so no thread waits for another
 * phase. For a device apart they decode the next batch while it computes one, and what is sent there are bytes, which
 * the device looks up, unless the recipe makes numbers that are none. What an image gets does not depend on which
 * others it came with, but for the rounding of the kernels that are planned for a batch. Probabilities are made of the
 * logits in double precision. */
#include "task/classify.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "program/program.h"

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

static size_t numbers_of_image(const weft_classifier *c)
{
    return (size_t)c->recipe.px * (size_t)c->recipe.px * (size_t)c->recipe.channels;
}

static weft_status read_output(weft_classifier *c, weft_model *model)
{
    return weft_model_get_output(model, 0, c->output, (size_t)(c->batch * c->outputs) * sizeof *c->output);
}

/* Runs the model on the images that are prepared; those behind the last are whatever was there, and nobody reads what
 * comes of them. A device apart is only told to. */
static weft_status submit(weft_classifier *c)
{
    const size_t count = (size_t)c->batch * numbers_of_image(c);
    WEFT_TRY(c->bytes ? weft_model_set_bytes(c->model, 0, c->bytes, count)
                      : weft_model_set_input(c->model, 0, c->input, count * sizeof *c->input));
    return weft_model_run_later(c->model);
}

/* Path of image i of a job; NULL: it has none. */
static const char *path_of(const weft_classifying *job, int64_t i)
{
    return job->paths ? job->paths[i] : job->set ? job->set->images[i].path : NULL;
}

/* Images of a job from `first` on. */
typedef struct batch {
    weft_classifier *c;
    const weft_classifying *job;
    int64_t first;
    weft_fault *faults;
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

static weft_status load(const batch *b, int64_t i, weft_image *out)
{
    const weft_classifying *const job = b->job;
    return job->set ? weft_dataset_read(job->set, &b->lender, i, &b->c->image, out)
                    : weft_image_load(&b->lender, job->paths[i], &b->c->image, out);
}

static void prepare_image(void *arg, int64_t item, int thread)
{
    (void)thread;
    batch *b = arg;
    weft_classifier *c = b->c;
    const size_t one = numbers_of_image(c);
    uint8_t *bytes = c->bytes ? c->bytes + (size_t)item * one : NULL;
    float *values = c->bytes ? NULL : c->input + (size_t)item * one;
    const int64_t i = b->first + item;
    weft_image image = { 0 };
    weft_status status = b->job->images ? WEFT_OK : load(b, i, &image);
    if (status == WEFT_OK) {
        const weft_image *const in = b->job->images ? &b->job->images[i] : &image;
        const char *const path = path_of(b->job, i);
        status = bytes ? weft_image_prepare_bytes(&b->lender, in, &c->recipe, bytes)
                       : weft_image_prepare(&b->lender, in, &c->recipe, values);
        if (status != WEFT_OK && path)
            weft_fail_in(status, "%s", path);
    }
    weft_free(&b->lender, image.pixels);
    b->faults[item].status = status;
    snprintf(b->faults[item].reason, sizeof b->faults[item].reason, "%s", status ? weft_error() : "");
    if (status && bytes)
        memset(bytes, 0, one);
    else if (status)
        memset(values, 0, one * sizeof *values);
}

/* Decodes count <= batch images of a job, on the context's threads. */
static weft_status prepare(weft_classifier *c, const weft_classifying *job, int64_t first, int64_t count,
                           weft_fault *faults)
{
    batch b = { .c = c, .job = job, .first = first, .faults = faults };
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

/* The answers of image i of the batch; none if it has a fault. One image of which the network makes no numbers is a
 * fault of that image. */
static weft_status answer(weft_classifier *c, int64_t i, const char *path, int top, weft_fault *fault, weft_answer *to)
{
    memset(to, 0, (size_t)top * sizeof *to);
    for (int k = 0; k < top; k++)
        to[k].id = to[k].name = "";
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

/* A batch on its way. */
typedef struct turn {
    int64_t first, count, good; /* good: images that were read */
    weft_fault *faults;
} turn;

/* Runs what was prepared, unless something is wrong with it. */
static weft_status begin(weft_classifier *c, const weft_classifying *job, turn *t)
{
    for (int64_t i = 0; i < t->count; i++) {
        const weft_fault *fault = &t->faults[i];
        if (fault->status != WEFT_OK && (job->strict || fault->status == WEFT_NO_MEMORY))
            return weft_fail(fault->status, "%s", fault->reason);
        t->good += fault->status == WEFT_OK;
    }
    return t->good ? submit(c) : WEFT_OK;
}

static weft_status end(weft_classifier *c, const weft_classifying *job, const turn *t)
{
    weft_answer *const answers = job->answers + (job->whole ? t->first * job->top : 0);
    if (t->good)
        WEFT_TRY(read_output(c, c->model));
    for (int64_t i = 0; i < t->count; i++) {
        const weft_status status = answer(c, i, path_of(job, t->first + i), job->top, &t->faults[i],
                                          answers + i * job->top);
        if (status != WEFT_OK && job->strict)
            return status;
    }
    return job->done ? job->done(job->user, t->first, t->count, answers, t->faults) : WEFT_OK;
}

weft_status weft_classify(weft_classifier *c, const weft_classifying *job)
{
    const bool ahead = weft_device_is_apart(c->ctx->device);
    turn turns[2] = { { .count = 0 } };
    int k = 0;
    for (int64_t first = 0; first < job->count; first += c->batch, k ^= 1) {
        turn *const now = &turns[k], *const before = &turns[k ^ 1];
        const int64_t rest = job->count - first;
        *now = (turn){ first, rest < c->batch ? rest : c->batch, 0, c->faults + k * c->batch };
        WEFT_TRY(prepare(c, job, now->first, now->count, now->faults));
        if (ahead && before->count)
            WEFT_TRY(end(c, job, before));
        WEFT_TRY(begin(c, job, now));
        if (!ahead)
            WEFT_TRY(end(c, job, now));
    }
    return ahead && turns[k ^ 1].count ? end(c, job, &turns[k ^ 1]) : WEFT_OK;
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

static weft_status copy_faults(void *user, int64_t first, int64_t count, const weft_answer *answers,
                               const weft_fault *faults)
{
    weft_fault *const to = user;
    (void)answers;
    memcpy(to + first, faults, (size_t)count * sizeof *to);
    return WEFT_OK;
}

weft_status weft_classify_files(weft_classifier *c, const char *const *paths, int64_t count, int top,
                                weft_answer *answers, weft_fault *faults)
{
    WEFT_TRY(check(c, paths, count, top, answers, "weft_classify_files"));
    return weft_classify(c, &(weft_classifying){ .paths = paths, .count = count, .top = top, .answers = answers,
                                                 .whole = true, .strict = !faults, .user = faults,
                                                 .done = faults ? copy_faults : NULL });
}

weft_status weft_classify_images(weft_classifier *c, const weft_image *images, int64_t count, int top,
                                 weft_answer *answers)
{
    WEFT_TRY(check(c, images, count, top, answers, "weft_classify_images"));
    return weft_classify(c, &(weft_classifying){ .images = images, .count = count, .top = top, .answers = answers,
                                                 .whole = true, .strict = true });
}

weft_status weft_classify_inputs(weft_classifier *c, const float *inputs, int64_t count, float *out)
{
    weft_model *model;
    WEFT_TRY(check(c, inputs, count, 1, out, "weft_classify_inputs"));
    WEFT_TRY(weft_classifier_need_floats(c, &model));
    const size_t one = numbers_of_image(c);
    for (int64_t first = 0; first < count; first += c->batch) {
        const int64_t n = count - first < c->batch ? count - first : c->batch;
        memcpy(c->input, inputs + (size_t)first * one, (size_t)n * one * sizeof *inputs);
        WEFT_TRY(weft_model_set_input(model, 0, c->input, (size_t)c->batch * one * sizeof *inputs));
        WEFT_TRY(weft_model_run(model));
        WEFT_TRY(read_output(c, model));
        for (int64_t i = 0; i < n; i++) {
            WEFT_TRY(soften(c, c->output + i * c->outputs));
            for (int k = 0; k < c->classes; k++)
                out[(first + i) * c->classes + k] = (float)c->probability[k];
        }
    }
    return WEFT_OK;
}
