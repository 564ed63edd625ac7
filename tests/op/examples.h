/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of every op without running a kernel: results worked by hand, and options that make no sense. A new op
 * adds its rows here. */
#ifndef WEFT_TESTS_OP_EXAMPLES_H
#define WEFT_TESTS_OP_EXAMPLES_H

#include "graph/op.h"

typedef struct example {
    weft_op_id id;
    weft_op_case c;
    const float *in[WEFT_CASE_IN + 1], *param[4]; /* the residual after the inputs */
    int count; /* 0 ends the table */
    const double *want;
} example;

typedef struct refusal {
    weft_op_id id;
    int n_in;
    weft_shape in[WEFT_CASE_IN];
    const void *opt;
    const char *part; /* of weft_error(); NULL ends the table */
} refusal;

extern const example examples[];
extern const refusal refusals[];

#endif
