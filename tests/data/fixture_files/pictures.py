# SPDX-License-Identifier: Apache-2.0
"""What the files of every format show, and how Pillow writes them."""
import io

import numpy as np


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


def saved(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()
