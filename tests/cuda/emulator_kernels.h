/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels that are there to be right or wrong in one way. They return what launchers return. */
#ifndef WEFT_TESTS_CUDA_EMULATOR_KERNELS_H
#define WEFT_TESTS_CUDA_EMULATOR_KERNELS_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* to[0] and to[1]: the sum of count floats, by shuffles and shared memory, by one block of so many threads. */
int emulator_sum(int threads, const float *from, int count, float *to);
/* to[i]: lanes of warp i whose number is odd; the third warp has 6 lanes. */
int emulator_votes(float *to);
/* to[16][8] = to + from[16][16] from[16 to 32][8], of 16 bits, by one warp; a from registers, or from shared memory. */
int emulator_product(const unsigned short *from, bool is_bf16, bool rows, float *to);
/* to[block]: what shared memory holds at first; the block leaves 1 in it. */
int emulator_unset(float *to);
int emulator_missing_barrier(const float *from, float *to);

int emulator_early(const float *from, float *to);
int emulator_divergent(const float *from, float *to);
int emulator_early_return(const float *from, float *to);
int emulator_two_barriers(const float *from, float *to);
int emulator_half_warp(const float *from, float *to);
int emulator_beyond(const float *from, float *to);
int emulator_left_out(const float *from, float *to);
int emulator_half_product(const float *from, float *to);
int emulator_two_products(const float *from, float *to);
int emulator_unequal_products(const float *from, float *to);
int emulator_endless_product(const float *from, float *to);
int emulator_endless_products(const float *from, float *to);
int emulator_crowd(const float *from, float *to);
int emulator_empty(const float *from, float *to);
int emulator_tall(const float *from, float *to);
int emulator_much_dynamic(const float *from, float *to);
int emulator_much_static(const float *from, float *to);

#ifdef __cplusplus
}
#endif
#endif
