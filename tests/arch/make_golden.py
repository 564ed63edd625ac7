#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes golden.h: logits that PyTorch and Keras compute in double precision with parameters that follow a rule.

Run by developers when a network is added, never by the suite:

    python3 tests/arch/make_golden.py build/release/lib/libweft.so     (with numpy, torch, torchvision, keras)

The library is asked for the names and shapes of the parameters only: their order numbers the arrays of the rule, which
golden.c states. Each is handed to the framework's layer of the same kind and shape that is next in order of creation.
"""
import ctypes as C
import math
import os
import re
import sys

os.environ["KERAS_BACKEND"] = "torch"
import numpy as np

BATCH, CLASSES = 2, 10
KERAS, TORCH = 2, 3
# weft's name, dialect, the framework's name, px, pixels as they are, gamma (so that signals neither die nor explode)
NETS = [
    ("resnet50", TORCH, "resnet50", 64, False, .5),
    ("vgg16", KERAS, "VGG16", 64, False, 1),
    ("mobilenetv2", KERAS, "MobileNetV2", 96, False, .75),
    ("efficientnet-b0", KERAS, "EfficientNetB0", 64, True, 1),
    ("inception-v3", KERAS, "InceptionV3", 96, False, .75),
]
KINDS = {"kernel": "weight", "moving_mean": "mean", "moving_variance": "variance"}


def unit(array, shape):
    count = math.prod(shape)
    h = np.arange(count, dtype=np.uint32) * np.uint32(0x9e3779b1)
    h += np.uint32((array + 1) * 0x7feb352d & 0xffffffff)
    for shift, factor in (16, 0x846ca68b), (13, 0x5bd1e995), (15, 1):
        h ^= h >> np.uint32(shift)
        h *= np.uint32(factor)
    return ((h >> np.uint32(8)) / 8388608.0 - 1).reshape(shape)


def parameter(i, name, shape, gamma):
    u, kind = unit(i, shape), name.split("/")[-1]
    if kind == "weight":
        value = u * math.sqrt(6.0 / math.prod(shape[1:]))
    else:
        value = {"gamma": gamma + .25 * gamma * u, "variance": 1 + .5 * u, "count": 0 * u}.get(kind, .2 * u)
    return value.astype(np.float32)  # as weft has it; the frameworks go on in double


def image(px, raw):
    u = unit(-1, (BATCH, px, px, 3))
    return (128 + 100 * u if raw else u).astype(np.float32)


class Shape(C.Structure):
    _fields_ = [("rank", C.c_int), ("dim", C.c_int64 * 6)]


class ParamInfo(C.Structure):
    _fields_ = [("name", C.c_char_p), ("shape", Shape), ("trainable", C.c_bool)]


class ArchOpt(C.Structure):
    _fields_ = [("dialect", C.c_int), ("batch", C.c_int64), ("px", C.c_int), ("classes", C.c_int),
                ("no_softmax", C.c_bool)]


def names_and_shapes(weft, name, dialect, px):
    ctx, graph, out = C.c_void_p(), C.c_void_p(), []
    opt = ArchOpt(dialect=dialect, batch=BATCH, px=px, classes=CLASSES, no_softmax=True)
    assert weft.weft_ctx_create(None, C.byref(ctx)) == 0
    assert weft.weft_arch_build(ctx, name.encode(), C.byref(opt), C.byref(graph)) == 0
    for i in range(weft.weft_graph_param_count(graph)):
        info = ParamInfo()
        assert weft.weft_graph_param(graph, i, C.byref(info)) == 0
        out.append((info.name.decode(), tuple(info.shape.dim[:info.shape.rank])))
    weft.weft_graph_destroy(graph)
    weft.weft_ctx_destroy(ctx)
    return out


def run_torch(name, params, x, gamma):
    import torch
    import torchvision
    net = getattr(torchvision.models, name)(weights=None, num_classes=CLASSES).eval()
    slots = [v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")]
    assert len(slots) == len(params)
    with torch.no_grad():
        for slot, (i, (label, shape)) in zip(slots, enumerate(params)):
            value = parameter(i, label, shape, gamma)
            slot.copy_(torch.from_numpy(value.transpose(0, 3, 1, 2).copy() if value.ndim == 4 else value))
        return net.double()(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).double()).numpy()


def creation(layer, index):
    """Numbered layers in the order of their numbers, which net.layers does not always keep."""
    found = re.fullmatch(r"(conv2d|batch_normalization)(?:_(\d+))?", layer.name)
    return (int(found[2] or 0), 0 if found[1] == "conv2d" else 1) if found else (1 << 20, index)


def to_keras(value, shape, depthwise):
    if value.ndim == 4:  # [out, h, w, in] to [h, w, in, out]; a depthwise one to [h, w, out, 1]
        return value.transpose(1, 2, 0, 3) if depthwise else value.transpose(1, 2, 3, 0)
    return (value.T if value.ndim == 2 else value).reshape(shape)


def run_keras(name, params, x, gamma):
    import keras
    keras.backend.set_floatx("float64")
    keras.backend.clear_session()
    net = getattr(keras.applications, name)(weights=None, classes=CLASSES, classifier_activation=None,
                                            input_shape=x.shape[1:])
    layers = sorted(enumerate(net.layers), key=lambda e: creation(e[1], e[0]))
    slots = [(layer, v) for _, layer in layers for v in layer.weights]
    for i, (label, shape) in enumerate(params):
        for s, (layer, v) in enumerate(slots):
            kind = v.path.split("/")[-1]
            if KINDS.get(kind, kind) == label.split("/")[-1] and math.prod(v.shape) == math.prod(shape):
                value = to_keras(parameter(i, label, shape, gamma), tuple(v.shape),
                                 type(layer).__name__ == "DepthwiseConv2D")
                v.assign(value.astype(np.float64))
                del slots[s]
                break
        else:
            assert label.endswith("/count"), f"{name} has nothing for {label} {shape}"
    left = [v.path for _, v in slots if "seed_generator" not in v.path and not v.path.endswith("count")]
    assert not left, left
    return np.asarray(keras.ops.convert_to_numpy(net(x.astype(np.float64), training=False)))


def main():
    weft = C.CDLL(sys.argv[1])
    rows = []
    for name, dialect, theirs, px, raw, gamma in NETS:
        params = names_and_shapes(weft, name, dialect, px)
        y = (run_torch if dialect == TORCH else run_keras)(theirs, params, image(px, raw), gamma)
        assert y.shape == (BATCH, CLASSES) and y.dtype == np.float64 and np.isfinite(y).all()
        print(name, y.dtype, "spread", y.std(), "between images", np.linalg.norm(y[0] - y[1]) / np.linalg.norm(y))
        values = [f"{v:.12g}" for v in y.ravel()]
        lines = [", ".join(values[i:i + 5]) for i in range(0, len(values), 5)]
        rows.append(f'    {{ "{name}", {"WEFT_TORCH" if dialect == TORCH else "WEFT_KERAS"}, {px}, {gamma},\n'
                    "      { "
                    + ",\n        ".join(lines) + " } },\n")
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.h"), "w", encoding="ascii") as f:
        f.write("/* SPDX-License-Identifier: Apache-2.0\n *\n"
                " * Logits that torchvision's and Keras' networks compute in double precision with the parameters and\n"
                " * images that golden.c describes. Written by make_golden.py; do not edit. */\n"
                "#ifndef WEFT_TESTS_ARCH_GOLDEN_H\n#define WEFT_TESTS_ARCH_GOLDEN_H\n\n#include <weft/arch.h>\n\n"
                f"enum {{ GOLDEN_BATCH = {BATCH}, GOLDEN_CLASSES = {CLASSES} }};\n\n"
                "typedef struct golden {\n    const char *name;\n    weft_dialect dialect;\n"
                "    int px;\n    double gamma;\n"
                "    double logits[GOLDEN_BATCH * GOLDEN_CLASSES]; /* image by image */\n} golden;\n\n"
                "/* clang-format off */\nstatic const golden goldens[] = {\n" + "".join(rows) +
                "};\n/* clang-format on */\n\n#endif\n")


main()
