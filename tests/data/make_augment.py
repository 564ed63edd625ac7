#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# make_augment.py > augment.txt: what Pillow and torchvision make of two pictures, as digests of the bytes. Written with
# Pillow 13.0 and torchvision 0.29; the pictures are those of tests/data/augment.c.
import PIL.Image
import PIL.ImageEnhance
import PIL.ImageOps
import torch
import torchvision.transforms.functional as F
from torchvision.transforms import InterpolationMode, RandAugment, TrivialAugmentWide, autoaugment

WIDTH, HEIGHT = 29, 23


def picture(channels):
    data = bytearray()
    for y in range(HEIGHT):
        for x in range(WIDTH):
            for c in range(channels):
                data.append(20 + (x * 5 + y * 3 * (c + 1) + (x * y * (3 - c) >> 2)) % 200)
    return PIL.Image.frombytes("RGB" if channels == 3 else "L", (WIDTH, HEIGHT), bytes(data))


def line(text, image):
    digest = 0xCBF29CE484222325
    for byte in image.tobytes():
        digest = (digest ^ byte) * 0x100000001B3 % (1 << 64)
    print(text, len(image.getbands()), "%016x" % digest)


NAMES = {"Identity": "identity", "ShearX": "shear-x", "ShearY": "shear-y", "TranslateX": "translate-x",
         "TranslateY": "translate-y", "Rotate": "rotate", "Brightness": "brightness", "Color": "saturation",
         "Contrast": "contrast", "Sharpness": "sharpness", "Posterize": "posterize", "Solarize": "solarize",
         "AutoContrast": "autocontrast", "Equalize": "equalize"}


def policy(image, wide, space):
    for name, (strengths, signed) in space.items():
        for strength in (0, 9, 17, 30):
            by = float(strengths[strength].item()) if strengths.ndim > 0 else 0.0
            for negative in (0, 1) if signed and strength else (0,):
                done = autoaugment._apply_op(image, name, -by if negative else by,
                                             interpolation=InterpolationMode.NEAREST, fill=None)
                line("policy %s %d %d %d" % (NAMES[name], strength, wide, negative), done)


for image in (picture(3), picture(1)):
    line("picture", image)
    for factor in (0, .35, 1, 1.7, 3):
        line("brightness %g" % factor, PIL.ImageEnhance.Brightness(image).enhance(factor))
        line("contrast %g" % factor, PIL.ImageEnhance.Contrast(image).enhance(factor))
        line("saturation %g" % factor, PIL.ImageEnhance.Color(image).enhance(factor))
        line("sharpness %g" % factor, PIL.ImageEnhance.Sharpness(image).enhance(factor))
    for turn in (-.5, -.11, 0, .02, .3, .5):
        line("hue %g" % turn, F.adjust_hue(image, turn))
    line("flip", PIL.ImageOps.mirror(image))
    for how, name in ((PIL.Image.NEAREST, "nearest"), (PIL.Image.BILINEAR, "bilinear")):
        for matrix in ((1, 0, 0, 0, 1, 0), (1, .25, -3, .125, .75, 2), (.5, 0, 4.5, 0, .5, 3.25), (0, -1, 20, 1, 0, 1),
                       (1.5, .3, -7.3, -.2, 1.25, 2.2)):
            done = image.transform((WIDTH, HEIGHT), PIL.Image.AFFINE, matrix, how)
            line("affine " + name + " " + ",".join("%g" % m for m in matrix), done)
    policy(image, 0, RandAugment()._augmentation_space(31, (HEIGHT, WIDTH)))
    policy(image, 1, TrivialAugmentWide()._augmentation_space(31))
