/* SPDX-License-Identifier: Apache-2.0
 *
 * The globals that PyTorch's state_dicts name, and what weft makes of them. */
#ifndef WEFT_WEIGHTS_PICKLE_TORCH_H
#define WEFT_WEIGHTS_PICKLE_TORCH_H

#include "weights/pickle.h"

/* NULL: not in the table. */
const weft_pickle_global *weft_pickle_find_global(const char *module, const char *name);
/* What a call of the global with these arguments, or an instance of it, stands for. BAD_DATA, UNSUPPORTED without a
 * file's name. */
weft_status weft_pickle_make(weft_arena *arena, const weft_pickle_global *global, const weft_pickle_items *arguments,
                             bool instance, weft_pickle_value *out);
/* The storage that a persistent id ('storage', type, key, place, elements) names. */
weft_status weft_pickle_make_storage(weft_arena *arena, const weft_pickle_items *id, weft_pickle_value *out);

#endif
