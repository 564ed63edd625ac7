/* SPDX-License-Identifier: Apache-2.0
 *
 * Resizing bit-equal to Pillow's digests, arguments that make no sense, every allocation failing. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "data/golden.h"
#include "image/filter.h"
#include "image/image.h"

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
    CHECK_OK(weft_image_read(&ctx, path, NULL, &in));
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
    ck_assert_int_ge(golden_each("resize", resize_row, &allocator), 1000);
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
    ck_assert_ptr_null(out.pixels);
}
END_TEST

/* A part of a resize is the same pixels as the part of all of it, whatever the filter and wherever the part lies. */
START_TEST(a_part_is_the_part_of_the_whole)
{
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    char path[GOLDEN_TEXT];
    weft_image in, all, part;
    static const struct {
        int width, height;
        weft_window window;
    } cases[] = {
        { 37, 29, { 3, 5, 20, 21 } },  { 37, 12, { 0, 0, 30, 12 } }, { 12, 29, { 4, 7, 8, 9 } },
        { 70, 55, { 11, 9, 48, 41 } }, { 10, 70, { 9, 69, 1, 1 } },
    };
    golden_path("444.jpg", path);
    CHECK_OK(weft_image_read(&ctx, path, NULL, &in));
    for (int how = WEFT_NEAREST; how <= WEFT_BICUBIC; how++) {
        for (int i = 0; i < WEFT_COUNT(cases); i++) {
            const weft_window w = cases[i].window;
            CHECK_OK(weft_image_resize(&ctx, &in, NULL, cases[i].width, cases[i].height, (weft_resample)how, &all));
            CHECK_OK(weft_image_resize_part(&ctx.allocator, &in, NULL, cases[i].width, cases[i].height, &w,
                                            (weft_resample)how, &part));
            ck_assert(part.width == w.width && part.height == w.height);
            for (int y = 0; y < w.height; y++)
                ck_assert_mem_eq(part.pixels + (size_t)(y * w.width) * 3,
                                 all.pixels + (size_t)((w.y + y) * all.width + w.x) * 3, (size_t)w.width * 3);
            weft_image_free(&ctx, &all);
            weft_image_free(&ctx, &part);
        }
    }
    weft_image_free(&ctx, &in);
}
END_TEST

enum { FILTER_SIZE = 61, FILTER_TAPS = 9, FILTER_OUT = 37 };

static uint32_t below(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % n;
}

/* Weights of any sign, as large as bicubic has them: sums stay in 32 bits. As many inputs as `most` at most. */
static weft_taps draw_taps(uint64_t *state, int in_size, int most)
{
    static int first[2 * FILTER_OUT];
    static int32_t weight[FILTER_OUT * FILTER_TAPS];
    static weft_halves halves[FILTER_OUT * (FILTER_TAPS + 1) / 2];
    const weft_taps t = { first, first + FILTER_OUT, weight, halves, FILTER_TAPS, (FILTER_TAPS + 1) / 2 };
    memset(halves, 0, sizeof halves);
    for (int i = 0; i < FILTER_OUT; i++) {
        t.count[i] = 1 + (int)below(state, (uint32_t)most);
        t.first[i] = (int)below(state, (uint32_t)(in_size - t.count[i] + 1));
        for (int k = 0; k < t.count[i]; k++) {
            const int32_t w = ((int32_t)below(state, 6 << 20) - (2 << 20)) / t.count[i];
            weft_halves *const pair = &halves[(size_t)i * t.pairs + (size_t)k / 2];
            weight[(size_t)i * t.stride + (size_t)k] = w;
            pair->high[k % 2] = (int16_t)(w >> WEFT_FILTER_LOW);
            pair->low[k % 2] = (int16_t)(w & ((1 << WEFT_FILTER_LOW) - 1));
        }
    }
    return t;
}

/* Each size, down to one pixel, with buffers that end where the pixels do: the loops of vectors give the bits of the
 * plain ones, and write nothing else. */
START_TEST(vectors_give_the_bits_of_the_plain_loops)
{
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2"))
        return;
    uint64_t state = check_seed();
    for (int size = 1; size <= FILTER_SIZE; size++) {
        const int lines = 1 + size % 7, most = size < FILTER_TAPS ? size : FILTER_TAPS;
        const size_t bytes = (size_t)size * (size_t)(lines > most ? lines : most) * 3;
        const size_t row_bytes = FILTER_OUT * (size_t)lines * 3;
        uint8_t *const in = malloc(bytes), *const plain = malloc(row_bytes), *const fast = malloc(row_bytes);
        for (size_t i = 0; i < bytes; i++)
            in[i] = (uint8_t)below(&state, 256);
        const weft_taps t = draw_taps(&state, size, most);
        weft_filter_plain.rows(in, size, lines, &t, FILTER_OUT, plain);
        weft_filter_avx2.rows(in, size, lines, &t, FILTER_OUT, fast);
        ck_assert_mem_eq(fast, plain, row_bytes);
        for (int at = 0; at < FILTER_OUT; at++) {
            uint8_t one[FILTER_SIZE * 3], other[FILTER_SIZE * 3];
            weft_filter_plain.column(in, (size_t)size * 3, &t, at, one);
            weft_filter_avx2.column(in, (size_t)size * 3, &t, at, other);
            ck_assert_mem_eq(other, one, (size_t)size * 3);
        }
        free(in);
        free(plain);
        free(fast);
    }
#endif
}
END_TEST

static weft_status resize_step(const weft_allocator *allocator, void *arg)
{
    weft_ctx ctx = golden_ctx(allocator);
    uint8_t pixels[5 * 4 * 3] = { 9 };
    const weft_image in = { .width = 5, .height = 4, .pixels = pixels };
    weft_image out;
    const weft_status status = weft_image_resize(&ctx, &in, NULL, 7, 7, *(weft_resample *)arg, &out);
    if (status == WEFT_OK)
        weft_image_free(&ctx, &out);
    return status;
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
    CHECK_CASE(suite, "golden", sizes_boxes_and_filters_match_pillow, the_whole_image_at_its_size_is_a_copy,
               a_part_is_the_part_of_the_whole, vectors_give_the_bits_of_the_plain_loops);
    CHECK_CASE(suite, "arguments", nonsense_is_refused, every_failing_allocation_is_reported);
    return check_main(suite, argv[0]);
}
