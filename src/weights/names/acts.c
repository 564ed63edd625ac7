/* SPDX-License-Identifier: Apache-2.0
 *
 * The activations that a file says its network has, held against weft's. They have no tensors, so which is which is not
 * known: it is enough that weft's network has none of a kind that the file's has. */
#include <string.h>

#include "weights/names/map.h"
#include "weights/weights.h"

/* Whether a word is one of those between blanks. */
static bool has_word(const char *text, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = text; *at; at += strspn(at, " ")) {
        const size_t end = strcspn(at, " ");
        if (end == length && memcmp(at, word, end) == 0)
            return true;
        at += end;
    }
    return false;
}

/* Ops that have activations say which in their detail. */
static bool has_act(const weft_graph *graph, const char *act)
{
    weft_node_info node;
    for (int i = 0; i < weft_graph_node_count(graph); i++) {
        if (weft_graph_node(graph, i, &node) == WEFT_OK &&
            (strcmp(node.op, "activation") == 0 || strcmp(node.op, "squeeze_excite") == 0) &&
            has_word(node.detail, act))
            return true;
    }
    return false;
}

const char *weft_acts_differ(weft_arena *arena, const weft_weights *in, const weft_graph *graph, bool *failed)
{
    *failed = false;
    for (int i = 0; i < WEFT_ACTS && in->acts[i].act; i++) {
        if (has_act(graph, in->acts[i].act))
            continue;
        const char *const said = weft_arena_text(arena, "the module in the file has as %s, an activation that weft's "
                                                 "network does not have", in->acts[i].layer);
        *failed = !said;
        return said;
    }
    return NULL;
}
