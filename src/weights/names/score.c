/* SPDX-License-Identifier: Apache-2.0
 *
 * The network that a file is of, by the names and shapes of its tensors: every row of the registry is built (which
 * costs about a millisecond) and looked up; what share of its parameters and of the file's tensors agrees decides. */
#include <stdio.h>

#include "base/error.h"
#include "weights/names/map.h"

/* Factors of batch norm that go into other parameters (WEFT_NAME_GAMMA): tensors without a parameter of their own. */
static int64_t count_gammas(const weft_resolved *r)
{
    int64_t count = 0;
    for (int i = 0; i < r->count; i++) /* a layer's parameters, which are neighbours, share theirs */
        count += r->match[i].gamma >= 0 && (i == 0 || r->match[i].gamma != r->match[i - 1].gamma);
    return count;
}

/* 2 * agreeing / (parameters + tensors): 1 if all do. A classifier may have any number of classes. */
static weft_score score(const weft_resolved *r)
{
    static const int64_t flat_or_not[3] = { 0 }; /* changes the order only, never what fits */
    const weft_style style = weft_origin_style(r->origin);
    const int head = weft_head_first(r), classes = weft_head_classes(r);
    int64_t agree = 0, relevant = -count_gammas(r);
    for (int i = 0; i < r->count; i++) {
        const weft_match *match = &r->match[i];
        if (match->source < 0)
            continue;
        const weft_shape have = weft_match_shape(match, &r->source->tensors[match->source]);
        weft_shape want = match->param.shape;
        if (i >= head && classes)
            want.dim[0] = classes;
        weft_tensor_order order;
        agree += weft_tensor_order_find(style, &have, &want, flat_or_not, &order);
    }
    for (int64_t i = 0; i < r->source->count; i++)
        relevant += !weft_resolve_ignores(r, i);
    const double all = (double)(r->count + relevant);
    return (weft_score){ .fit = 2.0 * (double)agree / all, .names = 2.0 * (double)r->found / all };
}

weft_status weft_score_network(weft_ctx *ctx, const weft_arch *arch, weft_source *source, weft_score *out)
{
    weft_graph *graph = NULL;
    WEFT_TRY(weft_arch_build(ctx, arch->name, &(weft_arch_opt){ .dialect = arch->dialect }, &graph));
    weft_arena own;
    weft_arena_init(&own, source->arena->allocator);
    weft_resolved resolved;
    const weft_status status = weft_resolve_best(&own, graph, arch, WEFT_ORIGIN_AUTO, source, &resolved);
    if (status == WEFT_OK)
        *out = resolved.found > 0 ? score(&resolved) : (weft_score){ 0 };
    weft_arena_release(&own);
    weft_graph_destroy(graph);
    return status;
}

void weft_describe_network(const weft_arch *arch, char *buf, size_t size)
{
    if (arch->is_default)
        snprintf(buf, size, "%s", arch->name);
    else
        snprintf(buf, size, "%s (%s)", arch->name, weft_dialect_name(arch->dialect));
}

weft_status weft_nearest_network(weft_ctx *ctx, weft_arena *arena, weft_source *source, const weft_arch *arch,
                                 const char **out)
{
    const weft_arch *best = arch;
    weft_score highest = { 0 };
    if (arch)
        WEFT_TRY(weft_score_network(ctx, arch, source, &highest));
    for (int i = 0; i < weft_arch_count(); i++) {
        weft_score value = { 0 };
        WEFT_TRY(weft_score_network(ctx, weft_arch_get(i), source, &value));
        if (value.fit > highest.fit) {
            highest = value;
            best = weft_arch_get(i);
        }
    }
    if (best == arch)
        return WEFT_OK;
    char name[128];
    weft_describe_network(best, name, sizeof name);
    *out = weft_arena_text(arena, "%s", name);
    return *out ? WEFT_OK : WEFT_NO_MEMORY;
}
