/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of the references in double. */
#include "cpu/ref/ref.h"

const weft_kernel *const weft_oracle_kernels[WEFT_OP_COUNT] = {
#define WEFT_OP(id, name, family, kind, devices) [WEFT_OP_##id] = &weft_oracle_##name##_ref,
#include "op/list.def"
#undef WEFT_OP
};
