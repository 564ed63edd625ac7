/* SPDX-License-Identifier: Apache-2.0
 *
 * Slopes of activations, as weft_act_slope of src/op/activation.c. */
#ifndef WEFT_CUDA_KERNEL_SLOPE_CUH
#define WEFT_CUDA_KERNEL_SLOPE_CUH

#include "cuda/kernel/device.cuh"

/* Those of lines: `in` between 0 and high, `out` elsewhere. Where it jumps it is the one from the left. */
template <int V>
__device__ __forceinline__ void weft_slope_lines(weft_act act, float low, float high, const float (&v)[V],
                                                 float (&s)[V])
{
    const bool bounded = act == WEFT_ACT_RELU6 || act == WEFT_ACT_HARD_SIGMOID;
    const float in = act == WEFT_ACT_HARD_SIGMOID ? 1 / 6.f : 1.f, out = act == WEFT_ACT_LEAKY_RELU ? .01f : 0.f;
#pragma unroll
    for (int i = 0; i < V; i++)
        s[i] = v[i] > low && !(bounded && v[i] >= high) ? in : out;
}

/* Of swish and hard_swish, by their argument. NEAR: few instructions, for what is kept in 16 bits. */
template <int V, bool NEAR = false>
__device__ __forceinline__ void weft_slope_swish(bool hard, const float (&v)[V], float (&s)[V])
{
#pragma unroll
    for (int i = 0; i < V; i++) {
        const float x = v[i];
        if (hard) {
            s[i] = x <= -3 ? 0.f : x > 3 ? 1.f : (2 * x + 3) * (1 / 6.f);
        } else {
            const float gate = NEAR ? weft_reciprocal(1.f + weft_exp2(x * -1.44269504f))
                                    : __fdividef(1.f, 1.f + expf(-x));
            s[i] = gate * fmaf(x, 1 - gate, 1.f);
        }
    }
}

/* s = slope at v: the result, or the argument of swish and hard_swish. */
template <int V> __device__ __forceinline__ void weft_slope(weft_act act, const float (&v)[V], float (&s)[V])
{
    if (act == WEFT_ACT_RELU || act == WEFT_ACT_RELU6 || act == WEFT_ACT_LEAKY_RELU || act == WEFT_ACT_HARD_SIGMOID) {
        weft_slope_lines<V>(act, 0, act == WEFT_ACT_RELU6 ? 6.f : 1.f, v, s);
    } else if (act == WEFT_ACT_SWISH || act == WEFT_ACT_HARD_SWISH) {
        weft_slope_swish<V>(act == WEFT_ACT_HARD_SWISH, v, s);
    } else {
#pragma unroll
        for (int i = 0; i < V; i++)
            s[i] = act == WEFT_ACT_SIGMOID      ? v[i] * (1 - v[i])
                   : act == WEFT_ACT_TANH       ? fmaf(-v[i], v[i], 1.f)
                   : act == WEFT_ACT_LECUN_TANH ? 2 / 3.f * fmaf(-v[i], v[i] * (1 / 1.7159f), 1.7159f)
                                                : 1.f;
    }
}

/* The same by the argument, of those that batch_norm_dx takes: few instructions. */
template <int V, bool NEAR>
__device__ __forceinline__ void weft_slope_before(weft_act act, const float (&v)[V], float (&s)[V])
{
    const bool hard = act == WEFT_ACT_HARD_SIGMOID;
    if (act == WEFT_ACT_SWISH || act == WEFT_ACT_HARD_SWISH)
        weft_slope_swish<V, NEAR>(act == WEFT_ACT_HARD_SWISH, v, s);
    else
        weft_slope_lines<V>(act, hard ? -3.f : 0.f, hard ? 3.f : 6.f, v, s);
}

/* Of any, by the argument. */
__device__ __forceinline__ float weft_slope_at(weft_act act, float x)
{
    float v[1] = { x }, s[1];
    if (act == WEFT_ACT_SIGMOID) { /* 1 - sigmoid(x) would cost digits */
        const float e = expf(-fabsf(x)), gate = 1 / (1 + e);
        return e * gate * gate;
    }
    if (act != WEFT_ACT_SWISH && act != WEFT_ACT_HARD_SWISH)
        weft_activate<1>(act, v);
    weft_slope<1>(act, v, s);
    return s[0];
}

#endif
