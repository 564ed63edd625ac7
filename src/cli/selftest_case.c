/* SPDX-License-Identifier: Apache-2.0
 *
 * weft selftest: one test, of whatever part. A graph, seeded and fed with noise, is run on a device, and what came of
 * it is judged and written down. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/selftest.h"
#include "cli/text.h"

void selftest_say(const selftest *s, const char *format, ...)
{
    va_list ap;
    if (!s->loud)
        return;
    va_start(ap, format);
    char *line = cli_format_list(format, ap);
    va_end(ap);
    cli_put_visible(stdout, line);
    free(line);
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
        status = weft_model_create(ctx, g, &(weft_model_opt){ .resident = true }, &model);
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

weft_status selftest_open_vectors(const selftest *s, weft_ctx **out)
{
    const weft_ctx_opt opt = { .device = "cpu", .threads = s->args->ctx.threads,
                               .isa = s->cpu ? "portable" : NULL, .math = WEFT_MATH_STRICT };
    return weft_ctx_create(&opt, out);
}

double selftest_rms(const float *data, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)data[i] * (double)data[i];
    return count > 0 ? sqrt(sum / (double)count) : 0;
}

/* ---- what is written down ---- */

/* A line, on disk before anything else happens. */
static void note(const selftest *s, const json_t *line)
{
    json_dumpf(line, s->journal, JSON_COMPACT);
    fputc('\n', s->journal);
    fflush(s->journal);
}

bool selftest_begin(selftest *s, const char *part, const char *name)
{
    if (s->stopped[0] || (s->args->pick && !strstr(name, s->args->pick)))
        return false;
    snprintf(s->now, sizeof s->now, "%s", name);
    fprintf(stderr, "%s, %s: %s\n", weft_precision_name(s->precision), part, name);
    json_t *line = json_object();
    cli_set_text(line, "begin", name);
    cli_set_text(line, "part", part);
    cli_set_text(line, "precision", weft_precision_name(s->precision));
    note(s, line);
    json_decref(line);
    return true;
}

static weft_status build_probe(weft_ctx *ctx, const void *what, weft_graph **out)
{
    const weft_shape shape = weft_shape_nhwc(1, 1, 1, 8);
    const weft_status status = weft_graph_create(ctx, out);
    (void)what;
    if (!status)
        weft_output(*out, weft_relu(*out, weft_input(*out, "x", &shape)), "y");
    return status;
}

/* Some errors end everything on a device: each later call gives them again. The least network tells. */
static bool is_alive(weft_ctx *ctx)
{
    selftest_result result;
    if (selftest_compute(ctx, &(selftest_graph){ build_probe, NULL, -1, 1 }, 1, &result))
        return false;
    free(result.data);
    return true;
}

/* Adds the row; error: what the library said, NULL if all went well. */
static void close_case(selftest *s, json_t *list, json_t *row, const char *error)
{
    note(s, row);
    json_array_append_new(list, row);
    if (error && !is_alive(s->ctx))
        snprintf(s->stopped, sizeof s->stopped, "%s in %s", s->now, weft_precision_name(s->precision));
}

void selftest_end(selftest *s, json_t *list, json_t *row, weft_status status, const char *failure)
{
    char error[512];
    snprintf(error, sizeof error, "%s", status ? weft_error() : "");
    const char *why = status ? error : failure && failure[0] ? failure : NULL;
    json_object_set_new(row, "ok", json_boolean(!why));
    if (why) {
        cli_set_text(row, "failure", why);
        selftest_say(s, "FAILED %s in %s: %s", s->now, weft_precision_name(s->precision), why);
    }
    *(why ? &s->failed : &s->passed) += 1;
    close_case(s, list, row, status ? error : NULL);
}

void selftest_measured(selftest *s, json_t *list, json_t *row, weft_status status)
{
    char error[512];
    snprintf(error, sizeof error, "%s", status ? weft_error() : "");
    cli_set_text(row, "precision", weft_precision_name(s->precision));
    if (status) {
        cli_set_text(row, "failure", error);
        selftest_say(s, "not measured, %s: %s", weft_precision_name(s->precision), error);
    }
    s->measured++;
    close_case(s, list, row, status ? error : NULL);
    s->failed += s->stopped[0] != '\0';
}
