/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate of squeeze_excite for kernels that have the means of an image already at hand. */
#ifndef WEFT_CPU_SQUEEZE_EXCITE_H
#define WEFT_CPU_SQUEEZE_EXCITE_H

#include "cpu/rows.h"

/* prepare and load pack the layers; its plan's state and packed go to weft_squeeze_gate. */
extern const weft_kernel weft_cpu_squeeze_excite_rows;

/* Channel means [C, padded to WEFT_ROWS_LANES] to gates, in place. hidden: [reduced]. */
void weft_squeeze_gate(const weft_rows *rows, const weft_squeeze_excite_opt *opt, const void *state, const void *packed,
                       float *means, float *hidden);

#endif
