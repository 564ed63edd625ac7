/* SPDX-License-Identifier: Apache-2.0
 *
 * A lane: the inputs of a run on their way to the card while the run before computes (ADR 19). Two blocks, each of
 * pinned memory and of device memory, take turns on a stream of the lane's own: from the host into the block, and, on
 * the device's stream, from there to where the recorded run reads them.
 *
 * Send k waits on the lane's stream until the device's stream has taken send k - 2 out of the same block; before block
 * k is filled the host waits until send k - 2 has left it. That lies behind run k - 5, which so is known to be over. */
#include "cuda/cuda.h"

#include <string.h>

enum { BLOCKS = 2, GAP = 512 /* bytes between pieces that one copy takes along */ };

typedef struct block {
    void *host, *there;
    weft_cuda_event sent, taken; /* the last time */
} block;

struct weft_lane {
    weft_cuda_stream stream;
    block blocks[BLOCKS];
    int64_t sends;
};

static weft_status open_block(const weft_device *device, size_t bytes, block *b)
{
    const weft_vendor *v = &weft_cuda_of(device)->vendor;
    WEFT_TRY(weft_cuda_host_alloc(device, bytes, &b->host));
    memset(b->host, 0, bytes);
    WEFT_TRY(weft_cuda_alloc(device, bytes, &b->there));
    WEFT_TRY_CUDA(v, "lane", cudaEventCreateWithFlags, (&b->sent, WEFT_CUDA_EVENT_DISABLE_TIMING));
    WEFT_TRY_CUDA(v, "lane", cudaEventCreateWithFlags, (&b->taken, WEFT_CUDA_EVENT_DISABLE_TIMING));
    return WEFT_OK;
}

static weft_status fill(const weft_device *device, size_t bytes, weft_lane *lane)
{
    const weft_vendor *v = &weft_cuda_of(device)->vendor;
    WEFT_TRY(weft_cuda_enter(device));
    WEFT_TRY_CUDA(v, "lane", cudaStreamCreateWithFlags, (&lane->stream, WEFT_CUDA_STREAM_NON_BLOCKING));
    for (int i = 0; i < BLOCKS; i++)
        WEFT_TRY(open_block(device, bytes, &lane->blocks[i]));
    return WEFT_OK;
}

weft_status weft_cuda_lane_open(const weft_device *device, size_t bytes, weft_lane **out)
{
    weft_lane *lane = weft_calloc(device->allocator, 1, sizeof *lane);
    if (!lane)
        return WEFT_NO_MEMORY;
    const weft_status status = fill(device, bytes, lane);
    if (status != WEFT_OK)
        weft_cuda_lane_close(device, lane);
    else
        *out = lane;
    return status;
}

/* Copies may be under way. */
static void drain(const weft_vendor *v, weft_cuda_stream stream)
{
    if (stream && v->cudaStreamSynchronize(stream) != WEFT_CUDA_SUCCESS)
        (void)v->cudaGetLastError();
}

void weft_cuda_lane_close(const weft_device *device, weft_lane *lane)
{
    const weft_cuda *cuda = weft_cuda_of(device);
    const weft_vendor *v = &cuda->vendor;
    if (!lane)
        return;
    (void)weft_cuda_enter(device);
    weft_cuda_settle(cuda);
    drain(v, lane->stream);
    drain(v, cuda->stream);
    for (int i = 0; i < BLOCKS; i++) {
        const block *b = &lane->blocks[i];
        if (b->sent)
            (void)v->cudaEventDestroy(b->sent);
        if (b->taken)
            (void)v->cudaEventDestroy(b->taken);
        weft_cuda_free(device, b->there);
        weft_cuda_host_free(device, b->host);
    }
    if (lane->stream)
        (void)v->cudaStreamDestroy(lane->stream);
    weft_free(device->allocator, lane);
}

weft_status weft_cuda_lane_block(const weft_device *device, weft_lane *lane, void **host, int64_t *done)
{
    const weft_cuda *cuda = weft_cuda_of(device);
    const block *b = &lane->blocks[lane->sends % BLOCKS];
    WEFT_TRY(weft_cuda_enter(device));
    if (lane->sends >= BLOCKS && cuda->team)
        WEFT_TRY(weft_cuda_await(cuda, NULL, b->sent));
    else if (lane->sends >= BLOCKS)
        WEFT_TRY_CUDA(&cuda->vendor, "copy to the device", cudaEventSynchronize, (b->sent));
    *done = lane->sends - 2 * BLOCKS;
    *host = b->host;
    return WEFT_OK;
}

/* Of the host's block what the pieces reach over, but for wide gaps: of inputs that stay as they are. */
static weft_status copy_pieces(const weft_vendor *v, const weft_lane *lane, const block *b, const weft_piece *pieces,
                               int count)
{
    for (int i = 0, next; i < count; i = next) {
        const size_t first = pieces[i].at;
        size_t end = first + pieces[i].bytes;
        for (next = i + 1; next < count && pieces[next].at - end <= GAP; next++)
            end = pieces[next].at + pieces[next].bytes;
        WEFT_TRY_CUDA(v, "copy to the device", cudaMemcpyAsync,
                      ((char *)b->there + first, (char *)b->host + first, end - first, WEFT_CUDA_HOST_TO_DEVICE,
                       lane->stream));
    }
    return WEFT_OK;
}

static weft_status send_block(const weft_device *device, const weft_lane *lane, const block *b,
                              const weft_piece *pieces, int count)
{
    const weft_vendor *v = &weft_cuda_of(device)->vendor;
    if (lane->sends >= BLOCKS)
        WEFT_TRY_CUDA(v, "copy to the device", cudaStreamWaitEvent, (lane->stream, b->taken, 0));
    WEFT_TRY(copy_pieces(v, lane, b, pieces, count));
    WEFT_TRY_CUDA(v, "copy to the device", cudaEventRecord, (b->sent, lane->stream));
    return WEFT_OK;
}

weft_status weft_cuda_lane_send(const weft_device *device, weft_lane *lane, const weft_piece *pieces, int count)
{
    const weft_cuda *cuda = weft_cuda_of(device);
    const weft_vendor *v = &cuda->vendor;
    const block *b = &lane->blocks[lane->sends % BLOCKS];
    if (count < 1)
        return WEFT_OK;
    WEFT_TRY(weft_cuda_enter(device));
    WEFT_TRY(send_block(device, lane, b, pieces, count));
    WEFT_TRY_CUDA(v, "copy to the device", cudaStreamWaitEvent, (cuda->stream, b->sent, 0));
    for (int i = 0; i < count; i++)
        WEFT_TRY_CUDA(v, "inputs of a run", cudaMemcpyAsync,
                      (pieces[i].to, (char *)b->there + pieces[i].at, pieces[i].bytes, WEFT_CUDA_DEVICE_TO_DEVICE,
                       cuda->stream));
    WEFT_TRY_CUDA(v, "inputs of a run", cudaEventRecord, (b->taken, cuda->stream));
    lane->sends++;
    return WEFT_OK;
}
