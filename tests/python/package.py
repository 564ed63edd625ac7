#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Python package against the program: package.py MAKE_WEIGHTS WEFT SOURCE_DIR; needs WEFT_LIBRARY and NumPy, and
exits with 77 where that is not installed."""
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy
except ImportError:
    sys.exit(77)

make_weights, program, source = sys.argv[1:4]
sys.path.insert(0, os.path.join(source, "python"))
import weft  # noqa: E402

PHOTOS = [os.path.join(source, "tests/data/fixtures", name) for name in ("444.jpg", "rgb8.png", "grey.jpg")]
DIGITS = "zero one two three four five six seven eight nine".split()


def refused(kind, part, call):
    try:
        call()
    except kind as error:
        assert part in str(error), (part, str(error))
        return error
    raise AssertionError("not refused: " + part)


def told(file):
    out = subprocess.run([program, "classify", file, *PHOTOS, "--json", "--top", "3"], check=True,
                         capture_output=True).stdout
    return [[(a["class"], a["name"], a["probability"]) for a in image["top"]] for image in json.loads(out)["images"]]


with tempfile.TemporaryDirectory() as folder:
    file = os.path.join(folder, "digits.safetensors")
    subprocess.run([make_weights, "lenet5", "keras", file, *DIGITS], check=True)
    model = weft.load(file, batch=3, threads=1)
    assert (model.network, model.classes, model.input_shape) == ("lenet5", 10, (32, 32, 1)), model
    assert [name for _, name in model.labels] == DIGITS

    # The same answers as the program's, by path, by bytes and by pixels.
    for path, expected in zip(PHOTOS, told(file)):
        for image in (path, open(path, "rb").read(), model._decoded(path)):
            answers = model.classify(image, top=3)
            assert [(a.index, a.name) for a in answers] == [(i, name) for i, name, _ in expected]
            assert all(abs(a.probability - p) < 1e-6 for a, (_, _, p) in zip(answers, expected))

    # Arrays in and out.
    grey = numpy.full((40, 30), 77, numpy.uint8)
    colour = numpy.repeat(grey[:, :, None], 3, axis=2)
    both = model.predict([grey, colour])
    assert both.shape == (2, 10) and both.dtype == numpy.float32
    assert (both[0] == both[1]).all() and abs(both.sum(axis=1) - 1).max() < 1e-5
    assert (model.predict([colour[:, ::-1], PHOTOS[0]])[0] == both[0]).all()  # not contiguous
    inputs = numpy.stack([model.preprocess(p) for p in PHOTOS])
    assert (model.run(inputs) == model.predict(PHOTOS)).all()
    assert model.predict([]).shape == (0, 10)

    model.cancel()
    error = refused(weft.Error, "weft_ctx_cancel", lambda: model.run(inputs))
    assert error.status == "cancelled", error.status
    model.cancel(False)
    assert (model.run(inputs) == model.predict(PHOTOS)).all()

    error = refused(weft.Error, "cannot be opened", lambda: weft.load(os.path.join(folder, "none.pth")))
    assert error.status == "not found", error.status
    refused(weft.Error, "sixteen", lambda: weft.load(network="sixteen", seed=1))
    refused(weft.Error, "broken.png", lambda: model.classify(__file__ + "/broken.png"))
    refused(ValueError, "uint8", lambda: model.classify(numpy.zeros((3, 3, 3))))
    refused(ValueError, "was expected", lambda: model.run(numpy.zeros((1, 31, 32, 1))))
    refused(ValueError, "a file, or", lambda: weft.load())

names = {network.name for network in weft.models()}
assert {"lenet5", "resnet50", "efficientnet-b7"} <= names
print("python package: weft", weft.version(), "with NumPy", numpy.__version__)
