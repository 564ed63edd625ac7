/* SPDX-License-Identifier: Apache-2.0
 *
 * squeeze_excite_dx: the sums over each image of x and x dy, then everything from the hidden layer back to dx and the
 * parameters' gradients. Two launches where the layers are small (excite_join.cu), five otherwise. Nothing is packed:
 * the weights are read as the store has them. */
#include "cuda/cuda.h"
#include "cuda/kernel/excite.h"

typedef struct state {
    bool joins;
    unsigned *turns;
} state;

static weft_map_product_args product_of(const weft_node *node)
{
    const weft_shape *x = &node->in[0];
    return (weft_map_product_args){ .dtype = weft_node_in_dtype(node, 0), .n = (int)x->dim[0],
                                    .pixels = (int)(x->dim[1] * x->dim[2]), .c = (int)x->dim[3] };
}

static weft_excite_dx_args excite_of(const weft_node *node)
{
    const weft_squeeze_excite_opt *o = node->opt;
    const weft_map_product_args product = product_of(node);
    return (weft_excite_dx_args){ .dtype = product.dtype, .w_dtype = weft_node_in_dtype(node, 2),
                                  .parts = weft_map_product_parts(&product), .pixels = product.pixels, .n = product.n,
                                  .c = product.c, .reduced = (int)o->reduced, .act = o->act, .gate = o->gate };
}

/* Floats of the sums. */
static int64_t sum_count(const weft_excite_dx_args *args)
{
    return 2 * (int64_t)args->n * args->parts * args->c;
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_excite_dx_args args = excite_of(node);
    state *s = plan->state = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    *s = (state){ .joins = plan->forms & WEFT_FORM_EXCITE && weft_excite_joins(args.n, args.c, args.reduced) };
    plan->scratch = (size_t)(sum_count(&args) + weft_excite_dx_floats(&args)) * sizeof(float);
    return s->joins ? weft_cuda_turns(plan, &s->turns) : WEFT_OK;
}

static weft_status run(const weft_call *call)
{
    const weft_squeeze_excite_opt *o = call->node->opt;
    const state *s = call->state;
    const int second = o->no_bias ? 1 : 2; /* W2 among the parameters */
    weft_map_product_args product = product_of(call->node);
    weft_excite_dx_args excite = excite_of(call->node);
    product.x = weft_kview_of(&call->in[0]);
    product.dy = weft_kview_of(&call->in[1]);
    product.scratch = call->scratch;
    excite.sums = call->scratch;
    excite.scratch = product.scratch + sum_count(&excite);
    excite.w1 = weft_kview_of(&call->in[2]);
    excite.w2 = weft_kview_of(&call->in[2 + second]);
    excite.dy = product.dy;
    excite.dx = weft_kview_of(&call->out[0]);
    excite.dw1 = weft_kview_of(&call->out[1]);
    excite.dw2 = weft_kview_of(&call->out[1 + second]);
    if (!o->no_bias) {
        excite.b1 = call->in[3].data;
        excite.b2 = call->in[5].data;
        excite.db1 = call->out[2].data;
        excite.db2 = call->out[4].data;
    }
    if (s->joins) {
        const weft_excite_join_args joined = { .dx = excite, .x = product.x, .turns = s->turns };
        return weft_cuda_launched(call, weft_launch_excite_dx_joined(&joined, weft_cuda_stream_of(call)));
    }
    WEFT_TRY(weft_cuda_launched(call, weft_launch_map_product(&product, weft_cuda_stream_of(call))));
    return weft_cuda_launched(call, weft_launch_excite_dx(&excite, weft_cuda_stream_of(call)));
}

static void add_cost(weft_kernel_cost *to, const weft_kernel_cost *more)
{
    to->core += more->core;
    to->weights += more->weights;
    to->read += more->read;
    to->written += more->written;
}

/* Of the launches apart; joined, the small layers are part of the sums, and the parameters' gradients of dx. */
static int launches(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    const weft_excite_dx_args args = excite_of(node);
    const double map = weft_tensor_bytes(&node->in[0], args.dtype), macs = (double)args.n * args.c * args.reduced;
    const double weight = (double)args.c * args.reduced * (double)weft_dtype_size(args.w_dtype);
    const double sums = (double)sum_count(&args) * sizeof(float), maps = (double)weft_shape_count(&node->in[0]);
    const double wide = (double)args.n * args.c * sizeof(float), narrow = (double)args.n * args.reduced * sizeof(float);
    weft_kernel_cost weights = { .what = "weights", .core = 4 * macs, .read = 2 * (wide + narrow) };
    for (int o = 1; o < node->n_out; o++)
        weights.written += weft_tensor_bytes(&node->out[o], WEFT_F32);
    const weft_kernel_cost hidden = { .what = "hidden", .core = 2 * macs, .weights = weight, .read = sums,
                                      .written = 2 * (wide + narrow) };
    const weft_kernel_cost gates = { .what = "gates", .core = 4 * macs, .weights = weight, .read = wide + narrow,
                                     .written = 2 * wide + narrow };
    const weft_kernel_cost gradient = { .what = "gradient", .core = 2 * macs + 2 * maps, .weights = weight,
                                        .read = map + wide + narrow, .written = map };
    int n = 0;
    out[n++] = (weft_kernel_cost){ .what = "squeeze", .core = 3 * maps, .read = 2 * map, .written = sums,
                                   .workspace = plan->scratch };
    const bool joins = ((const state *)plan->state)->joins;
    if (joins) {
        add_cost(&out[0], &hidden);
        add_cost(&out[0], &gates);
    } else {
        out[n++] = hidden;
        out[n++] = gates;
    }
    out[n++] = gradient;
    if (joins)
        add_cost(&out[n - 1], &weights);
    else
        out[n++] = weights;
    return n;
}

static const weft_kernel gate = {
    .name = "cuda.squeeze_excite_dx.gate", .prepare = prepare, .run = run, .launches = launches,
};

const weft_kernel *const weft_cuda_squeeze_excite_dx[] = { &gate, NULL };
