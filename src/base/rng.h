/* SPDX-License-Identifier: Apache-2.0
 *
 * Counter-based random numbers: Philox4x32-10 of Random123 (Salmon et al. 2011). A draw is a pure function of
 * (seed, stream, index); there is no state to store and any thread may draw any element. */
#ifndef WEFT_BASE_RNG_H
#define WEFT_BASE_RNG_H

#include <stdint.h>
#include <weft/context.h>

/* Streams keep purposes apart: weft_rng_stream("stage1.0/a/conv2d/weight") is the 64-bit FNV-1a of the text. */
uint64_t weft_rng_stream(const char *name);
/* Four 32-bit words of block `index`. */
void weft_rng_block(uint64_t seed, uint64_t stream, uint64_t index, uint32_t out[4]);
/* Element `index` of the stream: uniform in (0, 1), never 0 or 1 (24 bits, centred). */
double weft_rng_uniform(uint64_t seed, uint64_t stream, uint64_t index);
/* Fills out[first..first+count) of an array: low + (high - low) * uniform. */
void weft_rng_fill_uniform(uint64_t seed, uint64_t stream, int64_t first, int64_t count, double low, double high,
                           float *out);
/* Normal with the deviation given, by the inverse of the distribution function (one draw, one value). limit > 0:
 * truncated at limit deviations (of the untruncated normal), not rescaled. */
void weft_rng_fill_normal(uint64_t seed, uint64_t stream, int64_t first, int64_t count, double deviation, double limit,
                          float *out);

#endif
