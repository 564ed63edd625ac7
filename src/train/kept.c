/* SPDX-License-Identifier: Apache-2.0
 *
 * Which nodes of a network stay in training what they are at inference: norms whose path or statistics are frozen, and
 * what drops at random inside of a frozen part, which is to give what it was trained to give. Inside: nothing that is
 * trained lies before it, and a frozen layer behind it, with none that is trained in between. So the dropout between
 * a frozen body and a new classifier still drops. */
#include <stdio.h>

#include "train/train.h"

typedef struct paths {
    const weft_graph *graph;
    const weft_train_opt *opt;
    bool *moves; /* [values] trained, or computed from what is */
    bool *leads; /* [values] read by a frozen layer, perhaps through nodes without parameters */
} paths;

static bool is_param(const paths *p, int32_t value)
{
    return p->graph->values[value].kind == WEFT_PARAM || p->graph->values[value].kind == WEFT_STATE;
}

static bool is_frozen(const paths *p, int32_t value)
{
    return is_param(p, value) && weft_train_is_frozen(p->opt, p->graph->values[value].name);
}

static void find_moves(const paths *p)
{
    for (int32_t v = 1; v < p->graph->n_values; v++)
        p->moves[v] = p->graph->values[v].kind == WEFT_PARAM && !is_frozen(p, v);
    for (int32_t i = 0; i < p->graph->n_nodes; i++) {
        const weft_gnode *gnode = &p->graph->nodes[i];
        bool moves = false;
        for (int k = 0; k < gnode->node.n_in; k++)
            moves = moves || p->moves[gnode->in[k]];
        for (int k = 0; k < gnode->node.n_out; k++)
            p->moves[gnode->out[k]] = moves;
    }
}

static void find_leads(const paths *p)
{
    for (int32_t i = p->graph->n_nodes - 1; i >= 0; i--) {
        const weft_gnode *gnode = &p->graph->nodes[i];
        bool leads = false, trained = false;
        for (int k = 0; k < gnode->node.n_out; k++)
            leads = leads || p->leads[gnode->out[k]];
        for (int k = 0; k < gnode->node.n_in; k++) {
            leads = leads || is_frozen(p, gnode->in[k]);
            trained = trained || (is_param(p, gnode->in[k]) && p->moves[gnode->in[k]]);
        }
        for (int k = 0; k < gnode->node.n_in && leads && !trained; k++)
            p->leads[gnode->in[k]] = true;
    }
}

static bool has_frozen_path(const weft_train_opt *opt, const char *path)
{
    char statistic[1024]; /* a longer path is known by itself */
    snprintf(statistic, sizeof statistic, "%s/mean", path);
    return weft_train_is_frozen(opt, path) || weft_train_is_frozen(opt, statistic);
}

weft_status weft_train_kept(const weft_graph *network, const weft_train_opt *opt, bool **kept)
{
    const weft_allocator *allocator = &network->ctx->allocator;
    const size_t nodes = (size_t)network->n_nodes, values = (size_t)network->n_values;
    *kept = weft_calloc(allocator, nodes + 2 * values, sizeof **kept);
    if (!*kept)
        return WEFT_NO_MEMORY;
    const paths p = { network, opt, *kept + nodes, *kept + nodes + values };
    find_moves(&p);
    find_leads(&p);
    for (size_t i = 0; i < nodes; i++) {
        const weft_gnode *gnode = &network->nodes[i];
        const int32_t out = gnode->out[0];
        (*kept)[i] = has_frozen_path(opt, gnode->node.name) || (!gnode->node.n_param && !p.moves[out] && p.leads[out]);
    }
    return WEFT_OK;
}
