#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Makes PyTorch's files with Python alone: classes that are called as PyTorch's are, pickled as torch.save does it. All
# hold the tensors of module.safetensors, as older releases, training scripts and careless users save them.
#   python3 tests/weights/make_pth_fixtures.py tests/weights/fixtures
import argparse
import collections
import enum
import functools
import io
import json
import pathlib
import pickle
import struct
import sys
import types
import zipfile

folder = pathlib.Path(sys.argv[1])
MAGIC, VERSION = 0x1950a86a20f9469cfc6c, 1001


def module_of(name):
    if "." in name:
        module_of(name.rpartition(".")[0])
    return sys.modules.setdefault(name, types.ModuleType(name))


def named(place, name, what=None):
    """A class, or function, that pickles refer to as place.name."""
    what = what or type(name, (), {})
    what.__module__, what.__qualname__, what.__name__ = place, name, name
    setattr(module_of(place), name, what)
    return what


def function(place, name):
    def call(*arguments):
        raise AssertionError("nothing is ever called")
    return named(place, name, call)


STORAGES = {"F32": (named("torch", "FloatStorage"), 4), "I64": (named("torch", "LongStorage"), 8)}
rebuild_tensor = function("torch._utils", "_rebuild_tensor_v2")
rebuild_parameter = function("torch._utils", "_rebuild_parameter")
strange = function("library.sparse", "rebuild")


class Storage:
    def __init__(self, kind, data, key):
        self.cls, self.size = STORAGES[kind]
        self.kind, self.data, self.key = kind, data, key


class Tensor:
    def __init__(self, kind, shape, data, key):
        self.storage, self.shape = Storage(kind, data, key), tuple(shape)

    def stride(self):
        step = [1]
        for n in self.shape[:0:-1]:
            step.insert(0, step[0] * n)
        return tuple(step) if self.shape else ()

    def __reduce_ex__(self, protocol):
        return rebuild_tensor, (self.storage, 0, self.shape, self.stride(), False, collections.OrderedDict())


class Strange(Tensor):
    def __reduce_ex__(self, protocol):
        return strange, (Tensor.__reduce_ex__(self, protocol)[1][0],)


class Parameter(Tensor):
    def __reduce_ex__(self, protocol):
        plain = Tensor.__new__(Tensor)
        plain.__dict__ = self.__dict__
        return rebuild_parameter, (plain, True, collections.OrderedDict())


class Pickler(pickle.Pickler):
    def __init__(self, file, protocol, legacy):
        super().__init__(file, protocol)
        self.legacy, self.storages = legacy, {}

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        self.storages[value.key] = value
        view = (None,) if self.legacy else ()
        return ("storage", value.cls, value.key, "cuda:0", len(value.data) // value.size) + view


def pickled(value, protocol, legacy=False):
    file = io.BytesIO()
    pickler = Pickler(file, protocol, legacy)
    pickler.dump(value)
    return file.getvalue(), pickler.storages


def save(name, value, protocol=2):
    """torch.save since 1.6."""
    data, storages = pickled(value, protocol)
    entries = {"data.pkl": data, "byteorder": b"little", "version": b"3\n"}
    entries.update({f"data/{key}": s.data for key, s in storages.items()})
    with zipfile.ZipFile(folder / name, "w") as archive:
        for entry, text in entries.items():
            archive.writestr(zipfile.ZipInfo(f"m/{entry}"), text)


def legacy_bytes(data, storages, protocol):
    facts = {"protocol_version": VERSION, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    out = b"".join(pickle.dumps(value, protocol) for value in (MAGIC, VERSION, facts)) + data
    out += pickle.dumps(sorted(storages), protocol)
    for key in sorted(storages):
        out += struct.pack("<q", len(storages[key].data) // storages[key].size) + storages[key].data
    return out


def save_legacy(name, value, protocol=2):
    """torch.save before 1.6."""
    data, storages = pickled(value, protocol, True)
    (folder / name).write_bytes(legacy_bytes(data, storages, protocol))


def read(path):
    """The tensors of a safetensors file."""
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    header.pop("__metadata__", None)
    data = raw[8 + length:]
    return collections.OrderedDict((name, Tensor(t["dtype"], t["shape"], data[slice(*t["data_offsets"])], str(i)))
                                   for i, (name, t) in enumerate(header.items()))


tensors = read(folder / "module.safetensors")


def other():
    """Other values under the same names."""
    return collections.OrderedDict(
        (name, Tensor(t.storage.kind, t.shape, bytes(len(t.storage.data)), "z" + t.storage.key))
        for name, t in tensors.items())


# Protocols, and the format before 1.6.
for protocol in (3, 4, 5):
    save(f"module-protocol{protocol}.pth", tensors, protocol)
save_legacy("module-legacy.pth", tensors)
save_legacy("module-legacy4.pth", {"epoch": 1, "state_dict": tensors}, 4)


# PyTorch 0.1 under Python 2: byte strings, an OrderedDict of pairs, Parameters by class, tensors without hooks, and
# storages that are views of others.
def text(value):
    return b"U" + bytes([len(value)]) + value.encode()


def number(value):
    return b"K" + bytes([value]) if value < 256 else b"J" + struct.pack("<i", value)


def numbers(values):
    return b"(" + b"".join(map(number, values)) + b"t"


def python2(name):
    pairs, storages = b"", {}
    for key, t in tensors.items():
        s = t.storage
        storages.setdefault(s.cls.__name__, Storage(s.kind, b"", s.cls.__name__)).data += s.data
    at = dict.fromkeys(storages, 0)
    for key, t in tensors.items():
        s, kind, count = t.storage, t.storage.cls.__name__, len(t.storage.data) // t.storage.size
        whole = len(storages[kind].data) // s.size
        view = b"(" + text(key) + number(at[kind]) + number(count) + b"t"
        place = text(kind) + text("cuda:0") + number(whole) + view
        storage = b"(" + text("storage") + f"ctorch.cuda\n{kind}\n".encode() + place + b"tQ"
        at[kind] += count
        tensor = storage + number(0) + numbers(t.shape) + numbers(t.stride())
        tensor = b"ctorch._utils\n_rebuild_tensor\n(" + tensor + b"tR"
        if key.endswith("weight"):
            tensor = b"ctorch.nn.parameter\nParameter\n(" + tensor + b"t\x81(\x88\x89Ntb"
        pairs += b"](" + text(key) + tensor + b"e"
    data = b"\x80\x02ccollections\nOrderedDict\n(](" + pairs + b"etR."
    (folder / name).write_bytes(legacy_bytes(data, storages, 2))


python2("module-python2.pth")


# Foreign objects beside the weights; none of these classes is there when the file is read.
class Mode(enum.Enum):
    MAX = 1


class Config(dict):
    pass


for cls, place in ((Mode, "trainer.utils"), (Config, "trainer.config")):
    named(place, cls.__name__, cls)
dtype, scalar = named("numpy", "dtype"), function("numpy.core.multiarray", "scalar")


class Scalar:
    def __reduce__(self):
        return scalar, (dtype(), b"\0\0\0\0\0\xd0V@")


def foreign():
    config = Config(a=1)
    config["self"] = config
    return {"args": argparse.Namespace(model="x", lr=.1), "mode": Mode.MAX, "config": config, "best": Scalar(),
            "path": pathlib.PurePosixPath("/data"), "tags": {1, 2}, "frozen": frozenset("a"), Mode.MAX: 1,
            "make": functools.partial(other, lr=.1), "lists": collections.defaultdict(list, a=[1]), "raw": b"abc",
            "count": collections.Counter("aab"), "complex": 1j, "big": 2 ** 70,
            "optimizer": {"state": {0: {"step": other()["0.weight"]}}, "param_groups": [{"lr": .1}]}}


save("module-foreign.pth", {**foreign(), "state_dict": tensors})
save("module-foreign4.pth", {"state_dict": tensors, **foreign()}, 4)


# torch.save(model): modules as objects.
def network():
    sequential = named("torch.nn.modules.container", "Sequential")()
    classes = {"0": "Conv2d", "1": "BatchNorm2d", "2": "Linear"}
    modules = collections.OrderedDict()
    for key, name in classes.items():
        module = modules[key] = named("torch.nn.modules.all", name)()
        module._parameters, module._buffers = collections.OrderedDict(), collections.OrderedDict()
        module._modules = collections.OrderedDict(empty=None)
        module._backward_hooks = collections.OrderedDict()
    for key, t in tensors.items():
        index, leaf = key.split(".")
        kind = "_buffers" if leaf.startswith(("running", "num")) else "_parameters"
        value = t if kind == "_buffers" else Parameter("F32", t.shape, t.storage.data, t.storage.key)
        getattr(modules[index], kind)[leaf] = value
    modules["0"]._parameters["none"] = None
    sequential._parameters, sequential._buffers, sequential._modules = {}, {}, modules
    return sequential


save("module-whole.pth", network())
save_legacy("module-whole-legacy.pth", {"epoch": 3, "net": network(), "args": argparse.Namespace(a=1)})

# One dictionary among others, at some depth.
save("module-nested.pth", {"epoch": 3, "loss": other()["1.bias"], "runs": [{"net_state": tensors}]})
save("module-ema.pth", {"state_dict": tensors, "state_dict_ema": other()})
save("module-average.pth", {"ema_weights": other(), "weights": tensors})
save("refused-two.pth", {"generator": tensors, "discriminator": other()})
save("module-labels.pth", {"state_dict": tensors, "class_to_idx": {"rose": 2, "daisy": 0, "iris": 1}})
strangely = collections.OrderedDict(tensors)
strangely["0.weight"] = Strange("F32", (1,), b"\0\0\0\0", "s")
save("refused-strange.pth", {"state_dict": strangely})

# NumPy's arrays in place of tensors lie in the pickle itself: {name: value.numpy() ...}, by protocols 2 and 5.
reconstruct = function("numpy.core.multiarray", "_reconstruct")
frombuffer = function("numpy._core.numeric", "_frombuffer")
ndarray = named("numpy", "ndarray")


class Array:
    def __reduce_ex__(self, protocol):
        if protocol == 5:
            return frombuffer, (bytearray(8), dtype(), (2,), "C")
        return reconstruct, (ndarray, (0,), b"b"), (1, (2,), dtype(), False, bytes(8))


save("refused-arrays.pth", {"epoch": 3, "net": {"0.weight": Array(), "0.bias": Array()}})
save("refused-arrays5.pth", {"0.weight": Array(), "0.bias": Array()}, 5)

for path in sorted(folder.glob("*.pth")):
    assert path.stat().st_size < 8192, path
