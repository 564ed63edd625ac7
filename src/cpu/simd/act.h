/* SPDX-License-Identifier: Apache-2.0
 *
 * Which activations micro-kernels finish as they store: the others take a second pass, for which the caller may have to
 * provide a buffer. */
#ifndef WEFT_CPU_SIMD_ACT_H
#define WEFT_CPU_SIMD_ACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weft/act.h>

#include "base/compiler.h"

/* Whether act only clamps: NONE, RELU or RELU6. */
WEFT_INLINE bool weft_act_clamps(weft_act act)
{
    return act == WEFT_ACT_NONE || act == WEFT_ACT_RELU || act == WEFT_ACT_RELU6;
}

#endif
