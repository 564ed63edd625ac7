/* SPDX-License-Identifier: Apache-2.0
 *
 * The forms of a program (weft_device.forms): those that the device prefers, or those that tuning (tune.c) found the
 * fastest for this network, batch and precision. And its choices of kernels, of inference alone: steps of training give
 * the same bits on every machine. */
#include <string.h>

#include "program/program.h"

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size) /* FNV-1a */
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ byte[i]) * UINT64_C(1099511628211);
    return hash;
}

/* Of ops, wiring and shapes: where two networks share it, one is given what is fastest for the other, no more. */
static uint64_t number_of(const weft_graph *graph)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        const weft_gnode *gnode = &graph->nodes[i];
        const weft_node *node = &gnode->node;
        char detail[96] = "";
        if (node->op->describe)
            node->op->describe(node, detail, sizeof detail);
        hash = hash_bytes(hash, node->op->name, strlen(node->op->name) + 1);
        hash = hash_bytes(hash, detail, strlen(detail) + 1);
        hash = hash_bytes(hash, gnode->in, (size_t)node->n_in * sizeof *gnode->in);
        for (int k = 0; k < node->n_out; k++)
            hash = hash_bytes(hash, node->out[k].dim, (size_t)node->out[k].rank * sizeof *node->out[k].dim);
    }
    return hash;
}

void weft_model_choose_forms(weft_model *model)
{
    const weft_device *device = model->ctx->device;
    unsigned kept;
    model->graph->forms = model->trial ? model->trial->forms : device->forms;
    if (model->trial)
        model->graph->choices = model->trial->choices;
    else if (device->tuning != WEFT_TUNING_NONE && !model->opt.training && !model->opt.no_fusion)
        model->graph->choices = device->choices;
    if (!device->backend->kept_forms)
        return;
    model->number = number_of(model->graph);
    if (!model->trial && device->tuning != WEFT_TUNING_NONE &&
        device->backend->kept_forms(device, model->number, &kept))
        model->graph->forms = (device->forms & device->fixed) | (kept & ~device->fixed);
}
