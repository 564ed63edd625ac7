/* SPDX-License-Identifier: Apache-2.0
 *
 * Room for an image's pixels, which every decoder asks for, and the whole pixels of a part. */
#include "image/image.h"

#include <math.h>

#include "base/error.h"

weft_status weft_image_check_size(const char *path, int64_t width, int64_t height)
{
    if (width < 1 || height < 1)
        return weft_fail(WEFT_BAD_DATA, "%s: %lld x %lld pixels; at least 1 x 1 was expected", path, (long long)width,
                         (long long)height);
    if (width > WEFT_IMAGE_PIXELS || height > WEFT_IMAGE_PIXELS / width)
        return weft_fail(WEFT_BAD_DATA, "%s: %lld x %lld pixels; at most %d pixels are read", path, (long long)width,
                         (long long)height, WEFT_IMAGE_PIXELS);
    return WEFT_OK;
}

weft_status weft_image_alloc(const weft_allocator *allocator, const char *path, int64_t width, int64_t height,
                             weft_image *out)
{
    WEFT_TRY(weft_image_check_size(path, width, height));
    /* Not cleared: a header of a few bytes must not cost half a gigabyte of memory before its file turns out empty. */
    uint8_t *pixels = weft_alloc(allocator, (size_t)(width * height) * 3);
    if (!pixels)
        return weft_fail_in(WEFT_NO_MEMORY, "%s: %lld x %lld pixels", path, (long long)width, (long long)height);
    *out = (weft_image){ .width = (int)width, .height = (int)height, .pixels = pixels };
    return WEFT_OK;
}

weft_window weft_wish_window(weft_wish *wish, int width, int height)
{
    const int x = (int)floor(wish->box[0]), y = (int)floor(wish->box[1]);
    const int right = (int)ceil(wish->box[2]), down = (int)ceil(wish->box[3]);
    const weft_window w = { x < width ? x : width - 1, y < height ? y : height - 1,
                            (right < width ? right : width) - x, (down < height ? down : height) - y };
    for (int i = 0; i < 4; i++)
        wish->box[i] -= i % 2 ? w.y : w.x;
    return (weft_window){ w.x, w.y, w.width < 1 ? 1 : w.width, w.height < 1 ? 1 : w.height };
}
