/* SPDX-License-Identifier: Apache-2.0
 *
 * dropout at inference is nothing; the graph removes it unless it is to stay as built: a copy then. dropout_train: own
 * kernel, which draws as the CPU does. */
#include "op/dropout.h"

#include "cuda/cuda.h"
#include "cuda/kernel/loss.h"

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_map_args args = { .dtype = node->in_dtype[0], .y_dtype = node->out_dtype[0],
                                 .x = weft_kview_of(&call->in[0]), .y = weft_kview_of(&call->out[0]),
                                 .rows = weft_shape_rows(&node->in[0]), .c = (int)weft_shape_channels(&node->in[0]) };
    return weft_cuda_launched(call, weft_launch_map(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel copy = {
    .name = "cuda.dropout.copy", .run = run, .launches = weft_cuda_copy_cost, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cuda_dropout[] = { &copy, NULL };

/* ---- dropout_train ---- */

static const char *refuse_train(const weft_node *node, const weft_device *device)
{
    (void)device;
    return ((const weft_dropout_train_opt *)node->opt)->first ? "it is of a rank that has a later part of the batch"
                                                              : NULL;
}

static weft_status prepare_train(const weft_node *node, weft_plan *plan)
{
    (void)plan;
    return weft_cuda_need_one_type(node, 1, node->n_in);
}

static weft_status run_train(const weft_call *call)
{
    const weft_node *node = call->node;
    const weft_dropout_train_opt *o = node->opt;
    const int64_t rows = weft_shape_rows(&node->in[1]);
    weft_dropout_args args = { .dtype = node->out_dtype[0], .x = weft_kview_of(&call->in[1]),
                               .y = weft_kview_of(&call->out[0]), .rows = rows,
                               .c = (int)weft_shape_channels(&node->in[1]),
                               .of_image = o->per_image ? (int)(rows / node->in[1].dim[0]) : 0,
                               .step = call->in[0].data, .seed = o->seed, .stream = o->stream,
                               .threshold = weft_dropout_threshold(o->rate),
                               .scale = (float)(1 / (1 - o->rate)) };
    if (node->epi.residual)
        args.residual = weft_kview_of(&call->in[node->n_in - 1]);
    return weft_cuda_launched(call, weft_launch_dropout(&args, weft_cuda_stream_of(call)));
}

static const weft_kernel draws = {
    .name = "cuda.dropout_train.draws", .refuse = refuse_train, .prepare = prepare_train, .run = run_train,
    .inplace = WEFT_INPLACE_IN1 | WEFT_INPLACE_RESIDUAL,
};

const weft_kernel *const weft_cuda_dropout_train[] = { &draws, NULL };
