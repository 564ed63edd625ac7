#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""For developers: writes answers/, files as people have them, made by the frameworks, and answers.txt, what the
frameworks make of one photograph with them: the files' own activation, image size, preprocessing layers, averages,
names of classes, prefixes and descriptions obeyed. The suite (answers.c) reads what is committed.

Weights are a short pattern, scaled so that no layer fades: a file of 45 MB packs to a few kB, twice through gzip.

Needs torch, torchvision, timm, transformers, safetensors, keras 3 (torch backend), Pillow, numpy.
A line of the answers:
    NAME FILE|FOLDER KEY WORDS LABELS p0 p1 ...        '-': none; WORDS of a recipe with '+' for a blank"""
import gzip
import io
import os
import shutil
import tempfile

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np
import timm
import torch
import torchvision
from PIL import Image
from keras import layers
from safetensors.torch import save_file
from torch import nn
from transformers import ResNetConfig, ResNetForImageClassification
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "answers")
PERIOD, WIDTH, HEIGHT = 29, 150, 113
lines = []


def photo():
    """The one of answers.c: by a formula, so that nothing depends on a decoder."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    a = np.stack([(x * (2 + c) + y * (4 - c) // 2 + 90 * ((x // 20 + y // 20) % 2)) % 256 for c in range(3)], -1)
    return Image.fromarray(a.astype(np.uint8))


def pattern(shape, number, fan_in):
    """Multiples of a quarter of a power of two, with a mean of about zero."""
    values = (np.arange(PERIOD) * 11 % PERIOD - PERIOD // 2) / 8
    scale = 2. ** np.round(np.log2(np.sqrt(2 / fan_in)))
    count = int(np.prod(shape))
    return (np.roll(np.tile(values, count // PERIOD + 2), number * 5)[:count] * scale).reshape(shape).astype("float32")


def calm(outputs):
    """What the last layer is multiplied by: a power of two, so that its outputs differ by about two."""
    return 2. ** np.round(np.log2(2 / max(1e-9, np.ptp(outputs) if outputs.size > 1 else abs(outputs.max()))))


# ---- PyTorch ----

def fill(net, head, run):
    """Norms have one mean and one variance for all channels: those that they see."""
    number = 0
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                number += 1
                w = module.weight
                w.copy_(torch.from_numpy(pattern(tuple(w.shape), number, w[0].numel())))
                if module.bias is not None:
                    module.bias.zero_()
        for m in norms:
            m.momentum, m.training = 1., True
        run(net)
        for m in norms:
            m.momentum, m.training = .1, False
            m.running_mean.fill_(round(float(m.running_mean.mean()) * 64) / 64)
            m.running_var.fill_(2. ** np.round(np.log2(float(m.running_var.mean()) + 1e-9)))
            m.num_batches_tracked.zero_()
        head.weight.mul_(float(calm(run(net).numpy())))
    return net


def torchvision_input(px=224, side=256):
    return torchvision.transforms.Compose([
        torchvision.transforms.Resize(side), torchvision.transforms.CenterCrop(px), torchvision.transforms.ToTensor(),
        torchvision.transforms.Normalize((.485, .456, .406), (.229, .224, .225))])(photo())[None]


def mobilenet(classes, shift=0):
    net = torchvision.models.mobilenet_v2(num_classes=classes).eval()
    head = net.classifier[1]
    fill(net, head, lambda n: n(torchvision_input()))
    with torch.no_grad():
        head.bias.copy_(torch.arange(classes) / 4. - shift)
    return net


def pack(path):
    """Twice: the second time finds what the first one repeats."""
    data = open(path, "rb").read()
    for _ in range(2):
        out = io.BytesIO()
        with gzip.GzipFile(fileobj=out, mode="wb", mtime=0, compresslevel=9, filename="") as f:
            f.write(data)
        data = out.getvalue()
    return data


def keep(name, path, answers, key="-", words="-", labels="-", write=True):
    """path: a file, or a folder of some."""
    target = name + os.path.splitext(path)[1]
    if path.endswith(".weights.h5"):
        target = name + ".weights.h5"
    for part in (sorted(os.listdir(path)) if os.path.isdir(path) else [None]) if write else []:
        to = os.path.join(HERE, target + ("_" + part if part else "") + ".gz")
        with open(to, "wb") as f:
            f.write(pack(os.path.join(path, part) if part else path))
        print(os.path.basename(to), os.path.getsize(to))
    p = np.asarray(answers, np.float64).reshape(-1)
    lines.append(" ".join([target, key, words.replace(" ", "+"), labels] + [f"{x:.7f}" for x in p]))
    print(lines[-1])


def torch_answers(net, how):
    with torch.no_grad():
        return getattr(net(torchvision_input()), how)().numpy() if how == "sigmoid" else \
            net(torchvision_input()).softmax(1).numpy()


def torch_cases(folder):
    path = os.path.join(folder, "x.pth")
    # One output, trained with BCEWithLogitsLoss by several cards, saved beside an optimizer.
    net = mobilenet(1, shift=1)
    torch.save({"epoch": 3, "state_dict": {"module." + k: v for k, v in net.state_dict().items()},
                "optimizer": {"lr": .1}, "best_acc1": np.float64(91.5)}, path,
               _use_new_zipfile_serialization=False)
    keep("yes-or-no", path, torch_answers(net, "sigmoid"))
    # A whole module that ends in Sigmoid: several labels at once.
    net = mobilenet(3, shift=1)
    net.classifier.append(nn.Sigmoid())
    torch.save(net, path)
    with torch.no_grad():
        keep("several-labels", path, net(torchvision_input()).numpy())
    # Names of classes as ImageFolder has them, and a prefix that nobody knows.
    net = mobilenet(3)
    torch.save({"net": {"encoder." + k: v for k, v in net.state_dict().items()},
                "class_to_idx": {"rose": 2, "daisy": 0, "oak": 1}}, path)
    keep("class-to-idx", path, torch_answers(net, "softmax"), labels="daisy,oak,rose")
    # timm's train.py: the weights, and their running average.
    average = mobilenet(3, shift=0)
    with torch.no_grad():
        average.classifier[1].bias.copy_(torch.tensor([1., -1., .5]))
    torch.save({"arch": "mobilenet_v2", "state_dict": net.state_dict(), "state_dict_ema": average.state_dict()}, path,
               _use_new_zipfile_serialization=False)
    keep("averaged", path, torch_answers(net, "softmax"))
    keep("averaged", path, torch_answers(average, "softmax"), key="state_dict_ema", write=False)


def timm_case(folder):
    """A folder of the hub: the tensors of efficientnet_lite0, padded as TensorFlow does, with a crop of its own."""
    import json
    name = "tf_efficientnet_lite0"
    config = {"input_size": [3, 160, 160], "interpolation": "bicubic", "crop_pct": .93, "crop_mode": "center",
              "mean": [.5, .45, .4], "std": [.25, .3, .35]}
    net = timm.create_model(name, num_classes=4).eval()
    transform = timm.data.create_transform(**timm.data.resolve_data_config(
        {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}, use_test_size=False), is_training=False)
    x = transform(photo())[None]
    fill(net, net.classifier, lambda n: n(x))
    hub = os.path.join(folder, "lite0")
    os.makedirs(hub)
    save_file({k: v.contiguous() for k, v in net.state_dict().items()}, os.path.join(hub, "model.safetensors"))
    with open(os.path.join(hub, "config.json"), "w") as f:
        json.dump({"architecture": name, "num_classes": 4, "label_names": ["ash", "elm", "fir", "yew"],
                   "pretrained_cfg": config}, f)
    with torch.no_grad():
        keep("timm-hub", hub, net(x).softmax(1).numpy(), labels="ash,elm,fir,yew")


def transformers_case(folder):
    """ResNet-18 by its transformers names, with the processor's description. By Pillow: what the same processor makes
    with PyTorch's resize differs by one or two grey levels."""
    names = {0: "cat", 1: "dog", 2: "emu"}
    config = ResNetConfig(embedding_size=64, hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2], layer_type="basic",
                          num_labels=3, id2label=names, label2id={v: k for k, v in names.items()})
    net = ResNetForImageClassification(config).eval()
    processor = ConvNextImageProcessorPil(size={"shortest_edge": 192}, crop_pct=.8, resample=3,
                                          image_mean=[.485, .456, .406], image_std=[.229, .224, .225])
    x = processor(photo(), return_tensors="pt")["pixel_values"]
    fill(net, net.classifier[1], lambda n: n(x).logits)
    hub = os.path.join(folder, "hf")
    net.save_pretrained(hub)
    processor.save_pretrained(hub)
    with torch.no_grad():
        keep("transformers-hub", hub, net(x).logits.softmax(1).numpy(), labels="cat,dog,emu")


# ---- Keras ----

def keras_input(px, resample=Image.NEAREST):
    return np.asarray(photo().resize((px, px), resample), np.float32)[None]


def settle(model, x):
    """As fill() does."""
    every = list(model._flatten_layers(include_self=False))
    norms = [m for m in every if isinstance(m, layers.BatchNormalization)]
    last = [m for m in every if type(m) in (layers.Dense, layers.Conv2D)][-1]
    number = 0
    for m in every:
        for w in m._trainable_variables if m in norms else m.weights:
            if w.path.endswith("kernel"):
                number += 1
                shape = tuple(w.shape)
                fan = int(np.prod(shape[:-1])) if "Depthwise" not in type(m).__name__ else int(np.prod(shape[:2]))
                w.assign(pattern(shape, number, fan))
    was = [(m.momentum, m.trainable) for m in norms]
    for m in norms:
        m.momentum, m.trainable = 0., True
    model(x, training=True)
    for m, (momentum, trainable) in zip(norms, was):
        m.momentum, m.trainable = momentum, trainable
        mean, variance = keras.ops.convert_to_numpy(m.moving_mean), keras.ops.convert_to_numpy(m.moving_variance)
        m.moving_mean.assign(np.full_like(mean, np.round(mean.mean() * 64) / 64))
        m.moving_variance.assign(np.full_like(variance, 2. ** np.round(np.log2(variance.mean() + 1e-9))))
    activation, last.activation = last.activation, keras.activations.linear
    logits = keras.ops.convert_to_numpy(model(x, training=False))
    last.activation = activation
    kernel = last.weights[0]
    kernel.assign(keras.ops.convert_to_numpy(kernel) * calm(logits))
    return model


def base(px, **how):
    return keras.applications.MobileNet(input_shape=(px, px, 3), alpha=.25, weights=None, **how)


def behind(px, front, units, activation):
    """A model inside a model: what stands before, the base, a head."""
    i = keras.Input((px, px, 3))
    y = base(px, include_top=False, pooling="avg")(front(i))
    return keras.Model(i, layers.Dense(units, activation=activation, name="answer")(layers.Dropout(.2)(y)))


def keras_cases(folder):
    raw = lambda px: keras_input(px)
    tf = lambda px, how=Image.NEAREST: keras_input(px, how) / 127.5 - 1
    normal = layers.Normalization(mean=[120., 110., 100.], variance=[3600., 4000., 4400.])
    cases = [
        ("size-of-the-file", ".keras", base(96, classes=3), tf(96)),
        ("several-labels-keras", ".h5", base(128, classes=3, classifier_activation="sigmoid"), tf(128)),
        ("rescaling", ".keras", behind(96, layers.Rescaling(1 / 255.), 3, "softmax"), raw(96)),
        ("rescaling-tf", ".h5", behind(128, layers.Rescaling(1 / 127.5, offset=-1), 1, "sigmoid"), raw(128)),
        ("normalization", ".keras", behind(96, normal, 3, "softmax"), raw(96)),
        ("transfer", ".weights.h5", behind(224, lambda i: i, 3, "softmax"), tf(224)),
    ]
    for name, extension, model, x in cases:
        settle(model, x)
        path = os.path.join(folder, "x" + extension)
        if os.path.exists(path):
            os.remove(path)
        (model.save_weights if extension == ".weights.h5" else model.save)(path)
        keep(name, path, model.predict(x, verbose=0))
        if name == "size-of-the-file":
            keep(name, path, model.predict(tf(96, Image.BILINEAR), verbose=0), words="resample=bilinear", write=False)


def main():
    torch.manual_seed(0)
    shutil.rmtree(HERE, ignore_errors=True)
    os.makedirs(HERE)
    with tempfile.TemporaryDirectory() as folder:
        torch_cases(folder)
        timm_case(folder)
        transformers_case(folder)
        keras_cases(folder)
    with open(os.path.join(HERE, "answers.txt"), "w") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
