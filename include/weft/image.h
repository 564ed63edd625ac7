/* SPDX-License-Identifier: Apache-2.0
 *
 * Photographs: JPEG, PNG, WebP, TIFF, BMP and PNM files decoded to 8-bit RGB, turned upright, resized as Pillow or
 * TensorFlow do, and made into a network's input by a recipe. */
#ifndef WEFT_IMAGE_H
#define WEFT_IMAGE_H

#include <weft/recipe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 8-bit RGB, rows top to bottom without padding: pixels[(y * width + x) * 3 + channel]. */
typedef struct weft_image {
    int width, height;
    uint8_t *pixels;
} weft_image;

typedef struct weft_image_opt {
    bool upright; /* turn and mirror as the file's EXIF orientation says (default: as stored, as ImageNet is used) */
} weft_image_opt;

/* Decodes a JPEG, PNG, WebP, TIFF, BMP or PNM (PBM, PGM, PPM) file, told apart by its first bytes, whatever its name
 * says; of several pictures in a file the first. Grey becomes RGB, alpha is dropped, CMYK converted, 16-bit reduced to
 * its high byte (of PNM, rounded): the pixels of Pillow's convert("RGB"). BAD_DATA names file and reason: a truncated
 * or damaged file is an error, so are more than 178,956,970 pixels, 100 JPEG scans or what a file of that size cannot
 * hold, and files of more than 64 MiB that are larger than their header's picture accounts for (weft_image_limit),
 * which are not read. Only what touches no pixel is let pass: stray bytes between the segments of a JPEG file, which
 * ImageNet has, and a PNG file without its end. opt may be NULL. Release with weft_image_free. */
WEFT_API weft_status weft_image_read(weft_ctx *ctx, const char *path, const weft_image_opt *opt, weft_image *out);
/* The same of a file in memory; name is for sentences. */
WEFT_API weft_status weft_image_decode(weft_ctx *ctx, const char *name, const void *data, size_t size,
                                       const weft_image_opt *opt, weft_image *out);
/* "JPEG", "PNG", "WebP", "TIFF", "BMP" or "PNM": the format of a file that begins with these bytes (12 say it of each
 * format); NULL if it is none of them. */
WEFT_API const char *weft_image_format(const void *data, size_t size);
/* The most bytes that a file may have which begins with these, of which 1 MiB is enough: 64 MiB, and five quarters of
 * the pixels that its header says as they are when not compressed (12 bits a sample of JPEG, text of plain PNM), but no
 * more than 1 GiB. 0: it is no image. For programs that take images from a stream. */
WEFT_API size_t weft_image_limit(const void *data, size_t size);
/* Writes a PNG file; of one that could not be written whole nothing is left. IO. */
WEFT_API weft_status weft_image_write(const char *path, const weft_image *image);
WEFT_API void weft_image_free(weft_ctx *ctx, weft_image *image);

/* Antialiased resize of the box [x0, y0, x1, y1) of in (NULL: all) to width x height, bit-equal to Image.resize of
 * Pillow before 13, which resizes rows before columns; 13 does some images the other way round, and differs from this
 * by one grey level there. */
WEFT_API weft_status weft_image_resize(weft_ctx *ctx, const weft_image *in, const double box[4], int width, int height,
                                       weft_resample how, weft_image *out);
/* Resize without antialiasing, sampled at half-pixel centres in single precision, to out[height * width * 3] of
 * 0..255: what tf.image.resize computes (bicubic: Keys with a = -1/2, weights beyond the edge left out). */
WEFT_API weft_status weft_image_sample(weft_ctx *ctx, const weft_image *in, int width, int height, weft_resample how,
                                       float *out);
/* The network's input: fitted, resized and preprocessed by recipe, to out[px * px * channels]. */
WEFT_API weft_status weft_image_to_input(weft_ctx *ctx, const weft_image *in, const weft_recipe *recipe, float *out);
/* What the recipe's preprocessing makes of each byte of channel c of the result; true if that is in the order BGR. */
WEFT_API bool weft_recipe_levels(const weft_recipe *recipe, float level[3][256]);

#ifdef __cplusplus
}
#endif
#endif
