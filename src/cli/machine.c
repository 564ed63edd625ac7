/* SPDX-License-Identifier: Apache-2.0
 *
 * The machine and the protocol of a benchmark: what stands above every table, and the roofs that shares refer to. A
 * roof is measured before the jobs and, if they took a while, after them, and the better is kept: neighbours on a
 * shared machine can only lower it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/table.h"
#include "cli/text.h"

static void find_gpu(cli_machine *m)
{
    weft_device_info info;
    if (cli_find_device("cuda", &info) >= 0)
        snprintf(m->gpu, sizeof m->gpu, "%s", info.description);
    else
        snprintf(m->no_gpu, sizeof m->no_gpu, "no CUDA device (%s)", info.missing);
}

/* Settings for the roof of the CPU with so many threads. */
static weft_ctx_opt cpu_opt(const cli_machine *m, int threads)
{
    weft_ctx_opt opt = m->protocol->ctx;
    opt.device = "cpu";
    opt.threads = threads;
    return opt;
}

cli_exit cli_machine_open(cli_machine *m, const cli_protocol *protocol)
{
    *m = (cli_machine){ .protocol = protocol };
    weft_device_info info;
    cli_date(m->date);
    find_gpu(m);
    if (cli_find_device("cpu", &info) >= 0)
        snprintf(m->cpu, sizeof m->cpu, "%s", info.description);
    for (int i = 0; i < protocol->threads.count; i++) {
        weft_ctx *ctx;
        const weft_ctx_opt opt = cpu_opt(m, (int)protocol->threads.value[i]);
        const cli_exit code = cli_open(&opt, &ctx);
        if (code)
            return code;
        snprintf(m->isa, sizeof m->isa, "%s", weft_ctx_isa(ctx));
        m->roofs[m->n_roofs++].threads = weft_ctx_threads(ctx);
        weft_ctx_destroy(ctx);
    }
    if (protocol->images) {
        int64_t most = 1;
        for (int i = 0; i < protocol->batch.count; i++)
            most = protocol->batch.value[i] > most ? protocol->batch.value[i] : most;
        return cli_images(protocol->images, most, &m->images);
    }
    return CLI_OK;
}

cli_exit cli_machine_measure(cli_machine *m)
{
    const char *const device = m->protocol->ctx.device;
    if (strcmp(device, "null") == 0 || strncmp(device, "cuda", 4) == 0) /* nothing is measured on the CPU */
        return CLI_OK;
    for (int i = 0; i < m->n_roofs; i++) {
        weft_ctx *ctx;
        weft_roof now;
        const weft_ctx_opt opt = cpu_opt(m, m->roofs[i].threads);
        const cli_exit code = cli_open(&opt, &ctx);
        if (code)
            return code;
        const weft_status status = weft_measure_roof(ctx, &now);
        weft_ctx_destroy(ctx);
        if (status)
            return cli_library_error(status);
        if (!(m->roofs[i].first.gflops > 0))
            m->roofs[i].first = now;
        m->roofs[i].last = now;
        m->roofs[i].roof.gflops = fmax(m->roofs[i].roof.gflops, now.gflops);
        m->roofs[i].roof.bandwidth = fmax(m->roofs[i].roof.bandwidth, now.bandwidth);
    }
    m->measured = cli_now();
    return CLI_OK;
}

cli_exit cli_machine_measure_again(cli_machine *m)
{
    const double a_while = 10;
    const cli_exit code = cli_now() - m->measured < a_while ? CLI_OK : cli_machine_measure(m);
    if (!code)
        cli_machine_warn(m);
    return code;
}

static double apart(double a, double b)
{
    return a > 0 && b > 0 ? fabs(a - b) / fmax(a, b) : 0;
}

double cli_roof_drift(const weft_roof *a, const weft_roof *b)
{
    return fmax(apart(a->gflops, b->gflops), apart(a->bandwidth, b->bandwidth));
}

void cli_machine_warn(const cli_machine *m)
{
    for (int i = 0; i < m->n_roofs; i++) {
        const cli_roof *r = &m->roofs[i];
        if (cli_roof_drift(&r->first, &r->last) > CLI_DRIFT)
            cli_warn("the roof with %d thread%s went from %.1f to %.1f GFLOP/s and from %.1f to %.1f GB/s: something "
                     "else ran on this machine, or its clock changed; these times are doubtful",
                     r->threads, r->threads == 1 ? "" : "s", r->first.gflops, r->last.gflops, r->first.bandwidth,
                     r->last.bandwidth);
    }
}

static const weft_roof *roof_of(const cli_machine *m, int threads)
{
    for (int i = 0; i < m->n_roofs; i++)
        if (m->roofs[i].threads == threads && m->roofs[i].roof.gflops > 0)
            return &m->roofs[i].roof;
    return NULL;
}

double cli_machine_gflops(const cli_machine *m, int threads)
{
    const weft_roof *roof = roof_of(m, threads);
    return roof ? roof->gflops : (double)NAN;
}

double cli_machine_bandwidth(const cli_machine *m, int threads)
{
    const weft_roof *roof = roof_of(m, threads);
    return roof ? roof->bandwidth : (double)NAN;
}

static const char *list_text(const cli_list *list, char buf[256])
{
    size_t used = 0;
    buf[0] = '\0';
    for (int i = 0; i < list->count && used < 250; i++)
        used += (size_t)snprintf(buf + used, 256 - used, "%s%lld", i ? ", " : "", (long long)list->value[i]);
    return buf;
}

/* The CPU computes in fp32. */
static const char *precision_text(const cli_machine *m)
{
    static const char *const text[WEFT_PRECISION_COUNT] = {
        "fp32 (GPU: tf32 where it has it)", "fp32", "fp32 (GPU: tf32)", "fp32 (GPU: fp16)", "fp32 (GPU: bf16)",
    };
    const bool cpu_only = !m->gpu[0] || strcmp(m->protocol->ctx.device, "cpu") == 0;
    return text[cpu_only ? WEFT_PRECISION_FP32 : m->protocol->ctx.precision];
}

void cli_machine_head(const cli_machine *m, cli_table *table)
{
    const cli_protocol *p = m->protocol;
    char batch[256], input[300];
    cli_table_clear_head(table);
    const char *const commit = weft_version_commit();
    cli_table_head(table, "weft %s%s%s%s, %s, %s", weft_version(), *commit ? " (" : "", commit, *commit ? ")" : "",
                   weft_version_compiler(), m->date);
    cli_table_head(table, "CPU: %s; ISA %s", m->cpu, m->isa);
    for (int i = 0; i < m->n_roofs; i++) {
        const cli_roof *r = &m->roofs[i];
        if (r->roof.gflops > 0)
            cli_table_head(table, "Roof with %d thread%s, measured: %.1f GFLOP/s fp32 FMA, %.1f GB/s memory copy%s",
                           r->threads, r->threads == 1 ? "" : "s", r->roof.gflops, r->roof.bandwidth,
                           cli_roof_drift(&r->first, &r->last) > CLI_DRIFT ? "; it drifted, times are doubtful" : "");
        else
            cli_table_head(table, "%d thread%s", r->threads, r->threads == 1 ? "" : "s");
    }
    cli_table_head(table, "GPU: %s", m->gpu[0] ? m->gpu : m->no_gpu);
    if (m->images)
        snprintf(input, sizeof input, "%zu photographs of %.200s", json_array_size(m->images), p->images);
    else
        snprintf(input, sizeof input, "noise");
    cli_table_head(table,
                   "Protocol: batch %s, %lld warm-up, then at least %lld runs and %g s; median ± half the "
                   "interquartile range; math %s, %s; input %s, weights from seed %lld",
                   list_text(&p->batch, batch), (long long)p->warmup, (long long)p->reps, p->min_time,
                   p->ctx.math == WEFT_MATH_STRICT ? "strict" : "fast", precision_text(m), input, (long long)p->seed);
}

json_t *cli_machine_json(const cli_machine *m)
{
    const cli_protocol *p = m->protocol;
    json_t *roofs = json_array(), *batch = json_array();
    for (int i = 0; i < m->n_roofs; i++)
        if (m->roofs[i].roof.gflops > 0)
            json_array_append_new(roofs, json_pack("{s:i, s:f, s:f, s:f}", "threads", m->roofs[i].threads, "gflops",
                                                   m->roofs[i].roof.gflops, "bandwidth", m->roofs[i].roof.bandwidth,
                                                   "drift", cli_roof_drift(&m->roofs[i].first, &m->roofs[i].last)));
    for (int i = 0; i < p->batch.count; i++)
        json_array_append_new(batch, json_integer(p->batch.value[i]));
    json_t *root = cli_json_document(), *machine = json_object(), *protocol = json_object();
    cli_set_text(root, "weft", weft_version());
    cli_set_text(root, "commit", weft_version_commit());
    cli_set_text(root, "compiler", weft_version_compiler());
    cli_set_text(root, "date", m->date);
    if (cli_interrupted())
        json_object_set_new(root, "interrupted", json_true());
    json_object_set_new(root, "machine", machine);
    json_object_set_new(root, "protocol", protocol);
    cli_set_text(machine, "cpu", m->cpu);
    cli_set_text(machine, "isa", m->isa);
    cli_set_text(machine, "gpu", m->gpu);
    cli_set_text(machine, "no_gpu", m->no_gpu);
    json_object_set_new(machine, "roofs", roofs);
    json_object_set_new(protocol, "batch", batch);
    cli_set_count(protocol, "warmup", p->warmup);
    cli_set_count(protocol, "reps", p->reps);
    cli_set_real(protocol, "min_time", p->min_time);
    cli_set_text(protocol, "math", p->ctx.math == WEFT_MATH_STRICT ? "strict" : "fast");
    cli_set_text(protocol, "precision", weft_precision_name(p->ctx.precision));
    cli_set_text(protocol, "device", p->ctx.device);
    cli_set_count(protocol, "seed", p->seed);
    cli_set_text(protocol, "input", m->images ? "photographs" : "noise");
    if (m->images)
        json_object_set(protocol, "images", m->images);
    return root;
}

void cli_machine_close(cli_machine *m)
{
    json_decref(m->images);
    m->images = NULL;
}
