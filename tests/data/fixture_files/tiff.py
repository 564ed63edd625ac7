# SPDX-License-Identifier: Apache-2.0
"""TIFF files: Pillow's, and by hand the kinds that it does not write."""
import struct

import numpy as np
from PIL import Image

from .pictures import picture, saved


def tiff(width, height, bits, samples, photometric, data, extra=(), order="<"):
    """One strip. extra: (tag, type, values); types 3 and 4."""
    tags = [(256, 3, [width]), (257, 3, [height]), (258, 3, [bits] * samples), (259, 3, [1]), (262, 3, [photometric]),
            (273, 4, [0]), (277, 3, [samples]), (278, 3, [height]), (279, 4, [len(data)])]
    tags = sorted([t for t in tags if t[0] not in [e[0] for e in extra]] + list(extra))
    sizes = {3: "H", 4: "I"}
    at = 8 + 2 + 12 * len(tags) + 4
    long = {tag: struct.pack(f"{order}{len(v)}{sizes[kind]}", *v) for tag, kind, v in tags}
    places, rest = {}, b""
    for tag, body in long.items():
        if len(body) > 4:
            places[tag] = at + len(rest)
            rest += body
    long[273] = struct.pack(order + "I", at + len(rest))
    out = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, len(tags))
    for tag, kind, v in tags:
        body = struct.pack(order + "I", places[tag]) if tag in places else long[tag].ljust(4, b"\0")
        out += struct.pack(order + "HHI", tag, kind, len(v)) + body
    return out + bytes(4) + rest + data


def planar(width, height, rgb):
    """Three strips, one of each colour."""
    data = np.ascontiguousarray(np.moveaxis(rgb, 2, 0)).tobytes()
    size = width * height
    body = tiff(width, height, 8, 3, 2, data, [(284, 3, [2])])
    start = len(body) - len(data)
    grown = 24  # two lists of three numbers follow the directory
    tags = 10
    head = bytearray(body[:8 + 2 + 12 * tags + 4])
    middle = body[len(head):start]
    for i in range(tags):
        at = 10 + 12 * i
        tag = struct.unpack_from("<H", head, at)[0]
        if tag == 258:
            struct.pack_into("<I", head, at + 8, len(head))
        elif tag in (273, 279):
            struct.pack_into("<HHII", head, at, tag, 4, 3, len(head) + len(middle) + (12 if tag == 279 else 0))
    lists = struct.pack("<3I", *(start + grown + i * size for i in range(3))) + struct.pack("<3I", size, size, size)
    return bytes(head) + middle + lists + data


def tiled(rgb):
    """Tiles of 16 x 16, those at the edges filled up."""
    height, width = rgb.shape[:2]
    across, down = -(-width // 16), -(-height // 16)
    full = np.zeros((down * 16, across * 16, 3), np.uint8)
    full[:height, :width] = rgb
    tiles = [full[y * 16:y * 16 + 16, x * 16:x * 16 + 16].tobytes() for y in range(down) for x in range(across)]
    n = len(tiles)
    tags = [(256, 3, [width]), (257, 3, [height]), (258, 3, [8, 8, 8]), (259, 3, [1]), (262, 3, [2]), (277, 3, [3]),
            (322, 3, [16]), (323, 3, [16]), (324, 4, [0] * n), (325, 4, [768] * n)]
    at = 8 + 2 + 12 * len(tags) + 4
    first = at + 6 + 8 * n
    out = b"II*\0" + struct.pack("<IH", 8, len(tags))
    places = {258: at, 324: at + 6, 325: at + 6 + 4 * n}
    for tag, kind, v in tags:
        out += struct.pack("<HHI", tag, kind, len(v))
        out += struct.pack("<I", places[tag]) if tag in places else struct.pack("<HH", v[0], 0)
    out += bytes(4) + struct.pack("<3H", 8, 8, 8) + struct.pack(f"<{n}I", *(first + 768 * i for i in range(n)))
    return out + struct.pack(f"<{n}I", *[768] * n) + b"".join(tiles)


def tiff_files():
    rgb, four = picture(37, 29, 3, 30), picture(21, 18, 4, 31)
    grey = rgb[..., 0]
    image, ink = Image.fromarray(rgb), Image.fromarray(four, "CMYK")
    wide = (rgb.astype(np.uint16) * 251 + 77)
    return {
        "rgb.tif": saved(image, "TIFF"), "rgb-lzw.tif": saved(image, "TIFF", compression="tiff_lzw"),
        "rgb-deflate.tif": saved(image, "TIFF", compression="tiff_adobe_deflate"),
        "rgb-packbits.tif": saved(image, "TIFF", compression="packbits"),
        "grey.tif": saved(Image.fromarray(grey), "TIFF"),
        "bits1.tif": saved(Image.fromarray(grey).convert("1"), "TIFF"),
        "bits1-g4.tif": saved(Image.fromarray(grey).convert("1"), "TIFF", compression="group4"),
        "palette.tif": saved(image.quantize(200), "TIFF"),
        "rgba.tif": saved(Image.fromarray(four, "RGBA"), "TIFF", compression="tiff_lzw"),
        "cmyk.tif": saved(ink, "TIFF"),
        "grey16.tif": saved(Image.fromarray(wide[..., 0]), "TIFF"),
        "rgb16.tif": tiff(7, 6, 16, 3, 2, wide[:6, :7].astype("<u2").tobytes()),
        "rgb16-big.tif": tiff(7, 6, 16, 3, 2, wide[:6, :7].astype(">u2").tobytes(), order=">"),
        "white-is-zero.tif": tiff(37, 29, 8, 1, 0, grey.tobytes()),
        "grey4.tif": tiff(4, 2, 4, 1, 1, b"\x01\x9f\xa7\x3c"),
        "planar.tif": planar(7, 6, rgb[:6, :7]),
        "strips.tif": saved(image, "TIFF", compression="tiff_lzw", tiffinfo={278: 8}),
        "jpeg.tif": saved(image, "TIFF", compression="jpeg", quality=90),
        "tiled.tif": tiled(rgb),
    }
