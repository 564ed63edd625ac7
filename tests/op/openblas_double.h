/* SPDX-License-Identifier: Apache-2.0
 *
 * What the stand-in for OpenBLAS exports; a test finds it by dlsym. */
#ifndef WEFT_TESTS_OP_OPENBLAS_DOUBLE_H
#define WEFT_TESTS_OP_OPENBLAS_DOUBLE_H

void openblas_set_num_threads(int count);
int openblas_get_num_threads(void);
void cblas_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc);

/* From the next product on the host program sets so many threads while weft computes; 0: it does not. */
void openblas_double_set_meanwhile(int count);
int openblas_double_calls(void);
/* Products that found another number of threads than one. */
int openblas_double_astray(void);

#endif
