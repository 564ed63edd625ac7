#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""For developers: compares what libweft reads from Keras' HDF5 files with the model that wrote them.

Saves each network with random weights as .h5, .weights.h5 and .keras, and rewrites them as other versions of Keras and
HDF5 do (names that are not noted, ":0", strings of fixed length, compressed chunks, big-endian numbers, both library
versions); libweft must give every tensor bit for bit, under the names and in the order that src/weights/h5.c promises.
Needs keras, a backend of it, h5py and numpy; the test suite needs none of this.

    KERAS_BACKEND=torch check_keras.py build/libweft.so [NETWORK...]
"""
import ctypes as C, io, os, sys, tempfile, zipfile

import h5py
import keras
import numpy as np
from keras import layers as L

NETWORKS = ["ResNet50", "ResNet50V2", "MobileNet", "MobileNetV2", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0",
            "Xception", "InceptionV3", "NASNetMobile", "MobileNetV3Small", "ConvNeXtTiny"]
DTYPES = ["<f4", "<f8", "<f2", "<u2", "u1", "<i4", "<i8"]  # weft_dtype; bfloat16 as its bits


class Weft:
    """libweft, by ctypes."""

    class Shape(C.Structure):
        _fields_ = [("rank", C.c_int), ("dim", C.c_int64 * 6)]

    class Weight(C.Structure):
        pass

    def __init__(self, path):
        self.Weight._fields_ = [("name", C.c_char_p), ("dtype", C.c_int), ("shape", self.Shape),
                                ("count", C.c_int64), ("data", C.c_void_p)]
        self.lib, self.ctx = C.CDLL(path), C.c_void_p()
        self.lib.weft_error.restype = C.c_char_p
        self.lib.weft_weights_meta_find.restype = C.c_char_p
        self.lib.weft_weights_count.restype = C.c_int64
        self.ok(self.lib.weft_ctx_create(None, C.byref(self.ctx)))

    def ok(self, status):
        if status:
            raise RuntimeError(self.lib.weft_error().decode())

    def read(self, path):
        """[(name, array)] and a function from metadata's keys to its text."""
        weights, weight, out = C.c_void_p(), self.Weight(), []
        self.ok(self.lib.weft_weights_read(self.ctx, path.encode(), 0, C.byref(weights)))
        for i in range(self.lib.weft_weights_count(weights)):
            self.ok(self.lib.weft_weights_get(weights, C.c_int64(i), C.byref(weight)))
            dtype = np.dtype(DTYPES[weight.dtype])
            data = C.string_at(weight.data, weight.count * dtype.itemsize)
            out.append((weight.name.decode(), np.frombuffer(data, dtype).reshape(weight.shape.dim[:weight.shape.rank])))
        keys = ["format", "keras.class", "keras.name", "keras.version", "keras.names"]
        meta = {k: (self.lib.weft_weights_meta_find(weights, k.encode()) or b"").decode() for k in keys}
        self.lib.weft_weights_destroy(weights)
        return out, meta


def bits(array):
    array = np.array(array, order="C")
    return array.view("<u2") if array.dtype.name == "bfloat16" else array


def legacy_names(model):
    """What weft promises for .h5: (name, array) in the file's order."""
    for layer in model.layers:
        for w in [*layer.trainable_weights, *layer.non_trainable_weights]:
            parts = w.path.split("/")
            behind = parts[parts.index(layer.name) + 1:] if layer.name in parts else parts
            yield "/".join([layer.name, *behind]), bits(w.numpy())


def keras3_names(model, prefix=""):
    """What weft promises for .weights.h5, in the order of the layers."""
    for layer in model.layers:
        name = prefix + layer.name
        if isinstance(layer, (keras.Sequential, keras.Model)):
            yield from keras3_names(layer, name + "/")
        own = [*layer._trainable_variables, *layer._non_trainable_variables]
        for k, w in enumerate(own):
            yield f"{name}/{k}", bits(w.numpy())
        for part in layer._flatten_layers(include_self=False, recursive=False):
            if not isinstance(layer, (keras.Sequential, keras.Model)):
                for k, w in enumerate([*part._trainable_variables, *part._non_trainable_variables]):
                    yield f"{name}/{part.name}/{k}", bits(w.numpy())


def compare(what, got, want, ordered):
    got, want = list(got), list(want)
    if ordered:
        assert [n for n, _ in got] == [n for n, _ in want], f"{what}: names or order differ"
    got, want = dict(got), dict(want)
    assert got.keys() == want.keys(), f"{what}: {sorted(got.keys() ^ want.keys())[:6]}"
    for name, array in want.items():
        same = got[name].dtype == array.dtype and got[name].shape == array.shape
        assert same and got[name].tobytes() == array.tobytes(), f"{what}: {name} differs"


def randomise(model, seed=1):
    draw = np.random.default_rng(seed)
    for w in model.weights:
        if w.shape != ():  # the counter of a normalization layer
            w.assign(draw.standard_normal(w.shape, dtype=np.float32))


def rewrite(source, target, libver=None, chunks=False, big=False, old_names=False, forget=False):
    """Copies an HDF5 file object by object, changed as asked."""
    filters = dict(compression="gzip", shuffle=True, fletcher32=True, chunks=True)

    def text(value, name):
        if not old_names or name not in ("layer_names", "weight_names"):
            return value
        suffix = ":0" if name == "weight_names" else ""
        return np.array([(v.decode() if isinstance(v, bytes) else v) + suffix for v in value], "S")

    def copy(a, b):
        for k, v in a.attrs.items():
            if not (forget and k == "name"):
                b.attrs[k] = text(v, k)
        for k, v in a.items():
            if isinstance(v, h5py.Group):
                copy(v, b.create_group(k))
            else:
                data = v[()]
                data = data.astype(data.dtype.newbyteorder(">")) if big else data
                made = b.create_dataset(k + (":0" if old_names else ""), data=data,
                                        **(filters if chunks and data.ndim else {}))
                made.attrs.update(v.attrs)

    with h5py.File(source) as a, h5py.File(target, "w", libver=libver) as b:
        copy(a, b)


def forget_zip(source, target):
    """A .keras of a Keras that notes no names."""
    with zipfile.ZipFile(source) as a, zipfile.ZipFile(target, "w") as b:
        for item in a.namelist():
            data = a.read(item)
            if item == "model.weights.h5":
                out = io.BytesIO()
                rewrite(io.BytesIO(data), out, forget=True)
                data = out.getvalue()
            b.writestr(item, data)


def check(weft, model, folder, with_h5=True):
    at = lambda name: os.path.join(folder, name)
    model.save(at("m.h5"))
    model.save(at("m.keras"))
    model.save_weights(at("m.weights.h5"))
    legacy, named = list(legacy_names(model)), list(keras3_names(model))
    count = 0

    def one(name, want, ordered, fmt, **meta):
        nonlocal count
        if fmt == "keras-h5" and not with_h5:
            return
        got, found = weft.read(at(name))
        compare(name, got, want, ordered)
        assert found["format"] == fmt, found
        assert all(found[k.replace("_", ".")] == v for k, v in meta.items()), found
        count += 1

    facts = dict(keras_class=type(model).__name__, keras_name=model.name, keras_version=keras.__version__)
    one("m.h5", legacy, True, "keras-h5", **facts)
    one("m.weights.h5", named, False, "keras-weights-h5", keras_names="attributes", keras_name=model.name)
    one("m.keras", named, True, "keras", **facts)
    variants = {"latest": dict(libver=("earliest", "v110")), "earliest": dict(libver="earliest"),
                "chunks": dict(chunks=True), "big": dict(big=True),
                "new-chunks": dict(libver=("v110", "v110"), chunks=True)}
    for tag, how in variants.items():
        rewrite(at("m.h5"), at(f"{tag}.h5"), **how)
        rewrite(at("m.weights.h5"), at(f"{tag}.weights.h5"), **how)
        one(f"{tag}.h5", legacy, True, "keras-h5", **facts)
        one(f"{tag}.weights.h5", named, False, "keras-weights-h5")
    rewrite(at("m.h5"), at("old.h5"), old_names=True)
    one("old.h5", legacy, True, "keras-h5", **facts)
    forget_zip(at("m.keras"), at("paths.keras"))
    one("paths.keras", named, True, "keras", **facts)
    for name in os.listdir(folder):
        os.unlink(at(name))
    return count, len(legacy)


def small(last="float16"):
    """What the networks of keras.applications do not have: models in the model, other types, unusual layers."""
    inner = keras.Sequential([L.Input((3, 3, 3)), L.Conv2D(2, 1), L.BatchNormalization(), L.Flatten()], name="inner")
    x = inputs = L.Input((8, 8, 1))
    x = L.Conv2D(3, 3, name="first")(x)
    x = L.PReLU()(L.SeparableConv2D(3, 2, strides=2)(x))
    x = L.Dropout(0.5)(L.Dense(4)(inner(x)))
    x = L.Dense(3, dtype=last, name="half")(L.Dense(5, dtype="float16")(x))
    model = keras.Model(inputs, x, name="small")
    model.compile("adam", "mse", metrics=["accuracy"])
    model.fit(np.zeros((2, 8, 8, 1)), np.zeros((2, 3)), verbose=0)
    return model


def main():
    weft, tried = Weft(os.path.abspath(sys.argv[1])), 0
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[2:] or ["small", "bfloat16", *NETWORKS]:
            if name in ("small", "bfloat16"):
                model = small("float16" if name == "small" else name)
            else:
                model = getattr(keras.applications, name)(weights=None)
                randomise(model)
            # Keras cannot read back the bfloat16 that it writes to .h5.
            count, tensors = check(weft, model, folder, name != "bfloat16")
            print(f"{name}: {count} files of {tensors} tensors", flush=True)
            tried += count
    print(f"{tried} files, all equal")


if __name__ == "__main__":
    main()
