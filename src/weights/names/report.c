/* SPDX-License-Identifier: Apache-2.0
 *
 * What mapping found, as a report that outlives the file. */
#include "base/error.h"
#include "weights/names/map.h"

typedef struct lists {
    weft_map_report report; /* first: the caller holds its address */
    weft_arena arena;
} lists;

void weft_map_report_destroy(weft_ctx *ctx, weft_map_report *report)
{
    lists *l = (lists *)(void *)report;
    if (!l)
        return;
    weft_arena_release(&l->arena);
    weft_free(weft_ctx_allocator(ctx), l);
}

static weft_status fill_missing(lists *l, const weft_resolved *resolved)
{
    const char **missing = weft_arena_array(&l->arena, (size_t)resolved->count, sizeof *missing);
    if (!missing)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < resolved->count; i++) {
        const weft_match *match = &resolved->match[i];
        l->report.mapped += match->source >= 0;
        if (match->source >= 0 || match->fill)
            continue;
        const char *name = weft_arena_text(&l->arena, "%s", match->param.name);
        if (!name)
            return WEFT_NO_MEMORY;
        missing[l->report.missing_count++] = name;
    }
    l->report.missing = missing;
    return WEFT_OK;
}

static weft_status fill_others(lists *l, const weft_resolved *resolved)
{
    const weft_source *source = resolved->source;
    const char **unused = weft_arena_array(&l->arena, (size_t)source->count, sizeof *unused);
    const char **ignored = weft_arena_array(&l->arena, (size_t)source->count, sizeof *ignored);
    bool *used = weft_arena_array(&l->arena, (size_t)source->count, sizeof *used);
    if (!unused || !ignored || !used)
        return WEFT_NO_MEMORY;
    weft_resolve_used(resolved, used);
    for (int64_t i = 0; i < source->count; i++) {
        if (used[i])
            continue;
        const char *name = weft_arena_text(&l->arena, "%s", source->tensors[i].name);
        if (!name)
            return WEFT_NO_MEMORY;
        const bool ignores = weft_resolve_ignores(resolved, i);
        if (ignores && weft_statistics_has(source, i))
            continue; /* which became a recipe */
        if (ignores)
            ignored[l->report.ignored_count++] = name;
        else
            unused[l->report.unused_count++] = name;
    }
    l->report.unused = unused;
    l->report.ignored = ignored;
    return WEFT_OK;
}

/* What was not as usual. */
static weft_status fill_notes(lists *l, const weft_resolved *resolved)
{
    if (resolved->head)
        l->report.head = weft_arena_text(&l->arena, "%s", resolved->head);
    if (resolved->source->prefix)
        l->report.prefix = weft_arena_text(&l->arena, "%s", resolved->source->prefix);
    return (resolved->head && !l->report.head) || (resolved->source->prefix && !l->report.prefix) ? WEFT_NO_MEMORY
                                                                                                  : WEFT_OK;
}

static weft_status fill(lists *l, const weft_resolved *resolved)
{
    WEFT_TRY(fill_missing(l, resolved));
    WEFT_TRY(fill_others(l, resolved));
    return fill_notes(l, resolved);
}

weft_status weft_report_create(weft_ctx *ctx, const weft_resolved *resolved, weft_map_report **out)
{
    const weft_allocator *allocator = weft_ctx_allocator(ctx);
    lists *l = weft_calloc(allocator, 1, sizeof *l);
    if (!l)
        return WEFT_NO_MEMORY;
    l->report.origin = resolved->origin;
    weft_arena_init(&l->arena, allocator);
    const weft_status status = fill(l, resolved);
    if (status == WEFT_OK)
        *out = &l->report;
    else
        weft_map_report_destroy(ctx, &l->report);
    return status;
}

weft_status weft_report_set_nearest(weft_map_report *report, const char *nearest)
{
    lists *l = (lists *)(void *)report;
    report->nearest = weft_arena_text(&l->arena, "%s", nearest);
    return report->nearest ? WEFT_OK : WEFT_NO_MEMORY;
}
