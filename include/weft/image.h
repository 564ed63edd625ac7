/* SPDX-License-Identifier: Apache-2.0
 *
 * Photographs: JPEG and PNG files decoded to 8-bit RGB, resized as Pillow does, cropped and preprocessed. */
#ifndef WEFT_IMAGE_H
#define WEFT_IMAGE_H

#include <weft/arch.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 8-bit RGB, rows top to bottom without padding: pixels[(y * width + x) * 3 + channel]. */
typedef struct weft_image {
    int width, height;
    uint8_t *pixels;
} weft_image;

typedef enum weft_resample { WEFT_NEAREST, WEFT_BILINEAR, WEFT_BICUBIC } weft_resample;

/* Decodes a JPEG or PNG file, told apart by its first bytes. Grey becomes RGB, alpha is dropped, CMYK converted,
 * 16-bit reduced. BAD_DATA names file and reason: a truncated or damaged file is an error, so are more than
 * 178,956,970 pixels. Release with weft_image_free. */
WEFT_API weft_status weft_image_read(weft_ctx *ctx, const char *path, weft_image *out);
WEFT_API void weft_image_free(weft_ctx *ctx, weft_image *image);
/* Antialiased resize of the box [x0, y0, x1, y1) of in to width x height, bit-equal to Pillow's Image.resize. */
WEFT_API weft_status weft_image_resize(weft_ctx *ctx, const weft_image *in, const double box[4], int width, int height,
                                       weft_resample how, weft_image *out);
/* Centre crop of share `crop` of the shorter side, resized to px x px, preprocessed, to out[px * px * 3]. */
WEFT_API weft_status weft_image_to_input(weft_ctx *ctx, const weft_image *in, int px, double crop, weft_resample how,
                                         weft_preprocess preprocess, float *out);

#ifdef __cplusplus
}
#endif
#endif
