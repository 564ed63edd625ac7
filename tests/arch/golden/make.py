#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a golden file per network: what torchvision, timm and Keras compute in double precision, with seeded weights.

Run by developers when a network is added, never by the suite (with numpy, torch, torchvision, timm, keras):

    python3 tests/arch/golden/make.py build/release/lib/libweft.so [NETWORK[:DIALECT]...]

The library is asked for names only: which parameter of weft's is which tensor of the framework's, and how it lies.
Values come from docs/examples/seeded_weights.py. The nets and which of their layers end weft's blocks: nets.py."""
import ctypes as C
import os
import re
import sys

os.environ["KERAS_BACKEND"] = "torch"
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../../../docs/examples")]
import numpy as np

import nets
import seeded_weights as seeded

BATCH, CLASSES = 2, 10
DIALECTS = {"paper": 1, "keras": 2, "torch": 3}
ORIGINS = {"torchvision": 2, "timm": 3, "keras": 4}


class Shape(C.Structure):
    _fields_ = [("rank", C.c_int), ("dim", C.c_int64 * 6)]

    def tuple(self):
        return tuple(self.dim[:self.rank])


class ParamInfo(C.Structure):
    _fields_ = [("name", C.c_char_p), ("shape", Shape), ("trainable", C.c_bool)]


class NodeInfo(C.Structure):
    _fields_ = [("name", C.c_char_p), ("op", C.c_char_p), ("out", Shape), ("counts", C.c_int64 * 3),
                ("inputs", C.c_int), ("input_of", C.POINTER(C.c_int32)), ("detail", C.c_char * 96)]


class ArchOpt(C.Structure):
    _fields_ = [("dialect", C.c_int), ("batch", C.c_int64), ("px", C.c_int), ("classes", C.c_int),
                ("no_softmax", C.c_bool)]


class Arch(C.Structure):
    _fields_ = [("name", C.c_char_p), ("alias", C.c_char_p), ("dialect", C.c_int), ("is_default", C.c_bool),
                ("in_table", C.c_bool), ("paper", C.c_char_p), ("px", C.c_int), ("channels", C.c_int),
                ("classes", C.c_int), ("preprocess", C.c_int)]


class NameEntry(C.Structure):
    _fields_ = [("name", C.c_char_p), ("shape", Shape), ("origin_name", C.c_char_p), ("layout", C.c_char_p),
                ("origin_shape", Shape), ("part", C.c_int), ("parts", C.c_int)]


class NameList(C.Structure):
    _fields_ = [("origin", C.c_int), ("count", C.c_int), ("entries", C.POINTER(NameEntry))]


class Weft:
    def __init__(self, path):
        self.lib = C.CDLL(path)
        self.lib.weft_error.restype = C.c_char_p
        self.lib.weft_arch_find.restype = C.POINTER(Arch)
        self.ctx = C.c_void_p()
        self.call("weft_ctx_create", None, C.byref(self.ctx))

    def call(self, name, *args):
        if getattr(self.lib, name)(*args) != 0:
            raise RuntimeError(f"{name}: {self.lib.weft_error().decode()}")

    def network(self, row):
        """[(parameter, shape)], [(scope, shape of its last node)], whether pixels are 0..255."""
        graph, params, ends = C.c_void_p(), [], {}
        opt = ArchOpt(DIALECTS[row.dialect], BATCH, row.px, CLASSES, True)
        self.call("weft_arch_build", self.ctx, row.name.encode(), C.byref(opt), C.byref(graph))
        for i in range(self.lib.weft_graph_param_count(graph)):
            info = ParamInfo()
            self.call("weft_graph_param", graph, i, C.byref(info))
            params.append((info.name.decode(), info.shape.tuple()))
        for i in range(self.lib.weft_graph_node_count(graph)):
            info = NodeInfo()
            self.call("weft_graph_node", graph, i, C.byref(info))
            parts = info.name.decode().split("/")
            for depth in range(1, len(parts)):
                ends["/".join(parts[:depth])] = info.out.tuple()
        self.lib.weft_graph_destroy(graph)
        arch = self.lib.weft_arch_find(row.name.encode(), DIALECTS[row.dialect])
        return params, ends, arch.contents.preprocess == 0

    def names(self, row):
        """{parameter: (the framework's name, layout)}."""
        names = C.POINTER(NameList)()
        dialect = DIALECTS["torch" if row.dialect == "paper" else row.dialect]
        self.call("weft_weights_names", self.ctx, row.name.encode(), dialect, ORIGINS[row.origin], C.byref(names))
        out, self.digest = {}, 0xcbf29ce484222325
        for i in range(names.contents.count):
            e = names.contents.entries[i]
            for byte in b"%b\t%b\t%b\n" % (e.name, e.origin_name or b"", e.layout or b""):  # FNV-1a
                self.digest = (self.digest ^ byte) * 0x100000001b3 & (1 << 64) - 1
            if e.origin_name:
                out[e.name.decode()] = e.origin_name.decode(), e.layout.decode(), e.parts
        self.lib.weft_name_list_destroy(self.ctx, names)
        return out


def lay_out(value, layout, shape):
    """weft's [K, R, S, C] or [out, in] as the framework has it."""
    if layout.startswith("oihw"):
        value = value.transpose(0, 3, 1, 2) if value.ndim == 4 else value.reshape(value.shape + (1, 1))
    elif layout == "o(chw)":
        side = 2  # of the maps that are flattened, for every px of nets.py
        value = value.reshape(len(value), side, side, -1).transpose(0, 3, 1, 2).reshape(len(value), -1)
    elif layout == "hwio":
        value = value.transpose(1, 2, 3, 0) if value.ndim == 4 else value.T.reshape((1, 1) + value.T.shape)
    elif layout == "hwcm":
        value = value.transpose(1, 2, 0, 3)
    elif layout == "io":
        value = value.T
    return value.reshape(shape)


def fill(row, params, names, slots):
    """slots: {the framework's name: (shape, set)}. Halves of one tensor come one after the other."""
    halves = {}
    for name, shape in params:
        theirs, layout, parts = names[name]
        if theirs not in slots:  # statistics of the input have no "moving_" before them
            theirs = theirs.replace("moving_", "")
        full, put = slots[theirs]
        value = seeded.parameter(name, shape, row.seed, row.gain)
        if parts == 1:
            put(lay_out(value, layout, full))
            del slots[theirs]
            continue
        halves.setdefault(theirs, []).append(lay_out(value, layout, (full[0] // parts,) + tuple(full[1:])))
        if len(halves[theirs]) == parts:
            put(np.concatenate(halves[theirs]))
            del slots[theirs]
    left = [s for s in slots if not re.search(r"num_batches_tracked|seed_generator|AuxLogits|aux[12]", s)]
    assert not left, f"{row.name} has nothing for {left}"


def run_torch(row, params, names, x):
    import torch
    net = nets.build_torch(row, CLASSES).eval().double()
    state = net.state_dict()

    def setter(slot):
        return lambda value: slot.copy_(torch.from_numpy(np.ascontiguousarray(value)).double())

    with torch.no_grad():
        fill(row, params, names, {k: (tuple(v.shape), setter(v)) for k, v in state.items()})
        modules, got = dict(net.named_modules()), {}
        ends = nets.torch_ends(row, modules)

        def keep(scope, relu):
            def hook(module, args, out):
                y = torch.relu(out) if relu else out
                got[scope] = y.detach().clone().numpy().transpose(0, 2, 3, 1)
            return hook

        for scope, (module, relu) in ends.items():
            modules[module].register_forward_hook(keep(scope, relu))
        y = net(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).double())
    return y.numpy(), got


def run_keras(row, params, names, x):
    import keras
    keras.backend.set_floatx("float64")
    keras.backend.clear_session()
    net = nets.build_keras(row, CLASSES)
    slots = {}
    for layer in net.layers:
        for v in layer.weights:
            slots[f"{layer.name}/{v.name}"] = tuple(v.shape), (lambda value, v=v: v.assign(value.astype(np.float64)))
    for name in [n for n in names if n not in dict(params)]:
        del names[name]
    fill(row, params, names, slots)
    ends = nets.keras_ends(row, net)
    model = keras.Model(net.inputs, [net.output] + [layer.output for layer, _ in ends.values()])
    y, *rest = model(x.astype(np.float64), training=False)
    got = {s: np.maximum(v, 0) if relu else v
           for (s, (_, relu)), v in zip(ends.items(), (keras.ops.convert_to_numpy(r) for r in rest))}
    return keras.ops.convert_to_numpy(y), got


def fingerprint(v):
    signs = np.where(seeded.uniform(1, "probe", v.size) < .5, -1., 1.)
    return [v.mean(), np.linalg.norm(v), float(v.ravel() @ signs)]


def write(row, y, blocks, digest):
    lines = [f"network {row.name} {row.dialect} px {row.px} seed {row.seed} gain {row.gain:g} from {row.origin}"]
    lines += ["logits " + " ".join(f"{v:.10g}" for v in image) for image in y]
    lines.append(f"names {digest:016x}")
    for scope, v in blocks:
        lines.append(f"block {scope} {v.shape[1]} {v.shape[2]} {v.shape[3]} "
                     + " ".join(f"{f:.10g}" for f in fingerprint(v)))
    with open(os.path.join(HERE, f"{row.name}.{row.dialect}.txt"), "w", encoding="ascii") as f:
        f.write("\n".join(lines) + "\n")


def main():
    weft, wanted, failed = Weft(sys.argv[1]), sys.argv[2:], 0
    for row in nets.ROWS:
        if wanted and row.name not in wanted and f"{row.name}:{row.dialect}" not in wanted:
            continue
        try:
            params, ends, raw = weft.network(row)
            x = seeded.images(BATCH, row.px, row.px, 3, 0 if raw else -1, 255 if raw else 1, row.seed)
            y, got = (run_keras if row.origin == "keras" else run_torch)(row, params, weft.names(row), x)
            y = np.asarray(y).reshape(BATCH, CLASSES)
            apart = np.linalg.norm(y[0] - y[1]) / np.sqrt((y * y).sum() / 2)
            strange = [s for s in got if s not in ends]
            assert np.isfinite(y).all() and not strange, strange
            blocks = [(s, np.asarray(got[s])) for s in ends if s in got]
            off = [f"{s} {v.shape} not {ends[s]}" for s, v in blocks if v.shape != ends[s]]
            print(f"{row.name} {row.dialect} ({row.origin}): rms {np.sqrt((y * y).mean()):.3g}, images differ by "
                  f"{apart:.3f}, {len(blocks)} blocks", "TOO LITTLE" if apart < .1 else "", *off, flush=True)
            write(row, y, blocks, weft.digest)
        except Exception as e:
            failed += 1
            print(f"{row.name} {row.dialect}: {type(e).__name__}: {str(e)[:300]}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
