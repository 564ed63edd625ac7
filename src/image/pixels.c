/* SPDX-License-Identifier: Apache-2.0
 *
 * Room for an image's pixels, which every decoder asks for. */
#include "base/error.h"
#include "image/image.h"

weft_status weft_image_alloc(const weft_allocator *allocator, const char *path, int64_t width, int64_t height,
                             weft_image *out)
{
    if (width < 1 || height < 1)
        return weft_fail(WEFT_BAD_DATA, "%s: %lld x %lld pixels; at least 1 x 1 was expected", path, (long long)width,
                         (long long)height);
    if (width > WEFT_IMAGE_PIXELS || height > WEFT_IMAGE_PIXELS / width)
        return weft_fail(WEFT_BAD_DATA, "%s: %lld x %lld pixels; at most %d pixels are read", path, (long long)width,
                         (long long)height, WEFT_IMAGE_PIXELS);
    /* Not cleared: a header of a few bytes must not cost half a gigabyte of memory before its file turns out empty. */
    uint8_t *pixels = weft_alloc(allocator, (size_t)(width * height) * 3);
    if (!pixels)
        return weft_fail_in(WEFT_NO_MEMORY, "%s: %lld x %lld pixels", path, (long long)width, (long long)height);
    *out = (weft_image){ .width = (int)width, .height = (int)height, .pixels = pixels };
    return WEFT_OK;
}
