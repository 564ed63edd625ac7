/* SPDX-License-Identifier: Apache-2.0
 *
 * From images to a network's input in one pass: crop and resize, normalise, convert, pad the channels.
 *
 * Mapping: a thread for each output pixel, x of the block along the row. Traffic: the box's pixels about once (a byte
 * or four a channel), y once, padding included. The resize is Pillow's bilinear: a triangle as wide as one output
 * pixel's footprint, at least one input pixel, its weights made on the way and divided by their sum. */
#include "cuda/kernel/device.cuh"

enum { MOST_CHANNELS = 4, MOST_PADDED = 8 };

template <typename X, typename T> struct input_job {
    const X *x;
    T *y;
    int64_t y_ld;
    int n, h, w, oh, ow, c, padded;
    float box[4];
    bool resize, bgr;
    float scale[MOST_CHANNELS], offset[MOST_CHANNELS];
};

__device__ __forceinline__ float input_value(unsigned char x)
{
    return (float)x;
}

__device__ __forceinline__ float input_value(float x)
{
    return x;
}

/* The input pixels that one output pixel is made of, along one axis. */
struct input_taps {
    int first, last;      /* excluded */
    float centre, narrow; /* weight of pixel i: 1 - |i + 1/2 - centre| * narrow, if above 0 */
};

__device__ __forceinline__ input_taps input_taps_of(int at, float low, float high, int out, int size)
{
    const float each = (high - low) / (float)out, reach = each > 1 ? each : 1;
    input_taps t;
    t.centre = low + ((float)at + .5f) * each;
    t.narrow = 1 / reach;
    const int first = (int)floorf(t.centre - reach + .5f), last = (int)floorf(t.centre + reach + .5f);
    t.first = first < 0 ? 0 : first;
    t.last = last > size ? size : last;
    return t;
}

__device__ __forceinline__ float input_weight(const input_taps &t, int i)
{
    return fmaxf(0.f, 1 - fabsf((float)i + .5f - t.centre) * t.narrow);
}

template <typename X, typename T>
__device__ __forceinline__ void sample(const input_job<X, T> &job, const X *image, int oh, int ow,
                                       float (&v)[MOST_CHANNELS])
{
    const input_taps tv = input_taps_of(oh, job.box[1], job.box[3], job.oh, job.h);
    const input_taps tu = input_taps_of(ow, job.box[0], job.box[2], job.ow, job.w);
    float total = 0;
    for (int i = tv.first; i < tv.last; i++) {
        const float wv = input_weight(tv, i);
        for (int j = tu.first; j < tu.last; j++) {
            const float weight = wv * input_weight(tu, j);
            const X *px = image + ((int64_t)i * job.w + j) * job.c;
            total += weight;
#pragma unroll
            for (int c = 0; c < MOST_CHANNELS; c++)
                if (c < job.c)
                    v[c] = fmaf(weight, input_value(px[c]), v[c]);
        }
    }
#pragma unroll
    for (int c = 0; c < MOST_CHANNELS; c++)
        v[c] /= total;
}

/* V channels at a time: the width of the store. */
template <typename X, typename T, int V> __global__ void __launch_bounds__(WEFT_BLOCK) input(input_job<X, T> job)
{
    const int ow = (int)(blockIdx.x * blockDim.x + threadIdx.x), oh = (int)(blockIdx.y * blockDim.y + threadIdx.y);
    const int64_t n = blockIdx.z;
    if (ow >= job.ow || oh >= job.oh)
        return;
    const X *image = job.x + n * job.h * job.w * job.c;
    float v[MOST_CHANNELS] = {};
    if (job.resize) {
        sample(job, image, oh, ow, v);
    } else {
        const X *px = image + ((int64_t)oh * job.w + ow) * job.c;
#pragma unroll
        for (int c = 0; c < MOST_CHANNELS; c++)
            if (c < job.c)
                v[c] = input_value(px[c]);
    }
    if (job.bgr) {
        const float red = v[0];
        v[0] = v[2];
        v[2] = red;
    }
    float all[MOST_PADDED] = {};
#pragma unroll
    for (int c = 0; c < MOST_CHANNELS; c++)
        if (c < job.c)
            all[c] = fmaf(v[c], job.scale[c], job.offset[c]);
    T *y = job.y + ((n * job.oh + oh) * job.ow + ow) * job.y_ld;
#pragma unroll
    for (int c = 0; c < MOST_PADDED; c += V) {
        if (c >= job.padded)
            continue;
        float piece[V];
#pragma unroll
        for (int i = 0; i < V; i++)
            piece[i] = all[c + i];
        weft_store<T, V>(y + c, piece);
    }
}

template <typename X, typename T> static int launch(const weft_input_args *a, void *stream)
{
    constexpr int V = weft_wide<T>::V;
    const bool plain = a->scale[0] == 0 && a->scale[1] == 0 && a->scale[2] == 0 && a->scale[3] == 0;
    input_job<X, T> job;
    job.x = static_cast<const X *>(a->x);
    job.y = static_cast<T *>(a->y.data);
    job.y_ld = a->y.ld;
    job.n = a->n, job.h = a->h, job.w = a->w, job.oh = a->oh, job.ow = a->ow;
    job.c = a->c, job.padded = a->padded > 0 ? a->padded : a->c;
    job.resize = a->box[2] > a->box[0];
    job.bgr = a->bgr;
    for (int i = 0; i < MOST_CHANNELS; i++) {
        job.box[i] = a->box[i];
        job.scale[i] = plain ? 1 : a->scale[i];
        job.offset[i] = a->offset[i];
    }
    const dim3 block(32, 8);
    const dim3 grid(((unsigned)a->ow + 31) / 32, ((unsigned)a->oh + 7) / 8, (unsigned)a->n);
    if (job.padded % V == 0 && weft_is_wide(a->y, sizeof(T)))
        return WEFT_LAUNCH((input<X, T, V>), grid, block, 0, stream, job);
    return WEFT_LAUNCH((input<X, T, 1>), grid, block, 0, stream, job);
}

template <typename T> static int by_pixel(const weft_input_args *a, void *stream)
{
    return a->x_dtype == WEFT_U8 ? launch<unsigned char, T>(a, stream) : launch<float, T>(a, stream);
}

int weft_launch_input(const weft_input_args *a, void *stream)
{
    const int padded = a->padded > 0 ? a->padded : a->c;
    const bool resize = a->box[2] > a->box[0] && a->box[3] > a->box[1];
    const bool inside = a->box[0] >= 0 && a->box[1] >= 0 && a->box[2] <= (float)a->w && a->box[3] <= (float)a->h;
    const bool none = a->box[0] == 0 && a->box[1] == 0 && a->box[2] == 0 && a->box[3] == 0;
    if (!a->x || (a->x_dtype != WEFT_U8 && a->x_dtype != WEFT_F32) || a->c < 1 || a->c > MOST_CHANNELS ||
        padded < a->c || padded > MOST_PADDED || !weft_view_fits(a->y, padded) || a->n <= 0 || a->n > 65535 ||
        a->h <= 0 || a->w <= 0 || a->ow <= 0 || a->oh <= 0 || a->oh > 8 * 65535 || (a->bgr && a->c != 3) ||
        !(none ? a->h == a->oh && a->w == a->ow : resize && inside))
        return WEFT_INVALID_VALUE;
    return WEFT_BY_DTYPE(a->dtype, by_pixel, a, stream);
}
