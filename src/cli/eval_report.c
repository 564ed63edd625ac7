/* SPDX-License-Identifier: Apache-2.0
 *
 * What weft eval says: text, JSON, and CSV of classes, pairs of classes and images. */
#include <math.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/common.h"
#include "cli/eval.h"
#include "cli/table.h"
#include "cli/text.h"

static void csv_class(const eval *e, FILE *file, int index)
{
    const weft_label *label = weft_classifier_label(e->classifier, index);
    fprintf(file, "%d,", index);
    cli_csv_text(file, label->id);
    fputc(',', file);
    cli_csv_text(file, label->name);
}

void eval_write_classes(const eval *e, FILE *file)
{
    fputs("class,id,name,images,top1,top5,answered,precision,recall,f1\n", file);
    for (int i = 0; i < e->result.classes; i++) {
        const weft_class_score *s = &e->result.score[i];
        csv_class(e, file, i);
        fprintf(file, ",%lld,%lld,%lld,%lld,%.6f,%.6f,%.6f\n", (long long)s->images, (long long)s->top1,
                (long long)s->top5, (long long)s->answered, s->precision, s->recall, s->f1);
    }
}

void eval_write_confusion(const eval *e, FILE *file)
{
    const size_t n = (size_t)e->result.classes;
    fputs("class,id,name,answered,answered_id,answered_name,images\n", file);
    for (size_t i = 0; i < n * n; i++) {
        if (!e->result.confusion[i])
            continue;
        csv_class(e, file, (int)(i / n));
        fputc(',', file);
        csv_class(e, file, (int)(i % n));
        fprintf(file, ",%lld\n", (long long)e->result.confusion[i]);
    }
}

void eval_begin_predictions(FILE *file)
{
    fputs("file,class,id,name,answered,answered_id,answered_name,probability,right,in_five,fault\n", file);
}

void eval_write_prediction(const eval *e, const weft_prediction *one)
{
    FILE *const file = e->predictions.file;
    bool five = false;
    cli_csv_text(file, one->path);
    fputc(',', file);
    csv_class(e, file, one->label);
    if (one->fault->status) {
        fputs(",,,,,,,", file);
        cli_csv_text(file, one->fault->reason);
        fputc('\n', file);
        return;
    }
    for (int k = 0; k < one->top; k++)
        five = five || one->answers[k].index == one->label;
    fputc(',', file);
    csv_class(e, file, one->answers[0].index);
    fprintf(file, ",%.8f,%d,%d,\n", one->answers[0].probability, one->answers[0].index == one->label, five);
}

static double percent(int64_t part, int64_t whole)
{
    return whole ? 100. * (double)part / (double)whole : (double)NAN;
}

static json_t *json_left_out(const eval *e)
{
    const weft_left_out *left;
    json_t *kinds = json_object();
    for (int i = 0; (left = weft_dataset_left_out(e->set, i)) != NULL; i++)
        cli_set_count(kinds, left->kind, left->count);
    return kinds;
}

/* The bins that have images. */
static json_t *json_calibration(const weft_evaluation *r)
{
    json_t *bins = json_array();
    for (int i = 0; i < WEFT_CALIBRATION_BINS; i++) {
        const weft_calibration_bin *bin = &r->calibration[i];
        if (!bin->images)
            continue;
        json_t *one = json_object();
        cli_set_count(one, "images", bin->images);
        cli_set_real(one, "probability", bin->probability / (double)bin->images);
        cli_set_real(one, "right", (double)bin->right / (double)bin->images);
        json_array_append_new(bins, one);
    }
    return bins;
}

void eval_print_json(const eval *e)
{
    const weft_evaluation *r = &e->result;
    json_t *root = cli_json_document();
    cli_describe_classifier(e->call, e->classifier, root);
    cli_set_text(root, "data", e->args->data);
    if (weft_dataset_part_name(e->set))
        cli_set_text(root, "part", weft_dataset_part_name(e->set));
    cli_set_text(root, "classes_by", e->result.rule);
    cli_set_count(root, "images", r->images);
    cli_set_count(root, "top1_right", r->top1);
    cli_set_count(root, "top5_right", r->top5);
    if (r->images) {
        cli_set_real(root, "top1", percent(r->top1, r->images));
        cli_set_real(root, "top5", percent(r->top5, r->images));
        cli_set_real(root, "macro_f1", r->macro_f1);
        cli_set_real(root, "calibration_error", r->calibration_error);
        json_object_set_new(root, "calibration", json_calibration(r));
    }
    cli_set_real(root, "seconds", r->seconds);
    cli_set_real(root, "images_per_second", (double)(r->images + r->bad) / r->seconds);
    json_object_set(root, "bad_images", e->bad);
    json_object_set_new(root, "not_looked_at", json_left_out(e));
    if (cli_interrupted())
        json_object_set_new(root, "interrupted", json_true());
    cli_json_print(root, stdout);
    json_decref(root);
}

/* What a publisher measures: ImageNet's classes, its 50,000 validation images as they are, the publisher's recipe. */
static bool is_published_measure(const eval *e)
{
    const weft_arch *arch = weft_classifier_arch(e->classifier);
    const weft_recipe published = weft_arch_recipe(arch, 0);
    char own[WEFT_RECIPE_TEXT], theirs[WEFT_RECIPE_TEXT];
    bool same = !e->args->classifier.seed && !weft_dataset_part_name(e->set) &&
                weft_classifier_classes(e->classifier) == 1000 &&
                weft_classifier_readout(e->classifier) == WEFT_READOUT_SOFTMAX && e->result.images == 50000;
    for (int i = 0; same && i < 1000; i++)
        same = strcmp(weft_classifier_label(e->classifier, i)->id, weft_imagenet_label(i)->id) == 0 &&
               e->result.score[i].images == 50;
    weft_recipe_text(weft_classifier_recipe(e->classifier), own, sizeof own);
    return same && strcmp(weft_recipe_text(&published, theirs, sizeof theirs), own) == 0;
}

void eval_print_text(const eval *e)
{
    const weft_evaluation *r = &e->result;
    const weft_arch *arch = weft_classifier_arch(e->classifier);
    char recipe[WEFT_RECIPE_TEXT];
    printf("%s (%s), %s\n", arch->name, weft_dialect_name(arch->dialect),
           weft_recipe_text(weft_classifier_recipe(e->classifier), recipe, sizeof recipe));
    printf("%lld images of ", (long long)r->images);
    cli_put_visible(stdout, e->args->data);
    if (weft_dataset_part_name(e->set))
        printf(" (%s)", weft_dataset_part_name(e->set));
    printf(", classes by %s", e->result.rule);
    printf(r->bad ? "; %lld left out\n" : "\n", (long long)r->bad);
    printf("top-1 %7.3f %%   %lld right\n", percent(r->top1, r->images), (long long)r->top1);
    if (weft_classifier_classes(e->classifier) > 5) /* else every answer is one of five */
        printf("top-5 %7.3f %%   %lld right\n", percent(r->top5, r->images), (long long)r->top5);
    printf("macro F1 %.4f, expected calibration error %.4f\n", r->macro_f1, r->calibration_error);
    printf("%.1f images/s\n", (double)(r->images + r->bad) / r->seconds);
    if (arch->published.top1 > 0 && is_published_measure(e))
        printf("%s publishes %g %% and %g %% for ImageNet's validation set\n", arch->published.source,
               arch->published.top1, arch->published.top5);
}
