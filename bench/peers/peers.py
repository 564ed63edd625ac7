#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares weft with PyTorch, ONNX Runtime and OpenVINO on this machine's CPU, or with PyTorch on its GPU.

All contenders load the same network (random weights), the same batch and the same number of threads, each in a process
of its own; then they take turns, one run each per round, so that clock changes and neighbours hit all alike. Printed
per network: median and least milliseconds per batch, and how many times as fast as each peer weft is.

    python3 bench/peers/peers.py --runner build/bench/weft_runner --json peers.json --md peers.md
    python3 bench/peers/peers.py --runner build/bench/weft_runner --train
    python3 bench/peers/peers.py --runner build/bench/weft_runner --device cuda --precision fp16 --ahead

With --train they make whole steps of training: forward, backward, SGD with momentum and weight decay. On a GPU the
images lie on the device, and a turn is twenty runs.
"""
import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# weft's name, weft's dialect, torchvision's name (or timm/NAME), pixels. A row more is a network more.
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
DEFAULT_MODELS = "resnet50,vgg16,mobilenetv2,efficientnet-b0"
GPU_MODELS = "resnet50,vgg16,mobilenetv2,efficientnet-b0,efficientnet-b4,densenet121"
TORCH = ["torch-eager", "torch-compile", "torch-trace", "torch-reduce-overhead", "torch-max-autotune"]
PEERS = TORCH[:3] + ["onnxruntime", "openvino"]
GPU_PEERS = [TORCH[0], TORCH[3], TORCH[4]]
TRAIN_MODELS = "resnet50,resnet18,mobilenetv2,efficientnet-b0,fashion-cnn,vgg16,densenet121"
TRAIN_PEERS = TORCH[:2]
GPU_TRAIN_MODELS = "resnet50,efficientnet-b0,mobilenetv2"


class Contender:
    """A child process that runs one network on command."""

    def __init__(self, name, command, environment, log):
        self.name, self.facts, self.times, self.skip = name, {}, [], None
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                            text=True, env=environment)
        except OSError as error:
            self.process, self.skip = None, f"cannot start {command[0]}: {error.strerror}"

    def start(self):
        if self.process is None:
            return
        line = self.process.stdout.readline()
        try:
            self.facts = json.loads(line)
        except ValueError:
            self.skip = "ended before it was ready"
            return
        self.skip = self.facts.get("skip")

    def run(self, count):
        try:
            self.process.stdin.write(f"run {count}\n")
            self.process.stdin.flush()
            times = [float(word) for word in self.process.stdout.readline().split()]
        except (OSError, ValueError):
            times = []
        if len(times) != count:
            self.skip = "ended during the runs"
        return times

    def peak(self):
        """Largest resident memory so far, in MiB; None where the system does not say."""
        try:
            with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
                return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
        except (OSError, StopIteration, AttributeError):
            return None

    def close(self):
        self.facts["peak_mib"] = self.peak()
        if self.process is not None:
            try:
                self.process.communicate("quit\n", timeout=20)
            except (OSError, ValueError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.communicate()


def environment(threads, malloc):
    """The same threads for everyone, whatever runtime they link. With malloc "keep", glibc keeps freed memory instead
    of giving it back to the kernel: at batch 32 PyTorch otherwise spends up to half its time on page faults."""
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    if malloc == "keep":
        limits |= {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
                   "MALLOC_TOP_PAD_": str(1 << 26)}
    return {**os.environ, **limits, "PYTHONWARNINGS": "ignore"}


def command_of(name, row, args):
    weft_name, dialect, torch_name, px = row
    sizes = ["--batch", str(args.batch), "--threads", str(args.threads), "--mode", "train" if args.train else "infer",
             "--device", args.device, "--precision", args.precision]
    if name == "weft":
        return [args.runner, weft_name, "--dialect", dialect, "--px", str(px), *sizes]
    return [sys.executable, os.path.join(HERE, "worker.py"), name, torch_name, "--px", str(px), "--work", args.work,
            *sizes]


def launch(row, args, log):
    """One network's contenders as they are started, one after the other unless someone asks for all at once."""
    for name in args.names:
        yield Contender(name, command_of(name, row, args), environment(args.threads, args.malloc), log)


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


def compare(contenders, args):
    """Runs one network on all contenders by turns."""
    active = [c for c in contenders if c.skip is None]
    for turn in range(args.rounds):
        shift = turn % len(active) if active else 0
        for contender in active[shift:] + active[:shift]:
            if contender.skip is None:
                time.sleep(args.pause)  # lets the last one's idle threads go to sleep
                contender.times += contender.run(args.runs)
        print(f"\r  round {turn + 1}/{args.rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for contender in contenders:
        contender.close()


def summarise(row, contenders):
    weft_name, dialect, torch_name, px = row
    entry = {"model": weft_name, "dialect": dialect, "peer_network": torch_name, "px": px, "contenders": {}}
    for c in contenders:
        result = {"skipped": c.skip} if c.skip else {"median_ms": statistics.median(c.times), "min_ms": min(c.times),
                                                     "times_ms": c.times, **{k: v for k, v in c.facts.items()
                                                                             if k != "ready"}}
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


def markdown(report):
    """The report as a table: medians in ms per batch, weft's speed-up in brackets."""
    names = report["contenders"]
    what = "steps of training" if report["train"] else "runs"
    where = f"GPU: {report['gpu']}" if report.get("gpu") else f"CPU: {report['cpu']}, {report['threads']} threads"
    lines = [f"{where}, batch {report['batch']}, {report['precision']}, {what}, {report['rounds']} alternating rounds "
             f"of {report['runs']}; median ms per batch"
             + (" (times as fast as the peer weft is)" if "weft" in names else "")
             + f"; load before the run {report['load_before']:.1f}", "",
             "| network | dialect | GMAC | " + " | ".join(names) + " | weft over best peer |",
             "|---|---|---|" + "---|" * (len(names) + 1)]
    for entry in report["models"]:
        cells = [entry["model"], entry["dialect"], f"{entry['macs'] / 1e9:.3f}" if entry["macs"] else "?"]
        for name in names:
            result = entry["contenders"][name]
            text = "skipped" if "skipped" in result else f"{result['median_ms']:.{3 if report.get('gpu') else 1}f}"
            if name in entry.get("speedup", {}):
                text += f" ({entry['speedup'][name]:.2f}x)"
            cells.append(text)
        best = entry.get("speedup_over_best")
        cells.append(f"{best:.2f}x ({entry['best_peer']})" if best else "-")
        lines.append("| " + " | ".join(cells) + " |")
    if report.get("geometric_mean"):
        lines += ["", f"Geometric mean of weft over the best peer: {report['geometric_mean']:.2f}x"]
    lines += ["", "Versions: " + ", ".join(f"{n} {v}" for n, v in sorted(report["versions"].items()))]
    for entry in report["models"]:
        if entry["macs_agree"] is False:
            lines += ["", f"{entry['model']}: multiply-adds differ: {entry['macs_by']}"]
    return "\n".join(lines) + "\n"


def print_entry(entry):
    print(f"{entry['model']} ({entry['dialect']} dialect, peers' {entry['peer_network']}, {entry['px']} px)")
    gmac = entry["macs"]
    if gmac:
        verdict = {True: "weft and torch agree", False: f"DIFFER: {entry['macs_by']}", None: "one count only"}
        print(f"  {gmac / 1e9:.3f} GMAC an image; {verdict[entry['macs_agree']]}")
    for name, result in entry["contenders"].items():
        if "skipped" in result:
            print(f"  {name:14s} skipped: {result['skipped']}")
            continue
        ratio = entry.get("speedup", {}).get(name)
        peak = f"   peak {result['peak_mib']:6.0f} MiB" if result.get("peak_mib") else ""
        print(f"  {name:14s} median {result['median_ms']:9.3f} ms   min {result['min_ms']:9.3f} ms{peak}"
              + (f"   weft is {ratio:5.2f}x as fast" if ratio else "")
              + ("   <- best PyTorch" if name == entry.get("torch_best") else ""))
    sys.stdout.flush()


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
                  "train": args.train, "contenders": args.names,
                  "versions": {"python": platform.python_version()}, "models": []}
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
        ratios = [e["speedup_over_best"] for e in report["models"] if "speedup_over_best" in e]
        if ratios:
            report["geometric_mean"] = statistics.geometric_mean(ratios)
            print(f"geometric mean of weft over the best peer: {report['geometric_mean']:.2f}x")
        return report


def main(argv=None):
    args = parse(argv)
    load = warn_if_busy()
    report = measure(args)
    report["load_before"] = load
    if args.json:
        with open(args.json, "w", encoding="utf-8") as out:
            json.dump(report, out, indent=1)
    if args.md:
        with open(args.md, "w", encoding="utf-8") as out:
            out.write(markdown(report))
    ran = any("median_ms" in r for e in report["models"] for r in e["contenders"].values())
    return 0 if ran else 1


if __name__ == "__main__":
    sys.exit(main())
