# SPDX-License-Identifier: Apache-2.0
"""Files with an end marker behind half of their data, of which decoders make up the rest without a word; and whole ones
of the same kinds. Arithmetic coding is jpegtran's (libjpeg-turbo's program): Pillow reads it and writes none."""
import struct
import subprocess
import tempfile

from .jpeg import jpeg
from .pictures import picture
from .tiff import tiff_files

END = b"\xff\xd9"


def transcoded(*options, scans=None):
    data = jpeg(picture(37, 29, 3, 3), "RGB", quality=75, subsampling=0)
    with tempfile.NamedTemporaryFile("w") as script:
        if scans:
            script.write(scans)
            script.flush()
            options += ("-scans", script.name)
        return subprocess.run(["jpegtran", "-copy", "none", *options], input=data, stdout=subprocess.PIPE,
                              check=True).stdout


def ends_of_headers(data):
    """Where the data of each scan begin."""
    ends, at = [], 2
    while data[at:at + 2] != END:
        if data[at] != 0xff or data[at + 1] in (0, *range(0xd0, 0xd8)):
            at += 1
            continue
        start, at = at, at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        if data[start + 1] == 0xda:
            ends.append(at)
    return ends


def before_scan(data, number):
    at = ends_of_headers(data)[number]
    return data[:data.rindex(b"\xff\xda", 0, at)]


def cut_tiff(data):
    """The only strip has half its bytes."""
    assert data[:4] == b"II*\0"
    first = struct.unpack("<I", data[4:8])[0]
    for at in range(first + 2, first + 2 + 12 * struct.unpack("<H", data[first:first + 2])[0], 12):
        tag, kind, count, value = struct.unpack("<HHII", data[at:at + 12])
        if tag == 279:
            assert kind in (3, 4) and count == 1
            return data[:at + 8] + struct.pack("<I", value // 2) + data[at + 12:]
    raise ValueError("no strips")


APART = "0;\n1;\n2;\n"


def whole_kinds():
    return {
        "arithmetic.jpg": transcoded("-arithmetic"),
        "arithmetic-restart.jpg": transcoded("-arithmetic", "-restart", "1"),
        "arithmetic-progressive.jpg": transcoded("-arithmetic", "-progressive"),
        "scans-apart.jpg": transcoded(scans=APART), "arithmetic-apart.jpg": transcoded("-arithmetic", scans=APART),
    }


def cut_files():
    one, several = transcoded("-arithmetic"), transcoded("-arithmetic", scans=APART)
    progressive, apart = transcoded("-arithmetic", "-progressive"), transcoded(scans=APART)
    slow = transcoded("-progressive", scans="0: 0-0, 0, 0;\n1: 0-0, 0, 0;\n2: 0-0, 0, 0;\n0: 1-63, 0, 0;\n")
    tiffs = tiff_files()
    return {
        "bad-cut-arithmetic.jpg": (one[:len(one) // 2] + END, "end behind"),
        "bad-cut-arithmetic-header.jpg": (one[:ends_of_headers(one)[0]] + END, "end behind 0 of 4 rows"),
        "bad-cut-arithmetic-scan.jpg": (several[:ends_of_headers(several)[2] + 20] + END, "scan 3 end behind"),
        "bad-cut-arithmetic-progressive.jpg": (progressive[:len(progressive) // 2] + END, "no scan has all of"),
        "bad-cut-component.jpg": (before_scan(apart, 2) + END, "no scan has all of component 3 of 3"),
        "bad-cut-progressive.jpg": (before_scan(slow, 1) + END, "no scan has all of component 2 of 3"),
        "bad-cut-jpeg.tif": (cut_tiff(tiffs["jpeg.tif"]), "Premature end"),
        "bad-cut-g4.tif": (cut_tiff(tiffs["bits1-g4.tif"]), "Premature EOF"),
    }
