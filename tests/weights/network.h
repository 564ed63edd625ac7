/* SPDX-License-Identifier: Apache-2.0
 *
 * The tensors of a network as a framework has them, for tests. */
#ifndef WEFT_TESTS_WEIGHTS_NETWORK_H
#define WEFT_TESTS_WEIGHTS_NETWORK_H

#include <weft/weights.h>

/* Zeros under the names and in the shapes of where the network comes from; the caller destroys it. */
weft_weights *weights_of_network(weft_ctx *ctx, const char *name, weft_dialect dialect, weft_origin origin);

#endif
