/* SPDX-License-Identifier: Apache-2.0
 *
 * Resizing without antialiasing, in single precision: each output pixel reads at most 4 x 4 input pixels around its
 * centre, x = (i + 1/2) scale - 1/2, however much the image shrinks. This is tf.image.resize of TensorFlow 2 (and
 * torch's interpolate without antialias, but for its bicubic a = -3/4). Bilinear repeats the edge; bicubic (Keys 1981,
 * a = -1/2) leaves weights beyond the edge out and scales the others to 1; nearest takes the pixel below the centre.
 * TensorFlow rounds bicubic weights to a table of 1024 steps; here they are exact. */
#include "image/image.h"

#include <math.h>

#include "base/error.h"

enum { TAPS = 4 };

/* The inputs of one output along one axis. */
typedef struct reads {
    int at[TAPS];
    float weight[TAPS];
    int count;
} reads;

static int clamp(int i, int size)
{
    return i < 0 ? 0 : i >= size ? size - 1 : i;
}

static void read_nearest(float centre, int size, reads *r)
{
    r->count = 1;
    r->at[0] = clamp((int)floorf(centre + .5f), size);
    r->weight[0] = 1;
}

static void read_bilinear(float centre, int size, reads *r)
{
    const float low = floorf(centre);
    r->count = 2;
    r->at[0] = clamp((int)low, size);
    r->at[1] = clamp((int)low + 1, size);
    r->weight[1] = centre - low;
    r->weight[0] = 1 - r->weight[1];
}

static float keys(float x)
{
    x = fabsf(x);
    if (x < 1)
        return (1.5f * x - 2.5f) * x * x + 1;
    return x < 2 ? ((-.5f * x + 2.5f) * x - 4) * x + 2 : 0;
}

static void read_bicubic(float centre, int size, reads *r)
{
    const float low = floorf(centre);
    float sum = 0;
    r->count = 4;
    for (int i = 0; i < 4; i++) {
        const int at = (int)low - 1 + i;
        r->at[i] = clamp(at, size);
        r->weight[i] = r->at[i] == at ? keys(centre - (float)at) : 0;
        sum += r->weight[i];
    }
    for (int i = 0; i < 4; i++)
        r->weight[i] /= sum; /* at least the nearest pixel's, which is above a half */
}

static void (*const readers[])(float centre, int size, reads *r) = {
    [WEFT_NEAREST] = read_nearest, [WEFT_BILINEAR] = read_bilinear, [WEFT_BICUBIC] = read_bicubic
};

/* Outputs [from, from + count) of one axis. */
static void read_axis(int in_size, int out_size, int from, int count, weft_resample how, reads *out)
{
    const float scale = (float)in_size / (float)out_size;
    for (int i = 0; i < count; i++)
        readers[how](((float)(from + i) + .5f) * scale - .5f, in_size, &out[i]);
}

static void sample_row(const weft_image *in, const reads *down, const reads *across, int width, float *out)
{
    for (int x = 0; x < width; x++) {
        for (int c = 0; c < 3; c++) {
            float sum = 0;
            for (int j = 0; j < down->count; j++) {
                const uint8_t *row = in->pixels + (size_t)down->at[j] * (size_t)in->width * 3 + c;
                float line = 0;
                for (int i = 0; i < across[x].count; i++)
                    line += across[x].weight[i] * row[3 * (size_t)across[x].at[i]];
                sum += down->weight[j] * line;
            }
            *out++ = sum;
        }
    }
}

weft_status weft_image_sample_part(const weft_allocator *allocator, const weft_image *in, int width, int height,
                                   const weft_window *window, weft_resample how, float *out)
{
    if (!in->pixels || in->width < 1 || in->height < 1)
        return weft_fail(WEFT_INVALID, "weft_image_sample: the image is empty");
    if (width < 1 || height < 1 || width > WEFT_IMAGE_PIXELS / height)
        return weft_fail(WEFT_INVALID, "weft_image_sample: size %d x %d; 1 to %d pixels were expected", width, height,
                         WEFT_IMAGE_PIXELS);
    if ((unsigned)how >= (unsigned)WEFT_COUNT(readers))
        return weft_fail(WEFT_INVALID, "weft_image_sample: no filter number %d", (int)how);
    reads *across = weft_calloc(allocator, (size_t)window->width, sizeof *across);
    if (!across)
        return weft_fail_in(WEFT_NO_MEMORY, "weft_image_sample");
    read_axis(in->width, width, window->x, window->width, how, across);
    for (int y = 0; y < window->height; y++) {
        reads down;
        read_axis(in->height, height, window->y + y, 1, how, &down);
        sample_row(in, &down, across, window->width, out + (size_t)y * (size_t)window->width * 3);
    }
    weft_free(allocator, across);
    return WEFT_OK;
}

weft_status weft_image_sample(weft_ctx *ctx, const weft_image *in, int width, int height, weft_resample how, float *out)
{
    if (!ctx || !in || !out)
        return weft_fail(WEFT_INVALID, "weft_image_sample: ctx, in and out must not be NULL");
    const weft_window all = { 0, 0, width, height };
    return weft_image_sample_part(weft_ctx_allocator(ctx), in, width, height, &all, how, out);
}
