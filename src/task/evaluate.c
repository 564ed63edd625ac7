/* SPDX-License-Identifier: Apache-2.0
 *
 * Evaluation: every image of a data set through a classifier, counted by true and by answered class. Images are counted
 * in the set's order, whatever the threads do. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "data/dataset.h"
#include "task/classify.h"

enum { BIN_LAST = WEFT_CALIBRATION_BINS - 1 };
enum { FIVE = 5, CONFUSION_MAX = 20000 /* classes; beyond, the square of them is more than 3 GB */ };

typedef struct tally {
    weft_classifier *c;
    const weft_dataset *set;
    const weft_evaluate_opt *opt;
    int top;
    int *map; /* [classes of the set]: the classifier's */
    weft_answer *answers; /* [batch][top] */
    bool stopped;         /* by the caller */
    weft_evaluation result;
} tally;

static void score(tally *e, int label, const weft_answer *answers)
{
    weft_evaluation *r = &e->result;
    const bool first = answers[0].index == label;
    bool five = false;
    for (int k = 0; k < e->top; k++)
        five = five || answers[k].index == label;
    r->images++;
    r->top1 += first;
    r->top5 += five;
    r->score[label].images++;
    r->score[label].top1 += first;
    r->score[label].top5 += five;
    r->score[answers[0].index].answered++;
    const int bin = (int)ceil(answers[0].probability * WEFT_CALIBRATION_BINS) - 1;
    weft_calibration_bin *const b = &r->calibration[bin < 0 ? 0 : bin < WEFT_CALIBRATION_BINS ? bin : BIN_LAST];
    b->images++;
    b->right += first;
    b->probability += answers[0].probability;
    r->confusion[(size_t)label * (size_t)r->classes + (size_t)answers[0].index]++;
}

static weft_status one_batch(void *user, int64_t first, int64_t count, const weft_answer *answers,
                             const weft_fault *faults)
{
    tally *e = user;
    for (int64_t i = 0; i < count; i++) {
        const int label = e->map[e->set->images[first + i].label];
        const weft_prediction one = { .index = first + i, .path = e->set->images[first + i].path, .label = label,
                                      .answers = answers + i * e->top, .top = e->top, .fault = &faults[i] };
        if (e->opt->predicted)
            e->opt->predicted(e->opt->user, &one);
        if (one.fault->status == WEFT_OK) {
            score(e, label, one.answers);
            continue;
        }
        e->result.bad++;
        if (e->opt->bad)
            e->opt->bad(e->opt->user, one.fault);
        if (e->result.bad > e->opt->bad_limit)
            return weft_fail(one.fault->status == WEFT_NUMERIC ? WEFT_NUMERIC : WEFT_BAD_DATA,
                             "%s (%lld image%s without an answer, %lld may be)", one.fault->reason,
                             (long long)e->result.bad, e->result.bad == 1 ? "" : "s", (long long)e->opt->bad_limit);
    }
    e->stopped = e->opt->progress && !e->opt->progress(e->opt->user, first + count, e->set->count);
    return e->stopped ? WEFT_CANCELLED : WEFT_OK;
}

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

/* What follows from the counts. */
static void summarise(weft_evaluation *r)
{
    int there = 0;
    for (int i = 0; i < r->classes; i++) {
        weft_class_score *const s = &r->score[i];
        s->precision = share((double)s->top1, (double)s->answered);
        s->recall = share((double)s->top1, (double)s->images);
        s->f1 = share(2 * (double)s->top1, (double)(s->answered + s->images));
        there += s->images > 0 || s->answered > 0;
        r->macro_f1 += s->f1;
    }
    r->macro_f1 = share(r->macro_f1, there);
    for (int i = 0; i < WEFT_CALIBRATION_BINS; i++)
        r->calibration_error += fabs((double)r->calibration[i].right - r->calibration[i].probability);
    r->calibration_error = share(r->calibration_error, (double)r->images);
}

static weft_status all_batches(tally *e)
{
    const double start = weft_clock();
    const weft_classifying job = { .set = e->set, .count = e->set->count, .top = e->top, .answers = e->answers,
                                   .done = one_batch, .user = e };
    const weft_status status = weft_classify(e->c, &job);
    WEFT_TRY(e->stopped ? WEFT_OK : status);
    e->result.seconds = weft_clock() - start;
    summarise(&e->result);
    return WEFT_OK;
}

static weft_status evaluate(tally *e)
{
    const weft_allocator *a = weft_ctx_allocator(e->c->ctx);
    const size_t batch = (size_t)e->c->batch, classes = (size_t)e->c->classes;
    e->map = weft_calloc(a, (size_t)e->set->class_count, sizeof *e->map);
    e->answers = weft_calloc(a, batch * FIVE, sizeof *e->answers);
    e->result.score = weft_calloc(a, classes, sizeof *e->result.score);
    e->result.confusion = weft_calloc(a, classes * classes, sizeof *e->result.confusion);
    if (!e->map || !e->answers || !e->result.score || !e->result.confusion)
        return weft_fail_in(WEFT_NO_MEMORY, "weft_evaluate");
    WEFT_TRY(weft_classifier_match(e->c, e->set, e->map, &e->result.rule));
    return all_batches(e);
}

weft_status weft_evaluate(weft_classifier *c, const weft_dataset *set, const weft_evaluate_opt *opt,
                          weft_evaluation *out)
{
    static const weft_evaluate_opt defaults;
    if (!c || !set || !out)
        return weft_fail(WEFT_INVALID, "weft_evaluate: classifier, dataset and out must not be NULL");
    if (c->classes > CONFUSION_MAX)
        return weft_fail(WEFT_UNSUPPORTED, "weft_evaluate: %d classes; at most %d are counted", c->classes,
                         CONFUSION_MAX);
    tally e = { .c = c, .set = set, .opt = opt ? opt : &defaults, .top = c->classes < FIVE ? c->classes : FIVE,
                .result.classes = c->classes };
    const weft_status status = evaluate(&e);
    const weft_allocator *a = weft_ctx_allocator(c->ctx);
    weft_free(a, e.map);
    weft_free(a, e.answers);
    if (status != WEFT_OK)
        weft_evaluation_release(c->ctx, &e.result);
    else
        *out = e.result;
    return status;
}

void weft_evaluation_release(weft_ctx *ctx, weft_evaluation *evaluation)
{
    if (!ctx || !evaluation)
        return;
    weft_free(weft_ctx_allocator(ctx), evaluation->score);
    weft_free(weft_ctx_allocator(ctx), evaluation->confusion);
    *evaluation = (weft_evaluation){ 0 };
}
