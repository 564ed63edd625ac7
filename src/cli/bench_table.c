/* SPDX-License-Identifier: Apache-2.0
 *
 * weft bench table: the networks of the book's table, published beside measured. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/command.h"
#include "cli/table.h"
#include "cli/text.h"

#define MIB 1048576.0

typedef struct table_args {
    cli_protocol protocol;
    const char *sort, *svg;
    bool reverse;
    cli_size size;
    cli_view view;
} table_args;

static const cli_column columns[] = {
    { "model", { "", "model" }, .flags = CLI_COLUMN_LEFT },
    { "dialect", { "", "dialect" }, .flags = CLI_COLUMN_DATA },
    { "px", { "", "px" }, .digits = 0, .drop = 7 },
    { "size_published", { "MB", "publ." }, .best = CLI_BEST_LOW, .drop = 13 },
    { "size", { "MiB", "fp32" }, .digits = 1, .scale = MIB, .best = CLI_BEST_LOW },
    { "top1", { "top-1", "% publ." }, .digits = 1, .best = CLI_BEST_HIGH },
    { "top5", { "top-5", "% publ." }, .digits = 1, .best = CLI_BEST_HIGH, .drop = 6 },
    { "source", { "", "source" }, .flags = CLI_COLUMN_DATA },
    { "params", { "param.", "M" }, .digits = 2, .scale = 1e6, .best = CLI_BEST_LOW, .drop = 5 },
    { "trainable", { "", "trainable" }, .flags = CLI_COLUMN_DATA },
    { "macs", { "MACs", "G" }, .digits = 2, .scale = 1e9, .best = CLI_BEST_LOW, .drop = 2 },
    { "cpu_published", { "CPU ms", "publ." }, .digits = 1, .best = CLI_BEST_LOW, .drop = 12 },
    { "cpu", { "CPU ms", "measured" }, .digits = 1, .best = CLI_BEST_LOW, .room = 14 },
    { "cpu_q1", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "cpu_q3", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "cpu_min", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "cpu_max", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "cpu_ms", { "", "" }, .flags = CLI_COLUMN_DATA },
    CLI_NOISE_COLUMNS,
    { "tuned", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "runs", { "", "n" }, .digits = 0, .drop = 14 },
    { "gpu_published", { "GPU ms", "publ." }, .digits = 1, .best = CLI_BEST_LOW, .drop = 11 },
    { "gpu", { "GPU ms", "measured" }, .digits = 1, .best = CLI_BEST_LOW, .room = 14, .flags = CLI_COLUMN_SPARSE },
    { "gflops", { "", "GFLOP/s" }, .digits = 1, .best = CLI_BEST_HIGH, .drop = 3 },
    { "fma_share", { "% FMA", "peak" }, .digits = 1, .scale = 0.01, .best = CLI_BEST_HIGH, .drop = 1 },
    { "gbs", { "", "GB/s" }, .digits = 1, .best = CLI_BEST_HIGH, .drop = 9 },
    { "bandwidth_share", { "% GB/s", "peak" }, .digits = 1, .scale = 0.01, .best = CLI_BEST_HIGH, .drop = 10 },
    { "memory_predicted", { "MiB", "planned" }, .digits = 1, .scale = MIB, .best = CLI_BEST_LOW, .drop = 8, .room = 7 },
    { "memory", { "MiB", "measured" }, .digits = 1, .scale = MIB, .best = CLI_BEST_LOW, .drop = 4, .room = 7 },
    { "arena_predicted", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "arena_touched", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "allocator_peak", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "allocations_in_runs", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "failure", { "", "failure" },
      .flags = CLI_COLUMN_LEFT | CLI_COLUMN_SPARSE | CLI_COLUMN_ALARM | CLI_COLUMN_STACK },
};

typedef struct bench {
    const table_args *args;
    cli_machine machine;
    const weft_arch **archs;
    int n_archs, n_jobs;
    cli_job *jobs; /* [n_archs] of each device that is run, the CPU first */
    json_t **results;
    bool cpu, gpu;
    const char *cpu_device; /* "cpu" or "null" */
    const char *no_gpu;     /* why not */
    cli_table *table;
    cli_live *live;
} bench;

static cli_exit choose_archs(bench *b, const cli_call *call)
{
    const weft_dialect dialect = b->args->protocol.dialect;
    b->archs = cli_alloc((size_t)(weft_arch_count() + call->n_words), sizeof *b->archs);
    for (int i = 0; i < call->n_words; i++) {
        CLI_TRY(cli_find_arch(call->words[i], dialect, &b->archs[b->n_archs]));
        b->n_archs++;
    }
    for (int i = 0; call->n_words == 0 && i < weft_arch_count(); i++) {
        const weft_arch *arch = weft_arch_get(i);
        const bool wanted = dialect == WEFT_DIALECT_DEFAULT || arch->dialect == dialect;
        if (arch->in_table && wanted)
            b->archs[b->n_archs++] = arch;
    }
    if (b->n_archs == 0)
        return cli_error(CLI_NOT_FOUND, "no network of the table has the dialect '%s'",
                         weft_dialect_name(dialect));
    return CLI_OK;
}

/* auto: the CPU always, and CUDA where there is one. A device that was named must be there. */
static cli_exit choose_devices(bench *b)
{
    weft_ctx_opt opt = b->args->protocol.ctx;
    const bool automatic = strcmp(opt.device, "auto") == 0;
    weft_ctx *ctx;
    b->cpu = automatic || strncmp(opt.device, "cuda", 4) != 0;
    b->cpu_device = automatic ? "cpu" : opt.device;
    b->gpu = automatic ? b->machine.gpu[0] != '\0' : !b->cpu;
    b->no_gpu = automatic ? b->machine.no_gpu : "not asked for";
    opt.device = automatic ? "cpu" : opt.device;
    opt.threads = (int)b->args->protocol.threads.value[0];
    CLI_TRY(cli_open(&opt, &ctx));
    weft_ctx_destroy(ctx);
    return CLI_OK;
}

static void add_job(bench *b, const weft_arch *arch, const char *device)
{
    const cli_protocol *p = &b->args->protocol;
    b->jobs[b->n_jobs++] = (cli_job){
        .arch = arch,
        .subject = cli_sized(arch, &b->args->size),
        .device = device,
        .batch = p->batch.value[0],
        .threads = p->threads.value[0],
    };
}

/* What a network of another size has of parameters and arithmetic; of one that cannot be so small, its job says why. */
static void put_counts(cli_table *t, weft_ctx *ctx, const cli_subject *s)
{
    const weft_arch_opt opt = { .dialect = s->arch->dialect, .px = s->px, .classes = s->classes };
    weft_graph *graph = NULL;
    weft_counts counts;
    if (weft_arch_build(ctx, s->arch->name, &opt, &graph) || weft_graph_counts(graph, &counts)) {
        weft_graph_destroy(graph);
        return;
    }
    cli_put_number(t, "size", 4.0 * (double)cli_params(s->arch, &counts));
    cli_put_number(t, "params", (double)cli_params(s->arch, &counts));
    cli_put_number(t, "trainable", (double)counts.trainable);
    cli_put_number(t, "macs", (double)counts.macs);
    weft_graph_destroy(graph);
}

/* What was published is of the published size. */
static void put_arch(cli_table *t, weft_ctx *ctx, const cli_subject *s)
{
    const weft_arch *a = s->arch;
    cli_table_add(t);
    cli_put_text(t, "model", "%s", a->name);
    if (a->alias)
        cli_put_shown(t, "model", "%s", a->alias);
    cli_put_text(t, "dialect", "%s", weft_dialect_name(a->dialect));
    cli_put_number(t, "px", s->px);
    if (!cli_has_own_size(s)) {
        put_counts(t, ctx, s);
        return;
    }
    cli_put_number(t, "size", 4.0 * (double)a->params);
    cli_put_number(t, "params", (double)a->params);
    cli_put_number(t, "trainable", (double)a->trainable);
    cli_put_number(t, "macs", (double)a->macs);
    cli_published_put(t, a);
}

static void put_time(cli_table *t, const json_t *r, const char *key)
{
    const double median = cli_json_number(r, "ms.median");
    const double spread = (cli_json_number(r, "ms.q3") - cli_json_number(r, "ms.q1")) / 2;
    cli_put_number(t, key, median);
    if (isfinite(median))
        cli_put_shown(t, key, median < 10 ? "%.2f ±%.2f" : "%.1f ±%.1f", median, spread);
}

/* Rates and memory, from the run on the CPU or, without one, on the GPU. */
static void put_run(const bench *b, const json_t *r)
{
    cli_table *t = b->table;
    const double seconds = cli_json_number(r, "ms.median") / 1e3;
    const double gflops = cli_json_number(r, "flops") / seconds / 1e9,
                 gbs = cli_json_number(r, "bytes") / seconds / 1e9;
    const int threads = (int)cli_json_number(r, "threads");
    cli_put_number(t, "runs", cli_json_number(r, "ms.n"));
    cli_put_number(t, "gflops", gflops);
    cli_put_number(t, "gbs", gbs);
    if (b->cpu) {
        cli_put_number(t, "fma_share", gflops / cli_machine_gflops(&b->machine, threads));
        cli_put_number(t, "bandwidth_share", gbs / cli_machine_bandwidth(&b->machine, threads));
    }
    cli_put_number(t, "memory_predicted", cli_json_number(r, "memory.predicted.peak"));
    cli_put_number(t, "memory", isfinite(seconds) ? cli_json_number(r, "memory.peak") : (double)NAN);
    cli_put_number(t, "arena_predicted", cli_json_number(r, "memory.predicted.arena"));
    cli_put_number(t, "arena_touched", cli_json_number(r, "memory.touched"));
    cli_put_number(t, "allocator_peak", cli_json_number(r, "memory.allocator_peak"));
    cli_put_number(t, "allocations_in_runs", cli_json_number(r, "memory.allocations_in_runs"));
}

static int devices(const bench *b)
{
    return b->cpu + b->gpu;
}

/* What was measured, into row i. */
static void put_row(bench *b, int i)
{
    cli_table *t = b->table;
    json_t *const *results = b->results + i * devices(b);
    const json_t *cpu = b->cpu ? results[0] : NULL, *gpu = b->gpu ? results[b->cpu] : NULL;
    const char *cpu_failure = cli_failure(cpu), *gpu_failure = cli_failure(gpu);
    cli_table_select(t, i);
    if (!cpu)
        cli_put_missing(t, "cpu", "not asked for");
    else if (cpu_failure)
        cli_put_missing(t, "cpu", cpu_failure);
    else if (!json_object_get(cpu, "ms"))
        cli_put_missing(t, "cpu", "the null device runs nothing");
    put_time(t, cpu, "cpu");
    cli_put_number(t, "cpu_q1", cli_json_number(cpu, "ms.q1"));
    cli_put_number(t, "cpu_q3", cli_json_number(cpu, "ms.q3"));
    cli_put_number(t, "cpu_min", cli_json_number(cpu, "ms.min"));
    cli_put_number(t, "cpu_max", cli_json_number(cpu, "ms.max"));
    if (!gpu || gpu_failure)
        cli_put_missing(t, "gpu", gpu ? gpu_failure : b->no_gpu);
    put_time(t, gpu, "gpu");
    put_run(b, cpu ? cpu : gpu);
    cli_noise_put(t, cpu);
    cli_put_number(t, "tuned", cli_json_number(cpu, "tuned"));
    if (cpu_failure || gpu_failure)
        cli_put_text(t, "failure", "%s", cpu_failure ? cpu_failure : gpu_failure);
}

static void note_memory(const bench *b, int i)
{
    const json_t *r = b->results[i];
    const double predicted = cli_json_number(r, "memory.predicted.arena");
    const double touched = cli_json_number(r, "memory.touched"),
                 calls = cli_json_number(r, "memory.allocations_in_runs");
    const double peak = cli_json_number(r, "memory.predicted.peak"), held = cli_json_number(r, "memory.allocator_peak");
    if (held > 1.1 * peak + 32 * MIB) /* the graph, and what packing needs for a moment, are not in the plan */
        cli_table_note(b->table, "! %s: its allocator held %.1f MiB at once, planned were %.1f.", b->jobs[i].arch->name,
                       held / MIB, peak / MIB);
    if (touched > predicted)
        cli_table_note(b->table, "! %s wrote %.0f bytes of its arena, planned were %.0f.", b->jobs[i].arch->name,
                       touched, predicted);
    if (calls > 0)
        cli_table_note(b->table, "! %s allocated memory %.0f times while it ran.", b->jobs[i].arch->name, calls);
    if (json_is_false(json_object_get(r, "finite")))
        cli_table_note(b->table, "! %s: the output holds NaN or infinity.", b->jobs[i].arch->name);
}

/* Of the first network that ran there. */
static const char *gpu_precision(const bench *b)
{
    for (int i = b->cpu; i < b->n_jobs; i += devices(b))
        if (cli_json_text(b->results[i], "precision")[0])
            return cli_json_text(b->results[i], "precision");
    return "no precision";
}

/* Of the networks whose published figures are in the table. */
static void note_published(const bench *b)
{
    const weft_arch **const shown = cli_alloc((size_t)b->n_archs, sizeof *shown);
    int count = 0;
    for (int i = 0; i < b->n_archs; i++) {
        const cli_subject s = cli_sized(b->archs[i], &b->args->size);
        if (cli_has_own_size(&s))
            shown[count++] = b->archs[i];
    }
    if (count > 0)
        cli_published_note(b->table, shown, count, b->args->protocol.batch.value[0]);
    if (count < b->n_archs)
        cli_table_note(b->table, "What was published of networks of other pixels or classes is left out.");
    free(shown);
}

static void add_notes(bench *b, int jobs)
{
    note_published(b);
    if (b->gpu)
        cli_table_note(b->table, "GPU ms measured: in %s, of images on the GPU already (JSON: ms_with_copy, of bytes "
                       "that are sent there).",
                       gpu_precision(b));
    else
        cli_table_note(b->table, "GPU ms measured: %s.", b->no_gpu);
    static const char *const best[] = { "* best of its column. ", "**Bold**: best of its column. ", "", "" };
    cli_table_note(
        b->table,
        "%sMACs of convolutions and dense layers of one image; GFLOP/s = 2 MACs x batch / time; GB/s of least "
        "traffic. Memory: arena + weights as packed + weights as given.",
        best[b->args->view.format]);
    cli_noise_sum(b->table, b->results, jobs);
    cli_tuned_note(b->table, b->results, jobs);
    for (int i = 0; i < jobs; i++)
        note_memory(b, i);
}

static void print_json(const bench *b)
{
    json_t *root = cli_machine_json(&b->machine), *results = json_array(), *notes = json_array();
    for (int i = 0; i < b->n_archs * devices(b); i++)
        json_array_append(results, b->results[i]);
    for (int i = 0; i < b->table->n_notes; i++)
        json_array_append_new(notes, cli_json_string(b->table->notes[i]));
    json_object_set_new(root, "rows", cli_table_json(b->table));
    json_object_set_new(root, "notes", notes);
    json_object_set_new(root, "results", results);
    cli_json_print(root, stdout);
    json_decref(root);
}

/* Rows and jobs of the networks, in the order asked for as far as that is known before anything has run. */
static cli_exit plan(bench *b, int sort)
{
    const size_t most = (size_t)b->n_archs * 2;
    weft_ctx *ctx;
    CLI_TRY(cli_open_cpu(1, &ctx));
    b->jobs = cli_alloc(most, sizeof *b->jobs);
    b->results = cli_alloc(most, sizeof *b->results);
    for (int i = 0; i < b->n_archs; i++) {
        const cli_subject subject = cli_sized(b->archs[i], &b->args->size);
        put_arch(b->table, ctx, &subject);
        if (b->gpu)
            cli_put_shown(b->table, "gpu", "-"); /* to come */
    }
    weft_ctx_destroy(ctx);
    cli_table_sort(b->table, sort, b->args->reverse, (const void **)b->archs);
    for (int i = 0; i < b->n_archs; i++) {
        if (b->cpu)
            add_job(b, b->archs[i], b->cpu_device);
        if (b->gpu)
            add_job(b, b->archs[i], b->cpu ? "cuda" : b->args->protocol.ctx.device);
    }
    return CLI_OK;
}

static void on_done(void *user, int job)
{
    bench *b = user;
    const int row = job / devices(b);
    if (!b->live || (job + 1) % devices(b) != 0)
        return;
    put_row(b, row);
    cli_live_row(b->live, row);
}

/* Of an interrupted run, the networks that were run on every device. */
static cli_exit measure(bench *b, int *rows)
{
    CLI_TRY(cli_machine_measure(&b->machine));
    cli_machine_head(&b->machine, b->table);
    b->live = cli_live_open(b->table, &b->args->view, stdout);
    cli_interrupt_catch();
    *rows = cli_run_jobs(&b->machine, b->jobs, b->n_jobs, b->results, on_done, b) / devices(b);
    const cli_exit code = *rows < b->n_archs ? CLI_OK : cli_machine_measure_again(&b->machine);
    cli_interrupt_release();
    cli_live_close(b->live);
    return code;
}

static void finish(bench *b, int rows, int sort)
{
    cli_machine_head(&b->machine, b->table);
    for (int i = 0; i < rows; i++)
        put_row(b, i);
    cli_table_truncate(b->table, rows);
    if (rows < b->n_archs)
        cli_table_note(b->table, "! Interrupted: %d of %d networks were measured.", rows, b->n_archs);
    b->n_archs = rows;
    add_notes(b, rows * devices(b));
    cli_table_mark_best(b->table);
    cli_table_sort(b->table, sort, b->args->reverse, NULL);
}

static cli_exit run_table(bench *b, int sort)
{
    const table_args *args = b->args;
    int rows = 0;
    if (args->svg)
        CLI_TRY(cli_check_output("svg", args->svg));
    CLI_TRY(plan(b, sort));
    CLI_TRY(measure(b, &rows));
    const bool interrupted = rows < b->n_archs;
    if (interrupted && rows == 0)
        return CLI_INTERRUPTED;
    finish(b, rows, sort);
    if (args->view.format == CLI_FORMAT_JSON)
        print_json(b);
    else
        cli_table_print(b->table, &args->view, stdout);
    const cli_exit code = args->svg ? cli_svg_write(args->svg, &b->machine, b->table) : CLI_OK;
    const cli_exit failed = cli_failed(b->results, rows * devices(b));
    return interrupted ? CLI_INTERRUPTED : code ? code : failed;
}

static cli_exit bench_all(bench *b, const cli_call *call)
{
    int sort;
    CLI_TRY(cli_table_column(b->table, "sort", b->args->sort, &sort));
    CLI_TRY(cli_table_choose(b->table, b->args->view.columns));
    CLI_TRY(choose_archs(b, call));
    CLI_TRY(cli_machine_open(&b->machine, &b->args->protocol));
    CLI_TRY(choose_devices(b));
    return run_table(b, sort);
}

static cli_exit run(const cli_call *call)
{
    bench b = { .args = call->args, .table = cli_table_create(columns, (int)(sizeof columns / sizeof *columns)) };
    const cli_exit code = bench_all(&b, call);
    for (int i = 0; i < b.n_jobs; i++)
        json_decref(b.results[i]);
    free(b.results);
    free(b.jobs);
    free(b.archs);
    cli_machine_close(&b.machine);
    cli_table_destroy(b.table);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    PROTOCOL_BATCH("N", 1, ""),
    PROTOCOL_THREADS("N", 1, ""),
    PROTOCOL_ROWS(ROW_DEVICE(cli_protocol, ctx.device, "auto", DEVICES_ALL,
                             "cpu, cuda, cuda:1, null (plans, runs nothing) or auto: cpu, and cuda where there is "
                             "one")),
    OPT_TEXT(table_args, sort, 's', "sort", "COLUMN", "size",
             "model|px|size|size_published|top1|top5|params|macs|cpu|cpu_published|gpu|gpu_published|gflops|"
             "fma_share|gbs|bandwidth_share|memory|memory_predicted",
             "column to sort by: model, px, size, size_published, top1, top5, params, macs, cpu, cpu_published, gpu, "
             "gpu_published, gflops, fma_share, gbs, bandwidth_share, memory or memory_predicted"),
    OPT_BOOL(table_args, reverse, 0, "reverse", "largest first"),
    OPT_FILE(table_args, svg, 0, "svg", "FILE", NULL,
             "also draw top-1 accuracy against measured time, the size as area"),
    ROWS_NETWORK_SIZE(table_args),
    ROW_OUTPUT(table_args),
    PROTOCOL_PROGRESS,
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_bench_table = {
    .name = "bench table",
    .takes = CLI_TAKES_MODEL,
    .max_words = -1,
    .synopsis = "[MODEL...]",
    .brief = "print the table of networks: size, accuracy, cost, time and memory",
    .description =
        "Runs the fifteen networks of the book's table, or those named, each in a process of its own, and prints "
        "for each what was published beside what was measured here: input size, MiB, top-1 and top-5 accuracy, "
        "parameters, multiply-adds (MACs), milliseconds of a batch on the CPU and on the GPU, GFLOP/s, the shares "
        "of this machine's own measured roofs, and peak memory as planned and as measured. The best value of "
        "every column is marked (bold in Markdown, * in text, listed as best in JSON).\n"
        "\n"
        "A published time is flagged when it implies more arithmetic than the stated hardware can do. A network "
        "that fails (out of memory, a crash) becomes a row with the reason; the others go on, and the exit code "
        "is that of the first failure. With --px or --classes all are built of that size; what was published is "
        "then left out where it is of another.\n"
        "\n"
        "Accuracies are the publishers', never measured here. With --images the inputs are photographs, else "
        "seeded noise; neither the time nor the memory depends on which. Rounds that a neighbour disturbed are run "
        "again: see weft-bench(1), as for the samples in JSON and what tuned says; cpu_ms in csv and JSON is processor "
        "time. csv is names and rows alone: what stands above and below a table goes to standard error.",
    .examples = "weft bench table|the fifteen, sorted by size\n"
                "weft bench table --sort cpu -o md > table.md|sorted by measured time, as Markdown\n"
                "weft bench table --svg table.svg|also draw accuracy against time\n"
                "weft bench table --px 160 --classes 10 resnet18 mobilenetv2|networks of a size of one's own\n"
                "weft bench table --images photos/ mobilenetv2 efficientnet-b0|two networks on real photographs",
    .rows = rows,
    .args_size = sizeof(table_args),
    .run = run,
};
