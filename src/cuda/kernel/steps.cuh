/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums whose parts are too many for one block to join while the others are idle: the last block of a group of parts
 * joins that group, the last of those joins the groups. Groups are about as many as a group has parts, so that each
 * step reads few; the partition, and with it the order of every sum, depends on sizes only. */
#ifndef WEFT_CUDA_KERNEL_STEPS_CUH
#define WEFT_CUDA_KERNEL_STEPS_CUH

#include "cuda/kernel/device.cuh"
#include "cuda/kernel/norm.h"

struct weft_steps {
    unsigned *turns; /* nullptr: no counters, or too few; groups + 1 of each column */
    unsigned parts, each, groups;
};

/* columns: sets of parts that are joined apart. */
inline weft_steps weft_steps_of(unsigned *turns, unsigned parts, unsigned columns)
{
    weft_steps s;
    s.parts = parts;
    s.each = 1;
    while ((uint64_t)s.each * s.each < parts)
        s.each++;
    s.groups = (parts + s.each - 1) / s.each;
    s.turns = (uint64_t)columns * (s.groups + 1) <= WEFT_TURNS ? turns : nullptr;
    return s;
}

/* Called by all threads once a part is written. join(first, step, count, is_all) adds up count parts, step apart, and
 * leaves the sum at the first of them, or, of all, where it belongs; what others wrote it reads by weft_fresh. */
template <typename F>
__device__ __forceinline__ void weft_join_steps(const weft_steps &s, unsigned column, unsigned part, const F &join)
{
    unsigned *turns = s.turns + column * (s.groups + 1);
    const unsigned group = part / s.each, first = group * s.each;
    const unsigned count = s.parts - first < s.each ? s.parts - first : s.each;
    if (!weft_is_last(turns + group, count))
        return;
    join(first, 1u, count, s.groups == 1);
    if (s.groups > 1 && weft_is_last(turns + s.groups, s.groups))
        join(0u, s.each, s.groups, true);
}

/* The join of parts of some rows of c floats, of a block's channels, from base to before last. All threads come. */
struct weft_rows_joiner {
    float *parts_of; /* [parts][rows][c] */
    float *to;
    int64_t to_row, to_channel; /* from a row of all sums to the next, and from a channel */
    int c, rows, base, last;

    __device__ __forceinline__ void operator()(unsigned first, unsigned step, unsigned count, bool is_all) const
    {
        const int width = last - base, threads = (int)(blockDim.x * blockDim.y * blockDim.z);
        const int me = (int)((threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x);
        for (int i = me; i < rows * width; i += threads) {
            const int row = i / width, channel = base + i - row * width;
            float *at = parts_of + ((int64_t)first * rows + row) * c + channel, sum = 0;
#pragma unroll 8
            for (unsigned part = 0; part < count; part++)
                sum += weft_fresh(at + (int64_t)(part * step) * rows * c);
            if (is_all)
                at = to + row * to_row + channel * to_channel;
            *at = sum;
        }
    }
};

#endif
