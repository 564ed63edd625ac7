/* SPDX-License-Identifier: Apache-2.0
 *
 * What is peculiar to Keras' files: automatic numbers that begin anywhere, variables that have only a place in their
 * layer, and the deviations in EfficientNet's ImageNet files. The names themselves are held by tests/arch/golden.c. */
#include <math.h>
#include <string.h>
#include <weft/weights.h>

#include "base/compiler.h"
#include "check/harness.h"

static weft_ctx *ctx;
static weft_weights *in, *out;

static void setup(void)
{
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
    CHECK_OK(weft_weights_create(ctx, &in));
    out = NULL;
}

static void teardown(void)
{
    weft_weights_destroy(out);
    weft_weights_destroy(in);
    weft_ctx_destroy(ctx);
}

static void add(const char *name, const weft_shape *shape, const float *data)
{
    CHECK_OK(weft_weights_add(in, name, WEFT_F32, shape, data));
}

/* A part of a file is enough: the rest may be missing. */
static void map(const char *arch)
{
    const weft_map_opt opt = { .origin = WEFT_ORIGIN_KERAS, .lenient = true };
    CHECK_OK(weft_weights_map(ctx, in, arch, WEFT_KERAS, &opt, NULL, &out));
}

static void expect(const char *name, int index, double value)
{
    weft_weight w;
    CHECK_OK(weft_weights_find(out, name, &w));
    const double is = (double)((const float *)w.data)[index];
    ck_assert_msg(fabs(is - value) <= 1e-6 * fabs(value), "%s[%d] is %.9g, expected %.9g", name, index, is, value);
}

START_TEST(imagenet_deviations_become_variances)
{
    const weft_shape three = { .rank = 1, .dim = { 3 } };
    add("normalization_2/mean", &three, (const float[]){ .485f, .456f, .406f });
    add("normalization_2/variance", &three, (const float[]){ .229f, .224f, .225f });
    map("efficientnet-b0");
    /* (x - mean) / sqrt(d) / sqrt(d) of Keras is (x - mean) / sqrt(d^2) */
    expect("normalize/mean", 1, .456);
    expect("normalize/variance", 0, .229 * .229);
    expect("normalize/variance", 1, .224 * .224);
    expect("normalize/variance", 2, .225 * .225);
}
END_TEST

START_TEST(other_variances_stay)
{
    const weft_shape three = { .rank = 1, .dim = { 3 } };
    add("normalization/mean", &three, (const float[]){ .485f, .456f, .406f });
    add("normalization/variance", &three, (const float[]){ .229f, .224f, .05f });
    map("efficientnet-b3");
    expect("normalize/variance", 0, .229);
    expect("normalize/variance", 2, .05);
}
END_TEST

START_TEST(missing_statistics_are_imagenets)
{
    const weft_shape bn = { .rank = 1, .dim = { 32 } };
    add("stem_bn/gamma", &bn, NULL);
    map("efficientnet-b0");
    expect("normalize/mean", 2, .406);
    expect("normalize/variance", 0, .229 * .229);
}
END_TEST

START_TEST(automatic_numbers_begin_anywhere)
{
    static float a[3 * 3 * 3 * 32], b[3 * 3 * 32 * 32], c[3 * 3 * 32 * 64];
    a[1] = 10, b[1] = 11, c[1] = 12; /* the second output's first weight */
    add("conv2d_100/kernel", &(weft_shape){ 4, { 3, 3, 32, 64 } }, c); /* after 99, in spite of the letters */
    add("conv2d_98/kernel", &(weft_shape){ 4, { 3, 3, 3, 32 } }, a);
    add("conv2d_99/kernel", &(weft_shape){ 4, { 3, 3, 32, 32 } }, b);
    map("inception-v3");
    expect("stem/a/conv2d/weight", 3 * 3 * 3, 10);
    expect("stem/b/conv2d/weight", 3 * 3 * 32, 11);
    expect("stem/c/conv2d/weight", 3 * 3 * 32, 12);
}
END_TEST

START_TEST(places_stand_for_names)
{
    static float kernel[3 * 3 * 3 * 8], pointwise[8 * 16];
    const weft_shape eight = { .rank = 1, .dim = { 8 } };
    kernel[8] = 5; /* the second channel of the first output */
    pointwise[16] = 7;
    add("conv1/0", &(weft_shape){ 4, { 3, 3, 3, 8 } }, kernel);
    add("conv1_bn/0", &eight, (const float[8]){ 1 });
    add("conv1_bn/1", &eight, (const float[8]){ 2 });
    add("conv1_bn/2", &eight, (const float[8]){ 3 });
    add("conv1_bn/3", &eight, (const float[8]){ 4 });
    add("conv_pw_1/0", &(weft_shape){ 4, { 1, 1, 8, 16 } }, pointwise);
    map("mobilenet-0.25");
    expect("stem/conv2d/weight", 1, 5);
    expect("stem/batch_norm/gamma", 0, 1);
    expect("stem/batch_norm/beta", 0, 2);
    expect("stem/batch_norm/mean", 0, 3);
    expect("stem/batch_norm/variance", 0, 4);
    expect("unit1/pointwise/conv2d/weight", 1, 7);
}
END_TEST

/* EfficientNet divides by 255 itself; a model that does so before it means that, too. */
START_TEST(what_comes_before_a_networks_own_rescaling_counts)
{
    static const struct {
        const char *plain, *recipe;
    } rows[] = {
        { "0.0039215686274509803 0 rescaling", NULL }, /* its own */
        { "1.5378700499807768e-05 0 mine", "px=224 channels=3 fit=squash resample=nearest preprocess=unit" },
        { "3.0757400999615536e-05 -0.0039215686274509803 mine",
          "px=224 channels=3 fit=squash resample=nearest preprocess=tf" },
        { "0.0039215686274509803 0.5 mine", NULL }, /* no recipe does so: an error, but for the lenient */
    };
    add("stem_conv/kernel", &(weft_shape){ 4, { 3, 3, 3, 32 } }, (const float[3 * 3 * 3 * 32]){ 1 });
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        weft_weights_destroy(out);
        CHECK_OK(weft_weights_set_meta(in, "recipe.plain", rows[i].plain));
        map("efficientnet-b0");
        const char *is = weft_weights_meta_find(out, "weft.recipe");
        ck_assert_msg((is == NULL) == (rows[i].recipe == NULL) && (!is || strcmp(is, rows[i].recipe) == 0),
                      "row %d: \"%s\"", i, is ? is : "-");
    }
}
END_TEST

/* Where the order of the layers is not that of weft's network, nothing says which is which. */
START_TEST(layers_without_names_are_refused)
{
    static const char sentence[] = "does not name them";
    static const float kernel[3 * 3 * 3 * 8], eight[8];
    const weft_arch *arch = NULL;
    add("conv2d/0", &(weft_shape){ 4, { 3, 3, 3, 8 } }, kernel);
    add("batch_normalization/0", &(weft_shape){ 1, { 8 } }, eight);
    CHECK_OK(weft_weights_set_meta(in, "keras.names", "paths"));
    CHECK_FAILS(WEFT_NOT_FOUND, weft_weights_identify(ctx, in, "x.weights.h5", NULL, WEFT_DIALECT_DEFAULT, &arch, NULL),
                sentence);
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_map(ctx, in, "mobilenet-0.25", WEFT_KERAS, NULL, NULL, &out), sentence);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_keras");
    TCase *tcase = tcase_create("keras");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, imagenet_deviations_become_variances);
    tcase_add_test(tcase, other_variances_stay);
    tcase_add_test(tcase, missing_statistics_are_imagenets);
    tcase_add_test(tcase, automatic_numbers_begin_anywhere);
    tcase_add_test(tcase, places_stand_for_names);
    tcase_add_test(tcase, layers_without_names_are_refused);
    tcase_add_test(tcase, what_comes_before_a_networks_own_rescaling_counts);
    suite_add_tcase(suite, tcase);
    return check_main(suite, argv[0]);
}
