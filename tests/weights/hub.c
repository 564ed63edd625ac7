/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights as hubs keep them: in pieces with an index, in a folder; and what a file says of the images that it wants. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/weft.h>

#include "base/compiler.h"
#include "check/alloc.h"
#include "check/harness.h"
#include "hub_files.h"
#include "weights/network.h"

#define INDEX "hub.tmp/model.safetensors.index.json"
#define ONE "hub.tmp/model-00001-of-00002.safetensors"
#define TWO "hub.tmp/model-00002-of-00002.safetensors"
#define MAP(lines) "{\"metadata\": {\"total_size\": 12}, \"weight_map\": {" lines "}}"
#define IN(tensor, piece) "\"" tensor "\": \"model-0000" piece "-of-00002.safetensors\""

/* ---- pieces ---- */

START_TEST(pieces_are_one_set)
{
    static const char *const ways[] = { INDEX, "hub.tmp", "hub.tmp/" };
    hub_write_letters(ONE, "ab");
    hub_write_letters(TWO, "c");
    hub_write_text(INDEX, MAP(IN("a", "1") "," IN("b", "1") "," IN("c", "2")));
    for (int i = 0; i < WEFT_COUNT(ways); i++) {
        weft_weights *set = NULL;
        weft_weight w;
        CHECK_OK(weft_weights_read(hub_ctx, ways[i], WEFT_FORMAT_AUTO, &set));
        ck_assert_int_eq(weft_weights_count(set), 3);
        for (int c = 'a'; c <= 'c'; c++) {
            CHECK_OK(weft_weights_find(set, (const char[]){ (char)c, '\0' }, &w));
            ck_assert(((const float *)w.data)[0] == (float)c);
        }
        weft_weights_destroy(set);
    }
}
END_TEST

static const struct {
    const char *index, *part;
} wrong_indices[] = {
    { MAP(IN("a", "1") "," IN("b", "1") "," IN("c", "2") "," IN("d", "2")), "tensor \"d\" is not in model-00002" },
    { MAP(IN("a", "1") "," IN("c", "2")), "tensor \"b\" is here, but not by the index" },
    { MAP(IN("a", "1") "," IN("b", "2") "," IN("c", "2")), "tensor \"b\" is here, but not by the index" },
    { MAP(IN("a", "1") "," IN("b", "1") "," IN("c", "3")), "model-00003-of-00002.safetensors: cannot be opened" },
    { MAP("\"a\": \"../model-00001-of-00002.safetensors\""), "names the file \"../model-00001" },
    { MAP("\"a\": \"/etc/passwd\""), "names the file \"/etc/passwd\"" },
    { MAP("\"a\": \"..\""), "names the file \"..\"" },
    { MAP("\"a\": \"\""), "names the file \"\"" },
    { MAP(IN("a", "1") "," IN("a", "1")), "\"a\" occurs twice" },
    { MAP("\"a\": 1"), "before the name of a file" },
    { "{\"metadata\": {}}", "has a \"weight_map\"" },
    { "[]", "'{' was expected" },
    { "", "'{' was expected" },
};

START_TEST(indices_made_wrong_are_refused)
{
    weft_weights *set = NULL;
    hub_write_letters(ONE, "ab");
    hub_write_letters(TWO, "c");
    hub_write_text(INDEX, wrong_indices[_i].index);
    const weft_status status = weft_weights_read(hub_ctx, INDEX, WEFT_FORMAT_AUTO, &set);
    ck_assert_msg(status == WEFT_BAD_DATA || status == WEFT_NOT_FOUND, "%s", weft_error());
    ck_assert_msg(strstr(weft_error(), wrong_indices[_i].part) != NULL, "\"%s\" lacks \"%s\"", weft_error(),
                  wrong_indices[_i].part);
    ck_assert_ptr_null(set);
}
END_TEST

START_TEST(a_piece_alone_says_what_it_is)
{
    weft_weights *set = NULL;
    hub_write_letters(ONE, "ab");
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_read(hub_ctx, ONE, WEFT_FORMAT_AUTO, &set),
                "is piece 1 of 2; name the index");
    ck_assert_ptr_null(set);
}
END_TEST

START_TEST(folders_without_weights_are_refused)
{
    weft_weights *set = NULL;
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_read(hub_ctx, "hub.tmp", WEFT_FORMAT_AUTO, &set),
                "hub.tmp: is a directory, and has");
    hub_write_letters("hub.tmp/mine.safetensors", "a");
    hub_write_letters("hub.tmp/other.safetensors", "b");
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_read(hub_ctx, "hub.tmp", WEFT_FORMAT_AUTO, &set),
                "is a directory with several weight files; name one: ");
    ck_assert_ptr_nonnull(strstr(weft_error(), "mine.safetensors"));
    ck_assert_ptr_nonnull(strstr(weft_error(), "other.safetensors"));
    hub_write_text("hub.tmp/saved_model.pb", "x");
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_read(hub_ctx, "hub.tmp", WEFT_FORMAT_AUTO, &set),
                "is a TensorFlow SavedModel");
    unlink("hub.tmp/saved_model.pb");
    hub_write_text("hub.tmp/.metadata", "x");
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_read(hub_ctx, "hub.tmp", WEFT_FORMAT_AUTO, &set), "dcp_to_torch");
}
END_TEST

/* Whatever its name, and whatever a trainer keeps beside it: then the descriptions are of it. */
START_TEST(the_only_weights_of_a_folder_are_found)
{
    weft_weights *set = NULL;
    hub_write_letters("hub.tmp/mine.safetensors", "a");
    hub_write_text("hub.tmp/optimizer.bin", "x");
    hub_write_text("hub.tmp/config.json", "{\"architecture\": \"resnet18\"}");
    CHECK_OK(weft_weights_read(hub_ctx, "hub.tmp", WEFT_FORMAT_AUTO, &set));
    ck_assert_int_eq(weft_weights_count(set), 1);
    ck_assert_str_eq(weft_weights_meta_find(set, "hub.architecture"), "resnet18");
    weft_weights_destroy(set);
}
END_TEST

/* An index of any name, whose pieces have any. */
START_TEST(an_index_of_another_name_is_found)
{
    weft_weights *set = NULL;
    hub_write_letters("hub.tmp/mine.safetensors", "a");
    hub_write_letters("hub.tmp/other.safetensors", "b");
    hub_write_text("hub.tmp/x.index.json", MAP("\"a\": \"mine.safetensors\", \"b\": \"other.safetensors\""));
    CHECK_OK(weft_weights_read(hub_ctx, "hub.tmp", WEFT_FORMAT_AUTO, &set));
    ck_assert_int_eq(weft_weights_count(set), 2);
    weft_weights_destroy(set);
}
END_TEST

/* As huggingface_hub keeps what it has fetched: links into another folder. */
START_TEST(a_hub_s_cache_is_a_folder)
{
    weft_weights *set = NULL;
    ck_assert(mkdir("hub.tmp/snapshots", 0700) == 0 && mkdir("hub.tmp/snapshots/0a1b", 0700) == 0);
    hub_write_letters("hub.tmp/mine.safetensors", "ab");
    ck_assert_int_eq(symlink("../../mine.safetensors", "hub.tmp/snapshots/0a1b/model.safetensors"), 0);
    CHECK_OK(weft_weights_read(hub_ctx, "hub.tmp", WEFT_FORMAT_AUTO, &set));
    ck_assert_int_eq(weft_weights_count(set), 2);
    weft_weights_destroy(set);
    unlink("hub.tmp/snapshots/0a1b/model.safetensors");
    ck_assert(rmdir("hub.tmp/snapshots/0a1b") == 0 && rmdir("hub.tmp/snapshots") == 0);
}
END_TEST

static weft_status read_folder(const weft_allocator *allocator, void *arg)
{
    weft_ctx *own = NULL;
    weft_weights *set = NULL;
    weft_status status = weft_ctx_create(&(weft_ctx_opt){ .threads = 1, .allocator = *allocator }, &own);
    if (status == WEFT_OK)
        status = weft_weights_read(own, arg, WEFT_FORMAT_AUTO, &set);
    ck_assert(status == WEFT_OK || set == NULL);
    weft_weights_destroy(set);
    weft_ctx_destroy(own);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    static char folder[] = "hub.tmp";
    hub_write_letters(ONE, "ab");
    hub_write_letters(TWO, "c");
    hub_write_text(INDEX, MAP(IN("a", "1") "," IN("b", "1") "," IN("c", "2")));
    hub_write_text("hub.tmp/config.json", TIMM("\"label_names\": [\"x\", \"y\"], \"crop_pct\": 0.9"));
    hub_write_text("hub.tmp/preprocessor_config.json", "{\"size\": 224}");
    ck_assert_int_gt(check_every_failure(read_folder, folder), 20);
}
END_TEST

/* ---- recipes and import ---- */

static const struct {
    const char *key, *text;   /* metadata of a MobileNetV2 of Keras */
    const char *key2, *text2; /* more */
    const char *recipe;       /* NULL: the publisher's; '!': a part of what is wrong */
} recipes[] = {
    { "recipe.px", "224", NULL, NULL, NULL },
    { "recipe.px", "96", NULL, NULL, "px=96 channels=3 fit=squash resample=nearest preprocess=tf" },
    { "recipe.resample", "bilinear", NULL, NULL, "px=224 channels=3 fit=squash resample=bilinear preprocess=tf" },
    { "recipe.crop", "0.95", "recipe.resample", "bicubic",
      "px=224 channels=3 fit=short side=235 resample=bicubic preprocess=tf" },
    { "recipe.preprocess", "torch", NULL, NULL, "px=224 channels=3 fit=squash resample=nearest preprocess=torch" },
    { "recipe.scale", "0.0078431372549019607 -1 rescaling", NULL, NULL, NULL },
    { "recipe.scale", "0.0039215686274509803 0 rescaling", NULL, NULL,
      "px=224 channels=3 fit=squash resample=nearest preprocess=unit" },
    { "recipe.scale", "1 0 rescaling", NULL, NULL, "px=224 channels=3 fit=squash resample=nearest preprocess=none" },
    { "recipe.scale", "0.5 2 my rescaling", NULL, NULL,
      "!begins with the layer 'my rescaling', which makes x * 0.5 + 2" },
    { "weft.recipe", "px=64 channels=3 fit=squash resample=nearest preprocess=tf", "recipe.px", "96",
      "px=64 channels=3 fit=squash resample=nearest preprocess=tf" },
    { "recipe.px", "-5", "recipe.crop", "x", NULL },
    { "recipe.px", "8192", NULL, NULL, "px=8192 channels=3 fit=squash resample=nearest preprocess=tf" },
    { "recipe.px", "8193", NULL, NULL, "!its sizes: recipe: 8193 pixels of 3 channels; 1 to 8192 pixels" },
    { "recipe.crop", "0.025", NULL, NULL, "!recipe: shorter side 8960 for 224 pixels; 224 to 8192 were expected" },
    { "recipe.crop", "1e-300", NULL, NULL, "!recipe: shorter side 2147483647 for 224 pixels" },
    { "recipe.side", "9000", NULL, NULL, "!recipe: shorter side 9000 for 224 pixels" },
    { "recipe.scale", "0.01 0 r", NULL, NULL,
      "px=224 channels=3 fit=squash resample=nearest preprocess=unit mean=0,0,0 "
      "std=0.392156862745,0.392156862745,0.392156862745" },
    { "recipe.mean", "0.1 0.2 0.3", "recipe.std", "0.25 0.5 1000",
      "px=224 channels=3 fit=squash resample=nearest preprocess=unit mean=0.1,0.2,0.3 std=0.25,0.5,1000" },
    { "recipe.mean", "0.5 0.5 0.5", "recipe.std", "0.5 0.5 0.5", NULL },
    { "recipe.mean", "0.5 0.5 1.5", "recipe.std", "1 1 1",
      "!the description beside the weights asks for (x / 255 - mean) / std with mean 0.5, 0.5, 1.5" },
    { "recipe.mean", "0.5 0.5 0.5", "recipe.std", "1 0 1", "!and std 1, 0, 1" },
    { "recipe.side", "256", NULL, NULL, "px=224 channels=3 fit=short side=256 resample=nearest preprocess=tf" },
    { "recipe.fit", "crop", "recipe.antialias", "no",
      "px=224 channels=3 fit=crop share=1.000000 resample=nearest antialias=no preprocess=tf" },
    { "recipe.cannot", "this is odd", NULL, NULL, "!this is odd, which no recipe of weft's can do" },
};

START_TEST(what_a_file_asks_for_is_its_recipe)
{
    weft_weights *file = weights_of_network(hub_ctx, "mobilenetv2", WEFT_KERAS, WEFT_ORIGIN_KERAS), *out = NULL;
    CHECK_OK(weft_weights_set_meta(file, recipes[_i].key, recipes[_i].text));
    if (recipes[_i].key2)
        CHECK_OK(weft_weights_set_meta(file, recipes[_i].key2, recipes[_i].text2));
    const char *expected = recipes[_i].recipe;
    if (expected && expected[0] == '!') {
        CHECK_FAILS(WEFT_BAD_DATA, weft_weights_map(hub_ctx, file, "mobilenetv2", WEFT_KERAS, NULL, NULL, &out),
                    expected + 1);
    } else {
        CHECK_OK(weft_weights_map(hub_ctx, file, "mobilenetv2", WEFT_KERAS, NULL, NULL, &out));
        const char *is = weft_weights_meta_find(out, "weft.recipe");
        ck_assert_msg((is == NULL) == (expected == NULL) && (!is || strcmp(is, expected) == 0),
                      "\"%s\", expected \"%s\"", is ? is : "-", expected ? expected : "-");
    }
    weft_weights_destroy(out);
    weft_weights_destroy(file);
}
END_TEST

/* timm's tf_efficientnet_b0 has the tensors of its efficientnet_b0, but pads like TensorFlow: config.json tells. */
START_TEST(a_folder_of_a_hub_is_imported)
{
    weft_weights *file = weights_of_network(hub_ctx, "efficientnet-b0", WEFT_TORCH, WEFT_ORIGIN_TIMM), *out = NULL;
    weft_imported found;
    CHECK_OK(weft_weights_write(file, "hub.tmp/model.safetensors", WEFT_FORMAT_AUTO));
    weft_weights_destroy(file);
    CHECK_OK(weft_weights_import(hub_ctx, "hub.tmp", NULL, &found, &out));
    ck_assert_int_eq(found.arch->dialect, WEFT_TORCH);
    ck_assert_str_eq(found.how, "tensors");
    weft_map_report_destroy(hub_ctx, found.report);
    weft_weights_destroy(out);
    hub_write_text("hub.tmp/config.json",
                   "{\"architecture\": \"tf_efficientnet_b0\", \"pretrained_cfg\": {\"crop_pct\": 0.875, "
                   "\"interpolation\": \"bicubic\", \"mean\": [0.485, 0.456, 0.406], \"std\": [0.229, 0.224, 0.225]}}");
    CHECK_OK(weft_weights_import(hub_ctx, "hub.tmp/model.safetensors", NULL, &found, &out));
    ck_assert_str_eq(found.arch->name, "efficientnet-b0");
    ck_assert_int_eq(found.arch->dialect, WEFT_KERAS);
    ck_assert_str_eq(found.how, "config.json");
    ck_assert_str_eq(weft_weights_meta_find(out, "weft.recipe"),
                     "px=224 channels=3 fit=short side=256 resample=bicubic preprocess=none");
    weft_map_report_destroy(hub_ctx, found.report);
    /* what weft wrote is taken as it is */
    CHECK_OK(weft_weights_write(out, "hub.tmp/mine.safetensors", WEFT_FORMAT_AUTO));
    weft_weights_destroy(out);
    CHECK_OK(weft_weights_import(hub_ctx, "hub.tmp/mine.safetensors", NULL, &found, &out));
    ck_assert_str_eq(found.how, "metadata");
    ck_assert_ptr_null(found.report);
    weft_weights_destroy(out);
    CHECK_FAILS(WEFT_NOT_FOUND, weft_weights_import(hub_ctx, "hub.tmp/none", NULL, &found, &out), "hub.tmp/none");
}
END_TEST

/* timm's weights from TensorFlow without a description: its own recipe, not Keras'. */
START_TEST(weights_taken_over_have_the_recipe_of_who_took_them)
{
    weft_weights *file = weights_of_network(hub_ctx, "efficientnet-b0", WEFT_KERAS, WEFT_ORIGIN_TIMM), *out = NULL;
    CHECK_OK(weft_weights_map(hub_ctx, file, "efficientnet-b0", WEFT_KERAS, NULL, NULL, &out));
    ck_assert_str_eq(weft_weights_meta_find(out, "weft.recipe"),
                     "px=224 channels=3 fit=short side=256 resample=bicubic preprocess=none");
    weft_weights_destroy(out);
    weft_weights_destroy(file);
}
END_TEST

/* What a description asks for is obeyed, or refused; it is not passed over unless the caller is lenient. */
START_TEST(a_mean_of_a_hub_is_not_lost)
{
    static const char *const odd[] = { TIMM("\"mean\": [2, 2, 2], \"std\": [1, 1, 1]"), TIMM("\"crop_pct\": 2"),
                                       TIMM("\"interpolation\": \"box\""), TIMM("\"global_pool\": \"max\"") };
    static const char *const why[] = { "with mean 2, 2, 2", "a crop of 2 of the image", "the interpolation \"box\"",
                                       "says of the network \"global_pool\": \"max\", where weft's has \"avg\"" };
    weft_weights *file = weights_of_network(hub_ctx, "resnet18", WEFT_TORCH, WEFT_ORIGIN_TIMM), *out = NULL;
    weft_classifier *classifier = NULL;
    CHECK_OK(weft_weights_write(file, "hub.tmp/model.safetensors", WEFT_FORMAT_AUTO));
    hub_write_text("hub.tmp/config.json", CONFIG("\"mean\": [0.25, 0.5, 0.75], \"std\": [0.5, 1, 2], \"crop_pct\": 1"));
    CHECK_OK(weft_classifier_open(hub_ctx, "hub.tmp", NULL, &classifier));
    const weft_recipe recipe = *weft_classifier_recipe(classifier);
    ck_assert(recipe.preprocess == WEFT_PREPROCESS_UNIT && recipe.side == 224);
    ck_assert(recipe.mean[0] == .25 && recipe.mean[2] == .75 && recipe.std[0] == .5 && recipe.std[2] == 2);
    weft_classifier_destroy(classifier);
    for (int i = 0; i < WEFT_COUNT(odd); i++) {
        const weft_import_opt lenient = { .map = { .lenient = true } };
        hub_write_text("hub.tmp/config.json", odd[i]);
        CHECK_FAILS(WEFT_BAD_DATA, weft_weights_import(hub_ctx, "hub.tmp", NULL, NULL, &out), why[i]);
        CHECK_OK(weft_weights_import(hub_ctx, "hub.tmp", &lenient, NULL, &out));
        weft_weights_destroy(out);
    }
    weft_weights_destroy(file);
    file = weights_of_network(hub_ctx, "efficientnet-b0", WEFT_TORCH, WEFT_ORIGIN_TIMM);
    CHECK_OK(weft_weights_write(file, "hub.tmp/model.safetensors", WEFT_FORMAT_AUTO));
    hub_write_text("hub.tmp/config.json", "{\"architecture\": \"tf_efficientnet_b0\", \"mean\": 0.5, \"std\": 0.5}");
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_import(hub_ctx, "hub.tmp", NULL, NULL, &out),
                "efficientnet-b0 (keras) has those of ImageNet inside");
    weft_weights_destroy(file);
}
END_TEST

/* Nobody has to say which network another framework's file is of, nor its dialect, to classify with it. */
START_TEST(a_classifier_takes_any_file)
{
    static const struct {
        const char *arch;
        weft_dialect dialect;
    } said[] = { { NULL, WEFT_DIALECT_DEFAULT },
                 { "mobilenetv2", WEFT_DIALECT_DEFAULT },
                 { "mobilenetv2", WEFT_TORCH } };
    weft_weights *file = weights_of_network(hub_ctx, "mobilenetv2", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION);
    weft_classifier *classifier = NULL;
    CHECK_OK(weft_weights_write(file, "hub.tmp/model.safetensors", WEFT_FORMAT_AUTO));
    hub_write_text("hub.tmp/config.json",
                   TIMM("\"pretrained_cfg\": {\"input_size\": [3, 192, 192], \"crop_pct\": 0.75}"));
    for (int i = 0; i < WEFT_COUNT(said); i++) {
        const weft_classifier_opt opt = { .arch = said[i].arch, .dialect = said[i].dialect };
        CHECK_OK(weft_classifier_open(hub_ctx, "hub.tmp", &opt, &classifier));
        ck_assert_str_eq(weft_classifier_arch(classifier)->name, "mobilenetv2");
        ck_assert_int_eq(weft_classifier_arch(classifier)->dialect, WEFT_TORCH);
        ck_assert_int_eq(weft_classifier_recipe(classifier)->px, 192);
        ck_assert_int_eq(weft_classifier_recipe(classifier)->side, 256);
        weft_classifier_destroy(classifier);
    }
    hub_write_letters("hub.tmp/mine.safetensors", "abc");
    CHECK_FAILS(WEFT_BAD_DATA, weft_classifier_open(hub_ctx, "hub.tmp/mine.safetensors", NULL, &classifier),
                "hub.tmp/mine.safetensors: neither metadata nor tensors say");
    weft_weights_destroy(file);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_hub");
    TCase *tcase = tcase_create("hub");
    tcase_add_checked_fixture(tcase, hub_setup, hub_teardown);
    tcase_add_test(tcase, pieces_are_one_set);
    tcase_add_loop_test(tcase, indices_made_wrong_are_refused, 0, WEFT_COUNT(wrong_indices));
    tcase_add_test(tcase, a_piece_alone_says_what_it_is);
    tcase_add_test(tcase, folders_without_weights_are_refused);
    tcase_add_test(tcase, the_only_weights_of_a_folder_are_found);
    tcase_add_test(tcase, an_index_of_another_name_is_found);
    tcase_add_test(tcase, a_hub_s_cache_is_a_folder);
    tcase_add_test(tcase, every_allocation_may_fail);
    tcase_add_loop_test(tcase, what_a_file_asks_for_is_its_recipe, 0, WEFT_COUNT(recipes));
    tcase_add_test(tcase, a_folder_of_a_hub_is_imported);
    tcase_add_test(tcase, weights_taken_over_have_the_recipe_of_who_took_them);
    tcase_add_test(tcase, a_mean_of_a_hub_is_not_lost);
    tcase_add_test(tcase, a_classifier_takes_any_file);
    suite_add_tcase(suite, tcase);
    return hub_run(suite, argv[0]);
}
