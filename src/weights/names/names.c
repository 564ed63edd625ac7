/* SPDX-License-Identifier: Apache-2.0
 *
 * The names that other frameworks give a network's parameters, told without a file. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "weights/names/map.h"

const char *weft_origin_name(weft_origin origin)
{
    static const char *const names[WEFT_ORIGIN_COUNT] = {
        [WEFT_ORIGIN_AUTO] = "auto",
        [WEFT_ORIGIN_WEFT] = "weft",
        [WEFT_ORIGIN_TORCHVISION] = "torchvision",
        [WEFT_ORIGIN_TIMM] = "timm",
        [WEFT_ORIGIN_KERAS] = "keras",
        [WEFT_ORIGIN_TRANSFORMERS] = "transformers",
    };
    return (unsigned)origin < WEFT_ORIGIN_COUNT ? names[origin] : "unknown";
}

/* A list and the memory it lives in. */
typedef struct names {
    weft_name_list list; /* first: the caller holds its address */
    weft_arena arena;
    weft_graph *graph;
} names;

void weft_name_list_destroy(weft_ctx *ctx, weft_name_list *list)
{
    names *n = (names *)(void *)list;
    if (!n)
        return;
    weft_graph_destroy(n->graph);
    weft_arena_release(&n->arena);
    weft_free(weft_ctx_allocator(ctx), n);
}

static weft_status add_names(names *n, const weft_resolved *resolved)
{
    const weft_style style = weft_origin_style(resolved->origin);
    weft_name_entry *entries = weft_arena_array(&n->arena, (size_t)resolved->count, sizeof *entries);
    if (!entries)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < resolved->count; i++) {
        const weft_match *match = &resolved->match[i];
        const bool conv = match->rule && (match->rule->flags & WEFT_NAME_CONV);
        weft_name_entry *entry = &entries[i];
        char layer[WEFT_NAME_MAX];
        int64_t map[3];
        snprintf(layer, sizeof layer, "%.*s", (int)(strrchr(match->param.name, '/') - match->param.name),
                 match->param.name);
        weft_flattened_map(n->graph, layer, map);
        entry->name = match->param.name;
        entry->shape = match->param.shape;
        if (match->name) {
            entry->origin_name = match->name;
            entry->layout = weft_tensor_order_usual(style, &entry->shape, conv, map, &entry->origin_shape);
            entry->parts = weft_match_parts(match);
            entry->part = match->rule && (match->rule->flags & WEFT_NAME_SECOND) ? 1 : 0;
            entry->origin_shape.dim[0] *= entry->parts;
        }
    }
    n->list = (weft_name_list){ .origin = resolved->origin, .count = resolved->count, .entries = entries };
    return WEFT_OK;
}

/* The origin that is listed if none is named: the framework that the dialect is of, or the first that has it. */
static weft_origin usual_origin(const weft_arch *arch)
{
    const weft_name_table *table, *first = NULL;
    for (int i = 0; (table = weft_name_table_get(i)) != NULL; i++) {
        if (!weft_name_table_fits(table, arch))
            continue;
        if ((arch->dialect == WEFT_KERAS) == (table->origin == WEFT_ORIGIN_KERAS))
            return table->origin;
        first = first ? first : table;
    }
    return first ? first->origin : WEFT_ORIGIN_WEFT;
}

static weft_status fill(names *n, weft_ctx *ctx, const char *name, weft_dialect dialect, weft_origin origin)
{
    WEFT_TRY(weft_arch_build(ctx, name, &(weft_arch_opt){ .dialect = dialect }, &n->graph));
    const weft_arch *arch = weft_arch_find(name, dialect);
    if (origin == WEFT_ORIGIN_AUTO)
        origin = usual_origin(arch);
    weft_resolved resolved;
    WEFT_TRY(weft_resolve_best(&n->arena, n->graph, arch, origin, NULL, &resolved));
    if (!resolved.match)
        return weft_fail(WEFT_NOT_FOUND, "%s has no network that is weft's %s (%s)", weft_origin_name(origin),
                         arch->name, weft_dialect_name(arch->dialect));
    return add_names(n, &resolved);
}

weft_status weft_weights_names(weft_ctx *ctx, const char *arch, weft_dialect dialect, weft_origin origin,
                               weft_name_list **out)
{
    if (!ctx || !arch || !out || (unsigned)origin >= WEFT_ORIGIN_COUNT)
        return weft_fail(WEFT_INVALID, "weft_weights_names: ctx, arch and out must not be NULL, origin one of %d",
                         WEFT_ORIGIN_COUNT);
    const weft_allocator *allocator = weft_ctx_allocator(ctx);
    names *n = weft_calloc(allocator, 1, sizeof *n);
    if (!n)
        return WEFT_NO_MEMORY;
    weft_arena_init(&n->arena, allocator);
    const weft_status status = fill(n, ctx, arch, dialect, origin);
    if (status == WEFT_OK)
        *out = &n->list;
    else
        weft_name_list_destroy(ctx, &n->list);
    return status;
}

/* Copies the entry of param. */
static weft_status copy_name(const weft_name_list *list, const char *arch, const char *param, char *buf, size_t size,
                             const char **layout)
{
    for (int i = 0; i < list->count; i++) {
        const weft_name_entry *entry = &list->entries[i];
        if (strcmp(entry->name, param) != 0)
            continue;
        if (!entry->origin_name)
            break;
        if (strlen(entry->origin_name) >= size)
            return weft_fail(WEFT_INVALID, "the name %s needs %zu bytes, there are %zu", entry->origin_name,
                             strlen(entry->origin_name) + 1, size);
        memcpy(buf, entry->origin_name, strlen(entry->origin_name) + 1);
        if (layout)
            *layout = entry->layout; /* static */
        return WEFT_OK;
    }
    return weft_fail(WEFT_NOT_FOUND, "%s has no tensor that is %s of weft's %s", weft_origin_name(list->origin), param,
                     arch);
}

weft_status weft_weights_origin_name(weft_ctx *ctx, const char *arch, weft_dialect dialect, weft_origin origin,
                                     const char *param, char *buf, size_t size, const char **layout)
{
    if (!param || !buf)
        return weft_fail(WEFT_INVALID, "weft_weights_origin_name: param and buf must not be NULL");
    weft_name_list *list = NULL;
    WEFT_TRY(weft_weights_names(ctx, arch, dialect, origin, &list));
    const weft_status status = copy_name(list, arch, param, buf, size, layout);
    weft_name_list_destroy(ctx, list);
    return status;
}
