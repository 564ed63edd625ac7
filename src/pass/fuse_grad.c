/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of a convolution and of the batch norm behind it become one conv_norm_grad node, so that a device
 * can keep the norm's gradient, which only they read, in its caches. It is done only where the device has a kernel for
 * the node that is more than the reference. */
#include "op/conv_norm_grad.h"
#include "pass/pass.h"

/* batch_norm_dx, and the two that read what it gives. */
typedef struct trio {
    int32_t norm, dx, dw; /* nodes */
} trio;

/* readers[value]: how often it is read; those of the norm's gradient follow it. */
static bool find_trio(const weft_graph *graph, const int32_t *readers, int32_t index, trio *t)
{
    const weft_gnode *norm = &graph->nodes[index];
    const int32_t between = norm->out[0];
    *t = (trio){ index, -1, -1 };
    if (norm->dead || norm->node.id != WEFT_OP_BATCH_NORM_DX || norm->node.epi.residual || readers[between] != 2)
        return false;
    for (int32_t i = index + 1; i < graph->n_nodes && (t->dx < 0 || t->dw < 0); i++) {
        const weft_gnode *gnode = &graph->nodes[i];
        if (!gnode->dead && gnode->node.id == WEFT_OP_CONV2D_DX && gnode->in[0] == between)
            t->dx = i;
        else if (!gnode->dead && gnode->node.id == WEFT_OP_CONV2D_DW && gnode->in[1] == between)
            t->dw = i;
    }
    return t->dx >= 0 && t->dw >= 0;
}

/* Whether a live node before `index` reads a value. */
static bool is_read_before(const weft_graph *graph, int32_t value, int32_t index)
{
    for (int32_t i = 0; i < index; i++)
        for (int k = 0; k < graph->nodes[i].node.n_in && !graph->nodes[i].dead; k++)
            if (graph->nodes[i].in[k] == value)
                return true;
    return false;
}

/* The trio as a node: inputs of the norm's gradient, x, the weights, the residual; dx, dw, dgamma, dbeta. */
static weft_status unite(weft_graph *graph, const trio *t, weft_gnode *out)
{
    const weft_gnode *norm = &graph->nodes[t->norm], *dx = &graph->nodes[t->dx], *dw = &graph->nodes[t->dw];
    const weft_conv_norm_grad_opt options = { .norm = *(const weft_batch_norm_dx_opt *)norm->node.opt,
                                              .conv = *(const weft_conv2d_grad_opt *)dx->node.opt };
    const int32_t results[] = { dx->out[0], dw->out[0], norm->out[1], norm->out[2] };
    weft_arena *const arena = &graph->arena;
    *out = (weft_gnode){ .node = { .id = WEFT_OP_CONV_NORM_GRAD, .op = &weft_op_conv_norm_grad, .name = dx->node.name,
                                   .opt = weft_arena_copy(arena, &options, sizeof options), .epi = dx->node.epi,
                                   .n_out = WEFT_COUNT(results) } };
    weft_shape *shapes = weft_arena_array(arena, WEFT_COUNT(results), sizeof *shapes);
    out->out = weft_arena_array(arena, WEFT_COUNT(results), sizeof *out->out);
    if (!out->node.opt || !out->out || !shapes)
        return WEFT_NO_MEMORY;
    out->node.out = shapes;
    for (int o = 0; o < out->node.n_out; o++) {
        out->out[o] = results[o];
        shapes[o] = graph->values[results[o]].shape;
    }
    WEFT_TRY(weft_pass_begin_inputs(graph, out, norm->node.n_in + dx->node.n_in));
    for (int i = 0; i < norm->node.n_in; i++)
        weft_pass_add_input(graph, out, norm->in[i]);
    weft_pass_add_input(graph, out, dw->in[0]);
    for (int i = 1; i < dx->node.n_in; i++)
        weft_pass_add_input(graph, out, dx->in[i]);
    return WEFT_OK;
}

/* It stands where the last of the three stood: whoever reads their results must follow. */
static weft_status fuse_trio(weft_graph *graph, const trio *t)
{
    const int32_t at = t->dx > t->dw ? t->dx : t->dw;
    weft_gnode whole;
    WEFT_TRY(unite(graph, t, &whole));
    if (!weft_pass_has_kernel(graph, &whole))
        return WEFT_OK;
    for (int o = 0; o < whole.node.n_out; o++)
        if (is_read_before(graph, whole.out[o], at))
            return WEFT_OK;
    graph->nodes[t->norm].dead = graph->nodes[t->dx].dead = graph->nodes[t->dw].dead = true;
    graph->nodes[at] = whole;
    for (int o = 0; o < whole.node.n_out; o++)
        graph->values[whole.out[o]].maker = at;
    return WEFT_OK;
}

weft_status weft_pass_fuse_grads(weft_graph *graph)
{
    const int32_t *readers = weft_pass_readers(graph);
    trio t;
    if (!readers)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < graph->n_nodes; i++)
        if (find_trio(graph, readers, i, &t))
            WEFT_TRY(fuse_trio(graph, &t));
    return WEFT_OK;
}
