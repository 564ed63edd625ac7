/* SPDX-License-Identifier: Apache-2.0
 *
 * weft_arch_build: a network by name into a new graph. Refusals go through weft_graph_fail, like a layer's, so
 * that every error of a build is told in one way. */
#include "registry.h"

#include <stdio.h>
#include <string.h>

/* "keras, torch": the dialects a network has; empty if it is unknown. */
static const char *dialects_of(const char *name, char *text, size_t size)
{
    text[0] = 0;
    size_t used = 0;
    for (int d = WEFT_DIALECT_DEFAULT + 1; d < WEFT_DIALECT_COUNT; d++) {
        if (!weft_arch_find(name, (weft_dialect)d))
            continue;

        const int n = snprintf(text + used, size - used, "%s%s", used ? ", " : "", weft_dialect_name((weft_dialect)d));
        if (n < 0 || (size_t)n >= size - used)
            break;
        used += (size_t)n;
    }
    return text;
}

static void fail_unknown(weft_graph *g, const char *name, weft_dialect dialect)
{
    char have[64];
    if (!name || !*name)
        weft_graph_fail(g, WEFT_INVALID, "no network named; `weft models` lists all");
    else if ((unsigned)dialect >= WEFT_DIALECT_COUNT)
        weft_graph_fail(g, WEFT_INVALID, "%d is no dialect; there are paper, keras and torch", (int)dialect);
    else if (*dialects_of(name, have, sizeof have))
        weft_graph_fail(g, WEFT_NOT_FOUND, "%s has no %s dialect; it has %s", name, weft_dialect_name(dialect), have);
    else
        weft_graph_fail(g, WEFT_NOT_FOUND, "unknown network '%.80s': did you mean %s? `weft models` lists all", name,
                        weft_arch_nearest(name));
}

/* The row of an arch that weft_arch_find gave. */
static const weft_arch_row *row_of(const weft_arch *arch)
{
    int i = 0;
    while (&weft_arch_rows[i].arch != arch)
        i++;
    return &weft_arch_rows[i];
}

static void build(weft_graph *g, const weft_arch_row *row, const weft_arch_opt *opt)
{
    const weft_arch *arch = &row->arch;
    weft_net net = {
        .g = g,
        .dialect = arch->dialect,
        .variant = row->variant,
        .batch = opt->batch ? opt->batch : 1,
        .px = opt->px ? opt->px : arch->px,
        .channels = arch->channels,
        .classes = opt->classes ? opt->classes : arch->classes,
        .softmax = !opt->no_softmax,
        .aux = opt->aux,
    };
    if (net.batch < 1)
        weft_graph_fail(g, WEFT_INVALID, "%s: a batch of %lld images was asked for, expected at least 1", arch->name,
                        (long long)net.batch);
    else if (net.classes < 1)
        weft_graph_fail(g, WEFT_INVALID, "%s: %d classes were asked for, expected at least 1", arch->name, net.classes);
    else if (net.px < row->min_px)
        weft_graph_fail(g, WEFT_INVALID, "%s: images of %d x %d pixels were asked for, expected at least %d x %d",
                        arch->name, net.px, net.px, row->min_px, row->min_px);
    else if (net.aux && !arch->params_aux)
        weft_graph_fail(g, WEFT_INVALID, "%s (%s) has no auxiliary heads", arch->name,
                        weft_dialect_name(arch->dialect));
    else
        row->build(&net);
}

weft_status weft_arch_build(weft_ctx *ctx, const char *name, const weft_arch_opt *opt, weft_graph **out)
{
    static const weft_arch_opt defaults = { 0 };
    weft_graph *g = NULL;
    weft_status status = weft_graph_create(ctx, out ? &g : NULL);
    if (status != WEFT_OK)
        return status;
    if (!opt)
        opt = &defaults;

    const weft_arch *arch = weft_arch_find(name, opt->dialect);
    if (arch)
        build(g, row_of(arch), opt);
    else
        fail_unknown(g, name, opt->dialect);

    status = weft_graph_status(g);
    if (status != WEFT_OK) {
        weft_graph_destroy(g);
        return status;
    }
    *out = g;
    return WEFT_OK;
}
