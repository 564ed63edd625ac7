/* SPDX-License-Identifier: Apache-2.0
 *
 * A build without libwebp or libtiff: its stand-ins for their readers come before the library's here. */
#include <string.h>

#include "check/harness.h"
#include "data/golden.h"

static void refuses(const char *name, const char *part)
{
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    char path[GOLDEN_TEXT];
    weft_image image = { 0 };
    golden_path(name, path);
    const weft_image_opt upright = { .upright = true };
    CHECK_FAILS(WEFT_UNSUPPORTED, weft_image_read(&ctx, path, NULL, &image), part);
    CHECK_FAILS(WEFT_UNSUPPORTED, weft_image_read(&ctx, path, &upright, &image), part);
    ck_assert(strstr(weft_error(), path) && !image.pixels);
}

START_TEST(what_was_left_out_is_named)
{
    refuses("lossy.webp", "is a WebP file, which this build of weft does not read: build it with WEFT_WEBP=ON");
    refuses("rgb.tif", "is a TIFF file, which this build of weft does not read: build it with WEFT_TIFF=ON");
}
END_TEST

START_TEST(the_others_are_read)
{
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    char path[GOLDEN_TEXT];
    weft_image image;
    golden_path("rgb8.png", path);
    CHECK_OK(weft_image_read(&ctx, path, NULL, &image));
    weft_image_free(&ctx, &image);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("without");
    CHECK_CASE(suite, "without", what_was_left_out_is_named, the_others_are_read);
    return check_main(suite, argv[0]);
}
