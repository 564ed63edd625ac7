/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights as hubs keep them: in pieces with an index, in a folder with descriptions; and what a file says of the images
 * that it wants. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/weft.h>

#include "base/compiler.h"
#include "check/alloc.h"
#include "check/harness.h"

static weft_ctx *ctx;

static void setup(void)
{
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
    ck_assert(mkdir("hub.tmp", 0700) == 0);
}

static void teardown(void)
{
    static const char *const files[] = {
        "config.json",
        "preprocessor_config.json",
        "model.safetensors",
        "model.safetensors.index.json",
        "saved_model.pb",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "mine.safetensors",
    };
    weft_ctx_destroy(ctx);
    for (int i = 0; i < WEFT_COUNT(files); i++) {
        char path[128];
        snprintf(path, sizeof path, "hub.tmp/%s", files[i]);
        unlink(path);
    }
    ck_assert_int_eq(rmdir("hub.tmp"), 0);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

/* A file of tensors "<letter>" that hold their letters. */
static void write_letters(const char *path, const char *letters)
{
    weft_weights *set = NULL;
    CHECK_OK(weft_weights_create(ctx, &set));
    for (const char *c = letters; *c; c++) {
        const float value = (float)*c;
        CHECK_OK(weft_weights_add(set, (const char[]){ *c, '\0' }, WEFT_F32, &(weft_shape){ 1, { 1 } }, &value));
    }
    CHECK_OK(weft_weights_write(set, path, WEFT_FORMAT_AUTO));
    weft_weights_destroy(set);
}

#define INDEX "hub.tmp/model.safetensors.index.json"
#define ONE "hub.tmp/model-00001-of-00002.safetensors"
#define TWO "hub.tmp/model-00002-of-00002.safetensors"
#define MAP(lines) "{\"metadata\": {\"total_size\": 12}, \"weight_map\": {" lines "}}"
#define IN(tensor, piece) "\"" tensor "\": \"model-0000" piece "-of-00002.safetensors\""

/* ---- pieces ---- */

START_TEST(pieces_are_one_set)
{
    static const char *const ways[] = { INDEX, "hub.tmp", "hub.tmp/" };
    write_letters(ONE, "ab");
    write_letters(TWO, "c");
    write_text(INDEX, MAP(IN("a", "1") "," IN("b", "1") "," IN("c", "2")));
    for (int i = 0; i < WEFT_COUNT(ways); i++) {
        weft_weights *set = NULL;
        weft_weight w;
        CHECK_OK(weft_weights_read(ctx, ways[i], WEFT_FORMAT_AUTO, &set));
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
    write_letters(ONE, "ab");
    write_letters(TWO, "c");
    write_text(INDEX, wrong_indices[_i].index);
    const weft_status status = weft_weights_read(ctx, INDEX, WEFT_FORMAT_AUTO, &set);
    ck_assert_msg(status == WEFT_BAD_DATA || status == WEFT_NOT_FOUND, "%s", weft_error());
    ck_assert_msg(strstr(weft_error(), wrong_indices[_i].part) != NULL, "\"%s\" lacks \"%s\"", weft_error(),
                  wrong_indices[_i].part);
    ck_assert_ptr_null(set);
}
END_TEST

START_TEST(a_piece_alone_says_what_it_is)
{
    weft_weights *set = NULL;
    write_letters(ONE, "ab");
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_read(ctx, ONE, WEFT_FORMAT_AUTO, &set), "is piece 1 of 2; name the index");
    ck_assert_ptr_null(set);
}
END_TEST

START_TEST(folders_without_weights_are_refused)
{
    weft_weights *set = NULL;
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_read(ctx, "hub.tmp", WEFT_FORMAT_AUTO, &set),
                "hub.tmp: is a directory, and has");
    write_text("hub.tmp/saved_model.pb", "x");
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_read(ctx, "hub.tmp", WEFT_FORMAT_AUTO, &set), "is a TensorFlow SavedModel");
}
END_TEST

/* ---- descriptions ---- */

#define TIMM(inside) "{\"architecture\": \"resnet18\", \"num_classes\": 3, " inside "}"
#define ASKS "the description beside the weights asks for "
#define HF(type, inside) "{\"model_type\": \"" type "\", " inside "}"
#define CONFIG(inside) TIMM("\"pretrained_cfg\": {\"tag\": \"a1\", " inside "}")

static const struct {
    const char *config, *preprocessor;
    const char *key, *text;
} described[] = {
    { TIMM("\"a\": 1"), NULL, "hub.architecture", "resnet18" },
    { CONFIG("\"input_size\": [3, 288, 288]"), NULL, "recipe.px", "288" },
    { CONFIG("\"input_size\": [3, 288, 224]"), NULL, "recipe.px", NULL },
    { TIMM("\"input_size\": [3, 192, 192]"), NULL, "recipe.px", "192" },
    { CONFIG("\"crop_pct\": 0.95"), NULL, "recipe.crop", "0.95" },
    { CONFIG("\"crop_pct\": 7"), NULL, "recipe.crop", NULL },
    { CONFIG("\"interpolation\": \"bicubic\""), NULL, "recipe.resample", "bicubic" },
    { CONFIG("\"interpolation\": \"hamming\""), NULL, "recipe.resample", NULL },
    { CONFIG("\"mean\": [0.485, 0.456, 0.406], \"std\": [0.229, 0.224, 0.225]"), NULL, "recipe.preprocess", "torch" },
    { CONFIG("\"mean\": [0.5, 0.5, 0.5], \"std\": [0.5, 0.5, 0.5]"), NULL, "recipe.preprocess", "tf" },
    { CONFIG("\"mean\": [0.0, 0.0, 0.0], \"std\": [1, 1, 1]"), NULL, "recipe.preprocess", "unit" },
    { CONFIG("\"mean\": [0.1, 0.2, 0.3], \"std\": [1, 1, 1]"), NULL, "recipe.preprocess", NULL },
    { CONFIG("\"mean\": [0.25, 0.5, 0.75], \"std\": [1, 0.5, 2]"), NULL, "recipe.mean", "0.25 0.5 0.75" },
    { CONFIG("\"mean\": [0.25, 0.5, 0.75], \"std\": [1, 0.5, 2]"), NULL, "recipe.std", "1 0.5 2" },
    { CONFIG("\"mean\": [0.25], \"std\": 0.5"), NULL, "recipe.mean", "0.25 0.25 0.25" },
    { CONFIG("\"mean\": [0.25, 0.5], \"std\": 0.5"), NULL, "recipe.cannot",
      ASKS "a mean and a deviation that are not one or three numbers each" },
    { CONFIG("\"mean\": [1, 1, 1, 1], \"std\": 0.5"), NULL, "recipe.cannot",
      ASKS "a mean and a deviation that are not one or three numbers each" },
    { CONFIG("\"input_size\": [3, 288, 224]"), NULL, "recipe.cannot", ASKS "images of 224 x 288 pixels" },
    { CONFIG("\"input_size\": [3, 0, 0]"), NULL, "recipe.cannot", ASKS "images of 0 pixels" },
    { CONFIG("\"crop_pct\": 7"), NULL, "recipe.cannot", ASKS "a crop of 7 of the image" },
    { CONFIG("\"crop_pct\": null, \"mean\": null"), NULL, "recipe.crop", NULL },
    { CONFIG("\"interpolation\": \"hamming\""), NULL, "recipe.cannot", ASKS "the interpolation \"hamming\"" },
    { CONFIG("\"crop_mode\": \"border\""), NULL, "recipe.cannot", ASKS "the crop_mode \"border\"" },
    { CONFIG("\"crop_mode\": \"center\", \"crop_pct\": 0.9"), NULL, "recipe.cannot", NULL },
    { TIMM("\"label_names\": [\"daisy\", \"rose\", \"tulip\"]"), NULL, "weft.labels", "daisy\nrose\ntulip" },
    { TIMM("\"label_names\": [\"dai\\nsy\", \"rose\"]"), NULL, "weft.labels", NULL },
    { "{\"model_type\": \"resnet\", \"id2label\": {\"0\": \"cat\", \"1\": \"dog\"}}", NULL, "weft.labels", "cat\ndog" },
    { "{\"model_type\": \"resnet\", \"id2label\": {\"1\": \"cat\", \"0\": \"dog\"}}", NULL, "weft.labels", NULL },
    { "{\"model_type\": \"resnet\", \"id2label\": {\"0\": \"LABEL_0\", \"1\": \"LABEL_1\"}}", NULL, "weft.labels",
      NULL },
    { CONFIG("\"a\": 1"), NULL, "hub.differs", NULL },
    { TIMM("\"global_pool\": \"avg\", \"model_args\": {\"drop_rate\": 0.1}"), NULL, "hub.differs", NULL },
    { TIMM("\"global_pool\": \"max\""), NULL, "hub.differs", "\"global_pool\": \"max\", where weft's has \"avg\"" },
    { TIMM("\"model_args\": {\"output_stride\": 16}"), NULL, "hub.differs",
      "\"output_stride\": 16, where weft's has 32" },
    { HF("resnet", "\"downsample_in_bottleneck\": false, \"hidden_act\": \"relu\""), NULL, "hub.differs", NULL },
    { HF("resnet", "\"downsample_in_bottleneck\": true"), NULL, "hub.differs",
      "\"downsample_in_bottleneck\": true, where weft's has false" },
    { HF("resnet", "\"hidden_act\": \"gelu\""), NULL, "hub.differs",
      "\"hidden_act\": \"gelu\", where weft's has \"relu\"" },
    { HF("mobilenet_v2", "\"tf_padding\": true, \"layer_norm_eps\": 1e-3, \"output_stride\": 32"), NULL, "hub.differs",
      NULL },
    { HF("mobilenet_v2", "\"tf_padding\":\n  false"), NULL, "hub.differs",
      "\"tf_padding\": false, where weft's has true" },
    { HF("efficientnet", "\"batch_norm_eps\": 1e-05"), NULL, "hub.differs",
      "\"batch_norm_eps\": 1e-05, where weft's has 0.001" },
    { HF("efficientnet", "\"tf_padding\": false"), NULL, "hub.differs", NULL }, /* it has no such thing */
    { NULL, "{\"size\": {\"shortest_edge\": 256}, \"resample\": 3}", "recipe.px", "256" },
    { NULL, "{\"size\": 224, \"crop_pct\": 0.875}", "recipe.crop", "0.875" },
    { NULL, "{\"resample\": 2}", "recipe.resample", "bilinear" },
    { NULL, "{\"resample\": 77}", "recipe.resample", NULL },
    { NULL, "{\"resample\": 77}", "recipe.cannot", ASKS "Pillow's filter 77" },
    { NULL, "{\"size\": {\"shortest_edge\": 256}, \"crop_size\": {\"height\": 224, \"width\": 224}}", "recipe.px",
      "224" },
    { NULL, "{\"size\": {\"shortest_edge\": 256}, \"crop_size\": {\"height\": 224, \"width\": 224}}", "recipe.side",
      "256" },
    { NULL, "{\"size\": 256, \"crop_size\": 224, \"do_center_crop\": false}", "recipe.px", "256" },
    { NULL, "{\"size\": 200, \"crop_size\": 224}", "recipe.cannot", ASKS "224 pixels cut out of 200" },
    { NULL, "{\"size\": {\"height\": 224, \"width\": 224}}", "recipe.fit", "squash" },
    { NULL, "{\"size\": {\"height\": 224, \"width\": 192}}", "recipe.cannot", ASKS "images of 192 x 224 pixels" },
    { NULL, "{\"image_mean\": [0.25, 0.5, 0.75], \"image_std\": [1, 1, 1]}", "recipe.mean", "0.25 0.5 0.75" },
    { NULL, "{\"image_mean\": [\"x\"], \"image_std\": [1, 1, 1]}", "recipe.cannot",
      ASKS "a mean and a deviation that are not one or three numbers each" },
    { NULL, "{\"do_rescale\": false, \"image_mean\": 127.5, \"image_std\": 127.5}", "recipe.preprocess", "tf" },
    { NULL, "{\"rescale_factor\": 0.00784313725, \"rescale_offset\": true, \"do_normalize\": false, \"image_mean\": 7}",
      "recipe.preprocess", "tf" },
    { NULL,
      "{\"include_top\": true, \"image_mean\": [0.485, 0.456, 0.406], "
      "\"image_std\": [0.47853944, 0.4732864, 0.47434163]}",
      "recipe.preprocess", "torch" },
    { NULL, "{\"do_flip_channel_order\": true}", "recipe.cannot", ASKS "channels in the order blue, green, red" },
    { NULL, "{\"image_mean\": [0.485, 0.456, 0.406], \"image_std\": [0.229, 0.224, 0.225]}", "recipe.preprocess",
      "torch" },
    { "{\"learning_rate\": 0.1, \"label_names\": [\"a\"]}", NULL, "weft.labels", NULL }, /* of something else */
    { "not JSON", "[1, 2", "hub.architecture", NULL },
};

START_TEST(descriptions_become_metadata)
{
    weft_weights *set = NULL;
    write_letters("hub.tmp/model.safetensors", "a");
    if (described[_i].config)
        write_text("hub.tmp/config.json", described[_i].config);
    if (described[_i].preprocessor)
        write_text("hub.tmp/preprocessor_config.json", described[_i].preprocessor);
    CHECK_OK(weft_weights_read(ctx, "hub.tmp/model.safetensors", WEFT_FORMAT_AUTO, &set));
    const char *is = weft_weights_meta_find(set, described[_i].key), *expected = described[_i].text;
    ck_assert_msg((is == NULL) == (expected == NULL) && (!is || strcmp(is, expected) == 0),
                  "%s: \"%s\", expected \"%s\"", described[_i].key, is ? is : "-", expected ? expected : "-");
    weft_weights_destroy(set);
}
END_TEST

START_TEST(a_description_beside_other_files_does_not_matter)
{
    weft_weights *set = NULL;
    write_letters("hub.tmp/mine.safetensors", "a");
    write_text("hub.tmp/config.json", TIMM("\"a\": 1"));
    CHECK_OK(weft_weights_read(ctx, "hub.tmp/mine.safetensors", WEFT_FORMAT_AUTO, &set));
    ck_assert_ptr_null(weft_weights_meta_find(set, "hub.architecture"));
    weft_weights_destroy(set);
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
    write_letters(ONE, "ab");
    write_letters(TWO, "c");
    write_text(INDEX, MAP(IN("a", "1") "," IN("b", "1") "," IN("c", "2")));
    write_text("hub.tmp/config.json", TIMM("\"label_names\": [\"x\", \"y\"], \"crop_pct\": 0.9"));
    write_text("hub.tmp/preprocessor_config.json", "{\"size\": 224}");
    ck_assert_int_gt(check_every_failure(read_folder, folder), 20);
}
END_TEST

/* ---- recipes and import ---- */

/* Zeros under the names of a framework. */
static weft_weights *make_network(const char *name, weft_dialect dialect, weft_origin origin)
{
    weft_weights *set = NULL;
    weft_name_list *names = NULL;
    CHECK_OK(weft_weights_names(ctx, name, dialect, origin, &names));
    CHECK_OK(weft_weights_create(ctx, &set));
    for (int i = 0; i < names->count; i++) {
        if (names->entries[i].origin_name)
            CHECK_OK(
                weft_weights_add(set, names->entries[i].origin_name, WEFT_F32, &names->entries[i].origin_shape, NULL));
    }
    weft_name_list_destroy(ctx, names);
    return set;
}

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
    weft_weights *file = make_network("mobilenetv2", WEFT_KERAS, WEFT_ORIGIN_KERAS), *out = NULL;
    CHECK_OK(weft_weights_set_meta(file, recipes[_i].key, recipes[_i].text));
    if (recipes[_i].key2)
        CHECK_OK(weft_weights_set_meta(file, recipes[_i].key2, recipes[_i].text2));
    const char *expected = recipes[_i].recipe;
    if (expected && expected[0] == '!') {
        CHECK_FAILS(WEFT_BAD_DATA, weft_weights_map(ctx, file, "mobilenetv2", WEFT_KERAS, NULL, NULL, &out),
                    expected + 1);
    } else {
        CHECK_OK(weft_weights_map(ctx, file, "mobilenetv2", WEFT_KERAS, NULL, NULL, &out));
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
    weft_weights *file = make_network("efficientnet-b0", WEFT_TORCH, WEFT_ORIGIN_TIMM), *out = NULL;
    weft_imported found;
    CHECK_OK(weft_weights_write(file, "hub.tmp/model.safetensors", WEFT_FORMAT_AUTO));
    weft_weights_destroy(file);
    CHECK_OK(weft_weights_import(ctx, "hub.tmp", NULL, &found, &out));
    ck_assert_int_eq(found.arch->dialect, WEFT_TORCH);
    ck_assert_str_eq(found.how, "tensors");
    weft_map_report_destroy(ctx, found.report);
    weft_weights_destroy(out);
    write_text("hub.tmp/config.json",
               "{\"architecture\": \"tf_efficientnet_b0\", \"pretrained_cfg\": {\"crop_pct\": 0.875, "
               "\"interpolation\": \"bicubic\", \"mean\": [0.485, 0.456, 0.406], \"std\": [0.229, 0.224, 0.225]}}");
    CHECK_OK(weft_weights_import(ctx, "hub.tmp/model.safetensors", NULL, &found, &out));
    ck_assert_str_eq(found.arch->name, "efficientnet-b0");
    ck_assert_int_eq(found.arch->dialect, WEFT_KERAS);
    ck_assert_str_eq(found.how, "config.json");
    ck_assert_str_eq(weft_weights_meta_find(out, "weft.recipe"),
                     "px=224 channels=3 fit=short side=256 resample=bicubic preprocess=none");
    weft_map_report_destroy(ctx, found.report);
    /* what weft wrote is taken as it is */
    CHECK_OK(weft_weights_write(out, "hub.tmp/mine.safetensors", WEFT_FORMAT_AUTO));
    weft_weights_destroy(out);
    CHECK_OK(weft_weights_import(ctx, "hub.tmp/mine.safetensors", NULL, &found, &out));
    ck_assert_str_eq(found.how, "metadata");
    ck_assert_ptr_null(found.report);
    weft_weights_destroy(out);
    CHECK_FAILS(WEFT_NOT_FOUND, weft_weights_import(ctx, "hub.tmp/none", NULL, &found, &out), "hub.tmp/none");
}
END_TEST

/* timm's weights from TensorFlow without a description: its own recipe, not Keras'. */
START_TEST(weights_taken_over_have_the_recipe_of_who_took_them)
{
    weft_weights *file = make_network("efficientnet-b0", WEFT_KERAS, WEFT_ORIGIN_TIMM), *out = NULL;
    CHECK_OK(weft_weights_map(ctx, file, "efficientnet-b0", WEFT_KERAS, NULL, NULL, &out));
    ck_assert_str_eq(weft_weights_meta_find(out, "weft.recipe"),
                     "px=224 channels=3 fit=short side=256 resample=bicubic preprocess=none");
    weft_weights_destroy(out);
    weft_weights_destroy(file);
}
END_TEST

/* What a description asks for is obeyed, or refused; it is not passed over unless the caller is lenient. */
START_TEST(a_mean_of_a_hub_is_not_lost)
{
    static const char *const odd[] = {
        TIMM("\"mean\": [2, 2, 2], \"std\": [1, 1, 1]"), TIMM("\"crop_pct\": 2"), TIMM("\"interpolation\": \"box\""),
        TIMM("\"global_pool\": \"max\"")
    };
    static const char *const why[] = { "with mean 2, 2, 2", "a crop of 2 of the image", "the interpolation \"box\"",
                                       "says of the network \"global_pool\": \"max\", where weft's has \"avg\"" };
    weft_weights *file = make_network("resnet18", WEFT_TORCH, WEFT_ORIGIN_TIMM), *out = NULL;
    weft_classifier *classifier = NULL;
    CHECK_OK(weft_weights_write(file, "hub.tmp/model.safetensors", WEFT_FORMAT_AUTO));
    write_text("hub.tmp/config.json", CONFIG("\"mean\": [0.25, 0.5, 0.75], \"std\": [0.5, 1, 2], \"crop_pct\": 1"));
    CHECK_OK(weft_classifier_open(ctx, "hub.tmp", NULL, &classifier));
    const weft_recipe recipe = *weft_classifier_recipe(classifier);
    ck_assert(recipe.preprocess == WEFT_PREPROCESS_UNIT && recipe.side == 224);
    ck_assert(recipe.mean[0] == .25 && recipe.mean[2] == .75 && recipe.std[0] == .5 && recipe.std[2] == 2);
    weft_classifier_destroy(classifier);
    for (int i = 0; i < WEFT_COUNT(odd); i++) {
        const weft_import_opt lenient = { .map = { .lenient = true } };
        write_text("hub.tmp/config.json", odd[i]);
        CHECK_FAILS(WEFT_BAD_DATA, weft_weights_import(ctx, "hub.tmp", NULL, NULL, &out), why[i]);
        CHECK_OK(weft_weights_import(ctx, "hub.tmp", &lenient, NULL, &out));
        weft_weights_destroy(out);
    }
    weft_weights_destroy(file);
    file = make_network("efficientnet-b0", WEFT_TORCH, WEFT_ORIGIN_TIMM);
    CHECK_OK(weft_weights_write(file, "hub.tmp/model.safetensors", WEFT_FORMAT_AUTO));
    write_text("hub.tmp/config.json", "{\"architecture\": \"tf_efficientnet_b0\", \"mean\": 0.5, \"std\": 0.5}");
    CHECK_FAILS(WEFT_BAD_DATA, weft_weights_import(ctx, "hub.tmp", NULL, NULL, &out),
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
    weft_weights *file = make_network("mobilenetv2", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION);
    weft_classifier *classifier = NULL;
    CHECK_OK(weft_weights_write(file, "hub.tmp/model.safetensors", WEFT_FORMAT_AUTO));
    write_text("hub.tmp/config.json", TIMM("\"pretrained_cfg\": {\"input_size\": [3, 192, 192], \"crop_pct\": 0.75}"));
    for (int i = 0; i < WEFT_COUNT(said); i++) {
        const weft_classifier_opt opt = { .arch = said[i].arch, .dialect = said[i].dialect };
        CHECK_OK(weft_classifier_open(ctx, "hub.tmp", &opt, &classifier));
        ck_assert_str_eq(weft_classifier_arch(classifier)->name, "mobilenetv2");
        ck_assert_int_eq(weft_classifier_arch(classifier)->dialect, WEFT_TORCH);
        ck_assert_int_eq(weft_classifier_recipe(classifier)->px, 192);
        ck_assert_int_eq(weft_classifier_recipe(classifier)->side, 256);
        weft_classifier_destroy(classifier);
    }
    write_letters("hub.tmp/mine.safetensors", "abc");
    CHECK_FAILS(WEFT_BAD_DATA, weft_classifier_open(ctx, "hub.tmp/mine.safetensors", NULL, &classifier),
                "hub.tmp/mine.safetensors: neither metadata nor tensors say");
    weft_weights_destroy(file);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    char folder[] = "weft-hub-XXXXXX"; /* beside other tests that run now */
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return EXIT_FAILURE;
    Suite *suite = suite_create("weights_hub");
    TCase *tcase = tcase_create("hub");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, pieces_are_one_set);
    tcase_add_loop_test(tcase, indices_made_wrong_are_refused, 0, WEFT_COUNT(wrong_indices));
    tcase_add_test(tcase, a_piece_alone_says_what_it_is);
    tcase_add_test(tcase, folders_without_weights_are_refused);
    tcase_add_loop_test(tcase, descriptions_become_metadata, 0, WEFT_COUNT(described));
    tcase_add_test(tcase, a_description_beside_other_files_does_not_matter);
    tcase_add_test(tcase, every_allocation_may_fail);
    tcase_add_loop_test(tcase, what_a_file_asks_for_is_its_recipe, 0, WEFT_COUNT(recipes));
    tcase_add_test(tcase, a_folder_of_a_hub_is_imported);
    tcase_add_test(tcase, weights_taken_over_have_the_recipe_of_who_took_them);
    tcase_add_test(tcase, a_mean_of_a_hub_is_not_lost);
    tcase_add_test(tcase, a_classifier_takes_any_file);
    suite_add_tcase(suite, tcase);
    const int result = check_main(suite, argv[0]);
    if (chdir("..") == 0)
        rmdir(folder);
    return result;
}
