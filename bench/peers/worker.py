# SPDX-License-Identifier: Apache-2.0
"""One peer framework holding one network, driven over stdin and stdout by peers.py.

Every contender of a comparison is a process of its own, so that one framework's spinning threads, allocator and
settings cannot disturb another's. The protocol is that of weft_runner.c:

    on start    one JSON line with what was built ("ready": true) or why not ("skip": reason)
    "run N"     runs the network (or a whole step of training) N times; answers one line of N pairs, wall/processor time
                in milliseconds
    "output F"  runs the network and writes its output to the file F as fp32; answers "ok"
    "quit"      ends (so does the end of the input)

The contender "share" makes the weights and images that all contenders of a network share, and ends.

On a GPU the images lie on the device and the N runs of one command follow each other without a wait; their times are
those between CUDA events.
"""
import argparse
import io
import json
import os
import sys
import time

from networks import Missing, channels_of, count, images_of, loaded, ncnn_files, need, network, onnx_file, share


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
    facts = {"version": torch.__version__, "macs": macs, "params": params, "precision": args.precision}
    if args.device == "cpu":
        facts["isa"] = torch.backends.cpu.get_cpu_capability()
    else:
        facts |= {"device": torch.cuda.get_device_name(), "cudnn": torch.backends.cudnn.version(),
                  "cuda": torch.version.cuda}
    return facts


def torch_contender(args, how):
    torch = need("torch")
    torch.set_num_threads(args.threads)
    net = loaded(args)
    macs, params = count(torch, net, args.px)
    placed = place(torch, args)
    net = net.to(**placed)
    x = torch.from_numpy(images_of(args, channels_of(net))).to(**placed)
    inference = how != "trace"
    with torch.inference_mode(inference), torch.no_grad():
        if how in COMPILED:
            import torch._inductor.config as inductor
            inductor.freezing = True
            if os.environ.get("ATEN_CPU_CAPABILITY") == "avx2":
                inductor.cpp.simdlen = 256
            net = torch.compile(net, mode=COMPILED[how], dynamic=False)
        elif how == "trace":
            net = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, x)))
        for _ in range(1 if args.device == "cpu" else 3):
            net(x)

    def run():
        with torch.inference_mode(inference), torch.no_grad():
            return net(x)

    return run, facts_of(torch, args, macs, params), lambda y: y.float().cpu().contiguous().numpy()


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
    return run, facts_of(torch, args, macs, params), None


def onnxruntime_contender(args):
    ort = need("onnxruntime")
    opt = ort.SessionOptions()
    opt.intra_op_num_threads, opt.inter_op_num_threads = args.threads, 1
    opt.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    opt.log_severity_level = 3
    if args.device != "cpu":
        raise Missing("compared on the CPU alone")
    session = ort.InferenceSession(onnx_file(args), opt, providers=["CPUExecutionProvider"])
    name, x = session.get_inputs()[0].name, images_of(args)
    return lambda: session.run(None, {name: x}), {"version": ort.__version__, "precision": "fp32"}, lambda y: y[0]


def openvino_contender(args):
    ov = need("openvino")
    if args.device != "cpu":
        raise Missing("runs on no NVIDIA GPU")
    core = ov.Core()
    settings = {"INFERENCE_NUM_THREADS": args.threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
                "ENABLE_CPU_PINNING": False}
    if not args.own_precision:  # on CPUs with bf16 the plug-in would otherwise halve the precision by itself
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    compiled = core.compile_model(core.read_model(onnx_file(args)), "CPU", settings)
    request, x = compiled.create_infer_request(), images_of(args)
    request.set_input_tensor(ov.Tensor(x, shared_memory=True))

    def run(kept=x):  # the tensor borrows x without holding it
        request.infer()
        return request

    precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    return run, {"version": ov.__version__.split("-")[0], "precision": PRECISIONS.get(precision, precision),
                 "threads": int(compiled.get_property("INFERENCE_NUM_THREADS"))}, \
        lambda done: done.get_output_tensor(0).data.astype("float32")


def ncnn_contender(args):
    """One image after the other on all threads: ncnn knows no batch."""
    ncnn = need("ncnn")
    import numpy
    if args.device != "cpu":
        raise Missing("compared on the CPU alone")
    files = ncnn_files(args, args.own_precision)
    net = ncnn.Net()
    net.opt.num_threads = args.threads
    net.opt.use_vulkan_compute = False
    if not args.own_precision:
        for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
            setattr(net.opt, name, False)
    if net.load_param(files[0]) or net.load_model(files[1]):
        raise Missing("ncnn does not read what pnnx made of the network")
    images = [ncnn.Mat(image).clone() for image in images_of(args)]

    def run():
        outputs = []
        for image in images:
            extractor = net.create_extractor()
            extractor.input("in0", image)
            status, output = extractor.extract("out0")
            if status:
                raise RuntimeError(f"ncnn's extractor: {status}")
            outputs.append(output)
        return outputs

    half = args.own_precision and (net.opt.use_fp16_storage or net.opt.use_fp16_arithmetic)
    facts = {"version": ncnn.__version__, "precision": "its own, weights fp16" if half else "fp32"}
    if args.batch > 1:
        facts["note"] = f"{args.batch} images one after the other: it has no batch"
    run()
    return run, facts, lambda outputs: numpy.stack([numpy.array(y).reshape(-1) for y in outputs]).astype("float32")


PRECISIONS = {"f32": "fp32", "f16": "fp16"}

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
    "ncnn": ncnn_contender,
}
TRAINERS = {
    "torch-eager": lambda a: torch_trainer(a, "eager"),
    "torch-compile": lambda a: torch_trainer(a, "compile"),
    "torch-reduce-overhead": lambda a: torch_trainer(a, "reduce-overhead"),
}


def times_on_cpu(run, count):
    """Wall and processor time of each run, of all threads, in milliseconds."""
    times = []
    for _ in range(count):
        start, busy = time.perf_counter(), time.process_time()
        run()
        times.append(((time.perf_counter() - start) * 1e3, (time.process_time() - busy) * 1e3))
    return times


def times_on_gpu(run, count):
    import torch
    events = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
    torch.cuda.synchronize()
    busy = time.process_time()
    for event in events[:-1]:
        event.record()
        run()
    events[-1].record()
    torch.cuda.synchronize()
    busy = (time.process_time() - busy) * 1e3 / count
    return [(start.elapsed_time(end), busy) for start, end in zip(events, events[1:])]


def serve(run, fetch, replies, clock):
    for line in sys.stdin:
        words = line.split(maxsplit=1)
        if not words or words[0] == "quit":
            break
        if words[0] == "run":
            print(" ".join(f"{t:.4f}/{busy:.4f}" for t, busy in clock(run, int(words[1]))), file=replies, flush=True)
        elif words[0] == "output":
            fetch(run()).tofile(words[1].rstrip("\n"))
            print("ok", file=replies, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contender", choices=[*CONTENDERS, "share"])
    parser.add_argument("net", help="torchvision's name, such as efficientnet_b0, or timm/NAME, or pytorchcv/NAME")
    parser.add_argument("--px", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", default=".", help="folder for exported networks")
    parser.add_argument("--mode", choices=("infer", "train"), default="infer")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--precision", choices=("fp32", "tf32", "fp16", "bf16"), default="fp32")
    parser.add_argument("--exports", default="", help="share: contenders, by comma, whose files are made, too")
    parser.add_argument("--own-precision", action="store_true", help="leave the precision to the framework")
    args = parser.parse_args()

    # Frameworks chat on stdout: keep the protocol's channel apart and send the rest to stderr.
    replies = io.TextIOWrapper(os.fdopen(os.dup(1), "wb"), line_buffering=True)
    os.dup2(2, 1)
    try:
        if args.contender == "share":
            print(json.dumps(share(args)), file=replies, flush=True)
            return 0
        contenders = TRAINERS if args.mode == "train" else CONTENDERS
        if args.contender not in contenders:
            raise Missing("does not train")
        run, facts, fetch = contenders[args.contender](args)
    except Missing as missing:
        print(json.dumps({"skip": str(missing)}), file=replies, flush=True)
        return 0
    except Exception as error:  # whatever a framework raises is its reason for not taking part
        print(json.dumps({"skip": f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"}),
              file=replies, flush=True)
        return 0
    print(json.dumps({"ready": True, **facts}), file=replies, flush=True)
    serve(run, fetch, replies, times_on_cpu if args.device == "cpu" else times_on_gpu)
    return 0


if __name__ == "__main__":
    sys.exit(main())
