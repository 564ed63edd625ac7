/* SPDX-License-Identifier: Apache-2.0
 *
 * weft bench table: the networks of the book's table, published beside measured. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/table.h"
#include "cli/text.h"

#define MIB 1048576.0

/* The GPU that a publisher says its times are from, and what it can do at most: the tensor cores' dense TF32 rate. */
static const struct {
    const char *source, *cpu, *gpu;
    double tflops;
} hardware[] = {
    { "Keras", "a 92-core AMD EPYC", "a Tesla A100", 156 },
};

static const cli_column columns[] = {
    { "model", { "", "model" }, .flags = CLI_COLUMN_LEFT },
    { "dialect", { "", "dialect" }, .flags = CLI_COLUMN_DATA },
    { "px", { "", "px" }, .digits = 0 },
    { "size_published", { "MB", "publ." }, .best = CLI_BEST_LOW },
    { "size", { "MiB", "fp32" }, .digits = 1, .scale = MIB, .best = CLI_BEST_LOW },
    { "top1", { "top-1", "% publ." }, .digits = 1, .best = CLI_BEST_HIGH },
    { "top5", { "top-5", "% publ." }, .digits = 1, .best = CLI_BEST_HIGH },
    { "source", { "", "source" }, .flags = CLI_COLUMN_DATA },
    { "params", { "param.", "M" }, .digits = 2, .scale = 1e6, .best = CLI_BEST_LOW },
    { "trainable", { "", "trainable" }, .flags = CLI_COLUMN_DATA },
    { "macs", { "MACs", "G" }, .digits = 2, .scale = 1e9, .best = CLI_BEST_LOW },
    { "cpu_published", { "CPU ms", "publ." }, .digits = 1, .best = CLI_BEST_LOW },
    { "cpu", { "CPU ms", "measured" }, .digits = 1, .best = CLI_BEST_LOW },
    { "cpu_q1", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "cpu_q3", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "cpu_min", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "cpu_max", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "runs", { "", "n" }, .digits = 0 },
    { "gpu_published", { "GPU ms", "publ." }, .digits = 1, .best = CLI_BEST_LOW },
    { "gpu", { "GPU ms", "measured" }, .digits = 1, .best = CLI_BEST_LOW },
    { "gflops", { "", "GFLOP/s" }, .digits = 1, .best = CLI_BEST_HIGH },
    { "fma_share", { "% FMA", "peak" }, .digits = 1, .scale = 0.01, .best = CLI_BEST_HIGH },
    { "gbs", { "", "GB/s" }, .digits = 1, .best = CLI_BEST_HIGH },
    { "bandwidth_share", { "% GB/s", "peak" }, .digits = 1, .scale = 0.01, .best = CLI_BEST_HIGH },
    { "memory_predicted", { "MiB", "planned" }, .digits = 1, .scale = MIB, .best = CLI_BEST_LOW },
    { "memory", { "MiB", "measured" }, .digits = 1, .scale = MIB, .best = CLI_BEST_LOW },
    { "arena_predicted", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "arena_touched", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "allocator_peak", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "allocations_in_runs", { "", "" }, .flags = CLI_COLUMN_DATA },
    { "failure", { "", "failure" }, .flags = CLI_COLUMN_LEFT | CLI_COLUMN_SPARSE },
};

typedef struct bench {
    cli_machine machine;
    const weft_arch **archs;
    int n_archs, n_jobs;
    cli_job *jobs; /* CPU jobs first: [n_archs] of each device that is run */
    json_t **results;
    bool cpu, gpu;
    const char *cpu_device; /* "cpu" or "null" */
    const char *no_gpu;     /* why not */
    cli_table *table;
    char flagged[512]; /* "vgg16 235.7, ..." */
} bench;

static cli_exit choose_archs(bench *b, const cli_args *args)
{
    b->archs = cli_alloc((size_t)(weft_arch_count() + args->n_words), sizeof *b->archs);
    for (int i = 0; i < args->n_words; i++) {
        const cli_exit code = cli_find_arch(args->words[i], args->dialect, &b->archs[b->n_archs]);
        if (code)
            return code;
        b->n_archs++;
    }
    for (int i = 0; args->n_words == 0 && i < weft_arch_count(); i++) {
        const weft_arch *arch = weft_arch_get(i);
        const bool wanted = args->dialect == WEFT_DIALECT_DEFAULT || arch->dialect == (weft_dialect)args->dialect;
        if (arch->in_table && wanted)
            b->archs[b->n_archs++] = arch;
    }
    if (b->n_archs == 0)
        return cli_error(CLI_NOT_FOUND, "no network of the table has the dialect '%s'",
                         weft_dialect_name((weft_dialect)args->dialect));
    return CLI_OK;
}

/* auto: the CPU always, and CUDA where there is one. A device that was named must be there. */
static cli_exit choose_devices(bench *b, const cli_args *args)
{
    const bool automatic = strcmp(args->device, "auto") == 0;
    weft_ctx *ctx;
    b->cpu = automatic || strncmp(args->device, "cuda", 4) != 0;
    b->cpu_device = automatic ? "cpu" : args->device;
    b->gpu = automatic ? b->machine.gpu[0] != '\0' : !b->cpu;
    b->no_gpu = automatic ? b->machine.no_gpu : "not asked for";
    const cli_exit code = cli_open(args, automatic ? "cpu" : args->device, args->threads.value[0], &ctx);
    if (!code)
        weft_ctx_destroy(ctx);
    return code;
}

static void add_jobs(bench *b, const cli_args *args, const char *device)
{
    for (int i = 0; i < b->n_archs; i++)
        b->jobs[b->n_jobs++] = (cli_job){ b->archs[i], device, args->batch.value[0], args->threads.value[0] };
}

static void put_published(cli_table *table, const char *key, double value)
{
    cli_put_number(table, key, value > 0 ? value : (double)NAN);
}

/* A published time that implies more than the hardware can do is marked. */
static void put_published_gpu(bench *b, const weft_arch *a)
{
    put_published(b->table, "gpu_published", a->published.gpu_ms);
    for (size_t i = 0; i < sizeof hardware / sizeof *hardware; i++) {
        const bool same = a->published.source && strstr(a->published.source, hardware[i].source);
        const double ms = a->published.gpu_ms, tflops = 2.0 * (double)a->macs * 32 / (ms * 1e9);
        const size_t used = strlen(b->flagged);
        if (!same || !(ms > 0) || tflops <= hardware[i].tflops)
            continue;
        cli_put_mark(b->table, "gpu_published", "†");
        snprintf(b->flagged + used, sizeof b->flagged - used, "%s%s %.1f", used ? ", " : "",
                 a->alias ? a->alias : a->name, tflops);
    }
}

static void put_arch(bench *b, const weft_arch *a)
{
    cli_table *t = b->table;
    cli_table_add(t);
    cli_put_text(t, "model", "%s", a->name);
    if (a->alias)
        cli_put_shown(t, "model", "%s", a->alias);
    cli_put_text(t, "dialect", "%s", weft_dialect_name(a->dialect));
    cli_put_number(t, "px", a->px);
    put_published(t, "size_published", a->published.size_mb);
    cli_put_number(t, "size", 4.0 * (double)a->params);
    put_published(t, "top1", a->published.top1);
    put_published(t, "top5", a->published.top5);
    if (a->published.source)
        cli_put_text(t, "source", "%s", a->published.source);
    cli_put_number(t, "params", (double)a->params);
    cli_put_number(t, "trainable", (double)a->trainable);
    cli_put_number(t, "macs", (double)a->macs);
    put_published(t, "cpu_published", a->published.cpu_ms);
    put_published_gpu(b, a);
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

static void put_row(bench *b, int i)
{
    cli_table *t = b->table;
    const json_t *cpu = b->cpu ? b->results[i] : NULL;
    const json_t *gpu = b->gpu ? b->results[b->cpu ? b->n_archs + i : i] : NULL;
    const char *cpu_failure = cli_failure(cpu), *gpu_failure = cli_failure(gpu);
    put_arch(b, b->archs[i]);
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
    if (cpu_failure || gpu_failure)
        cli_put_text(t, "failure", "%s", cpu_failure ? cpu_failure : gpu_failure);
}

/* "Keras Applications (accuracy ...)", each source once. */
static void note_sources(bench *b)
{
    for (int i = 0; i < b->n_archs; i++) {
        const char *source = b->archs[i]->published.source;
        bool first = source != NULL;
        for (int k = 0; first && k < i; k++)
            first = !b->archs[k]->published.source || strcmp(b->archs[k]->published.source, source) != 0;
        if (!first)
            continue;
        size_t h = 0;
        const size_t known = sizeof hardware / sizeof *hardware;
        while (h < known && !strstr(source, hardware[h].source))
            h++;
        if (h < known)
            cli_table_note(b->table, "Published by %s: ImageNet validation accuracy; ms of a batch of 32 on %s and %s.",
                           source, hardware[h].cpu, hardware[h].gpu);
        else
            cli_table_note(b->table, "Published by %s: ImageNet validation accuracy.", source);
    }
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
    for (int i = b->cpu ? b->n_archs : 0; i < b->n_jobs; i++)
        if (cli_json_text(b->results[i], "precision")[0])
            return cli_json_text(b->results[i], "precision");
    return "no precision";
}

static void add_notes(bench *b)
{
    note_sources(b);
    if (b->flagged[0])
        cli_table_note(b->table,
                       "† published, yet above what an A100 can do (156 TFLOP/s dense TF32); implied TFLOP/s: %s.",
                       b->flagged);
    if (b->machine.args->batch.value[0] != 32)
        cli_table_note(b->table, "Measured with batch %lld; published times are of 32.",
                       (long long)b->machine.args->batch.value[0]);
    if (b->gpu)
        cli_table_note(b->table, "GPU ms measured: in %s, with the copy of the images to the GPU.", gpu_precision(b));
    else
        cli_table_note(b->table, "GPU ms measured: %s.", b->no_gpu);
    static const char *const best[] = { "* best of its column. ", "**Bold**: best of its column. ", "", "" };
    cli_table_note(
        b->table,
        "%sMACs of convolutions and dense layers of one image; GFLOP/s = 2 MACs x batch / time; GB/s of least "
        "traffic. Memory: arena + weights as packed + weights as given.",
        best[b->machine.args->output]);
    for (int i = 0; i < b->n_jobs; i++)
        note_memory(b, i);
}

static void print_json(const bench *b)
{
    json_t *root = cli_machine_json(&b->machine), *results = json_array(), *notes = json_array();
    for (int i = 0; i < b->n_jobs; i++)
        json_array_append(results, b->results[i]);
    for (int i = 0; i < b->table->n_notes; i++)
        json_array_append_new(notes, json_string(b->table->notes[i]));
    json_object_set_new(root, "rows", cli_table_json(b->table));
    json_object_set_new(root, "notes", notes);
    json_object_set_new(root, "results", results);
    cli_json_print(root, stdout);
    json_decref(root);
}

static cli_exit run_table(bench *b, const cli_args *args, int sort)
{
    b->jobs = cli_alloc((size_t)b->n_archs * 2, sizeof *b->jobs);
    b->results = cli_alloc((size_t)b->n_archs * 2, sizeof *b->results);
    if (b->cpu)
        add_jobs(b, args, b->cpu_device);
    if (b->gpu)
        add_jobs(b, args, b->cpu ? "cuda" : args->device);
    cli_exit code = cli_machine_measure(&b->machine);
    if (code)
        return code;
    cli_run_jobs(&b->machine, b->jobs, b->n_jobs, false, b->results);
    code = cli_machine_measure_again(&b->machine);
    if (code)
        return code;

    cli_machine_head(&b->machine, b->table);
    for (int i = 0; i < b->n_archs; i++)
        put_row(b, i);
    cli_table_mark_best(b->table);
    cli_table_sort(b->table, sort, args->reverse);
    add_notes(b);
    if (args->output == CLI_FORMAT_JSON)
        print_json(b);
    else
        cli_table_print(b->table, (cli_format)args->output, stdout);
    code = args->svg ? cli_svg_write(args->svg, &b->machine, b->table) : CLI_OK;
    const cli_exit failed = cli_failed(b->results, b->n_jobs);
    return code ? code : failed;
}

static cli_exit unknown_column(const char *name)
{
    const char *names[sizeof columns / sizeof *columns];
    const int count = (int)(sizeof columns / sizeof *columns);
    for (int c = 0; c < count; c++)
        names[c] = columns[c].key;
    const char *nearest = cli_nearest(name, names, count);
    if (nearest)
        return cli_error(CLI_USAGE, "--sort: unknown column '%s'; did you mean '%s'?", name, nearest);
    return cli_error(CLI_USAGE, "--sort: unknown column '%s'; see 'weft bench table --help'", name);
}

cli_exit cli_bench_table(const cli_args *args)
{
    bench b = { .table = cli_table_create(columns, (int)(sizeof columns / sizeof *columns)) };
    const int sort = cli_table_column(b.table, args->sort);
    cli_exit code = sort < 0 ? unknown_column(args->sort) : choose_archs(&b, args);
    if (!code)
        code = cli_machine_open(&b.machine, args);
    if (!code)
        code = choose_devices(&b, args);
    if (!code)
        code = run_table(&b, args, sort);
    for (int i = 0; i < b.n_jobs; i++)
        json_decref(b.results[i]);
    free(b.results);
    free(b.jobs);
    free(b.archs);
    cli_machine_close(&b.machine);
    cli_table_destroy(b.table);
    return code;
}
