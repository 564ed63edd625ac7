/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the program that tests the CUDA kernels. */
#ifndef WEFT_TESTS_CUDA_KERNELS_DIRECT_H
#define WEFT_TESTS_CUDA_KERNELS_DIRECT_H

#include <check.h>
#include <stdbool.h>

/* What no op's case asks of a launcher: inputs and resizes, folded weights, parts, largest elements, refusals. */
TCase *kernels_direct_case(void);

/* Losses, hits, dropout, and of gradients what no op's case asks for. */
TCase *kernels_loss_case(void);

/* Images as bytes. */
TCase *kernels_input_case(void);

/* Parameters as kernels read them. */
TCase *kernels_pack_case(void);

/* Derived parameters, statistics, labels. */
TCase *kernels_store_case(void);

/* Gradients of convolutions and dense layers; all: in every order of threads. */
TCase *kernels_conv_grad_case(bool all);
/* Norms, gates and sums of channels in training, of the ops that the pattern names. all: larger cases, too. */
TCase *kernels_norm_case(const char *op, bool all);
/* Norms that begin with sums. */
TCase *kernels_sums_case(void);
/* Norms of gradients, gates, optimisers. */
TCase *kernels_update_case(void);

/* On tensor cores: the first two layers of an inverted residual in one launch; images. */
TCase *kernels_mma_case(bool all);

#endif
