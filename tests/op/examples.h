/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of every op without running a kernel: results worked by hand, and options that make no sense. A new op
 * adds its rows to examples.c, or to examples_training.c or _optimizer.c. */
#ifndef WEFT_TESTS_OP_EXAMPLES_H
#define WEFT_TESTS_OP_EXAMPLES_H

#include "op/case.h"

typedef struct example {
    weft_op_id id;
    weft_op_case c;
    const float *in[WEFT_CASE_IN + 1], *param[4]; /* the residual after the inputs */
    int count; /* 0 ends the table */
    const double *want;
    int output; /* which one that is */
} example;

typedef struct refusal {
    weft_op_id id;
    int n_in;
    weft_shape in[WEFT_CASE_IN];
    const void *opt;
    const char *part; /* of weft_error(); NULL ends the table */
} refusal;

extern const example network_examples[], training_examples[], optimizer_examples[];
extern const refusal network_refusals[], training_refusals[], optimizer_refusals[];

/* ---- shorthands of the tables ---- */

/* clang-format off */
#define F(...) (const float[]){ __VA_ARGS__ }
#define X(...) .in = { __VA_ARGS__ }
#define P(...) .param = { __VA_ARGS__ }
#define Y(...) .count = WEFT_COUNT(((const double[]){ __VA_ARGS__ })), .want = (const double[]){ __VA_ARGS__ }
#define EX(OP, label, shape, o) .id = WEFT_OP_##OP, .c = { .name = label, .n_in = 1, .in = { shape }, .opt = o }
#define EX2(OP, label, s0, s1, o) .id = WEFT_OP_##OP, .c = { .name = label, .n_in = 2, .in = { s0, s1 }, .opt = o }
#define OPT(type, ...) &(const type){ __VA_ARGS__ }
#define MAP(h, w, c) WEFT_NHWC(1, h, w, c)
#define VECTOR(n) WEFT_VECTOR(n)
#define ODD WEFT_NHWC(2, 5, 7, 8)
#define ROW(OP, type, shape, text, ...) { WEFT_OP_##OP, 1, { shape }, &(const type){ __VA_ARGS__ }, text }
/* clang-format on */

#endif
