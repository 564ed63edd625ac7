#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes fixtures/ (tiny image files of every format and kind) and golden.txt (digests of what Pillow makes of them).

Run by developers when a kind is added, never by the suite: python3 tests/data/make_golden.py, with jpegtran, numpy and
Pillow 13 or later: it resizes the columns of images that lose most of their height first, as no version before it.
golden.txt has one expectation a line:

    decode FILE WIDTH HEIGHT DIGEST
    resize FILE FILTER X0 Y0 X1 Y1 WIDTH HEIGHT DIGEST      (the box as hexadecimal floats)
    refuse FILE PART OF THE SENTENCE
    whole FILE WIDTH HEIGHT DIGEST                          (as decode, of a file that lacks what touches no pixel)
    pixels FILE WIDTH HEIGHT DIGEST                         (as decode, but not cut and damaged by the tests)
    turn FILE WIDTH HEIGHT DIGEST                           (after ImageOps.exif_transpose)

A digest is the 64-bit FNV-1a of the RGB bytes. 16-bit grey is reduced to its high byte, where Pillow would clip it.
"""
import io
import os
import random

import numpy as np
import PIL
from PIL import Image, ImageOps

from fixture_files.bmp import bmp_files
from fixture_files.cut import cut_files, whole_kinds
from fixture_files.damaged import more_refused_files, refused_files, whole_files
from fixture_files.jpeg import jpeg_files, many_jpegs
from fixture_files.png import png_files
from fixture_files.pnm import plain_pnm_files, pnm_files
from fixture_files.tiff import tiff_files
from fixture_files.turned import more_turned_files, turned_files
from fixture_files.webp import webp_files

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "fixtures")
FILTERS = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR,
           "bicubic": Image.Resampling.BICUBIC}


def fnv(data):
    digest = 0xcbf29ce484222325
    for byte in data:
        digest = (digest ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return f"{digest:016x}"


def decoded(data, name):
    """Pillow's RGB pixels of a fixture."""
    image = Image.open(io.BytesIO(data))
    if image.mode == "I;16":
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")


def random_box(rng, width, height):
    if rng.random() < 0.3:
        return (0.0, 0.0, float(width), float(height))
    x = sorted(rng.uniform(0, width) for _ in range(2))
    y = sorted(rng.uniform(0, height) for _ in range(2))
    if rng.random() < 0.3:
        x, y = [float(int(x[0])), float(int(x[1]) + 1)], [float(int(y[0])), float(int(y[1]) + 1)]
    if x[1] - x[0] < 0.01 or y[1] - y[0] < 0.01:
        return random_box(rng, width, height)
    return (x[0], y[0], x[1], y[1])


def resize_lines(images, count):
    rng = random.Random(7)
    lines = []
    while len(lines) < count:
        name = rng.choice(sorted(images))
        image = images[name]
        box = random_box(rng, *image.size)
        width, height = (rng.randint(1, 70) for _ in range(2))
        if rng.random() < 0.1:
            width = image.width
        if rng.random() < 0.1:
            height = image.height
        how = rng.choice(sorted(FILTERS))
        if not (box[0] < box[2] <= image.width and box[1] < box[3] <= image.height):
            continue
        result = image.resize((width, height), FILTERS[how], box)
        corners = " ".join(v.hex() for v in box)
        lines.append(f"resize {name} {how} {corners} {width} {height} {fnv(result.tobytes())}")
    return lines


def main():
    assert int(PIL.__version__.split(".")[0]) >= 13, "see above"
    os.makedirs(FIXTURES, exist_ok=True)
    good, bad = {**png_files(), **jpeg_files()}, {**refused_files(), **more_refused_files(), **cut_files()}
    good = {**good, **whole_kinds(), **bmp_files(), **pnm_files(), **webp_files(), **tiff_files()}
    lines, images = [], {}
    for name, data in sorted(good.items()):
        image = images[name] = decoded(data, name)
        lines.append(f"decode {name} {image.width} {image.height} {fnv(image.tobytes())}")
    lines += [f"refuse {name} {part}" for name, (data, part) in sorted(bad.items())]
    lines += resize_lines({n: images[n] for n in ("444.jpg", "420.jpg", "rgb8.png", "one.png", "440.jpg")}, 1000)
    many, turned, whole = many_jpegs(40), {**turned_files(), **more_turned_files()}, whole_files()
    plain = plain_pnm_files()
    for name, data in sorted({**whole, **plain}.items()):
        image = decoded(data, name)
        verb = "whole" if name in whole else "pixels"
        lines.append(f"{verb} {name} {image.width} {image.height} {fnv(image.tobytes())}")
    for name, data in sorted(many.items()):
        image = decoded(data, name)
        lines.append(f"pixels {name} {image.width} {image.height} {fnv(image.tobytes())}")
    for name, data in sorted(turned.items()):
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        lines.append(f"turn {name} {image.width} {image.height} {fnv(image.convert('RGB').tobytes())}")
    for name, data in {**good, **many, **turned, **whole, **plain, **{n: d for n, (d, _) in bad.items()}}.items():
        assert len(data) < 16384, (name, len(data))
        with open(os.path.join(FIXTURES, name), "wb") as out:
            out.write(data)
    with open(os.path.join(HERE, "golden.txt"), "w", encoding="ascii") as out:
        out.write("\n".join(lines) + "\n")
    print(f"{len(good)} files, {len(bad)} refused ones, {len(lines)} lines")


if __name__ == "__main__":
    main()
