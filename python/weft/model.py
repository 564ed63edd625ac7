# SPDX-License-Identifier: Apache-2.0
"""Models: a network with its weights, the recipe that makes photographs its input, and the names of its classes."""
import os
from collections import namedtuple
from ctypes import POINTER, byref, c_float, c_uint8, c_void_p, create_string_buffer, string_at

import numpy

from ._library import ClassifierOpt, CtxOpt, Image, ImageOpt, ImportOpt, check, lib

Answer = namedtuple("Answer", "index probability id name")
Answer.__doc__ = "One class that an image may show; id and name are '' where the class has none."

Network = namedtuple("Network", "name dialect px channels classes params macs top1 top5 source paper")
Network.__doc__ = "A network that weft knows; top1 and top5 as published, in percent, 0 where they are not."


def _text(value):
    return value.decode(errors="replace") if value else ""


def models():
    """All networks, in each of their dialects."""
    rows = [lib.weft_arch_get(i).contents for i in range(lib.weft_arch_count())]
    return [Network(_text(a.name), _text(lib.weft_dialect_name(a.dialect)), a.px, a.channels, a.classes, a.params,
                    a.macs, a.published.top1, a.published.top5, _text(a.published.source), _text(a.paper))
            for a in rows]


def load(file=None, *, network=None, dialect=None, key=None, recipe=None, classes=None, batch=8, threads=0, seed=None):
    """The model of a weight file, an index of files or a hub's folder.

    network, dialect  where the file does not say what it is of
    key               which dictionary of a PyTorch file: "state_dict_ema"
    recipe            changes to how images become inputs: "px=288 crop=0.95 interpolation=bicubic"
    classes           a file of the classes' names, one a line
    batch             images that run together
    threads           0: one for each CPU
    seed              instead of a file: random weights for `network`, whose answers mean nothing
    """
    return Model(file, network, dialect, key, recipe, classes, batch, threads, seed)


class Model:
    """Made by load(). To be used by one thread at a time, but for cancel()."""

    def __init__(self, file, network, dialect, key, recipe, classes, batch, threads, seed):
        self._ctx, self._classifier, weights = c_void_p(), c_void_p(), c_void_p()
        if (file is None) == (seed is None):
            raise ValueError("a file, or a network and a seed, were expected")
        name = network.encode() if network else None
        whose = lib.weft_dialect_parse(dialect.encode()) if dialect else 0
        check(lib.weft_ctx_create(byref(CtxOpt(threads=threads)), byref(self._ctx)))
        if file is not None:
            how = ImportOpt(arch=name, dialect=whose)
            how.read.key = key.encode() if key is not None else None
            check(lib.weft_weights_import(self._ctx, os.fsencode(file), byref(how), None, byref(weights)))
        opt = ClassifierOpt(arch=name, dialect=whose, batch=batch, random=seed is not None, seed=seed or 0,
                            recipe_words=recipe.encode() if recipe else None,
                            classes=os.fsencode(classes) if classes else None)
        try:
            check(lib.weft_classifier_create(self._ctx, weights, byref(opt), byref(self._classifier)))
        finally:
            lib.weft_weights_destroy(weights)
        self._recipe = lib.weft_classifier_recipe(self._classifier)
        self.classes = lib.weft_classifier_classes(self._classifier)
        r = self._recipe.contents
        self.input_shape = (r.px, r.px, r.channels)
        labels = [lib.weft_classifier_label(self._classifier, i) for i in range(self.classes)]
        self.labels = [(_text(x.contents.id), _text(x.contents.name)) if x else ("", "") for x in labels]

    def __del__(self):
        if getattr(self, "_classifier", None):
            lib.weft_classifier_destroy(self._classifier)
            self._classifier = None
        if getattr(self, "_ctx", None):
            lib.weft_ctx_destroy(self._ctx)
            self._ctx = None

    @property
    def network(self):
        """The network's name."""
        return _text(lib.weft_classifier_arch(self._classifier).contents.name)

    @property
    def recipe(self):
        """How images become inputs, as text."""
        return _text(lib.weft_recipe_text(self._recipe, create_string_buffer(320), 320))

    def __repr__(self):
        return "<weft.Model %s, %d classes, %s>" % (self.network, self.classes, self.recipe)

    # ---- images ----

    def _decoded(self, source):
        image, upright = Image(), ImageOpt(upright=True)
        if isinstance(source, (bytes, bytearray, memoryview)):
            data = bytes(source)
            check(lib.weft_image_decode(self._ctx, b"image", data, len(data), byref(upright), byref(image)))
        else:
            check(lib.weft_image_read(self._ctx, os.fsencode(source), byref(upright), byref(image)))
        try:
            size = image.height * image.width * 3
            return numpy.frombuffer(string_at(image.pixels, size), numpy.uint8).reshape(image.height, image.width, 3)
        finally:
            lib.weft_image_free(self._ctx, byref(image))

    def _pixels(self, source):
        """An RGB array of whatever an image is given as."""
        if isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview)):
            return self._decoded(source)
        array = numpy.asarray(source)  # a PIL.Image is one, too
        if array.ndim == 2:
            array = numpy.repeat(array[:, :, None], 3, axis=2)
        if array.dtype != numpy.uint8 or array.ndim != 3 or array.shape[2] not in (3, 4) or 0 in array.shape:
            raise ValueError("an image of %s %s; uint8 (height, width), or (height, width, 3) in the order red, "
                             "green, blue, was expected" % (array.dtype, array.shape))
        return numpy.ascontiguousarray(array[:, :, :3])

    def preprocess(self, image):
        """One image as the network's input: float32 (px, px, channels)."""
        pixels = self._pixels(image)
        out = numpy.empty(self.input_shape, numpy.float32)
        struct = Image(pixels.shape[1], pixels.shape[0], pixels.ctypes.data_as(POINTER(c_uint8)))
        check(lib.weft_image_to_input(self._ctx, byref(struct), self._recipe, out.ctypes.data_as(POINTER(c_float))))
        return out

    # ---- answers ----

    def cancel(self, cancelled=True):
        """From any thread: what runs ends soon with an Error of status "cancelled", as does all that is begun before
        cancel(False)."""
        lib.weft_ctx_cancel(self._ctx, cancelled)

    def run(self, inputs):
        """Probabilities of inputs that are ready: float32 (n, px, px, channels) to float32 (n, classes)."""
        x = numpy.ascontiguousarray(inputs, numpy.float32)
        if x.ndim != 4 or x.shape[1:] != self.input_shape:
            raise ValueError("inputs of shape %s; (n, %d, %d, %d) was expected" % ((x.shape,) + self.input_shape))
        out = numpy.empty((x.shape[0], self.classes), numpy.float32)
        if x.shape[0]:
            check(lib.weft_classify_inputs(self._classifier, x.ctypes.data_as(POINTER(c_float)), x.shape[0],
                                           out.ctypes.data_as(POINTER(c_float))))
        return out

    def predict(self, images):
        """Probabilities of all classes for each of a list of images: float32 (n, classes)."""
        inputs = [self.preprocess(image) for image in images]
        return self.run(numpy.stack(inputs) if inputs else numpy.empty((0,) + self.input_shape, numpy.float32))

    def classify(self, image, top=5):
        """The likeliest classes of one image, likeliest first. An image is a path, the bytes of a file, a PIL.Image or
        an array, uint8 (height, width, 3) or (height, width)."""
        probabilities = self.predict([image])[0]
        order = numpy.argsort(-probabilities, kind="stable")[:top]
        return [Answer(int(i), float(probabilities[i]), *self.labels[i]) for i in order]
