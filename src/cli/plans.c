/* SPDX-License-Identifier: Apache-2.0
 *
 * weft plans: what a GPU would build before its first run, built ahead on a machine that need not have one. */
#include "cli/command.h"
#include "cli/subject.h"
#include "cli/table.h"
#include "cli/text.h"

#include <weft/train.h>

typedef struct plans_args {
    weft_ctx_opt ctx; /* target, precision, threads */
    cli_list batch;
    weft_dialect dialect;
    cli_size size;
    bool train;
    cli_view view;
} plans_args;

/* clang-format off */
static const cli_column columns[] = {
    CLI_COLUMNS_PLANNED,
    { "plans", { "", "plans" }, .digits = 0 },
    { "seconds", { "", "seconds" }, .digits = 1 },
};
/* clang-format on */

/* Makes the model, or the trainer with its own, which builds their plans, and nothing else. */
static weft_status plan(const plans_args *args, weft_ctx *ctx, const weft_graph *graph, weft_run_cost *cost)
{
    const weft_train_opt step = { .optimizer = { .momentum = .9 }, .plan_only = true };
    weft_trainer *trainer = NULL;
    weft_model *model = NULL;
    weft_status status = args->train
                             ? weft_trainer_create(ctx, graph, &step, &trainer)
                             : weft_model_create(ctx, graph, &(weft_model_opt){ .plan_only = true }, &model);
    if (!status)
        status = weft_model_cost(trainer ? weft_trainer_model(trainer) : model, cost);
    weft_trainer_destroy(trainer);
    weft_model_destroy(model);
    return status;
}

static cli_exit build(const plans_args *args, weft_ctx *ctx, const cli_subject *subject, int64_t batch,
                      weft_run_cost *cost)
{
    weft_graph *graph = NULL;
    CLI_TRY(cli_build(ctx, subject, batch, &graph));
    const weft_status status = plan(args, ctx, graph, cost);
    weft_graph_destroy(graph);
    return status ? cli_library_error(status) : CLI_OK;
}

static cli_exit add_model(const plans_args *args, weft_ctx *ctx, const char *word, cli_table *table)
{
    cli_subject subject;
    CLI_TRY(cli_find_subject(ctx, word, args->dialect, &args->size, &subject, NULL));
    for (int i = 0; i < args->batch.count; i++) {
        const double start = cli_now();
        weft_run_cost cost;
        CLI_TRY(build(args, ctx, &subject, args->batch.value[i], &cost));
        cli_add_planned(table, &subject, weft_ctx_precision(ctx), args->batch.value[i]);
        cli_put_number(table, "plans", cost.plans);
        cli_put_number(table, "seconds", cli_now() - start);
    }
    return CLI_OK;
}

static void print_json(const plans_args *args, const cli_table *table)
{
    json_t *root = cli_json_document();
    cli_set_text(root, "target", args->ctx.target);
    json_object_set_new(root, "models", cli_table_json(table));
    cli_json_print(root, stdout);
    json_decref(root);
}

static cli_exit run(const cli_call *call)
{
    const plans_args *args = call->args;
    weft_ctx_opt opt = args->ctx;
    weft_ctx *ctx = NULL;
    opt.device = "cuda";
    opt.plans = true;
    opt.training = args->train;
    cli_exit code = cli_open(&opt, &ctx);
    cli_table *table = cli_table_create(columns, (int)(sizeof columns / sizeof *columns));
    if (!code)
        code = cli_table_choose(table, args->view.columns);
    for (int i = 0; !code && i < call->n_words; i++)
        code = add_model(args, ctx, call->words[i], table);
    if (!code && args->view.format == CLI_FORMAT_JSON) {
        print_json(args, table);
    } else if (!code) {
        cli_table_head(table, "plans for %s, built or found on disk", args->ctx.target);
        cli_table_note(table, "kept in $XDG_CACHE_HOME/weft (else ~/.cache/weft), where the card's own weft looks");
        cli_table_print(table, &args->view, stdout);
    }
    cli_table_destroy(table);
    weft_ctx_destroy(ctx);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    OPT_LIST(plans_args, batch, 'b', "batch", "N,...", CLI_LIST_MAX, "32", 1, 65536, "images in a run, one or several"),
    ROW_TARGET(plans_args, "h100",
               "the GPU to plan for: t4, a100, 3090, l4, h100, h200, b200, 5090, a compute capability (sm_90) or a "
               "file"),
    ROW_PRECISION(plans_args, PRECISION_OF_STEPS),
    ROW_THREADS(plans_args, "threads that build plans"),
    ROW_DIALECT(plans_args, WHOSE_VARIANT),
    ROWS_SIZE(plans_args),
    OPT_BOOL(plans_args, train, 0, "train", "those of a step of training"),
    ROW_OUTPUT(plans_args),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_plans = {
    .name = "plans",
    .takes = CLI_TAKES_MODEL | CLI_TAKES_FILE,
    .min_words = 1,
    .max_words = -1,
    .synopsis = "MODEL|FILE...",
    .brief = "build what a GPU would build before its first run",
    .description =
        "The first run of a network on a GPU waits for cuDNN's plans, many of which are compiled for a second or "
        "more. This builds the plans of each MODEL, or of the network of each weight FILE, ahead, on all threads, for "
        "the GPU named by --target, and keeps them where weft on that GPU looks for them. cuDNN and the CUDA libraries "
        "that it needs must be there; a GPU need not.\n"
        "\n"
        "Plans hold for one version of cuDNN, one kind of card, one precision, one size of images and one batch. "
        "The folder can be carried to another machine. A plan that is on disk is not built again.",
    .examples = "weft plans resnet50 vgg16 --precision fp16 --batch 32,256|for an H100\n"
                "weft plans resnet50 --train --precision bf16 --batch 128 --target h200|of a step of training\n"
                "weft plans efficientnet-b0 --target l4 --json|for an L4, for a program to read",
    .rows = rows,
    .args_size = sizeof(plans_args),
    .run = run,
};
