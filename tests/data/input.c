/* SPDX-License-Identifier: Apache-2.0
 *
 * From a photograph to a network's input: recipes of all networks, their text, crops, preprocessing, sampling without
 * antialiasing, and the values that torchvision, timm and Keras make of the same files (recipes.txt). */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "data/golden.h"
#include "image/image.h"

enum { VALUES = 24, PIXELS = 640 * 640 };

static weft_recipe squash(int px, weft_resample how, weft_preprocess preprocess)
{
    return (weft_recipe){ .px = px, .channels = 3, .resample = how, .preprocess = preprocess };
}

/* ---- recipes ---- */

START_TEST(every_network_has_a_recipe_that_its_text_keeps)
{
    for (int i = 0; i < weft_arch_count(); i++) {
        const weft_arch *arch = weft_arch_get(i);
        const weft_recipe r = weft_arch_recipe(arch, 0), half = weft_arch_recipe(arch, arch->px / 2);
        char text[WEFT_RECIPE_TEXT], again[WEFT_RECIPE_TEXT];
        weft_recipe back;
        CHECK_OK(weft_recipe_check(&r));
        CHECK_OK(weft_recipe_check(&half));
        ck_assert_int_eq(half.px, arch->px / 2);
        CHECK_OK(weft_recipe_parse(weft_recipe_text(&r, text, sizeof text), &back));
        ck_assert_str_eq(weft_recipe_text(&back, again, sizeof again), text);
        ck_assert(r.px == arch->px && r.channels == arch->channels && r.preprocess == arch->preprocess);
        if (arch->channels == 3)
            ck_assert_msg((r.fit == WEFT_FIT_SHORT) == (arch->dialect != WEFT_KERAS), "%s: %s", arch->name, text);
    }
    const weft_recipe none = weft_arch_recipe(NULL, 0);
    ck_assert_int_eq(none.px, 0);
}
END_TEST

START_TEST(the_text_of_a_recipe_is_read_and_checked)
{
    weft_recipe r;
    char text[WEFT_RECIPE_TEXT];
    CHECK_OK(weft_recipe_parse(" share=0.875 preprocess=torch px=224  fit=crop antialias=no resample=bicubic ", &r));
    ck_assert(r.px == 224 && r.channels == 3 && r.fit == WEFT_FIT_CROP && r.no_antialias);
    ck_assert(r.share == .875 && r.resample == WEFT_BICUBIC && r.preprocess == WEFT_PREPROCESS_TORCH);
    ck_assert_str_eq(weft_recipe_text(&r, text, sizeof text), "px=224 channels=3 fit=crop share=0.875000 "
                     "resample=bicubic antialias=no preprocess=torch");
    static const char *const wrong[][2] = {
        { "", "0 pixels" },
        { "px=0", "px=0" },
        { "px=9000", "px=9000" },
        { "px=1.5", "px=1.5" },
        { "px=224 channels=2", "channels=2" },
        { "px=224 fit=stretch", "fit=stretch" },
        { "px=224 fit=short side=100", "shorter side 100" },
        { "px=224 fit=crop share=1.5", "share=1.5" },
        { "px=224 share=nan", "share=nan" },
        { "px=224 share=.", "share=." },
        { "px=224 mean=3", "mean=3" },
        { "px=224 mean=.5", "mean without std" },
        { "px=224 mean=.5 std=0", "std=0" },
        { "px=224 mean=.5,.5 std=1", "mean=.5,.5" },
        { "px=224 mean=.5,.5,.5,.5 std=1", "mean=.5,.5,.5,.5" },
        { "px=224 mean=.5 std=.5 preprocess=torch", "not of preprocess=torch" },
        { "px=224 crop=0", "crop=0" },
        { "px 224", "'px'" },
        { "px=224 preprocess=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "key=value" },
    };
    for (int i = 0; i < WEFT_COUNT(wrong); i++)
        CHECK_FAILS(WEFT_BAD_DATA, weft_recipe_parse(wrong[i][0], &r), wrong[i][1]);
    ck_assert_int_eq(r.px, 224);
    CHECK_FAILS(WEFT_INVALID, weft_recipe_parse(NULL, &r), "NULL");
}
END_TEST

START_TEST(the_text_of_a_recipe_is_the_recipe)
{
    static const double shares[] = { .9999997, 1, 1e-6, .875, 1. / 3, .1, .123456789012345, 0.9222222222222202781 };
    for (int i = 0; i < WEFT_COUNT(shares); i++) {
        weft_recipe r = { .px = 224, .channels = 3, .fit = WEFT_FIT_CROP, .share = shares[i],
                          .preprocess = WEFT_PREPROCESS_UNIT, .mean = { .4850000001, shares[i], 0 },
                          .std = { shares[i], .5, 58.395 } }, back;
        char text[WEFT_RECIPE_TEXT], again[WEFT_RECIPE_TEXT];
        CHECK_OK(weft_recipe_parse(weft_recipe_text(&r, text, sizeof text), &back));
        ck_assert_double_eq_tol(back.share, r.share, 1e-15);
        for (int c = 0; c < 3; c++)
            ck_assert(fabs(back.mean[c] - r.mean[c]) <= 1e-15 && fabs(back.std[c] - r.std[c]) <= 1e-13);
        ck_assert_str_eq(weft_recipe_text(&back, again, sizeof again), text);
    }
    weft_recipe small = { .px = 224, .channels = 3, .fit = WEFT_FIT_CROP, .share = 1e-7 };
    CHECK_FAILS(WEFT_INVALID, weft_recipe_check(&small), "share 1e-07");
}
END_TEST

/* timm's default_cfg: crop_pct .95 of 288 pixels is a side of floor(288 / .95). */
START_TEST(words_change_a_recipe)
{
    static const char base[] = "px=224 fit=short side=256 resample=bilinear preprocess=torch";
    static const struct {
        const char *words, *text;
    } cases[] = {
        { "", "px=224 channels=3 fit=short side=256 resample=bilinear preprocess=torch" },
        { "px=288", "px=288 channels=3 fit=short side=329 resample=bilinear preprocess=torch" },
        { "px=288 crop=0.95", "px=288 channels=3 fit=short side=303 resample=bilinear preprocess=torch" },
        { "crop=1 interpolation=bicubic", "px=224 channels=3 fit=short side=224 resample=bicubic preprocess=torch" },
        { "px=192 side=200", "px=192 channels=3 fit=short side=200 resample=bilinear preprocess=torch" },
        { "mean=0.5 std=0.25,0.5,1", "px=224 channels=3 fit=short side=256 resample=bilinear preprocess=unit "
          "mean=0.5,0.5,0.5 std=0.25,0.5,1" },
        { "fit=squash antialias=no", "px=224 channels=3 fit=squash resample=bilinear antialias=no preprocess=torch" },
    };
    weft_recipe r;
    char text[WEFT_RECIPE_TEXT];
    for (int i = 0; i < WEFT_COUNT(cases); i++) {
        CHECK_OK(weft_recipe_parse(base, &r));
        CHECK_OK(weft_recipe_change(cases[i].words, &r));
        ck_assert_str_eq(weft_recipe_text(&r, text, sizeof text), cases[i].text);
    }
    CHECK_OK(weft_recipe_change("mean=0.5 std=0.25", &r));
    CHECK_OK(weft_recipe_change("preprocess=tf", &r)); /* takes the place of mean and std */
    ck_assert(r.std[0] == 0 && r.preprocess == WEFT_PREPROCESS_TF);
    CHECK_FAILS(WEFT_BAD_DATA, weft_recipe_change("px=224 colour=red", &r), "colour=red");
    CHECK_FAILS(WEFT_BAD_DATA, weft_recipe_change("fit=short side=3", &r), "shorter side 3");
}
END_TEST

/* ---- preprocessing ---- */

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
    for (int mode = 0; mode < 2 * WEFT_COUNT(expected); mode++) {
        float out[4] = { 0, 0, 0, 7777 };
        weft_recipe r = squash(1, WEFT_BICUBIC, (weft_preprocess)(mode / 2));
        r.no_antialias = mode & 1;
        CHECK_OK(weft_image_to_input(&ctx, &in, &r, out));
        for (int c = 0; c < 3; c++)
            ck_assert_double_eq_tol((double)out[c], expected[mode / 2][c], 1e-5 * (1 + fabs(expected[mode / 2][c])));
        ck_assert_double_eq((double)out[3], 7777);
    }
    weft_recipe r = squash(1, WEFT_BICUBIC, WEFT_PREPROCESS_UNIT);
    CHECK_OK(weft_recipe_change("mean=.1,.2,.3 std=.5,.25,2", &r));
    for (int floats = 0; floats < 2; floats++) {
        float out[3];
        r.no_antialias = floats;
        CHECK_OK(weft_image_to_input(&ctx, &in, &r, out));
        ck_assert_double_eq_tol((double)out[0], (50 / 255. - .1) / .5, 1e-6);
        ck_assert_double_eq_tol((double)out[1], (100 / 255. - .2) / .25, 1e-6);
        ck_assert_double_eq_tol((double)out[2], (200 / 255. - .3) / 2, 1e-6);
    }
}
END_TEST

/* Pillow's convert("L") of (50, 100, 200) is 96: round(.299 * 50 + .587 * 100 + .114 * 200). */
START_TEST(one_channel_is_luma)
{
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    uint8_t pixels[] = { 50, 100, 200 };
    const weft_image in = { .width = 1, .height = 1, .pixels = pixels };
    float out[2] = { 0, 7777 };
    weft_recipe r = squash(1, WEFT_BILINEAR, WEFT_PREPROCESS_UNIT);
    r.channels = 1;
    CHECK_OK(weft_image_to_input(&ctx, &in, &r, out));
    ck_assert_double_eq_tol((double)out[0], 96 / 255., 1e-6);
    r.no_antialias = true;
    CHECK_OK(weft_image_to_input(&ctx, &in, &r, out));
    ck_assert_double_eq_tol((double)out[0], 96.45 / 255, 1e-6);
    ck_assert_double_eq((double)out[1], 7777);
}
END_TEST

/* ---- crops ---- */

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
    weft_recipe r = squash(2, WEFT_NEAREST, WEFT_PREPROCESS_NONE);
    for (int fit = WEFT_FIT_SHORT; fit <= WEFT_FIT_CROP; fit++) {
        float out[12], across[12];
        r.fit = (weft_fit)fit;
        r.side = 2;
        r.share = 1;
        CHECK_OK(weft_image_to_input(&ctx, &wide, &r, out));
        CHECK_OK(weft_image_to_input(&ctx, &tall, &r, across));
        for (int y = 0; y < 2; y++) {
            for (int x = 0; x < 2; x++) {
                for (int c = 0; c < 3; c++) {
                    ck_assert_double_eq((double)out[(y * 2 + x) * 3 + c], 10 * (x + 2) + 5 * y + c);
                    ck_assert_double_eq((double)across[(x * 2 + y) * 3 + c], 10 * (x + 2) + 5 * y + c);
                }
            }
        }
    }
}
END_TEST

/* torchvision rounds half to even: 5 - 2 leaves 3, of which 1.5 -> 2 go before; 4 + 1 leaves .5 -> 0. TensorFlow rounds
 * the share down and the offset up. */
START_TEST(crops_round_as_their_libraries)
{
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    uint8_t pixels[5 * 5 * 3];
    for (int i = 0; i < 25; i++)
        pixels[3 * i] = pixels[3 * i + 1] = pixels[3 * i + 2] = (uint8_t)i;
    const weft_image in = { .width = 5, .height = 5, .pixels = pixels };
    static const struct {
        int px, side;
        double share;
        float first;
    } cases[] = { { 2, 5, 0, 12 },  { 4, 5, 0, 0 },   { 3, 5, 0, 6 },
                  { 2, 0, .4, 12 }, { 4, 0, .99, 6 }, { 3, 0, .6, 6 } };
    for (int i = 0; i < WEFT_COUNT(cases); i++) {
        float out[4 * 4 * 3];
        weft_recipe r = squash(cases[i].px, WEFT_NEAREST, WEFT_PREPROCESS_NONE);
        r.fit = cases[i].side ? WEFT_FIT_SHORT : WEFT_FIT_CROP;
        r.side = cases[i].side;
        r.share = cases[i].share;
        CHECK_OK(weft_image_to_input(&ctx, &in, &r, out));
        ck_assert_msg(out[0] == cases[i].first, "case %d: %g", i, (double)out[0]);
    }
}
END_TEST

START_TEST(nonsense_is_refused)
{
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    uint8_t pixels[3 * 60000] = { 0 };
    const weft_image in = { .width = 2, .height = 2, .pixels = pixels }, none = { 0 };
    const weft_image strip = { .width = 1, .height = 60000, .pixels = pixels };
    float out[48];
    weft_recipe r = squash(2, WEFT_BILINEAR, WEFT_PREPROCESS_TF);
    CHECK_FAILS(WEFT_INVALID, weft_image_to_input(&ctx, &none, &r, out), "empty");
    CHECK_FAILS(WEFT_INVALID, weft_image_to_input(&ctx, &in, NULL, out), "NULL");
    r.fit = WEFT_FIT_SHORT;
    r.side = 1;
    CHECK_FAILS(WEFT_INVALID, weft_image_to_input(&ctx, &in, &r, out), "shorter side 1");
    r.side = 256;
    CHECK_FAILS(WEFT_BAD_DATA, weft_image_to_input(&ctx, &strip, &r, out), "1 x 60000 pixels is too long");
    r.preprocess = (weft_preprocess)9;
    CHECK_FAILS(WEFT_INVALID, weft_image_to_input(&ctx, &in, &r, out), "preprocessing 9");
    CHECK_FAILS(WEFT_INVALID, weft_image_sample(&ctx, &none, 2, 2, WEFT_BILINEAR, out), "empty");
    CHECK_FAILS(WEFT_INVALID, weft_image_sample(&ctx, &in, 0, 2, WEFT_BILINEAR, out), "size 0 x 2");
    CHECK_FAILS(WEFT_INVALID, weft_image_sample(&ctx, &in, 2, 2, (weft_resample)3, out), "filter");
}
END_TEST

/* ---- what others make of the same files ---- */

/* Compares values at the places that make_recipes.py counts, within `tolerance` of numbers about 1. */
static void compare(const char *what, const char *values, const float *found, int64_t count, double tolerance)
{
    int64_t expected_count;
    int at = 0;
    ck_assert_int_eq(sscanf(values, "%" SCNd64 "%n", &expected_count, &at), 1);
    ck_assert_msg(expected_count == count, "%s: %" PRId64 " values", what, count);
    for (int64_t k = 0; k < VALUES; k++) {
        double expected;
        int used = 0;
        ck_assert_int_eq(sscanf(values + at, "%lf%n", &expected, &used), 1);
        at += used;
        const double value = (double)found[k * 2654435761 % count];
        ck_assert_msg(fabs(value - expected) <= tolerance * fmax(1, fabs(expected)), "%s: value %d is %.9g, not %.9g",
                      what, (int)k, value, expected);
    }
}

static weft_image read_fixture(weft_ctx *ctx, const char *name)
{
    char path[GOLDEN_TEXT];
    weft_image image;
    golden_path(name, path);
    CHECK_OK(weft_image_read(ctx, path, NULL, &image));
    return image;
}

static void input_row(const char *rest, void *arg)
{
    char name[200], network[40], dialect[16];
    int at = 0;
    ck_assert_int_eq(sscanf(rest, "%199s %39s %15s %n", name, network, dialect, &at), 3);
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    weft_image image = read_fixture(&ctx, name);
    const weft_arch *arch = weft_arch_find(network, weft_dialect_parse(dialect));
    ck_assert_msg(arch != NULL, "%s %s", network, dialect);
    const weft_recipe r = weft_arch_recipe(arch, 0);
    CHECK_OK(weft_image_to_input(&ctx, &image, &r, arg));
    compare(rest, rest + at, arg, (int64_t)r.px * r.px * 3, 1e-6);
    weft_image_free(&ctx, &image);
}

static void sample_row(const char *rest, void *arg)
{
    char name[200], filter[16];
    int width, height, at = 0, how = 0;
    ck_assert_int_eq(sscanf(rest, "%199s %15s %d %d %n", name, filter, &width, &height, &at), 4);
    while (how < 3 && strcmp(weft_resample_name((weft_resample)how), filter) != 0)
        how++;
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    weft_image image = read_fixture(&ctx, name);
    CHECK_OK(weft_image_sample(&ctx, &image, width, height, (weft_resample)how, arg));
    /* of 0..255, where the frameworks' own orders of summation differ */
    compare(rest, rest + at, arg, (int64_t)width * height * 3, how == WEFT_NEAREST ? 0 : 2e-5);
    weft_image_free(&ctx, &image);
}

static void share_row(const char *rest, void *arg)
{
    char name[200], filter[16], text[128];
    double share;
    int px, at = 0;
    ck_assert_int_eq(sscanf(rest, "%199s %lf %d %15s %n", name, &share, &px, filter, &at), 4);
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    weft_image image = read_fixture(&ctx, name);
    weft_recipe r;
    snprintf(text, sizeof text, "px=%d fit=crop share=%.3f resample=%s", px, share, filter);
    CHECK_OK(weft_recipe_parse(text, &r));
    CHECK_OK(weft_image_to_input(&ctx, &image, &r, arg));
    compare(rest, rest + at, arg, (int64_t)px * px * 3, 0);
    weft_image_free(&ctx, &image);
}

START_TEST(inputs_are_those_of_torchvision_timm_and_keras)
{
    float *out = calloc(3 * PIXELS, sizeof *out);
    ck_assert_ptr_nonnull(out);
    ck_assert_int_ge(golden_each("input", input_row, out), 90);
    ck_assert_int_ge(golden_each("sample", sample_row, out), 21);
    ck_assert_int_ge(golden_each("share", share_row, out), 9);
    free(out);
}
END_TEST

typedef struct step {
    weft_recipe recipe;
} step;

static weft_status input_step(const weft_allocator *allocator, void *arg)
{
    const step *s = arg;
    weft_ctx ctx = golden_ctx(allocator);
    uint8_t pixels[9 * 7 * 3] = { 9 };
    const weft_image in = { .width = 9, .height = 7, .pixels = pixels };
    float out[5 * 5 * 3];
    return weft_image_to_input(&ctx, &in, &s->recipe, out);
}

START_TEST(every_failing_allocation_is_reported)
{
    for (int i = 0; i < 12; i++) {
        step s = { squash(5, WEFT_BICUBIC, WEFT_PREPROCESS_TORCH) };
        s.recipe.fit = (weft_fit)(i % WEFT_FIT_COUNT);
        s.recipe.side = 6;
        s.recipe.share = .9;
        s.recipe.no_antialias = i / 3 & 1;
        s.recipe.channels = i / 6 ? 1 : 3;
        ck_assert_int_ge(check_every_failure(input_step, &s), 1);
    }
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("data: input");
    CHECK_CASE(suite, "recipes", every_network_has_a_recipe_that_its_text_keeps,
               the_text_of_a_recipe_is_read_and_checked, the_text_of_a_recipe_is_the_recipe, words_change_a_recipe);
    CHECK_CASE(suite, "golden", inputs_are_those_of_torchvision_timm_and_keras);
    CHECK_CASE(suite, "input", preprocessing_is_what_the_header_says, one_channel_is_luma, the_crop_is_the_centre,
               crops_round_as_their_libraries, nonsense_is_refused, every_failing_allocation_is_reported);
    return check_main(suite, argv[0]);
}
