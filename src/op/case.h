/* SPDX-License-Identifier: Apache-2.0
 *
 * Shorthands for the tables of cases in src/op/<op>.c: shapes as initialisers. */
#ifndef WEFT_OP_CASE_H
#define WEFT_OP_CASE_H

#include "graph/op.h"

/* clang-format off */
#define WEFT_NHWC(n, h, w, c) { .rank = 4, .dim = { n, h, w, c } }
#define WEFT_NC(n, c) { .rank = 2, .dim = { n, c } }
/* clang-format on */

#endif
