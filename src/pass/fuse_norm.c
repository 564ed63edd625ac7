/* SPDX-License-Identifier: Apache-2.0
 *
 * In training, a batch norm (with its activation) that only a convolution and the gradient of that convolution read is
 * not stored: both compute it as they read it, from what goes into the norm and from its statistics. It is done only
 * where the device has kernels for both that are more than references. */
#include "op/conv_norm_grad.h"
#include "pass/pass.h"

/* batch_norm_train, and the two that read its result. */
typedef struct trio {
    weft_gnode *norm, *conv, *grad;
    int x; /* the input of grad that reads it */
} trio;

static bool find_trio(weft_graph *graph, const int32_t *readers, int32_t index, trio *t)
{
    *t = (trio){ .norm = &graph->nodes[index] };
    const weft_node *n = &t->norm->node;
    const int32_t result = t->norm->out[0];
    if (t->norm->dead || n->id != WEFT_OP_BATCH_NORM_TRAIN || n->epi.residual || readers[result] != 2)
        return false;
    for (int32_t i = index + 1; i < graph->n_nodes && (!t->conv || !t->grad); i++) {
        weft_gnode *gnode = &graph->nodes[i];
        if (!gnode->dead && gnode->node.id == WEFT_OP_CONV2D && gnode->in[0] == result)
            t->conv = gnode;
        if (gnode->dead || gnode->node.id != WEFT_OP_CONV_NORM_GRAD)
            continue;
        weft_conv_norm_parts p;
        weft_conv_norm_split(&gnode->node, &p);
        if (gnode->in[p.x] == result) {
            t->grad = gnode;
            t->x = p.x;
        }
    }
    return t->conv && t->grad;
}

/* gnode with options of its own, `count` inputs more, and none of its inputs from `keep` on. */
static weft_status begin(weft_graph *graph, const weft_gnode *from, const void *opt, int count, int keep,
                         weft_gnode *out)
{
    *out = *from;
    out->node.opt = opt;
    if (!opt)
        return WEFT_NO_MEMORY;
    WEFT_TRY(weft_pass_begin_inputs(graph, out, from->node.n_in + count));
    for (int i = 0; i < keep; i++)
        weft_pass_add_input(graph, out, from->in[i]);
    return WEFT_OK;
}

/* What batch_norm_again reads, in place of the norm's result. */
static void add_norm(const weft_graph *graph, const weft_gnode *norm, weft_gnode *to)
{
    weft_pass_add_input(graph, to, norm->in[0]);
    weft_pass_add_input(graph, to, norm->out[1]); /* mean */
    weft_pass_add_input(graph, to, norm->out[2]); /* rstd */
    weft_pass_add_input(graph, to, norm->out[4]); /* shift */
    if (!((const weft_batch_norm_opt *)norm->node.opt)->no_gamma)
        weft_pass_add_input(graph, to, weft_gnode_param(norm, 0));
}

static void add_rest(const weft_graph *graph, const weft_gnode *from, int first, weft_gnode *to)
{
    for (int i = first; i < from->node.n_in; i++)
        weft_pass_add_input(graph, to, from->in[i]);
}

static weft_status fuse_conv(weft_graph *graph, const trio *t, weft_gnode *out)
{
    const weft_norm_conv_opt opt = { .norm.no_gamma = ((const weft_batch_norm_opt *)t->norm->node.opt)->no_gamma,
                                     .act = t->norm->node.epi.act,
                                     .conv = *(const weft_conv2d_opt *)t->conv->node.opt };
    WEFT_TRY(begin(graph, t->conv, weft_arena_copy(&graph->arena, &opt, sizeof opt), WEFT_AGAIN_IN, 0, out));
    add_norm(graph, t->norm, out);
    add_rest(graph, t->conv, 1, out);
    out->node.id = WEFT_OP_NORM_CONV;
    out->node.op = weft_op_get(out->node.id);
    return WEFT_OK;
}

static weft_status fuse_grad(weft_graph *graph, const trio *t, weft_gnode *out)
{
    weft_conv_norm_grad_opt opt = *(const weft_conv_norm_grad_opt *)t->grad->node.opt;
    opt.again = true;
    opt.before.no_gamma = ((const weft_batch_norm_opt *)t->norm->node.opt)->no_gamma;
    opt.before_act = t->norm->node.epi.act;
    WEFT_TRY(begin(graph, t->grad, weft_arena_copy(&graph->arena, &opt, sizeof opt), WEFT_AGAIN_IN, t->x, out));
    add_norm(graph, t->norm, out);
    add_rest(graph, t->grad, t->x + 1, out);
    return WEFT_OK;
}

/* The norm gives its statistics alone. */
static void strip(weft_gnode *norm)
{
    norm->node.id = WEFT_OP_BATCH_NORM_STATS;
    norm->node.op = weft_op_get(norm->node.id);
    norm->node.epi.act = WEFT_ACT_NONE;
    norm->node.out++;
    norm->node.n_out--;
    norm->out++;
}

weft_status weft_pass_fuse_norms(weft_graph *graph)
{
    const int32_t *readers = weft_pass_readers(graph);
    trio t;
    if (!readers)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        weft_gnode conv, grad;
        if (!find_trio(graph, readers, i, &t))
            continue;
        WEFT_TRY(fuse_conv(graph, &t, &conv));
        WEFT_TRY(fuse_grad(graph, &t, &grad));
        if (!weft_pass_has_kernel(graph, &conv) || !weft_pass_has_kernel(graph, &grad))
            continue;
        *t.conv = conv;
        *t.grad = grad;
        strip(t.norm);
    }
    return WEFT_OK;
}
