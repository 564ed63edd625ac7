#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The seeded weights of weft-weights(5) in NumPy.

    python3 seeded_weights.py stem/conv2d/weight 64,7,7,3 [SEED [GAIN]]
"""
import math, sys
import numpy as np

KINDS = {"weight": (-1, 1), "gamma": (.75, 1.25), "beta": (-.125, .125), "mean": (-.125, .125), "variance": (.5, 1.5),
         "se/expand/bias": (1.5, 2.5), "bias": (-.125, .125), "count": (0, 0), "gain": (.1875, .3125),
         "centre": (-2, 2)}
MASK = np.uint64(0xffffffff)


def uniform(seed, name, count):
    """Philox4x32-10, key = seed, counter = (index / 4, FNV-1a of the name); the upper 24 bits of each word, centred."""
    stream = 0xcbf29ce484222325
    for byte in name.encode():
        stream = (stream ^ byte) * 0x100000001b3 & (1 << 64) - 1
    c0 = np.arange((count + 3) // 4, dtype=np.uint64)
    c1, c2, c3 = c0 * 0, c0 * 0 + np.uint64(stream & 0xffffffff), c0 * 0 + np.uint64(stream >> 32)
    for i in range(10):
        k0, k1 = ((k + i * w) & 0xffffffff for k, w in ((seed, 0x9E3779B9), (seed >> 32, 0xBB67AE85)))
        a, b = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = ((b >> np.uint64(32)) ^ c1 ^ np.uint64(k0), b & MASK,
                          (a >> np.uint64(32)) ^ c3 ^ np.uint64(k1), a & MASK)
    words = np.stack([c0, c1, c2, c3], 1).ravel()[:count]
    return ((words >> np.uint64(8)) + .5) * 2.**-24


def parameter(name, shape, seed=1, gain=1.):
    """A parameter of weft's name and shape, as float32."""
    low, high = next(bounds for end, bounds in KINDS.items() if name.endswith("/" + end))
    factor = {"weight": math.sqrt(6 / math.prod(shape[1:])), "gamma": gain}.get(name.split("/")[-1], 1.)
    low, high = low * factor, high * factor
    return (low + (high - low) * uniform(seed, name, math.prod(shape))).astype(np.float32).reshape(shape)


def images(n, height, width, channels, low, high, seed=1):
    """Each image: a colour of its own, 8 x 8 squares, grain."""
    i, y, x, c = np.ogrid[:n, :height, :width, :channels]
    grain = 2 * uniform(seed, "image/grain", n * height * width * channels).reshape(n, height, width, channels) - 1
    square = 2 * uniform(seed, "image/square", n * 64 * channels).reshape(n, 8, 8, channels) - 1
    v = .25 * grain + .5 * square[i, y * 8 // height, x * 8 // width, c] + .25 * ((i + c) % 2 * 2 - 1)
    return (low + (high - low) * (.5 + .5 * v)).astype(np.float32)


def digest(array):
    """Sum of the bits of element i times 2 i + 1, modulo 2^64."""
    bits = array.ravel().view(np.uint32).astype(np.uint64)
    return int((bits * (2 * np.arange(len(bits), dtype=np.uint64) + np.uint64(1))).sum(dtype=np.uint64))


if __name__ == "__main__":
    dims, rest = tuple(map(int, sys.argv[2].split(","))), sys.argv[3:]
    options = dict(zip(("seed", "gain"), (int(rest[0]), float(rest[-1])) if len(rest) > 1 else map(int, rest)))
    name = sys.argv[1]
    drawn = images(*dims, -1, 1, seed=options.get("seed", 1)) if name == "images" else parameter(name, dims, **options)
    print(f"{name} {dims} {digest(drawn):#018x}")
