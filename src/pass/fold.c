/* SPDX-License-Identifier: Apache-2.0
 *
 * Folding, in double, when a model is committed: batch norm behind a convolution or dense layer,
 *     s[k] = gamma[k] / sqrt(variance[k] + epsilon),  weight'[k] = weight[k] s[k],
 *     bias'[k] = (bias[k] - mean[k]) s[k] + beta[k],
 * and the factor of a scaled addition. The user's parameters stay; the node reads derived ones (ADR 0005). */
#include <math.h>

#include "pass/pass.h"

/* Sources of both derived batch norm parameters. */
enum { OWN, GAMMA, BETA, MEAN, VARIANCE };

static double bn_factor(const weft_param *self, const float *const *source, int64_t k)
{
    const double gamma = source[GAMMA] ? (double)source[GAMMA][k] : 1;
    return gamma / sqrt((double)source[VARIANCE][k] + self->arg);
}

static void derive_weight(const weft_param *self, const float *const *source, float *out)
{
    const int64_t outputs = self->spec.shape.dim[0], each = weft_shape_count(&self->spec.shape) / outputs;
    for (int64_t k = 0; k < outputs; k++) {
        const double factor = bn_factor(self, source, k);
        for (int64_t i = k * each; i < (k + 1) * each; i++)
            out[i] = (float)((double)source[OWN][i] * factor);
    }
}

static void derive_bias(const weft_param *self, const float *const *source, float *out)
{
    for (int64_t k = 0; k < self->spec.shape.dim[0]; k++) {
        const double bias = source[OWN] ? (double)source[OWN][k] : 0;
        out[k] = (float)((bias - (double)source[MEAN][k]) * bn_factor(self, source, k) + (double)source[BETA][k]);
    }
}

static void derive_scaled(const weft_param *self, const float *const *source, float *out)
{
    const int64_t count = weft_shape_count(&self->spec.shape);
    for (int64_t i = 0; i < count; i++)
        out[i] = (float)((double)source[OWN][i] * self->arg);
}

static bool has_bias(const weft_gnode *gnode)
{
    return gnode->node.n_param > 1;
}

/* weight [out, ...] and bias [out]: what folding understands. */
static bool is_linear(const weft_gnode *gnode)
{
    return gnode && (gnode->node.id == WEFT_OP_CONV2D || gnode->node.id == WEFT_OP_DENSE) &&
           !gnode->node.epi.residual && gnode->node.epi.act == WEFT_ACT_NONE;
}

/* The node reads a new, derived parameter in place `slot`. */
static weft_status replace_param(weft_graph *graph, weft_gnode *gnode, int slot, const weft_param *derived)
{
    WEFT_TRY(weft_graph_add_param(graph, derived, &gnode->param[slot]));
    weft_gnode_param_shape(gnode, slot)[0] = derived->spec.shape;
    return WEFT_OK;
}

static void add_bias_slot(weft_gnode *gnode)
{
    if (gnode->node.id == WEFT_OP_CONV2D)
        ((weft_conv2d_opt *)weft_gnode_opt(gnode))->bias = true;
    else
        ((weft_dense_opt *)weft_gnode_opt(gnode))->no_bias = false;
    gnode->node.n_param = 2;
}

static weft_status fold_batch_norm(weft_graph *graph, weft_gnode *linear, const weft_gnode *bn)
{
    const weft_batch_norm_opt *opt = bn->node.opt;
    const int first = opt->no_gamma ? 0 : 1;
    weft_param weight = graph->params[linear->param[0]];
    weight.derive = derive_weight;
    weight.arg = opt->epsilon;
    weight.source[OWN] = linear->param[0];
    weight.source[GAMMA] = opt->no_gamma ? -1 : bn->param[0];
    weight.source[BETA] = bn->param[first];
    weight.source[MEAN] = bn->param[first + 1];
    weight.source[VARIANCE] = bn->param[first + 2];
    weft_param bias = weight;
    bias.name = graph->params[bn->param[first]].name;
    bias.derive = derive_bias;
    bias.source[OWN] = has_bias(linear) ? linear->param[1] : -1;
    bias.spec.shape = (weft_shape){ 1, { weight.spec.shape.dim[0] } };
    add_bias_slot(linear);
    WEFT_TRY(replace_param(graph, linear, 0, &weight));
    return replace_param(graph, linear, 1, &bias);
}

static weft_status fold_scale(weft_graph *graph, weft_gnode *linear, double scale)
{
    for (int i = 0; i < linear->node.n_param; i++) {
        weft_param scaled = graph->params[linear->param[i]];
        scaled.derive = derive_scaled;
        scaled.arg = scale;
        scaled.source[OWN] = linear->param[i];
        for (int k = OWN + 1; k < WEFT_MAX_SOURCE; k++)
            scaled.source[k] = -1;
        WEFT_TRY(replace_param(graph, linear, i, &scaled));
    }
    return WEFT_OK;
}

weft_status weft_pass_fold(weft_graph *graph)
{
    const int32_t *readers = weft_pass_readers(graph);
    if (!readers)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        weft_gnode *gnode = &graph->nodes[i];
        if (gnode->dead)
            continue;
        if (gnode->node.id == WEFT_OP_BATCH_NORM) {
            weft_gnode *linear = weft_pass_sole_maker(graph, readers, gnode->in[0]);
            if (is_linear(linear)) {
                WEFT_TRY(fold_batch_norm(graph, linear, gnode));
                weft_pass_take_over(graph, i, (int32_t)(linear - graph->nodes));
            }
        } else if (gnode->node.id == WEFT_OP_ADD && ((const weft_add_opt *)gnode->node.opt)->scale != 1) {
            weft_add_opt *add = weft_gnode_opt(gnode);
            weft_gnode *linear = weft_pass_sole_maker(graph, readers, gnode->in[1]);
            if (is_linear(linear)) {
                WEFT_TRY(fold_scale(graph, linear, add->scale));
                add->scale = 1;
            }
        }
    }
    return WEFT_OK;
}
