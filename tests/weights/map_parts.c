/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the mapping by examples worked by hand: patterns and templates, Keras' numbers, layouts, digests. */
#include "weights/names/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/harness.h"

/* ---- patterns ---- */

static const struct {
    const char *pattern, *text;
    bool matches;
} matching[] = {
    { "stem/conv2d", "stem/conv2d", true },
    { "stem/conv2d", "stem/conv2d/weight", false },
    { "stage{s}.{u}/a", "stage12.3/a", true },
    { "stage{s}.{u}/a", "stage.3/a", false },
    { "stage{s}.{u}/a", "stage1.3/b", false },
    { "{x:a|ab|c}/z", "ab/z", true }, /* the first word is not enough */
    { "{x:a|b}/z", "c/z", false },
    { "{x:3x3|5x5}{r:_reduce|}/z", "5x5/z", true },
    { "{x:3x3|5x5}{r:_reduce|}/z", "5x5_reduce/z", true },
    { "*.num_batches_tracked", "a.b.num_batches_tracked", true },
    { "*.num_batches_tracked", "num_batches_tracked", false },
    { "aux{n}.*", "aux1.fc.weight", true },
    { "aux{n}.*", "aux.fc.weight", false },
    { "*", "", true },
};

START_TEST(patterns_match)
{
    weft_name_values values;

    ck_assert_msg(weft_name_match(matching[_i].pattern, matching[_i].text, &values) == matching[_i].matches,
                  "%s and %s", matching[_i].pattern, matching[_i].text);
}
END_TEST

START_TEST(lists_of_patterns_match)
{
    ck_assert(weft_name_match_any("resnet{n}|resnext{n}-*", "resnet50"));
    ck_assert(weft_name_match_any("resnet{n}|resnext{n}-*", "resnext50-32x4d"));
    ck_assert(!weft_name_match_any("resnet{n}|resnext{n}-*", "resnet50v2"));
    ck_assert(weft_name_match_any("{x:a|b}c|d", "bc"));
    ck_assert(weft_name_match_any("{x:a|b}c|d", "d"));
    ck_assert(!weft_name_match_any("{x:a|b}c|d", "b"));
}
END_TEST

static bool fresh(void *arg, const char *stem, size_t length, int64_t k, char *buf, size_t size)
{
    int64_t *next = arg;

    return weft_source_numbered(NULL, stem, length, k >= 0 ? k : (*next)++, buf, size);
}

static const struct {
    const char *pattern, *text, *source;
    int matched;
    const char *result; /* NULL: cannot be written */
} expanding[] = {
    { "stage{s}.{u}", "stage2.10", "layer{s}.{u}", 0, "layer2.10" },
    { "stage{s}.{u}", "stage2.10", "conv{s+1}_block{u+1}_0", 0, "conv3_block11_0" },
    { "block{b}/{x:a|b|c}", "block3/c", "features.{2#+b-1}", 5, "features.12" },
    { "{x:a|b|c}", "c", "conv{x+1}", 0, "conv3" },
    { "{x:a|b|c}", "b", "{x:|_1|_2}.{3x}", 0, "_1.3" },
    { "{x:a|b|c}", "a", "r{x:|_1|_2}", 0, "r" },
    { "a", "a", "features.{#+2}.conv", 3, "features.5.conv" },
    { "a{n}", "a7", "b{10-n}", 0, "b3" },
    { "a", "a", "{#conv2d}", 0, "conv2d_4" }, /* the walk stands at 4 */
    { "u{u}", "u2", "{#conv2d:2u+1}:kernel", 0, "conv2d_5:kernel" },
    { "u{u}", "u0", "{#conv2d:u}", 0, "conv2d" },
    { "a", "a", "a name that is longer than thirty-two", 0, NULL },
};

START_TEST(templates_expand)
{
    weft_name_values values;
    int64_t next = 4;
    char buf[32];

    ck_assert(weft_name_match(expanding[_i].pattern, expanding[_i].text, &values));
    const bool done = weft_name_expand(expanding[_i].source, &values, expanding[_i].matched, fresh, &next, buf,
                                       sizeof buf);
    ck_assert_int_eq(done, expanding[_i].result != NULL);
    if (done)
        ck_assert_str_eq(buf, expanding[_i].result);
}
END_TEST

/* ---- numbered layers ---- */

START_TEST(numbers_are_taken_in_order_wherever_they_begin)
{
    static const char *const names[] = { "conv2d_10/kernel", "conv2d_9/kernel", "conv2d_9/bias", "conv2d_a/kernel",
                                         "conv2d_100/0",     "conv2dx/kernel",  "dense/kernel" };
    static const char *const expected[] = { "conv2d_9", "conv2d_10", "conv2d_100" };
    enum { COUNT = sizeof names / sizeof *names };
    weft_weight tensors[COUNT];
    const char *key[COUNT];
    weft_source_key sorted[COUNT];
    weft_ctx *ctx = NULL;
    char buf[32];

    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
    weft_arena arena = { .allocator = weft_ctx_allocator(ctx) };
    weft_source source = { .arena = &arena, .count = COUNT, .tensors = tensors, .key = key, .sorted = sorted };
    for (int i = 0; i < COUNT; i++)
        tensors[i] = (weft_weight){ .name = names[i] };
    CHECK_OK(weft_source_sort(&source));
    for (int k = 0; k < 3; k++) {
        ck_assert(weft_source_numbered(&source, "conv2d", 6, k, buf, sizeof buf));
        ck_assert_str_eq(buf, expected[k]);
    }
    ck_assert(!weft_source_numbered(&source, "conv2d", 6, 3, buf, sizeof buf));
    ck_assert(weft_source_numbered(&source, "dense", 5, 0, buf, sizeof buf));
    ck_assert_str_eq(buf, "dense");
    ck_assert_int_eq(weft_source_find(&source, "dense/kernel"), 6);
    ck_assert_int_eq(weft_source_find(&source, "dense"), -1);
    weft_arena_release(&arena);
    weft_ctx_destroy(ctx);
}
END_TEST

/* ---- layouts ---- */

#define SHAPE(...) { sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t), { __VA_ARGS__ } }

/* The file holds 0, 1, 2, ...; result: what ours then is. */
static const struct {
    weft_style style;
    weft_shape have, want;
    int64_t map[3];
    const char *name; /* NULL: does not fit */
    float result[16];
} layouts[] = {
    { WEFT_STYLE_TORCH, SHAPE(2, 3, 1, 2), SHAPE(2, 1, 2, 3), { 0 }, "oihw", { 0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11 } },
    { WEFT_STYLE_TORCH, SHAPE(2, 3, 1, 2), SHAPE(2, 2, 1, 3), { 0 }, NULL, { 0 } }, /* 1x2 is not 2x1 */
    { WEFT_STYLE_TORCH, SHAPE(2, 1, 2, 1), SHAPE(2, 2, 1, 1), { 0 }, "oihw", { 0, 1, 2, 3 } }, /* depthwise */
    { WEFT_STYLE_TORCH, SHAPE(2, 3), SHAPE(2, 3), { 0 }, "oi", { 0, 1, 2, 3, 4, 5 } },
    { WEFT_STYLE_TORCH, SHAPE(3, 2), SHAPE(2, 3), { 0 }, NULL, { 0 } },
    { WEFT_STYLE_TORCH, SHAPE(2, 3, 1, 1), SHAPE(2, 3), { 0 }, "oihw", { 0, 1, 2, 3, 4, 5 } },
    /* a map of 1 x 2 pixels with 3 channels, flattened c h w, for 2 outputs */
    { WEFT_STYLE_TORCH, SHAPE(2, 6), SHAPE(2, 6), { 1, 2, 3 }, "o(chw)", { 0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11 } },
    /* the same as a convolution as large as the map */
    { WEFT_STYLE_TORCH, SHAPE(2, 3, 1, 2), SHAPE(2, 6), { 1, 2, 3 }, "oihw", { 0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11 } },
    { WEFT_STYLE_KERAS, SHAPE(1, 2, 3, 2), SHAPE(2, 1, 2, 3), { 0 }, "hwio", { 0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11 } },
    /* 2 channels, 2 filters for each: ours are 4 filters of 1 x 2 */
    { WEFT_STYLE_KERAS, SHAPE(1, 2, 2, 2), SHAPE(4, 1, 2, 1), { 0 }, "hwcm", { 0, 4, 1, 5, 2, 6, 3, 7 } },
    { WEFT_STYLE_KERAS, SHAPE(1, 2, 1, 3), SHAPE(3, 1, 2, 1), { 0 }, "hwio", { 0, 3, 1, 4, 2, 5 } },
    { WEFT_STYLE_KERAS, SHAPE(3, 2), SHAPE(2, 3), { 0 }, "io", { 0, 2, 4, 1, 3, 5 } },
    { WEFT_STYLE_KERAS, SHAPE(1, 1, 3, 2), SHAPE(2, 3), { 0 }, "hwio", { 0, 2, 4, 1, 3, 5 } },
    { WEFT_STYLE_KERAS, { 0, { 0 } }, SHAPE(1), { 0 }, "vector", { 0 } },
    { WEFT_STYLE_OURS, SHAPE(1, 2, 1, 2), SHAPE(1, 2, 1, 2), { 0 }, "ohwi", { 0, 1, 2, 3 } },
    { WEFT_STYLE_OURS, SHAPE(2, 1, 1, 2), SHAPE(1, 2, 1, 2), { 0 }, NULL, { 0 } },
    { WEFT_STYLE_TORCH, SHAPE(3), SHAPE(4), { 0 }, NULL, { 0 } },
    { WEFT_STYLE_TORCH, SHAPE(INT64_MAX, INT64_MAX), SHAPE(2, 3), { 0 }, NULL, { 0 } },
};

START_TEST(layouts_are_as_by_hand)
{
    const int64_t count = layouts[_i].have.rank ? weft_shape_count(&layouts[_i].have) : 1;
    float in[16], out[16];
    weft_tensor_order layout;
    const bool fits = weft_tensor_order_find(layouts[_i].style, &layouts[_i].have, &layouts[_i].want, layouts[_i].map,
                                       &layout);

    ck_assert_int_eq(fits, layouts[_i].name != NULL);
    if (!fits)
        return;
    ck_assert_str_eq(layout.name, layouts[_i].name);
    for (int i = 0; i < 16; i++)
        in[i] = (float)i;
    weft_tensor_order_apply(&layout, in, out);
    for (int64_t i = 0; i < count; i++)
        ck_assert_msg(out[i] == layouts[_i].result[i], "element %d is %g, expected %g", (int)i, (double)out[i],
                      (double)layouts[_i].result[i]);
}
END_TEST

/* ---- digests ---- */

/* FIPS 180-4's examples, and a length around the end of a block. */
static const struct {
    const char *text;
    int times;
    const char *hex;
} digests[] = {
    { "", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    { "a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
};

static void write_file(const char *path, const char *text, int times)
{
    FILE *file = fopen(path, "wb");

    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < times; i++)
        fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(digests_are_the_published_ones)
{
    char hex[65] = "";

    write_file("digest.tmp", digests[_i].text, digests[_i].times);
    CHECK_OK(weft_file_digest("digest.tmp", hex));
    ck_assert_str_eq(hex, digests[_i].hex);
    remove("digest.tmp");
}
END_TEST

START_TEST(names_are_held_against_digests)
{
    static const struct {
        const char *path;
        bool right;
    } files[] = {
        { "abc-ba7816bf.pth", true },  { "abc-ba7816be.pth", false },
        { "abc-BA7816BE.pth", true }, /* not how digests are written */
        { "ba7816be.pth", true },      { "abc-ba7816b.pth", true },   { "abc-00000000", false },
        { "abc-20240115.pth", true }, /* a date */
        { "abc-19991231.pth", true },  { "abc-20241315.pth", false }, { "abc-20240132.pth", false },
        { "abc-21240115.pth", false },
    };
    char hex[65];

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_file(files[i].path, "abc", 1);
        const weft_status status = weft_file_verify(files[i].path, hex);
        remove(files[i].path);
        ck_assert_msg(status == (files[i].right ? WEFT_OK : WEFT_BAD_DATA), "%s: %s", files[i].path, weft_error());
    }
    CHECK_FAILS(WEFT_NOT_FOUND, weft_file_verify("no-such-file.pth", hex), "no-such-file.pth");
    CHECK_FAILS(WEFT_BAD_DATA, weft_file_digest(".", hex), ".: is a directory");
    CHECK_FAILS(WEFT_BAD_DATA, weft_file_digest("/dev/zero", hex), "is not a regular file");
    ck_assert_int_eq(mkfifo("pipe.tmp", 0600), 0);
    CHECK_FAILS(WEFT_BAD_DATA, weft_file_digest("pipe.tmp", hex), "pipe.tmp: is not a regular file");
    remove("pipe.tmp");
}
END_TEST

/* ---- names of files ---- */

START_TEST(a_longer_name_is_another_network)
{
    static const struct {
        const char *path, *arch;
        bool longer;
    } rows[] = {
        { "mobilenetv1.pth", "mobilenet", false },
        { "hub/mobilenet_v1_1.0_224", "mobilenet", false },
        { "mobilenetv1d.pth", "mobilenet", true },
        { "mobilenetv12.pth", "mobilenet", true },
        { "mobilenetx.pth", "mobilenet", true },
        { "best.pth", "mobilenet", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(weft_name_is_longer(rows[i].path, weft_arch_find(rows[i].arch, WEFT_DIALECT_DEFAULT)) ==
                          rows[i].longer, "%s", rows[i].path);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof *(table))

int main(void)
{
    Suite *s = suite_create("weights_map_parts");
    TCase *names = tcase_create("names"), *tensors = tcase_create("tensors"), *files = tcase_create("files");

    tcase_add_loop_test(names, patterns_match, 0, ROWS(matching));
    tcase_add_test(names, lists_of_patterns_match);
    tcase_add_loop_test(names, templates_expand, 0, ROWS(expanding));
    tcase_add_test(names, numbers_are_taken_in_order_wherever_they_begin);
    tcase_add_loop_test(tensors, layouts_are_as_by_hand, 0, ROWS(layouts));
    tcase_add_loop_test(files, digests_are_the_published_ones, 0, ROWS(digests));
    tcase_add_test(files, names_are_held_against_digests);
    tcase_add_test(files, a_longer_name_is_another_network);
    suite_add_tcase(s, names);
    suite_add_tcase(s, tensors);
    suite_add_tcase(s, files);
    return check_main(s, "weights_map_parts");
}
