#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""For developers: writes fixtures/keras, the Keras files that the tests read.

Element i of variable number v (in the order of model.weights) is v + i / 256, which every float type there holds
exactly. The files named hostile-* do what weft must refuse. Needs keras, a backend of it, h5py and numpy.

    KERAS_BACKEND=torch make_keras_fixtures.py
"""
import io, os, zipfile

import h5py
import keras
import numpy as np
from keras import layers as L

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "keras")
LAYER = "layers/dense/vars"
NEW = ("v110", "v110")  # the newest file version that libhdf5 1.10 reads


def stack():
    return [L.Conv2D(2, 4, name="conv"), L.BatchNormalization(name="bn"), L.Dense(3, name="preds")]


def small():
    """A network for Fashion-MNIST, shrunk: one convolution, one norm, one classifier."""
    x = inputs = L.Input((4, 4, 1))
    for layer in stack():
        x = layer(x)
    return keras.Model(inputs, x, name="tiny")


def number(model):
    for v, w in enumerate(model.weights):
        count = int(np.prod(w.shape))
        w.assign((v + np.arange(count) / 256).astype("f4").reshape(w.shape))


def keras_files():
    model = small()
    number(model)
    model.save(os.path.join(HERE, "tiny.h5"))
    model.save_weights(os.path.join(HERE, "tiny.weights.h5"))
    short = keras.Sequential([L.Input((4, 4, 1)), *stack()], name="tiny")  # its config.json is shorter
    number(short)
    short.save(os.path.join(HERE, "tiny.keras"))
    return model


def tf_keras(model, file, **how):
    """The same weights as tf-keras writes them: strings of fixed length, ":0", the layer's name twice in the path."""
    with h5py.File(os.path.join(HERE, file), "w", libver=NEW) as f:
        group = f if "whole" not in how else f.create_group("model_weights")
        group.attrs["layer_names"] = np.array([layer.name for layer in model.layers], "S")
        group.attrs["backend"] = np.bytes_("tensorflow")
        group.attrs["keras_version"] = np.bytes_("2.15.0")
        for layer in model.layers:
            g = group.create_group(layer.name)
            names = [f"{layer.name}/{w.name}:0" for w in layer.weights]
            g.attrs["weight_names"] = np.array(names, "S")
            for name, w in zip(names, layer.weights):
                g.create_dataset(name, data=w.numpy(), **how.get("filters", {}))


def forgetful():
    """tiny.keras as a Keras that notes no names beside the variables wrote it, with deflated entries."""
    with zipfile.ZipFile(os.path.join(HERE, "tiny.keras")) as a, \
            zipfile.ZipFile(os.path.join(HERE, "paths.keras"), "w", zipfile.ZIP_DEFLATED) as b:
        for item in a.namelist():
            data = a.read(item)
            if item == "model.weights.h5":
                out = io.BytesIO(data)
                with h5py.File(out, "r+") as f:
                    f.visititems(lambda _, o: o.attrs.pop("name", None) and None)
                data = out.getvalue()
            b.writestr(item, data)


def types():
    """Other element types, big-endian ones, every filter that is allowed."""
    filters = dict(chunks=(2, 3), compression="gzip", shuffle=True, fletcher32=True)
    kinds = {0: ">f4", 1: "<f8", 2: "<f2", 3: "u1", 4: "<i4", 5: ">i8"}
    with h5py.File(os.path.join(HERE, "types.weights.h5"), "w", libver=NEW) as f:
        g = f.create_group(LAYER)
        g.attrs["name"] = np.bytes_("types")
        for v, kind in kinds.items():
            data = v + np.arange(12).reshape(3, 4) / (256 if "f" in kind else 1)
            g.create_dataset(str(v), data=data.astype(kind), **filters)
        half = g.create_dataset("6", data=np.arange(4, dtype="<u2").view("V2"))  # bfloat16, as Keras keeps it
        half.attrs["dtype"] = "bfloat16"


def hostile(name, write):
    with h5py.File(os.path.join(HERE, f"hostile-{name}.h5"), "w", libver=NEW) as f:
        write(f)


def layer(f):
    return f.create_group(LAYER)


def legacy(f, weights):
    f.attrs["layer_names"] = np.array(["d"], "S")
    g = f.create_group("d")
    g.attrs["weight_names"] = np.array(weights, "S")
    return g


def soft_middle(f):
    g = legacy(f, ["d/kernel"])
    f.create_group("elsewhere")["kernel"] = np.ones(3, "f4")
    g["d"] = h5py.SoftLink("/elsewhere")


def cycle(f):
    g = f.create_group("layers/dense")
    g["again"] = f["layers"]


def virtual(f):
    layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", shape=(4,))
    layer(f).create_virtual_dataset("0", layout)


def lists(f):
    legacy(f, ["d/kernel"] * 2)["d/kernel"] = np.ones(3, "f4")


def long_name(f):
    layer(f)["0"] = np.ones(3, "f4")
    f[LAYER].attrs["name"] = "n" * 5000


def hostile_files():
    hostile("soft-link", lambda f: layer(f).__setitem__("0", h5py.SoftLink("/somewhere")))
    hostile("soft-middle", soft_middle)
    hostile("external-link", lambda f: layer(f).__setitem__("0", h5py.ExternalLink("/etc/hostname", "/x")))
    hostile("external-storage", lambda f: layer(f).create_dataset(
        "0", (4,), "f4", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)]))
    hostile("virtual", virtual)
    hostile("vlen-strings", lambda f: layer(f).create_dataset("0", data=["a", "b"], dtype=h5py.string_dtype()))
    hostile("vlen-floats", lambda f: layer(f).create_dataset("0", (2,), h5py.vlen_dtype("f4")))
    hostile("compound", lambda f: layer(f).create_dataset("0", (2,), "f4,i4"))
    hostile("huge", lambda f: layer(f).create_dataset("0", (1 << 40,), "f4", chunks=(1 << 20,)))
    hostile("overflow", lambda f: layer(f).create_dataset("0", (1 << 40,) * 2, "f4", chunks=(64, 64)))
    hostile("unwritten", lambda f: layer(f).create_dataset("0", (1000,), "f4"))
    hostile("filter", lambda f: layer(f).create_dataset("0", (64,), "f4", chunks=(64,), compression="lzf"))
    hostile("rank", lambda f: layer(f).create_dataset("0", data=np.ones((1,) * 9, "f4")))
    hostile("empty-dimension", lambda f: layer(f).create_dataset("0", (0, 3), "f4"))
    hostile("outside", lambda f: f.create_dataset("layers/dense/kernel", data=np.ones(3, "f4")))
    hostile("cycle", cycle)
    hostile("deep", lambda f: f.create_group("layers/" + "a/" * 40))
    hostile("missing-weight", lambda f: legacy(f, ["d/kernel"]))
    hostile("missing-layer", lambda f: f.attrs.__setitem__("layer_names", np.array(["gone"], "S")))
    hostile("missing-names", lambda f: f.create_group("model_weights"))
    hostile("numbers-as-names", lambda f: f.attrs.__setitem__("layer_names", np.arange(3)))
    hostile("dots", lambda f: legacy(f, ["../d/kernel"]))
    hostile("twice", lists)
    hostile("long-name", long_name)
    hostile("stranger", lambda f: f.create_dataset("x", data=np.ones(3, "f4")))


def main():
    os.makedirs(HERE, exist_ok=True)
    model = keras_files()
    tf_keras(model, "tf.h5")
    tf_keras(model, "tf-filters.h5", whole=True, filters=dict(chunks=True, compression="gzip", fletcher32=True))
    forgetful()
    types()
    hostile_files()
    for name in sorted(os.listdir(HERE)):
        size = os.path.getsize(os.path.join(HERE, name))
        assert size < 24576, f"{name}: {size} bytes"
        print(f"{size:6} {name}")


if __name__ == "__main__":
    main()
