#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes fixtures/ (tiny image files of every format and kind) and golden.txt (digests of what Pillow makes of them).

Run by developers when a kind is added, never by the suite: python3 tests/data/make_golden.py, with numpy and a Pillow
before version 12.2, which began to shrink the columns of some images first. weft keeps the order that all earlier
versions have; where both sides shrink alike, as in weft_image_to_input, all versions agree.
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
import struct
import zlib

import numpy as np
import PIL
from PIL import Image, ImageOps

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "fixtures")
FILTERS = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR,
           "bicubic": Image.Resampling.BICUBIC}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def fnv(data):
    digest = 0xcbf29ce484222325
    for byte in data:
        digest = (digest ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return f"{digest:016x}"


def picture(width, height, channels, seed):
    """Waves, an edge and some noise: something of every frequency, [height, width, channels] of 0..255."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(float)
    planes = []
    for c in range(channels):
        plane = 128 + 90 * np.sin(x / (3.0 + c) + c) * np.cos(y / (4.0 + c))
        plane[(x + y * (c + 1)) % 23 < 5] = 250 - 80 * c
        planes.append(plane + rng.normal(0, 6, plane.shape))
    return np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8)


# ---- PNG: written here, since Pillow writes neither interlaced nor small grey nor 16-bit colour ----

def chunk(name, data):
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def pack_rows(samples, depth):
    """Rows of [height, width, channels] as PNG packs them, each behind filter byte 0..4 (0 and 1 by turns)."""
    out = bytearray()
    for number, row in enumerate(samples):
        flat = row.reshape(-1)
        if depth == 16:
            data = flat.astype(">u2").tobytes()
        elif depth == 8:
            data = flat.astype(np.uint8).tobytes()
        else:
            bits = "".join(format(int(v), f"0{depth}b") for v in flat)
            bits += "0" * (-len(bits) % 8)
            data = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
        step = max(1, row.shape[-1] * depth // 8)
        if number % 2:  # filter 1: the difference from the pixel before
            data = bytes((b - (data[i - step] if i >= step else 0)) & 255 for i, b in enumerate(data))
        out += bytes([number % 2]) + data
    return bytes(out)


def png(samples, colour, depth, interlaced=False, palette=None, extra=()):
    height, width = samples.shape[:2]
    if interlaced:
        passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        data = b"".join(pack_rows(p, depth) for p in passes if p.size)
    else:
        data = pack_rows(samples, depth)
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced)))]
    if palette is not None:
        parts.append(chunk(b"PLTE", palette.astype(np.uint8).tobytes()))
    parts += [chunk(name, body) for name, body in extra]
    packed = zlib.compress(data, 9)
    half = len(packed) // 2  # two IDAT chunks
    parts += [chunk(b"IDAT", packed[:half]), chunk(b"IDAT", packed[half:]), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def png_files():
    small = picture(19, 17, 4, 1)
    rgb, grey = small[..., :3], small[..., :1]
    wide = small.astype(np.uint16) * 251 + 77
    palette = picture(16, 1, 3, 2)[0]
    return {
        "grey1.png": png(grey >> 7, 0, 1), "grey2.png": png(grey >> 6, 0, 2), "grey4.png": png(grey >> 4, 0, 4),
        "grey8.png": png(grey, 0, 8), "grey8-trns.png": png(grey, 0, 8, extra=[(b"tRNS", b"\0\x80")]),
        "grey16.png": png(wide[..., :1], 0, 16), "rgb8.png": png(rgb, 2, 8),
        "rgb8-trns.png": png(rgb, 2, 8, extra=[(b"tRNS", b"\0\1\0\2\0\3"), (b"gAMA", struct.pack(">I", 45455))]),
        "rgb16.png": png(wide[..., :3], 2, 16), "palette1.png": png(grey >> 7, 3, 1, palette=palette[:2]),
        "palette2.png": png(grey >> 6, 3, 2, palette=palette[:4]),
        "palette4.png": png(grey >> 4, 3, 4, palette=palette),
        "palette8-trns.png": png(grey >> 4, 3, 8, palette=palette, extra=[(b"tRNS", b"\0\x40\x80")]),
        "grey-alpha8.png": png(small[..., :2], 4, 8), "grey-alpha16.png": png(wide[..., :2], 4, 16),
        "rgba8.png": png(small, 6, 8), "rgba16.png": png(wide, 6, 16),
        "interlaced-rgb8.png": png(rgb, 2, 8, True), "interlaced-grey1.png": png(grey >> 7, 0, 1, True),
        "interlaced-rgba16.png": png(wide, 6, 16, True),
        "interlaced-palette4.png": png(grey >> 4, 3, 4, True, palette=palette),
        "interlaced-narrow.png": png(rgb[:9, :3], 2, 8, True), "one.png": png(rgb[:1, :1], 2, 8),
    }


# ---- JPEG ----

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


def orientation(value, order):
    """A TIFF of one directory: another tag, then the orientation."""
    head = {"<": b"II*\0", ">": b"MM\0*"}[order]
    return head + struct.pack(order + "IHHHIIHHIHHI", 8, 2, 0x010f, 2, 1, 0x41, 0x0112, 3, 1, value, 0, 0)


def turned_files():
    rgb = picture(24, 17, 3, 8)
    files = {f"orient-{i}.jpg": jpeg(rgb, "RGB", quality=85, subsampling=0,
                                     exif=b"Exif\0\0" + orientation(i, "<>"[i % 2])) for i in range(1, 9)}
    files["orient-0.jpg"] = jpeg(rgb, "RGB", quality=85, exif=b"Exif\0\0" + orientation(0, "<"))
    files["orient-9.jpg"] = jpeg(rgb, "RGB", quality=85, exif=b"Exif\0\0" + orientation(9, ">"))
    files["orient-cut.jpg"] = jpeg(rgb, "RGB", quality=85, exif=b"Exif\0\0" + orientation(6, "<")[:22])
    files["orient-6.png"] = png(rgb, 2, 8, extra=[(b"eXIf", orientation(6, ">"))])
    return files


def stray_bytes():
    """Bytes of nobody before the end marker, as some files of ImageNet have."""
    good = jpeg(picture(37, 29, 3, 3), "RGB", quality=75)
    return good[:-2] + b"stray bytes" + good[-2:]


def refused_files():
    rgb = picture(19, 17, 3, 6)
    grey = rgb[..., :1]
    big = jpeg(rgb, "RGB", quality=60)
    size = marker(big, 0xc0) + 5
    slow = jpeg(rgb, "RGB", quality=60, progressive=True)
    slow_size = marker(slow, 0xc2) + 5
    restart = jpeg(rgb, "RGB", quality=60, restart_marker_blocks=1)
    lost = restart.index(b"\xff\xd0")
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)) + \
        chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    wide = bomb[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 70000, 1, 8, 2, 0, 0, 0)) + bomb[33:]
    rows = png(rgb, 2, 8)
    flipped = bytearray(rows)
    flipped[60] ^= 0x10
    gif = io.BytesIO()
    Image.fromarray(rgb).save(gif, "GIF")
    return {
        "bad-scans-101.jpg": (many_scans(37), "more than 100 scans"),
        "bad-two-components.jpg": (two_components(), "2 colour components"),
        "bad-bomb.jpg": (big[:size] + b"\xff\xdc\xff\xdc" + big[size + 4:], "cannot hold"),
        "bad-bomb-progressive.jpg": (slow[:slow_size] + b"\xff\xdc\xff\xdc" + slow[slow_size + 4:], "cannot hold"),
        "bad-stray-restart.jpg": (restart[:lost] + b"stray" + restart[lost:], "extraneous"),
        "bad-bomb.png": (bomb, "cannot hold"), "bad-wide.png": (wide, "limit"),
        "bad-palette.png": (png(grey >> 4, 3, 8, palette=rgb[0, :4]), "the palette has 4 colours"),
        "bad-crc.png": (bytes(flipped), "CRC error"), "bad-short.png": (png(rgb, 2, 8)[:-20] + rows[-12:], "byte"),
        "bad-few-rows.png": (rows[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 19, 18, 8, 2, 0, 0, 0)) + rows[33:],
                             "Not enough"),
        "gif-named.jpg": (gif.getvalue(), "is a GIF file"), "text.png": (b"not an image\n", "begins with 6e 6f 74"),
    }


def decoded(data, name):
    """Pillow's RGB pixels of a fixture."""
    image = Image.open(io.BytesIO(data))
    if image.mode == "I;16":
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")


# ---- BMP, PNM, WebP, TIFF ----

def saved(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def bmp(width, height, bits, rows, compression=0, palette=b"", masks=b"", top_down=False, header=40, colours=0):
    """rows: the pixel bytes in the file's order."""
    info = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits, compression, len(rows),
                       2835, 2835, colours, 0)
    info = info + (masks + bytes(16))[:16] + bytes(header - 56) if header > 40 else info + masks
    offset = 14 + len(info) + len(palette)
    return struct.pack("<2sIHHI", b"BM", offset + len(rows), 0, 0, offset) + info + palette + rows


def padded(row):
    return row + bytes(-len(row) % 4)


def bmp_files():
    rgb = picture(19, 17, 3, 21)
    grey = rgb[..., 0]
    image = Image.fromarray(rgb)
    blue = rgb.astype(np.uint16)
    five = ((blue[..., 0] >> 3) << 10 | (blue[..., 1] >> 3) << 5 | blue[..., 2] >> 3).astype("<u2")
    six = ((blue[..., 0] >> 3) << 11 | (blue[..., 1] >> 2) << 5 | blue[..., 2] >> 3).astype("<u2")
    four = np.concatenate([rgb[..., ::-1], grey[..., None]], 2)
    palette = b"".join(bytes(list(c) + [0]) for c in picture(16, 1, 3, 2)[0])
    core = struct.pack("<IHHHH", 12, 5, 4, 1, 24)
    tiny = b"".join(padded(row[:, ::-1].tobytes()) for row in rgb[:4, :5][::-1])
    runs = b"\x05\x03\x00\x03\x01\x02\x04\x00\x00\x00" + b"\x04\x07\x00\x00" + \
        b"\x08\x0f\x00\x00\x02\x05\x00\x00\x00\x01"
    nibbles = b"\x05\x3a\x00\x04\x12\x3f\x00\x00" + b"\x03\x77\x02\x9b\x00\x00\x00\x01"
    return {
        "rgb24.bmp": saved(image, "BMP"), "grey8.bmp": saved(Image.fromarray(grey), "BMP"),
        "palette8.bmp": saved(image.quantize(200), "BMP"),
        "bits1.bmp": saved(Image.fromarray(grey).convert("1"), "BMP"),
        "rgba32.bmp": saved(Image.fromarray(picture(19, 17, 4, 22), "RGBA"), "BMP"),
        "palette4.bmp": bmp(5, 2, 4, padded(b"\x12\x3f\x40") + padded(b"\x9b\x00\xf0"), palette=palette),
        "rgb555.bmp": bmp(19, 17, 16, b"".join(padded(row.tobytes()) for row in five[::-1])),
        "rgb565.bmp": bmp(19, 17, 16, b"".join(padded(row.tobytes()) for row in six), 3,
                          masks=struct.pack("<III", 0xf800, 0x7e0, 0x1f), top_down=True),
        "masks32-v5.bmp": bmp(19, 17, 32, four[::-1].tobytes(), 3, header=124,
                              masks=struct.pack("<IIII", 0xff0000, 0xff00, 0xff, 0xff000000)),
        "core24.bmp": struct.pack("<2sIHHI", b"BM", 26 + len(tiny), 0, 0, 26) + core + tiny,
        "rle8.bmp": bmp(8, 4, 8, runs, 1, palette=palette, colours=16),
        "rle4.bmp": bmp(10, 2, 4, nibbles, 2, palette=palette),
    }


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


def whole_files():
    """All pixels are there, and the end is not."""
    small = picture(19, 17, 3, 1)
    return {"no-end.png": png(small, 2, 8)[:-12], "half-end.png": png(small, 2, 8)[:-3]}


def more_turned_files():
    rgb = Image.fromarray(picture(24, 17, 3, 8))
    return {"orient-6.webp": saved(rgb, "WEBP", lossless=True, exif=orientation(6, ">")),
            "orient-7.webp": saved(rgb, "WEBP", lossless=True, exif=b"Exif\0\0" + orientation(7, "<")),
            "orient-8.tif": saved(rgb, "TIFF", tiffinfo={274: 8})}


def more_refused_files():
    """An arithmetic-coded JPEG file of a header alone, and files of the other formats that declare what they lack."""
    arithmetic = b"\xff\xd8" + segment(0xdb, bytes([0] + [1] * 64)) + \
        segment(0xc9, struct.pack(">BHHB", 8, 0xffdc >> 2, 0xffdc >> 2, 1) + b"\1\x11\0") + \
        segment(0xda, b"\1\1\0\0\x3f\0") + b"\xff\xd9"
    lossless = bytearray(saved(Image.new("RGB", (4, 4)), "WEBP", lossless=True))
    lossless[21:25] = struct.pack("<I", 13000 - 1 | (13000 - 1) << 14)
    rgb = picture(8, 8, 3, 6)
    return {
        "bad-bomb-arithmetic.jpg": (arithmetic, "cannot hold"), "bad-bomb.webp": (bytes(lossless), "cannot hold"),
        "bad-bomb.tif": (tiff(60000, 2000, 8, 1, 1, bytes(100)), "cannot hold"),
        "bad-bomb-lzw.tif": (tiff(60000, 20000, 8, 1, 1, bytes(100), [(259, 3, [5])]), "cannot hold"),
        "bad-bomb.bmp": (bmp(10000, 10000, 24, bytes(300)), "cannot hold"),
        "bad-bomb-rle.bmp": (bmp(10000, 10000, 8, bytes(300), 1, palette=bytes(1024)), "cannot hold"),
        "bad-bomb.ppm": (b"P6 10000 10000 255\n" + bytes(300), "ends here"),
        "bad-palette.bmp": (bmp(4, 1, 8, b"\0\1\2\3", palette=bytes(8), colours=2), "the palette has 2 colours"),
        "bad-mask.bmp": (bmp(2, 1, 16, bytes(4), 3, masks=struct.pack("<III", 0xa000, 0x7e0, 31)), "the mask 0000a000"),
        "bad-bits.bmp": (bmp(2, 1, 2, bytes(4), palette=bytes(16)), "2 bits with compression 0"),
        "bad-float.tif": (tiff(2, 1, 32, 1, 1, bytes(8), [(339, 3, [3])]), "1 samples of 32 bits"),
        "bad-thumbnail.tif": (tiff(2, 1, 8, 1, 1, bytes(2), [(254, 4, [1])]), "is a thumbnail"),
        "bad-large.pgm": (b"P2 1 1 15\n16\n", "0 to 15 was expected"),
        "bad-rgb.ppm": (saved(Image.fromarray(rgb), "PPM")[:-1], "ends here"),
    }


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
    assert tuple(map(int, PIL.__version__.split(".")[:2])) < (12, 2), "see above"
    os.makedirs(FIXTURES, exist_ok=True)
    good, bad = {**png_files(), **jpeg_files()}, {**refused_files(), **more_refused_files()}
    good = {**good, **bmp_files(), **pnm_files(), **webp_files(), **tiff_files()}
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
