/* SPDX-License-Identifier: Apache-2.0
 *
 * Stands in for libopenblas.so.0: the same symbols, a plain product, and a count of the products that did not find one
 * thread. */
#include "openblas_double.h"

#include <stdatomic.h>

static _Atomic int threads = 1, calls, astray, meanwhile;

void openblas_set_num_threads(int count)
{
    threads = count;
}

int openblas_get_num_threads(void)
{
    return threads;
}

void openblas_double_set_meanwhile(int count)
{
    meanwhile = count;
}

int openblas_double_calls(void)
{
    return calls;
}

int openblas_double_astray(void)
{
    return astray;
}

/* Row-major C += A B', which is what weft asks for. */
void cblas_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc)
{
    (void)order, (void)transpose_a, (void)transpose_b, (void)alpha, (void)beta;
    calls++;
    if (threads != 1)
        astray++;
    if (meanwhile)
        threads = meanwhile;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            for (int p = 0; p < k; p++)
                c[i * ldc + j] += a[i * lda + p] * b[j * ldb + p];
}
