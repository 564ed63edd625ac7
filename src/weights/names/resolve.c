/* SPDX-License-Identifier: Apache-2.0
 *
 * Which tensor of a file is which parameter of a network: a walk over the parameters in the network's order, which
 * finds each layer's rule, writes the layer's name there and looks for the leaf. */
#include <string.h>

#include "base/error.h"
#include "weights/names/map.h"

/* Rules that say something else than a layer's name. */
enum { NO_LAYER = WEFT_NAME_IGNORE | WEFT_NAME_FILL | WEFT_NAME_SQUARE | WEFT_NAME_SHIFT };
enum { MAX_RULES = 128, MAX_STEMS = 16 };

/* Where a walk stands. */
typedef struct walk {
    const weft_name_table *table;
    weft_source *source;
    int matched[MAX_RULES]; /* layers that each rule has matched */
    struct {
        const char *name;
        size_t length;
        int64_t count;
    } stem[MAX_STEMS];
    const weft_name_rule *rule; /* of the layer under way; NULL: none */
    char path[WEFT_NAME_MAX];   /* ours */
    char layer[WEFT_NAME_MAX];  /* theirs */
    const char *given;          /* leaf in the template; NULL */
    int position;               /* of the parameter in its layer */
} walk;

static bool numbered(void *arg, const char *stem, size_t length, int64_t k, char *buf, size_t size)
{
    walk *w = arg;
    int i = 0;
    if (k >= 0)
        return weft_source_numbered(w->source, stem, length, k, buf, size);
    while (i < MAX_STEMS && w->stem[i].name &&
           (w->stem[i].length != length || memcmp(w->stem[i].name, stem, length) != 0))
        i++;
    if (i == MAX_STEMS)
        return false;
    w->stem[i].name = stem;
    w->stem[i].length = length;
    return weft_source_numbered(w->source, stem, length, w->stem[i].count++, buf, size);
}

/* Finds the rule of the layer w->path and writes its name. */
static void enter_layer(walk *w)
{
    weft_name_values values;
    w->rule = NULL;
    w->given = NULL;
    w->position = 0;
    if (!w->table) {
        memcpy(w->layer, w->path, sizeof w->layer);
        return;
    }
    for (int i = 0; i < w->table->count && i < MAX_RULES; i++) {
        const weft_name_rule *rule = &w->table->rules[i];
        if ((rule->flags & NO_LAYER) || !weft_name_match(rule->layer, w->path, &values))
            continue;
        if (!weft_name_expand(rule->source, &values, w->matched[i]++, numbered, w, w->layer, sizeof w->layer))
            return;
        char *colon = strrchr(w->layer, ':');
        if (colon) {
            *colon = '\0';
            w->given = colon + 1;
        }
        w->rule = rule;
        return;
    }
}

static const weft_name_rule *find_fill(const weft_name_table *table, const char *param)
{
    weft_name_values values;
    for (int i = 0; table && i < table->count; i++) {
        if ((table->rules[i].flags & WEFT_NAME_FILL) && weft_name_match(table->rules[i].layer, param, &values))
            return &table->rules[i];
    }
    return NULL;
}

/* Looks the leaf up in the layer under way. */
static weft_status look_up(walk *w, weft_arena *arena, weft_style style, const char *leaf, weft_match *match)
{
    char name[WEFT_NAME_MAX];
    if (w->table && !w->rule)
        return WEFT_OK;
    for (int c = 0; match->source < 0; c++) {
        if (!weft_leaf_candidate(style, w->layer, leaf, w->given, w->position, c, name, sizeof name))
            break;
        if (c == 0 && !(match->name = weft_arena_text(arena, "%s", name)))
            return WEFT_NO_MEMORY;
        if (!w->source)
            break;
        match->source = weft_source_find(w->source, name);
    }
    if (w->source && w->rule && (w->rule->flags & WEFT_NAME_GAMMA) && strcmp(leaf, "weight") != 0 &&
        weft_leaf_candidate(style, w->layer, "gamma", NULL, 0, 0, name, sizeof name))
        match->gamma = weft_source_find(w->source, name);
    return WEFT_OK;
}

weft_status weft_resolve(weft_arena *arena, const weft_graph *graph, const weft_name_table *table,
                         weft_source *source, weft_resolved *out)
{
    walk w = { .table = table, .source = source };
    weft_resolved r = { .origin = table ? table->origin : WEFT_ORIGIN_WEFT, .table = table, .source = source };
    r.count = weft_graph_param_count(graph);
    r.match = weft_arena_array(arena, (size_t)r.count, sizeof *r.match);
    if (!r.match)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < r.count; i++) {
        weft_match *match = &r.match[i];
        WEFT_TRY(weft_graph_param(graph, i, &match->param));
        match->source = match->gamma = -1;
        const char *slash = strrchr(match->param.name, '/'), *leaf = slash ? slash + 1 : match->param.name;
        const size_t length = slash ? (size_t)(slash - match->param.name) : 0;
        if (length >= sizeof w.path)
            continue;
        if (i == 0 || strlen(w.path) != length || memcmp(w.path, match->param.name, length) != 0) {
            memcpy(w.path, match->param.name, length);
            w.path[length] = '\0';
            enter_layer(&w);
        }
        WEFT_TRY(look_up(&w, arena, weft_origin_style(r.origin), leaf, match));
        match->rule = w.rule;
        match->fill = match->source < 0 ? find_fill(table, match->param.name) : NULL;
        r.found += match->source >= 0;
        r.missing += match->source < 0 && !match->fill;
        w.position++;
    }
    if (source && r.missing > 0)
        WEFT_TRY(weft_head_adopt(arena, &r));
    *out = r;
    return WEFT_OK;
}

/* All tables for the row on one view of the file. */
static weft_status resolve_view(weft_arena *arena, const weft_graph *graph, const weft_arch *arch, weft_source *source,
                                weft_resolved *best)
{
    const weft_origin origin = best->origin;
    const weft_name_table *table = NULL; /* our own names first */
    for (int i = 0; i == 0 || (table = weft_name_table_get(i - 1)) != NULL; i++) {
        const weft_origin whose = table ? table->origin : WEFT_ORIGIN_WEFT;
        weft_resolved r;
        if ((origin != WEFT_ORIGIN_AUTO && origin != whose) || (table && !weft_name_table_fits(table, arch)))
            continue;
        WEFT_TRY(weft_resolve(arena, graph, table, source, &r));
        if (!best->match || r.found > best->found)
            *best = r;
    }
    return WEFT_OK;
}

weft_status weft_resolve_best(weft_arena *arena, const weft_graph *graph, const weft_arch *arch,
                              weft_origin origin, weft_source *source, weft_resolved *out)
{
    weft_resolved best = { .origin = origin };
    WEFT_TRY(resolve_view(arena, graph, arch, source, &best));
    for (weft_source *view = source ? source->next : NULL; view && best.match && best.missing > 0; view = view->next) {
        weft_resolved other = { .origin = origin };
        WEFT_TRY(resolve_view(arena, graph, arch, view, &other));
        if (other.match && other.found > best.found)
            best = other;
    }
    *out = best;
    return WEFT_OK;
}

void weft_flattened_map(const weft_graph *graph, const char *layer, int64_t map[3])
{
    weft_node_info node;
    int at = weft_graph_node_count(graph) - 1;
    map[0] = map[1] = map[2] = 0;
    while (at >= 0 && (weft_graph_node(graph, at, &node) != WEFT_OK || strcmp(node.name, layer) != 0))
        at--;
    if (at < 0 || strcmp(node.op, "dense") != 0)
        return;
    for (bool flat = false; node.inputs == 1 && node.input_of[0] >= 0;) {
        if (weft_graph_node(graph, node.input_of[0], &node) != WEFT_OK)
            return;
        if (flat && node.out.rank == 4) {
            memcpy(map, &node.out.dim[1], 3 * sizeof *map);
            return;
        }
        if (strcmp(node.op, "reshape") != 0 && strcmp(node.op, "dropout") != 0)
            return;
        flat = flat || strcmp(node.op, "reshape") == 0;
    }
}
