# SPDX-License-Identifier: Apache-2.0
"""WebP files, all of them Pillow's."""
from PIL import Image

from .pictures import picture, saved


def webp_files():
    rgb, rgba = picture(37, 29, 3, 25), picture(37, 29, 4, 26)
    frames = [Image.fromarray(picture(24, 17, 3, i)) for i in (27, 28)]
    return {
        "lossy.webp": saved(Image.fromarray(rgb), "WEBP", quality=70),
        "lossless.webp": saved(Image.fromarray(rgb), "WEBP", lossless=True),
        "alpha.webp": saved(Image.fromarray(rgba, "RGBA"), "WEBP", quality=80),
        "alpha-lossless.webp": saved(Image.fromarray(rgba, "RGBA"), "WEBP", lossless=True, exact=True),
        "animated.webp": saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True),
    }
