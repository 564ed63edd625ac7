/* SPDX-License-Identifier: Apache-2.0
 *
 * weft bench table: what was published about networks, and whether it can be. */
#include <math.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/table.h"

/* Who publishes times: the machine and the batch that they are of, and what that GPU can do at most. */
static const struct publisher {
    const char *source, *cpu, *gpu;
    int batch;
    double tflops;
    const char *unit; /* that has this rate */
} publishers[] = {
    { "Keras", "a 92-core AMD EPYC", "a Tesla A100", 32, 156, "dense TF32" },
};
enum { PUBLISHERS = sizeof publishers / sizeof *publishers };

static const struct publisher *publisher_of(const weft_arch *arch)
{
    for (int i = 0; arch->published.source && i < PUBLISHERS; i++)
        if (strstr(arch->published.source, publishers[i].source))
            return &publishers[i];
    return NULL;
}

/* TFLOP/s that a published time implies where that is more than the GPU can do; 0: it is not. */
static double beyond(const weft_arch *arch, const struct publisher *p)
{
    const double ms = arch->published.gpu_ms;
    const double tflops = p && ms > 0 ? 2.0 * (double)arch->macs * p->batch / (ms * 1e9) : 0;
    return p && tflops > p->tflops ? tflops : 0;
}

static void put(cli_table *table, const char *key, double value)
{
    cli_put_number(table, key, value > 0 ? value : (double)NAN);
}

void cli_published_put(cli_table *t, const weft_arch *a)
{
    put(t, "size_published", a->published.size_mb);
    put(t, "top1", a->published.top1);
    put(t, "top5", a->published.top5);
    if (a->published.source)
        cli_put_text(t, "source", "%s", a->published.source);
    put(t, "cpu_published", a->published.cpu_ms);
    put(t, "gpu_published", a->published.gpu_ms);
    if (beyond(a, publisher_of(a)) > 0)
        cli_put_mark(t, "gpu_published", "†");
}

/* "Keras Applications (accuracy ...)", each source once. */
static void note_sources(cli_table *table, const weft_arch *const *archs, int count)
{
    for (int i = 0; i < count; i++) {
        const char *source = archs[i]->published.source;
        bool first = source != NULL;
        for (int k = 0; first && k < i; k++)
            first = !archs[k]->published.source || strcmp(archs[k]->published.source, source) != 0;
        if (!first)
            continue;
        const struct publisher *p = publisher_of(archs[i]);
        if (p)
            cli_table_note(table, "Published by %s: ImageNet validation accuracy; ms of a batch of %d on %s and %s.",
                           source, p->batch, p->cpu, p->gpu);
        else
            cli_table_note(table, "Published by %s: ImageNet validation accuracy.", source);
    }
}

static void note_beyond(cli_table *table, const weft_arch *const *archs, int count, const struct publisher *p)
{
    char list[512] = "";
    for (int i = 0; i < count; i++) {
        const weft_arch *a = archs[i];
        const double tflops = publisher_of(a) == p ? beyond(a, p) : 0;
        const size_t used = strlen(list);
        if (tflops > 0)
            snprintf(list + used, sizeof list - used, "%s%s %.1f", used ? ", " : "", a->alias ? a->alias : a->name,
                     tflops);
    }
    if (*list)
        cli_table_note(table, "† published, yet above what %s can do (%g TFLOP/s %s); implied TFLOP/s: %s.", p->gpu,
                       p->tflops, p->unit, list);
}

void cli_published_note(cli_table *table, const weft_arch *const *archs, int count, int64_t batch)
{
    note_sources(table, archs, count);
    for (int i = 0; i < PUBLISHERS; i++) {
        note_beyond(table, archs, count, &publishers[i]);
        if (batch != publishers[i].batch)
            cli_table_note(table, "Measured with batch %lld; published times are of %d.", (long long)batch,
                           publishers[i].batch);
    }
}
