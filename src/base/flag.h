/* SPDX-License-Identifier: Apache-2.0
 *
 * A flag that one thread raises and others look at: nothing is handed over by it. */
#ifndef WEFT_BASE_FLAG_H
#define WEFT_BASE_FLAG_H

#include <stdbool.h>

#include "base/compiler.h"

typedef struct weft_flag {
    bool up;
} weft_flag;

WEFT_INLINE bool weft_flag_is_up(const weft_flag *flag)
{
    return __atomic_load_n(&flag->up, __ATOMIC_RELAXED);
}

WEFT_INLINE void weft_flag_set(weft_flag *flag, bool up)
{
    __atomic_store_n(&flag->up, up, __ATOMIC_RELAXED);
}

#endif
