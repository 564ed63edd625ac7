/* SPDX-License-Identifier: Apache-2.0
 *
 * The input layer of EfficientNet: fp32 pixels from the host to normalised ones in the device's type, padded with zero
 * channels for the first convolution, in one launch. */
#include "op/normalize.h"

#include <math.h>

#include "cuda/cuda.h"

/* Set by load: launchers take the factors by value. */
typedef struct state {
    float scale[4], offset[4];
} state;

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    (void)node;
    plan->state = weft_arena_alloc(plan->arena, sizeof(state));
    return plan->state ? WEFT_OK : WEFT_NO_MEMORY;
}

static weft_status load(const weft_node *node, const weft_plan *plan, const float *const *param, void *packed)
{
    const weft_normalize_opt *o = node->opt;
    state *s = plan->state;
    (void)packed;
    for (int c = 0; c < weft_shape_channels(&node->in[0]); c++) {
        const double mean = o->stats ? (double)param[0][c] : o->mean[c];
        const double variance = o->stats ? (double)param[1][c] : o->variance[c];
        const double divisor = fmax(sqrt(variance), WEFT_NORMALIZE_FLOOR);
        s->scale[c] = (float)(o->scale / divisor);
        s->offset[c] = (float)((o->offset - mean) / divisor);
    }
    return WEFT_OK;
}

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_shape *x = &node->in[0];
    const state *s = call->state;
    weft_input_args args = { .x = call->in[0].data, .x_dtype = WEFT_F32, .dtype = node->out_dtype,
                             .y = weft_kview_of(&call->out[0]), .rows = weft_shape_rows(x),
                             .c = (int)weft_shape_channels(x), .padded = (int)call->out[0].ld };
    for (int c = 0; c < 4; c++) {
        args.scale[c] = s->scale[c];
        args.offset[c] = s->offset[c];
    }
    return weft_cuda_launched(call, weft_launch_input(&args, weft_cuda_stream_of(call)));
}

static int launches(const weft_node *node, const weft_plan *plan, weft_launch *out)
{
    weft_plain_launch(node, plan, out);
    const int64_t channels = weft_shape_channels(&node->out[0]);
    if (plan->out_ld)
        out->written *= (double)plan->out_ld[0] / (double)channels;
    return 1;
}

static const weft_kernel input = {
    .name = "cuda.normalize.input", .prepare = prepare, .load = load, .run = run, .launches = launches,
};

const weft_kernel *const weft_cuda_normalize[] = { &input, NULL };
