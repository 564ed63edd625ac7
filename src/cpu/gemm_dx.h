/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of a gradient with weights that lie as a layer keeps them, a row for each of its outputs: dx = dy x W, where
 * the rows of B are the rows of W. The weights are an input like any other, so each run packs them, into its scratch,
 * on all threads. */
#ifndef WEFT_CPU_GEMM_DX_H
#define WEFT_CPU_GEMM_DX_H

#include "cpu/gemm.h"

/* Of nodes that are one product of rows: dy is input 0, the weights [K rows][C] are input 1. */
weft_status weft_gemm_dx_prepare(const weft_node *node, weft_plan *plan);
weft_status weft_gemm_dx_run(const weft_call *call);
/* The first half of a run: packs the weights into the call's scratch. */
void weft_gemm_dx_pack(const weft_call *call);
/* Rows of the second half: what does not depend on them (gemm.h). */
weft_gemm_block weft_gemm_dx_block(const weft_call *call, const weft_gemm_taps *taps);

#endif
