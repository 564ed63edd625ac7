/* SPDX-License-Identifier: Apache-2.0
 *
 * weft selftest, networks: a ladder of them with seeded weights, the logits against the CPU's; three runs must give
 * the same bits. */
#include <stdlib.h>

#include "cli/selftest.h"

/* Relative L2 error of logits after up to 200 layers of numbers that are kept with so many bits. */
static const double limits[WEFT_PRECISION_COUNT] = {
    [WEFT_PRECISION_FP32] = 1e-4,
    [WEFT_PRECISION_TF32] = 4e-2,
    [WEFT_PRECISION_FP16] = 4e-2,
    [WEFT_PRECISION_BF16] = 3e-1,
};

typedef struct sized {
    const weft_arch *arch;
    int px;
} sized;

static weft_status build(weft_ctx *ctx, const void *what, weft_graph **out)
{
    const sized *n = what;
    const weft_arch_opt opt = { .dialect = n->arch->dialect, .batch = SELFTEST_BATCH, .px = n->px, .no_softmax = true };
    return weft_arch_build(ctx, n->arch->name, &opt, out);
}

/* |a - b| over |b|; a NAN if either has one. */
static double distance(const float *a, const float *b, int64_t count)
{
    double off = 0;
    for (int64_t i = 0; i < count; i++)
        off += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sqrt(off / (double)count) / selftest_rms(b, count);
}

static void judge(const selftest *s, const selftest_result *got, const selftest_result *want, json_t *row, char *text,
                  size_t size)
{
    const double error = distance(got->data, want->data, want->count), limit = limits[s->precision];
    cli_set_real(row, "error", isfinite(error) ? error : -1);
    cli_set_real(row, "limit", limit);
    if (!(error <= limit))
        snprintf(text, size, "the logits are %.2e from the CPU's (relative L2), allowed is %.0e", error, limit);
    else if (got->differs)
        snprintf(text, size, "run %d gave other bits than run %d", got->differs, got->differs - 1);
}

static void compare(selftest *s, weft_ctx *reference, const sized *n)
{
    const bool raw = n->arch->preprocess == WEFT_PREPROCESS_NONE;
    const selftest_graph graph = { build, n, raw ? 0 : -1, raw ? 255 : 1 };
    selftest_result want, got;
    char text[512] = "", name[96];
    snprintf(name, sizeof name, "%s of %d pixels", n->arch->name, n->px);
    if (!selftest_begin(s, "networks", name))
        return;
    json_t *row = json_object();
    cli_set_text(row, "model", n->arch->name);
    cli_set_text(row, "dialect", weft_dialect_name(n->arch->dialect));
    cli_set_count(row, "px", n->px);
    cli_set_count(row, "batch", SELFTEST_BATCH);
    cli_set_text(row, "precision", weft_precision_name(s->precision));
    weft_status status = selftest_compute(reference, &graph, 1, &want);
    if (!status) {
        status = selftest_compute(s->ctx, &graph, SELFTEST_RUNS, &got);
        if (!status) {
            judge(s, &got, &want, row, text, sizeof text);
            free(got.data);
        }
        free(want.data);
    }
    selftest_end(s, s->networks, row, status, text);
}

void selftest_networks(selftest *s)
{
    const int before = s->passed, failed = s->failed;
    weft_ctx *reference = NULL;
    const weft_status status = selftest_open_vectors(s, &reference);
    if (status) {
        if (selftest_begin(s, "networks", "reference"))
            selftest_end(s, s->networks, json_object(), status, NULL);
        return;
    }
    for (int i = 0; i < selftest_network_count; i++) {
        const selftest_network *n = &selftest_network_list[i];
        const weft_arch *arch = weft_arch_find(n->name, WEFT_DIALECT_DEFAULT);
        const int px[] = { n->small_px, s->args->quick ? 0 : n->px };
        for (int k = 0; arch && k < 2; k++)
            if (px[k])
                compare(s, reference, &(sized){ arch, px[k] });
    }
    weft_ctx_destroy(reference);
    if (s->passed + s->failed == before + failed)
        return;
    selftest_say(s, "networks, %s: %d of %d agree with the CPU", weft_precision_name(s->precision), s->passed - before,
                 s->passed - before + s->failed - failed);
}
