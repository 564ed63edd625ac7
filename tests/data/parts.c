/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts of photographs: what is decoded of a file when only a box of it is wanted, or a small picture. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "data/golden.h"
#include "image/image.h"

typedef struct wished {
    double box[4];
    int size[2], asked[2];
} wished;

static void choose(void *user, int width, int height, double box[4], int size[2])
{
    wished *const w = user;
    w->asked[0] = width;
    w->asked[1] = height;
    memcpy(box, w->box, sizeof w->box);
    memcpy(size, w->size, sizeof w->size);
}

static const char *const part_files[] = {
    "420.jpg", "420-optimised.jpg", "422.jpg", "440.jpg", "444.jpg", "grey.jpg", "cmyk.jpg", "progressive.jpg",
    "progressive-grey.jpg", "restart.jpg", "ycck.jpg", "exif.jpg", "rgb8.png", "../../../docs/images/coffee.jpg",
};

/* A part is what a cut of the whole would be, to the bit, wherever it lies. */
START_TEST(parts_are_parts_of_the_whole)
{
    char path[GOLDEN_TEXT];
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    weft_image whole;
    golden_path(part_files[_i], path);
    CHECK_OK(weft_image_read(&ctx, path, NULL, &whole));
    for (int turn = 0; turn < 24; turn++) {
        const int x = whole.width * (turn % 5) / 6, y = whole.height * (turn % 7) / 8;
        const int right = x + 1 + (whole.width - x - 1) * (turn % 4) / 3;
        const int down = y + 1 + (whole.height - y - 1) * (turn % 3) / 2;
        wished w = { { x, y, right, down }, { right - x, down - y }, { 0 } };
        weft_wish wish = { .choose = choose, .user = &w };
        weft_image part;
        CHECK_OK(weft_image_load_part(&weft_malloc_allocator, path, NULL, &wish, &part));
        ck_assert(w.asked[0] == whole.width && w.asked[1] == whole.height);
        ck_assert(part.width == right - x && part.height == down - y);
        ck_assert(wish.box[0] == 0 && wish.box[1] == 0 && wish.box[2] == part.width && wish.box[3] == part.height);
        for (int row = 0; row < part.height; row++)
            ck_assert_msg(memcmp(part.pixels + (size_t)row * (size_t)part.width * 3,
                                 whole.pixels + ((size_t)(y + row) * (size_t)whole.width + (size_t)x) * 3,
                                 (size_t)part.width * 3) == 0, "%s: row %d of %d, %d to %d, %d", path, row, x, y, right,
                          down);
        weft_image_free(&ctx, &part);
    }
    weft_image_free(&ctx, &whole);
}
END_TEST

/* Reduced while it is decoded, a picture is near the one that is resized afterwards. */
START_TEST(reduced_pictures_look_alike)
{
    char path[GOLDEN_TEXT];
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    weft_image whole;
    golden_path("../../../docs/images/coffee.jpg", path);
    CHECK_OK(weft_image_read(&ctx, path, NULL, &whole));
    for (int by = 2; by <= 8; by *= 2) {
        wished w = { { 0, 0, whole.width, whole.height }, { whole.width / by, whole.height / by }, { 0 } };
        weft_wish wish = { .choose = choose, .user = &w };
        weft_image part, sized;
        double sum = 0;
        CHECK_OK(weft_image_load_part(&weft_malloc_allocator, path, NULL, &wish, &part));
        ck_assert(part.width == whole.width / by && part.height == whole.height / by);
        CHECK_OK(weft_image_resize(&ctx, &whole, NULL, part.width, part.height, WEFT_BILINEAR, &sized));
        for (int i = 0; i < part.width * part.height * 3; i++)
            sum += abs(part.pixels[i] - sized.pixels[i]);
        ck_assert_msg(sum / (part.width * part.height * 3) < 6, "by %d: %g", by,
                      sum / (part.width * part.height * 3));
        weft_image_free(&ctx, &part);
        weft_image_free(&ctx, &sized);
        w.size[0]++; /* one more pixel is wanted than that leaves */
        CHECK_OK(weft_image_load_part(&weft_malloc_allocator, path, NULL, &wish, &part));
        ck_assert(part.width == whole.width / by * 2);
        weft_image_free(&ctx, &part);
    }
    weft_image_free(&ctx, &whole);
}
END_TEST

/* Though its rows are all there, a file that is cut behind the part is refused as before. */
START_TEST(a_part_of_a_cut_file_is_refused)
{
    char path[GOLDEN_TEXT];
    size_t size;
    golden_path("../../../docs/images/coffee.jpg", path);
    uint8_t *const data = golden_bytes(path, &size);
    FILE *const file = fopen("cut-part.jpg", "wb");
    ck_assert_uint_eq(fwrite(data, 1, size * 9 / 10, file), size * 9 / 10);
    fclose(file);
    free(data);
    wished w = { { 0, 0, 100, 40 }, { 100, 40 }, { 0 } };
    weft_wish wish = { .choose = choose, .user = &w };
    weft_image part;
    CHECK_FAILS(WEFT_BAD_DATA, weft_image_load_part(&weft_malloc_allocator, "cut-part.jpg", NULL, &wish, &part),
                "ends here");
    remove("cut-part.jpg");
}
END_TEST

/* Of a turned file the box is counted upright, and what comes out is. */
START_TEST(parts_of_turned_files)
{
    char path[GOLDEN_TEXT];
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    const weft_image_opt upright = { .upright = true };
    for (int turn = 1; turn <= 8; turn++) {
        char name[32];
        weft_image whole, part;
        snprintf(name, sizeof name, "orient-%d.jpg", turn);
        golden_path(name, path);
        CHECK_OK(weft_image_read(&ctx, path, &upright, &whole));
        wished w = { { 3, 2, whole.width - 1, whole.height }, { whole.width - 4, whole.height - 2 }, { 0 } };
        weft_wish wish = { .choose = choose, .user = &w };
        CHECK_OK(weft_image_load_part(&weft_malloc_allocator, path, &upright, &wish, &part));
        ck_assert(w.asked[0] == whole.width && w.asked[1] == whole.height);
        const int x = (int)wish.box[0], y = (int)wish.box[1];
        ck_assert(wish.box[2] - wish.box[0] == w.size[0] && wish.box[3] - wish.box[1] == w.size[1]);
        for (int row = 0; row < w.size[1]; row++)
            ck_assert(memcmp(part.pixels + ((size_t)(y + row) * (size_t)part.width + (size_t)x) * 3,
                             whole.pixels + ((size_t)(2 + row) * (size_t)whole.width + 3) * 3,
                             (size_t)w.size[0] * 3) == 0);
        weft_image_free(&ctx, &part);
        weft_image_free(&ctx, &whole);
    }
}
END_TEST

static weft_status part_with(const weft_allocator *allocator, void *path)
{
    wished w = { { 3, 2, 20, 12 }, { 17, 10 }, { 0 } };
    weft_wish wish = { .choose = choose, .user = &w };
    weft_image part;
    WEFT_TRY(weft_image_load_part(allocator, path, NULL, &wish, &part));
    weft_free(allocator, part.pixels);
    return WEFT_OK;
}

START_TEST(every_failing_allocation_is_reported)
{
    char path[GOLDEN_TEXT];
    golden_path(part_files[_i], path);
    if (!strstr(path, "coffee"))
        ck_assert_int_ge(check_every_failure(part_with, path), 2);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *const suite = suite_create("data: parts");
    TCase *const cases = tcase_create("all");
    tcase_add_loop_test(cases, parts_are_parts_of_the_whole, 0, WEFT_COUNT(part_files));
    tcase_add_test(cases, reduced_pictures_look_alike);
    tcase_add_test(cases, a_part_of_a_cut_file_is_refused);
    tcase_add_test(cases, parts_of_turned_files);
    tcase_add_loop_test(cases, every_failing_allocation_is_reported, 0, WEFT_COUNT(part_files));
    suite_add_tcase(suite, cases);
    return check_main(suite, argv[0]);
}
