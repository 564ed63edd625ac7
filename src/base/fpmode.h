/* SPDX-License-Identifier: Apache-2.0
 *
 * The floating-point mode of a thread: what it does with subnormal numbers, how it rounds, what traps. Kernels run in
 * one mode whatever the host program uses: subnormal numbers are zeros on the way in and out (a multiplication of one
 * costs some 150 cycles on x86, so that a network with decayed weights ran 88 times slower), results are rounded to
 * nearest, nothing traps. It is MXCSR on x86 and FPCR on AArch64; on other machines nothing changes. */
#ifndef WEFT_BASE_FPMODE_H
#define WEFT_BASE_FPMODE_H

#include <stdint.h>

#include "base/compiler.h"

typedef uint64_t weft_fp_mode;

#if defined(__x86_64__)
/* The state at the start of a program (all exceptions masked), FTZ and DAZ. */
static const weft_fp_mode WEFT_FP_KERNEL = 0x1f80 | 1u << 15 | 1u << 6;
#elif defined(__aarch64__)
static const weft_fp_mode WEFT_FP_KERNEL = 1u << 24; /* FZ */
#else
static const weft_fp_mode WEFT_FP_KERNEL = 0;
#endif

/* Runs what follows in the mode of the kernels; returns the mode to put back by weft_fp_write. */
WEFT_INLINE weft_fp_mode weft_fp_enter(void)
{
    const weft_fp_mode before = weft_fp_read();
    weft_fp_write(WEFT_FP_KERNEL);
    return before;
}

#endif
