/* SPDX-License-Identifier: Apache-2.0
 *
 * dense: a matrix product with bias, residual and activation. */
#include "cuda/part/part.h"

enum { ALIGN = 16 };

/* Where the bias lies behind the weights. */
static size_t bias_at(const weft_part_product *p)
{
    return weft_round_up((size_t)(p->k * p->c) * weft_dtype_size(p->dtype), ALIGN);
}

/* Floats are read as the store has them. */
static bool is_direct(const weft_part_product *p, const weft_plan *plan)
{
    const unsigned own = p->bias ? 6 : 2;
    return p->dtype == WEFT_F32 && (plan->stored & own) == own;
}

static void plan_pack(const weft_part_product *p, weft_plan *plan)
{
    const weft_pack_segment weights = weft_pack_flat(NULL, NULL, p->k * p->c, p->dtype);
    if (is_direct(p, plan)) {
        plan->direct = p->bias ? 6 : 2;
        return;
    }
    plan->packed = bias_at(p) + weft_part_product_bias_bytes(p);
    plan->pack_form = weft_cuda_pack_form(&weights);
    plan->pack_pieces = p->bias ? 3 : 1;
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_dense_opt *o = node->opt;
    const weft_part_pitch pitch = weft_part_pitch_of(node, plan);
    weft_part_product *p = plan->state = weft_arena_alloc(plan->arena, sizeof *p);
    if (!p)
        return WEFT_NO_MEMORY;
    *p = (weft_part_product){ .name = node->name, .dtype = node->in_dtype[0], .y_dtype = node->out_dtype[0], .batch = 1,
                              .rows = node->in[0].dim[0], .c = node->in[0].dim[1], .k = o->out, .pitch = pitch,
                              .bias = !o->no_bias,
                              .residual = node->epi.residual, .act = node->epi.act };
    WEFT_TRY(weft_part_product_prepare(p, plan));
    plan_pack(p, plan);
    plan->scratch = p->workspace;
    return WEFT_OK;
}

static weft_status pack(const weft_call *call)
{
    const weft_part_product *p = call->state;
    char *packed = call->packed;
    return weft_part_product_pack(p, call, call->in + 1, packed, packed + bias_at(p));
}

static weft_status run(const weft_call *call)
{
    const weft_part_product *p = call->state;
    const char *packed = call->packed;
    const void *weight = packed ? packed : weft_call_param(call, 0);
    const char *bias = packed ? packed + bias_at(p) : weft_call_param(call, 1);
    weft_part_io io = { .call = call, .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
                        .workspace = call->scratch };
    if (p->residual)
        io.residual = weft_kview_of(&call->in[call->node->n_in - 1]);
    return weft_part_product_run(p, &io, weight, p->bias ? bias : NULL);
}

static int launches(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    (void)node;
    weft_part_product_cost(plan->state, plan->device, out);
    return 1;
}

static const weft_kernel product = {
    .name = "cuda.dense.product", .prepare = prepare, .pack = pack, .run = run, .launches = launches,
};

const weft_kernel *const weft_cuda_dense[] = { &product, NULL };
