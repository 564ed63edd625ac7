/* SPDX-License-Identifier: Apache-2.0
 *
 * Small networks and data for the tests of training. */
#ifndef WEFT_TESTS_TRAIN_NETS_H
#define WEFT_TESTS_TRAIN_NETS_H

#include <weft/weft.h>

enum { TINY_N = 8, TINY_SIDE = 6, TINY_C = 2, TINY_CLASSES = 5, TINY_PIXELS = TINY_SIDE * TINY_SIDE * TINY_C };

/* The network of make_curves.py: a convolution, tanh, a dense layer. */
weft_graph *tiny_network(weft_ctx *ctx);
/* The same with a statistic, a moving average of what the convolution gives. */
weft_graph *tiny_network_watched(weft_ctx *ctx);
/* Its images [TINY_N, ...] and labels. */
void tiny_data(float *images, int32_t *labels);
/* What several ranks train, of the same images: with batch norms, else with what drops. */
weft_graph *ranks_network(weft_ctx *ctx, int batch, bool norm);
weft_ctx *open_ctx(int threads);
/* The trainer's network has the seeded weights of weft-weights(5). */
void seed_trainer(weft_ctx *ctx, const weft_graph *network, weft_trainer *trainer);

/* Sixteen images of ten seeded digits-like patterns, shifted and with noise: [n, side, side, 1]. */
void toy_data(int n, int side, int classes, float *images, int32_t *labels);

/* Rows of a text file, "name number number ...": numbers[room] of the row of that name; gives how many, 0 without. */
int golden_row(const char *file, const char *name, double *numbers, int room);

#endif
