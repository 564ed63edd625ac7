# SPDX-License-Identifier: Apache-2.0
"""A contender of peers.py: a process that holds one network in one framework, and what it is started with."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# What keeps weft, PyTorch with its libraries, and OpenVINO (by its oneDNN) from the wider vectors of this CPU.
LIMITS = {"avx2": {"WEFT_ISA": "avx2", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
                   "DNNL_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}}
UNLIMITED = {"onnxruntime": "has no setting that limits its instructions",
             "ncnn": "has no setting that limits its instructions"}


class Contender:
    """A child process that runs one network on command."""

    def __init__(self, name, command, environment, log, skip=None):
        self.name, self.facts, self.times, self.busy, self.skip, self.apart = name, {}, [], [], skip, None
        self.expected = self.looked_at = self.process = None
        if skip:
            return
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                            text=True, env=environment)
        except OSError as error:
            self.skip = f"cannot start {command[0]}: {error.strerror}"

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

    def ask(self, command):
        """One line's answer; "" if the process is no more."""
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            return self.process.stdout.readline()
        except (OSError, ValueError):
            return ""

    def run(self, count, keep=False):
        try:
            pairs = [[float(t) for t in word.split("/")] for word in self.ask(f"run {count}").split()]
            times, busy = [wall for wall, _ in pairs], [cpu for _, cpu in pairs]
        except ValueError:
            times, busy = [], []
        if len(times) != count:
            self.skip = "ended during the runs"
        elif keep:
            self.times += times
            self.busy += busy

    def output(self, path):
        """Has the output of the shared weights and images written to a file; whether it was. What is timed of weft
        has weights of its own, since reading a file would count as its memory: another process reads them."""
        if self.looked_at is None:
            return self.ask(f"output {path}").strip() == "ok"
        reader = self.looked_at()
        reader.start()
        if reader.skip is None and "random" in reader.facts:
            self.facts["random"] = reader.facts["random"]
        done = reader.skip is None and "random" not in reader.facts and reader.output(path)
        reader.close()
        return done

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


def environment(threads, malloc, isa=None, tuned=False):
    """The same threads for everyone, whatever runtime they link. With malloc "keep", glibc keeps freed memory instead
    of giving it back to the kernel: at batch 32 PyTorch otherwise spends up to half its time on page faults."""
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    if malloc == "keep":
        limits |= {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
                   "MALLOC_TOP_PAD_": str(1 << 26)}
    if not tuned:  # weft as it comes
        limits["WEFT_CPU_NO"] = "tuned"
    return {**os.environ, **limits, **LIMITS.get(isa, {}), "PYTHONWARNINGS": "ignore"}


def worker(name, row, args):
    """The command of a peer, or of "share"."""
    command = [sys.executable, os.path.join(HERE, "worker.py"), name, row[2], "--px", str(row[3]), "--work", args.work,
               *sizes(args)]
    return command + (["--own-precision"] if args.peer_precision == "default" else [])


def sizes(args):
    return ["--batch", str(args.batch), "--threads", str(args.threads), "--mode", "train" if args.train else "infer",
            "--device", args.device, "--precision", args.precision]


def share(row, args, log):
    """What all contenders of a network share, or None: they have weights and images of their own."""
    if args.train or args.own_weights:
        return None
    command = [*worker("share", row, args), "--exports", ",".join(args.names)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, text=True, check=False,
                          env=environment(args.threads, args.malloc))
    try:
        paths = json.loads(done.stdout)
    except ValueError:
        paths = {"skip": "ended before it was ready"}
    if "skip" in paths:
        print(f"  nothing is shared, outputs are not compared: {paths['skip']}", file=sys.stderr)
        return None
    return paths


def launch(row, args, log):
    """One network's contenders as they are started, one after the other unless someone asks for all at once."""
    paths = share(row, args, log)
    for name in args.names:
        weft = [args.runner, row[0], "--dialect", row[1], "--px", str(row[3]), *sizes(args)]
        skip = UNLIMITED.get(name) if args.isa else None
        around = environment(args.threads, args.malloc, args.isa, args.tuned)
        contender = Contender(name, weft if name == "weft" else worker(name, row, args), around, log, skip)
        if paths and name == "weft":
            reads = [*weft, "--weights", paths["weights"], "--images", paths["images"]]
            contender.looked_at = lambda: Contender("weft", reads, around, log)
        contender.expected = paths and paths["outputs"]
        yield contender
