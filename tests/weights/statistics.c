/* SPDX-License-Identifier: Apache-2.0
 *
 * A mean and a deviation among a network's tensors, as MMPretrain, detectron and many scripts keep them: they become
 * the recipe, whatever stands before their names, and what no recipe can do is refused. The right values are those of
 * (x - mean) / std as the network itself would compute it of pixels from 0 to 255, or from 0 to 1. */
#include <stdio.h>
#include <string.h>
#include <weft/weft.h>

#include "base/compiler.h"
#include "check/harness.h"

static weft_ctx *ctx;

static void setup(void)
{
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
}

static void teardown(void)
{
    weft_ctx_destroy(ctx);
}

/* Zeros under a framework's names. */
static weft_weights *make_network(const char *name, weft_dialect dialect, weft_origin origin, const char *before)
{
    weft_weights *set = NULL;
    weft_name_list *names = NULL;
    CHECK_OK(weft_weights_names(ctx, name, dialect, origin, &names));
    CHECK_OK(weft_weights_create(ctx, &set));
    for (int i = 0; i < names->count; i++) {
        char whole[256];
        if (!names->entries[i].origin_name)
            continue;
        snprintf(whole, sizeof whole, "%s%s", before, names->entries[i].origin_name);
        CHECK_OK(weft_weights_add(set, whole, WEFT_F32, &names->entries[i].origin_shape, NULL));
    }
    weft_name_list_destroy(ctx, names);
    return set;
}

static void add(weft_weights *set, const char *name, int rank, int count, const float *values)
{
    weft_shape shape = { .rank = rank, .dim = { 1, 1, 1, 1, 1, 1 } };
    shape.dim[rank == 4 ? 1 : 0] = count;
    CHECK_OK(weft_weights_add(set, name, WEFT_F32, &shape, values));
}

#define IMAGENET { 123.675f, 116.28f, 103.53f }, { 58.395f, 57.12f, 57.375f }
#define SHORT "px=224 channels=3 fit=short side=256 resample=bilinear preprocess="

static const struct {
    const char *before;       /* the names of the network */
    const char *mean, *std;   /* names of tensors */
    int rank, count;
    float value[2][3];
    const char *key, *text;   /* metadata; NULL: none */
    const char *recipe;       /* NULL: the publisher's; '!': a part of what is wrong */
} rows[] = {
    { "backbone.", "data_preprocessor.mean", "data_preprocessor.std", 3, 3, { IMAGENET }, NULL, NULL, NULL },
    { "", "pixel_mean", "pixel_std", 1, 3, { IMAGENET }, NULL, NULL, NULL },
    { "backbone.", "data_preprocessor.mean", "data_preprocessor.std", 3, 3, { { 127.5f, 127.5f, 127.5f },
      { 127.5f, 127.5f, 127.5f } }, NULL, NULL, SHORT "tf" },
    { "backbone.", "data_preprocessor.mean", "data_preprocessor.std", 3, 3, { { 0, 0, 0 }, { 255, 255, 255 } }, NULL,
      NULL, SHORT "unit" },
    { "backbone.", "data_preprocessor.mean", "data_preprocessor.std", 3, 3, { { 0, 0, 0 }, { 1, 1, 1 } }, NULL, NULL,
      SHORT "none" },
    { "model.", "normalize.mean", "normalize.std", 4, 3, { { .485f, .456f, .406f }, { .229f, .224f, .225f } }, NULL,
      NULL, NULL },
    { "module.model.", "module.normalizer.new_mean", "module.normalizer.new_std", 3, 3,
      { { .25f, .5f, .75f }, { .5f, .25f, .125f } }, NULL, NULL,
      SHORT "unit mean=0.25,0.5,0.75 std=0.5,0.25,0.125" },
    { "", "mean", "std", 1, 1, { { .5f }, { .25f } }, NULL, NULL, SHORT "unit mean=0.5,0.5,0.5 std=0.25,0.25,0.25" },
    { "", "norm.mean", "norm.std", 3, 3, { { 0, 0, 0 }, { 1, 1, 1 } }, NULL, NULL, SHORT "unit" },
    { "", "mean", "std", 3, 3, { { .5f, .5f, .5f }, { .5f, .5f, .5f } }, "recipe.preprocess", "tf", SHORT "tf" },
    { "", "mean", "std", 3, 3, { { .5f, .5f, .5f }, { .5f, .5f, .5f } }, "recipe.preprocess", "unit",
      "!tensor 'mean': this asks for another mean and deviation than the description" },
    { "", "pixel_mean", "pixel_std", 1, 3, { { 103.53f, 116.28f, 123.675f }, { 1, 1, 1 } }, NULL, NULL,
      "!tensor 'pixel_mean': this is ImageNet's mean in the order blue, green, red" },
    { "", "mean", "std", 1, 3, { { .5f, .5f, .5f }, { .5f, 0, .5f } }, NULL, NULL,
      "!tensor 'mean': this and its deviation ask for (x / 255 - mean) / std with mean 0.5, 0.5, 0.5 and std 0.5, 0," },
    { "", "mean", "std", 1, 3, { { -.5f, .5f, .5f }, { .5f, .5f, .5f } }, NULL, NULL, "!with mean -0.5, 0.5, 0.5" },
    /* no pair of them, or none of channels */
    { "", "mean", "variance", 1, 3, { { .5f }, { .5f } }, NULL, NULL, "!2 unknown (mean, variance)" },
    { "", "mean", "std", 1, 2, { { .5f }, { .5f } }, NULL, NULL, "!2 unknown (mean, std)" },
    { "", "a.mean", "b.std", 1, 3, { { .5f }, { .5f } }, NULL, NULL, "!2 unknown (a.mean, b.std)" },
};

START_TEST(tensors_of_pixels_are_a_recipe)
{
    weft_weights *file = make_network("resnet18", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, rows[_i].before), *out = NULL;
    weft_map_report *report = NULL;
    const weft_arch *arch = NULL;
    const char *expected = rows[_i].recipe;
    add(file, rows[_i].mean, rows[_i].rank, rows[_i].count, rows[_i].value[0]);
    add(file, rows[_i].std, rows[_i].rank, rows[_i].count, rows[_i].value[1]);
    if (rows[_i].key)
        CHECK_OK(weft_weights_set_meta(file, rows[_i].key, rows[_i].text));
    if (expected && expected[0] == '!') {
        CHECK_FAILS(WEFT_BAD_DATA, weft_weights_map(ctx, file, "resnet18", WEFT_TORCH, NULL, &report, &out),
                    expected + 1);
    } else {
        CHECK_OK(weft_weights_identify(ctx, file, "best.pth", NULL, WEFT_DIALECT_DEFAULT, &arch, NULL));
        ck_assert_str_eq(arch->name, "resnet18");
        CHECK_OK(weft_weights_map(ctx, file, "resnet18", WEFT_TORCH, NULL, &report, &out));
        const char *is = weft_weights_meta_find(out, "weft.recipe");
        ck_assert_msg((is == NULL) == (expected == NULL) && (!is || strcmp(is, expected) == 0),
                      "\"%s\", expected \"%s\"", is ? is : "-", expected ? expected : "-");
        ck_assert_int_eq(report->unused_count, 0);
        ck_assert_int_eq(report->ignored_count, 0); /* they matter */
    }
    weft_map_report_destroy(ctx, report);
    weft_weights_destroy(out);
    weft_weights_destroy(file);
}
END_TEST

/* Two of them: which one is meant is not for weft to say, unless both are the same. */
START_TEST(two_pairs_are_none)
{
    static const float values[2][3] = { { .5f, .5f, .5f }, { .25f, .25f, .25f } };
    static const char *const names[] = { "student.mean", "student.std", "teacher.mean", "teacher.std" };
    for (int same = 0; same < 2; same++) {
        weft_weights *file = make_network("resnet18", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION, ""), *out = NULL;
        for (int i = 0; i < WEFT_COUNT(names); i++)
            add(file, names[i], 1, 3, values[same ? 0 : i / 2]);
        if (same) {
            CHECK_OK(weft_weights_map(ctx, file, "resnet18", WEFT_TORCH, NULL, NULL, &out));
            ck_assert_str_eq(weft_weights_meta_find(out, "weft.recipe"), SHORT "tf");
        } else {
            CHECK_FAILS(WEFT_BAD_DATA, weft_weights_map(ctx, file, "resnet18", WEFT_TORCH, NULL, NULL, &out),
                        "4 unknown");
        }
        weft_weights_destroy(out);
        weft_weights_destroy(file);
    }
}
END_TEST

/* A network with ImageNet's mean inside takes no other, and is not given the same one twice. */
START_TEST(a_network_with_a_mean_inside_takes_no_other)
{
    static const float mean[3] = { .485f, .456f, .406f }, std[3] = { .229f, .224f, .225f }, half[3] = { .5f, .5f, .5f };
    for (int other = 0; other < 2; other++) {
        weft_weights *file = make_network("efficientnet-b0", WEFT_KERAS, WEFT_ORIGIN_TIMM, ""), *out = NULL;
        add(file, "mean", 1, 3, other ? half : mean);
        add(file, "std", 1, 3, other ? half : std);
        if (other) {
            CHECK_FAILS(WEFT_BAD_DATA, weft_weights_map(ctx, file, "efficientnet-b0", WEFT_KERAS, NULL, NULL, &out),
                        "tensor 'mean': this asks for a mean of its own, and efficientnet-b0 (keras) has that of");
        } else {
            CHECK_OK(weft_weights_map(ctx, file, "efficientnet-b0", WEFT_KERAS, NULL, NULL, &out));
            ck_assert_str_eq(weft_weights_meta_find(out, "weft.recipe"),
                             "px=224 channels=3 fit=short side=256 resample=bicubic preprocess=none");
        }
        weft_weights_destroy(out);
        weft_weights_destroy(file);
    }
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_statistics");
    TCase *tcase = tcase_create("statistics");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, tensors_of_pixels_are_a_recipe, 0, WEFT_COUNT(rows));
    tcase_add_test(tcase, two_pairs_are_none);
    tcase_add_test(tcase, a_network_with_a_mean_inside_takes_no_other);
    suite_add_tcase(suite, tcase);
    return check_main(suite, argv[0]);
}
