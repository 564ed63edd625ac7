# SPDX-License-Identifier: Apache-2.0
"""One peer framework holding one network, driven over stdin and stdout by peers.py.

Every contender of a comparison is a process of its own, so that one framework's spinning threads, allocator and
settings cannot disturb another's. The protocol is that of weft_runner.c:

    on start    one JSON line with what was built ("ready": true) or why not ("skip": reason)
    "run N"     runs the network (or a whole step of training) N times; answers one line of N times in milliseconds
    "quit"      ends (so does the end of the input)

On a GPU the images lie on the device and the N runs of one command follow each other without a wait; their times are
those between CUDA events.
"""
import argparse
import io
import json
import os
import sys
import time


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
    """The network of torchvision (or timm, for "timm/NAME") with random weights, ready for inference."""
    torch = need("torch")
    torch.manual_seed(0)
    if name == "fashion_cnn":
        return fashion_cnn(torch.nn)
    if name.startswith("timm/"):
        return need("timm").create_model(name[5:], pretrained=False).eval()
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


def place(torch, args):
    """Where a network's tensors go: arguments of `to`, after the arithmetic that --precision asks for is set."""
    if args.device == "cpu":
        return {"memory_format": torch.channels_last}
    if not torch.cuda.is_available():
        raise Missing("PyTorch sees no GPU")
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = args.precision == "tf32"
    kind = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(args.precision, torch.float32)
    return {"device": args.device, "dtype": kind, "memory_format": torch.channels_last}


def facts_of(torch, args, macs, params):
    facts = {"version": torch.__version__, "macs": macs, "params": params}
    if args.device != "cpu":
        facts |= {"device": torch.cuda.get_device_name(), "cudnn": torch.backends.cudnn.version(),
                  "cuda": torch.version.cuda}
    return facts


def torch_contender(args, how):
    torch = need("torch")
    torch.set_num_threads(args.threads)
    net = network(args.net)
    macs, params = count(torch, net, args.px)
    placed = place(torch, args)
    net = net.to(**placed)
    x = torch.randn(args.batch, channels_of(net), args.px, args.px).to(**placed)
    inference = how != "trace"
    with torch.inference_mode(inference), torch.no_grad():
        if how in COMPILED:
            import torch._inductor.config as inductor
            inductor.freezing = True
            net = torch.compile(net, mode=COMPILED[how], dynamic=False)
        elif how == "trace":
            net = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, x)))
        for _ in range(1 if args.device == "cpu" else 3):
            net(x)

    def run():
        with torch.inference_mode(inference), torch.no_grad():
            net(x)

    return run, facts_of(torch, args, macs, params)


def torch_trainer(args, how):
    """Whole steps: forward, backward, SGD with momentum and weight decay. On a GPU the parameters are fp32, the
    arithmetic is autocast's, fp16's gradients are scaled, and the optimiser is the fused one."""
    torch = need("torch")
    torch.set_num_threads(args.threads)
    net = network(args.net)
    macs, params = count(torch, net, args.px)
    placed = place(torch, args)
    kind = placed.pop("dtype", torch.float32)
    gpu, half = args.device != "cpu", kind != torch.float32
    net = net.train().to(**placed)
    x = torch.randn(args.batch, channels_of(net), args.px, args.px).to(**placed)
    classes = [m for m in net.modules() if isinstance(m, torch.nn.Linear)][-1].out_features
    labels = (torch.arange(args.batch) % classes).to(x.device)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=.9, weight_decay=1e-4, fused=gpu)
    scaler = torch.amp.GradScaler(x.device.type, enabled=kind == torch.float16)
    loss_of = torch.nn.functional.cross_entropy
    forward = torch.compile(net, mode=COMPILED[how]) if how in COMPILED else net

    def run():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(x.device.type, kind if half else None, enabled=half):
            loss = loss_of(forward(x), labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    for _ in range(3 if gpu else 1):
        run()
    return run, facts_of(torch, args, macs, params)


def onnx_file(args):
    """Exports the network with a fixed batch; kept in the work folder for the contenders that read ONNX."""
    path = os.path.join(args.work, f"{args.net.replace('/', '-')}-{args.px}-b{args.batch}.onnx")
    if os.path.exists(path):
        return path
    torch = need("torch")
    need("onnx")
    net, x = network(args.net), torch.randn(args.batch, 3, args.px, args.px)
    kept = f"{path}.{os.getpid()}.tmp"
    with torch.no_grad():
        torch.onnx.export(net, (x,), kept, opset_version=17, dynamo=False, input_names=["x"], output_names=["y"],
                          do_constant_folding=True)
    os.replace(kept, path)
    return path


def onnxruntime_contender(args):
    ort = need("onnxruntime")
    import numpy
    opt = ort.SessionOptions()
    opt.intra_op_num_threads, opt.inter_op_num_threads = args.threads, 1
    opt.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    opt.log_severity_level = 3
    if args.device != "cpu":
        raise Missing("compared on the CPU alone")
    session = ort.InferenceSession(onnx_file(args), opt, providers=["CPUExecutionProvider"])
    x = numpy.random.default_rng(0).standard_normal((args.batch, 3, args.px, args.px), numpy.float32)
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: x}), {"version": ort.__version__}


def openvino_contender(args):
    ov = need("openvino")
    import numpy
    if args.device != "cpu":
        raise Missing("runs on no NVIDIA GPU")
    core = ov.Core()
    # f32: on CPUs with bf16 the plug-in would otherwise halve the precision by itself.
    compiled = core.compile_model(core.read_model(onnx_file(args)), "CPU", {
        "INFERENCE_NUM_THREADS": args.threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False})
    request = compiled.create_infer_request()
    x = numpy.random.default_rng(0).standard_normal((args.batch, 3, args.px, args.px), numpy.float32)
    request.set_input_tensor(ov.Tensor(x, shared_memory=True))

    def run(kept=x):  # the tensor borrows x without holding it
        request.infer()

    return run, {"version": ov.__version__.split("-")[0],
                 "threads": int(compiled.get_property("INFERENCE_NUM_THREADS"))}


# torch.compile's modes; the last two record CUDA graphs.
COMPILED = {"compile": None, "reduce-overhead": "reduce-overhead", "max-autotune": "max-autotune"}

CONTENDERS = {
    "torch-eager": lambda a: torch_contender(a, "eager"),
    "torch-compile": lambda a: torch_contender(a, "compile"),
    "torch-reduce-overhead": lambda a: torch_contender(a, "reduce-overhead"),
    "torch-max-autotune": lambda a: torch_contender(a, "max-autotune"),
    "torch-trace": lambda a: torch_contender(a, "trace"),
    "onnxruntime": onnxruntime_contender,
    "openvino": openvino_contender,
}
TRAINERS = {
    "torch-eager": lambda a: torch_trainer(a, "eager"),
    "torch-compile": lambda a: torch_trainer(a, "compile"),
    "torch-reduce-overhead": lambda a: torch_trainer(a, "reduce-overhead"),
}


def times_on_cpu(run, count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def times_on_gpu(run, count):
    import torch
    events = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
    torch.cuda.synchronize()
    for event in events[:-1]:
        event.record()
        run()
    events[-1].record()
    torch.cuda.synchronize()
    return [start.elapsed_time(end) for start, end in zip(events, events[1:])]


def serve(run, replies, clock):
    for line in sys.stdin:
        words = line.split()
        if not words or words[0] == "quit":
            break
        print(" ".join(f"{t:.4f}" for t in clock(run, int(words[1]))), file=replies, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("net", help="torchvision's name, such as efficientnet_b0, or timm/NAME")
    parser.add_argument("--px", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", default=".", help="folder for exported networks")
    parser.add_argument("--mode", choices=("infer", "train"), default="infer")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--precision", choices=("fp32", "tf32", "fp16", "bf16"), default="fp32")
    args = parser.parse_args()

    # Frameworks chat on stdout: keep the protocol's channel apart and send the rest to stderr.
    replies = io.TextIOWrapper(os.fdopen(os.dup(1), "wb"), line_buffering=True)
    os.dup2(2, 1)
    try:
        contenders = TRAINERS if args.mode == "train" else CONTENDERS
        if args.contender not in contenders:
            raise Missing("does not train")
        run, facts = contenders[args.contender](args)
    except Missing as missing:
        print(json.dumps({"skip": str(missing)}), file=replies, flush=True)
        return 0
    except Exception as error:  # whatever a framework raises is its reason for not taking part
        print(json.dumps({"skip": f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"}),
              file=replies, flush=True)
        return 0
    print(json.dumps({"ready": True, **facts}), file=replies, flush=True)
    serve(run, replies, times_on_cpu if args.device == "cpu" else times_on_gpu)
    return 0


if __name__ == "__main__":
    sys.exit(main())
