/* SPDX-License-Identifier: Apache-2.0
 *
 * weft dataset check: every image decoded, every fault named. */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/bar.h"
#include "cli/dataset.h"
#include "cli/text.h"

enum { BATCH = 64, SIDE = 8 };

typedef struct check_args {
    int threads;
    bool json;
    cli_progress progress;
} check_args;

typedef struct check {
    const check_args *args;
    dataset data;
    json_t *faults;
    cli_bar bar;
    int64_t images, bad;
} check;

static void on_bad(void *user, const char *reason)
{
    check *const c = user;
    c->bad++;
    json_array_append_new(c->faults, cli_json_string(reason));
    if (c->args->json)
        return;
    cli_bar_clear(&c->bar);
    cli_put_visible(stdout, reason);
    putchar('\n');
}

/* Decodes the images of a part; they are made small, since only decoding matters. */
static cli_exit check_part(check *c, weft_part part)
{
    const int64_t count = weft_trainset_count(c->data.set, part);
    const weft_recipe small = { .px = SIDE, .channels = 3, .resample = WEFT_NEAREST };
    const weft_loader_opt opt = { .part = part, .batch = BATCH, .recipe = &small, .in_order = true,
                                  .workers = c->args->threads, .bad_limit = count, .bad = on_bad, .user = c };
    weft_loader *loader = NULL;
    if (!count)
        return CLI_OK;
    cli_bar_open(&c->bar, c->args->progress);
    weft_status status = weft_loader_create(c->data.ctx, c->data.set, &opt, &loader);
    for (int64_t i = 0; !status && i < weft_loader_steps(loader); i++) {
        weft_batch batch;
        status = weft_loader_next(loader, &batch);
        const int64_t done = (i + 1) * BATCH;
        cli_bar_count(&c->bar, done < count ? done : count, count, "images");
    }
    c->images += count;
    weft_loader_destroy(loader);
    cli_bar_clear(&c->bar);
    return status ? cli_library_error(status) : CLI_OK;
}

/* A class that a part lacks, or that has one image in the training part, trains badly. */
static void tell_thin_classes(const check *c)
{
    const weft_trainset *const set = c->data.set;
    for (int i = 0; i < weft_trainset_classes(set); i++) {
        const int64_t n = weft_trainset_class_count(set, WEFT_PART_TRAIN, i);
        char *const name = cli_visible(weft_trainset_class(set, i));
        if (n < 2)
            cli_warn("class '%s' has %" PRId64 " image%s to train on", name, n, n == 1 ? "" : "s");
        free(name);
    }
}

static void report(check *c)
{
    if (c->args->json) {
        json_t *const root = cli_json_document();
        dataset_put_json(root, c->data.set);
        cli_set_count(root, "images", c->images);
        json_object_set(root, "faults", c->faults);
        cli_json_print(root, stdout);
        json_decref(root);
    } else {
        printf("%" PRId64 " of %" PRId64 " images are good\n", c->images - c->bad, c->images);
    }
}

static cli_exit examine(const cli_call *call, check *c)
{
    CLI_TRY(dataset_open(call, &c->data));
    for (int p = 0; p < WEFT_PART_COUNT; p++)
        CLI_TRY(check_part(c, (weft_part)p));
    tell_thin_classes(c);
    report(c);
    return c->bad ? CLI_DATA : CLI_OK;
}

static cli_exit run(const cli_call *call)
{
    check c = { .args = call->args, .faults = json_array() };
    const cli_exit code = examine(call, &c);
    json_decref(c.faults);
    dataset_close(&c.data);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    OPT_INT(check_args, threads, 't', "threads", "N", "0", 0, 256, "threads that decode" EACH_CPU ", 8 at most"),
    ROW_JSON(check_args),
    ROW_PROGRESS(check_args, progress, ""),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_dataset_check = {
    .name = "dataset check",
    .takes = CLI_TAKES_FILE,
    .min_words = 1,
    .max_words = 1,
    .synopsis = DATASET_SYNOPSIS,
    .brief = "decode every image of a set, and name all that are damaged",
    .description =
        "Decodes every image of every part and prints a line for each that cannot be: the file, the byte, what was "
        "expected. The exit status is 65 if there are any. " DATASET_OPERAND "Labels, sizes and names are checked when "
        "the set is opened. Pixels that changed without the file's format noticing are found by weft dataset hash.",
    .examples = "weft dataset check flowers|before a night of training\n"
                "weft dataset check imagenet --threads 8 --json|for a program to read",
    .rows = rows,
    .args_size = sizeof(check_args),
    .run = run,
};
