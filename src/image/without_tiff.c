/* SPDX-License-Identifier: Apache-2.0
 *
 * In place of tiff.c in builds without libtiff (WEFT_TIFF=OFF). */
#include "base/error.h"
#include "image/image.h"

weft_status weft_tiff_decode(const weft_allocator *allocator, const weft_image_file *source, weft_image *out)
{
    (void)allocator;
    (void)out;
    return weft_fail(WEFT_UNSUPPORTED, "%s: is a TIFF file, which this build of weft does not read: build it with "
                     "WEFT_TIFF=ON", source->path);
}

int weft_tiff_orientation(const weft_image_file *source)
{
    (void)source;
    return 1;
}
