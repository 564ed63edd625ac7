/* SPDX-License-Identifier: Apache-2.0
 *
 * weft selftest, speed: what memory gives, what a launch costs, and the networks, whole and kernel by kernel, against
 * the roofs that the plan assumes (Williams 2009, Roofline). Nothing here can fail the test. */
#include <stdlib.h>
#include <string.h>

#include "cli/selftest.h"
#include "cli/text.h"
#include "cli/timing.h"

/* ---- memory and launches: chains of one elementwise op ---- */

/* From so many pixels, padded to size x size on the device, through `nodes` activations of `channels`. */
typedef struct chain {
    int64_t size, channels;
    int nodes;
} chain;

static weft_status build_chain(weft_ctx *ctx, const void *what, weft_graph **out)
{
    const chain *c = what;
    const int border = (int)(c->size - 1);
    const weft_shape shape = weft_shape_nhwc(1, 1, 1, c->channels);
    weft_graph *g = NULL;
    const weft_status status = weft_graph_create(ctx, &g);
    if (status)
        return status;
    weft_var x = weft_input(g, "x", &shape);
    if (border > 0)
        x = weft_pad2d(g, x, &(weft_pad){ .bottom = border, .right = border });
    for (int i = 0; i < c->nodes; i++)
        x = weft_activation(g, x, WEFT_ACT_LEAKY_RELU);
    weft_output(g, x, "y");
    *out = g;
    return WEFT_OK;
}

static double now_of(weft_model *model, double *steps, weft_status *status)
{
    const double start = cli_now();
    *status = steps ? weft_model_run_timed(model, steps) : weft_model_run(model);
    return cli_now() - start;
}

/* Bytes that step's launches read and write. */
static double step_bytes(const weft_model *model, int step)
{
    double bytes = 0;
    weft_launch_info launch;
    for (int i = 0; i < weft_model_launch_count(model); i++)
        if (!weft_model_launch(model, i, &launch) && launch.step == step)
            bytes += launch.weights + launch.read + launch.written;
    return bytes;
}

/* Reads and writes of the best of some launches over a tensor that no cache holds. */
static weft_status measure_copy(const selftest *s, json_t *row)
{
    const chain c = { s->args->quick ? 64 : s->cpu ? 1024 : 2048, 64, 5 };
    const selftest_graph graph = { build_chain, &c, -1, 1 };
    weft_model *model = NULL;
    weft_run_cost cost;
    weft_status status = selftest_open(s->ctx, &graph, &model);
    if (status)
        return status;
    const int steps = weft_model_step_count(model);
    double *seconds = cli_alloc((size_t)steps, sizeof *seconds), best = 0;
    for (int run = 0; !status && run < SELFTEST_RUNS; run++) {
        (void)now_of(model, seconds, &status);
        for (int i = 1; !status && i < steps; i++) /* the first pads */
            best = fmax(best, step_bytes(model, i) / seconds[i]);
    }
    free(seconds);
    if (!status)
        status = weft_model_cost(model, &cost);
    weft_model_destroy(model);
    if (status)
        return status;
    cli_set_text(row, "what", "copy");
    cli_set_real(row, "gbs", best / 1e9);
    cli_set_real(row, "peak_gbs", cost.bandwidth / 1e9);
    cli_set_text(row, "card", cost.device);
    selftest_say(s, "memory, %s: %.1f GB/s read and written", weft_precision_name(s->precision), best / 1e9);
    return WEFT_OK;
}

/* Seconds for each of many tiny steps: recorded, and one by one, each waited for. */
static weft_status measure_launch(const selftest *s, json_t *row)
{
    const chain c = { 1, 8, s->args->quick ? 32 : 256 };
    const selftest_graph graph = { build_chain, &c, -1, 1 };
    weft_model *model = NULL;
    weft_status status = selftest_open(s->ctx, &graph, &model);
    if (status)
        return status;
    const int steps = weft_model_step_count(model);
    double *seconds = cli_alloc((size_t)steps, sizeof *seconds), best = INFINITY, apart = INFINITY;
    for (int run = 0; !status && run < 20; run++)
        best = fmin(best, now_of(model, NULL, &status));
    if (!status)
        (void)now_of(model, seconds, &status);
    for (int i = 0; !status && i < steps; i++)
        apart = fmin(apart, seconds[i]);
    free(seconds);
    weft_model_destroy(model);
    if (status)
        return status;
    cli_set_text(row, "what", "launch");
    cli_set_count(row, "launches", steps);
    cli_set_real(row, "us", best / steps * 1e6);
    cli_set_real(row, "waited_us", apart * 1e6);
    selftest_say(s, "launches, %s: %.2f us each of %d in a run, %.2f us if each is waited for",
                 weft_precision_name(s->precision), best / steps * 1e6, steps, apart * 1e6);
    return WEFT_OK;
}

/* ---- networks ---- */

typedef struct timed {
    const weft_arch *arch;
    int px;
    int64_t batch;
} timed;

static weft_status build_network(weft_ctx *ctx, const void *what, weft_graph **out)
{
    const timed *t = what;
    const weft_arch_opt opt = { .dialect = t->arch->dialect, .batch = t->batch, .px = t->px };
    return weft_arch_build(ctx, t->arch->name, &opt, out);
}

/* At least three runs and, but for --quick, half a second. */
static weft_status time_runs(const selftest *s, weft_model *model, json_t *row, double *median)
{
    const cli_timing timing = { s->ctx, 1, SELFTEST_RUNS, s->args->quick ? 0 : .5 };
    double *times = NULL;
    int n = 0;
    const weft_status status = cli_time_runs(&timing, cli_run_model, model, &times, &n);
    if (status)
        return status;
    cli_sort_doubles(times, n);
    *median = cli_quantile(times, n, .5);
    cli_set_count(row, "runs", n);
    cli_set_real(row, "ms", *median * 1e3);
    cli_set_real(row, "ms_q1", cli_quantile(times, n, .25) * 1e3);
    cli_set_real(row, "ms_q3", cli_quantile(times, n, .75) * 1e3);
    free(times);
    return WEFT_OK;
}

/* Adds to the sums of the step's kernel: one object for each kernel, its launches beside their roofs. */
static void add_kernel(json_t *kernels, const weft_model *model, int step, double seconds)
{
    weft_step_info info;
    weft_launch_info launch;
    double roof = 0, flops = 0, bytes = 0;
    int launches = 0;
    if (weft_model_step(model, step, &info))
        return;
    for (int i = 0; i < weft_model_launch_count(model); i++) {
        if (weft_model_launch(model, i, &launch) || launch.step != step)
            continue;
        launches++;
        roof += launch.seconds;
        flops += launch.tensor_core + launch.core;
        bytes += launch.weights + launch.read + launch.written;
    }
    const double add[] = { 1, launches, seconds * 1e3, roof * 1e3, flops, bytes };
    static const char *const keys[] = { "steps", "launches", "ms", "roof_ms", "flops", "bytes" };
    json_t *sum = json_object_get(kernels, info.kernel);
    if (!sum) {
        sum = json_object();
        json_object_set_new(kernels, info.kernel, sum);
    }
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        const double before = cli_json_number(sum, keys[k]);
        cli_set_real(sum, keys[k], add[k] + (isfinite(before) ? before : 0));
    }
}

/* Each step waited for: the best of some runs, summed for each kernel. */
static weft_status time_steps(weft_model *model, json_t *row)
{
    const int steps = weft_model_step_count(model);
    double *seconds = cli_alloc((size_t)steps, sizeof *seconds), *best = cli_alloc((size_t)steps, sizeof *best);
    weft_status status = WEFT_OK;
    json_t *kernels = json_object();
    for (int run = 0; !status && run < SELFTEST_RUNS; run++) {
        (void)now_of(model, seconds, &status);
        for (int i = 0; !status && i < steps; i++)
            best[i] = run == 0 ? seconds[i] : fmin(best[i], seconds[i]);
    }
    for (int i = 0; !status && i < steps; i++)
        add_kernel(kernels, model, i, best[i]);
    json_object_set_new(row, "kernels", kernels);
    free(seconds);
    free(best);
    return status;
}

static weft_status time_network(const selftest *s, const timed *t, json_t *row)
{
    const selftest_graph graph = { build_network, t, -1, 1 };
    weft_model *model = NULL;
    weft_run_cost cost;
    double median = 0;
    cli_set_text(row, "what", "network");
    cli_set_text(row, "model", t->arch->name);
    cli_set_count(row, "px", t->px);
    cli_set_count(row, "batch", t->batch);
    weft_status status = selftest_open(s->ctx, &graph, &model);
    if (status)
        return status;
    status = time_runs(s, model, row, &median);
    if (!status)
        status = time_steps(model, row);
    if (!status)
        status = weft_model_cost(model, &cost);
    weft_model_destroy(model);
    if (status)
        return status;
    cli_set_real(row, "images_per_second", (double)t->batch / median);
    cli_set_count(row, "launches", cost.launches);
    cli_set_real(row, "roof_ms", cost.seconds * 1e3);
    if (cost.seconds > 0)
        selftest_say(s, "%s, %s, batch %lld: %.2f ms, %.0f images/s, %.0f %% of the roof", t->arch->name,
                     weft_precision_name(s->precision), (long long)t->batch, median * 1e3, (double)t->batch / median,
                     100 * cost.seconds / median);
    else
        selftest_say(s, "%s, batch %lld: %.2f ms, %.0f images/s", t->arch->name, (long long)t->batch, median * 1e3,
                     (double)t->batch / median);
    return WEFT_OK;
}

void selftest_speed(selftest *s)
{
    static const struct {
        const char *name;
        weft_status (*measure)(const selftest *s, json_t *row);
    } plain[] = { { "copy", measure_copy }, { "launch", measure_launch } };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (!selftest_begin(s, "speed", plain[i].name))
            continue;
        json_t *row = json_object();
        selftest_measured(s, s->speed, row, plain[i].measure(s, row));
    }
    for (int i = 0; i < selftest_network_count; i++) {
        const selftest_network *n = &selftest_network_list[i];
        const weft_arch *arch = weft_arch_find(n->name, WEFT_DIALECT_DEFAULT);
        const int px = s->args->quick || !n->px ? n->small_px : n->px;
        if (!arch || !px || !selftest_begin(s, "speed", n->name))
            continue;
        json_t *row = json_object();
        const timed t = { arch, px, s->args->quick ? 2 : s->cpu ? 1 : 32 };
        selftest_measured(s, s->speed, row, time_network(s, &t, row));
    }
}
