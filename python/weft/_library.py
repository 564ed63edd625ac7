# SPDX-License-Identifier: Apache-2.0
"""The C library: where it is, its structs and its functions. Sizes of structs are held against the library's own."""
import os
from ctypes import (CDLL, POINTER, Structure, c_bool, c_char_p, c_double, c_float, c_int, c_int64, c_size_t, c_uint8,
                    c_uint64, c_void_p, sizeof)

LINE = 0, 1  # of versions; another one may have other structs
STATUS = ("ok", "invalid", "unsupported", "not found", "no memory", "bad data", "io", "no device", "numeric",
          "internal", "lost", "cancelled")


class Error(RuntimeError):
    """What the library says: where, what was found, what was expected. `status` is a word of STATUS."""

    def __init__(self, status, sentence):
        super().__init__(sentence)
        self.status = status


class Published(Structure):
    _fields_ = [("source", c_char_p), ("top1", c_double), ("top5", c_double), ("size_mb", c_double),
                ("cpu_ms", c_double), ("gpu_ms", c_double)]


class Arch(Structure):
    _fields_ = [("name", c_char_p), ("alias", c_char_p), ("dialect", c_int), ("is_default", c_bool),
                ("in_table", c_bool), ("paper", c_char_p), ("px", c_int), ("channels", c_int), ("classes", c_int),
                ("preprocess", c_int), ("params", c_int64), ("trainable", c_int64), ("macs", c_int64),
                ("params_aux", c_int64), ("aux_weight", c_double), ("published", Published)]


class Recipe(Structure):
    _fields_ = [("px", c_int), ("channels", c_int), ("fit", c_int), ("side", c_int), ("share", c_double),
                ("resample", c_int), ("no_antialias", c_bool), ("preprocess", c_int), ("mean", c_double * 3),
                ("std", c_double * 3)]


class Label(Structure):
    _fields_ = [("id", c_char_p), ("name", c_char_p)]


class AnswerStruct(Structure):
    _fields_ = [("index", c_int), ("probability", c_double), ("id", c_char_p), ("name", c_char_p)]


class Image(Structure):
    _fields_ = [("width", c_int), ("height", c_int), ("pixels", POINTER(c_uint8))]


class ImageOpt(Structure):
    _fields_ = [("upright", c_bool)]


class Allocator(Structure):
    _fields_ = [("alloc", c_void_p), ("free", c_void_p), ("user", c_void_p)]


class CtxOpt(Structure):
    _fields_ = [("device", c_char_p), ("threads", c_int), ("isa", c_char_p), ("math", c_int), ("precision", c_int),
                ("target", c_char_p), ("plans", c_bool), ("allocator", Allocator), ("log", c_void_p),
                ("log_user", c_void_p), ("tuning", c_int), ("training", c_bool)]


class ClassifierOpt(Structure):
    _fields_ = [("arch", c_char_p), ("dialect", c_int), ("batch", c_int64), ("recipe", POINTER(Recipe)),
                ("recipe_words", c_char_p), ("labels", POINTER(Label)), ("label_count", c_int), ("classes", c_char_p),
                ("activation", c_int), ("as_stored", c_bool), ("random", c_bool), ("seed", c_uint64)]


class ReadOpt(Structure):
    _fields_ = [("format", c_int), ("key", c_char_p)]


class MapOpt(Structure):
    _fields_ = [("origin", c_int), ("lenient", c_bool), ("classes", c_int)]


class ImportOpt(Structure):
    _fields_ = [("read", ReadOpt), ("arch", c_char_p), ("dialect", c_int), ("map", MapOpt), ("report", c_bool)]


STRUCTS = {"weft_published": Published, "weft_arch": Arch, "weft_recipe": Recipe, "weft_label": Label,
           "weft_answer": AnswerStruct, "weft_image": Image, "weft_image_opt": ImageOpt, "weft_ctx_opt": CtxOpt,
           "weft_allocator": Allocator, "weft_classifier_opt": ClassifierOpt, "weft_read_opt": ReadOpt,
           "weft_map_opt": MapOpt, "weft_import_opt": ImportOpt}

# name: (result, arguments)
FUNCTIONS = {
    "weft_version": (c_char_p, ()),
    "weft_version_number": (c_int, ()),
    "weft_struct_size": (c_size_t, (c_char_p,)),
    "weft_error": (c_char_p, ()),
    "weft_ctx_create": (c_int, (POINTER(CtxOpt), POINTER(c_void_p))),
    "weft_ctx_destroy": (None, (c_void_p,)),
    "weft_ctx_cancel": (None, (c_void_p, c_bool)),
    "weft_arch_count": (c_int, ()),
    "weft_arch_get": (POINTER(Arch), (c_int,)),
    "weft_arch_find": (POINTER(Arch), (c_char_p, c_int)),
    "weft_dialect_name": (c_char_p, (c_int,)),
    "weft_dialect_parse": (c_int, (c_char_p,)),
    "weft_weights_import": (c_int, (c_void_p, c_char_p, POINTER(ImportOpt), c_void_p, POINTER(c_void_p))),
    "weft_weights_destroy": (None, (c_void_p,)),
    "weft_classifier_create": (c_int, (c_void_p, c_void_p, POINTER(ClassifierOpt), POINTER(c_void_p))),
    "weft_classifier_destroy": (None, (c_void_p,)),
    "weft_classifier_arch": (POINTER(Arch), (c_void_p,)),
    "weft_classifier_recipe": (POINTER(Recipe), (c_void_p,)),
    "weft_classifier_classes": (c_int, (c_void_p,)),
    "weft_classifier_label": (POINTER(Label), (c_void_p, c_int)),
    "weft_recipe_text": (c_char_p, (POINTER(Recipe), c_char_p, c_size_t)),
    "weft_image_read": (c_int, (c_void_p, c_char_p, POINTER(ImageOpt), POINTER(Image))),
    "weft_image_decode": (c_int, (c_void_p, c_char_p, c_char_p, c_size_t, POINTER(ImageOpt), POINTER(Image))),
    "weft_image_free": (None, (c_void_p, POINTER(Image))),
    "weft_image_to_input": (c_int, (c_void_p, POINTER(Image), POINTER(Recipe), POINTER(c_float))),
    "weft_classify_inputs": (c_int, (c_void_p, POINTER(c_float), c_int64, POINTER(c_float))),
}


def _open():
    """WEFT_LIBRARY, the one in this package, or the system's."""
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib", "libweft.so")
    path = os.environ.get("WEFT_LIBRARY") or (here if os.path.exists(here) else "libweft.so.%d.%d" % LINE)
    library = CDLL(path)
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, list(arguments)
    number = library.weft_version_number()
    if (number // 10000, number // 100 % 100) != LINE:
        raise ImportError("%s is weft %s; %d.%d was expected" % (path, library.weft_version().decode(), *LINE))
    for name, struct in STRUCTS.items():
        if library.weft_struct_size(name.encode()) != sizeof(struct):
            raise ImportError("%s: %s has %d bytes, %d were expected" % (
                path, name, library.weft_struct_size(name.encode()), sizeof(struct)))
    return library


lib = _open()


def check(status):
    if status:
        raise Error(STATUS[status] if status < len(STATUS) else "unknown", lib.weft_error().decode(errors="replace"))


def version():
    """The library's version."""
    return lib.weft_version().decode()
