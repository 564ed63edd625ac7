/* SPDX-License-Identifier: Apache-2.0
 *
 * weft eval: accuracy on a labelled data set: the command, its progress and its files. */
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/common.h"
#include "cli/confusion.h"
#include "cli/eval.h"
#include "cli/text.h"

enum { BATCH = 32 };

static void on_bad(void *user, const weft_fault *fault)
{
    eval *e = user;
    cli_bar_clear(&e->bar);
    cli_warn("left out: %s", fault->reason);
    json_array_append_new(e->bad, cli_json_string(fault->reason));
}

static bool on_progress(void *user, int64_t done, int64_t count)
{
    eval *e = user;
    cli_bar_count(&e->bar, done, count, "images");
    return !cli_interrupted();
}

static void on_prediction(void *user, const weft_prediction *one)
{
    eval_write_prediction(user, one);
}

static bool is_svg(const char *path)
{
    const size_t length = strlen(path);
    return length >= 4 && strcmp(path + length - 4, ".svg") == 0;
}

static const char *class_name(const void *user, int index, char buf[32])
{
    return cli_label_text(weft_classifier_label(((const eval *)user)->classifier, index), index, buf);
}

static void draw_confusion(const eval *e, FILE *file)
{
    cli_draw_confusion(&(cli_confusion){ .title = weft_classifier_arch(e->classifier)->name,
                                         .classes = e->result.classes, .counts = e->result.confusion,
                                         .name = class_name, .user = e }, file);
}

/* Ctrl-C leaves the figures of what was done before, and no files, which would be taken for whole. */
static cli_exit say_whether_all(const eval *e)
{
    const long long done = e->result.images + e->result.bad, all = weft_dataset_count(e->set);
    if (done == all)
        return CLI_OK;
    cli_warn("interrupted: these are the figures of %lld of %lld images", done, all);
    return CLI_INTERRUPTED;
}

static cli_exit evaluate(eval *e)
{
    const eval_args *args = e->args;
    CLI_TRY(cli_output_open(&e->csv, "csv", args->csv));
    CLI_TRY(cli_output_open(&e->confusion, "confusion", args->confusion));
    CLI_TRY(cli_output_open(&e->predictions, "predictions", args->predictions));
    if (e->predictions.file)
        eval_begin_predictions(e->predictions.file);
    const weft_evaluate_opt how = {
        .bad_limit = e->bad_limit, .progress = on_progress, .bad = on_bad, .user = e,
        .predicted = e->predictions.file ? on_prediction : NULL,
    };
    weft_status status = weft_dataset_open(e->ctx, args->data, &args->set, &e->set);
    cli_warn_left_out(e->set);
    cli_bar_open(&e->bar, args->progress);
    cli_interrupt_catch();
    if (!status)
        status = weft_evaluate(e->classifier, e->set, &how, &e->result);
    cli_interrupt_release();
    cli_bar_clear(&e->bar);
    if (status)
        return cli_library_error(status);
    if (e->csv.file)
        eval_write_classes(e, e->csv.file);
    if (e->confusion.file)
        (is_svg(args->confusion) ? draw_confusion : eval_write_confusion)(e, e->confusion.file);
    (args->json ? eval_print_json : eval_print_text)(e);
    return say_whether_all(e);
}

static cli_exit run(const cli_call *call)
{
    const eval_args *args = call->args;
    if (!args->data)
        return cli_error(CLI_USAGE, "eval: --data DATA is missing: a folder or a pack");
    eval e = { .call = call, .args = args };
    const int64_t batch = args->classifier.batch ? args->classifier.batch : BATCH;
    CLI_TRY(cli_bad_limit("--bad-images", args->bad_images, &e.bad_limit));
    CLI_TRY(cli_open_classifier(call, batch, true, &e.ctx, &e.classifier));
    e.bad = json_array();
    cli_exit code = evaluate(&e);
    code = cli_output_close(&e.csv, code);
    code = cli_output_close(&e.confusion, code);
    code = cli_output_close(&e.predictions, code);
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
    OPT_FILE(eval_args, data, 0, "data", "DATA", NULL, "the folder of the data set, or a pack of weft dataset pack"),
    OPT_ENUM(eval_args, set.part, 0, "part", "PART", "auto", "auto|train|val|test",
             "of a pack: train, val or test; auto: that for validation, else for testing, else the only one"),
    OPT_ENUM(eval_args, set.layout, 0, "layout", "NAME", "auto", "auto|folder|imagenet-val",
             "folder (one for each class), imagenet-val (all in one, with --labels), or auto: the latter with "
             "--labels"),
    OPT_FILE(eval_args, set.labels, 0, "labels", "FILE", NULL, "label file of the data set"),
    OPT_ENUM(eval_args, set.order, 0, "order", "HOW", "auto", "auto|name|number",
             "where class folders are numbered: the order of the network's classes, by the names' bytes (name: 10 "
             "before 2, as torchvision's ImageFolder) or by number; auto refuses where they differ"),
    OPT_ENUM(eval_args, set.numbers, 0, "count-from", "N", "auto", "auto|0|1",
             "which class a number in a label file is: the index from 0 or from 1; auto: from 0, and refuses where "
             "numbers may be those of ImageNet's development kit"),
    OPT_COUNT(eval_args, set.limit, 0, "limit", "N", "0", 0, OPT_MAX_COUNT,
              "images at most, spread evenly over the set; 0: all"),
    OPT_TEXT(eval_args, bad_images, 0, "bad-images", "WHAT", "fail", "fail|skip:10",
             "fail at the first image that cannot be read, or skip:N, which leaves out up to N of them"),
    OPT_FILE(eval_args, csv, 0, "csv", "FILE", NULL, "also write counts, precision, recall and F1 of each class"),
    OPT_FILE(eval_args, confusion, 0, "confusion", "FILE", NULL,
             "also write how often each class was taken for which: CSV of the pairs that occurred, or a picture if "
             "the name ends in .svg"),
    OPT_FILE(eval_args, predictions, 0, "predictions", "FILE", NULL, "also write what each image was taken for (CSV)"),
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
        "WordNet ids (n01440764, n02085620-Chihuahua), class names, class names behind a number (001.Albatross), as "
        "many folders as classes in order of name, unless the network has names that the folders have not. Anything "
        "less clear is refused, and so are folders called train and val. A folder that is met again through a link is "
        "not entered again. Files that are not looked at are counted by kind, and a class of which no file is read is "
        "an error.\n"
        "\n"
        "A label file has the class of image i on line i, or lines of an image and its class: two words, or fields "
        "between tabs, commas or semicolons, with or without a line of headings (Kaggle's LOC_val_solution.csv too). "
        "An image is named by its path in the folder or one that ends in it, with its suffix or without. A class is a "
        "WordNet id, a name or an index from 0. The ids of ImageNet's development kit, which count from 1 in another "
        "order, are refused.\n"
        "\n"
        "A pack of weft dataset pack has its classes with it, which are matched as class folders are. Its photographs "
        "are those that were packed, most of them made smaller and compressed again: figures may differ by some tenths "
        "of a percent from those of the folder, and none that were published stand beside them.\n"
        "\n"
        "Beside the two, it prints the mean F1 of the classes that occur (macro F1) and how far probabilities are from "
        "the share that is right (expected calibration error, Guo et al. 2017, 15 bins). Ctrl-C prints the figures of "
        "the images until then, writes no files, and gives exit code 130.\n"
        "\n"
        "Images are used as stored, without EXIF orientation, as in published figures. The counts do not depend on "
        "threads, and on the batch only where two classes are as likely to the last digits of single precision.",
    .examples = "weft eval resnet50 --weights resnet50.pth --data imagenet/val|folders of WordNet ids\n"
                "weft eval best.safetensors --data flowers.pack --part test|a part of a pack\n"
                "weft eval lite0.safetensors --data val --labels val.txt --csv classes.csv|per class\n"
                "weft eval lite0.safetensors --data val --confusion pairs.svg --predictions images.csv|what is taken "
                "for what, and each image\n"
                "weft eval lite0.safetensors --data val --limit 1000 --bad-images skip:10|a sample",
    .rows = rows,
    .args_size = sizeof(eval_args),
    .run = run,
};
