# SPDX-License-Identifier: Apache-2.0
"""PNG files, written here, since Pillow writes neither interlaced nor small grey nor 16-bit colour."""
import struct
import zlib

import numpy as np

from .pictures import picture

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


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
