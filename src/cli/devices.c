/* SPDX-License-Identifier: Apache-2.0
 *
 * weft devices: what this build can run on, what is missing for the rest, and the roofs of the CPU. */
#include <math.h>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/table.h"
#include "cli/text.h"

typedef struct devices_args {
    weft_ctx_opt ctx;   /* of --roof */
    const char *device; /* to open, too */
    cli_view view;
    bool roof;
} devices_args;

static const cli_column columns[] = {
    { "name", { "", "device" }, .flags = CLI_COLUMN_LEFT },
    { "available", { "", "available" }, .flags = CLI_COLUMN_LEFT },
    { "description", { "", "description" }, .flags = CLI_COLUMN_LEFT },
    { "memory", { "", "memory GiB" }, .digits = 1, .scale = 1073741824.0 },
    { "missing", { "", "missing" }, .flags = CLI_COLUMN_LEFT | CLI_COLUMN_SPARSE | CLI_COLUMN_STACK },
};

/* What a device that is not there needs, piece by piece. */
static const cli_column pieces[] = {
    { "device", { "", "device" }, .flags = CLI_COLUMN_LEFT },
    { "what", { "", "needs" }, .flags = CLI_COLUMN_LEFT },
    { "library", { "", "library" }, .flags = CLI_COLUMN_LEFT, .drop = 1 },
    { "found", { "", "found" }, .flags = CLI_COLUMN_LEFT },
    { "version", { "", "version" }, .flags = CLI_COLUMN_LEFT },
    { "path", { "", "file" }, .flags = CLI_COLUMN_LEFT | CLI_COLUMN_SPARSE | CLI_COLUMN_STACK },
    { "missing", { "", "missing" }, .flags = CLI_COLUMN_LEFT | CLI_COLUMN_SPARSE | CLI_COLUMN_STACK },
};

enum { MAX_PIECE = 32 };

static void add_pieces(cli_table *table)
{
    for (int i = 0; i < weft_device_count(); i++) {
        weft_device_info info;
        weft_device_piece list[MAX_PIECE];
        const int n = weft_device_get(i, &info) ? 0 : weft_device_pieces(i, list, MAX_PIECE);
        for (int k = 0; k < n && k < MAX_PIECE; k++) {
            cli_table_add(table);
            cli_put_text(table, "device", "%s", info.name);
            cli_put_text(table, "what", "%s", list[k].what);
            cli_put_text(table, "library", "%s", list[k].library);
            cli_put_bool(table, "found", list[k].found);
            cli_put_text(table, "version", "%s", list[k].version);
            if (list[k].path[0])
                cli_put_text(table, "path", "%s", list[k].path);
            if (list[k].missing[0])
                cli_put_text(table, "missing", "%s", list[k].missing);
        }
    }
}

typedef struct found {
    const devices_args *args;
    cli_table *table, *parts;
    weft_roof roof; /* of the CPU with these */
    int threads;
    char isa[32];
} found;

static cli_exit measure(found *f)
{
    weft_ctx *ctx;
    CLI_TRY(cli_open(&f->args->ctx, &ctx));
    const weft_status status = weft_measure_roof(ctx, &f->roof);
    f->threads = weft_ctx_threads(ctx);
    snprintf(f->isa, sizeof f->isa, "%s", weft_ctx_isa(ctx));
    weft_ctx_destroy(ctx);
    return status ? cli_library_error(status) : CLI_OK;
}

static cli_exit add_devices(cli_table *table)
{
    for (int i = 0; i < weft_device_count(); i++) {
        weft_device_info info;
        CLI_TRY_LIBRARY(weft_device_get(i, &info));
        cli_table_add(table);
        cli_put_text(table, "name", "%s", info.name);
        cli_put_bool(table, "available", info.available);
        cli_put_text(table, "description", "%s", info.description);
        cli_put_number(table, "memory", info.memory ? (double)info.memory : (double)NAN);
        if (info.missing[0])
            cli_put_text(table, "missing", "%s", info.missing);
    }
    return CLI_OK;
}

/* Whether the device that was asked for can be used. */
static cli_exit try_device(const char *name)
{
    weft_ctx *ctx;
    const weft_status status = name ? weft_ctx_create(&(weft_ctx_opt){ .device = name }, &ctx) : WEFT_OK;
    if (status)
        return cli_library_error(status);
    if (name)
        weft_ctx_destroy(ctx);
    return CLI_OK;
}

static void print_json(const found *f)
{
    json_t *root = cli_json_document();
    json_object_set_new(root, "devices", cli_table_json(f->table));
    json_object_set_new(root, "pieces", cli_table_json(f->parts));
    if (f->args->roof)
        json_object_set_new(root, "roof",
                            json_pack("{s:s, s:i, s:f, s:f}", "isa", f->isa, "threads", f->threads, "gflops",
                                      f->roof.gflops, "bandwidth", f->roof.bandwidth));
    cli_json_print(root, stdout);
    json_decref(root);
}

static void print_tables(const found *f)
{
    const cli_view *view = &f->args->view;
    if (f->args->roof)
        cli_table_note(f->table, "roof of the CPU (%s, %d thread%s): %.1f GFLOP/s fp32, %.1f GB/s read + written",
                       f->isa, f->threads, f->threads == 1 ? "" : "s", f->roof.gflops, f->roof.bandwidth);
    cli_table_print(f->table, view, stdout);
    if (cli_table_rows(f->parts) > 0 && view->format != CLI_FORMAT_CSV) {
        putchar('\n');
        cli_table_print(f->parts, &(cli_view){ .format = view->format, .wide = view->wide }, stdout);
    }
}

static cli_exit list(found *f)
{
    CLI_TRY(cli_table_choose(f->table, f->args->view.columns));
    CLI_TRY(add_devices(f->table));
    add_pieces(f->parts);
    if (f->args->roof)
        CLI_TRY(measure(f));
    if (f->args->view.format == CLI_FORMAT_JSON)
        print_json(f);
    else
        print_tables(f);
    return try_device(f->args->device);
}

static cli_exit run(const cli_call *call)
{
    found f = { .args = call->args };
    f.table = cli_table_create(columns, (int)(sizeof columns / sizeof *columns));
    f.parts = cli_table_create(pieces, (int)(sizeof pieces / sizeof *pieces));
    const cli_exit code = list(&f);
    cli_table_destroy(f.parts);
    cli_table_destroy(f.table);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    ROW_THREADS(devices_args, "threads that --roof measures with"),
    ROW_DEVICE(devices_args, device, NULL, DEVICES_ALL,
               "also open this device: exit 69, and what is missing, if it cannot be used"),
    ROW_ISA(devices_args),
    OPT_BOOL(devices_args, roof, 0, "roof", "measure the CPU's FMA peak and memory bandwidth"),
    ROW_OUTPUT(devices_args),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_devices = {
    .name = "devices",
    .brief = "list the devices, and what an absent one needs",
    .description = "Lists every device that this build knows. For one that cannot be used it says what is missing. "
                   "--roof measures what the CPU can do at best.",
    .examples = "weft devices --roof|also measure FMA peak and memory bandwidth",
    .rows = rows,
    .args_size = sizeof(devices_args),
    .run = run,
};
