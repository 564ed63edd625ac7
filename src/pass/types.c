/* SPDX-License-Identifier: Apache-2.0
 *
 * The type of every value on the device. Activations have the device's; fp32 stay what the ops say (weft_op.types):
 * probabilities and logits (what a dense layer hands to softmax or out of the network), statistics, and inputs that are
 * normalised inside, so that nothing is lost before the mean is subtracted. Parameters and states are fp32 in the
 * store, and so are those that are derived from them. Gradients of the weights of convolutions have the device's type:
 * who computes them rounds them to it, and what updates the weights reads it. On the CPU all is fp32 but labels. What
 * convolutions read of images is padded with zero channels. */
#include "op/conv2d.h"
#include "pass/pass.h"

/* Whether all readers are of ops with this bit; true if there is none. */
static bool read_only_by(const weft_graph *graph, int32_t value, unsigned bit)
{
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        const weft_gnode *gnode = &graph->nodes[i];
        for (int k = 0; k < gnode->node.n_in && !gnode->dead; k++)
            if (gnode->in[k] == value && !(gnode->node.op->types & bit))
                return false;
    }
    return true;
}

/* A network input, as the device gets it: labels and scalars stay what they are. */
static void type_input(const weft_graph *graph, int32_t id, weft_dtype dtype)
{
    weft_value *value = &graph->values[id];
    if (value->dtype != WEFT_F32 || value->shape.rank < 2)
        return;
    const bool kept = read_only_by(graph, id, WEFT_TYPES_F32_IN);
    value->dtype = kept ? WEFT_F32 : dtype;
    value->padded = !kept;
}

static bool is_output(const weft_graph *graph, int32_t value)
{
    for (int32_t i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i].value == value)
            return true;
    return false;
}

/* Not of depthwise convolutions, whose few weights are summed as floats; nor of those of images: what is computed for
 * the channels that pad them has to be left out, which changes the type as well. */
static bool is_short_gradient(const weft_graph *graph, const weft_gnode *gnode)
{
    return gnode->node.op->types & WEFT_TYPES_GRADIENT && !weft_conv2d_grad_is_depthwise(gnode->node.opt) &&
           !graph->values[gnode->in[0]].padded && !is_output(graph, gnode->out[0]) &&
           read_only_by(graph, gnode->out[0], WEFT_TYPES_TAKES_GRADIENT);
}

static void type_outputs(const weft_graph *graph, const weft_gnode *gnode, weft_dtype dtype)
{
    const unsigned types = gnode->node.op->types;
    for (int o = 0; o < gnode->node.n_out; o++) {
        weft_value *value = &graph->values[gnode->out[o]];
        const bool rest = !weft_shape_equal(&value->shape, &graph->values[gnode->out[0]].shape);
        const bool kept = types & WEFT_TYPES_F32_OUT || (types & WEFT_TYPES_F32_REST && rest) ||
                          (types & WEFT_TYPES_LOGITS && read_only_by(graph, gnode->out[o], WEFT_TYPES_WANTS_LOGITS));
        const bool image = types & WEFT_TYPES_IMAGE && read_only_by(graph, gnode->out[o], WEFT_TYPES_F32_IN);
        value->dtype = (kept && !is_short_gradient(graph, gnode)) || image ? WEFT_F32 : dtype;
        value->padded = types & WEFT_TYPES_PADS && !image;
    }
}

static weft_status fill(weft_graph *graph, weft_gnode *gnode)
{
    weft_node *node = &gnode->node;
    weft_dtype *types = weft_arena_array(&graph->arena, (size_t)(node->n_in + node->n_out), sizeof *types);
    if (!types)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < node->n_in; i++)
        types[i] = graph->values[gnode->in[i]].dtype;
    for (int o = 0; o < node->n_out; o++)
        types[node->n_in + o] = graph->values[gnode->out[o]].dtype;
    node->in_dtype = types;
    node->out_dtype = types + node->n_in;
    return WEFT_OK;
}

weft_status weft_pass_types(weft_graph *graph)
{
    const weft_device *device = graph->ctx->device;
    if (weft_device_is_apart(device)) {
        for (int32_t i = 0; i < graph->n_inputs; i++)
            type_input(graph, graph->inputs[i], device->dtype);
        for (int32_t i = 0; i < graph->n_nodes; i++)
            if (!graph->nodes[i].dead)
                type_outputs(graph, &graph->nodes[i], device->dtype);
    }
    for (int32_t i = 0; i < graph->n_nodes; i++)
        if (!graph->nodes[i].dead)
            WEFT_TRY(fill(graph, &graph->nodes[i]));
    return WEFT_OK;
}
