/* SPDX-License-Identifier: Apache-2.0
 *
 * Shorthands for the tables of cases in src/op/<op>.c, whose rows all read
 *
 *   { WEFT_CASE("name", shapes of the inputs), WEFT_OPT(type, options), .epi = { ... }, .large = true } */
#ifndef WEFT_OP_CASE_H
#define WEFT_OP_CASE_H

#include "graph/op.h"

/* clang-format off */
#define WEFT_NHWC(n, h, w, c) { .rank = 4, .dim = { n, h, w, c } }
#define WEFT_KRSC(k, r, s, c) { .rank = 4, .dim = { k, r, s, c } }
#define WEFT_NC(n, c) { .rank = 2, .dim = { n, c } }
#define WEFT_VECTOR(n) { .rank = 1, .dim = { n } }
#define WEFT_TWICE(...) __VA_ARGS__, __VA_ARGS__

#define WEFT_CASE(label, ...) \
    .name = label, .n_in = sizeof((const weft_shape[]){ __VA_ARGS__ }) / sizeof(weft_shape), .in = { __VA_ARGS__ }
#define WEFT_OPT(type, ...) .opt = &(const type){ __VA_ARGS__ }
/* clang-format on */

/* Long: files of their own, src/op/conv2d_cases.c and conv2d_grad_cases.c. */
extern const weft_op_case weft_conv2d_cases[], weft_conv2d_dx_cases[], weft_conv2d_dw_cases[];

#endif
