/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums over several batches that pass between cards before it is known whether the last batch counts: each lies in two
 * places for so long, by the rules that updates have (kernel/update.h), many in a launch. */
#include "cuda/cuda.h"
#include "cuda/kernel/update.h"

#include <math.h>

/* One launch of a rule for some sums: what is written, what is read. */
static weft_status launch(const weft_device *device, weft_update_args args, const weft_segment *segments, int count)
{
    const weft_cuda *const cuda = weft_cuda_of(device);
    args.segments = segments;
    args.count = count;
    if (!cuda->capturing) /* as weft_cuda_stream_of */
        WEFT_TRY(weft_cuda_enter(device));
    const int error = weft_launch_update(&args, cuda->stream);
    return error == WEFT_CUDA_SUCCESS ? WEFT_OK
                                      : weft_vendor_cuda_failed(&cuda->vendor, error, "kernel launch", "several cards");
}

static weft_segment segment_of(float *to, void *from, weft_dtype dtype, int64_t count)
{
    return (weft_segment){ .array = { to, from }, .dtype = dtype, .count = count };
}

static int some_of(int count, int first)
{
    return count - first < WEFT_FLAT_SEGMENTS ? count - first : WEFT_FLAT_SEGMENTS;
}

/* A copy is what no limit clips; adding is what accumulate does in the midst of a round. */
weft_status weft_cuda_team_add(const weft_device *device, const weft_team_sum *sums, int count, const float *go)
{
    const weft_update_args copy = { .rule = WEFT_UPDATE_CLIP, .limit = INFINITY };
    const weft_update_args add = { .rule = WEFT_UPDATE_ACCUMULATE, .go = go, .every = 2 };
    weft_segment segments[WEFT_FLAT_SEGMENTS];
    for (int first = 0, n; first < count; first += n) {
        n = some_of(count, first);
        for (int i = 0; i < n; i++)
            segments[i] = segment_of(sums[first + i].ahead, sums[first + i].sum, WEFT_F32, sums[first + i].count);
        WEFT_TRY(launch(device, copy, segments, n));
        for (int i = 0; i < n; i++)
            segments[i] = segment_of(sums[first + i].ahead, sums[first + i].x, sums[first + i].dtype,
                                     sums[first + i].count);
        WEFT_TRY(launch(device, add, segments, n));
    }
    return WEFT_OK;
}

/* An average of which nothing of the old is kept. */
weft_status weft_cuda_team_keep(const weft_device *device, const weft_team_sum *sums, int count, const float *go)
{
    const weft_update_args keep = { .rule = WEFT_UPDATE_EMA, .go = go, .no_warm_up = true };
    weft_segment segments[WEFT_FLAT_SEGMENTS];
    for (int first = 0, n; first < count; first += n) {
        n = some_of(count, first);
        for (int i = 0; i < n; i++)
            segments[i] = segment_of(sums[first + i].sum, sums[first + i].ahead, WEFT_F32, sums[first + i].count);
        WEFT_TRY(launch(device, keep, segments, n));
    }
    return WEFT_OK;
}
