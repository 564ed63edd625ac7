/* SPDX-License-Identifier: Apache-2.0
 *
 * weft classify: what photographs show. Names come from the command line or, for '-', from standard input, and are
 * worked off batch by batch, so that a long list answers as it goes. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/classifier.h"
#include "cli/common.h"
#include "cli/table.h"
#include "cli/text.h"

enum { BATCH = 8, BAR = 20 };

typedef struct classify {
    const cli_args *args;
    weft_ctx *ctx;
    weft_classifier *classifier;
    int top;
    char **names; /* waiting */
    int count, capacity;
    weft_answer *answers; /* [capacity][top] */
    weft_fault *faults;   /* [capacity] */
    json_t *images;       /* NULL: text */
    int64_t done, bad;
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
    printf("%s\n", name);
    for (int i = 0; i < k->top; i++) {
        char buf[32];
        const weft_label label = { answers[i].id, answers[i].name };
        printf("  %5.1f %%  ", 100 * answers[i].probability);
        print_bar(answers[i].probability);
        printf("  %s\n", cli_label_text(&label, answers[i].index, buf));
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
        const weft_answer *answers = k->answers + (int64_t)i * k->top;
        if (k->images)
            add_json(k, k->names[i], answers, &k->faults[i]);
        if (k->faults[i].status) {
            cli_error(CLI_DATA, "%s", k->faults[i].reason);
            k->bad++;
        } else if (!k->images) {
            print_text(k, k->names[i], answers);
        }
        free(k->names[i]);
    }
    if (!k->images)
        fflush(stdout);
    k->done += k->count;
    k->count = 0;
    return CLI_OK;
}

static cli_exit add(classify *k, const char *name)
{
    k->names[k->count++] = cli_copy(name);
    return k->count == k->capacity ? flush(k) : CLI_OK;
}

static cli_exit add_lines(classify *k)
{
    char *line = NULL;
    size_t size = 0;
    cli_exit code = CLI_OK;
    while (!code && getline(&line, &size, stdin) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        if (*line)
            code = add(k, line);
    }
    if (!code && ferror(stdin))
        code = cli_error(CLI_IO, "classify: cannot read standard input");
    free(line);
    return code;
}

/* Images of the command line; many if standard input names them. */
static int64_t expected(const cli_args *args)
{
    int64_t count = args->n_words - 1;
    for (int i = 1; i < args->n_words; i++)
        if (strcmp(args->words[i], "-") == 0)
            count = BATCH;
    return count > BATCH ? BATCH : count;
}

static void report(const classify *k, double ready)
{
    const weft_arch *arch = weft_classifier_arch(k->classifier);
    if (k->images) {
        json_t *root = json_object();
        cli_describe_classifier(k->args, k->classifier, root);
        json_object_set(root, "images", k->images);
        cli_json_print(root, stdout);
        json_decref(root);
    }
    fprintf(stderr, "%s (%s, %s): %lld image%s in %.1f ms, ready after %.1f ms\n", arch->name,
            weft_dialect_name(arch->dialect), weft_ctx_isa(k->ctx), (long long)k->done, k->done == 1 ? "" : "s",
            1e3 * k->seconds, 1e3 * ready);
}

cli_exit cli_classify(const cli_args *args)
{
    const double start = cli_now();
    if (args->n_words < 2)
        return cli_error(CLI_USAGE, "classify: IMAGE is missing; see 'weft classify --help'");
    classify k = { .args = args };
    const int64_t batch = args->batch.value[0] ? args->batch.value[0] : expected(args);
    cli_exit code = cli_open_classifier(args, batch, false, &k.ctx, &k.classifier);
    if (code)
        return code;
    const double ready = cli_now() - start;
    const int classes = weft_classifier_classes(k.classifier);
    k.top = args->top < classes ? (int)args->top : classes;
    k.capacity = (int)batch;
    k.names = cli_alloc((size_t)batch, sizeof *k.names);
    k.answers = cli_alloc((size_t)batch * (size_t)k.top, sizeof *k.answers);
    k.faults = cli_alloc((size_t)batch, sizeof *k.faults);
    k.images = args->json ? json_array() : NULL;
    for (int i = 1; !code && i < args->n_words; i++)
        code = strcmp(args->words[i], "-") == 0 ? add_lines(&k) : add(&k, args->words[i]);
    if (!code && k.count)
        code = flush(&k);
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
