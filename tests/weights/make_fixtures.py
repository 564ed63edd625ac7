#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Makes tests/weights/fixtures with the libraries that define the formats: safetensors, PyTorch, NumPy. Files of one
# name hold the same tensors in each format, which is what tests/weights compares. Needs torch, numpy, safetensors:
#   python3 tests/weights/make_fixtures.py tests/weights/fixtures
import collections
import io
import pathlib
import sys
import zipfile

import numpy
import safetensors.numpy
import safetensors.torch
import torch

folder = pathlib.Path(sys.argv[1])
folder.mkdir(exist_ok=True)
torch.manual_seed(1)


def arrays(tensors):
    """NumPy's view of tensors; bf16, which it has not, as two raw bytes."""
    return {name: t.contiguous().view(torch.int16).numpy().view("V2") if t.dtype == torch.bfloat16
            else t.contiguous().numpy() for name, t in tensors.items()}


def same(name, tensors, metadata=None, pth=None, pytorch=None):
    """One set of tensors in three formats; pth: the object to pickle, if it is not the dictionary."""
    dense = {key: t.detach().contiguous().clone() for key, t in tensors.items()}
    safetensors.torch.save_file(dense, folder / f"{name}.safetensors", metadata)
    numpy.savez(folder / f"{name}.npz", **arrays(dense))
    torch.save(tensors if pth is None else pth, folder / f"{name}.pth", **(pytorch or {}))


# Every data type, a scalar, a tensor without elements, a name beyond ASCII.
types = collections.OrderedDict([
    ("f32", torch.tensor([[0.0, -0.0, 1.5], [float("inf"), float("nan"), 1e-45]])),
    ("f64", torch.tensor([1.0 / 3, -2.0, 5e-324], dtype=torch.float64)),
    ("f16", torch.tensor([[1.0, -65504.0], [6e-8, float("-inf")]], dtype=torch.float16)),
    ("bf16", torch.tensor([1.0, 3.14159, -1e38], dtype=torch.bfloat16)),
    ("u8", torch.tensor([0, 1, 127, 128, 255], dtype=torch.uint8)),
    ("i32", torch.tensor([2**31 - 1, -2**31], dtype=torch.int32)),
    ("i64", torch.tensor(-2**63, dtype=torch.int64)),
    ("empty", torch.zeros(0, 4)),
    ("größe", torch.tensor([2.0])),
])
same("types", types, {"format": "pt", "quote\"d": "line\nbreak, tab\t, \\ and é"})

# What model.state_dict() is: an OrderedDict with _metadata.
module = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.Linear(4, 2))
same("module", module.state_dict())

# Views: transposed, sliced, two tensors in one storage, parameters.
base = torch.arange(24.0).reshape(4, 6)
views = {"base": base, "transposed": base.t(), "slice": base[1:3, 2:5], "steps": base[:, ::2], "one": base[2:3, 3:4],
         "tail": base[3], "parameter": torch.nn.Parameter(torch.ones(2, 2))}
same("views", views)

# A checkpoint: weights beside optimizer state.
optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
same("checkpoint", module.state_dict(), pth={
    "epoch": 3, "best": 0.75, "steps": 2**40, "huge": 2**70, "resumed": True, "note": None, "shape": torch.Size([1, 2]),
    "loss": torch.tensor(0.5), "state_dict": module.state_dict(), "optimizer": optimizer.state_dict()})

same("nothing", {})

# NumPy's other ways: compressed, Fortran's order, format versions 2.0 and 3.0.
numpy.savez_compressed(folder / "types-deflated.npz", **arrays(types))
numpy.savez(folder / "views-fortran.npz",
            **{name: numpy.asfortranarray(a) for name, a in arrays({k: v.detach() for k, v in views.items()}).items()})
for version in (2, 3):
    with zipfile.ZipFile(folder / f"views-version{version}.npz", "w") as archive:
        for name, t in views.items():
            data = io.BytesIO()
            numpy.lib.format.write_array(data, t.detach().contiguous().numpy(), version=(version, 0))
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), data.getvalue())

# Other ways of torch.save; make_pth_fixtures.py has more of them.
small = {"a": torch.ones(2)}
torch.save(small, folder / "legacy.pth", _use_new_zipfile_serialization=False)
torch.save(small, folder / "protocol4.pth", pickle_protocol=4)
torch.save(torch.nn.Linear(1, 1), folder / "linear.pth")

# A mask beside weights.
torch.save({"a": torch.ones(2), "mask": torch.ones(2, dtype=torch.bool)}, folder / "masked.pth")
safetensors.numpy.save_file({"a": numpy.ones(2, numpy.float32), "mask": numpy.ones(2, bool)},
                            folder / "masked.safetensors")

# What weft refuses, and says why.
torch.save({"a": torch.ones(2, dtype=torch.bool)}, folder / "refused-bool.pth")
torch.save(torch.ones(2), folder / "refused-tensor.pth")
torch.save({"epoch": 1}, folder / "refused-empty.pth")
torch.save({"a": torch.ones(1).expand(9)}, folder / "refused-expanded.pth")
torch.jit.script(torch.nn.ReLU()).save(folder / "refused-script.pth")
numpy.savez(folder / "refused-big-endian.npz", a=numpy.ones(2, ">f4"))
numpy.savez(folder / "refused-objects.npz", a=numpy.array([None], object))
numpy.savez(folder / "refused-text.npz", a=numpy.array(["text"]))
numpy.save(folder / "refused-single.npy", numpy.ones(2))
safetensors.numpy.save_file({"a": numpy.ones(2, bool)}, folder / "refused-bool.safetensors")
safetensors.numpy.save_file({"a": numpy.ones((1,) * 7)}, folder / "refused-rank7.safetensors")

for path in sorted(folder.iterdir()):
    assert path.stat().st_size < 8192, path
