/* SPDX-License-Identifier: Apache-2.0
 *
 * Where several ranks have parts of one batch, and norms are to be by all of it: batch norms and their gradients become
 * two nodes each, the halves of op/batch_norm_halves.c, so that there is a place between them where ranks can merge
 * what they found out. It is done once activations and additions are in the norms, and before norms go into
 * convolutions, which would leave no such place. */
#include "op/batch_norm.h"
#include "pass/pass.h"

/* Nodes that are appended, and before which node each of them belongs. */
typedef struct halves {
    weft_graph *graph;
    int32_t n_nodes; /* as it was */
    int32_t *first;  /* [n_nodes] the node that goes before this one; 0: none */
} halves;

/* A node of op before node i: *out is its first output. */
static weft_status add_first(const halves *h, int32_t i, weft_op_id op, const char *what, const void *opt, int n_in,
                             int32_t *out)
{
    weft_graph *const graph = h->graph;
    const char *const path = weft_arena_text(&graph->arena, "%s/%s", graph->nodes[i].node.name, what);
    if (!path)
        return WEFT_NO_MEMORY;
    WEFT_TRY(weft_graph_add_node(graph, op, path, opt, graph->nodes[i].in, n_in, out));
    h->first[i] = graph->n_nodes - 1;
    return WEFT_OK;
}

/* Node i becomes one of op, with one input more, behind the first `at` of them. */
static weft_status become(weft_graph *graph, int32_t i, weft_op_id op, int at, int32_t input)
{
    weft_gnode *const gnode = &graph->nodes[i];
    const weft_gnode was = *gnode;
    WEFT_TRY(weft_pass_begin_inputs(graph, gnode, was.node.n_in + 1));
    for (int k = 0; k < at; k++)
        weft_pass_add_input(graph, gnode, was.in[k]);
    weft_pass_add_input(graph, gnode, input);
    for (int k = at; k < was.node.n_in; k++)
        weft_pass_add_input(graph, gnode, was.in[k]);
    gnode->node.id = op;
    gnode->node.op = weft_op_get(op);
    return WEFT_OK;
}

static weft_status halve_norm(const halves *h, int32_t i)
{
    weft_graph *const graph = h->graph;
    const weft_batch_norm_by_opt opt = { *(const weft_batch_norm_opt *)graph->nodes[i].node.opt, graph->parts };
    int32_t moments;
    WEFT_TRY(add_first(h, i, WEFT_OP_BATCH_NORM_MOMENTS, "moments", NULL, 1, &moments));
    WEFT_TRY(become(graph, i, WEFT_OP_BATCH_NORM_BY, 1, moments));
    graph->nodes[i].node.opt = weft_arena_copy(&graph->arena, &opt, sizeof opt);
    return graph->nodes[i].node.opt ? WEFT_OK : WEFT_NO_MEMORY;
}

/* dgamma and dbeta are those of the first half. */
static weft_status halve_gradient(const halves *h, int32_t i)
{
    weft_graph *const graph = h->graph;
    const weft_node *const node = &graph->nodes[i].node;
    int32_t shares;
    WEFT_TRY(add_first(h, i, WEFT_OP_BATCH_NORM_SUMS, "sums", node->opt, node->n_in - node->epi.residual, &shares));
    WEFT_TRY(become(graph, i, WEFT_OP_BATCH_NORM_BY_DX, WEFT_BY_DX_SHARES, shares));
    weft_gnode *const sums = &graph->nodes[h->first[i]], *const dx = &graph->nodes[i];
    for (int o = 1; o < dx->node.n_out; o++) {
        sums->out[o] = dx->out[o];
        graph->values[dx->out[o]].maker = h->first[i];
    }
    dx->node.n_out = 1;
    return WEFT_OK;
}

static weft_status halve(const halves *h, int32_t i)
{
    const weft_node *const node = &h->graph->nodes[i].node;
    if (h->graph->nodes[i].dead)
        return WEFT_OK;
    if (node->id == WEFT_OP_BATCH_NORM_TRAIN)
        return halve_norm(h, i);
    if (node->id == WEFT_OP_BATCH_NORM_DX && !((const weft_batch_norm_dx_opt *)node->opt)->frozen)
        return halve_gradient(h, i);
    return WEFT_OK;
}

/* Each node that was appended goes to its place. */
static weft_status sort(const halves *h)
{
    weft_graph *const graph = h->graph;
    const weft_gnode *const was = weft_arena_copy(&graph->arena, graph->nodes,
                                                  (size_t)graph->n_nodes * sizeof *graph->nodes);
    int32_t *const moved = weft_arena_array(&graph->arena, (size_t)graph->n_nodes, sizeof *moved), n = 0;
    if (!was || !moved)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < h->n_nodes; i++) {
        if (h->first[i]) {
            moved[h->first[i]] = n;
            graph->nodes[n++] = was[h->first[i]];
        }
        moved[i] = n;
        graph->nodes[n++] = was[i];
    }
    for (int32_t v = 0; v < graph->n_values; v++)
        if (graph->values[v].maker >= 0)
            graph->values[v].maker = moved[graph->values[v].maker];
    return WEFT_OK;
}

weft_status weft_pass_halve(weft_graph *graph)
{
    halves h = { graph, graph->n_nodes, NULL };
    if (graph->parts <= 1)
        return WEFT_OK;
    h.first = weft_arena_array(&graph->arena, (size_t)h.n_nodes, sizeof *h.first);
    if (!h.first)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < h.n_nodes; i++)
        WEFT_TRY(halve(&h, i));
    return sort(&h);
}
