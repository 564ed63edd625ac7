/* SPDX-License-Identifier: Apache-2.0
 *
 * Options that make no sense, and what the sentence must say about each. */
#ifndef WEFT_TESTS_OP_GARBAGE_H
#define WEFT_TESTS_OP_GARBAGE_H

#include "graph/op.h"

typedef struct garbage_row {
    weft_op_id id;
    int n_in;
    weft_shape in[WEFT_CASE_IN];
    const void *opt;
    const char *part; /* of weft_error(); NULL ends the table */
} garbage_row;

extern const garbage_row garbage[];

#endif
