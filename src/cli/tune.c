/* SPDX-License-Identifier: Apache-2.0
 *
 * weft tune: tries several ways to run every layer, and keeps the fastest: of a GPU cuDNN's engines and the forms of
 * the network, of a CPU the kernels that weft has, and whether units are one step or several. */
#include "cli/command.h"
#include "cli/subject.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/timing.h"

#include <stdlib.h>
#include <string.h>

typedef struct tune_args {
    weft_ctx_opt ctx; /* device, precision, threads, instruction set, math */
    cli_list batch;
    weft_dialect dialect;
    cli_size size;
    cli_view view;
} tune_args;

/* clang-format off */
static const cli_column columns[] = {
    CLI_COLUMNS_PLANNED,
    { "plans", { "", "plans" }, .digits = 0, .flags = CLI_COLUMN_SPARSE },
    { "steps", { "", "steps" }, .digits = 0, .flags = CLI_COLUMN_SPARSE },
    { "changed", { "steps", "changed" }, .digits = 0, .flags = CLI_COLUMN_SPARSE },
    { "seconds", { "", "seconds" }, .digits = 1 },
    { "untuned_ms", { "untuned", "ms" }, .digits = 3 },
    { "ms", { "tuned", "ms" }, .digits = 3 },
    { "gain", { "", "gain" }, .digits = 2 },
};
/* clang-format on */

static bool on_cpu(const weft_ctx *ctx)
{
    return strcmp(weft_ctx_device(ctx), "cpu") == 0;
}

/* Median of runs; on images that are on the card, if it is one. */
static weft_status time_model(const weft_ctx *ctx, weft_model *model, double *seconds)
{
    const cli_timing timing = { .ctx = ctx, .warmup = 1, .least = on_cpu(ctx) ? 5 : 20, .seconds = .3 };
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
    char **steps; /* [n_steps] of a CPU: their names and kernels */
    int n_steps;
} outcome;

static void list_steps(const weft_ctx *ctx, const weft_model *model, outcome *out)
{
    weft_step_info step;
    out->n_steps = on_cpu(ctx) ? weft_model_step_count(model) : 0;
    out->steps = cli_alloc((size_t)out->n_steps + 1, sizeof *out->steps);
    for (int i = 0; i < out->n_steps; i++)
        out->steps[i] =
            weft_model_step(model, i, &step) ? cli_copy("") : cli_format_text("%s %s", step.name, step.kernel);
}

/* Steps of after that are not those of before. */
static int changed_steps(const outcome *before, const outcome *after)
{
    int changed = 0;
    for (int i = 0; i < after->n_steps; i++) {
        int k = 0;
        while (k < before->n_steps && strcmp(before->steps[k], after->steps[i]) != 0)
            k++;
        changed += k == before->n_steps;
    }
    return changed;
}

static void release(outcome *out)
{
    for (int i = 0; i < out->n_steps; i++)
        free(out->steps[i]);
    free(out->steps);
}

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
        if (!status) {
            out->plans = cost.plans;
            list_steps(ctx, model, out);
        }
        code = status ? cli_library_error(status) : CLI_OK;
    }
    weft_model_destroy(model);
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
    return code;
}

static void add_row(cli_table *table, const cli_subject *subject, int64_t batch, const outcome *before,
                    const outcome *after)
{
    cli_add_planned(table, subject, after->precision, batch);
    if (after->n_steps) {
        cli_put_number(table, "steps", after->n_steps);
        cli_put_number(table, "changed", changed_steps(before, after));
    } else {
        cli_put_number(table, "plans", after->plans);
    }
    cli_put_number(table, "seconds", after->built);
    cli_put_number(table, "untuned_ms", before->run * 1e3);
    cli_put_number(table, "ms", after->run * 1e3);
    cli_put_number(table, "gain", before->run / after->run);
}

static cli_exit add_model(const tune_args *args, const char *word, cli_table *table)
{
    cli_exit code = CLI_OK;
    for (int i = 0; !code && i < args->batch.count; i++) {
        const int64_t batch = args->batch.value[i];
        cli_subject subject;
        outcome before = { 0 }, after = { 0 };
        code = measure(args, word, batch, WEFT_TUNING_NONE, &subject, &before);
        if (!code)
            code = measure(args, word, batch, WEFT_TUNING_NOW, &subject, &after);
        if (!code)
            add_row(table, &subject, batch, &before, &after);
        release(&before);
        release(&after);
    }
    return code;
}

/* Of what a device has that can be tuned. */
static cli_exit check_device(const tune_args *args)
{
    weft_ctx *ctx = NULL;
    CLI_TRY(cli_open(&args->ctx, &ctx));
    const char *const no = getenv("WEFT_CPU_NO");
    const bool null = strcmp(weft_ctx_device(ctx), "null") == 0, unused = on_cpu(ctx) && no && *no;
    weft_ctx_destroy(ctx);
    if (null)
        return cli_error(CLI_USAGE, "there is nothing to tune on device %s: cpu, cuda, cuda:N or auto is expected",
                         args->ctx.device);
    if (unused)
        return cli_error(CLI_USAGE, "WEFT_CPU_NO=%s: what would be found is not wanted; unset it to tune", no);
    return CLI_OK;
}

static cli_exit run(const cli_call *call)
{
    const tune_args *args = call->args;
    cli_table *table = cli_table_create(columns, (int)(sizeof columns / sizeof *columns));
    cli_exit code = cli_table_choose(table, args->view.columns);
    if (!code)
        code = check_device(args);
    for (int i = 0; !code && i < call->n_words; i++)
        code = add_model(args, call->words[i], table);
    if (!code && args->view.format == CLI_FORMAT_JSON) {
        json_t *root = cli_json_document();
        json_object_set_new(root, "models", cli_table_json(table));
        cli_json_print(root, stdout);
        json_decref(root);
    } else if (!code) {
        cli_table_note(table, "kept in $XDG_CACHE_HOME/weft (else ~/.cache/weft), for this kind of device");
        cli_table_print(table, &args->view, stdout);
    }
    cli_table_destroy(table);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    OPT_LIST(tune_args, batch, 'b', "batch", "N,...", CLI_LIST_MAX, "32", 1, 65536, "images in a run, one or several"),
    ROW_DEVICE(tune_args, ctx.device, "auto", DEVICES_ALL,
               "cpu, cuda, cuda:1 or auto: cuda where there is one, else cpu"),
    ROW_PRECISION(tune_args, PRECISION_OF_GPU),
    ROW_THREADS(tune_args, "threads that run, on a GPU those that build plans"),
    ROW_ISA(tune_args),
    ROW_MATH(tune_args, "fast"),
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
    .brief = "find the fastest kernels for a network on this machine",
    .description =
        "weft chooses kernels by rules from sizes and caches, the same on every machine, and needs no tuning. This "
        "times what else could run, on this machine, and keeps on disk what was clearly faster, where weft finds it "
        "from then on; weft explain shows it beside the first choice.\n"
        "\n"
        "On the CPU every kernel that takes a layer, and errs no more than the first choice, is timed in the network "
        "itself, and so are the layers of units, which may be faster one by one; whole runs then decide whether the "
        "choices are kept at all. They hold for one kind of CPU, number of threads, instruction set, math and version "
        "of weft, for layers of the same sizes in any network, and for inference. Results stay the same from run to "
        "run, but may differ in their last bits from those before, and so between numbers of threads. A file that is "
        "damaged or of another machine is ignored. WEFT_CPU_NO=tuned runs without what was found, as does the tuning "
        "NONE of weft_ctx_opt.\n"
        "\n"
        "On a GPU cuDNN names several engines for most layers, in an order that it guesses. This runs the first of "
        "them on the card, for every distinct layer of each MODEL, or of the network of each weight FILE, and keeps "
        "the fastest on disk, where weft finds it from then on. The same is done with the forms of the whole network: "
        "whether shortcuts are joined, 1x1 convolutions composed, pools computed with the convolution before them, "
        "whose matrix products are taken, and whether convolutions of images, and depthwise ones with the expansions "
        "before them, run on weft's own tensor-core kernels; WEFT_CUDA_WITH and WEFT_CUDA_NO decide those that they "
        "name. Images are on the card.\n"
        "\n"
        "It takes seconds to minutes, and nothing else should use the device meanwhile; in the end the median time of "
        "a run before and after is printed. What was found on a GPU holds for one version of cuDNN, one kind of card, "
        "one precision, one size of images and one batch, and can be carried to other machines with such a card. "
        "Results stay the same from run to run, but may differ in their last bits from those before. "
        "WEFT_CUDA_NO=tuned runs without what was found.",
    .examples = "weft tune resnet50 --device cpu --batch 1|on the CPU, for batches of one image\n"
                "weft tune resnet50 --precision fp16 --batch 1,32|for two batches\n"
                "weft tune resnet50 efficientnet-b0 --json|for a program to read",
    .rows = rows,
    .args_size = sizeof(tune_args),
    .run = run,
};
