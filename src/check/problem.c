/* SPDX-License-Identifier: Apache-2.0
 *
 * A case made into a node: resolved, inferred, filled with numbers from a seed, answered by the oracle. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "check/problem.h"
#include "tensor/cast.h"

/* Names of node and streams: "conv2d/3x3_odd". */
static weft_status make_node(weft_problem *p, weft_op_id id, const weft_op_case *c)
{
    const weft_op *op = weft_op_get(id);
    const char *name = weft_arena_text(&p->arena, "%s/%s", op->name, c->name);
    void *opt = weft_arena_alloc(&p->arena, op->opt_size);
    if (!name || !opt)
        return WEFT_NO_MEMORY;
    if (c->opt)
        memcpy(opt, c->opt, op->opt_size);
    for (int i = 0; i < c->n_in; i++)
        p->shape_in[i] = c->in[i];
    WEFT_TRY(op->resolve(opt, p->shape_in, c->n_in, &p->arena));
    WEFT_TRY(op->infer(opt, p->shape_in, c->n_in, &p->sig));
    int n_in = c->n_in;
    for (int i = 0; i < p->sig.n_param; i++)
        p->shape_in[n_in++] = p->sig.param[i].shape;
    if (c->epi.residual)
        p->shape_in[n_in++] = p->sig.out[0];
    if (op->types & WEFT_TYPES_INDEX_IN0)
        p->dtype_in[0] = WEFT_I32;
    p->node = (weft_node){ .id = id,
                           .op = op,
                           .name = name,
                           .opt = opt,
                           .epi = c->epi,
                           .n_in = n_in,
                           .n_out = p->sig.n_out,
                           .n_param = p->sig.n_param,
                           .in = p->shape_in,
                           .out = p->sig.out,
                           .in_dtype = p->dtype_in };
    return WEFT_OK;
}

static float *draw(weft_problem *p, const char *what, int index, const weft_shape *shape, uint64_t seed, double low,
                   double high)
{
    const int64_t count = weft_shape_count(shape);
    const char *stream = weft_arena_text(&p->arena, "%s/%s%d", p->node.name, what, index);
    float *data = weft_arena_array(&p->arena, (size_t)count, sizeof *data);
    if (stream && data)
        weft_rng_fill_uniform(seed, weft_rng_stream(stream), 0, count, low, high, data);
    return stream ? data : NULL;
}

/* Every third element, so that each meets ordinary neighbours too. */
static void sprinkle(float *data, int64_t count, int input)
{
    static const float special[] = { NAN, 0.f, -0.f, 1e-40f, -1e-40f, 3e38f, -3e38f, 90.f, -90.f };
    for (int64_t i = 0, s = 5 * input; i < count; i += 3, s++)
        data[i] = special[s % WEFT_COUNT(special)];
}

/* Weights of variance 1 / fan-in keep results of deviation about 1, where activations are not flat. */
static float *draw_param(weft_problem *p, int index, uint64_t seed)
{
    const weft_param_spec *spec = &p->sig.param[index];
    if (spec->values)
        return weft_arena_copy(&p->arena, spec->values, (size_t)weft_shape_count(&spec->shape) * sizeof(float));
    if (spec->init == WEFT_INIT_ONE) /* gains and variances: positive */
        return draw(p, "param", index, &spec->shape, seed, .5, 1.5);
    const bool weight = spec->init != WEFT_INIT_ZERO && spec->fan_in > 0;
    const double high = weight ? sqrt(3. / (double)spec->fan_in) : .5;
    return draw(p, "param", index, &spec->shape, seed, -high, high);
}

/* Labels from one below the classes to one beyond; else numbers of the problem's kind. The residual is numbered behind
 * the case's inputs, whatever parameters lie between. */
static float *draw_input(weft_problem *p, const weft_op_case *c, int i, uint64_t seed)
{
    const weft_shape *shape = &p->node.in[i];
    const int index = i < c->n_in ? i : c->n_in;
    if (p->dtype_in[i] == WEFT_I32) {
        float *data = draw(p, "in", index, shape, seed, -1, c->classes + .999);
        for (int64_t j = 0; data && j < weft_shape_count(shape); j++) {
            const int32_t label = (int32_t)floorf(data[j]);
            memcpy(&data[j], &label, sizeof label);
        }
        return data;
    }
    if (i < c->n_in && c->positive >> i & 1)
        return draw(p, "in", index, shape, seed, .5, 1.5);
    const double deviation = i < c->n_in && c->weights >> i & 1 ? 1 / sqrt((double)weft_shape_channels(shape))
                             : p->values == WEFT_VALUES_WIDE ? 40 : 1;
    const double high = c->levels ? c->levels / 2. : sqrt(3) * deviation;
    float *data = draw(p, "in", index, shape, seed, -high, high);
    for (int64_t j = 0; data && c->levels && j < weft_shape_count(shape); j++)
        data[j] = floorf(data[j]);
    if (data && p->values == WEFT_VALUES_SPECIAL)
        sprinkle(data, weft_shape_count(shape), index);
    return data;
}

/* An input as the oracle reads it: in double, but for integers. */
static void *widen(weft_problem *p, int i)
{
    const int64_t count = weft_shape_count(&p->node.in[i]);
    if (p->dtype_in[i] == WEFT_I32)
        return p->in[i];
    double *to = weft_arena_array(&p->arena, (size_t)count, sizeof *to);
    for (int64_t j = 0; to && j < count; j++)
        to[j] = (double)p->in[i][j];
    return to;
}

/* The reference in double, dense. */
static weft_status ask_oracle(weft_problem *p)
{
    const weft_node *n = &p->node;
    const weft_kernel *oracle = weft_oracle_kernels[n->id];
    const weft_device device = { .allocator = &weft_malloc_allocator, .threads = 1, .isa = WEFT_ISA_REF };
    weft_view in[WEFT_PROBLEM_IN], out[WEFT_MAX_OUT];
    for (int i = 0; i < n->n_in; i++) {
        in[i] = (weft_view){ widen(p, i), weft_shape_channels(&n->in[i]) };
        if (!in[i].data)
            return WEFT_NO_MEMORY;
    }
    for (int i = 0; i < n->n_out; i++) {
        p->want[i] = weft_arena_array(&p->arena, (size_t)weft_shape_count(&n->out[i]), sizeof(double));
        if (!p->want[i])
            return WEFT_NO_MEMORY;
        out[i] = (weft_view){ p->want[i], weft_shape_channels(&n->out[i]) };
    }
    weft_plan plan = { .node = n, .device = &device, .arena = &p->arena };
    if (oracle->prepare)
        WEFT_TRY(oracle->prepare(n, &plan));
    void *scratch = weft_arena_alloc(&p->arena, plan.scratch + plan.thread_scratch);
    if (!scratch)
        return WEFT_NO_MEMORY;
    return oracle->run(&(weft_call){ .node = n,
                                     .device = &device,
                                     .state = plan.state,
                                     .in = in,
                                     .out = out,
                                     .scratch = scratch,
                                     .thread_scratch = (char *)scratch + plan.scratch });
}

weft_status weft_problem_node(weft_problem *p, weft_op_id id, const weft_op_case *c)
{
    *p = (weft_problem){ .values = WEFT_VALUES_UNIT };
    weft_arena_init(&p->arena, &weft_malloc_allocator);
    return make_node(p, id, c);
}

/* Input i as a device of a type keeps it. */
static weft_status round_input(weft_problem *p, int i, weft_dtype dtype)
{
    const int64_t count = weft_shape_count(&p->node.in[i]);
    void *kept = weft_arena_array(&p->arena, (size_t)count, weft_dtype_size(dtype));
    if (!kept)
        return WEFT_NO_MEMORY;
    weft_cast_from_f32(dtype, p->in[i], kept, count);
    weft_cast_to_f32(dtype, kept, p->in[i], count);
    return WEFT_OK;
}

weft_status weft_problem_make_in(weft_problem *p, weft_op_id id, const weft_op_case *c, weft_values values,
                                 weft_dtype dtype, uint64_t seed)
{
    WEFT_TRY(weft_problem_node(p, id, c));
    p->values = values;
    for (int i = 0; i < p->node.n_in; i++) {
        const int param = weft_param_of(&p->node, i);
        p->in[i] = param < 0 ? draw_input(p, c, i, seed) : draw_param(p, param, seed);
        if (!p->in[i])
            return WEFT_NO_MEMORY;
        if (dtype != WEFT_F32 && param < 0 && p->dtype_in[i] == WEFT_F32)
            WEFT_TRY(round_input(p, i, dtype));
    }
    return ask_oracle(p);
}

weft_status weft_problem_make(weft_problem *p, weft_op_id id, const weft_op_case *c, weft_values values, uint64_t seed)
{
    return weft_problem_make_in(p, id, c, values, WEFT_F32, seed);
}

weft_status weft_problem_given(weft_problem *p, weft_op_id id, const weft_op_case *c, const float *const *in,
                              const float *const *param)
{
    WEFT_TRY(weft_problem_node(p, id, c));
    for (int i = 0; i < p->node.n_in; i++) {
        const int own = weft_param_of(&p->node, i);
        const float *from = own >= 0 ? param[own] : in[i < c->n_in ? i : c->n_in];
        p->in[i] = weft_arena_copy(&p->arena, from, (size_t)weft_shape_count(&p->node.in[i]) * sizeof(float));
        if (!p->in[i])
            return WEFT_NO_MEMORY;
    }
    return ask_oracle(p);
}

void weft_problem_release(weft_problem *p)
{
    weft_arena_release(&p->arena);
}

bool weft_values_apply(const weft_problem *unit, weft_values values)
{
    const weft_node *n = &unit->node;
    switch (values) {
    case WEFT_VALUES_UNIT:
        return true;
    case WEFT_VALUES_WIDE: /* with weights it is the same sum, scaled; labels and variances have no width */
        return n->n_param == 0 && !n->op->unit && n->op->error_class != WEFT_EXACT &&
               weft_op_kinds[n->id] != WEFT_FUSED && !(n->op->types & WEFT_TYPES_INDEX_IN0);
    case WEFT_VALUES_SPECIAL:
        return n->op->special;
    case WEFT_VALUES_COUNT:
        break;
    }
    return false;
}
