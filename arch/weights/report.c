/* SPDX-License-Identifier: Apache-2.0
 *
 * What mapping found, as a report that outlives the file. */
#include "map.h"

typedef struct lists {
    weft_map_report report; /* first: the caller holds its address */
    weft_scratch scratch;
} lists;

void weft_map_report_destroy(weft_ctx *ctx, weft_map_report *report)
{
    lists *l = (lists *)(void *)report;

    if (!l)
        return;
    weft_scratch_release(&l->scratch);
    weft_ctx_allocator(ctx)->free(weft_ctx_allocator(ctx)->user, l);
}

static weft_status fill_missing(lists *l, const weft_resolved *resolved)
{
    const char **missing = weft_scratch_array(&l->scratch, resolved->count, sizeof *missing);

    if (!missing)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < resolved->count; i++) {
        const weft_match *match = &resolved->match[i];

        l->report.mapped += match->source >= 0;
        if (match->source >= 0 || match->fill)
            continue;
        if (!(missing[l->report.missing_count++] = weft_scratch_text(&l->scratch, match->param.name)))
            return WEFT_NO_MEMORY;
    }
    l->report.missing = missing;
    return WEFT_OK;
}

static weft_status fill_others(lists *l, const weft_resolved *resolved, const weft_source *source)
{
    const char **unused = weft_scratch_array(&l->scratch, source->count, sizeof *unused);
    const char **ignored = weft_scratch_array(&l->scratch, source->count, sizeof *ignored);
    bool *used = weft_scratch_array(&l->scratch, source->count, sizeof *used);

    if (!unused || !ignored || !used)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < resolved->count; i++) {
        if (resolved->match[i].source >= 0)
            used[resolved->match[i].source] = true;
        if (resolved->match[i].gamma >= 0)
            used[resolved->match[i].gamma] = true;
    }
    for (int64_t i = 0; i < source->count; i++) {
        if (used[i])
            continue;
        const char *name = weft_scratch_text(&l->scratch, source->tensors[i].name);
        if (!name)
            return WEFT_NO_MEMORY;
        if (weft_resolve_ignores(resolved, source->key[i]))
            ignored[l->report.ignored_count++] = name;
        else
            unused[l->report.unused_count++] = name;
    }
    l->report.unused = unused;
    l->report.ignored = ignored;
    return WEFT_OK;
}

weft_status weft_report_create(weft_ctx *ctx, const weft_resolved *resolved, const weft_source *source,
                               weft_map_report **out)
{
    const weft_allocator *allocator = weft_ctx_allocator(ctx);
    lists *l = allocator->alloc(allocator->user, sizeof *l, 64);

    if (!l)
        return weft_fail(WEFT_NO_MEMORY, "cannot allocate %zu bytes", sizeof *l);
    *l = (lists){ .report.origin = resolved->origin, .scratch.allocator = allocator };
    weft_status status = fill_missing(l, resolved);
    if (status == WEFT_OK)
        status = fill_others(l, resolved, source);
    if (status == WEFT_OK)
        *out = &l->report;
    else
        weft_map_report_destroy(ctx, &l->report);
    return status;
}

weft_status weft_report_set_nearest(weft_map_report *report, const char *nearest)
{
    lists *l = (lists *)(void *)report;

    report->nearest = weft_scratch_text(&l->scratch, nearest);
    return report->nearest ? WEFT_OK : WEFT_NO_MEMORY;
}
