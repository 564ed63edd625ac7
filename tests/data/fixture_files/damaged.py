# SPDX-License-Identifier: Apache-2.0
"""Files that must be refused, and files that lack only what touches no pixel."""
import io
import struct
import zlib

from PIL import Image

from .bmp import bmp
from .jpeg import jpeg, many_scans, marker, segment, two_components
from .pictures import picture, saved
from .png import chunk, png
from .tiff import tiff


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


def whole_files():
    """All pixels are there, and the end is not."""
    small = picture(19, 17, 3, 1)
    return {"no-end.png": png(small, 2, 8)[:-12], "half-end.png": png(small, 2, 8)[:-3]}
