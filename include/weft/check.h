/* SPDX-License-Identifier: Apache-2.0
 *
 * Every op on its own cases, on a context's device, against references in double: what `weft selftest` runs, for
 * programs that want to know whether a device computes right. */
#ifndef WEFT_CHECK_H
#define WEFT_CHECK_H

#include <weft/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_check_info {
    const char *name; /* "3x3_stride2_same_odd" */
    const char *op;   /* "conv2d" */
    bool large;       /* of a network's size: some seconds where a reference computes it */
    bool cpu_only;    /* other devices have no kernel for the op yet: weft_check_run fails there */
} weft_check_info;

/* What came of one case. */
typedef struct weft_check_result {
    double share;              /* the largest error as a part of what is allowed: right up to 1; of a NaN: infinite */
    int output;                /* where it is */
    int64_t index;
    double got, want, allowed; /* there; allowed 0: equal to the bit */
    int differs;               /* the first run, counted from 0, that gave other bits than the one before; 0: none */
} weft_check_result;

/* Number of cases. */
WEFT_API int weft_check_count(void);
/* INVALID if index is out of range. */
WEFT_API weft_status weft_check_case(int index, weft_check_info *out);
/* Computes a case `runs` times (1 or more) on ctx's device, in its precision, from numbers drawn from seed, and
 * compares every output of every run. Fails only if something cannot be computed: a wrong result is a result. */
WEFT_API weft_status weft_check_run(weft_ctx *ctx, int index, int runs, uint64_t seed, weft_check_result *out);

#ifdef __cplusplus
}
#endif
#endif
