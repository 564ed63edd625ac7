/* SPDX-License-Identifier: Apache-2.0
 *
 * From a photograph to a network's input: centre crop, resize, and the arithmetic that the network was trained with
 * (Keras Applications' preprocess_input, torchvision's Normalize), in single precision and in their order. */
#include <weft/image.h>

#include "backend/kernel.h"
#include "base/error.h"

enum { LEVELS = 256 };

static const float caffe_mean[3] = { 103.939f, 116.779f, 123.68f }; /* B, G, R */
static const float torch_mean[3] = { .485f, .456f, .406f };
static const float torch_deviation[3] = { .229f, .224f, .225f };

static float none(float x, int c)
{
    (void)c;
    return x;
}

static float tf(float x, int c)
{
    (void)c;
    return x / 127.5f - 1;
}

static float caffe(float x, int c)
{
    return x - caffe_mean[c];
}

static float torch(float x, int c)
{
    return (x / 255 - torch_mean[c]) / torch_deviation[c];
}

static float unit(float x, int c)
{
    (void)c;
    return x / 255;
}

/* c is the channel of the result, which BGR takes from the other end. */
static const struct mode {
    float (*value)(float x, int c);
    bool bgr;
} modes[] = {
    [WEFT_PREPROCESS_NONE] = { none, false },   [WEFT_PREPROCESS_TF] = { tf, false },
    [WEFT_PREPROCESS_CAFFE] = { caffe, true },  [WEFT_PREPROCESS_TORCH] = { torch, false },
    [WEFT_PREPROCESS_UNIT] = { unit, false },
};

static void apply(const struct mode *mode, const uint8_t *pixels, int64_t count, float *out)
{
    for (int c = 0; c < 3; c++) {
        float level[LEVELS];
        for (int i = 0; i < LEVELS; i++)
            level[i] = mode->value((float)i, c);
        const uint8_t *from = pixels + (mode->bgr ? 2 - c : c);
        for (int64_t i = 0; i < count; i++)
            out[3 * i + c] = level[from[3 * i]];
    }
}

weft_status weft_image_to_input(weft_ctx *ctx, const weft_image *in, int px, double crop, weft_resample how,
                                weft_preprocess preprocess, float *out)
{
    if (!ctx || !in || !out)
        return weft_fail(WEFT_INVALID, "weft_image_to_input: ctx, in and out must not be NULL");
    if ((int)preprocess < 0 || (int)preprocess >= WEFT_COUNT(modes))
        return weft_fail(WEFT_INVALID, "weft_image_to_input: no preprocessing number %d", (int)preprocess);
    if (!(crop > 0 && crop <= 1))
        return weft_fail(WEFT_INVALID, "weft_image_to_input: crop %g; a share above 0 and up to 1 was expected", crop);
    const double side = crop * (in->width < in->height ? in->width : in->height);
    const double x = (in->width - side) / 2, y = (in->height - side) / 2;
    const double box[4] = { x, y, x + side, y + side };
    weft_image sized;
    WEFT_TRY(weft_image_resize(ctx, in, box, px, px, how, &sized));
    apply(&modes[preprocess], sized.pixels, (int64_t)px * px, out);
    weft_image_free(ctx, &sized);
    return WEFT_OK;
}
