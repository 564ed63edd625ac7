/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference of the inverted residual: the references of its stages, one after the other, with everything between them
 * stored. */
#include "cpu/ref/ref.h"
#include "op/inverted_residual.h"

/* Bytes of what stage s leaves for the next; 0 for the last. */
static size_t between(const weft_stages *stages, int s)
{
    return s + 1 < stages->count ? (size_t)weft_shape_count(&stages->out[s]) * sizeof(real) : 0;
}

static const weft_kernel *kernel_of(const weft_node *node)
{
    return node->id == WEFT_OP_CONV2D ? &WEFT_REF(conv2d) : &WEFT_REF(squeeze_excite);
}

/* What lies between the stages, then the workspace of whichever stage runs. */
static size_t all_between(const weft_stages *stages)
{
    size_t bytes = 0;
    for (int s = 0; s < stages->count; s++)
        bytes += weft_round_up(between(stages, s), WEFT_CACHE_LINE);
    return bytes;
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    weft_stages stages;
    weft_stages_split(node, &stages);
    size_t most = 0;
    for (int s = 0; s < stages.count; s++) {
        weft_plan part = { .node = &stages.node[s], .device = plan->device, .arena = plan->arena };
        if (kernel_of(part.node)->prepare)
            WEFT_TRY(kernel_of(part.node)->prepare(part.node, &part));
        most = part.scratch > most ? part.scratch : most;
    }
    plan->scratch = all_between(&stages) + most;
    return WEFT_OK;
}

static weft_status run(const weft_call *call)
{
    weft_stages stages;
    weft_stages_split(call->node, &stages);
    char *free_scratch = call->scratch;
    weft_view x = call->in[0];
    for (int s = 0; s < stages.count; s++) {
        const bool last = s + 1 == stages.count;
        const weft_node *node = &stages.node[s];
        weft_view in[WEFT_STAGE_IN] = { x };
        for (int i = 0; i < node->n_param; i++)
            in[1 + i] = call->in[1 + stages.first_param[s] + i];
        if (node->epi.residual)
            in[node->n_in - 1] = call->in[call->node->n_in - 1];
        const weft_view out = last ? call->out[0] : (weft_view){ free_scratch, weft_shape_channels(&stages.out[s]) };
        weft_call part = *call;
        part.node = node;
        part.in = in;
        part.out = &out;
        part.scratch = weft_at(call->scratch, all_between(&stages));
        WEFT_TRY(kernel_of(part.node)->run(&part));
        free_scratch += weft_round_up(between(&stages, s), WEFT_CACHE_LINE);
        x = out;
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(inverted_residual) = { WEFT_REF_NAMED(inverted_residual), .prepare = prepare,
                                                  .run = run };
