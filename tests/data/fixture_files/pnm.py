# SPDX-License-Identifier: Apache-2.0
"""PNM files, binary and plain."""
import numpy as np
from PIL import Image

from .pictures import picture, saved


def pnm_files():
    rgb = picture(19, 17, 3, 23)
    grey = rgb[..., 0]
    return {
        "rgb.ppm": saved(Image.fromarray(rgb), "PPM"), "grey.pgm": saved(Image.fromarray(grey), "PPM"),
        "bits.pbm": saved(Image.fromarray(grey).convert("1"), "PPM"),
        "rgb16.ppm": b"P6 # a comment\n3 2\n65535\n" + (rgb[:2, :3].astype(">u2") * 257 - 100).astype(">u2").tobytes(),
        "grey100.pgm": b"P5\n# made by hand\n19 17 100\n" + (grey // 3 + 20).clip(0, 110).astype(np.uint8).tobytes(),
    }


def plain_pnm_files():
    rgb = picture(5, 4, 3, 24)
    return {
        "plain.ppm": b"P3 5 4\n255\n" + " ".join(str(v) for v in rgb.flatten()).encode() + b"\n",
        "plain15.pgm": b"P2\n5 4 # w h\n15\n" + "\n".join(str(v >> 4) for v in rgb[..., 0].flatten()).encode(),
        "plain.pbm": b"P1\n5 2\n10010\n0 1 1 0 1",
    }
