/* SPDX-License-Identifier: Apache-2.0
 *
 * The activations: of a layer, of an epilogue, of an excitation's gate. */
#ifndef WEFT_ACT_H
#define WEFT_ACT_H

typedef enum weft_act {
    WEFT_ACT_NONE,
    WEFT_ACT_RELU,
    WEFT_ACT_RELU6,
    WEFT_ACT_TANH,
    WEFT_ACT_SIGMOID,
    WEFT_ACT_SWISH,        /* x * sigmoid(x) */
    WEFT_ACT_HARD_SIGMOID, /* min(max(x + 3, 0), 6) / 6 */
    WEFT_ACT_HARD_SWISH,   /* x * hard_sigmoid(x) */
    WEFT_ACT_LECUN_TANH,   /* 1.7159 tanh(2x / 3): LeCun 1998 */
    WEFT_ACT_LEAKY_RELU,   /* x > 0 ? x : 0.01 x: Maas 2013 */
    WEFT_ACT_COUNT
} weft_act;

#endif
