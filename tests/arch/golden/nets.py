# SPDX-License-Identifier: Apache-2.0
"""The networks that have golden files: how the framework makes each, and which of its layers end which weft scopes.

gain is in 32nds: what keeps the logits of two images apart, near 1 and well-conditioned with seeded weights
(weft-weights(5))."""
import re
from collections import namedtuple

Row = namedtuple("Row", "name dialect origin theirs px gain seed")


def rows(origin, dialect, text, px=64):
    for line in text.split():
        name, theirs, gain, *rest = line.split(":")
        options = dict(r.split("=") for r in rest)
        yield Row(name, options.get("dialect", dialect), origin, theirs, int(options.get("px", px)), float(gain) / 32,
                  int(options.get("seed", 1)))


ROWS = [
    *rows("keras", "keras", """
        vgg16:VGG16:32 vgg19:VGG19:32 resnet50:ResNet50:24 resnet101:ResNet101:24 resnet152:ResNet152:24
        resnet50v2:ResNet50V2:23 resnet101v2:ResNet101V2:22 resnet152v2:ResNet152V2:20
        inception-v3:InceptionV3:32:px=96 inception-resnet-v2:InceptionResNetV2:32:px=96 xception:Xception:20:px=96
        densenet121:DenseNet121:33 densenet169:DenseNet169:33 densenet201:DenseNet201:33
        mobilenet:MobileNet:36 mobilenet-0.75:MobileNet,.75:36 mobilenet-0.5:MobileNet,.5:36
        mobilenet-0.25:MobileNet,.25:36 mobilenetv2:MobileNetV2:30 nasnet-mobile:NASNetMobile:24
        nasnet-large:NASNetLarge:24 efficientnet-b0:EfficientNetB0:32 efficientnet-b1:EfficientNetB1:32
        efficientnet-b2:EfficientNetB2:32 efficientnet-b3:EfficientNetB3:30 efficientnet-b4:EfficientNetB4:29
        efficientnet-b5:EfficientNetB5:28.5 efficientnet-b6:EfficientNetB6:26.5 efficientnet-b7:EfficientNetB7:25.5"""),
    *rows("torchvision", "torch", """
        alexnet:alexnet:32:px=95 vgg16:vgg16:32 vgg19:vgg19:32 googlenet:googlenet:30
        resnet18:resnet18:23 resnet34:resnet34:24 resnet50:resnet50:24 resnet101:resnet101:24 resnet152:resnet152:24
        resnet50:resnet50:24:dialect=paper resnet101:resnet101:24:dialect=paper resnet152:resnet152:24:dialect=paper
        resnext50-32x4d:resnext50_32x4d:24 resnext101-32x8d:resnext101_32x8d:24 resnext101-64x4d:resnext101_64x4d:24
        densenet121:densenet121:33 densenet169:densenet169:33 densenet201:densenet201:33
        inception-v3:inception_v3:34:px=96 mobilenetv2:mobilenet_v2:30
        efficientnet-b0:efficientnet_b0:33 efficientnet-b1:efficientnet_b1:30 efficientnet-b2:efficientnet_b2:31
        efficientnet-b3:efficientnet_b3:30 efficientnet-b4:efficientnet_b4:30 efficientnet-b5:efficientnet_b5:29
        efficientnet-b6:efficientnet_b6:26.5 efficientnet-b7:efficientnet_b7:26.5"""),
    *rows("timm", "torch", """
        resnext101-32x4d:resnext101_32x4d:24 inception-v4:inception_v4:33:px=96
        se-resnet18:legacy_seresnet18:27 se-resnet34:legacy_seresnet34:27 se-resnet50:legacy_seresnet50:24
        se-resnet101:legacy_seresnet101:25 se-resnet152:legacy_seresnet152:25
        se-resnext50-32x4d:legacy_seresnext50_32x4d:25 se-resnext101-32x4d:legacy_seresnext101_32x4d:25
        senet154:legacy_senet154:25 cspresnet50:cspresnet50:26 cspresnext50:cspresnext50:26
        cspdarknet53:cspdarknet53:26:seed=5 efficientnet-lite0:tf_efficientnet_lite0:30
        efficientnet-lite1:tf_efficientnet_lite1:29 efficientnet-lite2:tf_efficientnet_lite2:28
        efficientnet-lite3:tf_efficientnet_lite3:28 efficientnet-lite4:tf_efficientnet_lite4:29"""),
]


# ---- Keras ----

def build_keras(row, classes):
    from keras import applications
    from keras.src.applications import nasnet
    theirs, *width = row.theirs.split(",")
    options = dict(weights=None, classes=classes, classifier_activation=None, input_shape=(row.px, row.px, 3))
    if width:
        options["alpha"] = float(width[0])
    if theirs.startswith("NASNet"):  # the function for the sizes refuses PyTorch as a backend; NASNet itself does not
        mobile = theirs == "NASNetMobile"
        return nasnet.NASNet(penultimate_filters=1056 if mobile else 4032, num_blocks=4 if mobile else 6,
                             stem_block_filters=32 if mobile else 96, skip_reduction=not mobile, filter_multiplier=2,
                             default_size=224 if mobile else 331, **options)
    return getattr(applications, theirs)(**options)


def letter(n):
    return "abcdefghijklmnop"[n]


def keras_ends(row, net):
    """{weft's scope: (layer, whether weft's ends in one more ReLU)}."""
    ends, adds = {}, 0
    rules = [
        (r"block(\d+)_pool", "block{0}"), (r"conv(\d)_block(\d+)_(?:out|concat)", "stage{0-1}.{1-1}"),
        (r"conv(\d)_block(\d+)_concat", "block{0-1}.{1-1}"), (r"pool(\d)_pool", "transition{0-1}"),
        (r"post_relu", "post"), (r"mixed(\d+)", "mixed{0}"), (r"mixed_5b", "stem"), (r"mixed_6a", "reduce_a"),
        (r"mixed_7a", "reduce_b"), (r"block(35|17|8)_(\d+)_ac", "block{0}.{1-1}"), (r"block8_10", "block8.9"),
        (r"conv_7b_ac", "top"), (r"block14_sepconv2_act", "block14"), (r"conv_pw_(\d+)_relu", "unit{0}"),
        (r"expanded_conv_project_BN", "stage1.0"), (r"out_relu", "top"), (r"top_activation", "top"),
        (r"stem_activation", "stem"),
    ]
    for layer in net.layers:
        name, kind = layer.name, type(layer).__name__
        if row.theirs == "Xception" and kind == "Add":
            ends[f"block{adds + 2}"] = layer, False
            adds += 1
        elif row.theirs == "MobileNetV2" and (m := re.fullmatch(r"block_(\d+)_(add|project_BN)", name)):
            k, starts = int(m[1]), (1, 3, 6, 10, 13, 16)
            stage = sum(k >= s for s in starts)
            ends[f"stage{stage + 1}.{k - starts[stage - 1]}"] = layer, False
        elif m := re.fullmatch(r"block(\d)([a-p])_(add|project_bn)", name):
            ends[f"stage{m[1]}.{ord(m[2]) - ord('a')}"] = layer, False
        elif m := re.fullmatch(r"(normal|reduction)_concat_(?:(stem|reduce)_)?(\d+)", name):
            cells, k = 4 if row.theirs == "NASNetMobile" else 6, int(m[3])
            scope = f"stage{k // (cells + 1) + 1}.{k % (cells + 1)}"
            if k > 2 * cells:
                scope = f"stage3.{k - 2 * cells - 1}"
            ends[f"stem{k}" if m[2] == "stem" else f"reduce{k // cells}" if m[2] else scope] = layer, True
        elif kind in ("Conv2D", "BatchNormalization") or row.theirs in ("Xception",) and not name.startswith("block14"):
            if name in ("expanded_conv_project_BN",):
                ends["stage1.0"] = layer, False
        else:
            for pattern, scope in rules:
                if (row.theirs.startswith("DenseNet") and scope.startswith("stage")) or (
                        scope.startswith("transition") and not row.theirs.startswith("DenseNet")):
                    continue
                if m := re.fullmatch(pattern, name):
                    scope = re.sub(r"\{(\d)(-1)?\}", lambda g: str(int(m[int(g[1]) + 1]) - (g[2] is not None)), scope)
                    ends[scope] = layer, False
                    break
    return ends


# ---- PyTorch ----

def build_torch(row, classes):
    import torch
    if row.origin == "timm":
        import timm
        return timm.create_model(row.theirs, pretrained=False, num_classes=classes)
    import torchvision
    options = {"aux_logits": False, "init_weights": False} if row.theirs in ("googlenet", "inception_v3") else {}
    net = getattr(torchvision.models, row.theirs)(weights=None, num_classes=classes, **options)
    if row.theirs in ("alexnet", "vgg16", "vgg19"):  # weft leaves their adaptive pool out: it does nothing at 224 px
        net.avgpool = torch.nn.Identity()
        first = 1 if row.theirs == "alexnet" else 0
        net.classifier[first] = torch.nn.Linear(net.classifier[first].in_features // (36 if first else 49) * 4, 4096)
    if row.dialect == "paper":  # the stride on a unit's first convolution
        for unit in net.modules():
            if type(unit).__name__ == "Bottleneck":
                unit.conv1.stride, unit.conv2.stride = unit.conv2.stride, (1, 1)
    return net


TORCH_RULES = [
    (r"layer(\d)\.(\d+)", "stage{0}.{1}"), (r"inception(\d\w)", "{0}"), (r"features\.transition(\d)", "transition{0}"),
    (r"stages\.(\d)", "stage{0+1}"), (r"blocks\.(\d)\.(\d)", "stage{0+1}.{1}"),
]
VGG = {"vgg16": (4, 9, 16, 23, 30), "vgg19": (4, 9, 18, 27, 36)}
MIXED = "Mixed_5b Mixed_5c Mixed_5d Mixed_6a Mixed_6b Mixed_6c Mixed_6d Mixed_6e Mixed_7a Mixed_7b Mixed_7c".split()
INCEPTION_V4 = ["stem.0"] + [None] * 5 + [f"a.{i}" for i in range(4)] + ["reduce_a.0"] + [f"b.{i}" for i in range(7)] \
    + ["reduce_b.0"] + [f"c.{i}" for i in range(3)]


def torch_ends(row, modules):
    """{weft's scope: (module, whether weft's ends in one more ReLU)}."""
    ends = {}
    unit = re.compile(r"features\.([1-7])\.(\d+)")
    for i, pool in enumerate(VGG.get(row.theirs, ())):
        ends[f"block{i + 1}"] = f"features.{pool}", False
    if row.theirs == "inception_v3":
        return {f"mixed{i}": (m, False) for i, m in enumerate(MIXED)}
    if row.theirs == "inception_v4":
        return {s: (f"features.{i}", False) for i, s in enumerate(INCEPTION_V4) if s and s != "stem.0"}
    if row.theirs == "mobilenet_v2":
        units = [(s, u) for s, n in enumerate((1, 2, 3, 4, 3, 3, 1), 1) for u in range(n)]
        ends = {f"stage{s}.{u}": (f"features.{i + 1}", False) for i, (s, u) in enumerate(units)}
        ends["top"] = "features.18", False
    if row.theirs.startswith("efficientnet"):
        ends = {f"stage{m[1]}.{m[2]}": (n, False) for n in modules if (m := unit.fullmatch(n))}
        ends["stem"], ends["top"] = ("features.0", False), ("features.8", False)
    if row.theirs.startswith("densenet"):
        for b in range(1, 5):
            last = max(int(n.split("denselayer")[1]) for n in modules
                       if re.fullmatch(rf"features\.denseblock{b}\.denselayer\d+", n))
            ends[f"block{b}.{last - 1}"] = f"features.denseblock{b}", False
        ends["post"] = "features.norm5", True
    for name in modules:
        for pattern, scope in TORCH_RULES:
            if m := re.fullmatch(pattern, name):
                ends[re.sub(r"\{(\d)(\+1)?\}", lambda g: m[int(g[1]) + 1] if g[2] is None
                            else str(int(m[int(g[1]) + 1]) + 1), scope)] = name, False
    return ends
