/* SPDX-License-Identifier: Apache-2.0
 *
 * What a file says of its layers, held against weft's: the epsilon of a batch norm; stride, padding, dilation and
 * groups of a convolution. The tensors tell none of these, and answers hang on all of them. Only layers that both sides
 * know of are compared: those whose tensors a parameter took, and which weft has as the same op. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"
#include "weights/names/map.h"
#include "weights/weights.h"

/* One layer on either side. */
typedef struct layer {
    const weft_weights *in;
    const weft_resolved *resolved;
    const weft_arch *arch;
    const weft_match *match;       /* of its first parameter */
    const weft_layer_facts *facts; /* theirs */
    const weft_gnode *gnode;       /* ours */
    char *text;                    /* how they differ */
    size_t size;
} layer;

/* ---- batch norms ---- */

/* What the mapping adds to variances is no difference. */
static double shift_of(const layer *l)
{
    const weft_name_table *const table = l->resolved->table;
    char path[WEFT_NAME_MAX];
    weft_name_values ignored;
    double shift = 0;
    snprintf(path, sizeof path, "%.240s/variance", l->gnode->node.name);
    for (int r = 0; table && r < table->count; r++) {
        if ((table->rules[r].flags & WEFT_NAME_SHIFT) && weft_name_match(table->rules[r].layer, path, &ignored))
            shift += (double)table->rules[r].fill[0];
    }
    return shift;
}

static bool norm_differs(const layer *l)
{
    const weft_batch_norm_opt *const ours = l->gnode->node.opt;
    const double theirs = l->facts->epsilon, expected = ours->epsilon + shift_of(l);
    if (!(l->facts->known & WEFT_KNOWS_EPSILON) || fabs(theirs / expected - 1) < 1e-3) /* shifts are floats */
        return false;
    snprintf(l->text, l->size, "an epsilon of %.4g, weft's has %.4g", theirs, expected);
    return true;
}

/* ---- convolutions ---- */

static bool pair_differs(const layer *l, unsigned bit, const char *what, const int64_t theirs[2], int64_t h, int64_t w)
{
    if (!(l->facts->known & bit) || (theirs[0] == h && theirs[1] == w))
        return false;
    snprintf(l->text, l->size, "a %s of %lld x %lld (height, width), weft's has %lld x %lld", what,
             (long long)theirs[0], (long long)theirs[1], (long long)h, (long long)w);
    return true;
}

static bool is_none(const weft_pad *pad)
{
    return pad->top == 0 && pad->bottom == 0 && pad->left == 0 && pad->right == 0;
}

/* Padding as TensorFlow does it, which hangs on the image: that of weft's graph. */
static void same_pad(int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int *before, int *after)
{
    const int64_t out = (size + stride - 1) / stride, all = (out - 1) * stride + (kernel - 1) * dilation + 1 - size;
    *before = (int)(all > 0 ? all / 2 : 0);
    *after = (int)(all > 0 ? all - all / 2 : 0);
}

/* A layer without padding of its own may stand behind one that pads, or in a network that does so in its code, as those
 * that follow TensorFlow must: none is then no word about weft's. */
static bool pads_elsewhere(const layer *l, const weft_pad *ours)
{
    return l->in->pads || l->arch->dialect == WEFT_KERAS || ours->top != ours->bottom || ours->left != ours->right;
}

static bool padding_differs(const layer *l)
{
    const weft_conv2d_opt *const ours = l->gnode->node.opt;
    const weft_shape *const x = &l->gnode->node.in[0];
    const weft_pad *const pad = &ours->pad;
    const int64_t *const theirs = l->facts->padding;
    if (l->facts->known & WEFT_KNOWS_SAME) {
        weft_pad same;
        same_pad(x->dim[1], ours->kernel_h, ours->stride_h, ours->dilation, &same.top, &same.bottom);
        same_pad(x->dim[2], ours->kernel_w, ours->stride_w, ours->dilation, &same.left, &same.right);
        if (same.top == pad->top && same.bottom == pad->bottom && same.left == pad->left && same.right == pad->right)
            return false;
        snprintf(l->text, l->size, "padding that follows the size of the image, weft's has %d, %d, %d, %d (top, "
                 "bottom, left, right)", pad->top, pad->bottom, pad->left, pad->right);
        return true;
    }
    if (!(l->facts->known & WEFT_KNOWS_PADDING))
        return false;
    if (theirs[0] == 0 && theirs[1] == 0 && pads_elsewhere(l, pad))
        return false;
    if (theirs[0] == pad->top && theirs[0] == pad->bottom && theirs[1] == pad->left && theirs[1] == pad->right)
        return false;
    snprintf(l->text, l->size, "a padding of %lld x %lld (height, width), weft's has %d, %d, %d, %d (top, bottom, "
             "left, right)", (long long)theirs[0], (long long)theirs[1], pad->top, pad->bottom, pad->left, pad->right);
    return true;
}

static bool conv_differs(const layer *l)
{
    const weft_conv2d_opt *const ours = l->gnode->node.opt;
    const weft_layer_facts *const theirs = l->facts;
    if (pair_differs(l, WEFT_KNOWS_STRIDE, "stride", theirs->stride, ours->stride_h, ours->stride_w) ||
        pair_differs(l, WEFT_KNOWS_DILATION, "dilation", theirs->dilation, ours->dilation, ours->dilation) ||
        padding_differs(l))
        return true;
    if ((theirs->known & WEFT_KNOWS_REFLECTS) && !is_none(&ours->pad)) {
        snprintf(l->text, l->size, "padding that is not zeros, weft's has zeros");
        return true;
    }
    if (!(theirs->known & WEFT_KNOWS_GROUPS) || theirs->groups == ours->groups || weft_match_parts(l->match) > 1)
        return false;
    snprintf(l->text, l->size, "%lld groups, weft's has %lld", (long long)theirs->groups, (long long)ours->groups);
    return true;
}

/* ---- all ---- */

/* The layer of a node, if the file says something of it. */
static bool find_layer(layer *l, const weft_graph *graph, const weft_gnode *gnode)
{
    const int32_t value = weft_gnode_param(gnode, 0);
    const int32_t param = value < 0 ? -1 : graph->values[value].param;
    if (param < 0 || param >= l->resolved->count)
        return false;
    l->match = &l->resolved->match[param];
    l->gnode = gnode;
    l->facts = l->match->source < 0 ? NULL : l->in->entries[l->match->source].layer;
    return l->facts != NULL;
}

const char *weft_layers_differ(weft_arena *arena, const weft_weights *in, const weft_graph *graph,
                               const weft_resolved *resolved, const weft_arch *arch, bool *failed)
{
    char text[200];
    layer l = { .in = in, .resolved = resolved, .arch = arch, .text = text, .size = sizeof text };
    *failed = false;
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        const weft_op_id id = graph->nodes[i].node.id;
        if ((id != WEFT_OP_BATCH_NORM && id != WEFT_OP_CONV2D) || !find_layer(&l, graph, &graph->nodes[i]))
            continue;
        if (!(id == WEFT_OP_CONV2D ? conv_differs(&l) : norm_differs(&l)))
            continue;
        const char *const name = in->entries[l.match->source].weight.name, *const dot = strrchr(name, '.');
        const char *const said = weft_arena_text(arena, "the layer \"%.*s\" of the module in the file has %s",
                                                 dot && dot - name < 160 ? (int)(dot - name) : 160, name, text);
        *failed = !said;
        return said;
    }
    return NULL;
}
