/* SPDX-License-Identifier: Apache-2.0
 *
 * weft bench MODEL...: every network at every batch size and thread count, whole or step by step, and compared with an
 * earlier result. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/command.h"
#include "cli/table.h"
#include "cli/text.h"

#define MIB 1048576.0
#define NOT_GIVEN (-1.0)

typedef struct bench_args {
    cli_protocol protocol;
    double fail_over;
    const char *compare;
    bool layers, no_units, train;
    cli_size size;
    cli_view view;
} bench_args;

static const cli_column columns[] = {
    { "model", { "", "model" }, .flags = CLI_COLUMN_LEFT },
    { "dialect", { "", "dialect" }, .flags = CLI_COLUMN_LEFT, .drop = 2 },
    { "device", { "", "device" }, .flags = CLI_COLUMN_LEFT },
    { "px", { "", "px" }, .flags = CLI_COLUMN_DATA },
    { "batch", { "", "batch" }, .digits = 0 },
    { "threads", { "", "threads" }, .digits = 0 },
    { "ms", { "", "ms" }, .digits = 2 },
    { "q1", { "", "q1" }, .flags = CLI_COLUMN_DATA },
    { "q3", { "", "q3" }, .flags = CLI_COLUMN_DATA },
    { "min", { "", "min" }, .digits = 2, .drop = 8 },
    { "max", { "", "max" }, .digits = 2, .drop = 8 },
    { "runs", { "", "n" }, .digits = 0, .drop = 7 },
    { "cpu_ms", { "CPU time", "ms" }, .digits = 2, .drop = 6, .flags = CLI_COLUMN_SPARSE },
    { "ms_with_copy", { "with copy", "ms" }, .digits = 2, .flags = CLI_COLUMN_SPARSE },
    { "images_per_second", { "", "images/s" }, .digits = 1 },
    { "gflops", { "", "GFLOP/s" }, .digits = 1, .drop = 1 },
    { "fma_share", { "% FMA", "peak" }, .digits = 1, .scale = 0.01 },
    { "gbs", { "", "GB/s" }, .digits = 1, .drop = 5 },
    { "bandwidth_share", { "% GB/s", "peak" }, .digits = 1, .scale = 0.01, .drop = 4 },
    { "memory_predicted", { "MiB", "planned" }, .digits = 1, .scale = MIB, .drop = 6 },
    { "memory", { "MiB", "measured" }, .digits = 1, .scale = MIB, .drop = 3 },
    CLI_NOISE_COLUMNS,
    { "tuned", { "", "tuned" }, .flags = CLI_COLUMN_DATA },
    { "old_ms", { "old", "ms" }, .digits = 2, .flags = CLI_COLUMN_SPARSE },
    { "change", { "change", "%" }, .digits = 1, .scale = 0.01, .flags = CLI_COLUMN_SPARSE },
    { "change_spread", { "", "spread" }, .flags = CLI_COLUMN_DATA },
    { "failure", { "", "failure" },
      .flags = CLI_COLUMN_LEFT | CLI_COLUMN_SPARSE | CLI_COLUMN_ALARM | CLI_COLUMN_STACK },
};

/* One run of the command. */
typedef struct run {
    const bench_args *args;
    cli_machine machine;
    cli_job *jobs;
    json_t **results; /* of the jobs */
    int count, done;
    json_t *old; /* what --compare names */
    cli_table *table;
} run;

static void put_times(cli_table *t, const cli_machine *machine, const json_t *r)
{
    const double median = cli_json_number(r, "ms.median"), seconds = median / 1e3;
    const double gflops = cli_json_number(r, "flops") / seconds / 1e9,
                 gbs = cli_json_number(r, "bytes") / seconds / 1e9;
    const int threads = (int)cli_json_number(r, "threads");
    const bool cpu = strcmp(cli_json_text(r, "device"), "cpu") == 0;
    cli_put_number(t, "ms", median);
    cli_put_number(t, "q1", cli_json_number(r, "ms.q1"));
    cli_put_number(t, "q3", cli_json_number(r, "ms.q3"));
    if (isfinite(median))
        cli_put_shown(t, "ms", "%.2f ±%.2f", median, (cli_json_number(r, "ms.q3") - cli_json_number(r, "ms.q1")) / 2);
    cli_put_number(t, "min", cli_json_number(r, "ms.min"));
    cli_put_number(t, "max", cli_json_number(r, "ms.max"));
    cli_put_number(t, "runs", cli_json_number(r, "ms.n"));
    cli_put_number(t, "ms_with_copy", cli_json_number(r, "ms_with_copy.median"));
    cli_put_number(t, "images_per_second", cli_json_number(r, "batch") / seconds);
    cli_put_number(t, "gflops", gflops);
    cli_put_number(t, "fma_share", cpu ? gflops / cli_machine_gflops(machine, threads) : (double)NAN);
    cli_put_number(t, "gbs", gbs);
    cli_put_number(t, "bandwidth_share", cpu ? gbs / cli_machine_bandwidth(machine, threads) : (double)NAN);
    cli_put_number(t, "memory_predicted", cli_json_number(r, "memory.predicted.peak"));
    cli_put_number(t, "memory", cli_json_number(r, "memory.peak"));
}

static void put_result(cli_table *t, const cli_machine *machine, const json_t *r, const json_t *old)
{
    const char *reason = cli_failure(r);
    cli_table_add(t);
    cli_put_text(t, "model", "%s", cli_json_text(r, "model"));
    cli_put_text(t, "dialect", "%s", cli_json_text(r, "dialect"));
    cli_put_text(t, "device", "%s", cli_json_text(r, "device"));
    cli_put_number(t, "px", cli_json_number(r, "px"));
    cli_put_number(t, "batch", cli_json_number(r, "batch"));
    cli_put_number(t, "threads", cli_json_number(r, "threads"));
    if (reason) {
        cli_put_text(t, "failure", "%s", reason);
        cli_put_missing(t, "ms", reason);
        cli_put_number(t, "memory_predicted", cli_json_number(r, "memory.predicted.peak"));
        return;
    }
    if (!json_object_get(r, "ms"))
        cli_put_missing(t, "ms", "the null device runs nothing");
    put_times(t, machine, r);
    cli_noise_put(t, r);
    cli_noise_note(t, r);
    cli_put_number(t, "tuned", cli_json_number(r, "tuned"));
    if (json_is_false(json_object_get(r, "finite")))
        cli_table_note(t, "! %s: the output holds NaN or infinity.", cli_json_text(r, "model"));
    if (old) {
        const cli_change c = cli_compare(cli_compare_find(old, r), r);
        cli_put_number(t, "old_ms", c.before);
        cli_put_number(t, "change", c.change);
        cli_put_number(t, "change_spread", c.spread);
        if (isfinite(c.change))
            cli_put_shown(t, "change", "%+.1f ±%.1f", 100 * c.change, 100 * c.spread);
    }
}

/* Whether a row is slower than allowed by more than chance; what may be chance is told. */
static cli_exit judge_row(const bench_args *args, const cli_table *table, int row, double change)
{
    const double spread = cli_table_number(table, row, "change_spread"), over = change - args->fail_over;
    if (args->fail_over < 0 || over <= 0)
        return CLI_OK;
    char *const what =
        cli_format_text("%s, batch %.0f, threads %.0f: %.1f %% slower than before, allowed is %g %%",
                        cli_table_text(table, row, "model"), cli_table_number(table, row, "batch"),
                        cli_table_number(table, row, "threads"), change * 100, args->fail_over * 100);
    const bool sure = !(over <= spread); /* of one run each there is no spread */
    const cli_exit code = sure ? cli_error(CLI_BELOW, "%s", what) : CLI_OK;
    if (!sure)
        cli_warn("%s, but the runs spread by %.1f %%: not counted as slower; --reps or --min-time make it certain",
                 what, spread * 100);
    free(what);
    return code;
}

/* CLI_BELOW if a row is slower than allowed; an error if no row could be compared. */
static cli_exit judge(const bench_args *args, const cli_table *table)
{
    cli_exit code = CLI_OK;
    int compared = 0;
    for (int r = 0; r < cli_table_rows(table); r++) {
        const double change = cli_table_number(table, r, "change");
        if (!isfinite(change))
            continue;
        compared++;
        const cli_exit row = judge_row(args, table, r, change);
        code = row ? row : code;
    }
    if (!compared)
        return cli_error(CLI_DATA, "%s holds no result of these networks with this batch, device and number of threads",
                         args->compare);
    return code;
}

static void print(const run *r)
{
    const bench_args *args = r->args;
    if (args->view.format == CLI_FORMAT_JSON) {
        json_t *root = cli_machine_json(&r->machine), *list = json_array();
        for (int i = 0; i < r->done; i++) {
            if (args->layers && !cli_failure(r->results[i]))
                json_object_set_new(r->results[i], "kernels", cli_kernels_json(&r->machine, r->results[i]));
            json_array_append(list, r->results[i]);
        }
        json_object_set_new(root, "rows", cli_table_json(r->table));
        json_object_set_new(root, "results", list);
        cli_json_print(root, stdout);
        json_decref(root);
        return;
    }
    if (!args->layers || args->view.format != CLI_FORMAT_CSV) {
        cli_machine_head(&r->machine, r->table);
        cli_table_print(r->table, &args->view, stdout);
    }
    if (args->layers)
        cli_layers_print(&r->machine, r->results, r->done, &args->view);
}

/* Runs the jobs, then looks at the roofs once more. */
static cli_exit measure(run *r)
{
    cli_interrupt_catch();
    r->done = cli_run_jobs(&r->machine, r->jobs, r->count, r->results, NULL, NULL);
    const cli_exit code = r->done < r->count ? CLI_OK : cli_machine_measure_again(&r->machine);
    cli_interrupt_release();
    return code;
}

static cli_exit report(run *r)
{
    const bench_args *args = r->args;
    const bool interrupted = r->done < r->count;
    if (r->old)
        cli_compare_warn(args->compare, r->old, &r->machine);
    for (int i = 0; i < r->done; i++)
        put_result(r->table, &r->machine, r->results[i], r->old);
    cli_tuned_note(r->table, r->results, r->done);
    if (interrupted)
        cli_table_note(r->table, "! Interrupted: %d of %d were measured.", r->done, r->count);
    if (r->done > 0)
        print(r);
    const cli_exit failed = cli_failed(r->results, r->done);
    if (interrupted)
        return CLI_INTERRUPTED;
    return failed || !r->old ? failed : judge(args, r->table);
}

/* The device must be there before anything is run. A GPU that is there is left to the jobs: to open it takes a second
 * and more, and memory on it. */
static cli_exit check_device(const cli_protocol *protocol)
{
    weft_ctx *ctx;
    weft_ctx_opt opt = protocol->ctx;
    weft_device_info info;
    if (strncmp(opt.device, "cuda", 4) == 0 && cli_find_device("cuda", &info) >= 0)
        return CLI_OK;
    opt.threads = (int)protocol->threads.value[0];
    CLI_TRY(cli_open(&opt, &ctx));
    weft_ctx_destroy(ctx);
    return CLI_OK;
}

static cli_exit list_jobs(weft_ctx *ctx, const cli_call *call, cli_job *jobs, int *count)
{
    const bench_args *args = call->args;
    const cli_protocol *p = &args->protocol;
    for (int w = 0; w < call->n_words; w++) {
        cli_subject subject;
        CLI_TRY(cli_find_subject(ctx, call->words[w], p->dialect, &args->size, &subject, NULL));
        for (int b = 0; b < p->batch.count; b++)
            for (int t = 0; t < p->threads.count; t++)
                jobs[(*count)++] = (cli_job){ .arch = subject.arch,
                                              .subject = subject,
                                              .key = subject.file ? args->size.key : NULL,
                                              .device = p->ctx.device,
                                              .batch = p->batch.value[b],
                                              .threads = p->threads.value[t],
                                              .layers = args->layers,
                                              .no_units = args->no_units,
                                              .train = args->train };
    }
    return CLI_OK;
}

/* What each word is about is found out on the CPU. */
static cli_exit find_jobs(run *r, const cli_call *call)
{
    weft_ctx *ctx;
    CLI_TRY(cli_open_cpu(1, &ctx));
    const cli_exit code = list_jobs(ctx, call, r->jobs, &r->count);
    weft_ctx_destroy(ctx);
    return code;
}

static cli_exit bench(run *r, const cli_call *call)
{
    const bench_args *args = r->args;
    if (args->fail_over >= 0 && !args->compare)
        return cli_error(CLI_USAGE, "--fail-over needs --compare");
    CLI_TRY(args->layers ? cli_layers_check(&args->view) : cli_table_choose(r->table, args->view.columns));
    CLI_TRY(find_jobs(r, call));
    CLI_TRY(check_device(&args->protocol));
    CLI_TRY(cli_machine_open(&r->machine, &args->protocol));
    if (args->compare)
        CLI_TRY(cli_compare_open(args->compare, &r->old));
    CLI_TRY(cli_machine_measure(&r->machine));
    CLI_TRY(measure(r));
    return report(r);
}

static cli_exit run_bench(const cli_call *call)
{
    const bench_args *args = call->args;
    const cli_protocol *p = &args->protocol;
    const size_t most = (size_t)call->n_words * (size_t)p->batch.count * (size_t)p->threads.count;
    run r = { .args = args, .table = cli_table_create(columns, (int)(sizeof columns / sizeof *columns)) };
    r.jobs = cli_alloc(most, sizeof *r.jobs);
    r.results = cli_alloc(most, sizeof *r.results);
    const cli_exit code = bench(&r, call);
    for (int i = 0; i < r.count; i++)
        json_decref(r.results[i]);
    free(r.results);
    free(r.jobs);
    json_decref(r.old);
    cli_machine_close(&r.machine);
    cli_table_destroy(r.table);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    PROTOCOL_BATCH("N,...", CLI_LIST_MAX, "; a list runs each"),
    PROTOCOL_THREADS("N,...", CLI_LIST_MAX, "; a list runs each"),
    PROTOCOL_ROWS(ROW_DEVICE_PLAN(cli_protocol)),
    OPT_BOOL(bench_args, layers, 'l', "layers", "time every step, and sum the times of every kernel"),
    ROW_NO_UNITS(bench_args),
    OPT_BOOL(bench_args, train, 0, "train", "time whole steps of training: forward, backward, SGD with momentum"),
    ROWS_SIZE(bench_args),
    OPT_FILE(bench_args, compare, 0, "compare", "OLD.json", NULL, "compare with a result saved earlier with -o json"),
    OPT_PERCENT(bench_args, fail_over, 0, "fail-over", "PERCENT", NULL, 0, 1000,
                "with --compare: exit 1 if a median is slower by more than this, and by more than the runs' spread"),
    ROW_OUTPUT(bench_args),
    PROTOCOL_PROGRESS,
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_bench = {
    .name = "bench",
    .takes = CLI_TAKES_MODEL | CLI_TAKES_FILE,
    .min_words = 1,
    .max_words = -1,
    .synopsis = "MODEL|FILE...",
    .brief = "time networks, whole or layer by layer",
    .description =
        "Runs each MODEL, or the network of each weight FILE with its weights, for every batch size and thread count "
        "asked for, each in a process of its own, and prints the median time of a run with its quartiles, images per "
        "second, GFLOP/s, and the shares of the roofs of this machine (fused multiply-add peak and memory bandwidth) "
        "that weft measures at the start and, after jobs of more than ten seconds, once more; a roof that has then "
        "moved by more than 10 % is warned of.\n"
        "\n"
        "Times on a GPU are of images that lie there; beside them stand those of runs whose images are sent there "
        "first, as bytes, which the GPU looks up.\n"
        "\n"
        "With --train what is timed is whole steps on a batch that lies on the device: forward, backward and update. "
        "On a GPU steps are queued, as many as take 0.1 s, and waited for together, as weft train does; the time of a "
        "step is the GPU's own, between two events before and behind it, so that it has in it what the GPU waits for "
        "the host. With --layers the host waits behind every step of the plan.\n"
        "\n"
        "On the CPU a second roof stands guard: before and after every round (a run, or as many short ones as take 0.1 "
        "s) weft times its own matrix product on data that stay in L1 and L2, for a few milliseconds. A neighbour on "
        "the other hyperthread of a core slows it, and the runs, by a quarter and more, which the FMA peak does not "
        "show. Rounds in which it falls below 90 % of its best are marked and run again, the worst first, at most half "
        "as many as there are and one; a repeat that was quieter takes the place of the round. The notes say how far "
        "the probe ranged and how many rounds are still marked; CSV and JSON have the columns probe_best, probe_least, "
        "probe_fma, rounds, rounds_marked, rounds_repeated and rounds_left. CPU time is that of all threads of the "
        "process: where it is much less than threads times the time of a run, threads waited or had no core.\n"
        "\n"
        "JSON keeps every time: results[].ms.all and cpu_ms.all are those of the runs that count, results[].samples "
        "those of all that were timed: rounds in the order of running, each with its ms and cpu_ms, the probe beside "
        "it, whether it counts, and of a repeat, again: the round that it repeats, from 0. Networks that run as weft "
        "tune found on this machine are named below the table; tuned in CSV and JSON says how many of their steps "
        "have another kernel than the first choice.\n"
        "\n"
        "FLOPs are twice the multiply-adds of convolutions and dense layers by the direct algorithm, so that a "
        "faster algorithm may pass 100 %. Bytes are the least traffic: each step's inputs and parameters read once, "
        "its outputs written once.\n"
        "\n"
        "With --compare the medians are set against those of an earlier run, saved with -o json by this command or "
        "by weft bench table.",
    .examples = "weft bench resnet50 --batch 1,8,32 --threads 1,2|all six combinations\n"
                "weft bench resnet50 --layers|time, kernel and share of the roof of every step\n"
                "weft bench resnet50 --train --layers|the same of a step of training\n"
                "weft bench best.pth mobilenetv2 --px 160|a checkpoint beside a network, on smaller images\n"
                "weft bench resnet50 -o json > old.json|save a result\n"
                "weft bench resnet50 --compare old.json --fail-over 5%|exit 1 if more than 5 % slower\n"
                "weft bench table|the table of all networks: see weft-bench-table(1)",
    .rows = rows,
    .args_size = sizeof(bench_args),
    .defaults = &(const bench_args){ .fail_over = NOT_GIVEN },
    .run = run_bench,
};
