/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels of src/cpu choose by the machine: the micro-kernels of its instruction set, and when an output is
 * too big for its caches. */
#ifndef WEFT_CPU_MACHINE_H
#define WEFT_CPU_MACHINE_H

#include "backend/kernel.h"
#include "cpu/simd/gemm.h"
#include "cpu/simd/narrow.h"
#include "cpu/simd/outer.h"
#include "cpu/simd/rows.h"
#include "cpu/simd/update.h"
#include "cpu/simd/winograd.h"
#include "cpu/simd/winograd_dw.h"

typedef struct weft_simd {
    const weft_gemm_table *gemm;
    const weft_rows *rows;
    const weft_winograd_table *winograd;
    const weft_outer_table *outer;
    const weft_winograd_dw_table *winograd_dw;
    const weft_winograd_table *winograd_line;
    const weft_updates *updates;
    const weft_narrow_table *narrow;
} weft_simd;

/* Of WEFT_ISA_REF, and of what was not compiled for this architecture: NULLs. */
const weft_simd *weft_simd_of(weft_isa isa);
/* Why a kernel that needs them refuses. */
const char *weft_simd_refuse(const weft_device *device);

/* Whether an output of so many bytes is too big for its reader to find it in L3: then it is written around the caches.
 */
bool weft_beyond_cache(const weft_device *device, double bytes);
/* The same where pixels are written one here, one there (every second, in every second line): no store miss finds its
 * neighbour fetched then, so that going around the caches pays from a few L2 on. */
bool weft_beyond_near_cache(const weft_device *device, double bytes);

#endif
