/* SPDX-License-Identifier: Apache-2.0
 *
 * A network's copy for training, of which some nodes stay what they are at inference: norms whose path or statistics
 * are frozen, and what drops at random inside of a frozen part, which is to give what it was trained to give. Inside:
 * nothing that is trained lies before it, and a frozen layer behind it, with none that is trained in between. So the
 * dropout between a frozen body and a new classifier still drops. States move when the step is known to be good, by
 * what the caller appends. */
#include <stdio.h>

#include "graph/twin.h"
#include "program/bytes.h"
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

/* Whether node `by` reads what node i makes, or the state that it moves, after it. */
static bool reads_moved(const weft_graph *network, int32_t i, int32_t by)
{
    const weft_gnode *moving = &network->nodes[i], *reader = &network->nodes[by];
    for (int k = 0; k < reader->node.n_in; k++)
        if (reader->in[k] == moving->out[0] || (by > i && reader->in[k] == moving->in[0]))
            return true;
    return false;
}

/* What changes a state in the forward pass must be able to wait until its end. */
static weft_status check_moves(const weft_graph *network, int32_t i)
{
    const weft_gnode *moving = &network->nodes[i];
    const char *reader = NULL;
    if (!moving->node.op->updates)
        return WEFT_OK;
    if (moving->node.id != WEFT_OP_MOVING_AVERAGE)
        return weft_fail(WEFT_UNSUPPORTED, "%s: %s changes a state in every run; in a network that is trained only "
                         "moving_average may, which waits until the step is known to be good", moving->node.name,
                         moving->node.op->name);
    for (int32_t k = 0; k < network->n_nodes && !reader; k++)
        reader = reads_moved(network, i, k) ? network->nodes[k].node.name : NULL;
    for (int32_t k = 0; k < network->n_outputs && !reader; k++)
        reader = network->outputs[k].value == moving->out[0] ? network->outputs[k].name : NULL;
    if (!reader)
        return WEFT_OK;
    return weft_fail(WEFT_UNSUPPORTED, "%s: in training the state moves at the end of a good step, but %s reads "
                     "it before", moving->node.name, reader);
}

/* States that are frozen stay. */
static void drop_frozen(const weft_graph *graph, const weft_train_opt *opt, weft_moves *moves)
{
    int left = 0;
    for (int i = 0; i < moves->count; i++)
        if (!weft_train_is_frozen(opt, graph->values[moves->move[i].state.id].name))
            moves->move[left++] = moves->move[i];
    moves->count = left;
}

weft_status weft_train_clone(weft_ctx *ctx, const weft_graph *network, const weft_train_opt *opt, double norm_momentum,
                             weft_var *outputs, weft_moves *moves, weft_graph **out)
{
    for (int32_t i = 0; i < network->n_nodes; i++)
        WEFT_TRY(check_moves(network, i));
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
        kept[i] = !gnode->node.op->updates && (has_frozen_path(opt, gnode->node.name) ||
                                               (!gnode->node.n_param && !p.moves[y] && p.leads[y]));
    }
    const int64_t part = opt->batch ? opt->batch
                         : network->n_inputs ? network->values[network->inputs[0]].shape.dim[0] : 0;
    const weft_twin_opt twin = { opt->batch, opt->seed, weft_ranks_rank(opt->ranks) * part, norm_momentum, kept,
                                 weft_bytes_input(opt->levels) };
    const weft_status status = weft_graph_clone_training(ctx, network, &twin, outputs, moves, out);
    weft_free(&ctx->allocator, kept);
    if (status == WEFT_OK)
        drop_frozen(*out, opt, moves);
    return status;
}
