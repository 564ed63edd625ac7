/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs of backward ops, in the type that the kernel computes in: parameters are fp32 in the store, gradients of
 * logits are fp32, too. What has that type and lies well is read where it is. */
#include "cuda/part/conv_grad.h"

enum { ALIGN = 16 };

void weft_part_operand_prepare(weft_part_operand *o, const weft_node *node, const weft_plan *plan, int in, bool dense)
{
    const weft_shape *shape = &node->in[in];
    const int64_t channels = weft_shape_channels(shape);
    *o = (weft_part_operand){ .in = in, .from = weft_node_in_dtype(node, in), .to = plan->device->dtype,
                              .rows = weft_shape_rows(shape), .channels = channels,
                              .ld = plan->in_ld ? plan->in_ld[in] : channels,
                              .align = plan->in_align ? plan->in_align[in] : ALIGN };
    if (o->from == o->to && !(dense && (o->ld != channels || o->align % ALIGN != 0)))
        return;
    o->ld = channels;
    o->align = ALIGN;
    o->bytes = weft_round_up((size_t)(o->rows * channels) * weft_dtype_size(o->to), ALIGN);
}

static weft_pack_segment segment_of(const weft_part_operand *o)
{
    return weft_pack_flat(NULL, NULL, o->rows * o->channels, o->to);
}

void weft_part_operand_plan_pack(weft_part_operand *o, weft_plan *plan)
{
    const weft_pack_segment segment = segment_of(o);
    if (o->bytes == 0 || !(plan->stored >> o->in & 1))
        return;
    plan->packs = 1u << o->in;
    plan->packed = o->bytes;
    plan->pack_form = weft_cuda_pack_form(&segment);
    plan->pack_pieces = 1;
    o->packed = true;
    o->bytes = 0;
}

weft_status weft_part_operand_pack(const weft_part_operand *o, const weft_call *call)
{
    weft_pack_segment segment = segment_of(o);
    segment.from = call->in[o->in].data;
    segment.to = call->packed;
    return weft_cuda_pack(call, &segment);
}

weft_status weft_part_operand_run(const weft_part_operand *o, const weft_call *call, void *memory, weft_kview *out)
{
    const weft_kview from = weft_kview_of(&call->in[o->in]);
    *out = o->packed ? (weft_kview){ call->packed, o->channels } : from;
    if (o->bytes == 0)
        return WEFT_OK;
    *out = (weft_kview){ memory, o->channels };
    const weft_map_args args = {
        .dtype = o->from, .y_dtype = o->to, .x = from, .y = *out, .rows = o->rows, .c = (int)o->channels
    };
    return weft_cuda_launched(call, weft_launch_map(&args, weft_cuda_stream_of(call)));
}

int weft_part_operand_cost(const weft_part_operand *o, int n, weft_kernel_cost *out)
{
    const double count = (double)o->rows * (double)o->channels;
    if (o->bytes == 0)
        return n;
    out[n] = (weft_kernel_cost){ .what = "cast", .read = count * (double)weft_dtype_size(o->from),
                                 .written = count * (double)weft_dtype_size(o->to), .cast = o->from != o->to,
                                 .copy = o->from == o->to };
    return n + 1;
}
