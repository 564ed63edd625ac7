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
