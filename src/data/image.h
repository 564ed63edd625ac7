/* SPDX-License-Identifier: Apache-2.0
 *
 * What the image files share: a file in memory, its name for sentences, and room for pixels. */
#ifndef WEFT_DATA_IMAGE_H
#define WEFT_DATA_IMAGE_H

#include <weft/image.h>

#include "base/alloc.h"

/* Limits of what a file may ask for (docs: file rules). The pixels are Pillow's limit. */
enum { WEFT_IMAGE_PIXELS = 178956970, WEFT_JPEG_SCANS = 100, WEFT_PNG_SIDE = 65535, WEFT_PNG_CHUNK = 8 << 20 };

/* A whole file in owned memory: never mapped, since a mapped file that is cut kills its reader. */
typedef struct weft_source {
    const char *path;
    uint8_t *data;
    size_t size;
} weft_source;

/* Refuses sides below 1 and too many pixels before anything is allocated; fills *out with cleared pixels. */
weft_status weft_image_alloc(const weft_allocator *allocator, const char *path, int64_t width, int64_t height,
                             weft_image *out);
/* BAD_DATA, or NO_MEMORY, with the file's name; *out is untouched on failure. */
weft_status weft_jpeg_decode(const weft_allocator *allocator, const weft_source *source, weft_image *out);
weft_status weft_png_decode(const weft_allocator *allocator, const weft_source *source, weft_image *out);

#endif
