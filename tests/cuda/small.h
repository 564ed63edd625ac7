/* SPDX-License-Identifier: Apache-2.0
 *
 * Small networks on the CUDA backend's doubles, for tests of the ways that a working card never takes: what fails while
 * a model is made, or while it runs. */
#ifndef WEFT_TESTS_CUDA_SMALL_H
#define WEFT_TESTS_CUDA_SMALL_H

#include <weft/weft.h>

#include "check/harness.h"
#include "cuda/double/api.h"

/* Errors of the libraries; the most numbers that a network takes or gives. */
enum { INVALID_VALUE = 7, NOT_SUPPORTED = 3000, EXECUTION_FAILED = 5000, CAPTURE_FAILED = 900, MOST = 4096 };
enum { MIXED_SIDE = 8 }; /* pixels of small_mixed */

typedef struct network {
    weft_var (*body)(weft_graph *g, weft_var x);
    weft_shape in;
    int outputs; /* numbers of its result */
} network;
extern const network small_dense, small_pooled, small_copies, small_inexact, small_mixed;

/* A call of a library that fails. */
typedef struct fault {
    const char *function;
    int64_t nth;
    int error;
    int64_t *calls; /* there were so many of them; may be NULL */
} fault;

enum { PRECISIONS = 4 };
extern const struct small_precision {
    weft_precision precision;
    double limit; /* of compare */
} precisions[PRECISIONS];
/* The card in fp16. */
extern const weft_ctx_opt half;

extern const double_api *doubles;

/* A fixture: a new card; and at the end of a test: nothing is open, no rule was broken. */
void start(void);
void finish(void);

weft_status build(weft_ctx *ctx, const network *n, weft_graph **out);
/* Plans it, with the fault while that is done, counts its launches and copies, runs it three times. */
weft_status work(const weft_ctx_opt *how, const network *n, const weft_model_opt *opt, const fault *bad, float *out,
                 weft_run_cost *cost);
/* The same, with the fault while the model runs. */
weft_status run_with(const weft_ctx_opt *how, const network *n, const fault *bad, float *out);
/* The CPU's result. */
void want(const network *n, float *out);
void compare(const network *n, const float *got, const float *want, double limit, const char *what);
/* The main of a program of such tests, which is given the plug-in. */
int small_main(int argc, char **argv, Suite *(*suite)(void), const char *name);

#endif
