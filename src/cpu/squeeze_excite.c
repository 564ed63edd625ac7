/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of squeeze_excite. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_cpu_squeeze_excite[] = {&weft_cpu_squeeze_excite_ref, NULL};
