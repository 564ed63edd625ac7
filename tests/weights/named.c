/* SPDX-License-Identifier: Apache-2.0
 *
 * What a weight file's name, or its digest, says beyond its network. */
#include <stdio.h>
#include <string.h>
#include <weft/weft.h>

#include "base/compiler.h"
#include "check/harness.h"
#include "weights/network.h"

static weft_ctx *ctx;

static void setup(void)
{
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
}

static void teardown(void)
{
    weft_ctx_destroy(ctx);
}

/* What the name of a file says: torchvision's second weights are evaluated otherwise; a longer name is doubted. */
static const struct {
    const char *path, *recipe;
    bool doubt;
} named[] = {
    { "mobilenet_v2-b0353104.pth", NULL, false },
    { "a/mobilenet_v2-7ebf99e0.pth", "px=224 channels=3 fit=short side=232 resample=bilinear preprocess=torch", false },
    { "MobileNetV2.pth", NULL, false },
    { "tf_mobilenetv2_100.pth", NULL, false },
    { "best.pth", NULL, false },
    { "mobilenetblurv2_100.pth", NULL, true },
    { "mobilenet_blur_v2.pth", NULL, true },
    { "xmobilenetv2.pth", NULL, true },
    { "mobilenetv2d.pth", NULL, true },
    { "mobilenetv3.pth", NULL, false },
    { "mobilenetv2d_against_mobilenetv2.pth", NULL, false },
};

START_TEST(the_name_of_a_file_counts)
{
    weft_weights *file = weights_of_network(ctx, "mobilenetv2", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION), *out = NULL;
    weft_imported found;
    CHECK_OK(weft_weights_take(ctx, file, named[_i].path, NULL, &found, &out));
    ck_assert_str_eq(found.arch->name, "mobilenetv2");
    ck_assert_msg((*found.doubt != 0) == named[_i].doubt, "%s: \"%s\"", named[_i].path, found.doubt);
    const char *const is = weft_weights_meta_find(out, "weft.recipe");
    ck_assert_msg((is == NULL) == (named[_i].recipe == NULL) && (!is || strcmp(is, named[_i].recipe) == 0),
                  "%s: \"%s\"", named[_i].path, is ? is : "-");
    weft_map_report_destroy(ctx, found.report);
    weft_weights_destroy(out);
    weft_weights_destroy(file);
}
END_TEST

/* A description beside the file names another network than its tensors are of. */
START_TEST(an_architecture_that_is_another_is_doubted)
{
    static const struct {
        const char *said;
        bool doubt;
    } rows[] = {
        { "resnet18", false }, { "resnet18.a1_in1k", false }, { "convnext_tiny", true }, { "resnet50", true },
    };
    weft_weights *file = weights_of_network(ctx, "resnet18", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION), *out = NULL;
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        weft_imported found;
        CHECK_OK(weft_weights_set_meta(file, "hub.architecture", rows[i].said));
        CHECK_OK(weft_weights_take(ctx, file, "model.safetensors", NULL, &found, &out));
        ck_assert_msg((strstr(found.doubt, "config.json says") != NULL) == rows[i].doubt, "%s: %s", rows[i].said,
                      found.doubt);
        weft_map_report_destroy(ctx, found.report);
        weft_weights_destroy(out);
    }
    weft_weights_destroy(file);
}
END_TEST

/* What the metadata of a file in weft's names say, and somebody has changed: an error, or a doubt, never nothing. */
static const struct {
    const char *key, *text, *error, *doubt;
} said[] = {
    { "weft.classes", "10", NULL, NULL },
    { "weft.classes", NULL, NULL, NULL },
    { "weft.classes", "11", "weft.classes is 11, the tensors are of 10 classes", NULL },
    { "weft.classes", "10000000", "weft.classes is 10000000, the tensors", NULL },
    { "weft.arch", "vgg16", "the tensors are not those of vgg16", NULL },
    { "weft.arch", "nosuch", NULL, "weft.arch is 'nosuch', which is no network" },
    { "weft.arch", NULL, NULL, NULL },
    { "weft.dialect", "torch", "lenet5 has no torch dialect", NULL },
    { "weft.dialect", "else", NULL, "weft.dialect is 'else', which is no variant of lenet5" },
    { "weft.dialect", NULL, NULL, "weft.dialect is '', which is no variant of lenet5" },
    { "weft.activation", "sigmoid", NULL, NULL },
    { "weft.activation", "relu", "weft.activation is 'relu'; softmax or sigmoid", NULL },
    { "weft.labels", "cat\ndog", NULL, "weft.labels has 2 names, the tensors are of 10 classes" },
    { "weft.labels", "", NULL, "weft.labels has 0 names, the tensors are of 10 classes" },
};

START_TEST(metadata_are_held_against_the_tensors)
{
    weft_weights *file = weights_of_network(ctx, "lenet5", WEFT_KERAS, WEFT_ORIGIN_WEFT), *out = NULL;
    weft_imported found;
    CHECK_OK(weft_weights_set_meta(file, "weft.arch", "lenet5"));
    CHECK_OK(weft_weights_set_meta(file, "weft.dialect", "keras"));
    CHECK_OK(weft_weights_set_meta(file, "weft.classes", "10"));
    CHECK_OK(weft_weights_set_meta(file, said[_i].key, said[_i].text));
    CHECK_OK(weft_weights_write(file, "said.safetensors", WEFT_SAFETENSORS));
    weft_weights_destroy(file);
    if (said[_i].error) {
        CHECK_FAILS(WEFT_BAD_DATA, weft_weights_import(ctx, "said.safetensors", NULL, &found, &out), said[_i].error);
    } else {
        const char *const wanted = said[_i].doubt ? said[_i].doubt : "";
        CHECK_OK(weft_weights_import(ctx, "said.safetensors", NULL, &found, &out));
        ck_assert_str_eq(found.arch->name, "lenet5");
        ck_assert_msg(strstr(found.doubt, wanted) && !*found.doubt == !*wanted, "%s: \"%s\"", wanted, found.doubt);
        weft_weights_destroy(out);
    }
    weft_map_report_destroy(ctx, found.report);
    remove("said.safetensors");
}
END_TEST

START_TEST(bytes_have_the_digest_of_the_standard)
{
    char hex[65];
    weft_bytes_digest("abc", 3, hex); /* FIPS 180-4's first example */
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    weft_bytes_digest(NULL, 0, hex);
    ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_named");
    TCase *tcase = tcase_create("named");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, the_name_of_a_file_counts, 0, WEFT_COUNT(named));
    tcase_add_test(tcase, an_architecture_that_is_another_is_doubted);
    tcase_add_loop_test(tcase, metadata_are_held_against_the_tensors, 0, WEFT_COUNT(said));
    tcase_add_test(tcase, bytes_have_the_digest_of_the_standard);
    suite_add_tcase(suite, tcase);
    return check_main(suite, argv[0]);
}
