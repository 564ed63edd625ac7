# SPDX-License-Identifier: Apache-2.0
"""The peers' networks, and what all contenders of one share: weights, images and the outputs that PyTorch has of them.

A network is torchvision's by its name, timm's by timm/NAME, pytorchcv's by pytorchcv/NAME. Its weights are random,
from a fixed seed, but its batch norms have the statistics of a few images: values then keep their size through the
network, and outputs tell two networks apart. They are kept as a state dictionary, which weft reads like any other.
"""
import contextlib
import os


class Missing(Exception):
    """A package that this contender needs is not installed."""


def need(module, package=None):
    try:
        return __import__(module)
    except ImportError:
        raise Missing(f"{package or module} not installed") from None


def fashion_cnn(nn):
    """The CNN for Fashion-MNIST of Geron 2022, chapter 14."""
    def conv(channels, out, kernel):
        return nn.Conv2d(channels, out, kernel, padding="same"), nn.ReLU()
    return nn.Sequential(
        *conv(1, 64, 7), nn.MaxPool2d(2), *conv(64, 128, 3), *conv(128, 128, 3), nn.MaxPool2d(2), *conv(128, 256, 3),
        *conv(256, 256, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2304, 128), nn.ReLU(), nn.Dropout(),
        nn.Linear(128, 64), nn.ReLU(), nn.Dropout(), nn.Linear(64, 10)).eval()


def network(name):
    """The network with random weights of a fixed seed, ready for inference."""
    torch = need("torch")
    torch.manual_seed(0)
    if name == "fashion_cnn":
        return fashion_cnn(torch.nn)
    if name.startswith("timm/"):
        return need("timm").create_model(name[5:], pretrained=False).eval()
    if name.startswith("pytorchcv/"):
        need("pytorchcv")
        from pytorchcv.model_provider import get_model
        return get_model(name[10:], pretrained=False).eval()
    vision = need("torchvision")
    builder = getattr(vision.models, name, None)
    if builder is None:
        raise Missing(f"torchvision {vision.__version__} has no {name}")
    extra = {"init_weights": True} if name in ("inception_v3", "googlenet") else {}
    return builder(weights=None, **extra).eval()


def channels_of(net):
    return next(p for p in net.parameters() if p.dim() == 4).shape[1]


def count(torch, net, px):
    """Multiply-adds of convolutions and dense layers of one image, and parameters."""
    from torch.utils.flop_counter import FlopCounterMode
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(torch.zeros(1, channels_of(net), px, px))
    return counter.get_total_flops() // 2, sum(p.numel() for p in net.parameters())


LOOKED_AT = 4  # images at most whose outputs are compared


def shared(work, net, px, batch):
    """Where the network's weights, its images (N H W C, fp32) and PyTorch's outputs of the first of them are."""
    stem = os.path.join(work, f"{net.replace('/', '-')}-{px}")
    return {"weights": f"{stem}.pth", "images": f"{stem}-b{batch}.images.f32", "outputs": f"{stem}-b{batch}.out.f32"}


def kept(path, write):
    """Makes a file whole or not at all, even if another process makes it, too."""
    if not os.path.exists(path):
        aside = f"{path}.{os.getpid()}.tmp"
        write(aside)
        os.replace(aside, path)


def calibrate(torch, net, images):
    """Gives the batch norms the statistics of these images."""
    norms = [m for m in net.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    momenta = [m.momentum for m in norms]
    for m in norms:
        m.train().momentum = 1.0
    with torch.no_grad():
        net(images)
    for m, momentum in zip(norms, momenta):
        m.eval().momentum = momentum


def share(args):
    """Makes what contenders share, and the files of those that read files: exporting in a contender's own process would
    count PyTorch's memory as its. Answers with the paths."""
    torch = need("torch")
    import numpy
    torch.set_num_threads(args.threads)
    paths = shared(args.work, args.net, args.px, args.batch)
    net = network(args.net)
    some = max(args.batch, LOOKED_AT)
    images = numpy.random.default_rng(0).standard_normal((some, args.px, args.px, channels_of(net)), numpy.float32)
    first = torch.from_numpy(images[:LOOKED_AT].transpose(0, 3, 1, 2).copy())
    if os.path.exists(paths["weights"]):
        net.load_state_dict(torch.load(paths["weights"]))
    else:
        calibrate(torch, net, first)
        kept(paths["weights"], lambda path: torch.save(net.state_dict(), path))
    kept(paths["images"], images[:args.batch].tofile)
    with torch.no_grad():
        kept(paths["outputs"], net(first[:args.batch]).numpy().tofile)
    for name, make in EXPORTS.items():
        if name in args.exports.split(","):
            with contextlib.suppress(Exception):  # the contender tries again, and says why it cannot
                make(args)
    return paths


def loaded(args):
    """The network with the shared weights, if there are any: steps of training have their own."""
    net = network(args.net)
    path = shared(args.work, args.net, args.px, args.batch)["weights"]
    if args.mode == "infer" and os.path.exists(path):
        net.load_state_dict(need("torch").load(path))
    return net


def images_of(args, channels=3):
    """The batch as N C H W, the shared one if there is one."""
    import numpy
    path = shared(args.work, args.net, args.px, args.batch)["images"]
    if args.mode == "infer" and os.path.exists(path):
        images = numpy.fromfile(path, numpy.float32).reshape(args.batch, args.px, args.px, -1)
    else:
        images = numpy.random.default_rng(0).standard_normal((args.batch, args.px, args.px, channels), numpy.float32)
    return numpy.ascontiguousarray(images.transpose(0, 3, 1, 2))


def onnx_file(args):
    """Exports the network with a fixed batch; kept in the work folder for the contenders that read ONNX."""
    path = os.path.join(args.work, f"{args.net.replace('/', '-')}-{args.px}-b{args.batch}.onnx")
    if os.path.exists(path):
        return path
    torch = need("torch")
    need("onnx")
    net = loaded(args)
    x = torch.randn(args.batch, channels_of(net), args.px, args.px)

    def write(aside):
        with torch.no_grad():
            torch.onnx.export(net, (x,), aside, opset_version=17, dynamo=False, input_names=["x"],
                              output_names=["y"], do_constant_folding=True)

    kept(path, write)
    return path


def ncnn_files(args, half):
    """The network as ncnn's two files, by pnnx: of one image, since ncnn knows no batch. half: weights in fp16, as
    pnnx keeps them unless it is told otherwise."""
    folder = os.path.join(args.work, f"{args.net.replace('/', '-')}-{args.px}-ncnn{'-half' if half else ''}")
    files = [os.path.join(folder, "net.ncnn.param"), os.path.join(folder, "net.ncnn.bin")]
    if not all(map(os.path.exists, files)):
        torch = need("torch")
        pnnx = need("pnnx")
        net = loaded(args)
        aside = f"{folder}.{os.getpid()}.tmp"
        os.makedirs(aside)
        with torch.no_grad():
            pnnx.export(net, os.path.join(aside, "net.pt"), torch.zeros(1, channels_of(net), args.px, args.px),
                        fp16=half)
        os.rename(aside, folder)
    if not all(map(os.path.exists, files)):
        raise Missing("pnnx made no network of ncnn of it")
    return files


EXPORTS = {"onnxruntime": onnx_file, "openvino": onnx_file, "ncnn": lambda args: ncnn_files(args, args.own_precision)}
