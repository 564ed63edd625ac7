/* SPDX-License-Identifier: Apache-2.0
 *
 * weft summary: a network's layers as it was built, its totals, and what the plan of a run will need. */
#include <stdlib.h>
#include <string.h>

#include "cli/check.h"
#include "cli/command.h"
#include "cli/subject.h"
#include "cli/table.h"
#include "cli/text.h"

typedef struct summary_args {
    weft_ctx_opt ctx;
    int64_t batch;
    weft_dialect dialect;
    cli_size size;
    cli_view view;
    bool dot, check;
} summary_args;

static const cli_column columns[] = {
    { "name", { "", "layer" }, .flags = CLI_COLUMN_LEFT },
    { "op", { "", "op" }, .flags = CLI_COLUMN_LEFT, .drop = 1 },
    { "detail", { "", "options" }, .flags = CLI_COLUMN_LEFT, .drop = 2 },
    { "output", { "", "output" }, .flags = CLI_COLUMN_LEFT },
    { "params", { "", "parameters" }, .digits = 0 },
    { "trainable", { "", "trainable" }, .flags = CLI_COLUMN_DATA },
    { "statistics", { "", "statistics" }, .flags = CLI_COLUMN_DATA },
    { "macs", { "", "MACs" }, .digits = 0 },
};

typedef struct summary {
    cli_subject subject;
    const weft_arch *arch;
    weft_ctx *ctx;
    weft_graph *graph;
    weft_model *model;
    weft_counts counts;
    weft_memory memory;
    weft_port_info input;
} summary;

static cli_exit open_summary(const summary_args *args, const char *name, summary *s)
{
    const weft_model_opt plan = { .plan_only = true };
    CLI_TRY(cli_open(&args->ctx, &s->ctx));
    CLI_TRY(cli_find_subject(s->ctx, name, args->dialect, &args->size, &s->subject, NULL));
    s->arch = s->subject.arch;
    CLI_TRY(cli_build(s->ctx, &s->subject, args->batch, &s->graph));
    CLI_TRY_LIBRARY(weft_graph_counts(s->graph, &s->counts));
    CLI_TRY_LIBRARY(weft_graph_input(s->graph, 0, &s->input));
    CLI_TRY_LIBRARY(weft_model_create(s->ctx, s->graph, &plan, &s->model));
    CLI_TRY_LIBRARY(weft_model_memory(s->model, &s->memory));
    return CLI_OK;
}

static void close_summary(summary *s)
{
    weft_model_destroy(s->model);
    weft_graph_destroy(s->graph);
    weft_ctx_destroy(s->ctx);
}

static cli_exit add_layers(const summary *s, cli_table *table)
{
    const bool statistics = weft_arch_counts_statistics(s->arch);
    for (int i = 0; i < weft_graph_node_count(s->graph); i++) {
        weft_node_info node;
        char shape[96];
        CLI_TRY_LIBRARY(weft_graph_node(s->graph, i, &node));
        cli_table_add(table);
        cli_put_text(table, "name", "%s", node.name);
        cli_put_text(table, "op", "%s", node.op);
        cli_put_text(table, "detail", "%s", node.detail);
        cli_put_text(table, "output", "%s", weft_shape_text(&node.out, shape, sizeof shape));
        cli_put_number(table, "params", (double)(node.trainable + (statistics ? node.statistics : 0)));
        cli_put_number(table, "trainable", (double)node.trainable);
        cli_put_number(table, "statistics", (double)node.statistics);
        cli_put_number(table, "macs", (double)node.macs);
    }
    return CLI_OK;
}

static void add_totals(const summary *s, cli_table *table)
{
    char arena[32], work[32], packed[32], params[32], shape[96];
    const weft_arch *a = s->arch;
    cli_table_head(table, "%s (%s), dialect %s: %s", a->name, a->alias ? a->alias : a->name,
                   weft_dialect_name(a->dialect), a->paper ? a->paper : "no paper");
    cli_table_note(table, "parameters   %lld (trainable %lld, statistics %lld)", (long long)cli_params(a, &s->counts),
                   (long long)s->counts.trainable, (long long)s->counts.statistics);
    cli_table_note(table, "MACs         %lld of one image, in convolutions and dense layers",
                   (long long)s->counts.macs);
    cli_table_note(table, "input        %s", weft_shape_text(&s->input.shape, shape, sizeof shape));
    if (s->subject.file) {
        char *const file = cli_visible(s->subject.file);
        char recipe[WEFT_RECIPE_TEXT];
        cli_table_note(table, "weights      %s: %d classes, %s", file, s->subject.classes,
                       weft_recipe_text(&s->subject.recipe, recipe, sizeof recipe));
        free(file);
    }
    cli_table_note(table, "memory       %zu bytes: arena %s (of it workspace %s), weights packed %s, as given %s",
                   s->memory.peak, cli_bytes_text((double)s->memory.arena, arena),
                   cli_bytes_text((double)s->memory.workspace, work), cli_bytes_text((double)s->memory.packed, packed),
                   cli_bytes_text((double)s->memory.params, params));
    cli_table_note(table, "plan         %d steps on %s, %s, %d threads", weft_model_step_count(s->model),
                   weft_ctx_device(s->ctx), weft_ctx_isa(s->ctx), weft_ctx_threads(s->ctx));
}

static void print_json(const summary *s, const cli_table *table)
{
    const weft_arch *a = s->arch;
    json_t *root = cli_json_document();
    cli_set_text(root, "model", a->name);
    cli_set_text(root, "dialect", weft_dialect_name(a->dialect));
    cli_set_text(root, "paper", a->paper ? a->paper : "");
    cli_set_count(root, "px", s->subject.px);
    cli_set_count(root, "classes", s->subject.classes);
    if (s->subject.file)
        cli_set_text(root, "weights", s->subject.file);
    json_object_set_new(root, "input", cli_json_shape(&s->input.shape));
    cli_set_count(root, "params", cli_params(a, &s->counts));
    cli_set_count(root, "trainable", s->counts.trainable);
    cli_set_count(root, "statistics", s->counts.statistics);
    cli_set_count(root, "macs", s->counts.macs);
    cli_set_count(root, "convolutions", s->counts.convolutions);
    cli_set_count(root, "peak_bytes", (int64_t)s->memory.arena);
    cli_set_count(root, "workspace_bytes", (int64_t)s->memory.workspace);
    cli_set_count(root, "packed_bytes", (int64_t)s->memory.packed);
    cli_set_count(root, "params_bytes", (int64_t)s->memory.params);
    cli_set_count(root, "total_bytes", (int64_t)s->memory.peak);
    cli_set_count(root, "steps", weft_model_step_count(s->model));
    cli_set_text(root, "device", weft_ctx_device(s->ctx));
    cli_set_text(root, "isa", weft_ctx_isa(s->ctx));
    cli_set_count(root, "threads", weft_ctx_threads(s->ctx));
    json_object_set_new(root, "layers", cli_table_json(table));
    cli_json_print(root, stdout);
    json_decref(root);
}

static void print_dot_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
}

static cli_exit print_dot(const summary *s)
{
    printf("digraph \"%s\" {\n  node [shape=box, fontname=\"sans-serif\"];\n", s->arch->name);
    for (int i = 0; i < weft_graph_input_count(s->graph); i++) {
        weft_port_info port;
        char shape[96];
        if (weft_graph_input(s->graph, i, &port))
            continue;
        printf("  i%d [shape=ellipse, label=\"%s\\n%s\"];\n", i, port.name,
               weft_shape_text(&port.shape, shape, sizeof shape));
    }
    for (int i = 0; i < weft_graph_node_count(s->graph); i++) {
        weft_node_info node;
        char shape[96];
        CLI_TRY_LIBRARY(weft_graph_node(s->graph, i, &node));
        printf("  n%d [label=\"", i);
        print_dot_text(node.name);
        printf("\\n%s ", node.op);
        print_dot_text(node.detail);
        printf("\\n%s\"];\n", weft_shape_text(&node.out, shape, sizeof shape));
        for (int k = 0; k < node.inputs; k++) {
            const int32_t from = node.input_of[k];
            printf("  %c%d -> n%d;\n", from < 0 ? 'i' : 'n', (int)(from < 0 ? -1 - from : from), i);
        }
    }
    puts("}");
    return CLI_OK;
}

static cli_exit summarise(const summary_args *args, const char *name, summary *s, cli_table *table)
{
    CLI_TRY(cli_table_choose(table, args->view.columns));
    CLI_TRY(open_summary(args, name, s));
    if (args->dot)
        return print_dot(s);
    CLI_TRY(add_layers(s, table));
    add_totals(s, table);
    if (args->view.format == CLI_FORMAT_JSON)
        print_json(s, table);
    else
        cli_table_print(table, &args->view, stdout);
    return CLI_OK;
}

static cli_exit run(const cli_call *call)
{
    summary s = { 0 };
    const summary_args *args = call->args;
    if (args->check)
        return cli_check_weights(call->words[0], &args->size, &args->view);
    cli_table *table = cli_table_create(columns, (int)(sizeof columns / sizeof *columns));
    const cli_exit code = summarise(call->args, call->words[0], &s, table);
    cli_table_destroy(table);
    close_summary(&s);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    ROW_BATCH(summary_args, "1", 1, "images to plan for"),
    ROW_THREADS(summary_args, "threads"),
    ROW_DEVICE_PLAN(summary_args),
    ROW_ISA(summary_args),
    ROW_MATH(summary_args, "fast"),
    ROW_DIALECT(summary_args, WHOSE_VARIANT),
    ROWS_SIZE(summary_args),
    OPT_BOOL(summary_args, check, 0, "check",
             "of a weight FILE, instead: range, NaN, infinities and SHA-256 of each tensor; exit 76 if any is not "
             "finite"),
    OPT_BOOL(summary_args, dot, 0, "dot", "print the graph for Graphviz instead"),
    ROW_OUTPUT(summary_args),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_summary = {
    .name = "summary",
    .takes = CLI_TAKES_MODEL | CLI_TAKES_FILE,
    .min_words = 1,
    .max_words = 1,
    .synopsis = "MODEL|FILE",
    .brief = "show a network's layers, shapes, parameters, MACs and memory",
    .description =
        "Prints every layer of MODEL, or of the network of a weight FILE (or a hub's folder), with the shape of its "
        "output, its parameters and its multiply-adds of one image, then the totals and the memory that a run will "
        "use, known to the byte without running anything.\n"
        "\n"
        "In JSON, params counts moving statistics where the dialect does (keras); trainable and statistics are "
        "always apart. peak_bytes is the arena: activations and workspace at their peak.",
    .examples = "weft summary efficientnet-b0|layers and totals\n"
                "weft summary resnet50 --dialect torch --json|counts for a program\n"
                "weft summary best.pth|of what network a checkpoint is, and its layers\n"
                "weft summary best.pth --check|whether its numbers are numbers\n"
                "weft summary lenet5 --dot | dot -Tsvg > lenet5.svg|draw the graph",
    .rows = rows,
    .args_size = sizeof(summary_args),
    .run = run,
};
