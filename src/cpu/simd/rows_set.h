/* SPDX-License-Identifier: Apache-2.0
 *
 * The row kernels of the instruction set that is being compiled, by the names under which rows_table.c collects them.
 */
#ifndef WEFT_SIMD_ROWS_SET_H
#define WEFT_SIMD_ROWS_SET_H

#include "cpu/simd/rows.h"
#include "cpu/simd/vmath.h"

#define weft_rows_depthwise WEFT_SIMD_NAME(weft_rows_depthwise_)
#define weft_rows_depthwise_dw WEFT_SIMD_NAME(weft_rows_depthwise_dw_)
#define weft_rows_max_pool WEFT_SIMD_NAME(weft_rows_max_pool_)
#define weft_rows_avg_pool WEFT_SIMD_NAME(weft_rows_avg_pool_)
#define weft_rows_max_pool_dx WEFT_SIMD_NAME(weft_rows_max_pool_dx_)
#define weft_rows_avg_pool_dx WEFT_SIMD_NAME(weft_rows_avg_pool_dx_)
#define weft_rows_response_dx WEFT_SIMD_NAME(weft_rows_response_dx_)
#define weft_rows_dot_rows WEFT_SIMD_NAME(weft_rows_dot_rows_)
#define weft_rows_max_rows_dx WEFT_SIMD_NAME(weft_rows_max_rows_dx_)
#define weft_rows_affine WEFT_SIMD_NAME(weft_rows_affine_)
#define weft_rows_sum2 WEFT_SIMD_NAME(weft_rows_sum2_)
#define weft_rows_response WEFT_SIMD_NAME(weft_rows_response_)
#define weft_rows_slope WEFT_SIMD_NAME(weft_rows_slope_)
#define weft_rows_moments WEFT_SIMD_NAME(weft_rows_moments_)
#define weft_rows_products WEFT_SIMD_NAME(weft_rows_products_)
#define weft_rows_norm_dx WEFT_SIMD_NAME(weft_rows_norm_dx_)
#define weft_rows_drop WEFT_SIMD_NAME(weft_rows_drop_)
#define weft_rows_add_rows WEFT_SIMD_NAME(weft_rows_add_rows_)
#define weft_rows_sum_rows WEFT_SIMD_NAME(weft_rows_sum_rows_)
#define weft_rows_max_rows WEFT_SIMD_NAME(weft_rows_max_rows_)
#define weft_rows_softmax WEFT_SIMD_NAME(weft_rows_softmax_)
#define weft_rows_dot WEFT_SIMD_NAME(weft_rows_dot_)
#define weft_rows_mix WEFT_SIMD_NAME(weft_rows_mix_)
#define weft_rows_spin WEFT_SIMD_NAME(weft_rows_spin_)
#define weft_rows_copy WEFT_SIMD_NAME(weft_rows_copy_)

void weft_rows_depthwise(const weft_depthwise *p);
void weft_rows_depthwise_dw(const weft_depthwise_dw *p);
void weft_rows_max_pool(const weft_pooling *p);
void weft_rows_avg_pool(const weft_pooling *p);
void weft_rows_max_pool_dx(const weft_pooling_dx *p);
void weft_rows_avg_pool_dx(const weft_pooling_dx *p);
void weft_rows_response_dx(const weft_response_dx *p);
void weft_rows_dot_rows(const float *x, int64_t x_ld, const float *z, int64_t z_ld, int64_t rows, int64_t channels,
                        float scale, float *sum, float *dot);
void weft_rows_max_rows_dx(const float *x, int64_t x_ld, const float *dy, int64_t rows, int64_t channels, float *dx,
                           int64_t dx_ld);
void weft_rows_affine(const weft_affine *p);
void weft_rows_sum2(const weft_sum2 *p);
void weft_rows_response(const weft_response *p);
void weft_rows_slope(const weft_slope *p);
void weft_rows_moments(const weft_sums *p);
void weft_rows_products(const weft_sums *p);
void weft_rows_norm_dx(const weft_norm_dx *p);
void weft_rows_drop(const weft_drop *p);
void weft_rows_add_rows(const float *x, int64_t ld, int64_t rows, int64_t channels, float *y);
void weft_rows_sum_rows(const float *x, int64_t ld, int64_t rows, int64_t channels, float scale, float *y);
void weft_rows_max_rows(const float *x, int64_t ld, int64_t rows, int64_t channels, float *y);
void weft_rows_softmax(const float *x, int64_t n, float *y);
void weft_rows_dot(const float *x, const float *wt, int64_t step, const float *bias, int64_t ins, int64_t outs,
                   weft_act act, float *y);
void weft_rows_mix(const float *x, const float *wt, int64_t step, const float *bias, int64_t ins, int64_t outs,
                   weft_act act, float *y);
void weft_rows_spin(int64_t steps);
void weft_rows_copy(float *to, const float *from, int64_t n);

#endif
