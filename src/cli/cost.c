/* SPDX-License-Identifier: Apache-2.0
 *
 * weft cost: what a run would launch, move and compute on a GPU, from the steps of its plan. */
#include "cli/cost.h"

#include "cli/command.h"
#include "cli/subject.h"
#include "cli/table.h"
#include "cli/text.h"

/* clang-format off */
static const cli_column totals[] = {
    { "model", { "", "model" }, .flags = CLI_COLUMN_LEFT },
    { "dialect", { "", "dialect" }, .flags = CLI_COLUMN_DATA },
    { "launches", { "", "launches" }, .digits = 0 },
    { "read_bytes", { "read", "MB" }, .digits = 1, .scale = MEGA, .drop = 5 },
    { "written_bytes", { "written", "MB" }, .digits = 1, .scale = MEGA, .drop = 5 },
    { "weight_bytes", { "weights", "MB" }, .digits = 1, .scale = MEGA, .drop = 6 },
    { "bytes", { "moved", "MB" }, .digits = 1, .scale = MEGA },
    { "least_bytes", { "least", "MB" }, .digits = 1, .scale = MEGA, .drop = 4 },
    { "bytes_ratio", { "moved", "/ least" }, .digits = 3, .drop = 1 },
    { "flops", { "", "GFLOP" }, .digits = 1, .scale = GIGA, .drop = 3 },
    { "tensor_core_share", { "tensor", "cores %" }, .digits = 2, .scale = .01, .drop = 2 },
    { "arena_bytes", { "arena", "MB" }, .digits = 1, .scale = MEGA, .drop = 7 },
    { "workspace_bytes", { "workspace", "MB" }, .digits = 1, .scale = MEGA, .drop = 8 },
    { "plans", { "", "plans" }, .digits = 0, .drop = 9 },
    { "copies", { "", "copies" }, .digits = 0, .drop = 9 },
    { "casts", { "", "casts" }, .digits = 0, .drop = 9 },
    { "ms", { "roofline", "ms" }, .digits = 3 },
    { "images_per_second", { "roofline", "images/s" }, .digits = 0 },
};

static const cli_column launches[] = {
    { "step", { "", "step" }, .digits = 0 },
    { "name", { "", "name" }, .flags = CLI_COLUMN_LEFT },
    { "kernel", { "", "kernel" }, .flags = CLI_COLUMN_LEFT },
    { "what", { "", "part" }, .flags = CLI_COLUMN_LEFT | CLI_COLUMN_SPARSE, .drop = 5 },
    { "weight_bytes", { "weights", "MB" }, .digits = 2, .scale = MEGA, .drop = 2 },
    { "read_bytes", { "read", "MB" }, .digits = 2, .scale = MEGA, .drop = 1 },
    { "written_bytes", { "written", "MB" }, .digits = 2, .scale = MEGA, .drop = 1 },
    { "tensor_core_flops", { "tensor", "GFLOP" }, .digits = 3, .scale = GIGA, .drop = 3 },
    { "core_flops", { "other", "GFLOP" }, .digits = 3, .scale = GIGA, .drop = 4 },
    { "workspace_bytes", { "", "workspace" }, .digits = 0, .flags = CLI_COLUMN_DATA },
    { "us", { "roofline", "us" }, .digits = 1 },
};
/* clang-format on */

#define DEFAULT_TARGET "a100"

/* One network in one plan. */
typedef struct plan {
    const weft_arch *arch;
    weft_ctx *ctx;
    weft_graph *graph;
    weft_trainer *trainer; /* of a step of training; else NULL */
    weft_model *model;
    weft_run_cost cost;
    weft_memory memory;
} plan;

static weft_status plan_model(bool train, plan *p)
{
    if (!train)
        return weft_model_create(p->ctx, p->graph, &(weft_model_opt){ .plan_only = true }, &p->model);
    CLI_TRY_STATUS(weft_trainer_create(p->ctx, p->graph, &cost_training, &p->trainer));
    p->model = weft_trainer_model(p->trainer);
    return WEFT_OK;
}

static cli_exit open_plan(const cost_args *args, const char *name, plan *p)
{
    weft_ctx_opt ctx = args->ctx;
    ctx.device = "cuda";
    ctx.target = args->ctx.target ? args->ctx.target : DEFAULT_TARGET;
    ctx.threads = 1;
    ctx.training = args->train;
    cli_subject subject;
    CLI_TRY(cli_open(&ctx, &p->ctx));
    CLI_TRY(cli_find_subject(p->ctx, name, args->dialect, &args->size, &subject, NULL));
    p->arch = subject.arch;
    CLI_TRY(cli_build(p->ctx, &subject, args->batch, &p->graph));
    CLI_TRY_LIBRARY(plan_model(args->train, p));
    CLI_TRY_LIBRARY(weft_model_cost(p->model, &p->cost));
    CLI_TRY_LIBRARY(weft_model_memory(p->model, &p->memory));
    return CLI_OK;
}

static void close_plan(plan *p)
{
    if (!p->trainer)
        weft_model_destroy(p->model);
    weft_trainer_destroy(p->trainer);
    weft_graph_destroy(p->graph);
    weft_ctx_destroy(p->ctx);
}

static void add_totals(const plan *p, int64_t batch, cli_table *table)
{
    const weft_run_cost *c = &p->cost;
    const double bytes = c->read + c->written + c->weights, flops = c->tensor_core + c->core;
    cli_table_add(table);
    cli_put_text(table, "model", "%s", p->arch->name);
    cli_put_text(table, "dialect", "%s", weft_dialect_name(p->arch->dialect));
    cli_put_number(table, "launches", c->launches);
    cli_put_number(table, "read_bytes", c->read);
    cli_put_number(table, "written_bytes", c->written);
    cli_put_number(table, "weight_bytes", c->weights);
    cli_put_number(table, "bytes", bytes);
    cli_put_number(table, "least_bytes", c->least_bytes);
    cli_put_number(table, "bytes_ratio", bytes / c->least_bytes);
    cli_put_number(table, "flops", flops);
    cli_put_number(table, "tensor_core_share", flops > 0 ? c->tensor_core / flops : 0);
    cli_put_number(table, "arena_bytes", (double)p->memory.arena);
    cli_put_number(table, "workspace_bytes", (double)c->workspace);
    cli_put_number(table, "plans", c->plans);
    cli_put_number(table, "copies", c->copies);
    cli_put_number(table, "casts", c->casts);
    cli_put_number(table, "ms", 1e3 * c->seconds);
    cli_put_number(table, "images_per_second", c->seconds > 0 ? (double)batch / c->seconds : 0);
}

static cli_exit add_launches(const plan *p, cli_table *table)
{
    const int n = weft_model_launch_count(p->model);
    for (int i = 0; i < n; i++) {
        weft_launch_info l;
        CLI_TRY_LIBRARY(weft_model_launch(p->model, i, &l));
        cli_table_add(table);
        cli_put_number(table, "step", l.step);
        cli_put_text(table, "name", "%s", l.name);
        cli_put_text(table, "kernel", "%s", l.kernel);
        cli_put_text(table, "what", "%s", l.what);
        cli_put_number(table, "weight_bytes", l.weights);
        cli_put_number(table, "read_bytes", l.read);
        cli_put_number(table, "written_bytes", l.written);
        cli_put_number(table, "tensor_core_flops", l.tensor_core);
        cli_put_number(table, "core_flops", l.core);
        cli_put_number(table, "workspace_bytes", (double)l.workspace);
        cli_put_number(table, "us", 1e6 * l.seconds);
    }
    return CLI_OK;
}

/* The plan's settings, once for all networks. */
typedef struct setting {
    char device[64], precision[16];
    double tensor_core, core, bandwidth;
} setting;

static cli_exit add_plan(const cost_args *args, const plan *p, cli_table *table, cli_table *steps, setting *s)
{
    add_totals(p, args->batch, table);
    snprintf(s->device, sizeof s->device, "%s", p->cost.device);
    snprintf(s->precision, sizeof s->precision, "%s", weft_precision_name(weft_ctx_precision(p->ctx)));
    s->tensor_core = p->cost.peak_tensor_core;
    s->core = p->cost.peak_core;
    s->bandwidth = p->cost.bandwidth;
    return args->steps ? add_launches(p, steps) : CLI_OK;
}

static cli_exit add_model(const cost_args *args, const char *name, cli_table *table, cli_table *steps, setting *s)
{
    plan p = { 0 };
    const cli_exit opened = open_plan(args, name, &p);
    const cli_exit code = opened ? opened : add_plan(args, &p, table, steps, s);
    close_plan(&p);
    return code;
}

static void print_json(const cost_args *args, const cli_table *table, const cli_table *steps, const setting *s)
{
    json_t *root = cli_json_document();
    cli_set_text(root, "target", args->ctx.target ? args->ctx.target : DEFAULT_TARGET);
    json_object_set_new(root, "train", json_boolean(args->train));
    cli_set_text(root, "device", s->device);
    cli_set_text(root, "precision", s->precision);
    cli_set_count(root, "batch", args->batch);
    cli_set_real(root, "peak_tensor_core", s->tensor_core);
    cli_set_real(root, "peak_core", s->core);
    cli_set_real(root, "bandwidth", s->bandwidth);
    json_object_set_new(root, "models", cli_table_json(table));
    if (args->steps)
        json_object_set_new(root, "launches", cli_table_json(steps));
    cli_json_print(root, stdout);
    json_decref(root);
}

static void print_tables(const cost_args *args, cli_table *table, cli_table *steps, const setting *s)
{
    if (args->steps) {
        cli_table_print(steps, &args->view, stdout);
        putchar('\n');
    }
    cli_table_head(table, "%s%s, %s, batch %lld; peaks %.4g TFLOP/s in %s, %.4g on other cores, %.4g GB/s",
                   args->train ? "a step of training, SGD with momentum: " : "", s->device, s->precision,
                   (long long)args->batch, s->tensor_core / 1e12, s->precision, s->core / 1e12, s->bandwidth / GIGA);
    cli_table_note(table, "planned, not run: counted from the steps that would run, over the card's published peaks");
    cli_table_print(table, &args->view, stdout);
}

static cli_exit add_up(const cli_call *call, cli_table *table, cli_table *steps)
{
    const cost_args *args = call->args;
    setting s = { .device = "" };
    CLI_TRY(cli_table_choose(table, args->view.columns));
    for (int i = 0; i < call->n_words; i++)
        CLI_TRY(add_model(args, call->words[i], table, steps, &s));
    if (args->view.format == CLI_FORMAT_JSON)
        print_json(args, table, steps, &s);
    else
        print_tables(args, table, steps, &s);
    return CLI_OK;
}

static cli_exit run(const cli_call *call)
{
    const cost_args *args = call->args;
    if (args->train && !args->ctx.target)
        return cost_train(call);
    cli_table *table = cli_table_create(totals, (int)(sizeof totals / sizeof *totals));
    cli_table *steps = cli_table_create(launches, (int)(sizeof launches / sizeof *launches));
    const cli_exit code = add_up(call, table, steps);
    cli_table_destroy(table);
    cli_table_destroy(steps);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    ROW_BATCH(cost_args, "32", 1, IMAGES_IN_A_RUN),
    ROW_TARGET(cost_args, NULL,
               "the GPU to plan for: t4, a100, 3090, l4, h100, b200, 5090, a compute capability (sm_90) or a file; "
               "default: a100, with --train the CPU"),
    ROW_PRECISION(cost_args, PRECISION_OF_STEPS),
    OPT_BOOL(cost_args, train, 0, "train",
             "of a step of training: forward, backward, SGD with momentum; on the CPU, or on the --target"),
    OPT_BOOL(cost_args, steps, 0, "steps", "print every launch; of a step on the CPU every step of the plan"),
    ROW_DIALECT(cost_args, WHOSE_VARIANT),
    ROWS_SIZE(cost_args),
    ROW_OUTPUT(cost_args),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_cost = {
    .name = "cost",
    .takes = CLI_TAKES_MODEL,
    .min_words = 1,
    .max_words = -1,
    .synopsis = "MODEL...",
    .brief = "what a run would cost on a GPU, whether it is there or not, or a step of training",
    .description =
        "Plans each MODEL for the GPU named by --target, which need not be there (neither driver nor NVIDIA's "
        "libraries are asked), and adds up what its steps would launch: kernels, bytes read and written, FLOPs and "
        "their share on tensor cores, memory. Nothing runs.\n"
        "\n"
        "Least is the traffic that fusion leaves at best: every convolution, dense layer and pool reads its inputs "
        "and weights once and writes its output once; norms, activations, additions, excitation and concatenation "
        "are free. The roofline time is the sum over launches of the longest of FLOPs over peak, bytes over "
        "bandwidth and the time of a launch in a recorded run: no card is faster.\n"
        "\n"
        "A target is t4, a100, 3090, l4, h100, b200 or 5090, a compute capability such as sm_90, or a file.\n"
        "\n"
        "With --train it is a step of training. On a GPU, if --target names one, least is what the forward pass moves "
        "at best. Without it is one on the CPU: FLOPs by the direct algorithm, two to a multiply-add, beside those of "
        "inference; bytes moved if every step of the plan reads its inputs and parameters once and writes its outputs "
        "once; and the memory that the step will hold, to the byte: activations and scratch (arena), packed "
        "parameters, and parameters with what the optimiser keeps.",
    .examples = "weft cost resnet50 --precision fp16|on an A100, 32 images a run\n"
                "weft cost efficientnet-b0 --target h100 --precision bf16 --batch 1 --steps|every launch\n"
                "weft cost resnet50 vgg16 mobilenetv2 --json|several networks, for a program to read\n"
                "weft cost resnet50 densenet201 --train --batch 32|what a step of training computes and holds\n"
                "weft cost resnet50 --train --target h100 --precision bf16 --batch 128|the launches of one",
    .rows = rows,
    .args_size = sizeof(cost_args),
    .run = run,
};
