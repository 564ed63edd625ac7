/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls as segments, and inputs as dense numbers. */
#include "cuda/part/update.h"

enum { ALIGN = 16, AS_IT_IS = -1 };

/* ---- dense numbers ---- */

/* Bytes into the scratch memory of the copy of each input, and of output 0; AS_IT_IS. */
typedef struct flat {
    int64_t *in, out;
} flat;

/* What kernels take as it is. */
static bool is_float(weft_dtype dtype)
{
    return dtype == WEFT_F32 || dtype == WEFT_F16 || dtype == WEFT_BF16;
}

/* ld 0: not known, its own channels. */
static bool is_flat(const weft_shape *shape, weft_dtype dtype, int64_t ld)
{
    return is_float(dtype) && (ld == 0 || ld == weft_shape_channels(shape) || weft_shape_rows(shape) == 1);
}

static bool is_in_flat(const weft_node *node, const weft_plan *plan, int i)
{
    return is_flat(&node->in[i], weft_node_in_dtype(node, i), plan->in_ld ? plan->in_ld[i] : 0);
}

static bool is_out_flat(const weft_node *node, const weft_plan *plan)
{
    return is_flat(&node->out[0], WEFT_F32, plan->out_ld ? plan->out_ld[0] : 0);
}

/* Scratch memory for a tensor of floats. */
static int64_t reserve(weft_plan *plan, const weft_shape *shape)
{
    const size_t at = weft_round_up(plan->scratch, ALIGN);
    plan->scratch = at + (size_t)weft_shape_count(shape) * sizeof(float);
    return (int64_t)at;
}

weft_status weft_part_flat_prepare(const weft_node *node, weft_plan *plan)
{
    bool all = is_out_flat(node, plan);
    for (int i = 0; i < node->n_in; i++)
        all = all && is_in_flat(node, plan, i);
    if (all)
        return WEFT_OK;
    flat *f = weft_arena_alloc(plan->arena, sizeof *f);
    int64_t *in = weft_arena_array(plan->arena, (size_t)node->n_in, sizeof *in);
    if (!f || !in)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < node->n_in; i++)
        in[i] = is_in_flat(node, plan, i) ? AS_IT_IS : reserve(plan, &node->in[i]);
    f->in = in;
    f->out = is_out_flat(node, plan) ? AS_IT_IS : reserve(plan, &node->out[0]);
    plan->state = f;
    return WEFT_OK;
}

static weft_status copy(const weft_call *call, const weft_shape *shape, weft_dtype dtype, weft_kview from,
                        weft_kview to)
{
    const weft_map_args args = { .dtype = dtype, .y_dtype = WEFT_F32, .x = from, .y = to,
                                 .rows = weft_shape_rows(shape), .c = (int)weft_shape_channels(shape) };
    return weft_cuda_launched(call, weft_launch_map(&args, weft_cuda_stream_of(call)));
}

weft_status weft_part_flat_in(const weft_call *call, int i, void **out, weft_dtype *dtype)
{
    const flat *f = call->state;
    const weft_shape *shape = &call->node->in[i];
    *dtype = WEFT_F32;
    if (!f || f->in[i] == AS_IT_IS) {
        *dtype = weft_node_in_dtype(call->node, i);
        *out = call->in[i].data;
        return WEFT_OK;
    }
    const weft_kview to = { (char *)call->scratch + f->in[i], weft_shape_channels(shape) };
    WEFT_TRY(copy(call, shape, weft_node_in_dtype(call->node, i), weft_kview_of(&call->in[i]), to));
    *out = to.data;
    return WEFT_OK;
}

float *weft_part_flat_out(const weft_call *call)
{
    const flat *f = call->state;
    return !f || f->out == AS_IT_IS ? call->out[0].data : (void *)((char *)call->scratch + f->out);
}

weft_status weft_part_flat_end(const weft_call *call)
{
    const flat *f = call->state;
    const weft_shape *shape = &call->node->out[0];
    if (!f || f->out == AS_IT_IS)
        return WEFT_OK;
    const weft_kview from = { weft_part_flat_out(call), weft_shape_channels(shape) };
    return copy(call, shape, WEFT_F32, from, weft_kview_of(&call->out[0]));
}

static int add_copy(const weft_shape *shape, weft_dtype dtype, weft_kernel_cost *out, int n)
{
    const weft_kernel_cost cost = { .what = "copy", .read = weft_tensor_bytes(shape, dtype),
                                    .written = weft_tensor_bytes(shape, WEFT_F32), .copy = dtype == WEFT_F32,
                                    .cast = dtype != WEFT_F32 };
    if (n < WEFT_MAX_LAUNCH) {
        out[n] = cost;
        return n + 1;
    }
    out[n - 1].read += cost.read; /* more than the report has room for */
    out[n - 1].written += cost.written;
    return n;
}

int weft_part_flat_cost(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out, int n)
{
    for (int i = 0; i < node->n_in; i++)
        if (!is_in_flat(node, plan, i))
            n = add_copy(&node->in[i], weft_node_in_dtype(node, i), out, n);
    return is_out_flat(node, plan) ? n : add_copy(&node->out[0], WEFT_F32, out, n);
}

/* ---- updates ---- */

/* Outputs are the inputs of the same numbers where the op changes them in place: the same memory. */
static weft_status fill(const weft_part_update *u, const weft_call *call, weft_segment *segment)
{
    const int written = call->node->n_out;
    *segment = (weft_segment){ .count = weft_shape_count(&call->node->out[0]), .lr_scale = 1, .sums = call->scratch };
    segment->array[0] = weft_part_flat_out(call);
    for (int k = 1; k < written; k++)
        segment->array[k] = call->out[k].data;
    WEFT_TRY(weft_part_flat_in(call, u->from, &segment->array[written], &segment->dtype));
    if (u->own)
        u->own(call->node, segment);
    return WEFT_OK;
}

weft_status weft_part_update_run(const weft_part_update *u, const weft_call *const *calls, int count)
{
    enum { MOST = WEFT_FLAT_SEGMENTS }; /* of all rules */
    const weft_call *first = calls[0];
    weft_segment segments[MOST];
    weft_update_args args = { .rule = u->rule, .segments = segments, .count = count,
                              .lr = u->lr < 0 ? NULL : first->in[u->lr].data,
                              .go = u->go < 0 ? NULL : first->in[u->go].data };
    if (count > MOST)
        return weft_fail(WEFT_INVALID, "%s: %d in one launch", first->node->op->name, count);
    for (int i = 0; i < count; i++)
        WEFT_TRY(fill(u, calls[i], &segments[i]));
    if (u->options)
        u->options(first->node, &args);
    WEFT_TRY(weft_cuda_launched(first, u->launch(&args, weft_cuda_stream_of(first))));
    for (int i = 0; i < count; i++)
        WEFT_TRY(weft_part_flat_end(calls[i]));
    return WEFT_OK;
}

int weft_part_update_cost(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    return weft_part_flat_cost(node, plan, out, weft_plain_cost(node, plan, out));
}
