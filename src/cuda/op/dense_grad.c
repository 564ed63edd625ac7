/* SPDX-License-Identifier: Apache-2.0
 *
 * dense_dx and dense_dw: products whose operands lie turned, so that nothing is transposed.
 *
 *   dx [n, c] = sum over k of dy [n, k] weight [k, c]       the weight of a product, turned
 *   dw [k, c] = sum over n of dy [n, k] x [n, c]            both are turned */
#include "cuda/part/conv_grad.h"

/* Of the plan's buffers: what is copied. */
enum { FIRST, SECOND };

typedef struct state {
    weft_part_operand first, second; /* dy and the weights; dy and x */
    weft_part_product product;
} state;

/* The product of `first`, as x, and `second`, as the weight, into the node's output. */
static weft_status prepare(state *s, const weft_node *node, weft_plan *plan)
{
    weft_part_product *p = &s->product;
    const weft_part_pitch pitch = weft_part_pitch_of(node, plan);
    p->name = node->name;
    p->dtype = plan->device->dtype;
    p->y_dtype = node->out_dtype[0];
    p->batch = 1;
    p->pitch = (weft_part_pitch){ .x = s->first.ld, .x_align = s->first.align, .y = pitch.y, .y_align = pitch.y_align };
    p->weight_pitch = s->second.ld;
    p->weight_align = s->second.align;
    p->weight_turned = true;
    p->residual = node->epi.residual;
    if (p->residual) {
        p->pitch.residual = pitch.residual;
        p->pitch.residual_align = pitch.residual_align;
    }
    WEFT_TRY(weft_part_product_prepare(p, plan));
    const size_t bytes[] = { [FIRST] = s->first.bytes, [SECOND] = s->second.bytes };
    for (int i = 0; i < WEFT_COUNT(bytes); i++)
        if (bytes[i] > 0)
            plan->buffer[i] = (weft_buffer){ bytes[i], 0, WEFT_PHASES - 1 };
    plan->scratch = p->workspace;
    return WEFT_OK;
}

static weft_status prepare_dx(const weft_node *node, weft_plan *plan)
{
    state *s = plan->state = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    *s = (state){ .product = { .rows = node->in[0].dim[0], .c = node->in[0].dim[1], .k = node->in[1].dim[1] } };
    weft_part_operand_prepare(&s->first, node, plan, 0, false);
    weft_part_operand_prepare(&s->second, node, plan, 1, false);
    weft_part_operand_plan_pack(&s->second, plan);
    return prepare(s, node, plan);
}

static weft_status prepare_dw(const weft_node *node, weft_plan *plan)
{
    state *s = plan->state = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    *s = (state){ .product = { .rows = node->in[1].dim[1], .c = node->in[0].dim[0], .k = node->in[0].dim[1],
                               .x_turned = true } };
    weft_part_operand_prepare(&s->first, node, plan, 1, false);
    weft_part_operand_prepare(&s->second, node, plan, 0, false);
    return prepare(s, node, plan);
}

static weft_status pack_dx(const weft_call *call)
{
    const state *s = call->state;
    return weft_part_operand_pack(&s->second, call);
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    weft_part_io io = { .call = call, .y = weft_kview_of(&call->out[0]), .workspace = call->scratch };
    weft_kview weight;
    WEFT_TRY(weft_part_operand_run(&s->first, call, call->buffer[FIRST], &io.x));
    WEFT_TRY(weft_part_operand_run(&s->second, call, call->buffer[SECOND], &weight));
    if (s->product.residual)
        io.residual = weft_kview_of(&call->in[call->node->n_in - 1]);
    return weft_part_product_run(&s->product, &io, weight.data, NULL);
}

static int launches(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    const state *s = plan->state;
    int n = weft_part_operand_cost(&s->first, 0, out);
    n = weft_part_operand_cost(&s->second, n, out);
    weft_part_product_cost(&s->product, plan->device, &out[n]);
    if (n > 0)
        out[n].what = "product";
    if (node->id == WEFT_OP_DENSE_DW) { /* no weights among its operands */
        out[n].read += out[n].weights;
        out[n].weights = 0;
    }
    return n + 1;
}

static const weft_kernel dx = {
    .name = "cuda.dense_dx.product", .prepare = prepare_dx, .pack = pack_dx, .run = run, .launches = launches,
};

static const weft_kernel dw = {
    .name = "cuda.dense_dw.product", .prepare = prepare_dw, .run = run, .launches = launches,
};

const weft_kernel *const weft_cuda_dense_dx[] = { &dx, NULL };
const weft_kernel *const weft_cuda_dense_dw[] = { &dw, NULL };
