/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are larger than their picture: refused by their header, before memory is taken for them. What the header
 * says is what the decoder finds, of every kind of every format. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weft/trainset.h>

#include "base/alloc.h"
#include "check/alloc.h"
#include "check/harness.h"
#include "data/golden.h"
#include "data/sets.h"
#include "data/tree.h"
#include "image/image.h"

enum { LARGE = 1 << 30, LITTLE = 1 << 17 };

static size_t largest; /* request for memory */

static void *take(void *user, size_t size, size_t align)
{
    (void)user;
    largest = size > largest ? size : largest;
    return weft_malloc_allocator.alloc(weft_malloc_allocator.user, size, align);
}

static void give(void *user, void *ptr)
{
    (void)user;
    weft_malloc_allocator.free(weft_malloc_allocator.user, ptr);
}

/* These bytes, and holes. */
static const char *sparse(const char *name, const void *head, size_t size, int64_t length)
{
    tree_put(NULL, "", "%s", name);
    FILE *const file = fopen(tree_path(name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(head, 1, size, file), size);
    ck_assert_int_eq(fflush(file), 0);
    ck_assert_int_eq(ftruncate(fileno(file), length), 0);
    fclose(file);
    return tree_path(name);
}

static void refused(const char *name, const void *head, size_t size, const char *part)
{
    const weft_allocator allocator = { take, give, NULL };
    weft_ctx ctx = golden_ctx(&allocator);
    weft_image image = { 0 };
    const char *const path = sparse(name, head, size, LARGE);
    largest = 0;
    CHECK_FAILS(WEFT_BAD_DATA, weft_image_read(&ctx, path, NULL, &image), part);
    ck_assert_msg(strstr(weft_error(), name) != NULL, "%s: \"%s\"", name, weft_error());
    ck_assert_msg(largest <= LITTLE, "%s: %zu bytes were taken", name, largest);
    unlink(path);
}

static void measure_row(const char *rest, void *arg)
{
    static const struct {
        const char *name;
        weft_extent (*measure)(const weft_peek *p);
    } formats[] = { { "JPEG", weft_jpeg_measure }, { "PNG", weft_png_measure },   { "WebP", weft_webp_measure },
                    { "TIFF", weft_tiff_measure }, { "BMP", weft_bmp_measure },   { "PNM", weft_pnm_measure } };
    char name[GOLDEN_TEXT], path[GOLDEN_TEXT];
    int width, height, *count = arg;
    size_t size;
    ck_assert_int_eq(sscanf(rest, "%500s %d %d", name, &width, &height), 3);
    golden_path(name, path);
    uint8_t *const data = golden_bytes(path, &size);
    const char *const format = weft_image_format(data, size);
    for (int i = 0; i < WEFT_COUNT(formats); i++) {
        if (strcmp(formats[i].name, format) != 0)
            continue;
        const weft_extent extent = formats[i].measure(&(weft_peek){ .data = data, .size = size });
        ck_assert_msg(extent.width == width && extent.height == height, "%s: %lld x %lld", name,
                      (long long)extent.width, (long long)extent.height);
        ck_assert_msg(extent.bits >= 1 && extent.bits <= 256, "%s: %d bits", name, (int)extent.bits);
        ck_assert_uint_eq(weft_image_limit(data, size), weft_extent_limit(&extent));
        refused("large", data, size, " pixels");
        *count |= 1 << i;
        for (size_t cut = 0; cut < size && cut < 200; cut++) { /* anything, but nothing from beyond the end */
            uint8_t *const head = malloc(cut ? cut : 1);
            memcpy(head, data, cut);
            formats[i].measure(&(weft_peek){ .data = head, .size = cut });
            free(head);
        }
    }
    free(data);
}

START_TEST(headers_say_what_decoders_find_and_bound_the_file)
{
    int formats = 0;
    golden_each("decode", measure_row, &formats);
    ck_assert_int_eq(formats, 63);
}
END_TEST

#define SIDE_LE "\x60\xea" /* 60000 */
#define SIDE_BE "\xea\x60"
#define TAG_LE(tag) tag "\1\4\0\1\0\0\0" SIDE_LE "\0\0"

START_TEST(headers_of_pictures_that_are_too_large)
{
    static const struct {
        const char *name;
        size_t size;
        const char *head;
    } files[] = {
        { "a.jpg", 22, "\xff\xd8\xff\xe0\0\4ab\xff\xc2\0\x11\10" SIDE_BE SIDE_BE "\3\0\0\0\0" },
        { "a.png", 33, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0" SIDE_BE "\0\0" SIDE_BE "\10\2\0\0\0\0\0\0\0" },
        { "a.webp", 30, "RIFF\xf8\xff\xff\x3fWEBPVP8X\12\0\0\0\0\0\0\0\x5f\xea\0\x5f\xea\0" },
        { "a.bmp", 34, "BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0" SIDE_LE "\0\0" SIDE_LE "\0\0\1\0\x18\0\0\0\0\0" },
        { "a.ppm", 20, "P6 # 1 1\n60000 60000" },
        { "a.tif", 34, "II*\0\10\0\0\0\2\0" TAG_LE("\0") TAG_LE("\1") },
        { "b.tif", 34, "MM\0*\0\0\0\10\0\2\1\0\0\4\0\0\0\1\0\0" SIDE_BE "\1\1\0\4\0\0\0\1\0\0" SIDE_BE },
        { "c.tif", 64, "II+\0\10\0\0\0\x10\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\1\4\0\1\0\0\0\0\0\0\0" SIDE_LE
          "\0\0\0\0\0\0\1\1\4\0\1\0\0\0\0\0\0\0" SIDE_LE "\0\0\0\0\0\0" },
        { "d.tif", 64, "MM\0+\0\10\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\2\1\0\0\4\0\0\0\0\0\0\0\1\0\0" SIDE_BE
          "\0\0\0\0\1\1\0\x10\0\0\0\0\0\0\0\1\0\0\0\0\0\0" SIDE_BE },
    };
    for (int i = 0; i < WEFT_COUNT(files); i++)
        refused(files[i].name, files[i].head, files[i].size, "60000 x 60000 pixels; at most 178956970 pixels are read");
}
END_TEST

START_TEST(headers_that_say_no_size)
{
    static const struct {
        const char *name;
        size_t size;
        const char *head;
    } files[] = {
        { "a.jpg", 3, "\xff\xd8\xff" },          { "b.jpg", 6, "\xff\xd8\xff\xff\xff\xff" },
        { "c.jpg", 6, "\xff\xd8\xff\xe1\xff\xff" }, { "d.jpg", 6, "\xff\xd8\xff\xda\0\2" },
        { "a.png", 8, "\x89PNG\r\n\x1a\n" },     { "a.webp", 12, "RIFF\0\0\0\0WEBP" },
        { "a.tif", 8, "II*\0\xff\xff\xff\xff" }, { "b.tif", 10, "II*\0\10\0\0\0\xff\xff" },
        { "c.tif", 16, "MM\0+\0\10\0\0\xff\xff\xff\xff\xff\xff\xff\xff" },
        { "a.bmp", 2, "BM" },                    { "a.ppm", 2, "P6" },
        { "b.ppm", 5, "P6\n5\n" },
    };
    for (int i = 0; i < WEFT_COUNT(files); i++)
        refused(files[i].name, files[i].head, files[i].size, "an image whose header says no size");
}
END_TEST

START_TEST(what_a_stream_may_bring)
{
    ck_assert_uint_eq(weft_image_limit("", 0), 0);
    ck_assert_uint_eq(weft_image_limit(NULL, 9), 0);
    ck_assert_uint_eq(weft_image_limit("no image", 8), 0);
    ck_assert_uint_eq(weft_image_limit("P6", 2), WEFT_IMAGE_SMALL);
    ck_assert_uint_eq(weft_image_limit("P6 100 200 255\n", 15), WEFT_IMAGE_SMALL + 100 * 200 * 6 / 4 * 5);
    ck_assert_uint_eq(weft_image_limit("P6 13000 13000 65535\n", 21), WEFT_IMAGE_BYTES);
}
END_TEST

/* Of an array that is not packed, too. */
START_TEST(sets_are_as_long_as_their_header_says)
{
    const weft_allocator allocator = { take, give, NULL };
    weft_ctx ctx = golden_ctx(&allocator);
    weft_trainset *set;
    sets_put_idx("s", "train", 4, 3, 2, 0);
    const char *path = sparse("s/train-images-idx3-ubyte", "\0\0\10\3\0\0\0\4\0\0\0\3\0\0\0\3", 16, LARGE);
    largest = 0;
    CHECK_FAILS(WEFT_BAD_DATA, weft_trainset_open(&ctx, tree_path("s"), NULL, &set), "its beginning says 52");
    sparse("s/train-images-idx3-ubyte", "", 0, LARGE);
    CHECK_FAILS(WEFT_BAD_DATA, weft_trainset_open(&ctx, tree_path("s"), NULL, &set), "begins with 00 00 00 00");
    ck_assert_uint_le(largest, LITTLE);
    unlink(path);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("data: bounds");
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, tree_setup, tree_teardown);
    tcase_add_test(files, headers_say_what_decoders_find_and_bound_the_file);
    tcase_add_test(files, headers_of_pictures_that_are_too_large);
    tcase_add_test(files, headers_that_say_no_size);
    tcase_add_test(files, what_a_stream_may_bring);
    tcase_add_test(files, sets_are_as_long_as_their_header_says);
    suite_add_tcase(suite, files);
    return check_main(suite, argv[0]);
}
