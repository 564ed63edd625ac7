/* SPDX-License-Identifier: Apache-2.0
 *
 * weft cost --train: what a step of training computes, moves and holds, from its plan. Nothing is allocated. */
#include "cli/cost.h"
#include "cli/subject.h"
#include "cli/table.h"
#include "cli/text.h"

/* clang-format off */
static const cli_column totals[] = {
    { "model", { "", "model" }, .flags = CLI_COLUMN_LEFT },
    { "dialect", { "", "dialect" }, .flags = CLI_COLUMN_DATA },
    { "px", { "", "px" }, .flags = CLI_COLUMN_DATA },
    { "steps", { "", "steps" }, .digits = 0, .drop = 4 },
    { "inference_flops", { "inference", "GFLOP" }, .digits = 3, .scale = GIGA, .drop = 2 },
    { "flops", { "", "GFLOP" }, .digits = 3, .scale = GIGA },
    { "flops_ratio", { "", "/ inference" }, .digits = 2, .drop = 1 },
    { "bytes", { "moved", "MB" }, .digits = 1, .scale = MEGA },
    { "arena_bytes", { "arena", "MB" }, .digits = 1, .scale = MEGA },
    { "workspace_bytes", { "of it", "scratch MB" }, .digits = 1, .scale = MEGA, .drop = 5 },
    { "packed_bytes", { "packed", "MB" }, .digits = 1, .scale = MEGA, .drop = 3 },
    { "param_bytes", { "parameters,", "moments MB" }, .digits = 1, .scale = MEGA },
    { "peak_bytes", { "peak", "MB" }, .digits = 1, .scale = MEGA },
};

static const cli_column each[] = {
    { "step", { "", "step" }, .digits = 0 },
    { "name", { "", "name" }, .flags = CLI_COLUMN_LEFT },
    { "op", { "", "op" }, .flags = CLI_COLUMN_LEFT, .drop = 2 },
    { "kernel", { "", "kernel" }, .flags = CLI_COLUMN_LEFT },
    { "detail", { "", "detail" }, .flags = CLI_COLUMN_LEFT | CLI_COLUMN_SPARSE, .drop = 1 },
    { "flops", { "", "GFLOP" }, .digits = 4, .scale = GIGA },
    { "bytes", { "moved", "MB" }, .digits = 2, .scale = MEGA },
};
/* clang-format on */

const weft_train_opt cost_training = { .optimizer = { .momentum = .9 }, .plan_only = true };

/* A network and the plan of a step of it. */
typedef struct plan {
    cli_subject subject;
    weft_ctx *ctx;
    weft_graph *graph;
    weft_trainer *trainer;
    weft_counts counts;
    weft_memory memory;
} plan;

static cli_exit open_plan(const cost_args *args, const char *name, plan *p)
{
    CLI_TRY(cli_open_cpu(1, &p->ctx));
    CLI_TRY(cli_find_subject(p->ctx, name, args->dialect, &args->size, &p->subject, NULL));
    CLI_TRY(cli_build(p->ctx, &p->subject, args->batch, &p->graph));
    CLI_TRY_LIBRARY(weft_graph_counts(p->graph, &p->counts));
    CLI_TRY_LIBRARY(weft_trainer_create(p->ctx, p->graph, &cost_training, &p->trainer));
    CLI_TRY_LIBRARY(weft_model_memory(weft_trainer_model(p->trainer), &p->memory));
    return CLI_OK;
}

static void close_plan(plan *p)
{
    weft_trainer_destroy(p->trainer);
    weft_graph_destroy(p->graph);
    weft_ctx_destroy(p->ctx);
}

static void add_totals(const plan *p, int64_t batch, double flops, double bytes, cli_table *table)
{
    const double inference = 2.0 * (double)p->counts.macs * (double)batch;
    cli_table_add(table);
    cli_put_text(table, "model", "%s", p->subject.arch->name);
    cli_put_text(table, "dialect", "%s", weft_dialect_name(p->subject.arch->dialect));
    cli_put_number(table, "px", p->subject.px);
    cli_put_number(table, "steps", weft_model_step_count(weft_trainer_model(p->trainer)));
    cli_put_number(table, "inference_flops", inference);
    cli_put_number(table, "flops", flops);
    cli_put_number(table, "flops_ratio", flops / inference);
    cli_put_number(table, "bytes", bytes);
    cli_put_number(table, "arena_bytes", (double)p->memory.arena);
    cli_put_number(table, "workspace_bytes", (double)p->memory.workspace);
    cli_put_number(table, "packed_bytes", (double)p->memory.packed);
    cli_put_number(table, "param_bytes", (double)p->memory.params);
    cli_put_number(table, "peak_bytes", (double)p->memory.peak);
}

static void add_step(int index, const weft_step_info *s, cli_table *table)
{
    cli_table_add(table);
    cli_put_number(table, "step", index);
    cli_put_text(table, "name", "%s", s->name);
    cli_put_text(table, "op", "%s", s->op);
    cli_put_text(table, "kernel", "%s", s->kernel);
    cli_put_text(table, "detail", "%s", s->detail);
    cli_put_number(table, "flops", s->flops);
    cli_put_number(table, "bytes", s->bytes);
}

static cli_exit add_plan(const cost_args *args, const plan *p, cli_table *table, cli_table *steps)
{
    const weft_model *model = weft_trainer_model(p->trainer);
    double flops = 0, bytes = 0;
    for (int i = 0; i < weft_model_step_count(model); i++) {
        weft_step_info step;
        CLI_TRY_LIBRARY(weft_model_step(model, i, &step));
        flops += step.flops;
        bytes += step.bytes;
        if (args->steps)
            add_step(i, &step, steps);
    }
    add_totals(p, args->batch, flops, bytes, table);
    return CLI_OK;
}

static cli_exit add_model(const cost_args *args, const char *name, cli_table *table, cli_table *steps)
{
    plan p = { .ctx = NULL };
    const cli_exit opened = open_plan(args, name, &p);
    const cli_exit code = opened ? opened : add_plan(args, &p, table, steps);
    close_plan(&p);
    return code;
}

static void print(const cost_args *args, cli_table *table, cli_table *steps)
{
    if (args->view.format == CLI_FORMAT_JSON) {
        json_t *root = cli_json_document();
        cli_set_text(root, "device", "cpu");
        cli_set_count(root, "batch", args->batch);
        json_object_set_new(root, "models", cli_table_json(table));
        if (args->steps)
            json_object_set_new(root, "steps", cli_table_json(steps));
        cli_json_print(root, stdout);
        json_decref(root);
        return;
    }
    if (args->steps) {
        cli_table_print(steps, &args->view, stdout);
        putchar('\n');
    }
    cli_table_head(table, "a step of training on the CPU, SGD with momentum, batch %lld", (long long)args->batch);
    cli_table_note(table, "planned, not run: FLOPs of the direct algorithm, each tensor moved once by each step");
    cli_table_print(table, &args->view, stdout);
}

static cli_exit add_up(const cli_call *call, cli_table *table, cli_table *steps)
{
    const cost_args *args = call->args;
    CLI_TRY(cli_table_choose(table, args->view.columns));
    for (int i = 0; i < call->n_words; i++)
        CLI_TRY(add_model(args, call->words[i], table, steps));
    print(args, table, steps);
    return CLI_OK;
}

cli_exit cost_train(const cli_call *call)
{
    cli_table *table = cli_table_create(totals, (int)(sizeof totals / sizeof *totals));
    cli_table *steps = cli_table_create(each, (int)(sizeof each / sizeof *each));
    const cli_exit code = add_up(call, table, steps);
    cli_table_destroy(table);
    cli_table_destroy(steps);
    return code;
}
