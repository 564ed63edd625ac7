/* SPDX-License-Identifier: Apache-2.0
 *
 * The CUDA runtime's copies, in the directions that they say. */
#include <stdlib.h>
#include <string.h>

#include "cuda/double/double.h"

typedef struct copy {
    char *to;
    const char *from;
    size_t to_pitch, from_pitch, width, height;
    int value; /* of a memset, which has no source */
} copy;

static void run_copy(void *closure)
{
    const copy *c = closure;
    for (size_t row = 0; row < c->height; row++)
        if (c->from)
            memmove(c->to + row * c->to_pitch, c->from + row * c->from_pitch, c->width);
        else
            memset(c->to + row * c->to_pitch, c->value, c->width);
}

static int queue_copy(weft_cuda_stream stream, const copy *wanted, int kind)
{
    const size_t to_bytes = wanted->height ? (wanted->height - 1) * wanted->to_pitch + wanted->width : 0;
    const size_t from_bytes = wanted->height ? (wanted->height - 1) * wanted->from_pitch + wanted->width : 0;
    const bool to_device = kind != WEFT_CUDA_DEVICE_TO_HOST, from_device = kind != WEFT_CUDA_HOST_TO_DEVICE;
    if (to_device != double_on_device(wanted->to, to_bytes))
        return double_refuse("copy: the target is not where its kind says");
    if (wanted->from && from_device != double_on_device(wanted->from, from_bytes))
        return double_refuse("copy: the source is not where its kind says");
    if (kind == WEFT_CUDA_HOST_TO_DEVICE)
        double_uploaded(wanted->width * wanted->height);
    copy *kept = malloc(sizeof *kept);
    if (!kept)
        return WEFT_CUDA_OUT_OF_MEMORY;
    *kept = *wanted;
    return double_queue(stream, DOUBLE_COPY, run_copy, kept, free);
}

int double_cudaMemcpy(void *to, const void *from, size_t bytes, int kind)
{
    DOUBLE_CALLED();
    double_run_late();
    return queue_copy(NULL, &(copy){ .to = to, .from = from, .width = bytes, .height = bytes > 0 }, kind);
}

int double_cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, weft_cuda_stream stream)
{
    DOUBLE_CALLED();
    return queue_copy(stream, &(copy){ .to = to, .from = from, .width = bytes, .height = bytes > 0 }, kind);
}

int double_cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width,
                             size_t height, int kind, weft_cuda_stream stream)
{
    DOUBLE_CALLED();
    return queue_copy(stream, &(copy){ to, from, to_pitch, from_pitch, width, height, 0 }, kind);
}

int double_cudaMemsetAsync(void *ptr, int value, size_t bytes, weft_cuda_stream stream)
{
    DOUBLE_CALLED();
    return queue_copy(stream, &(copy){ .to = ptr, .width = bytes, .height = bytes > 0, .value = value },
                      WEFT_CUDA_DEVICE_TO_DEVICE);
}
