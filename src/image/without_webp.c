/* SPDX-License-Identifier: Apache-2.0
 *
 * In place of webp.c in builds without libwebp (WEFT_WEBP=OFF). */
#include "base/error.h"
#include "image/image.h"

weft_status weft_webp_decode(const weft_allocator *allocator, const weft_image_file *source, weft_image *out)
{
    (void)allocator;
    (void)out;
    return weft_fail(WEFT_UNSUPPORTED, "%s: is a WebP file, which this build of weft does not read: build it with "
                     "WEFT_WEBP=ON", source->path);
}

int weft_webp_orientation(const weft_image_file *source)
{
    (void)source;
    return 1;
}
