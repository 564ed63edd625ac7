# SPDX-License-Identifier: Apache-2.0
"""JPEG files: Pillow's, some of them changed, and by hand what it does not write."""
import io
import random
import struct

from PIL import Image

from .pictures import picture


def jpeg(pixels, mode, **options):
    out = io.BytesIO()
    Image.fromarray(pixels if pixels.shape[-1] > 1 else pixels[..., 0], mode).save(out, "JPEG", **options)
    return out.getvalue()


def marker(data, code):
    return data.index(bytes([0xff, code]))


def with_byte(data, at, value):
    return data[:at] + bytes([value]) + data[at + 1:]


def segment(code, body):
    return bytes([0xff, code]) + struct.pack(">H", len(body) + 2) + body


ONE_CODE = bytes([1] + [0] * 15)  # a Huffman table of the code 0 alone
TABLES = segment(0xdb, bytes([0] + [1] * 64)) + segment(0xc4, b"\x00" + ONE_CODE + b"\0") + \
    segment(0xc4, b"\x10" + ONE_CODE + b"\0")


def two_components():
    """A baseline file of two components, one grey block each: legal, but nobody knows what colours these are."""
    return b"\xff\xd8" + TABLES + segment(0xc0, struct.pack(">BHHB", 8, 8, 8, 2) + b"\1\x11\0\2\x11\0") + \
        segment(0xda, b"\2\1\0\2\0\0\x3f\0") + b"\x0f\xff\xd9"


def many_scans(refinements):
    """A progressive file of one grey block in 64 + refinements scans, each almost empty."""
    def scan(first, last, high, low):
        return segment(0xda, bytes([1, 1, 0x00, first, last, high << 4 | low])) + b"\x7f"

    out = b"\xff\xd8" + TABLES + segment(0xc2, struct.pack(">BHHB", 8, 8, 8, 1) + b"\1\x11\0")
    out += scan(0, 0, 0, 0) + b"".join(scan(k, k, 0, 1) for k in range(1, 64))
    return out + b"".join(scan(k, k, 1, 0) for k in range(1, refinements + 1)) + b"\xff\xd9"


def stray_bytes():
    """Bytes of nobody before the end marker, as some files of ImageNet have."""
    good = jpeg(picture(37, 29, 3, 3), "RGB", quality=75)
    return good[:-2] + b"stray bytes" + good[-2:]


def jpeg_files():
    rgb, cmyk, square = picture(37, 29, 3, 3), picture(21, 18, 4, 4), picture(32, 32, 3, 5)
    adobe = jpeg(cmyk, "CMYK", quality=80)
    transform = adobe.index(b"Adobe") + 11
    flat = jpeg(square, "RGB", quality=75, subsampling=1)
    sampling = marker(flat, 0xc0) + 11
    assert adobe[transform] in (0, 2) and flat[sampling] == 0x21
    return {
        "444.jpg": jpeg(rgb, "RGB", quality=90, subsampling=0), "422.jpg": jpeg(rgb, "RGB", quality=80, subsampling=1),
        "420.jpg": jpeg(rgb, "RGB", quality=75, subsampling=2), "440.jpg": with_byte(flat, sampling, 0x12),
        "420-optimised.jpg": jpeg(rgb, "RGB", quality=50, optimize=True),
        "progressive.jpg": jpeg(rgb, "RGB", quality=75, progressive=True),
        "progressive-grey.jpg": jpeg(rgb[..., :1], "L", quality=75, progressive=True),
        "grey.jpg": jpeg(rgb[..., :1], "L", quality=85),
        "restart.jpg": jpeg(rgb, "RGB", quality=75, restart_marker_blocks=2),
        "plain-rgb.jpg": jpeg(rgb, "RGB", quality=80, keep_rgb=True),
        "cmyk.jpg": with_byte(adobe, transform, 0), "ycck.jpg": with_byte(adobe, transform, 2),
        "one.jpg": jpeg(rgb[:1, :1], "RGB", quality=75), "exif.jpg":
        jpeg(square, "RGB", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"),
        "scans-100.jpg": many_scans(36), "stray.jpg": stray_bytes(),
    }


def many_jpegs(count):
    """Files of every sampling, quality, size, colour space and way of coding that Pillow writes."""
    rng = random.Random(11)
    files = {}
    for i in range(count):
        mode = rng.choice(["RGB"] * 7 + ["L", "CMYK", "CMYK"])
        width, height = rng.randint(1, 90), rng.randint(1, 90)
        pixels = picture(width, height, {"RGB": 3, "L": 1, "CMYK": 4}[mode], 100 + i)
        options = {"quality": rng.randint(1, 100), "progressive": rng.random() < .4, "optimize": rng.random() < .3}
        if mode == "RGB":
            options["subsampling"] = rng.randint(0, 2)
        if rng.random() < .3:
            options["restart_marker_blocks"] = rng.randint(1, 9)
        files[f"many-{i:02}.jpg"] = jpeg(pixels, mode, **options)
    return files
