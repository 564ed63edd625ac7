#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""For developers: compares weft with torchvision, timm and transformers, network by network.

Makes each network with random weights and random batch-norm statistics, saves it as .pth, as .safetensors or whole
(module: as torch.save(model) does), has libweft read, map and run the file, and compares the logits (relative L2;
strict math; fp64 in PyTorch). Needs torch, torchvision, timm, transformers, safetensors and numpy; the test suite needs
none of this.

    check_torch.py build/libweft.so [--names FILE] [PATTERN...]

PATTERN picks lines by "origin/network". --names writes the real names and shapes of every network to FILE instead,
which is how the suite's tests/weights/names-torch.gz is made.
"""
import argparse, ctypes as C, fnmatch, gzip, os, sys, tempfile

import numpy as np
import torch

RESNETS = [f"resnet{n}" for n in (18, 34, 50, 101, 152)]
EFFICIENT = [f"efficientnet-b{n}" for n in range(8)]


def same(names):
    return {n: n.replace("-", "_") for n in names}


# transformers has a class for each family, which is told how deep and wide it is.
BASIC, BOTTLENECK = ("basic", [64, 128, 256, 512]), ("bottleneck", [256, 512, 1024, 2048])
UNITS = {"resnet18": (BASIC, [2, 2, 2, 2]), "resnet34": (BASIC, [3, 4, 6, 3]), "resnet50": (BOTTLENECK, [3, 4, 6, 3]),
         "resnet101": (BOTTLENECK, [3, 4, 23, 3]), "resnet152": (BOTTLENECK, [3, 8, 36, 3])}
COMPOUND = [(1., 1., 1280), (1., 1.1, 1280), (1.1, 1.2, 1408), (1.2, 1.4, 1536), (1.4, 1.8, 1792), (1.6, 2.2, 2048),
            (1.8, 2.6, 2304), (2., 3.1, 2560)]
TRANSFORMERS = {
    **{n: ("ResNet", dict(layer_type=kind[0], hidden_sizes=kind[1], depths=units))
       for n, (kind, units) in UNITS.items()},
    **{"mobilenet" + (f"-{w}" if w < 1 else ""): ("MobileNetV1", dict(depth_multiplier=w)) for w in (1., .75, .5, .25)},
    "mobilenetv2": ("MobileNetV2", {}),
    **{f"efficientnet-b{n}": ("EfficientNet", dict(width_coefficient=w, depth_coefficient=d, hidden_dim=top))
       for n, (w, d, top) in enumerate(COMPOUND)},
}

# weft's name, dialect -> the origin's name
NETWORKS = {
    "torchvision": {
        **{(n, "torch"): t for n, t in same(RESNETS).items()},
        **{(n, "torch"): t for n, t in same(EFFICIENT).items()},
        **{(f"densenet{n}", "torch"): f"densenet{n}" for n in (121, 169, 201)},
        ("alexnet", "torch"): "alexnet",
        ("googlenet", "torch"): "googlenet",
        ("vgg16", "torch"): "vgg16",
        ("vgg19", "torch"): "vgg19",
        ("inception-v3", "torch"): "inception_v3",
        ("resnext50-32x4d", "torch"): "resnext50_32x4d",
        ("resnext101-32x8d", "torch"): "resnext101_32x8d",
        ("resnext101-64x4d", "torch"): "resnext101_64x4d",
        ("mobilenetv2", "torch"): "mobilenet_v2",
    },
    "timm": {
        **{(n, "torch"): t for n, t in same(RESNETS).items()},
        **{(n, "torch"): t for n, t in same(EFFICIENT).items()},
        **{(n, "keras"): "tf_" + t for n, t in same(EFFICIENT).items()},
        **{(f"efficientnet-lite{n}", "torch"): f"tf_efficientnet_lite{n}" for n in range(5)},
        **{(f"densenet{n}", "torch"): f"densenet{n}" for n in (121, 169, 201)},
        **{(f"se-resnet{n}", "torch"): f"legacy_seresnet{n}" for n in (18, 34, 50, 101, 152)},
        ("se-resnext50-32x4d", "torch"): "legacy_seresnext50_32x4d",
        ("se-resnext101-32x4d", "torch"): "legacy_seresnext101_32x4d",
        ("senet154", "torch"): "legacy_senet154",
        ("vgg16", "torch"): "vgg16",
        ("vgg19", "torch"): "vgg19",
        ("inception-v3", "torch"): "inception_v3",
        ("inception-v4", "torch"): "inception_v4",
        ("inception-resnet-v2", "keras"): "inception_resnet_v2",
        ("resnext50-32x4d", "torch"): "resnext50_32x4d",
        ("resnext101-32x4d", "torch"): "resnext101_32x4d",
        ("resnext101-32x8d", "torch"): "resnext101_32x8d",
        ("resnext101-64x4d", "torch"): "resnext101_64x4d",
        ("mobilenetv2", "torch"): "mobilenetv2_100",
        ("cspresnet50", "torch"): "cspresnet50",
        ("cspresnext50", "torch"): "cspresnext50",
        ("cspdarknet53", "torch"): "cspdarknet53",
    },
    "transformers": {(n, "torch" if n.startswith("resnet") else "keras"): n for n in TRANSFORMERS},
}
# Smaller images where the network takes them; others run at their own size.
PX = {"vgg16": 224, "vgg19": 224, "alexnet": 224, "inception-v3": 139, "inception-v4": 139,
      "inception-resnet-v2": 139}
DIALECTS = ["default", "paper", "keras", "torch"]


def make(origin, name, **how):
    if origin == "torchvision":
        import torchvision
        if name in ("googlenet", "inception_v3"):
            how["init_weights"] = False
        return torchvision.models.get_model(name, weights=None, **how)
    if origin == "transformers":
        import transformers
        kind, settings = TRANSFORMERS[name]
        config = getattr(transformers, kind + "Config")(num_labels=1000, **settings)
        return getattr(transformers, kind + "ForImageClassification")(config)
    import timm
    return timm.create_model(name, pretrained=False, **how)


def shuffle(net):
    """Statistics and factors that a mistake would show in, and logits of about 1."""
    with torch.no_grad():
        for m in net.modules():
            if isinstance(m, torch.nn.BatchNorm2d):
                m.running_mean.normal_(0, 0.1)
                m.running_var.uniform_(0.5, 1.5)
                m.weight.uniform_(0.5, 1.0)
                m.bias.normal_(0, 0.1)
            elif isinstance(m, (torch.nn.Conv2d, torch.nn.Linear)):
                torch.nn.init.kaiming_normal_(m.weight)
                if m.bias is not None:
                    m.bias.normal_(0, 0.05)


class Weft:
    """libweft, by ctypes."""

    class Shape(C.Structure):
        _fields_ = [("rank", C.c_int), ("dim", C.c_int64 * 6)]

    class Port(C.Structure):
        pass

    class Arch(C.Structure):
        _fields_ = [("dialect", C.c_int), ("batch", C.c_int64), ("px", C.c_int), ("classes", C.c_int),
                    ("no_softmax", C.c_bool), ("aux", C.c_bool)]

    class Map(C.Structure):
        _fields_ = [("origin", C.c_int), ("lenient", C.c_bool), ("classes", C.c_int)]

    class Report(C.Structure):
        _fields_ = [("origin", C.c_int), ("mapped", C.c_int64), ("missing_count", C.c_int64), ("missing", C.c_void_p),
                    ("unused_count", C.c_int64), ("unused", C.c_void_p), ("ignored_count", C.c_int64),
                    ("ignored", C.c_void_p), ("nearest", C.c_char_p)]

    def __init__(self, path):
        self.lib = C.CDLL(path)
        self.lib.weft_error.restype = C.c_char_p
        self.Port._fields_ = [("name", C.c_char_p), ("shape", self.Shape), ("dtype", C.c_int)]
        self.ctx = C.c_void_p()
        # device, threads, isa, math (1: strict); the rest zeros
        options = (C.c_char * 256)()
        C.c_int.from_buffer(options, 24).value = 1
        self.ok(self.lib.weft_ctx_create(options, C.byref(self.ctx)))

    def ok(self, status):
        if status:
            raise RuntimeError(self.lib.weft_error().decode())

    def run(self, arch, dialect, path, x):
        lib, ctx, held = self.lib, self.ctx, []
        weights, mapped, graph, model = C.c_void_p(), C.c_void_p(), C.c_void_p(), C.c_void_p()
        report = C.POINTER(self.Report)()
        try:
            self.ok(lib.weft_weights_read(ctx, path.encode(), 0, C.byref(weights)))
            self.ok(lib.weft_weights_map(ctx, weights, arch.encode(), dialect, None, C.byref(report), C.byref(mapped)))
            opt = self.Arch(dialect=dialect, batch=x.shape[0], px=x.shape[1], no_softmax=True)
            self.ok(lib.weft_arch_build(ctx, arch.encode(), C.byref(opt), C.byref(graph)))
            self.ok(lib.weft_model_create(ctx, graph, None, C.byref(model)))
            self.ok(lib.weft_model_load(model, mapped))
            port = self.Port()
            self.ok(lib.weft_model_output(model, 0, C.byref(port)))
            y = np.empty(port.shape.dim[:port.shape.rank], np.float32)
            x = np.ascontiguousarray(x, np.float32)
            self.ok(lib.weft_model_set_input(model, 0, x.ctypes.data_as(C.c_void_p), C.c_size_t(x.nbytes)))
            self.ok(lib.weft_model_run(model))
            self.ok(lib.weft_model_get_output(model, 0, y.ctypes.data_as(C.c_void_p), C.c_size_t(y.nbytes)))
            return y, report.contents.origin, report.contents.mapped, report.contents.ignored_count
        finally:
            lib.weft_model_destroy(model)
            lib.weft_graph_destroy(graph)
            lib.weft_map_report_destroy(ctx, report)
            lib.weft_weights_destroy(mapped)
            lib.weft_weights_destroy(weights)


def check(weft, origin, arch, dialect, name, folder, kind):
    torch.manual_seed(1)
    net = make(origin, name).eval()
    shuffle(net)
    px = PX.get(arch, 128)
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 255, (1, px, px, 3)).astype(np.float32) if dialect == "keras" and "efficient" in arch else \
        rng.standard_normal((1, px, px, 3)).astype(np.float32)
    seen = x
    if dialect == "keras" and "efficient" in arch:  # weft normalises inside
        seen = (x / 255 - np.array([.485, .456, .406])) / np.array([.229, .224, .225])
    path = os.path.join(folder, f"{arch}.{kind}")
    state = net.state_dict()
    if kind == "pth":
        torch.save(state, path)
    elif kind == "module":
        torch.save(net, path)
    else:
        import safetensors.torch
        safetensors.torch.save_file(state, path)
    del state
    if hasattr(net, "transform_input"):
        net.transform_input = False
    with torch.no_grad():
        want = net.double()(torch.from_numpy(seen.transpose(0, 3, 1, 2).copy()).double())
    want = want.logits if origin == "transformers" else want
    want = (want[0] if isinstance(want, tuple) else want).numpy()
    del net
    try:
        got, which, mapped, ignored = weft.run(arch, DIALECTS.index(dialect), path, x)
    finally:
        os.unlink(path)
    error = np.linalg.norm(got - want) / np.linalg.norm(want)
    return error, which, mapped, ignored


def names(path, which):
    """All networks in one file: "= origin arch dialect", then "name 64,3,7,7" for each tensor ("-": a scalar)."""
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as out:
        for origin, arch, dialect, name in which:
            with torch.device("meta"):
                state = make(origin, name).state_dict()
            out.write(f"= {origin} {arch} {dialect}\n".encode())
            for key, t in state.items():
                out.write(f"{key} {','.join(map(str, t.shape)) or '-'}\n".encode())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("pattern", nargs="*")
    parser.add_argument("--names", metavar="FILE")
    parser.add_argument("--format", choices=["pth", "safetensors", "both", "module"], default="both")
    args = parser.parse_intermixed_args()
    which = [(origin, arch, dialect, name) for origin, nets in NETWORKS.items()
             for (arch, dialect), name in nets.items()
             if not args.pattern or any(fnmatch.fnmatch(f"{origin}/{arch}", p) for p in args.pattern)]
    if args.names:
        return names(args.names, which)
    torch.set_num_threads(2)
    weft, failed = Weft(args.library), 0
    with tempfile.TemporaryDirectory() as folder:
        for i, (origin, arch, dialect, name) in enumerate(which):
            kind = args.format if args.format != "both" else ["pth", "safetensors"][i % 2]
            try:
                error, by, mapped, ignored = check(weft, origin, arch, dialect, name, folder, kind)
                verdict = "ok" if error <= 1e-5 else "WRONG"
                text = f"{error:.2e} {mapped:5d} tensors, {ignored:4d} ignored"
            except RuntimeError as e:
                verdict, text = "FAILED", str(e)
            failed += verdict != "ok"
            print(f"{verdict:6} {origin}/{arch} ({dialect}) {name} {kind}: {text}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
