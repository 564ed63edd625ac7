#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes recipes.txt: what torchvision, timm and Keras themselves make of photographs, for weft_image_to_input.

Run by developers when a recipe changes, never by the suite: python3 tests/data/make_recipes.py, with torch,
torchvision, timm, keras (KERAS_BACKEND=torch) and Pillow. Each line is

    input FILE NETWORK DIALECT VALUE...         VALUES numbers, at places that both sides count alike
    sample FILE FILTER WIDTH HEIGHT VALUE...    torch's interpolate without antialiasing (bilinear, nearest-exact)
    share FILE SHARE PX RESAMPLE VALUE...       the centre square of a share, cut out and resized by Pillow, 0..255

Place k of n values is element k * 2654435761 mod n of [height, width, channel].
"""
import os

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np
import timm
import torch
import torchvision
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
COFFEE = "../../../docs/images/coffee.jpg"
PHOTOS = [COFFEE, "many-03.jpg", "rgba8.png"]
VALUES = 24
TORCHVISION = {"resnet50": "ResNet50_Weights.IMAGENET1K_V1", "vgg16": "VGG16_Weights.IMAGENET1K_V1",
               "efficientnet-b0": "EfficientNet_B0_Weights.IMAGENET1K_V1",
               "efficientnet-b1": "EfficientNet_B1_Weights.IMAGENET1K_V1",
               "efficientnet-b3": "EfficientNet_B3_Weights.IMAGENET1K_V1",
               "efficientnet-b5": "EfficientNet_B5_Weights.IMAGENET1K_V1",
               "resnext101-64x4d": "ResNeXt101_64X4D_Weights.IMAGENET1K_V1",
               "densenet121": "DenseNet121_Weights.IMAGENET1K_V1",
               "mobilenetv2": "MobileNet_V2_Weights.IMAGENET1K_V1",
               "inception-v3": "Inception_V3_Weights.IMAGENET1K_V1", "googlenet": "GoogLeNet_Weights.IMAGENET1K_V1"}
TIMM = {"inception-v4": "inception_v4", "se-resnet18": "legacy_seresnet18", "se-resnet50": "legacy_seresnet50",
        "senet154": "legacy_senet154", "cspresnet50": "cspresnet50", "cspdarknet53": "cspdarknet53",
        "efficientnet-lite0": "tf_efficientnet_lite0", "efficientnet-lite1": "tf_efficientnet_lite1",
        "efficientnet-lite2": "tf_efficientnet_lite2", "efficientnet-lite3": "tf_efficientnet_lite3",
        "efficientnet-lite4": "tf_efficientnet_lite4"}
KERAS = {"vgg16": ("vgg16", 224), "resnet50": ("resnet", 224), "resnet50v2": ("resnet_v2", 224),
         "mobilenetv2": ("mobilenet_v2", 224), "densenet121": ("densenet", 224), "xception": ("xception", 299),
         "nasnet-large": ("nasnet", 331), "efficientnet-b0": ("efficientnet", 224)}
# These two networks change the input by themselves when pretrained (torchvision's transform_input).
TRANSFORM_INPUT = {"inception-v3", "googlenet"}


def by_torchvision(name, image):
    x = torchvision.models.get_weight(TORCHVISION[name]).transforms()(image)
    if name in TRANSFORM_INPUT:
        deviation, mean = torch.tensor([.229, .224, .225]), torch.tensor([.485, .456, .406])
        x = x * (deviation / .5)[:, None, None] + ((mean - .5) / .5)[:, None, None]
    return x.numpy().transpose(1, 2, 0)


def by_timm(name, image):
    config = timm.data.resolve_data_config(timm.get_pretrained_cfg(TIMM[name]).to_dict())
    return timm.data.create_transform(**config)(image).numpy().transpose(1, 2, 0)


def by_keras(name, path):
    module, px = KERAS[name]
    x = keras.utils.img_to_array(keras.utils.load_img(path, target_size=(px, px)))
    return getattr(keras.applications, module).preprocess_input(x[None].copy())[0]


def line(words, values):
    flat = np.asarray(values, np.float32).reshape(-1)
    places = [k * 2654435761 % flat.size for k in range(VALUES)]
    return " ".join([*map(str, words), str(flat.size), *(f"{flat[p]:.9g}" for p in places)])


def sample_lines(photo, image):
    x = torch.tensor(np.asarray(image), dtype=torch.float32).permute(2, 0, 1)[None]
    for how, mode in (("bilinear", "bilinear"), ("nearest", "nearest-exact")):
        for width, height in ((24, 31), (100, 77), (224, 224)):
            y = torch.nn.functional.interpolate(x, (height, width), mode=mode)[0].permute(1, 2, 0)
            yield line(["sample", photo, how, width, height], y)
    # Enlarging, torch's antialiased bicubic is the same sum: a = -1/2, weights beyond the edge left out.
    width, height = image.width + 13, image.height + 8
    y = torch.nn.functional.interpolate(x, (height, width), mode="bicubic", antialias=True)[0].permute(1, 2, 0)
    yield line(["sample", photo, "bicubic", width, height], y)


def share_lines(photo, image):
    for share, px, how in ((.875, 24, "bicubic"), (.5, 31, "bilinear"), (1, 40, "bicubic")):
        side = int(np.float32(share) * np.float32(min(image.size)))
        x, y = (image.width - side + 1) // 2, (image.height - side + 1) // 2
        cut = image.crop((x, y, x + side, y + side)).resize((px, px), getattr(Image.Resampling, how.upper()))
        yield line(["share", photo, share, px, how], np.asarray(cut))


def main():
    lines = []
    for photo in PHOTOS:
        path = os.path.join(HERE, "fixtures", photo)
        image = Image.open(path).convert("RGB")
        lines += [line(["input", photo, n, "torch"], by_torchvision(n, image)) for n in TORCHVISION]
        lines += [line(["input", photo, n, "torch"], by_timm(n, image)) for n in TIMM]
        lines += [line(["input", photo, n, "keras"], by_keras(n, path)) for n in KERAS]
        lines += [*sample_lines(photo, image), *share_lines(photo, image)]
    with open(os.path.join(HERE, "recipes.txt"), "w", encoding="ascii") as out:
        out.write("\n".join(lines) + "\n")
    print(len(lines), "lines")


if __name__ == "__main__":
    main()
