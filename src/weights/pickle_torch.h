/* SPDX-License-Identifier: Apache-2.0
 *
 * The globals that PyTorch's files name, and what weft makes of them: a closed table. There is no call operation. A
 * global that is not in the table is kept by its name, and what is made of it becomes an opaque value. */
#ifndef WEFT_WEIGHTS_PICKLE_TORCH_H
#define WEFT_WEIGHTS_PICKLE_TORCH_H

#include "weights/pickle_value.h"

/* A row of the table, or a new one in arena for a global that has none; NULL: out of memory. */
const weft_pickle_global *weft_pickle_find_global(weft_arena *arena, const char *module, const char *name);
/* Whether it makes NumPy arrays. */
bool weft_pickle_is_array(const weft_pickle_global *global);
/* What a call of callee (a global, or an opaque value) with these arguments, or an instance of it, stands for. BAD_DATA
 * without a file's name. */
weft_status weft_pickle_make(weft_arena *arena, const weft_pickle_value *callee, weft_pickle_items *arguments,
                             bool instance, weft_pickle_value *out);
/* What a persistent id names: the storage of ('storage', type, key, place, elements[, view]), the class of ('module',
 * class, file, text). */
weft_status weft_pickle_make_persistent(weft_arena *arena, const weft_pickle_items *id, weft_pickle_value *out);

#endif
