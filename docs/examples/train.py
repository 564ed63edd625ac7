#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains LeNet-5 on a set in MNIST's format through libweft and ctypes, without NumPy:

    python3 train.py [FOLDER [EPOCHS]]          without a folder Fashion-MNIST, where it is installed

WEFT_LIBRARY names the library if the loader does not find it."""
import os
import sys
from ctypes import (CDLL, POINTER, Structure, byref, c_bool, c_char_p, c_double, c_float, c_int, c_int32, c_int64,
                    c_size_t, c_uint64, c_void_p)

BATCH, KERAS, TEST, CLIP = 64, 2, 2, 5.


def struct(**fields):
    return type("Struct", (Structure,), {"_fields_": list(fields.items())})


# As in the headers, in their order; zeros are the defaults.
Recipe = struct(px=c_int, channels=c_int, fit=c_int, side=c_int, share=c_double, resample=c_int, no_antialias=c_bool,
                preprocess=c_int, mean=c_double * 3, std=c_double * 3)
LoaderOpt = struct(part=c_int, batch=c_int64, recipe=POINTER(Recipe), in_order=c_bool, upright=c_bool,
                   augment=c_char_p, sampling=c_int, weights=c_void_p, targets=c_bool, smoothing=c_double,
                   seed=c_uint64, workers=c_int, ahead=c_int, bad_limit=c_int64, bad=c_void_p, user=c_void_p)
ArchOpt = struct(dialect=c_int, batch=c_int64, px=c_int, classes=c_int, no_softmax=c_bool, aux=c_bool)
Optimizer = struct(kind=c_int, momentum=c_double, nesterov=c_bool, decay=c_double, decay_all=c_bool, rho=c_double,
                   mean_square_from_zero=c_bool, beta1=c_double, beta2=c_double, epsilon=c_double)
TrainOpt = struct(batch=c_int64, loss=c_int, rbf_j=c_double, smoothing=c_double, class_weights=c_void_p,
                  aux_weight=c_double, targets=c_bool, optimizer=Optimizer, freeze=c_void_p, freeze_count=c_int,
                  groups=c_void_p, group_count=c_int, layer_decay=c_double, clip_norm=c_double, clip_value=c_double,
                  accumulate=c_int, ema=c_double, ema_no_warm_up=c_bool, seed=c_uint64, store=c_void_p,
                  memory=c_size_t, plan_only=c_bool)
Batch = struct(images=POINTER(c_float), labels=POINTER(c_int32), targets=POINTER(c_float))
Result = struct(loss=c_double, top1=c_int64, top5=c_int64, gradient_norm=c_double, finite=c_bool, updated=c_bool,
                updates=c_int64)
ModelOpt = struct(batch=c_int64, plan_only=c_bool, no_fusion=c_bool, no_units=c_bool, keep_all=c_bool, training=c_bool,
                  store=c_void_p, resident=c_bool, memory=c_size_t, track=c_bool)

weft = CDLL(os.environ.get("WEFT_LIBRARY", "libweft.so.0"))
weft.weft_error.restype = c_char_p
weft.weft_arch_recipe.restype = Recipe
for name in ("weft_arch_find", "weft_trainer_store"):
    getattr(weft, name).restype = c_void_p
for name in ("weft_loader_steps", "weft_loader_filled"):
    getattr(weft, name).restype = c_int64
weft.weft_trainer_step.argtypes = [c_void_p, POINTER(Batch), c_double, POINTER(Result)]
weft.weft_model_set_input.argtypes = weft.weft_model_get_output.argtypes = [c_void_p, c_int, c_void_p, c_size_t]


def make(function, *args):
    """What a function makes, whose last parameter is where to put it."""
    out = c_void_p()
    check(getattr(weft, function)(*args, byref(out)))
    return out


def check(status):
    if status:
        sys.exit("train.py: " + weft.weft_error().decode())


def evaluate(model, loader, classes, pixels):
    """Percent of the images that the model gets right."""
    batch, scores, seen, right = Batch(), (c_float * (BATCH * classes))(), 0, 0
    for _ in range(weft.weft_loader_steps(loader)):
        check(weft.weft_loader_next(loader, byref(batch)))
        check(weft.weft_model_set_input(model, 0, batch.images, 4 * BATCH * pixels))
        check(weft.weft_model_run(model))
        check(weft.weft_model_get_output(model, 0, scores, 4 * BATCH * classes))
        for i in range(weft.weft_loader_filled(loader, None)):
            row = scores[i * classes:(i + 1) * classes]
            right += row.index(max(row)) == batch.labels[i]
            seen += 1
    return 100 * right / seen


def main(folder="fashion-mnist", epochs="5"):
    recipe = weft.weft_arch_recipe(c_void_p(weft.weft_arch_find(b"lenet5", KERAS)), 0)
    ctx = make("weft_ctx_create", None)
    data = make("weft_trainset_open", ctx, folder.encode(), None)
    classes = weft.weft_trainset_classes(data)
    train = make("weft_loader_create", ctx, data, byref(LoaderOpt(batch=BATCH, recipe=byref_of(recipe))))
    test = make("weft_loader_create", ctx, data,
                byref(LoaderOpt(part=TEST, batch=BATCH, recipe=byref_of(recipe), in_order=True)))
    network = make("weft_arch_build", ctx, b"lenet5", byref(ArchOpt(KERAS, BATCH, 0, classes)))
    options = TrainOpt(optimizer=Optimizer(momentum=.9, decay=1e-4), clip_norm=CLIP)
    trainer = make("weft_trainer_create", ctx, network, byref(options))
    model = make("weft_model_create", ctx, network, byref(ModelOpt(store=weft.weft_trainer_store(trainer))))
    batch, result, steps = Batch(), Result(), weft.weft_loader_steps(train)
    for epoch in range(int(epochs)):
        for step in range(steps):
            check(weft.weft_loader_next(train, byref(batch)))
            check(weft.weft_trainer_step(trainer, byref(batch), .05 * .5 ** epoch, byref(result)))
        percent = evaluate(model, test, classes, recipe.px * recipe.px * recipe.channels)
        print(f"epoch {epoch + 1}: loss {result.loss:.3f}, {percent:.2f} % of the test images are right", flush=True)


def byref_of(value):
    return POINTER(type(value))(value)


if __name__ == "__main__":
    main(*sys.argv[1:])
