/* SPDX-License-Identifier: Apache-2.0
 *
 * At inference, a batch norm (with its activation) that only a convolution reads is not stored: DenseNet and ResNet V2
 * have it before their convolutions, where it folds into no weights. Both become one preact_conv, where the device has
 * a kernel for it that is more than the reference. */
#include "op/preact_conv.h"
#include "pass/pass.h"

static weft_gnode *find_norm(weft_graph *graph, const int32_t *readers, const weft_gnode *conv)
{
    if (conv->dead || conv->node.id != WEFT_OP_CONV2D || conv->node.pool)
        return NULL;
    weft_gnode *norm = weft_pass_sole_maker(graph, readers, conv->in[0]);
    return norm && norm->node.id == WEFT_OP_BATCH_NORM ? norm : NULL;
}

/* Input of the norm, parameters of both in order, epilogue of the convolution. */
static weft_status unite(weft_graph *graph, const weft_gnode *norm, const weft_gnode *conv, weft_gnode *out)
{
    const weft_preact_conv_opt opt = { .norm = *(const weft_batch_norm_opt *)norm->node.opt, .act = norm->node.epi.act,
                                       .conv = *(const weft_conv2d_opt *)conv->node.opt };
    *out = *conv;
    out->node.opt = weft_arena_copy(&graph->arena, &opt, sizeof opt);
    if (!out->node.opt)
        return WEFT_NO_MEMORY;
    WEFT_TRY(weft_pass_begin_inputs(graph, out, norm->node.n_in + conv->node.n_in));
    for (int i = 0; i < norm->node.n_in; i++)
        weft_pass_add_input(graph, out, norm->in[i]);
    for (int i = 1; i < conv->node.n_in; i++)
        weft_pass_add_input(graph, out, conv->in[i]);
    out->node.n_param = norm->node.n_param + conv->node.n_param;
    out->node.id = WEFT_OP_PREACT_CONV;
    out->node.op = weft_op_get(out->node.id);
    out->node.name = norm->node.name;
    return WEFT_OK;
}

weft_status weft_pass_fuse_preacts(weft_graph *graph)
{
    const int32_t *readers = weft_pass_readers(graph);
    if (!readers)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        weft_gnode *norm = find_norm(graph, readers, &graph->nodes[i]), whole;
        if (!norm)
            continue;
        WEFT_TRY(unite(graph, norm, &graph->nodes[i], &whole));
        if (!weft_pass_has_kernel(graph, &whole))
            continue;
        norm->dead = true;
        graph->nodes[i] = whole;
    }
    return WEFT_OK;
}
