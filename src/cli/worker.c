/* SPDX-License-Identifier: Apache-2.0
 *
 * The process of one job: reads a request in JSON on standard input, plans, fills, runs and times the network, and
 * writes events (run, ms) and at last the result, one JSON object a line, on standard output. Times are those of
 * weft_model_run alone, on the monotonic clock; of steps of training on a device apart those between the device's own
 * marks, of steps that are queued and waited for together. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/bench.h"
#include "cli/command.h"
#include "cli/text.h"
#include "cli/timing.h"

static const double TINY_RATE = 1e-6; /* of learning: parameters stay about where they are */

typedef struct work {
    const json_t *request;
    const char *stage; /* for errors */
    const weft_arch *arch;
    weft_recipe recipe;
    weft_ctx *ctx;
    weft_graph *graph;
    weft_trainer *trainer; /* of a training step, which it makes the model of */
    weft_model *model;
    int64_t batch;
    bool layers, runs, trains;
    float *data;        /* input */
    size_t data_bytes;
    cli_rounds rounds;  /* what was timed */
    double *busy;       /* [timed] seconds of processor time */
    double *step_times; /* [timed][steps] seconds */
    cli_ahead ahead;    /* steps that are queued */
    double *sent;       /* [n_sent] seconds of runs whose input is sent to the device first */
    int n_steps, n_sent;
    weft_counts counts;
    weft_memory planned;
    double flops; /* of a run */
    double ran;   /* seconds of the timed runs so far */
    double plan_s, init_s, commit_s;
    size_t allocations; /* during the timed runs */
} work;

static void say(json_t *message)
{
    json_dumpf(message, stdout, JSON_COMPACT);
    fputc('\n', stdout);
    fflush(stdout);
    json_decref(message);
}

static double number(const work *w, const char *key)
{
    const double value = cli_json_number(w->request, key);
    return isfinite(value) ? value : 0;
}

static int classes(const work *w)
{
    const double asked = number(w, "classes");
    return asked > 0 ? (int)asked : w->arch->classes;
}

static const char *text_or_null(const work *w, const char *key)
{
    return json_string_value(json_object_get(w->request, key));
}

static weft_status open_context(work *w)
{
    const weft_ctx_opt opt = {
        .device = text_or_null(w, "device"),
        .threads = (int)number(w, "threads"),
        .isa = text_or_null(w, "isa"),
        .math = (weft_math)number(w, "math"),
        .precision = (weft_precision)number(w, "precision"),
        .allocator = cli_counting_allocator(),
    };
    w->stage = "opening the device";
    w->trains = json_is_true(json_object_get(w->request, "train"));
    CLI_TRY_STATUS(weft_ctx_create(&opt, &w->ctx));
    w->runs = strcmp(weft_ctx_device(w->ctx), "null") != 0;
    return WEFT_OK;
}

/* A model that infers, or the trainer of a step and its model. */
static weft_status make(work *w, bool plan_only, weft_trainer **trainer, weft_model **model)
{
    const bool separate = json_is_true(json_object_get(w->request, "no_units"));
    const weft_train_opt train = { .optimizer = { .momentum = .9, .decay = 1e-4 }, .seed = (uint64_t)number(w, "seed"),
                                   .plan_only = plan_only, .times = true };
    const weft_model_opt infer = { .plan_only = plan_only, .track = !plan_only, .no_units = separate,
                                   .resident = true };
    if (!w->trains)
        return weft_model_create(w->ctx, w->graph, &infer, model);
    CLI_TRY_STATUS(weft_trainer_create(w->ctx, w->graph, &train, trainer));
    *model = weft_trainer_model(*trainer);
    return WEFT_OK;
}

static void destroy(weft_trainer *trainer, weft_model *model)
{
    if (!trainer)
        weft_model_destroy(model);
    weft_trainer_destroy(trainer);
}

/* Of one run by the direct algorithm: of inference that of its layers, of a step that of all steps. */
static double flops_of(const work *w, const weft_model *planned)
{
    double flops = 0;
    for (int i = 0; w->trains && i < weft_model_step_count(planned); i++) {
        weft_step_info step;
        if (weft_model_step(planned, i, &step) == WEFT_OK)
            flops += step.flops;
    }
    return w->trains ? flops : 2.0 * (double)w->counts.macs * (double)w->batch;
}

static weft_status build(const work *w, weft_ctx *ctx, weft_graph **graph)
{
    const weft_arch_opt opt = {
        .dialect = w->arch->dialect, .batch = w->batch, .px = w->recipe.px, .classes = classes(w)
    };
    return weft_arch_build(ctx, w->arch->name, &opt, graph);
}

/* The prediction is from a plan that allocates nothing, made before the model that runs. */
static weft_status plan(work *w)
{
    weft_trainer *trainer = NULL;
    weft_model *planned = NULL;
    w->stage = "building the network";
    CLI_TRY_STATUS(build(w, w->ctx, &w->graph));
    CLI_TRY_STATUS(weft_graph_counts(w->graph, &w->counts));
    w->stage = "planning";
    const double start = cli_now();
    CLI_TRY_STATUS(make(w, true, &trainer, &planned));
    w->plan_s = cli_now() - start;
    w->flops = flops_of(w, planned);
    const weft_status status = weft_model_memory(planned, &w->planned);
    destroy(trainer, planned);
    if (status || !w->runs)
        return status;
    w->stage = "allocating";
    return make(w, false, &w->trainer, &w->model);
}

/* A first step, so slow that it keeps the parameters where they are: it leaves its inputs for those that are timed. */
static weft_status first_step(work *w)
{
    int32_t *labels = cli_alloc((size_t)w->batch, sizeof *labels);
    for (int64_t i = 0; i < w->batch; i++)
        labels[i] = (int32_t)(i % classes(w));
    const weft_batch batch = { .images = w->data, .labels = labels };
    const weft_status status = weft_trainer_step(w->trainer, &batch, TINY_RATE, NULL);
    free(labels);
    return status;
}

/* The weights of a file; random ones if there is none. */
static weft_status fill_weights(work *w, uint64_t seed)
{
    const char *const file = text_or_null(w, "weights");
    const weft_import_opt opt = { .read = { .key = text_or_null(w, "key") },
                                  .arch = w->arch->name,
                                  .dialect = w->arch->dialect };
    weft_weights *weights = NULL;
    w->stage = file ? "reading the weights" : "initialising the weights";
    if (!file)
        return weft_model_init(w->model, seed);
    CLI_TRY_STATUS(weft_weights_import(w->ctx, file, &opt, NULL, &weights));
    const weft_status status = weft_model_load(w->model, weights);
    weft_weights_destroy(weights);
    return status;
}

static weft_status fill(work *w)
{
    const uint64_t seed = (uint64_t)number(w, "seed");
    double start = cli_now();
    if (!w->trains) /* a trainer has drawn them */
        CLI_TRY_STATUS(fill_weights(w, seed));
    w->init_s = cli_now() - start;

    w->stage = "reading the inputs";
    const size_t count = (size_t)(w->batch * w->recipe.px * w->recipe.px * w->recipe.channels);
    w->data = cli_alloc(count, sizeof *w->data);
    CLI_TRY_STATUS(cli_fill_input(w->ctx, &w->recipe, json_object_get(w->request, "images"), seed, w->batch,
                                  w->data));
    w->stage = "setting the inputs";
    w->data_bytes = count * sizeof *w->data;
    CLI_TRY_STATUS(w->trains ? first_step(w) : weft_model_set_input(w->model, 0, w->data, w->data_bytes));

    w->stage = "packing the weights";
    start = cli_now();
    CLI_TRY_STATUS(weft_model_commit(w->model));
    w->commit_s = cli_now() - start;
    return WEFT_OK;
}

/* Steps of training on a device apart, whole. */
static bool queues(const work *w)
{
    return w->trains && !w->layers && cli_is_apart(w->ctx);
}

static weft_status run_one(work *w, double *steps, double *seconds)
{
    if (queues(w))
        return cli_step_ahead(w->trainer, &w->ahead, TINY_RATE, seconds);
    const double start = cli_now();
    CLI_TRY_STATUS(steps ? weft_model_run_timed(w->model, steps) : weft_model_run(w->model));
    *seconds = cli_now() - start;
    return WEFT_OK;
}

static weft_status run_told(void *user, int timed, double *seconds)
{
    work *w = user;
    const int n = timed < 0 ? 0 : timed; /* a run that warms up is overwritten by the first that counts */
    double *steps = NULL;
    if (w->layers) {
        w->step_times = cli_grow(w->step_times, (size_t)(n + 1) * (size_t)w->n_steps, sizeof *w->step_times);
        steps = w->step_times + (size_t)n * (size_t)w->n_steps;
    }
    w->busy = cli_grow(w->busy, (size_t)n + 1, sizeof *w->busy);
    const size_t calls = cli_counted().calls;
    const double busy = cli_busy();
    CLI_TRY_STATUS(run_one(w, steps, seconds));
    w->busy[n] = cli_busy() - busy;
    if (timed < 0) {
        say(json_pack("{s:b, s:f}", "warmup", 1, "ms", *seconds * 1e3));
        return WEFT_OK;
    }
    w->allocations += cli_counted().calls - calls;
    w->ran += *seconds;
    say(json_pack("{s:i, s:f, s:f}", "run", n + 1, "ms", *seconds * 1e3, "total_s", w->ran));
    return WEFT_OK;
}

static weft_status probe(void *user, cli_probe_rate *rate)
{
    const work *w = user;
    weft_probe now;
    const weft_status status = weft_measure_probe(w->ctx, &now);
    if (!status)
        *rate = (cli_probe_rate){ now.gflops, now.fma_gflops };
    return status;
}

static weft_status run_all(work *w)
{
    const cli_timing timing = { w->ctx, (int)number(w, "warmup"), (int)number(w, "reps"), number(w, "min_time") };
    w->stage = "running";
    w->n_steps = weft_model_step_count(w->model);
    return cli_time_rounds(&timing, run_told, cli_is_apart(w->ctx) ? NULL : probe, w, &w->rounds);
}

/* Runs of a device apart that begin with their input in host memory, as often as the others. */
static weft_status run_sent(work *w)
{
    if (w->trains || w->layers || !cli_is_apart(w->ctx))
        return WEFT_OK;
    w->stage = "running with the copy of the input";
    w->sent = cli_alloc((size_t)w->rounds.n, sizeof *w->sent);
    const cli_sent what = { w->ctx, w->graph, w->model, &w->recipe, w->data, w->data_bytes / sizeof *w->data,
                            json_is_true(json_object_get(w->request, "no_units")) };
    CLI_TRY_STATUS(cli_time_sent(&what, w->rounds.n, w->sent));
    w->n_sent = w->rounds.n;
    return WEFT_OK;
}

/* Whether the first output holds no NaN or infinity. */
static weft_status check_output(work *w, bool *finite)
{
    weft_port_info port;
    w->stage = "reading the output";
    weft_status status = weft_model_output(w->model, 0, &port);
    if (status)
        return status;
    const int64_t count = weft_shape_count(&port.shape);
    float *out = cli_alloc((size_t)count, sizeof *out);
    status = weft_model_get_output(w->model, 0, out, (size_t)count * sizeof *out);
    *finite = true;
    for (int64_t i = 0; !status && i < count; i++)
        *finite &= isfinite(out[i]) != 0;
    free(out);
    return status;
}

static json_t *memory_json(const weft_memory *m)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "arena", (json_int_t)m->arena, "workspace", (json_int_t)m->workspace,
                     "packed", (json_int_t)m->packed, "params", (json_int_t)m->params, "peak", (json_int_t)m->peak);
}

static double step_median(const work *w, int step)
{
    const int n = w->rounds.n;
    double *sorted = cli_alloc((size_t)n, sizeof *sorted);
    for (int i = 0; i < n; i++)
        sorted[i] = w->step_times[(size_t)w->rounds.which[i] * (size_t)w->n_steps + (size_t)step];
    cli_sort_doubles(sorted, n);
    const double median = cli_quantile(sorted, n, 0.5);
    free(sorted);
    return median;
}

static weft_status add_layers(const work *w, json_t *result)
{
    json_t *layers = json_array();
    json_object_set_new(result, "layers", layers);
    for (int i = 0; i < w->n_steps; i++) {
        weft_step_info step;
        const weft_status status = weft_model_step(w->model, i, &step);
        if (status)
            return status;
        json_t *layer = json_object();
        cli_set_text(layer, "name", step.name);
        cli_set_text(layer, "op", step.op);
        cli_set_text(layer, "kernel", step.kernel);
        cli_set_text(layer, "detail", step.detail);
        json_object_set_new(layer, "in", cli_json_shape(&step.in));
        json_object_set_new(layer, "out", cli_json_shape(&step.out));
        cli_set_real(layer, "ms", step_median(w, i) * 1e3);
        cli_set_real(layer, "flops", step.flops);
        cli_set_real(layer, "bytes", step.bytes);
        json_array_append_new(layers, layer);
    }
    return WEFT_OK;
}

/* How many steps run what weft tune found: those that have another kernel in the plan of a machine without. */
static weft_status add_tuned(const work *w, json_t *result)
{
    const weft_ctx_opt opt = { .device = text_or_null(w, "device"), .threads = (int)number(w, "threads"),
                               .isa = text_or_null(w, "isa"), .math = (weft_math)number(w, "math"),
                               .tuning = WEFT_TUNING_NONE };
    const weft_model_opt how = { .plan_only = true, .no_units = json_is_true(json_object_get(w->request, "no_units")) };
    weft_ctx *ctx = NULL;
    weft_graph *graph = NULL;
    weft_model *untuned = NULL;
    if (w->trains || cli_is_apart(w->ctx)) /* of steps of training nothing is tuned, of a GPU what has no name */
        return WEFT_OK;
    weft_status status = weft_ctx_create(&opt, &ctx);
    if (!status)
        status = build(w, ctx, &graph);
    if (!status)
        status = weft_model_create(ctx, graph, &how, &untuned);
    if (!status)
        cli_set_count(result, "tuned", cli_count_tuned(w->model, untuned));
    weft_model_destroy(untuned);
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
    return status;
}

static double least_bytes(const work *w)
{
    double bytes = 0;
    for (int i = 0; i < w->n_steps; i++) {
        weft_step_info step;
        if (weft_model_step(w->model, i, &step) == WEFT_OK)
            bytes += step.bytes;
    }
    return bytes;
}

/* What is known without running. */
static json_t *plan_json(const work *w)
{
    json_t *memory = json_object();
    json_object_set_new(memory, "predicted", memory_json(&w->planned));
    json_t *result = json_object();
    cli_set_text(result, "model", w->arch->name);
    cli_set_text(result, "dialect", weft_dialect_name(w->arch->dialect));
    cli_set_count(result, "px", w->recipe.px);
    cli_set_count(result, "classes", classes(w));
    if (text_or_null(w, "weights"))
        cli_set_text(result, "weights", text_or_null(w, "weights"));
    cli_set_count(result, "batch", w->batch);
    cli_set_count(result, "threads", weft_ctx_threads(w->ctx));
    cli_set_text(result, "device", weft_ctx_device(w->ctx));
    cli_set_text(result, "isa", weft_ctx_isa(w->ctx));
    cli_set_text(result, "precision", weft_precision_name(weft_ctx_precision(w->ctx)));
    cli_set_text(result, "math", number(w, "math") > 0 ? "strict" : "fast");
    cli_set_count(result, "seed", (int64_t)number(w, "seed"));
    cli_set_count(result, "params", cli_params(w->arch, &w->counts));
    cli_set_count(result, "trainable", w->counts.trainable);
    cli_set_count(result, "statistics", w->counts.statistics);
    cli_set_count(result, "macs", w->counts.macs);
    cli_set_real(result, "flops", w->flops);
    json_object_set_new(result, "train", json_boolean(w->trains));
    json_object_set_new(result, "memory", memory);
    return result;
}

static weft_status add_measured(work *w, json_t *result)
{
    bool finite = false;
    weft_memory m;
    CLI_TRY_STATUS(check_output(w, &finite));
    CLI_TRY_STATUS(weft_model_memory(w->model, &m));
    const cli_count count = cli_counted();
    json_t *memory = json_object_get(result, "memory"), *measured = memory_json(&m);
    const size_t used = m.touched ? m.touched : m.arena; /* a device's own memory is not looked into */
    json_object_set_new(measured, "peak", json_integer((json_int_t)(used + m.packed + m.params)));
    json_object_set_new(measured, "touched", json_integer((json_int_t)m.touched));
    json_object_set_new(measured, "allocator_peak", json_integer((json_int_t)count.peak));
    json_object_set_new(measured, "allocations_in_runs", json_integer((json_int_t)w->allocations));
    json_object_update_new(memory, measured);

    json_object_set_new(result, "steps", json_integer(w->n_steps));
    json_object_set_new(result, "bytes", json_real(least_bytes(w)));
    json_object_set_new(result, "finite", json_boolean(finite));
    json_object_set_new(result, "ms", cli_times_json(w->rounds.times, NULL, w->rounds.n));
    if (!cli_is_apart(w->ctx)) {
        json_object_set_new(result, "cpu_ms", cli_times_json(w->busy, w->rounds.which, w->rounds.n));
        json_object_set_new(result, "noise", cli_noise_json(&w->rounds.noise));
    }
    json_object_set_new(result, "samples", cli_samples_json(&w->rounds, cli_is_apart(w->ctx) ? NULL : w->busy));
    if (w->n_sent)
        json_object_set_new(result, "ms_with_copy", cli_times_json(w->sent, NULL, w->n_sent));
    json_object_set_new(
        result, "setup_ms",
        json_pack("{s:f, s:f, s:f}", "plan", w->plan_s * 1e3, "init", w->init_s * 1e3, "commit", w->commit_s * 1e3));
    CLI_TRY_STATUS(add_tuned(w, result));
    return w->layers ? add_layers(w, result) : WEFT_OK;
}

static weft_status plan_and_run(work *w)
{
    CLI_TRY_STATUS(open_context(w));
    CLI_TRY_STATUS(plan(w));
    if (!w->runs)
        return WEFT_OK;
    CLI_TRY_STATUS(fill(w));
    CLI_TRY_STATUS(run_all(w));
    return run_sent(w);
}

static weft_status do_work(work *w, json_t **result)
{
    const weft_status status = plan_and_run(w);
    if (w->planned.peak)
        *result = plan_json(w); /* worth knowing even if it did not run */
    return !status && w->runs ? add_measured(w, *result) : status;
}

static void release(work *w)
{
    free(w->data);
    cli_rounds_release(&w->rounds);
    free(w->busy);
    free(w->step_times);
    free(w->sent);
    destroy(w->trainer, w->model);
    weft_graph_destroy(w->graph);
    weft_ctx_destroy(w->ctx);
}

static cli_exit run(const cli_call *call)
{
    (void)call;
    json_t *result = NULL, *request = json_loadf(stdin, 0, NULL);
    work w = { .request = request, .batch = 1 };
    if (!request)
        return cli_error(CLI_USAGE, "bench-worker is started by weft bench, not by hand");
    w.batch = (int64_t)number(&w, "batch");
    w.layers = json_is_true(json_object_get(request, "layers"));
    w.arch = weft_arch_find(cli_json_text(request, "model"), weft_dialect_parse(cli_json_text(request, "dialect")));
    w.recipe = weft_arch_recipe(w.arch, 0);
    const char *const recipe = text_or_null(&w, "recipe");
    const bool told = !recipe || weft_recipe_parse(recipe, &w.recipe) == WEFT_OK;
    const weft_status status = w.arch && w.batch > 0 && told ? do_work(&w, &result) : WEFT_INVALID;
    if (status) {
        const char *sentence = weft_error();
        if (!result)
            result = json_object();
        json_object_set_new(result, "error",
                            json_pack("{s:i, s:s, s:s}", "exit", (int)cli_exit_of(status), "reason",
                                      *sentence ? sentence : weft_status_text(status), "stage",
                                      w.stage ? w.stage : "reading the request"));
    }
    release(&w);
    say(json_pack("{s:o}", "result", result));
    json_decref(request);
    return CLI_OK;
}

static const cli_option rows[] = { OPT_END };

/* What bench starts for each network. */
const cli_command cli_worker = { .name = "bench-worker", .rows = rows, .run = run, .hidden = true };
