/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference dropout: a copy at inference, a draw for each element or image in training. */
#include "base/rng.h"
#include "op/dropout.h"

#include "cpu/ref/ref.h"

static weft_status run(const weft_call *call)
{
    const weft_node *n = call->node;
    const int64_t rows = weft_shape_rows(&n->out[0]), channels = weft_shape_channels(&n->out[0]);

    for (int64_t r = 0; r < rows; r++) {
        const real *x = ref_row(&call->in[0], r);
        real *y = ref_row(&call->out[0], r);
        for (int64_t c = 0; c < channels; c++)
            y[c] = x[c];
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(dropout) = { WEFT_REF_NAMED(dropout), .run = run, .inplace = WEFT_INPLACE_IN0 };

static bool is_kept(const weft_dropout_train_opt *o, int32_t step, int64_t i)
{
    int word;
    uint32_t words[4];
    weft_rng_block(o->seed, o->stream, weft_dropout_block(step, i, &word), words);
    return words[word] >= weft_dropout_threshold(o->rate);
}

static weft_status run_train(const weft_call *call)
{
    const weft_node *n = call->node;
    const weft_dropout_train_opt *o = n->opt;
    const int32_t step = ((const int32_t *)call->in[0].data)[0];
    const int64_t rows = weft_shape_rows(&n->out[0]), channels = weft_shape_channels(&n->out[0]);
    const int64_t of_image = rows / n->out[0].dim[0];
    for (int64_t r = 0; r < rows; r++) {
        const real *x = ref_row(&call->in[1], r);
        real *y = ref_row(&call->out[0], r);
        for (int64_t c = 0; c < channels; c++)
            y[c] = (real)ref_finish(call, is_kept(o, step, o->per_image ? o->first + r / of_image
                                                                        : (o->first * of_image + r) * channels + c)
                                              ? (double)x[c] / (1 - o->rate)
                                              : 0, r, c);
    }
    return WEFT_OK;
}

const weft_kernel WEFT_REF(dropout_train) = {
    WEFT_REF_NAMED(dropout_train), .run = run_train, .inplace = WEFT_INPLACE_IN1 | WEFT_INPLACE_RESIDUAL,
};
