/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient pass. First forwards: which values are wanted, because they are x or computed from one. Then backwards
 * over the nodes that were there: whoever has a gradient and wants one hands it on. Gradients of a value with several
 * readers are summed by additions, in the order of the nodes, which the fusion pass makes epilogues. */
#include "graph/grad.h"

#include <stdio.h>
#include <string.h>

enum { ONE = -1 }; /* weft_grad.sum of what is differentiated */

/* ---- what ops ask ---- */

weft_var weft_grad_in(const weft_grad *grad, int i)
{
    return (weft_var){ i < grad->node.n_in ? grad->in[i] : 0 };
}

weft_var weft_grad_out(const weft_grad *grad, int o)
{
    return (weft_var){ grad->out[o] };
}

/* Index among the inputs of own parameter k; n_in: there is none. */
static int param_input(const weft_grad *grad, int k)
{
    return k < grad->node.n_param ? weft_node_first_param(&grad->node) + k : grad->node.n_in;
}

weft_var weft_grad_param(const weft_grad *grad, int k)
{
    return weft_grad_in(grad, param_input(grad, k));
}

weft_var weft_grad_dy(const weft_grad *grad, int o)
{
    const int32_t sum = grad->sum[grad->out[o]];
    return (weft_var){ sum == ONE ? 0 : sum };
}

bool weft_grad_is_one(const weft_grad *grad, int o)
{
    return grad->sum[grad->out[o]] == ONE;
}

bool weft_grad_wants(const weft_grad *grad, int i)
{
    return i < grad->node.n_in && grad->wants[grad->in[i]];
}

bool weft_grad_wants_param(const weft_grad *grad, int k)
{
    return weft_grad_wants(grad, param_input(grad, k));
}

void weft_grad_add(weft_grad *grad, int i, weft_var dx)
{
    if (!dx.id || !weft_grad_wants(grad, i))
        return;
    int32_t *sum = &grad->sum[grad->in[i]];
    const weft_var both[2] = { { *sum }, dx };
    *sum = *sum ? weft_graph_append(grad->graph, WEFT_OP_ADD, NULL, both, 2).id : dx.id;
}

void weft_grad_add_param(weft_grad *grad, int k, weft_var dx)
{
    weft_grad_add(grad, param_input(grad, k), dx);
}

void weft_grad_pass(weft_grad *grad, int i, int o)
{
    if (!weft_grad_is_one(grad, o))
        weft_grad_add(grad, i, weft_grad_dy(grad, o));
    else if (weft_grad_wants(grad, i))
        grad->sum[grad->in[i]] = ONE;
}

/* ---- the pass ---- */

typedef struct work {
    weft_graph *graph;
    int32_t n_nodes, n_values; /* of the graph as it was */
    int32_t *sum;
    bool *wants;
} work;

static bool has_gradient(const work *w, const weft_gnode *gnode)
{
    for (int o = 0; o < gnode->node.n_out; o++)
        if (w->sum[gnode->out[o]] && w->wants[gnode->out[o]])
            return true;
    return false;
}

/* An op that changes what the store keeps hands no gradient on: what it computes is for later. */
static void find_wanted(work *w)
{
    for (int32_t i = 0; i < w->n_nodes; i++) {
        const weft_gnode *gnode = &w->graph->nodes[i];
        bool wanted = false;
        for (int k = 0; k < gnode->node.n_in && !gnode->node.op->updates; k++)
            wanted = wanted || w->wants[gnode->in[k]];
        for (int o = 0; o < gnode->node.n_out && wanted; o++)
            w->wants[gnode->out[o]] = true;
    }
}

static weft_status visit(const work *w, int32_t index)
{
    const weft_gnode *gnode = &w->graph->nodes[index];
    const weft_op *op = gnode->node.op;
    weft_grad grad = { w->graph, gnode->node, gnode->in, gnode->out, w->sum, w->wants };
    if (strlen(gnode->node.name) >= sizeof w->graph->scope)
        return weft_fail(WEFT_INVALID, "%s: the path is too long for nodes below it", gnode->node.name);
    if (!op->grad)
        return weft_fail(WEFT_UNSUPPORTED, "%s: %s has no gradient, and what it reads is to be trained",
                         gnode->node.name, op->name);
    w->graph->scope_length = (size_t)snprintf(w->graph->scope, sizeof w->graph->scope, "%s", grad.node.name);
    const weft_status status = op->grad(&grad);
    return status == WEFT_OK ? weft_graph_status(w->graph) : weft_fail_in(status, "%s", grad.node.name);
}

static weft_status seed(const work *w, const weft_var *y, const weft_var *dy, int n_y)
{
    for (int i = 0; i < n_y; i++) {
        if (y[i].id <= 0 || y[i].id >= w->n_values)
            return weft_fail(WEFT_INVALID, "what is to be differentiated is no value of the graph");
        if (dy[i].id && !weft_shape_equal(&w->graph->values[dy[i].id].shape, &w->graph->values[y[i].id].shape))
            return weft_fail(WEFT_INVALID, "a gradient has not the shape of what it belongs to");
        w->sum[y[i].id] = dy[i].id ? dy[i].id : ONE;
    }
    return WEFT_OK;
}

static weft_status differentiate(work *w, const weft_var *y, const weft_var *dy, int n_y, const weft_var *x, int n_x,
                                 weft_var *dx)
{
    for (int i = 0; i < n_x; i++)
        w->wants[x[i].id] = true;
    find_wanted(w);
    WEFT_TRY(seed(w, y, dy, n_y));
    for (int32_t i = w->n_nodes - 1; i >= 0; i--)
        if (!w->graph->nodes[i].dead && has_gradient(w, &w->graph->nodes[i]))
            WEFT_TRY(visit(w, i));
    for (int i = 0; i < n_x; i++) {
        const int32_t sum = w->sum[x[i].id];
        dx[i] = (weft_var){ sum == ONE ? 0 : sum };
    }
    return WEFT_OK;
}

weft_status weft_graph_grad(weft_graph *graph, const weft_var *y, const weft_var *dy, int n_y, const weft_var *x,
                            int n_x, weft_var *dx)
{
    WEFT_TRY(weft_graph_status(graph));
    const size_t values = (size_t)graph->n_values;
    work w = { graph, graph->n_nodes, graph->n_values, weft_arena_array(&graph->arena, values, sizeof *w.sum),
               weft_arena_array(&graph->arena, values, sizeof *w.wants) };
    char *scope = weft_arena_text(&graph->arena, "%s", graph->scope);
    if (!w.sum || !w.wants || !scope)
        return WEFT_NO_MEMORY;
    const weft_status status = differentiate(&w, y, dy, n_y, x, n_x, dx);
    graph->scope_length = (size_t)snprintf(graph->scope, sizeof graph->scope, "%s", scope);
    return status;
}
