#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""For developers: one network's weights by every path from a framework's file to weft's logits.

Each network gets random weights and random batch-norm statistics. Keras writes .h5, .weights.h5 and .keras; PyTorch
.pth, .safetensors and .npz. Each file is loaded as it is, and once more as the .safetensors and the .npz that `weft
convert` makes of it; convert is told nothing but the file. The logits of every path must be within 1e-5 (relative L2;
strict math) of the framework's in double precision, and equal among themselves bit for bit. Needs keras, torch,
torchvision, timm, safetensors, h5py and numpy; the test suite needs none of this.

    check_paths.py BUILD [PATTERN...]

BUILD is a build folder; PATTERN picks networks by "origin/network".
"""
import fnmatch
import glob
import json
import os
import subprocess
import sys
import tempfile

os.environ["KERAS_BACKEND"] = "torch"
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../arch/golden")]
import absl.logging
import keras
import numpy as np
import torch

import check_torch
import nets

TOLERANCE = 1e-5
# origin -> weft's name: the origin's name; the images' side
NETWORKS = {
    "keras": {
        "mobilenet": ("MobileNet", 64), "mobilenetv2": ("MobileNetV2", 64), "resnet50": ("ResNet50", 64),
        "resnet50v2": ("ResNet50V2", 64), "densenet121": ("DenseNet121", 64),
        "efficientnet-b0": ("EfficientNetB0", 64), "inception-v3": ("InceptionV3", 96),
        "xception": ("Xception", 96), "nasnet-mobile": ("NASNetMobile", 64),
    },
    "torchvision": {
        "resnet18": ("resnet18", 64), "resnet50": ("resnet50", 64), "resnext50-32x4d": ("resnext50_32x4d", 64),
        "densenet121": ("densenet121", 64), "mobilenetv2": ("mobilenet_v2", 64), "googlenet": ("googlenet", 64),
        "efficientnet-b0": ("efficientnet_b0", 64), "inception-v3": ("inception_v3", 96),
    },
    "timm": {
        "cspresnet50": ("cspresnet50", 64), "se-resnet50": ("legacy_seresnet50", 64),
        "efficientnet-lite0": ("tf_efficientnet_lite0", 64),
    },
}


# ---- what the frameworks write and compute ----

def draw_keras(net, rng):
    """Statistics and factors that a mistake would show in, and logits of about 1."""
    for layer in net.layers:
        depthwise = "Depthwise" in type(layer).__name__
        for v in layer.weights:
            kind, shape = v.name, tuple(v.shape)
            if kind == "count":
                continue
            if kind in ("kernel", "depthwise_kernel", "pointwise_kernel"):
                apart = depthwise or kind == "depthwise_kernel"
                fan = np.prod(shape[:2] if apart else shape[:-1])
                value = rng.normal(0, np.sqrt(2 / fan), shape)
            elif kind == "gamma":
                value = rng.uniform(.5, 1, shape)
            elif kind in ("moving_variance", "variance"):
                value = rng.uniform(.5, 1.5, shape)
            else:
                value = rng.normal(0, .1, shape)
            v.assign(value.astype(np.float32))


def run_keras(theirs, px, stem):
    """The files that Keras writes, a batch, and its logits."""
    row = nets.Row(None, "keras", "keras", theirs, px, 1, 1)
    rng = np.random.default_rng(1)
    keras.backend.clear_session()
    keras.backend.set_floatx("float32")
    net = nets.build_keras(row, 1000)
    draw_keras(net, rng)
    net.save(stem + ".h5")
    net.save_weights(stem + ".weights.h5")
    net.save(stem + ".keras")
    values = net.get_weights()
    x = rng.standard_normal((2, px, px, 3)).astype(np.float32)
    if theirs.startswith("EfficientNet"):  # it normalises inside
        x = rng.uniform(0, 255, x.shape).astype(np.float32)
    keras.backend.clear_session()
    keras.backend.set_floatx("float64")
    exact = nets.build_keras(row, 1000)
    exact.set_weights(values)
    y = keras.ops.convert_to_numpy(exact(x.astype(np.float64), training=False))
    return [stem + end for end in (".h5", ".weights.h5", ".keras")], x, y


def run_torch(origin, theirs, px, stem):
    import safetensors.torch
    torch.manual_seed(1)
    net = check_torch.make(origin, theirs).eval()
    check_torch.shuffle(net)
    state = net.state_dict()
    torch.save(state, stem + ".pth")
    safetensors.torch.save_file(state, stem + ".safetensors")
    np.savez(stem + ".npz", **{name: value.numpy() for name, value in state.items()})
    x = np.random.default_rng(2).standard_normal((2, px, px, 3)).astype(np.float32)
    if hasattr(net, "transform_input"):
        net.transform_input = False
    with torch.no_grad():
        y = net.double()(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).double())
    return [stem + end for end in (".pth", ".safetensors", ".npz")], x, y.numpy()


# ---- weft ----

def convert(program, path, out, arch):
    done = subprocess.run([program, "convert", path, out, "--json"], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"weft convert {os.path.basename(path)}: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    if found["arch"] != arch:
        raise RuntimeError(f"weft convert {os.path.basename(path)} takes it for {found['network']}")


def check(weft, program, origin, arch, folder):
    """[(path, relative error, whether equal to the first's bits)]"""
    theirs, px = NETWORKS[origin][arch]
    dialect = check_torch.DIALECTS.index("keras" if origin == "keras" else "torch")
    stem, rows, first = os.path.join(folder, arch), [], None
    files, x, want = (run_keras(theirs, px, stem) if origin == "keras" else run_torch(origin, theirs, px, stem))
    for path in files:
        kind = path[len(stem):]
        ways = [(kind, path)]
        for end in (".safetensors", ".npz"):
            out = os.path.join(folder, "converted" + end)
            convert(program, path, out, arch)
            ways.append((f"{kind} -> {end}", out))
        for way, file in ways:
            y = weft.run(arch, dialect, file, x)[0]
            first = y if first is None else first
            rows.append((way, np.linalg.norm(y - want) / np.linalg.norm(want), y.tobytes() == first.tobytes()))
    return rows


def main():
    build, patterns, failed = os.path.abspath(sys.argv[1]), sys.argv[2:], 0
    program, library = os.path.join(build, "bin/weft"), glob.glob(os.path.join(build, "**/libweft.so"), recursive=True)
    torch.set_num_threads(2)
    absl.logging.set_verbosity(absl.logging.ERROR)  # that .h5 is legacy
    weft = check_torch.Weft(library[0])
    for origin, table in NETWORKS.items():
        for arch in table:
            if patterns and not any(fnmatch.fnmatch(f"{origin}/{arch}", p) for p in patterns):
                continue
            with tempfile.TemporaryDirectory() as folder:
                try:
                    rows = check(weft, program, origin, arch, folder)
                except RuntimeError as e:
                    print(f"FAILED {origin}/{arch}: {e}", flush=True)
                    failed += 1
                    continue
            worst, equal = max(r[1] for r in rows), all(r[2] for r in rows)
            ok = worst <= TOLERANCE and equal
            failed += not ok
            print(f"{'ok' if ok else 'WRONG':6} {origin}/{arch}: {len(rows)} paths, {worst:.2e} off, "
                  f"{'equal bits' if equal else 'bits differ'}", flush=True)
            for way, error, same in rows if not ok else ():
                print(f"       {way}: {error:.2e}{'' if same else ', other bits'}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
