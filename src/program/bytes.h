/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs whose images come as bytes: an input of integers of 32 bits, in whose memory the bytes are, and behind it
 * the op that looks them up (op/levels.c). */
#ifndef WEFT_PROGRAM_BYTES_H
#define WEFT_PROGRAM_BYTES_H

#include "graph/graph.h"

/* For copies of a network: levels [channels][256] is what bytes are; NULL: inputs stay what they are. */
weft_input_maker weft_bytes_input(const float *levels);

#endif
