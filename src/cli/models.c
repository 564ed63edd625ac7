/* SPDX-License-Identifier: Apache-2.0
 *
 * weft models: the networks of the registry, with what was published about each. */
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/table.h"
#include "cli/text.h"

typedef struct models_args {
    cli_view view;
} models_args;

static const cli_column columns[] = {
    { "name", { "", "model" }, .flags = CLI_COLUMN_LEFT },
    { "alias", { "", "alias" }, .flags = CLI_COLUMN_LEFT, .drop = 4 },
    { "dialect", { "", "dialect" }, .flags = CLI_COLUMN_LEFT },
    { "default", { "", "default" }, .flags = CLI_COLUMN_LEFT | CLI_COLUMN_DATA },
    { "in_table", { "", "table" }, .flags = CLI_COLUMN_LEFT | CLI_COLUMN_DATA },
    { "px", { "", "px" }, .digits = 0, .drop = 2 },
    { "channels", { "", "channels" }, .flags = CLI_COLUMN_DATA },
    { "classes", { "", "classes" }, .digits = 0, .drop = 5 },
    { "recipe", { "", "recipe" }, .flags = CLI_COLUMN_LEFT | CLI_COLUMN_DATA },
    { "params", { "", "params M" }, .digits = 3, .scale = 1e6 },
    { "trainable", { "", "trainable" }, .flags = CLI_COLUMN_DATA },
    { "macs", { "", "GMACs" }, .digits = 3, .scale = 1e9, .drop = 1 },
    { "size_published", { "", "MB" }, .digits = 0, .drop = 6 },
    { "top1", { "", "top-1 %" }, .digits = 1 },
    { "top5", { "", "top-5 %" }, .digits = 1, .drop = 3 },
    { "cpu_published", { "", "CPU ms" }, .flags = CLI_COLUMN_DATA },
    { "gpu_published", { "", "GPU ms" }, .flags = CLI_COLUMN_DATA },
    { "source", { "", "published by" }, .flags = CLI_COLUMN_LEFT, .drop = 7 },
    { "paper", { "", "paper" }, .flags = CLI_COLUMN_LEFT, .drop = 8 },
};

static void put_published(cli_table *table, const char *key, double value)
{
    cli_put_number(table, key, value > 0 ? value : (double)NAN);
}

static void add(cli_table *table, const weft_arch *a)
{
    char recipe[WEFT_RECIPE_TEXT];
    const weft_recipe how = weft_arch_recipe(a, 0);
    cli_table_add(table);
    cli_put_text(table, "name", "%s", a->name);
    cli_put_text(table, "alias", "%s", a->alias ? a->alias : "");
    cli_put_text(table, "dialect", "%s", weft_dialect_name(a->dialect));
    cli_put_bool(table, "default", a->is_default);
    cli_put_bool(table, "in_table", a->in_table);
    cli_put_number(table, "px", a->px);
    cli_put_number(table, "channels", a->channels);
    cli_put_number(table, "classes", a->classes);
    cli_put_text(table, "recipe", "%s", weft_recipe_text(&how, recipe, sizeof recipe));
    cli_put_number(table, "params", (double)a->params);
    cli_put_number(table, "trainable", (double)a->trainable);
    cli_put_number(table, "macs", (double)a->macs);
    put_published(table, "size_published", a->published.size_mb);
    put_published(table, "top1", a->published.top1);
    put_published(table, "top5", a->published.top5);
    put_published(table, "cpu_published", a->published.cpu_ms);
    put_published(table, "gpu_published", a->published.gpu_ms);
    cli_put_text(table, "source", "%s", a->published.source ? a->published.source : "");
    cli_put_text(table, "paper", "%s", a->paper ? a->paper : "");
}

/* The weight files that are published for a network. */
static json_t *files_json(const weft_arch *arch)
{
    json_t *const list = json_array();
    const weft_arch_file *f;
    for (int i = 0; (f = weft_arch_file_get(arch, i)) != NULL; i++) {
        json_t *const file = json_object();
        cli_set_text(file, "file", f->file);
        cli_set_text(file, "address", f->address);
        if (f->digest)
            cli_set_text(file, "digest", f->digest);
        if (f->mib > 0)
            cli_set_real(file, "mib", f->mib);
        if (f->recipe)
            cli_set_text(file, "recipe", f->recipe);
        if (f->top1 > 0) {
            cli_set_real(file, "top1", f->top1);
            cli_set_real(file, "top5", f->top5);
        }
        json_array_append_new(list, file);
    }
    return list;
}

static void print_json(const cli_table *table)
{
    json_t *root = cli_json_document(), *models = cli_table_json(table);
    for (size_t i = 0; i < json_array_size(models); i++) {
        json_t *const model = json_array_get(models, i);
        const weft_dialect dialect = weft_dialect_parse(cli_json_text(model, "dialect"));
        json_object_set_new(model, "weights", files_json(weft_arch_find(cli_json_text(model, "name"), dialect)));
    }
    json_object_set_new(root, "models", models);
    cli_json_print(root, stdout);
    json_decref(root);
}

/* Whether a network is meant by a word: by its name; by a pattern of the shell's kind; by a part of its name. */
static bool is_meant(const char *word, const weft_arch *arch, bool exact)
{
    if (exact)
        return weft_arch_find(word, arch->dialect) == arch;
    char *const pattern = strpbrk(word, "*?[") ? cli_copy(word) : cli_format_text("*%s*", word);
    const bool meant = fnmatch(pattern, arch->name, FNM_CASEFOLD) == 0 ||
                       (arch->alias && fnmatch(pattern, arch->alias, FNM_CASEFOLD) == 0);
    free(pattern);
    return meant;
}

static cli_exit add_meant(cli_table *table, const char *word)
{
    const bool exact = weft_arch_find(word, WEFT_DIALECT_DEFAULT) != NULL;
    int count = 0;
    for (int i = 0; i < weft_arch_count(); i++) {
        if (!is_meant(word, weft_arch_get(i), exact))
            continue;
        add(table, weft_arch_get(i));
        count++;
    }
    const weft_arch *none;
    return count ? CLI_OK : cli_find_arch(word, WEFT_DIALECT_DEFAULT, &none);
}

static cli_exit run(const cli_call *call)
{
    const models_args *args = call->args;
    cli_table *table = cli_table_create(columns, (int)(sizeof columns / sizeof *columns));
    cli_exit code = cli_table_choose(table, args->view.columns);
    for (int w = 0; !code && w < call->n_words; w++)
        code = add_meant(table, call->words[w]);
    for (int i = 0; !code && call->n_words == 0 && i < weft_arch_count(); i++)
        add(table, weft_arch_get(i));
    if (!code && args->view.format == CLI_FORMAT_JSON)
        print_json(table);
    else if (!code)
        cli_table_print(table, &args->view, stdout);
    cli_table_destroy(table);
    return code;
}

static const cli_option rows[] = { ROW_OUTPUT(models_args), OPT_HELP, OPT_END };

const cli_command cli_models = {
    .name = "models",
    .takes = CLI_TAKES_MODEL,
    .max_words = -1,
    .synopsis = "[PATTERN...]",
    .brief = "list the networks that weft knows",
    .description =
        "Lists every network in each of its dialects: aliases, input size, parameters, multiply-adds, and the "
        "accuracy that was published, with its source and paper. A PATTERN is a network's name, a part of one, or "
        "has *, ? and [] as the shell's have.\n"
        "\n"
        "In JSON, weights lists the files that frameworks publish for a network: name, address, size, digest (of "
        "SHA-256 perhaps only the beginning), and how they are evaluated where that differs. weft downloads nothing.",
    .examples = "weft models|the list\nweft models resnet|a family\nweft models 'efficientnet-b*'|a family without its "
                "relatives\nweft models --json resnet50|all about one, for a program",
    .rows = rows,
    .args_size = sizeof(models_args),
    .run = run,
};
