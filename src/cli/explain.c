/* SPDX-License-Identifier: Apache-2.0
 *
 * weft explain: for each step of a plan the kernel chosen, and why each earlier candidate refused. */
#include <string.h>

#include "cli/bench.h"
#include "cli/command.h"
#include "cli/table.h"

typedef struct explain_args {
    weft_ctx_opt ctx;
    int64_t batch;
    weft_dialect dialect;
    cli_size size;
    cli_view view;
    bool no_units, passes;
} explain_args;

static const cli_column columns[] = {
    { "step", { "", "step" }, .digits = 0 },
    { "name", { "", "name" }, .flags = CLI_COLUMN_LEFT },
    { "detail", { "", "operation" }, .flags = CLI_COLUMN_LEFT, .drop = 1 },
    { "output", { "", "output" }, .flags = CLI_COLUMN_LEFT, .drop = 2 },
    { "kernel", { "", "kernel" }, .flags = CLI_COLUMN_LEFT },
    { "untuned", { "", "first choice" }, .flags = CLI_COLUMN_LEFT | CLI_COLUMN_SPARSE },
    { "refused", { "", "refused before" }, .flags = CLI_COLUMN_LEFT | CLI_COLUMN_STACK },
};

static const cli_column change_columns[] = {
    { "pass", { "", "pass" }, .flags = CLI_COLUMN_LEFT },
    { "before", { "nodes", "before" }, .digits = 0 },
    { "after", { "nodes", "after" }, .digits = 0 },
    { "node", { "", "node" }, .flags = CLI_COLUMN_LEFT },
    { "what", { "", "what" }, .flags = CLI_COLUMN_LEFT },
    { "now", { "", "what it is now" }, .flags = CLI_COLUMN_LEFT, .drop = 1 },
};

/* Calls of weft_model_explain until the chosen kernel; text is "kernel: reason; ..." */
static void refusals(const weft_model *model, int step, char *text, size_t size, json_t *list)
{
    const char *kernel, *reason;
    size_t used = 0;
    text[0] = '\0';
    for (int k = 0; weft_model_explain(model, step, k, &kernel, &reason) == WEFT_OK && reason; k++) {
        if (used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s: %s", used ? "; " : "", kernel, reason);
        json_array_append_new(list, json_pack("{s:s, s:s}", "kernel", kernel, "reason", reason));
    }
}

/* untuned: the plan without what weft tune found; NULL: there is no other. A layer that is no step there is part of the
 * unit that begins before it. */
static cli_exit add_steps(const weft_model *model, const weft_model *untuned, cli_table *table, json_t *steps)
{
    const char *first = NULL;
    for (int i = 0; i < weft_model_step_count(model); i++) {
        weft_step_info step;
        char shape[96], text[1024];
        const weft_status status = weft_model_step(model, i, &step);
        if (status)
            return cli_library_error(status);
        json_t *refused = json_array();
        refusals(model, i, text, sizeof text, refused);
        cli_table_add(table);
        cli_put_number(table, "step", i);
        cli_put_text(table, "name", "%s", step.name);
        cli_put_text(table, "detail", "%s%s%s", step.op, step.detail[0] ? " " : "", step.detail);
        cli_put_text(table, "output", "%s", weft_shape_text(&step.out, shape, sizeof shape));
        cli_put_text(table, "kernel", "%s", step.kernel);
        cli_put_text(table, "refused", "%s", text);
        first = cli_first_choice(untuned, step.name, first);
        const bool tuned = first && strcmp(first, step.kernel) != 0;
        if (tuned)
            cli_put_text(table, "untuned", "%s", first);
        json_t *entry = json_object();
        cli_set_count(entry, "step", i);
        cli_set_text(entry, "name", step.name);
        cli_set_text(entry, "op", step.op);
        cli_set_text(entry, "detail", step.detail);
        json_object_set_new(entry, "in", cli_json_shape(&step.in));
        json_object_set_new(entry, "out", cli_json_shape(&step.out));
        cli_set_text(entry, "kernel", step.kernel);
        cli_set_text(entry, "untuned", tuned ? first : step.kernel);
        json_object_set_new(entry, "refused", refused);
        json_array_append_new(steps, entry);
    }
    return CLI_OK;
}

/* A row for the pass, then one for each node that it changed. */
static cli_exit add_changes(const weft_model *model, int pass, const weft_pass_info *info, cli_table *table,
                            json_t *list)
{
    cli_table_add(table);
    cli_put_text(table, "pass", "%s", info->name);
    cli_put_number(table, "before", info->before);
    cli_put_number(table, "after", info->after);
    cli_put_text(table, "node", "%s", info->ran ? info->brief : "not for this kind of model");
    for (int k = 0; k < info->changes; k++) {
        weft_change_info change;
        const weft_status status = weft_model_pass_change(model, pass, k, &change);
        if (status)
            return cli_library_error(status);
        cli_table_add(table);
        cli_put_text(table, "node", "%s", change.node);
        cli_put_text(table, "what", "%s", change.what);
        cli_put_text(table, "now", "%s", change.now);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "node", change.node, "what", change.what, "now",
                                              change.now));
    }
    return CLI_OK;
}

/* What each pass did to the network. */
static cli_exit explain_passes(const explain_args *args, const weft_arch *arch, const weft_model *model)
{
    cli_table *table = cli_table_create(change_columns, (int)(sizeof change_columns / sizeof *change_columns));
    json_t *passes = json_array();
    cli_exit code = cli_table_choose(table, args->view.columns);
    for (int i = 0; !code && i < weft_model_pass_count(model); i++) {
        weft_pass_info info;
        const weft_status status = weft_model_pass(model, i, &info);
        if (status) {
            code = cli_library_error(status);
            break;
        }
        json_t *changes = json_array();
        code = add_changes(model, i, &info, table, changes);
        json_array_append_new(passes, json_pack("{s:s, s:s, s:b, s:i, s:i, s:o}", "pass", info.name, "brief",
                                                info.brief, "ran", info.ran, "before", info.before, "after",
                                                info.after, "changes", changes));
    }
    if (!code && args->view.format == CLI_FORMAT_JSON) {
        json_t *root = cli_json_document();
        cli_set_text(root, "model", arch->name);
        cli_set_text(root, "dialect", weft_dialect_name(arch->dialect));
        json_object_set(root, "passes", passes);
        cli_json_print(root, stdout);
        json_decref(root);
    } else if (!code) {
        cli_table_head(table, "%s, dialect %s: what %d passes did", arch->name, weft_dialect_name(arch->dialect),
                       weft_model_pass_count(model));
        cli_table_print(table, &args->view, stdout);
    }
    json_decref(passes);
    cli_table_destroy(table);
    return code;
}

static cli_exit explain(const explain_args *args, const weft_arch *arch, weft_ctx *ctx, const weft_model *model,
                        const weft_model *untuned)
{
    cli_table *table = cli_table_create(columns, (int)(sizeof columns / sizeof *columns));
    json_t *steps = json_array();
    cli_exit code = cli_table_choose(table, args->view.columns);
    if (!code)
        code = add_steps(model, untuned, table, steps);
    if (!code && args->view.format == CLI_FORMAT_JSON) {
        json_t *root = cli_json_document();
        cli_set_text(root, "model", arch->name);
        cli_set_text(root, "dialect", weft_dialect_name(arch->dialect));
        cli_set_count(root, "batch", args->batch);
        cli_set_text(root, "device", weft_ctx_device(ctx));
        cli_set_text(root, "isa", weft_ctx_isa(ctx));
        cli_set_count(root, "threads", weft_ctx_threads(ctx));
        cli_set_text(root, "math", args->ctx.math == WEFT_MATH_FAST ? "fast" : "strict");
        json_object_set(root, "steps", steps);
        cli_json_print(root, stdout);
        json_decref(root);
    } else if (!code) {
        cli_table_head(table, "%s, dialect %s, batch %lld: %d steps on %s (%s, %d threads, %s math)", arch->name,
                       weft_dialect_name(arch->dialect), (long long)args->batch, cli_table_rows(table),
                       weft_ctx_device(ctx), weft_ctx_isa(ctx), weft_ctx_threads(ctx),
                       args->ctx.math == WEFT_MATH_FAST ? "fast" : "strict");
        cli_table_print(table, &args->view, stdout);
    }
    json_decref(steps);
    cli_table_destroy(table);
    return code;
}

/* A network as it is planned. */
typedef struct planned {
    cli_subject subject;
    weft_ctx *ctx;
    weft_graph *graph;
    weft_model *model;
} planned;

static cli_exit plan(const explain_args *args, const char *word, weft_tuning tuning, planned *p)
{
    const weft_model_opt opt = { .plan_only = true, .no_units = args->no_units };
    weft_ctx_opt ctx = args->ctx;
    ctx.tuning = tuning;
    CLI_TRY(cli_open(&ctx, &p->ctx));
    CLI_TRY(cli_find_subject(p->ctx, word, args->dialect, &args->size, &p->subject, NULL));
    CLI_TRY(cli_build(p->ctx, &p->subject, args->batch, &p->graph));
    const weft_status status = weft_model_create(p->ctx, p->graph, &opt, &p->model);
    return status ? cli_library_error(status) : CLI_OK;
}

static void release(planned *p)
{
    weft_model_destroy(p->model);
    weft_graph_destroy(p->graph);
    weft_ctx_destroy(p->ctx);
}

static cli_exit run(const cli_call *call)
{
    const explain_args *args = call->args;
    planned now = { 0 }, untuned = { 0 };
    cli_exit code = plan(args, call->words[0], WEFT_TUNING_KEPT, &now);
    if (!code && !args->passes && strcmp(weft_ctx_device(now.ctx), "cpu") == 0)
        code = plan(args, call->words[0], WEFT_TUNING_NONE, &untuned);
    if (!code)
        code = args->passes ? explain_passes(args, now.subject.arch, now.model)
                            : explain(args, now.subject.arch, now.ctx, now.model, untuned.model);
    release(&untuned);
    release(&now);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    ROW_BATCH(explain_args, "1", 1, "images to plan for"),
    ROW_THREADS(explain_args, "threads"),
    ROW_DEVICE_PLAN(explain_args),
    ROW_TARGET(explain_args, NULL, "with --device cuda: plan for this GPU, which need not be there"),
    ROW_PRECISION(explain_args, PRECISION_OF_GPU),
    ROW_ISA(explain_args),
    ROW_MATH(explain_args, "fast"),
    ROW_DIALECT(explain_args, WHOSE_VARIANT),
    ROWS_SIZE(explain_args),
    ROW_NO_UNITS(explain_args),
    OPT_BOOL(explain_args, passes, 0, "passes", "what each pass did to the network, node by node, instead"),
    ROW_OUTPUT(explain_args),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_explain = {
    .name = "explain",
    .takes = CLI_TAKES_MODEL | CLI_TAKES_FILE,
    .min_words = 1,
    .max_words = 1,
    .synopsis = "MODEL|FILE",
    .brief = "say which kernel runs each step, and why not another",
    .description =
        "Plans MODEL, or the network of a weight FILE, without running it and prints for each step of the plan the "
        "kernel chosen and every kernel that is tried before it, with the reason why it refused; where weft tune found "
        "another on this CPU, also the first choice, that of machines without tuning. With --passes: what folding, "
        "fusion and the other passes made of the network's nodes before that.",
    .examples = "weft explain resnet50|every step\nweft explain resnet50 --isa avx2 --batch 32|for another CPU\n"
                "weft explain mobilenetv2 --passes|what was folded and fused",
    .rows = rows,
    .args_size = sizeof(explain_args),
    .run = run,
};
