/* SPDX-License-Identifier: Apache-2.0
 *
 * What the launches of an excitation's gradients leave to each other. */
#ifndef WEFT_CUDA_KERNEL_EXCITE_CUH
#define WEFT_CUDA_KERNEL_EXCITE_CUH

#include "cuda/kernel/device.cuh"
#include "cuda/kernel/excite.h"

struct weft_excite_room {
    float *mean, *product, *gates, *d2; /* [n][c] */
    float *v1, *h, *d1;                 /* [n][reduced] */
    float *shares;                      /* [n][chunks][reduced] */
};

inline weft_excite_room weft_excite_room_of(const weft_excite_dx_args *a)
{
    const int64_t wide = (int64_t)a->n * a->c, narrow = (int64_t)a->n * a->reduced;
    weft_excite_room r;
    r.mean = a->scratch, r.product = r.mean + wide, r.gates = r.product + wide, r.d2 = r.gates + wide;
    r.v1 = r.d2 + wide, r.h = r.v1 + narrow, r.d1 = r.h + narrow, r.shares = r.d1 + narrow;
    return r;
}

/* What is left when sums and small layers are there: dx and the parameters' gradients, in one launch. */
int weft_excite_dx_rest(const weft_excite_dx_args *args, void *stream);
bool weft_excite_dx_fits(const weft_excite_dx_args *args);

#endif
