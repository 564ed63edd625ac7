/* SPDX-License-Identifier: Apache-2.0
 *
 * weft eval: accuracy on a labelled data set, as text or JSON, and per class and pair of classes as CSV. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/classifier.h"
#include "cli/common.h"
#include "cli/table.h"
#include "cli/text.h"

enum { BATCH = 32 };

typedef struct eval_args {
    cli_classifier_args classifier;
    const char *data;
    weft_dataset_opt set; /* layout, labels, limit */
    const char *bad_images, *csv, *confusion;
    cli_progress progress;
    bool json;
} eval_args;

typedef struct eval {
    const cli_call *call;
    const eval_args *args;
    weft_ctx *ctx;
    weft_classifier *classifier;
    weft_dataset *set;
    weft_evaluation result;
    json_t *bad; /* reasons */
    int64_t bad_limit;
    bool live;
    double start, shown;
} eval;

static void clear_line(const eval *e)
{
    if (e->live)
        fputs("\r\033[K", stderr);
}

static void on_bad(void *user, const weft_fault *fault)
{
    eval *e = user;
    clear_line(e);
    cli_warn("left out: %s", fault->reason);
    json_array_append_new(e->bad, cli_json_string(fault->reason));
}

static bool on_progress(void *user, int64_t done, int64_t count)
{
    eval *e = user;
    const double t = cli_now();
    char eta[32], line[160];
    if (!e->live || (done < count && t - e->shown < .1))
        return true;
    e->shown = t;
    const double rate = (double)done / (t - e->start);
    const int filled = (int)(30 * done / count);
    snprintf(line, sizeof line, "[%.*s%*s] %lld/%lld, %.1f images/s, to come %s", filled,
             "##############################", 30 - filled, "", (long long)done, (long long)count, rate,
             cli_duration_text((double)(count - done) / rate, eta));
    const int room = cli_terminal_width(stderr); /* a line that wraps could not be taken back */
    fprintf(stderr, "\r\033[K%.*s", room > 0 ? room - 1 : (int)sizeof line, line);
    if (done == count)
        fputs("\r\033[K", stderr);
    fflush(stderr);
    return true;
}

/* "fail" or "skip:N". */
static cli_exit bad_limit(const char *text, int64_t *out)
{
    char *end = NULL;
    *out = 0;
    if (strcmp(text, "fail") == 0)
        return CLI_OK;
    if (strncmp(text, "skip:", 5) == 0 && text[5] >= '0' && text[5] <= '9') {
        errno = 0;
        *out = strtoll(text + 5, &end, 10);
        if (!*end && !errno)
            return CLI_OK;
    }
    return cli_error(CLI_USAGE, "--bad-images: '%s' is neither fail nor skip:N", text);
}

static void csv_class(const eval *e, FILE *file, int index)
{
    const weft_label *label = weft_classifier_label(e->classifier, index);
    fprintf(file, "%d,", index);
    cli_csv_text(file, label->id);
    fputc(',', file);
    cli_csv_text(file, label->name);
}

static void write_classes(const eval *e, FILE *file)
{
    fputs("class,id,name,images,top1,top5\n", file);
    for (int i = 0; i < e->result.classes; i++) {
        const weft_class_score *s = &e->result.score[i];
        csv_class(e, file, i);
        fprintf(file, ",%lld,%lld,%lld\n", (long long)s->images, (long long)s->top1, (long long)s->top5);
    }
}

static void write_confusion(const eval *e, FILE *file)
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

static cli_exit write_file(const eval *e, const char *path, void (*write)(const eval *e, FILE *file))
{
    if (!path)
        return CLI_OK;
    FILE *file = fopen(path, "w");
    if (!file)
        return cli_error(CLI_CREATE, "%s: cannot be created: %s", path, strerror(errno));
    write(e, file);
    const bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed)
        return cli_error(CLI_IO, "%s: cannot be written", path);
    return CLI_OK;
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

static void print_json(const eval *e)
{
    const weft_evaluation *r = &e->result;
    json_t *root = cli_json_document();
    cli_describe_classifier(e->call, e->classifier, root);
    cli_set_text(root, "data", e->args->data);
    cli_set_text(root, "classes_by", e->result.rule);
    cli_set_count(root, "images", r->images);
    cli_set_count(root, "top1_right", r->top1);
    cli_set_count(root, "top5_right", r->top5);
    if (r->images) {
        cli_set_real(root, "top1", percent(r->top1, r->images));
        cli_set_real(root, "top5", percent(r->top5, r->images));
    }
    cli_set_real(root, "seconds", r->seconds);
    cli_set_real(root, "images_per_second", (double)(r->images + r->bad) / r->seconds);
    json_object_set(root, "bad_images", e->bad);
    json_object_set_new(root, "not_looked_at", json_left_out(e));
    cli_json_print(root, stdout);
    json_decref(root);
}

/* What a publisher measures: ImageNet's classes, its 50,000 validation images, the publisher's recipe. */
static bool is_published_measure(const eval *e)
{
    const weft_arch *arch = weft_classifier_arch(e->classifier);
    const weft_recipe published = weft_arch_recipe(arch, 0);
    char own[WEFT_RECIPE_TEXT], theirs[WEFT_RECIPE_TEXT];
    bool same = !e->args->classifier.seed && weft_classifier_classes(e->classifier) == 1000 &&
                weft_classifier_readout(e->classifier) == WEFT_READOUT_SOFTMAX && e->result.images == 50000;
    for (int i = 0; same && i < 1000; i++)
        same = strcmp(weft_classifier_label(e->classifier, i)->id, weft_imagenet_label(i)->id) == 0 &&
               e->result.score[i].images == 50;
    weft_recipe_text(weft_classifier_recipe(e->classifier), own, sizeof own);
    return same && strcmp(weft_recipe_text(&published, theirs, sizeof theirs), own) == 0;
}

static void print_text(const eval *e)
{
    const weft_evaluation *r = &e->result;
    const weft_arch *arch = weft_classifier_arch(e->classifier);
    char recipe[WEFT_RECIPE_TEXT];
    printf("%s (%s), %s\n", arch->name, weft_dialect_name(arch->dialect),
           weft_recipe_text(weft_classifier_recipe(e->classifier), recipe, sizeof recipe));
    printf("%lld images of ", (long long)r->images);
    cli_put_visible(stdout, e->args->data);
    printf(", classes by %s", e->result.rule);
    printf(r->bad ? "; %lld left out\n" : "\n", (long long)r->bad);
    printf("top-1 %7.3f %%   %lld right\n", percent(r->top1, r->images), (long long)r->top1);
    printf("top-5 %7.3f %%   %lld right\n", percent(r->top5, r->images), (long long)r->top5);
    printf("%.1f images/s\n", (double)(r->images + r->bad) / r->seconds);
    if (arch->published.top1 > 0 && is_published_measure(e))
        printf("%s publishes %g %% and %g %% for ImageNet's validation set\n", arch->published.source,
               arch->published.top1, arch->published.top5);
}

static cli_exit evaluate(eval *e)
{
    const eval_args *args = e->args;
    const weft_evaluate_opt how = {
        .bad_limit = e->bad_limit, .progress = on_progress, .bad = on_bad, .user = e
    };
    weft_status status = weft_dataset_open(e->ctx, args->data, &args->set, &e->set);
    cli_warn_left_out(e->set);
    e->start = cli_now();
    if (!status)
        status = weft_evaluate(e->classifier, e->set, &how, &e->result);
    clear_line(e);
    if (status)
        return cli_library_error(status);
    CLI_TRY(write_file(e, args->csv, write_classes));
    CLI_TRY(write_file(e, args->confusion, write_confusion));
    (args->json ? print_json : print_text)(e);
    return CLI_OK;
}

static cli_exit run(const cli_call *call)
{
    const eval_args *args = call->args;
    if (!args->data)
        return cli_error(CLI_USAGE, "eval: --data DIR is missing");
    eval e = { .call = call, .args = args };
    const int64_t batch = args->classifier.batch ? args->classifier.batch : BATCH;
    e.live = args->progress == CLI_PROGRESS_ALWAYS || (args->progress == CLI_PROGRESS_AUTO && isatty(STDERR_FILENO));
    CLI_TRY(bad_limit(args->bad_images, &e.bad_limit));
    CLI_TRY(cli_open_classifier(call, batch, true, &e.ctx, &e.classifier));
    e.bad = json_array();
    const cli_exit code = evaluate(&e);
    json_decref(e.bad);
    weft_evaluation_release(e.ctx, &e.result);
    weft_dataset_destroy(e.set);
    weft_classifier_destroy(e.classifier);
    weft_ctx_destroy(e.ctx);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    CLASSIFIER_ROWS,
    OPT_DIR(eval_args, data, 0, "data", "DIR", "the folder of the data set"),
    OPT_ENUM(eval_args, set.layout, 0, "layout", "NAME", "auto", "auto|folder|imagenet-val",
             "folder (one for each class), imagenet-val (all in one, with --labels), or auto: the latter with "
             "--labels"),
    OPT_FILE(eval_args, set.labels, 0, "labels", "FILE", NULL, "label file of the data set"),
    OPT_ENUM(eval_args, set.order, 0, "order", "HOW", "auto", "auto|name|number",
             "where class folders are numbers: the order of the network's classes, by the names' bytes (name: 10 "
             "before 2, as torchvision's ImageFolder) or by number; auto refuses where they differ"),
    OPT_ENUM(eval_args, set.numbers, 0, "count-from", "N", "auto", "auto|0|1",
             "which class a number in a label file is: the index from 0 or from 1; auto: from 0, and refuses where "
             "numbers may be those of ImageNet's development kit"),
    OPT_COUNT(eval_args, set.limit, 0, "limit", "N", "0", 0, OPT_MAX_COUNT,
              "images at most, spread evenly over the set; 0: all"),
    OPT_TEXT(eval_args, bad_images, 0, "bad-images", "WHAT", "fail", "fail|skip:10",
             "fail at the first image that cannot be read, or skip:N, which leaves out up to N of them"),
    OPT_FILE(eval_args, csv, 0, "csv", "FILE", NULL, "also write the counts of each class"),
    OPT_FILE(eval_args, confusion, 0, "confusion", "FILE", NULL,
             "also write how often each class was taken for which (CSV; pairs that occurred)"),
    ROW_JSON(eval_args),
    ROW_PROGRESS(eval_args, progress, ""),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_eval = {
    .name = "eval",
    .takes = CLI_TAKES_MODEL | CLI_TAKES_FILE,
    .min_words = 1,
    .max_words = 1,
    .synopsis = "MODEL|FILE",
    .brief = "measure accuracy on a labelled data set",
    .description =
        "Classifies every image of --data and counts how often the label is the likeliest class (top-1) or among the "
        "five likeliest (top-5). The layout is a folder for each class, or ImageNet's validation images in one "
        "folder with a label file.\n"
        "\n"
        "Class folders are matched to the network's classes by exactly one rule, the first that fits all of them: "
        "WordNet ids (n01440764), class names, as many folders as classes in order of name. Anything less clear is "
        "refused, and so are folders called train and val. A folder that is met again through a link is not entered "
        "again. Files that are not looked at are counted by kind, and a class of which no file is read is an error.\n"
        "\n"
        "A label file has the class of image i on line i, or lines of an image and its class: two words, or fields "
        "between tabs, commas or semicolons, with or without a line of headings (Kaggle's LOC_val_solution.csv too). "
        "An image is named by its path in the folder or one that ends in it, with its suffix or without. A class is a "
        "WordNet id, a name or an index from 0. The ids of ImageNet's development kit, which count from 1 in another "
        "order, are refused.\n"
        "\n"
        "Images are used as stored, without EXIF orientation, as in published figures. The counts do not depend on "
        "threads, and on the batch only where two classes are as likely to the last digits of single precision.",
    .examples = "weft eval resnet50 --weights resnet50.pth --data imagenet/val|folders of WordNet ids\n"
                "weft eval lite0.safetensors --data val --labels val.txt --csv classes.csv|per class\n"
                "weft eval lite0.safetensors --data val --limit 1000 --bad-images skip:10|a sample",
    .rows = rows,
    .args_size = sizeof(eval_args),
    .run = run,
};
