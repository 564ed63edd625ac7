/* SPDX-License-Identifier: Apache-2.0
 *
 * weft bench --layers: the time of every step against the roofs of the machine, and the sums for every kernel. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/table.h"
#include "cli/text.h"

static const cli_column step_columns[] = {
    { "model", { "", "model" }, .flags = CLI_COLUMN_LEFT | CLI_COLUMN_DATA },
    { "batch", { "", "batch" }, .flags = CLI_COLUMN_DATA },
    { "threads", { "", "threads" }, .flags = CLI_COLUMN_DATA },
    { "name", { "", "step" }, .flags = CLI_COLUMN_LEFT },
    { "op", { "", "op" }, .flags = CLI_COLUMN_LEFT, .drop = 4 },
    { "detail", { "", "options" }, .flags = CLI_COLUMN_LEFT, .drop = 6 },
    { "kernel", { "", "kernel" }, .flags = CLI_COLUMN_LEFT },
    { "output", { "", "output" }, .flags = CLI_COLUMN_LEFT, .drop = 5 },
    { "ms", { "", "ms" }, .digits = 3 },
    { "share", { "", "% time" }, .digits = 1, .scale = 0.01 },
    { "gflops", { "", "GFLOP/s" }, .digits = 1, .drop = 1 },
    { "fma_share", { "% FMA", "peak" }, .digits = 1, .scale = 0.01 },
    { "gbs", { "", "GB/s" }, .digits = 1, .drop = 3 },
    { "bandwidth_share", { "% GB/s", "peak" }, .digits = 1, .scale = 0.01, .drop = 2 },
};

static const cli_column kernel_columns[] = {
    { "kernel", { "", "kernel" }, .flags = CLI_COLUMN_LEFT },
    { "steps", { "", "steps" }, .digits = 0, .drop = 1 },
    { "ms", { "", "ms" }, .digits = 3 },
    { "share", { "", "% time" }, .digits = 1, .scale = 0.01 },
    { "gflops", { "", "GFLOP/s" }, .digits = 1 },
    { "fma_share", { "% FMA", "peak" }, .digits = 1, .scale = 0.01 },
    { "gbs", { "", "GB/s" }, .digits = 1, .drop = 3 },
    { "bandwidth_share", { "% GB/s", "peak" }, .digits = 1, .scale = 0.01, .drop = 2 },
};

typedef struct sum {
    const char *kernel;
    int steps;
    double ms, flops, bytes;
} sum;

typedef struct roofs {
    double total_ms, gflops, bandwidth;
} roofs;

static roofs roofs_of(const cli_machine *machine, const json_t *result)
{
    const int threads = (int)cli_json_number(result, "threads");
    const bool cpu = strcmp(cli_json_text(result, "device"), "cpu") == 0;
    const json_t *layers = json_object_get(result, "layers");
    roofs r = { 0, cpu ? cli_machine_gflops(machine, threads) : (double)NAN,
                cpu ? cli_machine_bandwidth(machine, threads) : (double)NAN };
    for (size_t i = 0; i < json_array_size(layers); i++)
        r.total_ms += cli_json_number(json_array_get(layers, i), "ms");
    return r;
}

static void put_rates(cli_table *t, const roofs *r, double ms, double flops, double bytes)
{
    const double gflops = flops / ms / 1e6, gbs = bytes / ms / 1e6;
    cli_put_number(t, "ms", ms);
    cli_put_number(t, "share", ms / r->total_ms);
    cli_put_number(t, "gflops", gflops);
    cli_put_number(t, "fma_share", gflops / r->gflops);
    cli_put_number(t, "gbs", gbs);
    cli_put_number(t, "bandwidth_share", gbs / r->bandwidth);
}

static void shape_text(const json_t *shape, char buf[96])
{
    size_t used = (size_t)snprintf(buf, 96, "[");
    for (size_t i = 0; i < json_array_size(shape) && used < 80; i++)
        used += (size_t)snprintf(buf + used, 96 - used, "%s%lld", i ? ", " : "",
                                 (long long)json_integer_value(json_array_get(shape, i)));
    snprintf(buf + used, 96 - used, "]");
}

static void add_steps(cli_table *t, const cli_machine *machine, const json_t *result)
{
    const json_t *layers = json_object_get(result, "layers");
    const roofs r = roofs_of(machine, result);
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *step = json_array_get(layers, i);
        char shape[96];
        shape_text(json_object_get(step, "out"), shape);
        cli_table_add(t);
        cli_put_text(t, "model", "%s", cli_json_text(result, "model"));
        cli_put_number(t, "batch", cli_json_number(result, "batch"));
        cli_put_number(t, "threads", cli_json_number(result, "threads"));
        cli_put_text(t, "name", "%s", cli_json_text(step, "name"));
        cli_put_text(t, "op", "%s", cli_json_text(step, "op"));
        cli_put_text(t, "detail", "%s", cli_json_text(step, "detail"));
        cli_put_text(t, "kernel", "%s", cli_json_text(step, "kernel"));
        cli_put_text(t, "output", "%s", shape);
        put_rates(t, &r, cli_json_number(step, "ms"), cli_json_number(step, "flops"), cli_json_number(step, "bytes"));
    }
}

static int by_time(const void *a, const void *b)
{
    const double x = ((const sum *)a)->ms, y = ((const sum *)b)->ms;
    return (x < y) - (x > y);
}

static cli_table *sum_kernels(const cli_machine *machine, const json_t *result)
{
    const json_t *layers = json_object_get(result, "layers");
    const roofs r = roofs_of(machine, result);
    sum *sums = cli_alloc(json_array_size(layers), sizeof *sums);
    int count = 0;
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *step = json_array_get(layers, i);
        int k = 0;
        while (k < count && strcmp(sums[k].kernel, cli_json_text(step, "kernel")) != 0)
            k++;
        count += k == count;
        sums[k].kernel = cli_json_text(step, "kernel");
        sums[k].steps++;
        sums[k].ms += cli_json_number(step, "ms");
        sums[k].flops += cli_json_number(step, "flops");
        sums[k].bytes += cli_json_number(step, "bytes");
    }
    qsort(sums, (size_t)count, sizeof *sums, by_time);
    cli_table *t = cli_table_create(kernel_columns, (int)(sizeof kernel_columns / sizeof *kernel_columns));
    for (int k = 0; k < count; k++) {
        cli_table_add(t);
        cli_put_text(t, "kernel", "%s", sums[k].kernel);
        cli_put_number(t, "steps", sums[k].steps);
        put_rates(t, &r, sums[k].ms, sums[k].flops, sums[k].bytes);
    }
    free(sums);
    return t;
}

json_t *cli_kernels_json(const cli_machine *machine, const json_t *result)
{
    cli_table *t = sum_kernels(machine, result);
    json_t *kernels = cli_table_json(t);
    cli_table_destroy(t);
    return kernels;
}

cli_exit cli_layers_check(const cli_view *view)
{
    cli_table *steps = cli_table_create(step_columns, (int)(sizeof step_columns / sizeof *step_columns));
    const cli_exit code = cli_table_choose(steps, view->columns);
    cli_table_destroy(steps);
    return code;
}

static cli_table *new_steps(const cli_view *view)
{
    cli_table *steps = cli_table_create(step_columns, (int)(sizeof step_columns / sizeof *step_columns));
    cli_table_choose(steps, view->columns);
    return steps;
}

void cli_layers_print(const cli_machine *machine, json_t *const *results, int count, const cli_view *view)
{
    if (view->format == CLI_FORMAT_CSV) { /* one table, to be read by a program */
        cli_table *all = new_steps(view);
        cli_machine_head(machine, all);
        for (int i = 0; i < count; i++)
            add_steps(all, machine, results[i]);
        cli_table_print(all, view, stdout);
        cli_table_destroy(all);
        return;
    }
    for (int i = 0; i < count; i++) {
        if (!json_object_get(results[i], "layers"))
            continue;
        cli_table *steps = new_steps(view), *kernels = sum_kernels(machine, results[i]);
        const char *model = cli_json_text(results[i], "model");
        const double batch = cli_json_number(results[i], "batch"), threads = cli_json_number(results[i], "threads");
        cli_table_head(steps, "%s, batch %.0f, threads %.0f: median ms of each step", model, batch, threads);
        cli_table_head(kernels, "%s, batch %.0f, threads %.0f: sums for every kernel", model, batch, threads);
        add_steps(steps, machine, results[i]);
        putchar('\n');
        cli_table_print(steps, view, stdout);
        putchar('\n');
        cli_table_print(kernels, view, stdout);
        cli_table_destroy(steps);
        cli_table_destroy(kernels);
    }
}
