#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares weft with PyTorch, ONNX Runtime, OpenVINO and ncnn on this machine's CPU, or with PyTorch on its GPU.

All contenders load the same network, the same batch and the same number of threads, each in a process of its own; then
they take turns, one run each per round, so that clock changes and neighbours hit all alike. Weights and images are the
same, too (of weft where it has the peers' dialect), and outputs are compared. Printed per network: median and least
milliseconds per batch, processor time, and how many times as fast as each peer weft is.

    python3 bench/peers/peers.py --runner build/bench/weft_runner --json peers.json --md peers.md
    python3 bench/peers/peers.py --runner build/bench/weft_runner --isa avx2
    python3 bench/peers/peers.py --runner build/bench/weft_runner --train
    python3 bench/peers/peers.py --runner build/bench/weft_runner --device cuda --precision fp16 --ahead

With --train they make whole steps of training: forward, backward, SGD with momentum and weight decay. On a GPU the
images lie on the device, and a turn is twenty runs.
"""
import argparse
import array
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time

from contender import LIMITS, launch
from tables import markdown, print_entry

# weft's name, weft's dialect, torchvision's name (or timm/NAME, pytorchcv/NAME), pixels. A row more is a network more.
NETWORKS = [
    ("resnet50", "torch", "resnet50", 224),
    ("vgg16", "keras", "vgg16", 224),
    ("mobilenetv2", "keras", "mobilenet_v2", 224),
    ("efficientnet-b0", "keras", "efficientnet_b0", 224),
    ("vgg19", "keras", "vgg19", 224),
    ("resnet18", "torch", "resnet18", 224),
    ("resnet34", "torch", "resnet34", 224),
    ("resnet101", "torch", "resnet101", 224),
    ("resnet152", "torch", "resnet152", 224),
    ("inception-v3", "keras", "inception_v3", 299),
    ("inception-resnet-v2", "keras", "timm/inception_resnet_v2", 299),
    ("mobilenet", "keras", "timm/mobilenetv1_100", 224),
    ("nasnet-mobile", "keras", "pytorchcv/nasnet_4a1056", 224),
    ("nasnet-large", "keras", "timm/nasnetalarge", 331),
    ("efficientnet-b1", "keras", "efficientnet_b1", 240),
    ("efficientnet-b4", "keras", "efficientnet_b4", 380),
    ("efficientnet-b7", "keras", "efficientnet_b7", 600),
    ("densenet121", "torch", "densenet121", 224),
    ("alexnet", "torch", "alexnet", 224),
    ("googlenet", "torch", "googlenet", 224),
    ("resnet50v2", "keras", "timm/resnetv2_50", 224),
    ("xception", "keras", "timm/legacy_xception", 299),
    ("se-resnet50", "torch", "timm/legacy_seresnet50", 224),
    ("resnext50-32x4d", "torch", "resnext50_32x4d", 224),
    ("cspresnet50", "torch", "timm/cspresnet50", 256),
    ("efficientnet-b3", "keras", "efficientnet_b3", 300),
    ("fashion-cnn", "keras", "fashion_cnn", 28),
]
# Of those above in another dialect, weft's that are built like the peers' to the last pad, for --dialect torch.
TORCH_TOO = {"vgg16", "vgg19", "mobilenetv2", "inception-v3", "efficientnet-b0", "efficientnet-b1", "efficientnet-b3",
             "efficientnet-b4", "efficientnet-b7"}
DEFAULT_MODELS = "resnet50,vgg16,mobilenetv2,efficientnet-b0"
GPU_MODELS = "resnet50,vgg16,mobilenetv2,efficientnet-b0,efficientnet-b4,densenet121"
TORCH = ["torch-eager", "torch-compile", "torch-trace", "torch-reduce-overhead", "torch-max-autotune"]
PEERS = TORCH[:3] + ["onnxruntime", "openvino", "ncnn"]
GPU_PEERS = [TORCH[0], TORCH[3], TORCH[4]]
TRAIN_MODELS = "resnet50,resnet18,mobilenetv2,efficientnet-b0,fashion-cnn,vgg16,densenet121"
TRAIN_PEERS = TORCH[:2]
GPU_TRAIN_MODELS = "resnet50,efficientnet-b0,mobilenetv2"


def ready(started, args):
    """The contenders, once each has been built and has run --warmup times."""
    contenders = []
    for contender in started:
        contender.start()
        if contender.skip is None:
            contender.run(args.warmup)
        if contender.skip is not None:
            print(f"  {contender.name}: skipped: {contender.skip}", file=sys.stderr)
            if contender.name == "weft":
                sys.exit(f"{args.runner}: {contender.skip}; it is what the others are compared with (--log FILE keeps "
                         "what it says; without --runner the others are timed alone)")
        contenders.append(contender)
    return contenders


def floats(path, count=-1):
    values = array.array("f")
    with open(path, "rb") as file:
        values.frombytes(file.read())
    return values[:count] if count >= 0 else values


def apart(found, expected):
    """The largest difference, of the largest value that is expected."""
    if len(found) < len(expected) or any(v != v for v in found):
        return float("inf")
    return max(abs(a - b) for a, b in zip(found, expected)) / max(map(abs, expected))


def look(contenders, args):
    """How far the outputs of the first images are from PyTorch's."""
    path = os.path.join(args.work, f"output-{os.getpid()}.f32")
    for c in contenders:
        if c.skip is None and c.expected and c.output(path):
            c.apart = apart(floats(path), floats(c.expected))
            os.remove(path)


def compare(contenders, args):
    """Runs one network on all contenders by turns."""
    look(contenders, args)
    active = [c for c in contenders if c.skip is None]
    for turn in range(args.rounds):
        shift = turn % len(active) if active else 0
        for contender in active[shift:] + active[:shift]:
            if contender.skip is None:
                time.sleep(args.pause)  # lets the last one's idle threads go to sleep
                contender.run(args.runs, keep=True)
        print(f"\r  round {turn + 1}/{args.rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for contender in contenders:
        contender.close()


def summarise(row, contenders):
    weft_name, dialect, torch_name, px = row
    entry = {"model": weft_name, "dialect": dialect, "peer_network": torch_name, "px": px, "contenders": {}}
    for c in contenders:
        result = {"skipped": c.skip} if c.skip else {
            "median_ms": statistics.median(c.times), "min_ms": min(c.times), "times_ms": c.times,
            "median_cpu_ms": statistics.median(c.busy), "cpu_ms": c.busy, "apart": c.apart,
            **{k: v for k, v in c.facts.items() if k != "ready"}}
        entry["contenders"][c.name] = result
    done = {n: r["median_ms"] for n, r in entry["contenders"].items() if "median_ms" in r}
    torches = {n: ms for n, ms in done.items() if n in TORCH}
    if torches:
        entry["torch_best"] = min(torches, key=torches.get)
    peers = {n: ms for n, ms in done.items() if n != "weft"}
    if peers:
        entry["best_peer"] = min(peers, key=peers.get)
    if "weft" in done and peers:
        entry["speedup"] = {n: ms / done["weft"] for n, ms in peers.items()}
        entry["speedup_over_best"] = peers[entry["best_peer"]] / done["weft"]
    macs = {c.name: c.facts["macs"] for c in contenders if c.facts.get("macs")}
    entry["macs"] = macs.get("weft") or next(iter(macs.values()), None)
    entry["macs_agree"] = None if "weft" not in macs or len(macs) < 2 else len(set(macs.values())) == 1
    entry["macs_by"] = macs
    return entry


def cpu_name():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            return next(line.split(":", 1)[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models",
                        help=f"names by comma, or 'all' (default: {DEFAULT_MODELS}; on a GPU: "
                             f"{GPU_MODELS}; to train: {TRAIN_MODELS}; to train on a GPU: {GPU_TRAIN_MODELS}); "
                             "known: "
                             + ", ".join(row[0] for row in NETWORKS))
    parser.add_argument("--peers", help=f"peers by comma, or 'none' (default: {','.join(PEERS)}; on a GPU: "
                                        f"{','.join(GPU_PEERS)}; to train: {','.join(TRAIN_PEERS)})")
    parser.add_argument("--train", action="store_true", help="whole steps of training instead of inference")
    parser.add_argument("--runner", default=shutil.which("weft_runner"),
                        help="weft_runner program; without it only the peers run")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--precision", choices=("fp32", "tf32", "fp16", "bf16"),
                        help="of a GPU (default: fp32 on a CPU, fp16 on a GPU)")
    parser.add_argument("--peer-precision", choices=("same", "default"), default="same",
                        help="default: leave the peers theirs (OpenVINO takes bf16 where the CPU has AMX; pnnx keeps "
                             "weights in fp16); what each took stands in the table")
    parser.add_argument("--isa", choices=LIMITS, help="limit weft and its peers to these instructions; those that "
                                                      "cannot be are left out")
    parser.add_argument("--dialect", choices=("row", "torch"), default="row",
                        help="torch: weft builds networks as PyTorch does wherever it can, so that outputs can be "
                             "compared (default: the table's, row)")
    parser.add_argument("--tuned", action="store_true",
                        help="weft runs what weft tune found on this machine (default: its own rules, as it comes)")
    parser.add_argument("--own-weights", action="store_true",
                        help="weights and images of every contender's own; outputs are not compared")
    parser.add_argument("--ahead", action="store_true",
                        help="start the contenders of all networks at once: they compile side by side, and need the "
                             "memory of all")
    parser.add_argument("--hold", metavar="FILE",
                        help="with --ahead: once all are ready, make FILE.ready, and time nothing until FILE is there: "
                             "so that several comparisons are set up side by side and timed one after the other")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--runs", type=int, help="runs in a turn (default: 1 on a CPU, 20 on a GPU)")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--pause", type=float, default=0.1, help="seconds of rest before each run")
    parser.add_argument("--malloc", choices=("keep", "default"), default="keep",
                        help="keep: let glibc keep freed memory, which PyTorch needs to be fast (default: keep)")
    parser.add_argument("--json", help="write the full report here")
    parser.add_argument("--md", help="write the table here")
    parser.add_argument("--work", help="keep exported networks here (default: a folder that is removed)")
    parser.add_argument("--log", help="the contenders' stderr goes here (default: nowhere)")
    args = parser.parse_args(argv)
    for name in ("batch", "threads", "rounds"):
        if getattr(args, name) < 1:
            parser.error(f"--{name} must be at least 1")
    gpu = args.device != "cpu"
    args.precision = args.precision or ("fp16" if gpu else "fp32")
    args.runs = args.runs or (20 if gpu else 1)
    if args.hold and not args.ahead:
        parser.error("--hold needs --ahead")
    if not gpu and args.precision != "fp32":
        parser.error("--precision is of a GPU: name one with --device")
    defaults = {(False, False): DEFAULT_MODELS, (False, True): TRAIN_MODELS, (True, False): GPU_MODELS,
                (True, True): GPU_TRAIN_MODELS}
    args.models = args.models or defaults[gpu, args.train]
    args.peers = args.peers or ",".join(TRAIN_PEERS if args.train else GPU_PEERS if gpu else PEERS)
    known = {row[0]: row for row in NETWORKS}
    wanted = list(known) if args.models == "all" else args.models.split(",")
    for name in wanted:
        if name not in known:
            parser.error(f"no network named '{name}'; known: {', '.join(known)}")
    args.rows = [known[name] for name in wanted]
    if args.dialect == "torch":
        args.rows = [(row[0], "torch", *row[2:]) if row[0] in TORCH_TOO else row for row in args.rows]
    if gpu and (args.isa or args.peer_precision == "default"):
        parser.error("--isa and --peer-precision are of the CPU")
    args.names = [] if args.peers == "none" else args.peers.split(",")
    for name in args.names:
        if name not in PEERS + GPU_PEERS:
            parser.error(f"no peer named '{name}'; known: {', '.join(dict.fromkeys(PEERS + GPU_PEERS))}")
    if args.runner:
        args.names.insert(0, "weft")
    if not args.names:
        parser.error("nothing to run: give --runner or --peers")
    return args


def warn_if_busy():
    """Figures taken beside other work mislead: frameworks suffer from it very differently."""
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"warning: the machine is busy (load {load:.1f}); do not quote these figures", file=sys.stderr)
    return load


def hold(path):
    """Says that all are ready, and waits for the word."""
    with open(path + ".ready", "w", encoding="ascii"):
        pass
    while not os.path.exists(path):
        time.sleep(.1)


def measure(args):
    with tempfile.TemporaryDirectory(prefix="weft-peers-") as folder, open(args.log or os.devnull, "a",
                                                                           encoding="utf-8") as log:
        args.work = os.path.abspath(args.work) if args.work else folder
        os.makedirs(args.work, exist_ok=True)
        report = {"cpu": cpu_name(), "threads": args.threads, "batch": args.batch, "rounds": args.rounds,
                  "runs": args.runs, "device": args.device, "precision": args.precision, "malloc": args.malloc,
                  "train": args.train, "contenders": args.names, "isa": args.isa,
                  "peer_precision": args.peer_precision, "tuned": args.tuned,
                  "load_before": args.load, "versions": {"python": platform.python_version()}, "models": []}
        # With --ahead all are started, then all waited for, and only then is the first one timed.
        ahead = [list(launch(row, args, log)) for row in args.rows] if args.ahead else []
        ahead = [ready(started, args) for started in ahead]
        if args.hold:
            hold(args.hold)
        for i, row in enumerate(args.rows):
            print(f"{row[0]}: {', '.join(args.names)}", file=sys.stderr)
            contenders = ahead[i] if ahead else ready(launch(row, args, log), args)
            compare(contenders, args)
            for c in contenders:
                report["gpu"] = c.facts.get("device") or report.get("gpu")
                for name in ("cudnn", "cuda"):
                    if name in c.facts:
                        report["versions"][name] = c.facts[name]
                if c.facts.get("version"):
                    report["versions"]["torch" if c.name in TORCH else c.name] = c.facts["version"]
            entry = summarise(row, contenders)
            report["models"].append(entry)
            print_entry(entry)
            sys.stdout.flush()
            save(report, args)
        means(report)
        return report


def save(report, args):
    """What is known so far: a comparison that is cut short leaves the networks before."""
    if args.json:
        with open(args.json, "w", encoding="utf-8") as out:
            json.dump(report, out, indent=1)
    if args.md:
        with open(args.md, "w", encoding="utf-8") as out:
            out.write(markdown(report))


def means(report):
    """Geometric means over the networks, of weft over the best peer and over each peer that ran all that weft ran."""
    entries = [e for e in report["models"] if "speedup_over_best" in e]
    if not entries:
        return
    report["geometric_mean"] = statistics.geometric_mean(e["speedup_over_best"] for e in entries)
    report["geometric_means"] = {
        name: statistics.geometric_mean(e["speedup"][name] for e in entries)
        for name in report["contenders"] if all(name in e["speedup"] for e in entries)}
    print(f"geometric mean of weft over the best peer: {report['geometric_mean']:.2f}x"
          + "".join(f", over {name} {mean:.2f}x" for name, mean in report["geometric_means"].items()))


def main(argv=None):
    args = parse(argv)
    args.load = warn_if_busy()
    report = measure(args)
    save(report, args)
    ran = any("median_ms" in r for e in report["models"] for r in e["contenders"].values())
    return 0 if ran else 1


if __name__ == "__main__":
    sys.exit(main())
