# SPDX-License-Identifier: Apache-2.0
"""Writes folders.txt: trees of class folders, and what torchvision's ImageFolder and Keras'
image_dataset_from_directory make of them: classes in order, and the class of each image.

    KERAS_BACKEND=torch python3 tests/data/make_folders.py > tests/data/folders.txt

A tree is its name and its files; of a framework, all its classes in order, and the images that it takes with the number
of the class. Names have no spaces; "~" stands for one."""
import os
import tempfile

import keras
import torchvision
from PIL import Image
from keras.src.utils import dataset_utils, image_dataset_utils

SUFFIXES = (".jpg .jpeg .jpe .jfif .png .ppm .pgm .pbm .pnm .bmp .dib .tif .tiff .webp .gif .heic .avif .JPG .Jpeg "
            ".PNG .TIFF .txt .jpg.bak .npy").split()
TREES = {
    "numbers": ["%d/a.png" % i for i in (0, 1, 2, 3, 9, 10, 11, 20, 100)],
    "padded": ["%02d/a.png" % i for i in range(12)],
    "prefixed": ["class%d/a.png" % i for i in (1, 2, 10)],
    "from-one": ["%d/a.png" % i for i in range(1, 13)],
    "signs": ["-1/a.png", "1/a.png", "01/a.png", "1.5/a.png", "2/a.png", "10/a.png"],
    "names": [n + "/a.png" for n in ("Zebra", "ant", "Bee", "caf\u00e9", "_x", "a-b", "a~b", "a_b", "ab", "10x",
                                     "\u00e9", "zz", "Z", "a.b", "n02123045", "\u732b")],
    "suffixes": ["one/i%d%s" % (i, s) for i, s in enumerate(SUFFIXES)] + ["two/a.png", "two/none", "two/b.png.jpg"],
    "deep": ["b/z.png", "b/a/1.png", "b/a/b/2.png", "b/.png", "a/10.png", "a/2.png", "a/B/x.jpg", "outside.png"],
}


def put(root, file):
    path = os.path.join(root, file.replace("~", " "))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        Image.new("RGB", (2, 2)).save(f, "PNG")


def show(framework, root, classes, images):
    print(framework, "classes", *(c.replace(" ", "~") for c in classes))
    for path, label in images:
        print(framework, "image", os.path.relpath(path, root).replace(" ", "~"), label)


def by_keras(root):
    """image_dataset_from_directory's own list of files: the rest of it needs TensorFlow."""
    files, labels, classes = dataset_utils.index_directory(
        root, labels="inferred", formats=image_dataset_utils.ALLOWLIST_FORMATS, shuffle=False, verbose=False)
    return classes, zip(files, labels)


def main():
    versions = torchvision.__version__, keras.__version__
    print("# Written by make_folders.py, with torchvision %s and Keras %s." % versions)
    for name, files in TREES.items():
        with tempfile.TemporaryDirectory() as root:
            print("tree", name)
            for file in files:
                print("file", file)
                put(root, file)
            folder = torchvision.datasets.ImageFolder(root)
            show("torch", root, folder.classes, folder.samples)
            show("keras", root, *by_keras(root))


if __name__ == "__main__":
    main()
