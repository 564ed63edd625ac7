/* SPDX-License-Identifier: Apache-2.0
 *
 * What the image files share: a file in memory, its name for sentences, and room for pixels. */
#ifndef WEFT_IMAGE_IMAGE_H
#define WEFT_IMAGE_IMAGE_H

#include <weft/image.h>

#include "base/alloc.h"

/* Limits of what a file may ask for (docs: file rules). The pixels are Pillow's limit. */
enum { WEFT_IMAGE_PIXELS = 178956970, WEFT_JPEG_SCANS = 100, WEFT_PNG_SIDE = 65535, WEFT_PNG_CHUNK = 8 << 20 };
/* Bytes of a file: what needs no reason, and the most there may be where the picture is one (measure.c). */
enum { WEFT_IMAGE_SMALL = 64 << 20, WEFT_IMAGE_BYTES = 1 << 30 };
enum { WEFT_RECIPE_PX = 8192 }; /* of a side that a recipe asks for */

/* A whole file in memory: never mapped, since a mapped file that is cut kills its reader. */
typedef struct weft_image_file {
    const char *path;
    const uint8_t *data;
    size_t size;
} weft_image_file;

/* A file of which a few places are looked at: in memory, of which the beginning may be all there is, or (data NULL) a
 * descriptor's. */
typedef struct weft_peek {
    const uint8_t *data;
    uint64_t size;
    int file;
} weft_peek;
/* What its header says: of the picture, and how many bits a pixel takes when it is not compressed. Zeros: nothing. */
typedef struct weft_extent {
    int64_t width, height;
    uint64_t bits;
} weft_extent;
weft_extent weft_jpeg_measure(const weft_peek *p);
weft_extent weft_png_measure(const weft_peek *p);
weft_extent weft_webp_measure(const weft_peek *p);
weft_extent weft_tiff_measure(const weft_peek *p);
weft_extent weft_bmp_measure(const weft_peek *p);
weft_extent weft_pnm_measure(const weft_peek *p);
/* The most bytes that a file of it may have: 64 MiB for what is no pixels, and five quarters of the pixels. */
uint64_t weft_extent_limit(const weft_extent *extent);
/* BAD_DATA if a file of more than 64 MiB has more than that, or too many pixels. */
weft_status weft_extent_check(const weft_extent *extent, const char *path, uint64_t size);

/* ".jpg .jpeg ..." */
extern const char weft_image_suffixes[];
/* Ends in one of them, in any case, and does not begin with '.'. */
bool weft_names_image(const char *name);
/* "a GIF file; weft does not decode it", by the first bytes of what is no image that weft reads; NULL: not known. */
const char *weft_image_stranger(const uint8_t *head, size_t size);

/* A part [x, x + width) x [y, y + height) of an image that is never made whole. */
typedef struct weft_window {
    int x, y, width, height;
} weft_window;

/* What of a photograph is wanted, and how small: asked when its size, upright, is known. */
typedef struct weft_wish {
    void (*choose)(void *user, int width, int height, double box[4], int size[2]); /* the box becomes `size` */
    void *user;
    bool exact;    /* the pixels of the whole file, not those of a JPEG file that is reduced while it is decoded */
    double box[4]; /* when decoded: where the box lies in the result */
    int by;        /* when decoded: what a JPEG file was reduced by; 0: another file */
} weft_wish;
/* Decodes what is needed of a photograph to make wish->box the size wanted: of whole pixels around it, and of a JPEG
 * file as little as the transform allows: reduced by 2, 4 or 8 where that is still large enough. */
weft_status weft_image_load_part(const weft_allocator *allocator, const char *path, const weft_image_opt *opt,
                                 weft_wish *wish, weft_image *out);
/* Its two steps. A whole file in memory, if it begins as one of the formats does; weft_free the data. */
weft_status weft_image_fetch(const weft_allocator *allocator, const char *path, uint8_t **data, size_t *size);
/* Decodes a file in memory; wish NULL: all of it. */
weft_status weft_image_decode_part(const weft_allocator *allocator, const weft_image_file *source,
                                   const weft_image_opt *opt, weft_wish *wish, weft_image *out);

/* Cuts an image down to whole pixels around the box that is chosen. */
weft_status weft_image_cut(const weft_allocator *allocator, weft_wish *wish, weft_image *image);
/* Whole pixels around wish->box, which is then counted from their corner (pixels.c). */
weft_window weft_wish_window(weft_wish *wish, int width, int height);

/* weft_image_read and weft_image_to_input with an allocator for a context; weft_free the pixels. */
weft_status weft_image_load(const weft_allocator *allocator, const char *path, const weft_image_opt *opt,
                            weft_image *out);
weft_status weft_image_prepare(const weft_allocator *allocator, const weft_image *in, const weft_recipe *recipe,
                               float *out);
/* Whether all that a recipe makes of an image is weft_recipe_levels of bytes, and those bytes, as the network has its
 * channels: out[px * px * channels]. */
bool weft_recipe_is_of_bytes(const weft_recipe *recipe);
weft_status weft_image_prepare_bytes(const weft_allocator *allocator, const weft_image *in, const weft_recipe *recipe,
                                     uint8_t *out);

/* Refuses sides below 1 and too many pixels. */
weft_status weft_image_check_size(const char *path, int64_t width, int64_t height);
/* The same before anything is allocated; fills *out with pixels that are not cleared. */
weft_status weft_image_alloc(const weft_allocator *allocator, const char *path, int64_t width, int64_t height,
                             weft_image *out);
/* BAD_DATA, or NO_MEMORY, with the file's name; *out is untouched on failure. */
weft_status weft_jpeg_decode(const weft_allocator *allocator, const weft_image_file *source, weft_image *out);
/* The part that is wished of the picture as it is stored, which orientation (1..8) turns. */
weft_status weft_jpeg_decode_part(const weft_allocator *allocator, const weft_image_file *source, int orientation,
                                  weft_wish *wish, weft_image *out);
/* Decodes all of it, reduced by 1, 2, 4 or 8, and keeps nothing: what libjpeg-turbo alone takes. */
weft_status weft_jpeg_pass(const weft_allocator *allocator, const weft_image_file *source, int by);
/* A JPEG file of an image, quality 1..100; weft_free the data. UNSUPPORTED: a side of more than 65500 pixels. */
weft_status weft_jpeg_encode(const weft_allocator *allocator, const weft_image *image, int quality, uint8_t **data,
                             size_t *size);
weft_status weft_png_decode(const weft_allocator *allocator, const weft_image_file *source, weft_image *out);
weft_status weft_webp_decode(const weft_allocator *allocator, const weft_image_file *source, weft_image *out);
weft_status weft_tiff_decode(const weft_allocator *allocator, const weft_image_file *source, weft_image *out);
weft_status weft_bmp_decode(const weft_allocator *allocator, const weft_image_file *source, weft_image *out);
weft_status weft_pnm_decode(const weft_allocator *allocator, const weft_image_file *source, weft_image *out);

/* 1..8 as EXIF numbers them; 1, as stored, where the file says nothing or nonsense (exif.c). */
int weft_jpeg_orientation(const weft_image_file *source);
int weft_png_orientation(const weft_image_file *source);
int weft_webp_orientation(const weft_image_file *source);
int weft_tiff_orientation(const weft_image_file *source);
/* Of a TIFF header and its first directory, which is what EXIF is. */
int weft_exif_orientation(const uint8_t *tiff, size_t size);
/* Turns *image upright in a buffer of its own; orientation 1 does nothing. */
weft_status weft_image_turn(const weft_allocator *allocator, const char *path, int orientation, weft_image *image);

/* The part `window` of weft_image_resize(in, box, width, height): the same pixels. window NULL: all. */
weft_status weft_image_resize_part(const weft_allocator *allocator, const weft_image *in, const double box[4],
                                   int width, int height, const weft_window *window, weft_resample how,
                                   weft_image *out);
/* The same of weft_image_sample, to out[window->width * window->height * 3]. */
weft_status weft_image_sample_part(const weft_allocator *allocator, const weft_image *in, int width, int height,
                                   const weft_window *window, weft_resample how, float *out);
/* The part that the recipe keeps of a picture of width x height, in bytes, px x px: what weft_image_prepare then
 * preprocesses; averaged also where the recipe samples. The picture lies in the box of in, perhaps reduced. */
weft_status weft_image_fit(const weft_allocator *allocator, const weft_image *in, const double box[4], int width,
                           int height, const weft_recipe *recipe, weft_image *out);
/* The size that an image of width x height is resized to, as far as detail goes: what is smaller loses some. */
void weft_recipe_needs(const weft_recipe *recipe, int width, int height, int size[2]);
/* Rec. 601 luma of 8-bit RGB, as Pillow's convert("L"). */
int weft_luma(const uint8_t rgb[3]);
/* INVALID with the reason if a field has no meaning. */
weft_status weft_recipe_check(const weft_recipe *recipe);

#endif
