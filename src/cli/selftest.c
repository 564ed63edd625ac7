/* SPDX-License-Identifier: Apache-2.0
 *
 * weft selftest: whether a device computes what the CPU computes, and how fast, for anyone who has a card. One report
 * file holds all of it, to be sent back; docs/cuda.md says how. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/selftest.h"
#include "cli/table.h"
#include "cli/text.h"

/* ---- a test ---- */

void selftest_say(const selftest *s, const char *format, ...)
{
    va_list ap;
    if (!s->loud)
        return;
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
}

/* Noise that is the same everywhere: the golden ratio's multiples, hashed (Knuth 1998, section 6.4). */
static void fill(float *to, int64_t count, int input, double low, double high)
{
    for (int64_t i = 0; i < count; i++) {
        uint32_t h = ((uint32_t)i + 1) * 2654435761u + (uint32_t)input * 40503u;
        h ^= h >> 15;
        h *= 2246822519u;
        h ^= h >> 13;
        to[i] = (float)(low + (high - low) * (double)(h >> 8) / 16777216);
    }
}

static weft_status feed(weft_model *model, double low, double high)
{
    weft_status status = WEFT_OK;
    for (int i = 0; !status && i < weft_model_input_count(model); i++) {
        weft_port_info port;
        status = weft_model_input(model, i, &port);
        if (status)
            break;
        const int64_t count = weft_shape_count(&port.shape);
        float *data = cli_alloc((size_t)count, sizeof *data);
        fill(data, count, i, low, high);
        status = weft_model_set_input(model, i, data, (size_t)count * sizeof *data);
        free(data);
    }
    return status;
}

weft_status selftest_open(weft_ctx *ctx, const selftest_graph *graph, weft_model **out)
{
    weft_graph *g = NULL;
    weft_model *model = NULL;
    weft_status status = graph->build(ctx, graph->what, &g);
    if (!status)
        status = weft_model_create(ctx, g, NULL, &model);
    weft_graph_destroy(g);
    if (!status)
        status = weft_model_seed(model, SELFTEST_SEED);
    if (!status)
        status = feed(model, graph->low, graph->high);
    if (status)
        weft_model_destroy(model);
    else
        *out = model;
    return status;
}

weft_status selftest_compute(weft_ctx *ctx, const selftest_graph *graph, int runs, selftest_result *out)
{
    weft_model *model = NULL;
    weft_port_info port;
    weft_status status = selftest_open(ctx, graph, &model);
    if (status)
        return status;
    status = weft_model_output(model, 0, &port);
    const int64_t count = status ? 0 : weft_shape_count(&port.shape);
    const size_t bytes = (size_t)count * sizeof(float);
    float *data = cli_alloc((size_t)count, sizeof *data), *last = cli_alloc((size_t)count, sizeof *last);
    int differs = 0;
    for (int run = 0; !status && run < runs; run++) {
        memcpy(last, data, bytes);
        status = weft_model_run(model);
        if (!status)
            status = weft_model_get_output(model, 0, data, bytes);
        if (!status && run > 0 && !differs && memcmp(last, data, bytes) != 0)
            differs = run + 1;
    }
    weft_model_destroy(model);
    free(last);
    if (status)
        free(data);
    else
        *out = (selftest_result){ data, count, differs };
    return status;
}

double selftest_rms(const float *data, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)data[i] * (double)data[i];
    return count > 0 ? sqrt(sum / (double)count) : 0;
}

void selftest_judge(selftest *s, json_t *list, json_t *row, const char *name, const char *failure)
{
    json_object_set_new(row, "ok", json_boolean(!failure));
    if (failure) {
        cli_set_text(row, "failure", failure);
        selftest_say(s, "FAILED %s in %s: %s", name, weft_precision_name(s->precision), failure);
    }
    json_array_append_new(list, row);
    *(failure ? &s->failed : &s->passed) += 1;
}

/* ---- the report ---- */

enum { MAX_PIECE = 32 };

/* Driver, libraries, card: each with its version, or why it is not there. */
static json_t *pieces_json(int device)
{
    weft_device_piece piece[MAX_PIECE];
    json_t *list = json_array();
    const int n = weft_device_pieces(device, piece, MAX_PIECE);
    for (int i = 0; i < n && i < MAX_PIECE; i++) {
        json_t *row = json_object();
        cli_set_text(row, "what", piece[i].what);
        cli_set_text(row, "library", piece[i].library);
        json_object_set_new(row, "found", json_boolean(piece[i].found));
        cli_set_text(row, "version", piece[i].version);
        cli_set_text(row, "missing", piece[i].missing);
        json_array_append_new(list, row);
    }
    return list;
}

static void say_pieces(const selftest *s, int device)
{
    weft_device_piece piece[MAX_PIECE];
    const int n = weft_device_pieces(device, piece, MAX_PIECE);
    for (int i = 0; i < n && i < MAX_PIECE; i++)
        if (piece[i].found)
            selftest_say(s, "%s %s", piece[i].what, piece[i].version);
}

static json_t *devices_json(void)
{
    json_t *list = json_array();
    for (int i = 0; i < weft_device_count(); i++) {
        weft_device_info info;
        if (weft_device_get(i, &info))
            continue;
        json_t *device = json_object();
        cli_set_text(device, "name", info.name);
        cli_set_text(device, "description", info.description);
        json_object_set_new(device, "available", json_boolean(info.available));
        cli_set_text(device, "missing", info.missing);
        cli_set_count(device, "memory", (int64_t)info.memory);
        json_object_set_new(device, "pieces", pieces_json(i));
        json_array_append_new(list, device);
    }
    return list;
}

static json_t *report_open(selftest *s)
{
    char date[32];
    json_t *root = json_object();
    cli_set_text(root, "report", "weft selftest");
    cli_set_text(root, "weft", weft_version());
    cli_set_text(root, "date", cli_date(date));
    cli_set_text(root, "device", s->args->device);
    json_object_set_new(root, "quick", json_boolean(s->args->quick));
    json_object_set_new(root, "complete", json_false());
    json_object_set_new(root, "devices", devices_json());
    s->ops = json_array();
    s->networks = json_array();
    s->speed = json_array();
    json_object_set_new(root, "ops", s->ops);
    json_object_set_new(root, "networks", s->networks);
    json_object_set_new(root, "speed", s->speed);
    return root;
}

/* Written after every part, so that a crash leaves what was found before. */
static cli_exit report_write(const json_t *root, const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return cli_error(CLI_CREATE, "cannot create %s: %s", path, strerror(errno));
    cli_json_print(root, file);
    const bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed)
        return cli_error(CLI_IO, "cannot write %s: %s", path, strerror(errno));
    return CLI_OK;
}

/* "weft-selftest-2026-01-31.json" */
static char *report_path(const cli_args *args)
{
    char date[32];
    if (args->report)
        return cli_copy(args->report);
    return cli_format_text("weft-selftest-%.10s.json", cli_date(date));
}

/* ---- the command ---- */

static weft_status open_device(const selftest *s, weft_precision precision, weft_ctx **out)
{
    const weft_ctx_opt opt = { .device = s->args->device, .threads = (int)s->args->threads.value[0],
                               .math = s->cpu ? WEFT_MATH_STRICT : WEFT_MATH_FAST,
                               .precision = s->cpu ? WEFT_PRECISION_DEFAULT : precision };
    return weft_ctx_create(&opt, out);
}

static void (*const parts[])(selftest *) = { selftest_ops, selftest_networks, selftest_speed };

/* Every part in one precision. Cards lack some: those are left out, unless one was asked for. */
static cli_exit run_precision(selftest *s, weft_precision precision, json_t *root, const char *path)
{
    const weft_status status = open_device(s, precision, &s->ctx);
    if (status == WEFT_INVALID && s->args->precision == WEFT_PRECISION_DEFAULT) {
        selftest_say(s, "left out: %s", weft_error());
        return CLI_OK;
    }
    if (status)
        return cli_library_error(status);
    cli_exit code = CLI_OK;
    s->precision = weft_ctx_precision(s->ctx);
    for (size_t i = 0; !code && i < sizeof parts / sizeof *parts; i++) {
        parts[i](s);
        code = report_write(root, path);
    }
    weft_ctx_destroy(s->ctx);
    s->ctx = NULL;
    return code;
}

static cli_exit run_precisions(selftest *s, json_t *root, const char *path)
{
    const bool all = !s->cpu && s->args->precision == WEFT_PRECISION_DEFAULT;
    cli_exit code = CLI_OK;
    if (!all)
        return run_precision(s, (weft_precision)s->args->precision, root, path);
    for (int p = WEFT_PRECISION_FP32; !code && p < WEFT_PRECISION_COUNT; p++)
        code = run_precision(s, (weft_precision)p, root, path);
    return code;
}

static cli_exit finish(const selftest *s, json_t *root, const char *path)
{
    json_object_set_new(root, "passed", json_integer(s->passed));
    json_object_set_new(root, "failed", json_integer(s->failed));
    json_object_set_new(root, "complete", json_true());
    const cli_exit code = report_write(root, path);
    if (code)
        return code;
    if (s->args->json)
        cli_json_print(root, stdout);
    selftest_say(s, "%d of %d tests passed; the report is %s", s->passed, s->passed + s->failed, path);
    if (!s->cpu)
        selftest_say(s, "Please send it: open an issue and attach the file (docs/cuda.md).");
    return s->failed ? CLI_BELOW : CLI_OK;
}

/* The CPU's slowest and plainest kernels, against which everything is held. */
static cli_exit open_reference(selftest *s)
{
    const weft_ctx_opt opt = { .device = "cpu", .threads = (int)s->args->threads.value[0], .isa = "ref",
                               .math = WEFT_MATH_STRICT };
    const weft_status status = weft_ctx_create(&opt, &s->reference);
    return status ? cli_library_error(status) : CLI_OK;
}

static cli_exit find_device(selftest *s)
{
    weft_device_info info;
    weft_ctx *ctx = NULL;
    const weft_status status = open_device(s, (weft_precision)s->args->precision, &ctx);
    if (status)
        return cli_library_error(status);
    char name[32];
    snprintf(name, sizeof name, "%s", weft_ctx_device(ctx));
    weft_ctx_destroy(ctx);
    if (strcmp(name, "null") == 0)
        return cli_error(CLI_USAGE, "--device null runs nothing that could be tested");
    s->cpu = strcmp(name, "cpu") == 0;
    const int device = cli_find_device(name, &info);
    if (device >= 0) {
        selftest_say(s, "weft %s selftest of %s: %s", weft_version(), name, info.description);
        say_pieces(s, device);
    }
    return CLI_OK;
}

cli_exit cli_selftest(const cli_args *args)
{
    selftest s = { .args = args, .loud = !args->json };
    s.cpu = strcmp(args->device, "cpu") == 0;
    json_t *root = NULL;
    char *path = report_path(args);
    cli_exit code = find_device(&s);
    if (!code)
        code = open_reference(&s);
    if (!code) {
        root = report_open(&s);
        code = run_precisions(&s, root, path);
    }
    if (!code)
        code = finish(&s, root, path);
    weft_ctx_destroy(s.reference);
    json_decref(root);
    free(path);
    return code;
}
