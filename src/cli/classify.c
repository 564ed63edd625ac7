/* SPDX-License-Identifier: Apache-2.0
 *
 * weft classify: what photographs show. Names come from the command line or, for '-', from standard input, and are
 * worked off batch by batch, so that a long list answers as it goes. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/bar.h"
#include "cli/classifier.h"
#include "cli/common.h"
#include "cli/input.h"
#include "cli/settings.h"
#include "cli/table.h"
#include "cli/text.h"

enum { BATCH = 8, BAR = 20 };

typedef struct classify_args {
    cli_classifier_args classifier;
    int top;
    bool json;
    cli_progress progress;
} classify_args;

typedef struct classify {
    const cli_call *call;
    weft_ctx *ctx;
    weft_classifier *classifier;
    int top;
    char **names; /* waiting */
    int count, capacity;
    weft_answer *answers; /* [capacity][top] */
    weft_fault *faults;   /* [capacity] */
    json_t *images;       /* NULL: text */
    cli_bar bar;
    int64_t done, bad, total; /* total 0: not known */
    double seconds;
} classify;

/* "######......" in eighths of a cell. */
static void print_bar(double share)
{
    static const char *const parts[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
    const int eighths = (int)(share * BAR * 8 + .5);
    for (int i = 0; i < eighths / 8; i++)
        fputs("█", stdout);
    fputs(parts[eighths % 8], stdout);
    printf("%*s", BAR - eighths / 8 - (eighths % 8 != 0), "");
}

static void print_text(const classify *k, const char *name, const weft_answer *answers)
{
    fputs(cli_color(stdout, CLI_BOLD), stdout);
    cli_put_visible(stdout, name);
    printf("%s\n", cli_color(stdout, CLI_PLAIN));
    for (int i = 0; i < k->top; i++) {
        char buf[32];
        const weft_label label = { answers[i].id, answers[i].name };
        printf("  %5.1f %%  ", 100 * answers[i].probability);
        fputs(cli_color(stdout, CLI_CYAN), stdout);
        print_bar(answers[i].probability);
        printf("%s  ", cli_color(stdout, CLI_PLAIN));
        cli_put_visible(stdout, cli_label_text(&label, answers[i].index, buf));
        putchar('\n');
    }
}

static void add_json(const classify *k, const char *name, const weft_answer *answers, const weft_fault *fault)
{
    json_t *image = json_object(), *top = fault->status ? NULL : json_array();
    cli_set_text(image, "file", name);
    if (fault->status)
        cli_set_text(image, "error", fault->reason);
    for (int i = 0; top && i < k->top; i++) {
        json_t *one = json_object();
        cli_set_count(one, "class", answers[i].index);
        if (*answers[i].id)
            cli_set_text(one, "id", answers[i].id);
        if (*answers[i].name)
            cli_set_text(one, "name", answers[i].name);
        cli_set_real(one, "probability", answers[i].probability);
        json_array_append_new(top, one);
    }
    if (top)
        json_object_set_new(image, "top", top);
    json_array_append_new(k->images, image);
}

static void put_answer(classify *k, const char *name, const weft_answer *answers, const weft_fault *fault)
{
    cli_bar_clear(&k->bar);
    if (k->images)
        add_json(k, name, answers, fault);
    if (fault->status) {
        cli_error(CLI_DATA, "%s", fault->reason);
        k->bad++;
    } else if (!k->images) {
        print_text(k, name, answers);
    }
    k->done++;
}

/* Classifies the names that wait. */
static cli_exit flush(classify *k)
{
    const double start = cli_now();
    const weft_status status = weft_classify_files(k->classifier, (const char *const *)k->names, k->count, k->top,
                                                   k->answers, k->faults);
    if (status)
        return cli_library_error(status);
    k->seconds += cli_now() - start;
    for (int i = 0; i < k->count; i++) {
        put_answer(k, k->names[i], k->answers + (int64_t)i * k->top, &k->faults[i]);
        free(k->names[i]);
    }
    if (!k->images)
        fflush(stdout);
    k->count = 0;
    cli_bar_count(&k->bar, k->done, k->total, "images");
    return CLI_OK;
}

static cli_exit add_image(classify *k, const char *name)
{
    k->names[k->count++] = cli_copy(name);
    return k->count == k->capacity ? flush(k) : CLI_OK;
}

/* A folder stands for the images in it. */
static cli_exit add_folder(classify *k, const char *folder)
{
    const weft_dataset_opt opt = { .layout = WEFT_DATASET_UNLABELLED };
    weft_dataset *set;
    const weft_status status = weft_dataset_open(k->ctx, folder, &opt, &set);
    if (status)
        return cli_library_error(status);
    cli_warn_left_out(set);
    cli_exit code = CLI_OK;
    for (int64_t i = 0; !code && i < weft_dataset_count(set); i++) {
        const char *path;
        int label;
        code = weft_dataset_get(set, i, &path, &label) ? cli_library_error(WEFT_INTERNAL) : add_image(k, path);
    }
    weft_dataset_destroy(set);
    return code;
}

static cli_exit add(classify *k, const char *name)
{
    struct stat facts;
    return stat(name, &facts) == 0 && S_ISDIR(facts.st_mode) ? add_folder(k, name) : add_image(k, name);
}

/* The image that standard input is. */
static cli_exit classify_bytes(classify *k, const cli_input *input)
{
    const weft_image_opt opt = { .upright = true };
    weft_image image = { 0 };
    cli_exit code = k->count ? flush(k) : CLI_OK;
    const double start = cli_now();
    weft_fault fault = { 0 };
    if (code)
        return code;
    fault.status = weft_image_decode(k->ctx, "standard input", input->data, input->size, &opt, &image);
    if (!fault.status)
        fault.status = weft_classify_images(k->classifier, &image, 1, k->top, k->answers);
    weft_image_free(k->ctx, &image);
    k->seconds += cli_now() - start;
    if (fault.status && fault.status != WEFT_BAD_DATA && fault.status != WEFT_NUMERIC)
        return cli_library_error(fault.status);
    if (fault.status)
        snprintf(fault.reason, sizeof fault.reason, "%s", weft_error());
    put_answer(k, "standard input", k->answers, &fault);
    return CLI_OK;
}

static cli_exit add_input(classify *k)
{
    cli_input input = { 0 };
    const char *name = NULL;
    cli_exit code = cli_input_begin(&input);
    if (!code && cli_input_is_image(&input)) {
        code = cli_input_all(&input);
        if (!code)
            code = classify_bytes(k, &input);
    } else if (!code) {
        code = cli_input_name(&input, &name);
    }
    while (!code && name) {
        code = add(k, name);
        if (!code)
            code = cli_input_name(&input, &name);
    }
    free(input.data);
    return code;
}

/* Images of the command line; many if standard input or a folder names them. */
static int64_t expected(const cli_call *call)
{
    int64_t count = call->n_words - 1;
    for (int i = 1; i < call->n_words; i++) {
        struct stat facts;
        if (strcmp(call->words[i], "-") == 0 || (stat(call->words[i], &facts) == 0 && S_ISDIR(facts.st_mode)))
            count = BATCH;
    }
    return count > BATCH ? BATCH : count;
}

/* How many images will be looked at; 0: standard input names them. */
static int64_t count_all(const classify *k)
{
    const weft_dataset_opt opt = { .layout = WEFT_DATASET_UNLABELLED };
    int64_t count = 0;
    for (int i = 1; i < k->call->n_words; i++) {
        const char *const word = k->call->words[i];
        struct stat facts;
        weft_dataset *set;
        if (strcmp(word, "-") == 0)
            return 0;
        if (stat(word, &facts) == 0 && S_ISDIR(facts.st_mode) && !weft_dataset_open(k->ctx, word, &opt, &set)) {
            count += weft_dataset_count(set);
            weft_dataset_destroy(set);
        } else {
            count++;
        }
    }
    return count;
}

/* A bar is in the way of answers that appear on the same terminal. */
static void open_bar(classify *k, cli_progress wanted)
{
    const bool beside = wanted == CLI_PROGRESS_AUTO && !k->images && isatty(STDOUT_FILENO);
    cli_bar_open(&k->bar, beside ? CLI_PROGRESS_NEVER : wanted);
    k->total = k->bar.live ? count_all(k) : 0;
    k->bar.start = cli_now();
}

static void report(const classify *k, double ready)
{
    const weft_arch *arch = weft_classifier_arch(k->classifier);
    if (k->images) {
        json_t *root = cli_json_document();
        cli_describe_classifier(k->call, k->classifier, root);
        json_object_set(root, "images", k->images);
        cli_json_print(root, stdout);
        json_decref(root);
    }
    if (!cli_set_for_all.quiet)
        fprintf(stderr, "%s (%s, %s): %lld image%s in %.1f ms, ready after %.1f ms\n", arch->name,
                weft_dialect_name(arch->dialect), weft_ctx_isa(k->ctx), (long long)k->done, k->done == 1 ? "" : "s",
                1e3 * k->seconds, 1e3 * ready);
}

static cli_exit run(const cli_call *call)
{
    const classify_args *args = call->args;
    const double start = cli_now();
    if (call->n_words < 2)
        return cli_error(CLI_USAGE, "classify: IMAGE is missing; see 'weft classify --help'");
    classify k = { .call = call };
    const int64_t batch = args->classifier.batch ? args->classifier.batch : expected(call);
    cli_exit code = cli_open_classifier(call, batch, false, &k.ctx, &k.classifier);
    if (code)
        return code;
    const double ready = cli_now() - start;
    const int classes = weft_classifier_classes(k.classifier);
    k.top = args->top < classes ? args->top : classes;
    k.capacity = (int)batch;
    k.names = cli_alloc((size_t)batch, sizeof *k.names);
    k.answers = cli_alloc((size_t)batch * (size_t)k.top, sizeof *k.answers);
    k.faults = cli_alloc((size_t)batch, sizeof *k.faults);
    k.images = args->json ? json_array() : NULL;
    open_bar(&k, args->progress);
    for (int i = 1; !code && i < call->n_words; i++)
        code = strcmp(call->words[i], "-") == 0 ? add_input(&k) : add(&k, call->words[i]);
    if (!code && k.count)
        code = flush(&k);
    cli_bar_clear(&k.bar);
    if (!code)
        report(&k, ready);
    for (int i = 0; i < k.count; i++)
        free(k.names[i]);
    free(k.names);
    free(k.answers);
    free(k.faults);
    json_decref(k.images);
    weft_classifier_destroy(k.classifier);
    weft_ctx_destroy(k.ctx);
    return !code && k.bad ? CLI_DATA : code;
}

/* clang-format off */
static const cli_option rows[] = {
    CLASSIFIER_ROWS,
    OPT_INT(classify_args, top, 'k', "top", "K", "5", 1, 1000000, "classes to print"),
    ROW_JSON(classify_args),
    ROW_PROGRESS(classify_args, progress, ""),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_classify = {
    .name = "classify",
    .takes = CLI_TAKES_MODEL | CLI_TAKES_FILE,
    .min_words = 1,
    .max_words = -1,
    .synopsis = "MODEL|FILE IMAGE|DIR...",
    .brief = "say what photographs show",
    .description =
        "Classifies photographs (JPEG, PNG, WebP, TIFF, BMP, PNM) by a network of that name with the weights of "
        "--weights, or by a weight file that says itself which network it is of (see weft-convert(1)). Weights may be "
        "of weft, torchvision, timm or Keras, in safetensors, .pth, .h5, .weights.h5, .keras or .npz; weft never "
        "downloads any.\n"
        "\n"
        "Photographs are turned upright by their EXIF orientation, then resized, cropped and preprocessed as the "
        "network's publisher does, or as --recipe and the options after it say. A folder stands for the images in it, "
        "at any depth. With '-' for an image, standard input is an image itself, or names of images, one a line or "
        "each ended by a NUL byte as find -print0 writes them. An image that cannot be read is named on standard "
        "error; the others go on, and the exit code is 65.\n"
        "\n"
        "An image has at most 178,956,970 pixels, and a file of more than 64 MiB is read only if the size in its "
        "header accounts for it, also from standard input.\n"
        "\n"
        "In JSON, images has an object for each: file, and top (class, id, name, probability) or error.",
    .examples = "weft classify mobilenetv2 --weights mobilenet_v2.h5 photo.jpg|the five likeliest classes\n"
                "weft classify lite0.safetensors *.jpg --top 1|by a converted file, which knows its network\n"
                "weft classify lite0.safetensors photos|a folder\n"
                "curl -s URL | weft classify lite0.safetensors -|an image that comes through a pipe\n"
                "find photos -name '*.jpg' | weft classify lite0.safetensors - --json|many, for a program",
    .rows = rows,
    .args_size = sizeof(classify_args),
    .run = run,
};
