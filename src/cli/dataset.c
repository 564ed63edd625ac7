/* SPDX-License-Identifier: Apache-2.0
 *
 * weft dataset: what a set to train on is. The other commands of that name examine it. */
#include "cli/dataset.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cli/table.h"
#include "cli/text.h"

typedef struct dataset_args {
    cli_view view;
} dataset_args;

static const cli_column columns[] = {
    { "class", { "", "class" }, .flags = CLI_COLUMN_LEFT },
    { "train", { "", "train" }, .digits = 0 },
    { "val", { "", "val" }, .flags = CLI_COLUMN_SPARSE },
    { "test", { "", "test" }, .flags = CLI_COLUMN_SPARSE },
};

/* ---- shared ---- */

cli_exit dataset_open(const cli_call *call, dataset *out)
{
    CLI_TRY(cli_open_cpu(1, &out->ctx));
    CLI_TRY_LIBRARY(weft_trainset_open(out->ctx, call->words[0], NULL, &out->set));
    const weft_left_out *left;
    for (int i = 0; (left = weft_trainset_left_out(out->set, i)) != NULL; i++) {
        char *const first = cli_visible(left->first);
        cli_warn("left out: %" PRId64 " file%s (%s), such as %s", left->count, left->count == 1 ? "" : "s", left->kind,
                 first);
        free(first);
    }
    return CLI_OK;
}

void dataset_close(dataset *data)
{
    weft_trainset_destroy(data->set);
    weft_ctx_destroy(data->ctx);
}

char *dataset_title(const weft_trainset *set)
{
    const weft_native_size size = weft_trainset_native(set);
    char *const path = cli_visible(weft_trainset_path(set));
    char *text = size.width ? cli_format_text("%s in %s, %d x %d x %d:", weft_trainset_kind(set), path, size.width,
                                              size.height, size.channels)
                            : cli_format_text("%s in %s:", weft_trainset_kind(set), path);
    free(path);
    for (int p = 0; p < WEFT_PART_COUNT; p++) {
        const int64_t count = weft_trainset_count(set, (weft_part)p);
        char *const longer = count ? cli_format_text("%s %s %" PRId64 ",", text, weft_part_name((weft_part)p), count)
                                   : cli_copy(text);
        free(text);
        text = longer;
    }
    char *const whole = cli_format_text("%s %d classes", text, weft_trainset_classes(set));
    free(text);
    return whole;
}

void dataset_put_json(json_t *root, const weft_trainset *set)
{
    json_t *const parts = json_object(), *const classes = json_array();
    cli_set_text(root, "path", weft_trainset_path(set));
    cli_set_text(root, "kind", weft_trainset_kind(set));
    for (int p = 0; p < WEFT_PART_COUNT; p++)
        cli_set_count(parts, weft_part_name((weft_part)p), weft_trainset_count(set, (weft_part)p));
    json_object_set_new(root, "parts", parts);
    for (int i = 0; i < weft_trainset_classes(set); i++)
        json_array_append_new(classes, cli_json_string(weft_trainset_class(set, i)));
    json_object_set_new(root, "classes", classes);
}

/* ---- the command ---- */

static void fill(const weft_trainset *set, cli_table *table)
{
    for (int i = 0; i < weft_trainset_classes(set); i++) {
        char *const name = cli_visible(weft_trainset_class(set, i));
        cli_table_add(table);
        cli_put_text(table, "class", "%s", name);
        free(name);
        for (int p = 0; p < WEFT_PART_COUNT; p++) {
            if (weft_trainset_count(set, (weft_part)p))
                cli_put_number(table, weft_part_name((weft_part)p),
                               (double)weft_trainset_class_count(set, (weft_part)p, i));
        }
    }
}

static cli_exit list(const cli_call *call, dataset *data, cli_table *table)
{
    const dataset_args *const args = call->args;
    CLI_TRY(cli_table_choose(table, args->view.columns));
    CLI_TRY(dataset_open(call, data));
    fill(data->set, table);
    if (args->view.format == CLI_FORMAT_JSON) {
        json_t *const root = cli_json_document();
        dataset_put_json(root, data->set);
        json_object_set_new(root, "counts", cli_table_json(table));
        cli_json_print(root, stdout);
        json_decref(root);
        return CLI_OK;
    }
    char *const title = dataset_title(data->set);
    cli_table_head(table, "%s", title);
    free(title);
    cli_table_print(table, &args->view, stdout);
    return CLI_OK;
}

static cli_exit run(const cli_call *call)
{
    dataset data = { 0 };
    cli_table *const table = cli_table_create(columns, (int)(sizeof columns / sizeof *columns));
    const cli_exit code = list(call, &data, table);
    cli_table_destroy(table);
    dataset_close(&data);
    return code;
}

static const cli_option rows[] = { ROW_OUTPUT(dataset_args), OPT_HELP, OPT_END };

const cli_command cli_dataset = {
    .name = "dataset",
    .takes = CLI_TAKES_FILE,
    .min_words = 1,
    .max_words = 1,
    .synopsis = DATASET_SYNOPSIS,
    .brief = "list the parts and classes of a set to train on",
    .description =
        "Lists the classes of a set to train on, and how many images of each its parts have. " DATASET_OPERAND
        "A folder holds IDX files (train-images-idx3-ubyte and so on, also .gz), CIFAR's binaries, parts called train, "
        "val and test with a folder for each class, or class folders alone.",
    .examples = "weft dataset fashion-mnist|Zalando's clothes, from Debian's package dataset-fashion-mnist\n"
                "weft dataset flowers|a tree of photographs",
    .rows = rows,
    .args_size = sizeof(dataset_args),
    .run = run,
};
