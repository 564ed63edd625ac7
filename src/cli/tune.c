/* SPDX-License-Identifier: Apache-2.0
 *
 * weft tune: on a GPU, tries several of cuDNN's engines for every layer, and the forms of the network, and keeps the
 * fastest. */
#include "cli/command.h"
#include "cli/subject.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/timing.h"

#include <stdlib.h>
#include <string.h>

typedef struct tune_args {
    weft_ctx_opt ctx; /* device, precision, threads */
    cli_list batch;
    weft_dialect dialect;
    cli_size size;
    cli_view view;
} tune_args;

/* clang-format off */
static const cli_column columns[] = {
    CLI_COLUMNS_PLANNED,
    { "plans", { "", "plans" }, .digits = 0 },
    { "seconds", { "", "seconds" }, .digits = 1 },
    { "untuned_ms", { "untuned", "ms" }, .digits = 3 },
    { "ms", { "tuned", "ms" }, .digits = 3 },
    { "gain", { "", "gain" }, .digits = 2 },
};
/* clang-format on */

/* Median of runs on images that are on the card. */
static weft_status time_model(const weft_ctx *ctx, weft_model *model, double *seconds)
{
    const cli_timing timing = { .ctx = ctx, .warmup = 1, .least = 20, .seconds = .3 };
    double *times = NULL;
    int n = 0;
    CLI_TRY_STATUS(cli_time_runs(&timing, cli_run_model, model, &times, &n));
    cli_sort_doubles(times, n);
    *seconds = cli_quantile(times, n, .5);
    free(times);
    return WEFT_OK;
}

/* What one way of planning took, and gives. */
typedef struct outcome {
    double built, run; /* seconds */
    int plans;
    weft_precision precision;
} outcome;

static cli_exit measure(const tune_args *args, const char *word, int64_t batch, weft_tuning tuning,
                        cli_subject *subject, outcome *out)
{
    weft_ctx_opt opt = args->ctx;
    weft_ctx *ctx = NULL;
    weft_graph *graph = NULL;
    weft_model *model = NULL;
    weft_run_cost cost;
    opt.tuning = tuning;
    CLI_TRY(cli_open(&opt, &ctx));
    cli_exit code = cli_find_subject(ctx, word, args->dialect, &args->size, subject, NULL);
    if (!code)
        code = cli_build(ctx, subject, batch, &graph);
    if (!code) {
        const double start = cli_now();
        weft_status status = weft_model_create(ctx, graph, &(weft_model_opt){ .resident = true }, &model);
        out->built = cli_now() - start;
        out->precision = weft_ctx_precision(ctx);
        if (!status)
            status = weft_model_cost(model, &cost);
        if (!status)
            status = weft_model_seed(model, 1);
        if (!status)
            status = time_model(ctx, model, &out->run);
        if (!status)
            out->plans = cost.plans;
        code = status ? cli_library_error(status) : CLI_OK;
    }
    weft_model_destroy(model);
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
    return code;
}

static cli_exit add_model(const tune_args *args, const char *word, cli_table *table)
{
    for (int i = 0; i < args->batch.count; i++) {
        const int64_t batch = args->batch.value[i];
        cli_subject subject;
        outcome before, after;
        CLI_TRY(measure(args, word, batch, WEFT_TUNING_NONE, &subject, &before));
        CLI_TRY(measure(args, word, batch, WEFT_TUNING_NOW, &subject, &after));
        cli_add_planned(table, &subject, after.precision, batch);
        cli_put_number(table, "plans", after.plans);
        cli_put_number(table, "seconds", after.built);
        cli_put_number(table, "untuned_ms", before.run * 1e3);
        cli_put_number(table, "ms", after.run * 1e3);
        cli_put_number(table, "gain", before.run / after.run);
    }
    return CLI_OK;
}

static cli_exit run(const cli_call *call)
{
    const tune_args *args = call->args;
    cli_table *table = cli_table_create(columns, (int)(sizeof columns / sizeof *columns));
    cli_exit code = cli_table_choose(table, args->view.columns);
    if (!code && strcmp(args->ctx.device, "cuda") != 0 && strncmp(args->ctx.device, "cuda:", 5) != 0)
        code = cli_error(CLI_USAGE, "there is nothing to tune on device %s: cuda or cuda:N is expected",
                         args->ctx.device);
    for (int i = 0; !code && i < call->n_words; i++)
        code = add_model(args, call->words[i], table);
    if (!code && args->view.format == CLI_FORMAT_JSON) {
        json_t *root = cli_json_document();
        json_object_set_new(root, "models", cli_table_json(table));
        cli_json_print(root, stdout);
        json_decref(root);
    } else if (!code) {
        cli_table_note(table, "kept in $XDG_CACHE_HOME/weft (else ~/.cache/weft), for this kind of card");
        cli_table_print(table, &args->view, stdout);
    }
    cli_table_destroy(table);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    OPT_LIST(tune_args, batch, 'b', "batch", "N,...", CLI_LIST_MAX, "32", 1, 65536, "images in a run, one or several"),
    ROW_DEVICE(tune_args, ctx.device, "cuda", NULL, "cuda, or cuda:1"),
    ROW_PRECISION(tune_args, PRECISION_OF_GPU),
    ROW_THREADS(tune_args, "threads that build plans"),
    ROW_DIALECT(tune_args, WHOSE_VARIANT),
    ROWS_SIZE(tune_args),
    ROW_OUTPUT(tune_args),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_tune = {
    .name = "tune",
    .takes = CLI_TAKES_MODEL | CLI_TAKES_FILE,
    .min_words = 1,
    .max_words = -1,
    .synopsis = "MODEL|FILE...",
    .brief = "find the fastest kernels of a GPU for a network",
    .description =
        "cuDNN names several engines for most layers, in an order that it guesses. This runs the first of them on the "
        "card, for every distinct layer of each MODEL, or of the network of each weight FILE, and keeps the fastest on "
        "disk, where weft finds it from then on. The same is done with the forms of the whole network: whether "
        "shortcuts are joined, 1x1 convolutions composed, pools computed with the convolution before them, whose "
        "matrix products are taken, and whether convolutions of images, and depthwise ones with the expansions before "
        "them, run on weft's own tensor-core kernels; WEFT_CUDA_WITH and WEFT_CUDA_NO decide those that they name. "
        "Then it prints the "
        "median time of a run before and after, with the images on the card.\n"
        "\n"
        "It takes seconds to minutes, and nothing else should use the card meanwhile. What was found holds for one "
        "version of cuDNN, one kind of card, one precision, one size of images and one batch, and can be carried to "
        "other machines with such a card. Results stay the same from run to run, but may differ in their last bits "
        "from those before. WEFT_CUDA_NO=tuned runs without what was found.",
    .examples = "weft tune resnet50 --precision fp16 --batch 1,32|for two batches\n"
                "weft tune resnet50 efficientnet-b0 --json|for a program to read",
    .rows = rows,
    .args_size = sizeof(tune_args),
    .run = run,
};
