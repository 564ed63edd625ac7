#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains LeNet-5 on a set in MNIST's format through libweft and ctypes, without NumPy: python3 train.py [FOLDER
[EPOCHS]]; without a folder, Fashion-MNIST where it is installed. WEFT_LIBRARY names the library if none is found."""
import ctypes as c
import os
import sys

BATCH, KERAS, TEST, CLIP = 64, 2, 2, 5.
weft = c.CDLL(os.environ.get("WEFT_LIBRARY", "libweft.so.0.1"))
weft.weft_struct_size.restype = c.c_size_t
TYPES = {"int": c.c_int, "long": c.c_int64, "size": c.c_size_t, "real": c.c_double, "triple": c.c_double * 3,
         "bool": c.c_bool, "text": c.c_char_p, "pointer": c.c_void_p, "floats": c.POINTER(c.c_float),
         "ints": c.POINTER(c.c_int32)}


def struct(name, members, **types):
    """A struct of the headers: its members in their order, behind their types; zeros are the defaults."""
    fields, kind, types = [], None, {**TYPES, **types}
    for word in members.split():
        kind, fields = (types[word], fields) if word in types else (kind, fields + [(word, kind)])
    made = type(name, (c.Structure,), {"_fields_": fields})
    if weft.weft_struct_size(name.encode()) != c.sizeof(made):
        sys.exit("train.py: %s is another in this library" % name)
    return made


Recipe = struct("weft_recipe", "int px channels fit side real share int resample bool no_antialias int preprocess "
                "triple mean std")
Loader = struct("weft_loader_opt", "int part long batch int rank ranks pointer recipe bool in_order upright exact "
                "text augment int sampling pointer weights bool targets bytes real smoothing long seed int workers "
                "ahead cache text cache_folder long cache_limit bad_limit pointer bad user")
Arch = struct("weft_arch_opt", "int dialect long batch int px classes bool no_softmax aux")
Optimizer = struct("weft_optimizer", "int kind real momentum bool nesterov real decay bool decay_all real rho "
                   "bool mean_square_from_zero real beta1 beta2 epsilon")
Scale = struct("weft_loss_scale", "int kind real factor int interval")
Train = struct("weft_train_opt", "long batch int loss real rbf_j smoothing pointer class_weights real aux_weight "
               "bool targets pointer levels how optimizer pointer freeze int freeze_count pointer groups int "
               "group_count real layer_decay clip_norm clip_value scale loss_scale int accumulate real ema bool "
               "ema_no_warm_up real norm_momentum long seed pointer store size memory bool plan_only pointer ranks "
               "size bucket bool times sync_norms", how=Optimizer, scale=Scale)
Model = struct("weft_model_opt", "long batch bool plan_only no_fusion no_units keep_all training pointer store "
               "bool resident ahead size memory bool track floats levels")
Batch = struct("weft_batch", "floats images ints labels floats targets pointer bytes")
Result = struct("weft_step_result", "real loss long top1 top5 real gradient_norm bool finite skipped updated long "
                "updates real scale long skips step real seconds")
for function, result in (("error", c.c_char_p), ("arch_recipe", Recipe), ("arch_find", c.c_void_p),
                         ("trainer_store", c.c_void_p), ("loader_steps", c.c_int64), ("loader_filled", c.c_int64)):
    getattr(weft, "weft_" + function).restype = result


def call(function, *args, out=()):
    """Calls what gives a status, the sentence of which ends the program."""
    if getattr(weft, "weft_" + function)(*args, *map(c.byref, out)):
        sys.exit("train.py: " + weft.weft_error().decode())
    return out[0] if out else None


def percent(model, loader, classes, pixels):
    """Of the images that the model gets right."""
    scores, seen, right = (c.c_float * (BATCH * classes))(), 0, 0
    for _ in range(weft.weft_loader_steps(loader)):
        batch = call("loader_next", loader, out=[Batch()])
        call("model_set_input", model, 0, batch.images, c.c_size_t(4 * BATCH * pixels))
        call("model_run", model)
        call("model_get_output", model, 0, scores, c.c_size_t(4 * BATCH * classes))
        for i in range(weft.weft_loader_filled(loader, None)):
            row = scores[i * classes:(i + 1) * classes]
            right, seen = right + (row.index(max(row)) == batch.labels[i]), seen + 1
    return 100 * right / seen


def main(folder="fashion-mnist", epochs="5"):
    def make(function, *args):
        return call(function, *args, out=[c.c_void_p()])
    recipe = weft.weft_arch_recipe(c.c_void_p(weft.weft_arch_find(b"lenet5", KERAS)), 0)
    ctx = make("ctx_create", None)
    data = make("trainset_open", ctx, folder.encode(), None)
    classes, at = weft.weft_trainset_classes(data), c.addressof(recipe)
    train = make("loader_create", ctx, data, c.byref(Loader(batch=BATCH, recipe=at)))
    test = make("loader_create", ctx, data, c.byref(Loader(part=TEST, batch=BATCH, recipe=at, in_order=True)))
    network = make("arch_build", ctx, b"lenet5", c.byref(Arch(KERAS, BATCH, 0, classes)))
    options = Train(optimizer=Optimizer(momentum=.9, decay=1e-4), clip_norm=CLIP)
    trainer = make("trainer_create", ctx, network, c.byref(options))
    model = make("model_create", ctx, network, c.byref(Model(store=weft.weft_trainer_store(trainer))))
    for epoch in range(int(epochs)):
        for step in range(weft.weft_loader_steps(train)):
            batch = call("loader_next", train, out=[Batch()])
            result = call("trainer_step", trainer, c.byref(batch), c.c_double(.05 * .5 ** epoch), out=[Result()])
        right = percent(model, test, classes, recipe.px * recipe.px * recipe.channels)
        print(f"epoch {epoch + 1}: loss {result.loss:.3f}, {right:.2f} % of the test images are right", flush=True)


main(*sys.argv[1:])
