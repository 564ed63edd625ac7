/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands beside weights in a hub's folder becomes metadata: timm's config.json, transformers' config.json and
 * preprocessor_config.json. */
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

#include "base/compiler.h"
#include "check/harness.h"
#include "hub_files.h"

#define ASKS "the description beside the weights asks for "
#define HF(type, inside) "{\"model_type\": \"" type "\", " inside "}"
#define PROCESSOR(name, inside) "{\"image_processor_type\": \"" name "ImageProcessor\", " inside "}"
#define OF_OLD(name, inside) "{\"feature_extractor_type\": \"" name "FeatureExtractor\", " inside "}"

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
    { HF("resnet", "\"id2label\": {\"1\": \"cat\", \"0\": \"dog\"}"), NULL, "weft.labels", "dog\ncat" },
    { HF("resnet", "\"id2label\": {\"1\": \"cat\", \"2\": \"dog\"}"), NULL, "weft.labels", NULL },
    { HF("resnet", "\"id2label\": {\"0\": \"cat\", \"00\": \"dog\"}"), NULL, "weft.labels", NULL },
    { HF("resnet", "\"id2label\": {\"0\": \"cat\", \"99999999999\": \"dog\"}"), NULL, "weft.labels", NULL },
    { HF("resnet", "\"label2id\": {\"cat\": 1, \"dog\": 0}"), NULL, "weft.labels", "dog\ncat" },
    { HF("resnet", "\"label2id\": {\"cat\": \"1\"}"), NULL, "weft.labels", NULL },
    { HF("resnet", "\"id2label\": {}"), NULL, "weft.labels", NULL },
    { HF("resnet", "\"problem_type\": \"multi_label_classification\""), NULL, "weft.activation", "sigmoid" },
    { HF("resnet", "\"problem_type\": \"single_label_classification\""), NULL, "weft.activation", NULL },
    { HF("resnet", "\"problem_type\": null"), NULL, "weft.activation", NULL },
    { HF("resnet", "\"problem_type\": \"regression\""), NULL, "hub.differs",
      "\"problem_type\": \"regression\", where weft's has classes" },
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
    /* what processors of some classes do otherwise */
    { NULL, "{\"size\": 224, \"do_resize\": false}", "recipe.cannot", ASKS "images that are not resized" },
    { NULL, "{\"size\": {\"longest_edge\": 224}}", "recipe.cannot",
      ASKS "a size that is neither the shorter side's nor a height and a width" },
    { NULL, "{\"size\": {\"shortest_edge\": 224, \"longest_edge\": 900}}", "recipe.cannot",
      ASKS "a size that is neither the shorter side's nor a height and a width" },
    { NULL, "{\"size\": [192, 192]}", "recipe.fit", "squash" },
    { NULL, "{\"size\": [192, 192]}", "recipe.px", "192" },
    { NULL, "{\"size\": [192, 256]}", "recipe.cannot", ASKS "images of 256 x 192 pixels" },
    { NULL, "{\"size\": [192]}", "recipe.cannot", ASKS "a size that is not two numbers" },
    { NULL, "{\"size\": -5}", "recipe.cannot", ASKS "images of -5 pixels" },
    { NULL, "{\"size\": {\"shortest_edge\": 200}, \"do_center_crop\": false}", "recipe.side", "200" },
    { NULL, PROCESSOR("ViT", "\"size\": 224"), "recipe.fit", "squash" },
    { NULL, OF_OLD("ViT", "\"size\": 224"), "recipe.fit", "squash" },
    { NULL, PROCESSOR("ViT", "\"size\": {\"height\": 256, \"width\": 256}, \"crop_size\": 224"), "recipe.cannot",
      ASKS "224 pixels cut out of an image squashed to 256" },
    { NULL, PROCESSOR("ConvNext", "\"size\": {\"shortest_edge\": 224}"), "recipe.crop", "0.875" },
    { NULL, PROCESSOR("ConvNext", "\"size\": {\"shortest_edge\": 224}, \"crop_pct\": 0.95"), "recipe.crop", "0.95" },
    { NULL, PROCESSOR("ConvNext", "\"size\": {\"shortest_edge\": 384}, \"crop_pct\": 0.95"), "recipe.crop", NULL },
    { NULL, PROCESSOR("ConvNext", "\"size\": {\"shortest_edge\": 384}, \"crop_pct\": 0.95"), "recipe.fit", "squash" },
    { NULL, OF_OLD("ConvNext", "\"size\": 384"), "recipe.fit", "squash" },
    { NULL, OF_OLD("ConvNext", "\"size\": 320"), "recipe.fit", NULL },
    { NULL, PROCESSOR("Levit", "\"size\": {\"shortest_edge\": 224}, \"crop_size\": 224"), "recipe.crop", "0.875" },
    { NULL, "{\"do_flip_channel_order\": true}", "recipe.cannot", ASKS "channels in the order blue, green, red" },
    { NULL, "{\"image_mean\": [0.485, 0.456, 0.406], \"image_std\": [0.229, 0.224, 0.225]}", "recipe.preprocess",
      "torch" },
    { "{\"learning_rate\": 0.1, \"label_names\": [\"a\"]}", NULL, "weft.labels", NULL }, /* of something else */
    { "\xef\xbb\xbf" "{\"architecture\": \"resnet18\"}", NULL, "hub.architecture", "resnet18" },
    { "not JSON", "[1, 2", "hub.architecture", NULL },
};

START_TEST(descriptions_become_metadata)
{
    weft_weights *set = NULL;
    hub_write_letters("hub.tmp/model.safetensors", "a");
    if (described[_i].config)
        hub_write_text("hub.tmp/config.json", described[_i].config);
    if (described[_i].preprocessor)
        hub_write_text("hub.tmp/preprocessor_config.json", described[_i].preprocessor);
    CHECK_OK(weft_weights_read(hub_ctx, "hub.tmp/model.safetensors", WEFT_FORMAT_AUTO, &set));
    const char *is = weft_weights_meta_find(set, described[_i].key), *expected = described[_i].text;
    ck_assert_msg((is == NULL) == (expected == NULL) && (!is || strcmp(is, expected) == 0),
                  "%s: \"%s\", expected \"%s\"", described[_i].key, is ? is : "-", expected ? expected : "-");
    weft_weights_destroy(set);
}
END_TEST

START_TEST(a_description_beside_other_files_does_not_matter)
{
    weft_weights *set = NULL;
    hub_write_letters("hub.tmp/mine.safetensors", "a");
    hub_write_text("hub.tmp/config.json", TIMM("\"a\": 1"));
    CHECK_OK(weft_weights_read(hub_ctx, "hub.tmp/mine.safetensors", WEFT_FORMAT_AUTO, &set));
    ck_assert_ptr_null(weft_weights_meta_find(set, "hub.architecture"));
    weft_weights_destroy(set);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_described");
    TCase *tcase = tcase_create("described");
    tcase_add_checked_fixture(tcase, hub_setup, hub_teardown);
    tcase_add_loop_test(tcase, descriptions_become_metadata, 0, WEFT_COUNT(described));
    tcase_add_test(tcase, a_description_beside_other_files_does_not_matter);
    suite_add_tcase(suite, tcase);
    return hub_run(suite, argv[0]);
}
