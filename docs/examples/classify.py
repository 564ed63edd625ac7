#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says what photographs show, through libweft and ctypes, without NumPy:

    python3 classify.py lite0.safetensors coffee.jpg              a file of weft convert knows its network
    python3 classify.py resnet50 resnet50-0676ba61.pth coffee.jpg

WEFT_LIBRARY names the library if the loader does not find it."""
import os
import sys
from ctypes import (CDLL, POINTER, Structure, byref, c_bool, c_char_p, c_double, c_int, c_int64, c_uint64, c_void_p)

TOP = 5


class Opt(Structure):  # weft_classifier_opt; zeros are the defaults
    _fields_ = [("arch", c_char_p), ("dialect", c_int), ("batch", c_int64), ("recipe", c_void_p),
                ("recipe_words", c_char_p), ("labels", c_void_p), ("label_count", c_int), ("classes", c_char_p),
                ("activation", c_int), ("as_stored", c_bool), ("random", c_bool), ("seed", c_uint64)]


class Answer(Structure):  # weft_answer
    _fields_ = [("index", c_int), ("probability", c_double), ("id", c_char_p), ("name", c_char_p)]


weft = CDLL(os.environ.get("WEFT_LIBRARY", "libweft.so.0.1"))
weft.weft_error.restype = c_char_p
weft.weft_arch_find.restype = c_void_p
weft.weft_classifier_open.argtypes = [c_void_p, c_char_p, POINTER(Opt), POINTER(c_void_p)]
for name in ("weft_classifier_classes", "weft_classifier_destroy", "weft_ctx_destroy"):
    getattr(weft, name).argtypes = [c_void_p]
weft.weft_classify_files.argtypes = [c_void_p, POINTER(c_char_p), c_int64, c_int, POINTER(Answer), c_void_p]


def check(status):
    if status:
        sys.exit("classify.py: " + weft.weft_error().decode())


def main(words):
    named = words and weft.weft_arch_find(words[0].encode(), 0)
    if len(words) < (3 if named else 2):
        sys.exit("usage: classify.py [NETWORK] WEIGHTS PHOTOGRAPH...")
    opt, ctx, classifier = Opt(arch=words.pop(0).encode() if named else None), c_void_p(), c_void_p()
    check(weft.weft_ctx_create(None, byref(ctx)))
    check(weft.weft_classifier_open(ctx, words[0].encode(), byref(opt), byref(classifier)))
    top = min(TOP, weft.weft_classifier_classes(classifier))
    photos = [w.encode() for w in words[1:]]
    answers = (Answer * (top * len(photos)))()
    check(weft.weft_classify_files(classifier, (c_char_p * len(photos))(*photos), len(photos), top, answers, None))
    for i, answer in enumerate(answers):
        print(f"{photos[i // top].decode()}: {100 * answer.probability:5.1f} % {answer.name.decode()}")
    weft.weft_classifier_destroy(classifier)
    weft.weft_ctx_destroy(ctx)


if __name__ == "__main__":
    main(sys.argv[1:])
