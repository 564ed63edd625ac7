# SPDX-License-Identifier: Apache-2.0
"""Files that say how they are to be turned, in every format that can."""
import struct

from PIL import Image

from .jpeg import jpeg
from .pictures import picture, saved
from .png import png


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


def more_turned_files():
    rgb = Image.fromarray(picture(24, 17, 3, 8))
    return {"orient-6.webp": saved(rgb, "WEBP", lossless=True, exif=orientation(6, ">")),
            "orient-7.webp": saved(rgb, "WEBP", lossless=True, exif=b"Exif\0\0" + orientation(7, "<")),
            "orient-8.tif": saved(rgb, "TIFF", tiffinfo={274: 8})}
