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

/* One way of planning a network, and what it takes. */
typedef struct variant {
    weft_ctx *ctx;
    weft_graph *graph;
    weft_model *model;
    cli_subject subject;
    double built, run; /* seconds */
    int plans;
} variant;

static bool on_cpu(const weft_ctx *ctx)
{
    return strcmp(weft_ctx_device(ctx), "cpu") == 0;
}

static void release_model(variant *v)
{
    weft_model_destroy(v->model);
    v->model = NULL;
}

static void release(variant *v)
{
    release_model(v);
    weft_graph_destroy(v->graph);
    weft_ctx_destroy(v->ctx);
}

static cli_exit build(const tune_args *args, const char *word, int64_t batch, weft_tuning tuning, variant *v)
{
    weft_ctx_opt opt = args->ctx;
    weft_run_cost cost;
    opt.tuning = tuning;
    CLI_TRY(cli_open(&opt, &v->ctx));
    CLI_TRY(cli_find_subject(v->ctx, word, args->dialect, &args->size, &v->subject, NULL));
    CLI_TRY(cli_build(v->ctx, &v->subject, batch, &v->graph));
    const double start = cli_now();
    weft_status status = weft_model_create(v->ctx, v->graph, &(weft_model_opt){ .resident = true }, &v->model);
    v->built = cli_now() - start;
    if (!status)
        status = weft_model_cost(v->model, &cost);
    if (!status)
        status = weft_model_seed(v->model, 1);
    v->plans = status ? 0 : cost.plans;
    return status ? cli_library_error(status) : CLI_OK;
}

/* Median of runs on images that are on the card. */
static weft_status time_model(variant *v)
{
    const cli_timing timing = { .ctx = v->ctx, .warmup = 1, .least = 20, .seconds = .3 };
    double *times = NULL;
    int n = 0;
    CLI_TRY_STATUS(cli_time_runs(&timing, cli_run_model, v->model, &times, &n));
    cli_sort_doubles(times, n);
    v->run = cli_quantile(times, n, .5);
    free(times);
    return WEFT_OK;
}

/* Medians of runs by turns: what disturbs a CPU disturbs both. */
static weft_status time_by_turns(variant *const v[2])
{
    enum { LEAST = 8, MOST = 500 };
    double times[2][MOST], total = 0;
    int n = 0;
    for (int i = 0; i < 2; i++)
        CLI_TRY_STATUS(weft_model_run(v[i]->model));
    for (; n < LEAST || (total < 1 && n < MOST); n++)
        for (int turn = 0; turn < 2; turn++) {
            const int i = (n + turn) % 2;
            CLI_TRY_STATUS(cli_run_model(v[i]->model, n, &times[i][n]));
            total += times[i][n];
        }
    for (int i = 0; i < 2; i++) {
        cli_sort_doubles(times[i], n);
        v[i]->run = cli_quantile(times[i], n, .5);
    }
    return WEFT_OK;
}

/* Steps of after that are none of before: another kernel, or layers of a unit. */
static int changed_steps(const weft_model *before, const weft_model *after)
{
    int changed = 0;
    weft_step_info now, then;
    for (int i = 0; i < weft_model_step_count(after); i++) {
        bool same = false;
        for (int k = 0; !same && k < weft_model_step_count(before); k++)
            same = !weft_model_step(after, i, &now) && !weft_model_step(before, k, &then) &&
                   strcmp(now.name, then.name) == 0 && strcmp(now.kernel, then.kernel) == 0;
        changed += !same;
    }
    return changed;
}

static void add_row(cli_table *table, int64_t batch, const variant *before, const variant *after, int changed)
{
    cli_add_planned(table, &after->subject, weft_ctx_precision(after->ctx), batch);
    if (on_cpu(after->ctx)) {
        cli_put_number(table, "steps", weft_model_step_count(after->model));
        cli_put_number(table, "changed", changed);
    } else {
        cli_put_number(table, "plans", after->plans);
    }
    cli_put_number(table, "seconds", after->built);
    cli_put_number(table, "untuned_ms", before->run * 1e3);
    cli_put_number(table, "ms", after->run * 1e3);
    cli_put_number(table, "gain", before->run / after->run);
}

/* A card has one of the two models at a time; on a CPU they are compared by turns, if they are not the same. */
static cli_exit compare(const tune_args *args, const char *word, int64_t batch, variant *const v[2], int *changed)
{
    weft_status status = WEFT_OK;
    CLI_TRY(build(args, word, batch, WEFT_TUNING_NONE, v[0]));
    const bool cpu = on_cpu(v[0]->ctx);
    if (!cpu)
        status = time_model(v[0]);
    if (!cpu)
        release_model(v[0]);
    if (!status)
        CLI_TRY(build(args, word, batch, WEFT_TUNING_NOW, v[1]));
    if (!status)
        status = cpu ? time_by_turns(v) : time_model(v[1]);
    if (status)
        return cli_library_error(status);
    *changed = cpu ? changed_steps(v[0]->model, v[1]->model) : 0;
    if (cpu && !*changed)
        v[1]->run = v[0]->run = (v[0]->run + v[1]->run) / 2; /* of the same steps */
    return CLI_OK;
}

static cli_exit add_model(const tune_args *args, const char *word, cli_table *table)
{
    cli_exit code = CLI_OK;
    for (int i = 0; !code && i < args->batch.count; i++) {
        variant before = { 0 }, after = { 0 };
        int changed = 0;
        code = compare(args, word, args->batch.value[i], (variant *const[]){ &before, &after }, &changed);
        if (!code)
            add_row(table, args->batch.value[i], &before, &after, changed);
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
