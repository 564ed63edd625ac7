/* SPDX-License-Identifier: Apache-2.0
 *
 * From a photograph to a network's input: centre crop, resize, and the arithmetic that the network was trained with
 * (Keras Applications' preprocess_input, torchvision's Normalize), in single precision and in their order. What part of
 * it the network sees, and how large, is the recipe's; rounding is that of the libraries whose recipe it is. */
#include "image/image.h"

#include <math.h>

#include "base/error.h"

enum { LEVELS = 256 };

static const float caffe_mean[3] = { 103.939f, 116.779f, 123.68f }; /* B, G, R */
static const float torch_mean[3] = { .485f, .456f, .406f };
static const float torch_deviation[3] = { .229f, .224f, .225f };

/* x is a pixel of 0..255, c the channel of the result, which BGR takes from the other end. */
static float none(const weft_recipe *r, float x, int c)
{
    (void)r;
    (void)c;
    return x;
}

static float tf(const weft_recipe *r, float x, int c)
{
    (void)r;
    (void)c;
    return x / 127.5f - 1;
}

static float caffe(const weft_recipe *r, float x, int c)
{
    (void)r;
    return x - caffe_mean[c];
}

static float torch(const weft_recipe *r, float x, int c)
{
    (void)r;
    return (x / 255 - torch_mean[c]) / torch_deviation[c];
}

static float unit(const weft_recipe *r, float x, int c)
{
    return r->std[0] > 0 ? (x / 255 - (float)r->mean[c]) / (float)r->std[c] : x / 255;
}

static float (*const modes[])(const weft_recipe *r, float x, int c) = {
    [WEFT_PREPROCESS_NONE] = none, [WEFT_PREPROCESS_TF] = tf, [WEFT_PREPROCESS_CAFFE] = caffe,
    [WEFT_PREPROCESS_TORCH] = torch, [WEFT_PREPROCESS_UNIT] = unit,
};

static bool is_bgr(const weft_recipe *r)
{
    return r->preprocess == WEFT_PREPROCESS_CAFFE;
}

bool weft_recipe_levels(const weft_recipe *r, float level[3][LEVELS])
{
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < LEVELS; i++)
            level[c][i] = modes[r->preprocess](r, (float)i, c);
    }
    return is_bgr(r);
}

/* 8-bit pixels, by a table of all values. */
static void apply_bytes(const weft_recipe *r, const uint8_t *pixels, int64_t count, float *out)
{
    float level[3][LEVELS];
    const bool bgr = weft_recipe_levels(r, level);
    for (int c = 0; c < 3; c++) {
        const uint8_t *from = pixels + (bgr ? 2 - c : c);
        for (int64_t i = 0; i < count; i++)
            out[3 * i + c] = level[c][from[3 * i]];
    }
}

/* The same without the arithmetic: in the network's order of channels. */
static void order_bytes(const weft_recipe *r, const uint8_t *pixels, int64_t count, uint8_t *out)
{
    for (int c = 0; c < 3; c++) {
        const uint8_t *from = pixels + (is_bgr(r) ? 2 - c : c);
        for (int64_t i = 0; i < count; i++)
            out[3 * i + c] = from[3 * i];
    }
}

static void apply_floats(const weft_recipe *r, int64_t count, float *pixels)
{
    for (float *at = pixels; at < pixels + 3 * count; at += 3) {
        const float pixel[3] = { at[0], at[1], at[2] };
        for (int c = 0; c < 3; c++)
            at[c] = modes[r->preprocess](r, pixel[is_bgr(r) ? 2 - c : c], c);
    }
}

/* In 16 fractional bits. */
int weft_luma(const uint8_t rgb[3])
{
    return (rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16;
}

static void luma_bytes(const weft_recipe *r, const uint8_t *pixels, int64_t count, float *out)
{
    for (int64_t i = 0; i < count; i++, pixels += 3)
        out[i] = modes[r->preprocess](r, (float)weft_luma(pixels), 0);
}

static void order_luma(const weft_recipe *r, const uint8_t *pixels, int64_t count, uint8_t *out)
{
    (void)r;
    for (int64_t i = 0; i < count; i++, pixels += 3)
        out[i] = (uint8_t)weft_luma(pixels);
}

static void luma_floats(const weft_recipe *r, int64_t count, const float *pixels, float *out)
{
    for (int64_t i = 0; i < count; i++, pixels += 3)
        out[i] = modes[r->preprocess](r, .299f * pixels[0] + .587f * pixels[1] + .114f * pixels[2], 0);
}

/* To the even neighbour at a half, as Python's round: torchvision's centre crop is counted so. */
static int half_even(int doubled)
{
    const int low = doubled >> 1;
    return low + (doubled & 1 & low);
}

/* Where the recipe cuts: the box of the input (all of it but for FIT_CROP), the size it is resized to and the part of
 * that which is kept. */
typedef struct framing {
    weft_window cut;
    int width, height;
    weft_window keep;
} framing;

static weft_status frame(int width, int height, const weft_recipe *r, framing *out)
{
    framing f = { .cut = { 0, 0, width, height }, .width = r->px, .height = r->px };
    const int shorter = width < height ? width : height;
    if (r->fit == WEFT_FIT_SHORT) {
        const int64_t longer = (int64_t)r->side * (width < height ? height : width) / shorter;
        if (longer * r->side > WEFT_IMAGE_PIXELS)
            return weft_fail(WEFT_BAD_DATA, "an image of %d x %d pixels is too long: its shorter side resized to %d, "
                             "the longer one has %lld", width, height, r->side, (long long)longer);
        f.width = width <= height ? r->side : (int)longer;
        f.height = width <= height ? (int)longer : r->side;
    } else if (r->fit == WEFT_FIT_CROP) {
        const int side = (int)((float)r->share * (float)shorter), kept = side < 1 ? 1 : side;
        f.cut = (weft_window){ (width - kept + 1) / 2, (height - kept + 1) / 2, kept, kept };
    }
    f.keep = (weft_window){ half_even(f.width - r->px), half_even(f.height - r->px), r->px, r->px };
    *out = f;
    return WEFT_OK;
}

void weft_recipe_needs(const weft_recipe *recipe, int width, int height, int size[2])
{
    const int shorter = width < height ? width : height;
    double x = recipe->px, y = recipe->px;
    if (recipe->fit == WEFT_FIT_SHORT) {
        x = (double)recipe->side * width / shorter;
        y = (double)recipe->side * height / shorter;
    } else if (recipe->fit == WEFT_FIT_CROP) {
        x = recipe->px / recipe->share * width / shorter;
        y = recipe->px / recipe->share * height / shorter;
    }
    size[0] = (int)(x < width ? ceil(x) : width);
    size[1] = (int)(y < height ? ceil(y) : height);
}

/* What becomes of an image: one of the two. */
typedef struct input {
    float *values;
    uint8_t *bytes;
} input;

/* As render, from samples of the image instead of averages. */
static weft_status render_samples(const weft_allocator *allocator, const weft_image *in, const framing *f,
                                  const weft_recipe *r, float *out)
{
    if (!out)
        return weft_fail(WEFT_UNSUPPORTED, "samples of an image are no bytes");
    const int64_t count = (int64_t)r->px * r->px;
    if (r->channels == 3) {
        WEFT_TRY(weft_image_sample_part(allocator, in, f->width, f->height, &f->keep, r->resample, out));
        apply_floats(r, count, out);
        return WEFT_OK;
    }
    float *sampled = weft_calloc(allocator, (size_t)count * 3, sizeof *sampled);
    if (!sampled)
        return weft_fail_in(WEFT_NO_MEMORY, "weft_image_to_input");
    const weft_status status =
        weft_image_sample_part(allocator, in, f->width, f->height, &f->keep, r->resample, sampled);
    if (status == WEFT_OK)
        luma_floats(r, count, sampled, out);
    weft_free(allocator, sampled);
    return status;
}

/* Resized to [px * px * 3] of preprocessed colours, or to luma. */
static weft_status render(const weft_allocator *allocator, const weft_image *in, const framing *f,
                          const weft_recipe *r, const input *out)
{
    if (r->no_antialias)
        return render_samples(allocator, in, f, r, out->values);
    weft_image sized;
    WEFT_TRY(weft_image_resize_part(allocator, in, NULL, f->width, f->height, &f->keep, r->resample, &sized));
    if (out->bytes)
        (r->channels == 3 ? order_bytes : order_luma)(r, sized.pixels, (int64_t)r->px * r->px, out->bytes);
    else
        (r->channels == 3 ? apply_bytes : luma_bytes)(r, sized.pixels, (int64_t)r->px * r->px, out->values);
    weft_free(allocator, sized.pixels);
    return WEFT_OK;
}

/* Where a window of a picture of width x height lies in one that shows it, perhaps reduced, in a box. */
static void place(const weft_window *w, const double box[4], int width, int height, double out[4])
{
    const double x = (box[2] - box[0]) / width, y = (box[3] - box[1]) / height;
    out[0] = box[0] + w->x * x;
    out[1] = box[1] + w->y * y;
    out[2] = w->x + w->width == width ? box[2] : box[0] + (w->x + w->width) * x; /* no rounding beyond the edge */
    out[3] = w->y + w->height == height ? box[3] : box[1] + (w->y + w->height) * y;
}

weft_status weft_image_fit(const weft_allocator *allocator, const weft_image *in, const double box[4], int width,
                           int height, const weft_recipe *recipe, weft_image *out)
{
    framing f;
    weft_wish wish;
    weft_image part;
    WEFT_TRY(frame(width, height, recipe, &f));
    if (f.cut.width == width && f.cut.height == height)
        return weft_image_resize_part(allocator, in, box, f.width, f.height, &f.keep, recipe->resample, out);
    place(&f.cut, box, width, height, wish.box);
    const weft_window w = weft_wish_window(&wish, in->width, in->height);
    WEFT_TRY(weft_image_resize_part(allocator, in, NULL, in->width, in->height, &w, WEFT_NEAREST, &part));
    const weft_status status =
        weft_image_resize_part(allocator, &part, wish.box, f.width, f.height, &f.keep, recipe->resample, out);
    weft_free(allocator, part.pixels);
    return status;
}

static weft_status prepare(const weft_allocator *allocator, const weft_image *in, const weft_recipe *recipe,
                           const input *out)
{
    if (!in->pixels || in->width < 1 || in->height < 1)
        return weft_fail(WEFT_INVALID, "weft_image_to_input: the image is empty");
    WEFT_TRY(weft_recipe_check(recipe));
    framing f;
    WEFT_TRY(frame(in->width, in->height, recipe, &f));
    if (f.cut.width == in->width && f.cut.height == in->height)
        return render(allocator, in, &f, recipe, out);
    /* A picture of its own: Pillow's filters would reach beyond a box. */
    weft_image part;
    WEFT_TRY(weft_image_resize_part(allocator, in, NULL, in->width, in->height, &f.cut, WEFT_NEAREST, &part));
    const weft_status status = render(allocator, &part, &f, recipe, out);
    weft_free(allocator, part.pixels);
    return status;
}

weft_status weft_image_prepare(const weft_allocator *allocator, const weft_image *in, const weft_recipe *recipe,
                               float *out)
{
    return prepare(allocator, in, recipe, &(input){ .values = out });
}

bool weft_recipe_is_of_bytes(const weft_recipe *recipe)
{
    return !recipe->no_antialias;
}

weft_status weft_image_prepare_bytes(const weft_allocator *allocator, const weft_image *in, const weft_recipe *recipe,
                                     uint8_t *out)
{
    return prepare(allocator, in, recipe, &(input){ .bytes = out });
}

weft_status weft_image_to_input(weft_ctx *ctx, const weft_image *in, const weft_recipe *recipe, float *out)
{
    if (!ctx || !in || !recipe || !out)
        return weft_fail(WEFT_INVALID, "weft_image_to_input: ctx, in, recipe and out must not be NULL");
    return weft_image_prepare(weft_ctx_allocator(ctx), in, recipe, out);
}
