/* SPDX-License-Identifier: Apache-2.0
 *
 * A network's copy for training, of which some nodes stay what they are at inference: norms whose path or statistics
 * are frozen, and what drops at random inside of a frozen part, which is to give what it was trained to give. Inside:
 * nothing that is trained lies before it, and a frozen layer behind it, with none that is trained in between. So the
 * dropout between a frozen body and a new classifier still drops. */
#include <stdio.h>

#include "graph/twin.h"
#include "train/train.h"

typedef struct paths {
    const weft_graph *graph;
    const weft_train_opt *opt;
    bool *moves; /* [values] trained, or computed from what is */
    bool *leads; /* [values] read by a frozen layer, perhaps through nodes without parameters */
} paths;

static bool is_frozen(const paths *p, int32_t value)
{
    const weft_value *v = &p->graph->values[value];
    return (v->kind == WEFT_PARAM || v->kind == WEFT_STATE) && weft_train_is_frozen(p->opt, v->name);
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
            trained = trained || (p->graph->values[gnode->in[k]].kind == WEFT_PARAM && p->moves[gnode->in[k]]);
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

weft_status weft_train_clone(weft_ctx *ctx, const weft_graph *network, const weft_train_opt *opt, double norm_momentum,
                             weft_var *outputs, weft_graph **out)
{
    const size_t nodes = (size_t)network->n_nodes, values = (size_t)network->n_values;
    bool *const kept = weft_calloc(&ctx->allocator, nodes + 2 * values, sizeof *kept);
    if (!kept)
        return WEFT_NO_MEMORY;
    const paths p = { network, opt, kept + nodes, kept + nodes + values };
    find_moves(&p);
    find_leads(&p);
    for (size_t i = 0; i < nodes; i++) {
        const weft_gnode *gnode = &network->nodes[i];
        const int32_t y = gnode->out[0];
        kept[i] = has_frozen_path(opt, gnode->node.name) || (!gnode->node.n_param && !p.moves[y] && p.leads[y]);
    }
    const int64_t part = opt->batch ? opt->batch
                         : network->n_inputs ? network->values[network->inputs[0]].shape.dim[0] : 0;
    const weft_twin_opt twin = { opt->batch, opt->seed, weft_ranks_rank(opt->ranks) * part, norm_momentum, kept };
    const weft_status status = weft_graph_clone_training(ctx, network, &twin, outputs, out);
    weft_free(&ctx->allocator, kept);
    return status;
}
