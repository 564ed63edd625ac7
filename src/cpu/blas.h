/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenBLAS as a GEMM kernel: for comparison, and for instruction sets that weft has no tile for. */
#ifndef WEFT_CPU_BLAS_H
#define WEFT_CPU_BLAS_H

#include "backend/kernel.h"

extern const weft_kernel weft_cpu_conv2d_openblas, weft_cpu_dense_openblas;

#endif
