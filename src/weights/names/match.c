/* SPDX-License-Identifier: Apache-2.0
 *
 * What was matched: halves of tensors, tensors that are taken, tensors that do not matter. */
#include "weights/names/map.h"

int weft_match_parts(const weft_match *match)
{
    return match->rule && (match->rule->flags & (WEFT_NAME_FIRST | WEFT_NAME_SECOND)) ? 2 : 1;
}

weft_shape weft_match_shape(const weft_match *match, const weft_weight *tensor)
{
    weft_shape shape = tensor->shape;
    if (weft_match_parts(match) == 2 && shape.rank > 0)
        shape.dim[0] = shape.dim[0] % 2 == 0 ? shape.dim[0] / 2 : 0;
    return shape;
}

void weft_resolve_used(const weft_resolved *resolved, bool *used)
{
    for (int i = 0; i < resolved->count; i++) {
        if (resolved->match[i].source >= 0)
            used[resolved->match[i].source] = true;
        if (resolved->match[i].gamma >= 0)
            used[resolved->match[i].gamma] = true;
    }
}

/* Whether tensor `index` never matters in that style: asked of each tensor for each network, so noted for all of them
 * at once. Without memory for notes it is found out again. */
static bool never_matters(weft_source *source, weft_style style, int64_t index)
{
    if (!source->ignored[style]) {
        bool *ignored = weft_arena_array(source->arena, (size_t)source->count, sizeof *ignored);
        if (!ignored)
            return weft_leaf_ignored(style, source->key[index]);
        for (int64_t i = 0; i < source->count; i++)
            ignored[i] = weft_leaf_ignored(style, source->key[i]);
        source->ignored[style] = ignored;
    }
    return source->ignored[style][index];
}

/* What counts (a metric's states, the place in a queue): no network multiplies by whole numbers. */
static bool is_counter(const weft_weight *tensor)
{
    return tensor->dtype == WEFT_I64 || tensor->dtype == WEFT_I32 || tensor->dtype == WEFT_U8;
}

bool weft_resolve_ignores(const weft_resolved *resolved, int64_t index)
{
    const weft_name_table *table = resolved->table;
    const char *const key = resolved->source->key[index];
    weft_name_values values;
    for (int i = 0; table && i < table->count; i++) {
        if ((table->rules[i].flags & WEFT_NAME_IGNORE) && weft_name_match(table->rules[i].source, key, &values))
            return true;
    }
    const weft_style style = weft_origin_style(resolved->origin);
    if (style == WEFT_STYLE_TORCH && is_counter(&resolved->source->tensors[index]))
        return true;
    return (style == WEFT_STYLE_TORCH && weft_statistics_has(resolved->source, index)) ||
           never_matters(resolved->source, style, index);
}
