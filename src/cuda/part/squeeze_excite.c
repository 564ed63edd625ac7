/* SPDX-License-Identifier: Apache-2.0
 *
 * The excitation of Hu 2017 as a piece: sums over each image in, the hidden layer in one launch, the gates in a second,
 * which then multiplies: the map itself, in place, or for each image the weights of the 1x1 convolution that reads it.
 * The hidden layer lies behind the sums. */
#include "cuda/part/part.h"

#include "cuda/kernel/excite.h"

enum { ALIGN = 16 };

void weft_part_squeeze_excite_prepare(weft_part_squeeze_excite *e, const weft_node *node, const weft_plan *plan)
{
    const weft_squeeze_excite_opt *o = node->opt;
    const size_t size = weft_dtype_size(plan->device->dtype), c = (size_t)node->in[0].dim[3], r = (size_t)o->reduced;
    *e = (weft_part_squeeze_excite){ .node = node, .dtype = plan->device->dtype };
    e->b1_at = weft_round_up(r * c * size, ALIGN);
    e->w2_at = e->b1_at + weft_round_up(r * sizeof(float), ALIGN);
    e->b2_at = e->w2_at + weft_round_up(r * c * size, ALIGN);
    e->bytes = e->b2_at + weft_round_up(c * sizeof(float), ALIGN);
}

weft_status weft_part_squeeze_excite_pack(const weft_part_squeeze_excite *e, const weft_call *call,
                                          const weft_view *param, char *to)
{
    const weft_squeeze_excite_opt *o = e->node->opt;
    const int64_t c = e->node->in[0].dim[3], r = o->reduced;
    WEFT_TRY(weft_cuda_pack_flat(call, &param[0], r * c, e->dtype, to));
    WEFT_TRY(weft_cuda_pack_flat(call, &param[o->no_bias ? 1 : 2], r * c, e->dtype, to + e->w2_at));
    if (o->no_bias)
        return WEFT_OK;
    WEFT_TRY(weft_cuda_pack_flat(call, &param[1], r, WEFT_F32, to + e->b1_at));
    return weft_cuda_pack_flat(call, &param[3], c, WEFT_F32, to + e->b2_at);
}

static size_t sum_count(const weft_part_squeeze_excite *e, int parts)
{
    const weft_shape *x = &e->node->in[0];
    return (size_t)x->dim[0] * (size_t)parts * (size_t)x->dim[3];
}

size_t weft_part_squeeze_excite_bytes(const weft_part_squeeze_excite *e, int parts)
{
    const weft_squeeze_excite_opt *o = e->node->opt;
    return (sum_count(e, parts) + (size_t)e->node->in[0].dim[0] * (size_t)o->reduced) * sizeof(float);
}

static weft_excite_args args_of(const weft_part_squeeze_excite *e, const weft_part_io *io, const weft_part_gated *gated)
{
    const weft_squeeze_excite_opt *o = e->node->opt;
    const weft_shape *x = &e->node->in[0];
    weft_excite_args args = {
        .dtype = e->dtype,
        .pixels = (int)(x->dim[1] * x->dim[2]), .n = (int)x->dim[0], .c = (int)x->dim[3],
        .reduced = (int)o->reduced, .w1 = io->packed, .w2 = io->packed + e->w2_at, .act = o->act, .gate = o->gate,
        .gate_dtype = e->dtype, .from = gated->from, .to = gated->to,
        .rows = (int)gated->rows, .shared = gated->shared,
    };
    if (!o->no_bias) {
        args.b1 = weft_cuda_at(io->packed, e->b1_at);
        args.b2 = weft_cuda_at(io->packed, e->b2_at);
    }
    return args;
}

weft_status weft_part_squeeze_excite_run(const weft_part_squeeze_excite *e, const weft_part_io *io, float *sums,
                                         int parts, const weft_part_gated *gated)
{
    weft_excite_args args = args_of(e, io, gated);
    args.sums = sums;
    args.hidden = sums + sum_count(e, parts);
    args.parts = parts;
    return weft_cuda_launched(io->call, weft_launch_excite(&args, weft_cuda_stream_of(io->call)));
}

/* ---- from the map ---- */

static weft_squeeze_args squeeze_of(const weft_part_squeeze_excite *e)
{
    const weft_squeeze_excite_opt *o = e->node->opt;
    const weft_shape *x = &e->node->in[0];
    return (weft_squeeze_args){ .dtype = e->dtype, .n = (int)x->dim[0], .pixels = (int)(x->dim[1] * x->dim[2]),
                                .c = (int)x->dim[3], .reduced = (int)o->reduced, .act = o->act };
}

bool weft_part_squeeze_excite_joins(const weft_part_squeeze_excite *e, const weft_plan *plan)
{
    const weft_squeeze_args args = squeeze_of(e);
    return plan->forms & WEFT_FORM_EXCITE && weft_excite_joins(args.n, args.c, args.reduced);
}

int64_t weft_part_squeeze_excite_floats(const weft_part_squeeze_excite *e)
{
    const weft_squeeze_args args = squeeze_of(e);
    return weft_squeeze_floats(&args) + (int64_t)args.n * args.reduced;
}

weft_status weft_part_squeeze_excite_run_joined(const weft_part_squeeze_excite *e, const weft_part_io *io,
                                                float *memory, unsigned *turns, const weft_part_gated *gated)
{
    weft_excite_args args = args_of(e, io, gated);
    weft_squeeze_args squeeze = squeeze_of(e);
    squeeze.x = io->x;
    squeeze.w1 = args.w1;
    squeeze.b1 = args.b1;
    squeeze.scratch = memory;
    squeeze.hidden = args.hidden = memory + weft_squeeze_floats(&squeeze);
    squeeze.turns = turns;
    WEFT_TRY(weft_cuda_launched(io->call, weft_launch_squeeze(&squeeze, weft_cuda_stream_of(io->call))));
    return weft_cuda_launched(io->call, weft_launch_excite_gates(&args, weft_cuda_stream_of(io->call)));
}

/* ---- cost ---- */

int weft_part_squeeze_excite_cost(const weft_part_squeeze_excite *e, int parts, int64_t rows, bool shared,
                                  weft_kernel_cost *out)
{
    const weft_squeeze_excite_opt *o = e->node->opt;
    const double n = (double)e->node->in[0].dim[0], c = (double)e->node->in[0].dim[3], r = (double)o->reduced;
    const double size = (double)weft_dtype_size(e->dtype), scaled = n * (double)rows * c;
    const double sums = n * parts * c, hidden = n * r * (double)sizeof(float);
    out[0] = (weft_kernel_cost){ .what = "hidden", .core = 2 * n * c * r + sums, .weights = (double)e->w2_at,
                                 .read = sums * (double)sizeof(float), .written = hidden };
    out[1] = (weft_kernel_cost){ .what = "excite", .core = 2 * n * c * r + scaled,
                                 .weights = (double)(e->bytes - e->w2_at) + (shared ? (double)rows * c * size : 0),
                                 .read = hidden + (shared ? 0 : scaled * size), .written = scaled * size };
    return 2;
}
