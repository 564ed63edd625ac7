/* SPDX-License-Identifier: Apache-2.0
 *
 * weft convert --names: what a network's tensors are called here and there. */
#include "cli/names.h"

#include "cli/common.h"
#include "cli/table.h"

static const cli_column name_columns[] = {
    { "name", { "", "name" }, .flags = CLI_COLUMN_LEFT },
    { "shape", { "", "shape" }, .flags = CLI_COLUMN_LEFT },
    { "origin_name", { "", "name there" }, .flags = CLI_COLUMN_LEFT },
    { "origin_shape", { "", "shape there" }, .flags = CLI_COLUMN_LEFT },
    { "layout", { "", "layout" }, .flags = CLI_COLUMN_LEFT },
};

static void print_names_text(const weft_name_list *list, const weft_arch *arch)
{
    cli_table *table = cli_table_create(name_columns, (int)(sizeof name_columns / sizeof *name_columns));

    cli_table_head(table, "%s (%s) by %s", arch->name, weft_dialect_name(arch->dialect),
                   weft_origin_name(list->origin));
    for (int i = 0; i < list->count; i++) {
        const weft_name_entry *e = &list->entries[i];
        char shape[96];

        cli_table_add(table);
        cli_put_text(table, "name", "%s", e->name);
        cli_put_text(table, "shape", "%s", weft_shape_text(&e->shape, shape, sizeof shape));
        if (!e->origin_name)
            continue;
        cli_put_text(table, "origin_name", "%s%s", e->origin_name,
                     e->parts == 1 ? "" : e->part == 0 ? " (first half)" : " (second half)");
        cli_put_text(table, "origin_shape", "%s", weft_shape_text(&e->origin_shape, shape, sizeof shape));
        cli_put_text(table, "layout", "%s", e->layout);
    }
    cli_table_print_text(table, &(cli_view){ 0 }, stdout);
    cli_table_destroy(table);
}

static void print_names_json(const weft_name_list *list, const weft_arch *arch)
{
    json_t *root = cli_json_document(), *tensors = json_array();

    cli_set_text(root, "arch", arch->name);
    cli_set_text(root, "dialect", weft_dialect_name(arch->dialect));
    cli_set_text(root, "origin", weft_origin_name(list->origin));
    for (int i = 0; i < list->count; i++) {
        const weft_name_entry *e = &list->entries[i];
        json_t *tensor = json_object();

        cli_set_text(tensor, "name", e->name);
        json_object_set_new(tensor, "shape", cli_json_shape(&e->shape));
        json_object_set_new(tensor, "origin_name", e->origin_name ? cli_json_string(e->origin_name) : json_null());
        if (e->origin_name) {
            json_object_set_new(tensor, "origin_shape", cli_json_shape(&e->origin_shape));
            cli_set_text(tensor, "layout", e->layout);
            cli_set_count(tensor, "part", e->part);
            cli_set_count(tensor, "parts", e->parts);
        }
        json_array_append_new(tensors, tensor);
    }
    json_object_set_new(root, "tensors", tensors);
    cli_json_print(root, stdout);
    json_decref(root);
}

static cli_exit print_names(const weft_arch *arch, weft_origin from, bool json, weft_ctx *ctx)
{
    weft_name_list *list = NULL;

    CLI_TRY_LIBRARY(weft_weights_names(ctx, arch->name, arch->dialect, from, &list));
    (json ? print_names_json : print_names_text)(list, arch);
    weft_name_list_destroy(ctx, list);
    return CLI_OK;
}

cli_exit cli_list_names(const char *network, weft_dialect dialect, weft_origin from, bool json)
{
    const weft_arch *arch;
    weft_ctx *ctx;

    CLI_TRY(cli_find_arch(network, dialect, &arch));
    CLI_TRY(cli_open_cpu(1, &ctx));
    const cli_exit code = print_names(arch, from, json, ctx);
    weft_ctx_destroy(ctx);
    return code;
}
