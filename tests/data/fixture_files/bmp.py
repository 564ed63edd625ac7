# SPDX-License-Identifier: Apache-2.0
"""BMP files: Pillow's, and by hand the kinds that it does not write."""
import struct

import numpy as np
from PIL import Image

from .pictures import picture, saved


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
