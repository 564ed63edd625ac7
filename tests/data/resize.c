/* SPDX-License-Identifier: Apache-2.0
 *
 * Resizing bit-equal to Pillow's digests, arguments that make no sense, preprocessing, every allocation failing. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "data/golden.h"

static const char *const filters[] = { "nearest", "bilinear", "bicubic" };

static void resize_row(const char *rest, void *arg)
{
    char name[GOLDEN_TEXT], path[GOLDEN_TEXT], filter[16];
    double box[4];
    int width, height, how = 0;
    uint64_t digest;
    ck_assert_int_eq(sscanf(rest, "%400s %15s %la %la %la %la %d %d %" SCNx64, name, filter, &box[0], &box[1], &box[2],
                            &box[3], &width, &height, &digest), 9);
    while (how < 3 && strcmp(filter, filters[how]) != 0)
        how++;
    ck_assert_int_lt(how, 3);
    weft_ctx ctx = golden_ctx(arg);
    weft_image in, out;
    golden_path(name, path);
    CHECK_OK(weft_image_read(&ctx, path, &in));
    CHECK_OK(weft_image_resize(&ctx, &in, box, width, height, (weft_resample)how, &out));
    ck_assert(out.width == width && out.height == height);
    ck_assert_msg(golden_digest(&out) == digest, "not Pillow's pixels: %s", rest);
    weft_image_free(&ctx, &in);
    weft_image_free(&ctx, &out);
}

START_TEST(sizes_boxes_and_filters_match_pillow)
{
    check_alloc state = { 0 };
    weft_allocator allocator = check_allocator(&state);
    ck_assert_int_ge(golden_each("resize", resize_row, &allocator), 200);
    ck_assert_int_eq(state.live, 0);
    ck_assert_int_eq(state.damaged, 0);
}
END_TEST

START_TEST(the_whole_image_at_its_size_is_a_copy)
{
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    uint8_t pixels[] = { 1, 2, 3, 4, 5, 6 };
    const weft_image in = { .width = 2, .height = 1, .pixels = pixels };
    for (int how = WEFT_NEAREST; how <= WEFT_BICUBIC; how++) {
        weft_image out;
        CHECK_OK(weft_image_resize(&ctx, &in, NULL, 2, 1, (weft_resample)how, &out));
        ck_assert(out.pixels != pixels && out.width == 2 && out.height == 1);
        ck_assert_mem_eq(out.pixels, pixels, sizeof pixels);
        weft_image_free(&ctx, &out);
    }
}
END_TEST

START_TEST(nonsense_is_refused)
{
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    uint8_t pixels[12] = { 0 };
    const weft_image in = { .width = 2, .height = 2, .pixels = pixels }, none = { 0 };
    static const double boxes[][4] = { { -1, 0, 2, 2 }, { 0, -.5, 2, 2 },  { 0, 0, 2.5, 2 },     { 0, 0, 2, 3 },
                                       { 1, 0, 1, 2 },  { 0, 2, 2, 1 },    { 0, 0, (double)NAN, 2 },
                                       { (double)NAN, 0, 2, 2 },
                                       { 0, 0, (double)INFINITY, 2 } };
    weft_image out = { 0 };
    for (int i = 0; i < WEFT_COUNT(boxes); i++)
        CHECK_FAILS(WEFT_INVALID, weft_image_resize(&ctx, &in, boxes[i], 3, 3, WEFT_BILINEAR, &out), "box");
    CHECK_FAILS(WEFT_INVALID, weft_image_resize(&ctx, &in, NULL, 0, 3, WEFT_BILINEAR, &out), "size 0 x 3");
    CHECK_FAILS(WEFT_INVALID, weft_image_resize(&ctx, &in, NULL, 3, -1, WEFT_BILINEAR, &out), "size 3 x -1");
    CHECK_FAILS(WEFT_INVALID, weft_image_resize(&ctx, &in, NULL, 1 << 20, 1 << 20, WEFT_NEAREST, &out), "size");
    CHECK_FAILS(WEFT_INVALID, weft_image_resize(&ctx, &in, NULL, 3, 3, (weft_resample)3, &out), "filter");
    CHECK_FAILS(WEFT_INVALID, weft_image_resize(&ctx, &none, NULL, 3, 3, WEFT_BILINEAR, &out), "empty");
    CHECK_FAILS(WEFT_INVALID, weft_image_resize(NULL, &in, NULL, 3, 3, WEFT_BILINEAR, &out), "NULL");
    float input[12];
    CHECK_FAILS(WEFT_INVALID, weft_image_to_input(&ctx, &in, 2, 0, WEFT_BILINEAR, WEFT_PREPROCESS_TF, input), "crop 0");
    CHECK_FAILS(WEFT_INVALID, weft_image_to_input(&ctx, &in, 2, 1.1, WEFT_BILINEAR, WEFT_PREPROCESS_TF, input), "crop");
    CHECK_FAILS(WEFT_INVALID, weft_image_to_input(&ctx, &in, 2, 1, WEFT_BILINEAR, (weft_preprocess)9, input), "9");
    CHECK_FAILS(WEFT_INVALID, weft_image_to_input(&ctx, &none, 2, 1, WEFT_BILINEAR, WEFT_PREPROCESS_TF, input), "");
    ck_assert_ptr_null(out.pixels);
}
END_TEST

/* One pixel of (50, 100, 200) in every mode, by the formulas of include/weft/arch.h. */
START_TEST(preprocessing_is_what_the_header_says)
{
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    uint8_t pixels[] = { 50, 100, 200 };
    const weft_image in = { .width = 1, .height = 1, .pixels = pixels };
    static const double expected[][3] = {
        [WEFT_PREPROCESS_NONE] = { 50, 100, 200 },
        [WEFT_PREPROCESS_TF] = { 50 / 127.5 - 1, 100 / 127.5 - 1, 200 / 127.5 - 1 },
        [WEFT_PREPROCESS_CAFFE] = { 200 - 103.939, 100 - 116.779, 50 - 123.68 },
        [WEFT_PREPROCESS_TORCH] = { (50 / 255.0 - .485) / .229, (100 / 255.0 - .456) / .224,
                                    (200 / 255.0 - .406) / .225 },
        [WEFT_PREPROCESS_UNIT] = { 50 / 255.0, 100 / 255.0, 200 / 255.0 },
    };
    for (int mode = 0; mode < WEFT_COUNT(expected); mode++) {
        float out[4] = { 0, 0, 0, 7777 };
        CHECK_OK(weft_image_to_input(&ctx, &in, 1, 1, WEFT_BICUBIC, (weft_preprocess)mode, out));
        for (int c = 0; c < 3; c++)
            ck_assert_double_eq_tol((double)out[c], expected[mode][c], 1e-5 * (1 + fabs(expected[mode][c])));
        ck_assert_double_eq((double)out[3], 7777);
    }
}
END_TEST

/* The crop is the centre of the longer side: the left and right thirds of a 6 x 2 image play no part. */
START_TEST(the_crop_is_the_centre)
{
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    uint8_t pixels[6 * 2 * 3], turned[2 * 6 * 3];
    for (int y = 0; y < 2; y++) {
        for (int x = 0; x < 6; x++) {
            for (int c = 0; c < 3; c++)
                pixels[(y * 6 + x) * 3 + c] = turned[(x * 2 + y) * 3 + c] =
                    (uint8_t)(x < 2 || x > 3 ? 255 : 10 * x + 5 * y + c);
        }
    }
    const weft_image wide = { .width = 6, .height = 2, .pixels = pixels };
    const weft_image tall = { .width = 2, .height = 6, .pixels = turned };
    float out[12], across[12];
    CHECK_OK(weft_image_to_input(&ctx, &wide, 2, 1, WEFT_NEAREST, WEFT_PREPROCESS_NONE, out));
    CHECK_OK(weft_image_to_input(&ctx, &tall, 2, 1, WEFT_NEAREST, WEFT_PREPROCESS_NONE, across));
    for (int y = 0; y < 2; y++) {
        for (int x = 0; x < 2; x++) {
            for (int c = 0; c < 3; c++) {
                ck_assert_double_eq((double)out[(y * 2 + x) * 3 + c], 10 * (x + 2) + 5 * y + c);
                ck_assert_double_eq((double)across[(x * 2 + y) * 3 + c], 10 * (x + 2) + 5 * y + c);
            }
        }
    }
    CHECK_OK(weft_image_to_input(&ctx, &wide, 1, .01, WEFT_BICUBIC, WEFT_PREPROCESS_NONE, out));
    ck_assert_double_lt((double)out[0], 40);
}
END_TEST

static weft_status resize_step(const weft_allocator *allocator, void *arg)
{
    weft_ctx ctx = golden_ctx(allocator);
    uint8_t pixels[5 * 4 * 3] = { 9 };
    const weft_image in = { .width = 5, .height = 4, .pixels = pixels };
    float out[7 * 7 * 3];
    return weft_image_to_input(&ctx, &in, 7, .9, *(weft_resample *)arg, WEFT_PREPROCESS_TORCH, out);
}

START_TEST(every_failing_allocation_is_reported)
{
    for (weft_resample how = WEFT_NEAREST; how <= WEFT_BICUBIC; how++)
        ck_assert_int_ge(check_every_failure(resize_step, &how), how == WEFT_NEAREST ? 2 : 8);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("data: resize");
    CHECK_CASE(suite, "golden", sizes_boxes_and_filters_match_pillow, the_whole_image_at_its_size_is_a_copy);
    CHECK_CASE(suite, "arguments", nonsense_is_refused, every_failing_allocation_is_reported);
    CHECK_CASE(suite, "input", preprocessing_is_what_the_header_says, the_crop_is_the_centre);
    return check_main(suite, argv[0]);
}
