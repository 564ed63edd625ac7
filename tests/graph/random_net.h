/* SPDX-License-Identifier: Apache-2.0
 *
 * Random small networks: every op that the passes and the planner treat specially, wired at random. */
#ifndef WEFT_TESTS_GRAPH_RANDOM_NET_H
#define WEFT_TESTS_GRAPH_RANDOM_NET_H

#include <weft/ops.h>

/* A network of about `size` nodes drawn from seed, with one input and one to three outputs. */
weft_status random_net(weft_ctx *ctx, uint64_t seed, int size, weft_graph **out);

/* Parameters from seed such that folding has something to do: variances in [.5, 2], everything else in +-.5. */
struct weft_model;
weft_status random_params(struct weft_model *model, uint64_t seed);

/* Fills all inputs from seed, runs, and stores the outputs one after the other: *count floats in a block that the
 * caller frees with free. */
weft_status random_run(struct weft_model *model, uint64_t seed, float **outputs, int64_t *count);

#endif
