# SPDX-License-Identifier: Apache-2.0
"""bench/peers without any peer: what is made of times and outputs, and the protocol with weft_runner.

    python3 tests/bench/peers.py WEFT_RUNNER
"""
import array
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "peers"))

import contender  # noqa: E402
import peers  # noqa: E402
import tables  # noqa: E402

RUNNER = sys.argv.pop(1)


def finished(name, times, busy=(), skip=None, apart=None, **facts):
    """A contender that has run."""
    c = contender.Contender(name, [], {}, None, skip="not started")
    c.skip, c.times, c.busy, c.apart, c.facts = skip, times, list(busy) or times, apart, facts
    return c


def report(*models):
    """A report of weft, openvino and ncnn."""
    names = ["weft", "openvino", "ncnn"]
    entries = [peers.summarise((name, "torch", name, 224), contenders) for name, contenders in models]
    made = {"cpu": "a CPU", "threads": 2, "batch": 32, "rounds": 3, "runs": 1, "precision": "fp32", "train": False,
            "contenders": names, "isa": None, "peer_precision": "default", "versions": {}, "models": entries,
            "load_before": 0.0}
    with contextlib.redirect_stdout(io.StringIO()):
        peers.means(made)
    return made


class Sums(unittest.TestCase):
    def test_how_far_apart(self):
        self.assertEqual(peers.apart([1.0, -4.0, 9.0], [1.0, -4.0]), 0)
        self.assertAlmostEqual(peers.apart([1.0, -3.0], [1.0, -4.0]), 0.25)
        self.assertEqual(peers.apart([1.0], [1.0, -4.0]), float("inf"))
        self.assertEqual(peers.apart([float("nan"), -4.0], [1.0, -4.0]), float("inf"))

    def test_means(self):
        made = report(("a", [finished("weft", [1, 2, 3]), finished("openvino", [4, 4, 9]),
                             finished("ncnn", [9, 9, 8])]),
                      ("b", [finished("weft", [1, 1, 1]), finished("openvino", [8, 8, 8]),
                             finished("ncnn", [], skip="why not")]))
        self.assertAlmostEqual(made["geometric_mean"], 4)  # of 2 and 8
        self.assertEqual(list(made["geometric_means"]), ["openvino"])  # ncnn did not run all
        self.assertEqual(made["models"][0]["best_peer"], "openvino")

    def test_table(self):
        made = report(("a", [finished("weft", [1, 2, 3], [2, 4, 6], precision="fp32", apart=3e-6),
                             finished("openvino", [4, 4, 9], [8, 8, 8], precision="bf16", apart=4e-3),
                             finished("ncnn", [9, 9, 8], precision="fp32", apart=.5, note="one by one")]))
        text = tables.markdown(made)
        for piece in ("| a | torch | ? | 2.0, CPU 4.0 | 4.0, CPU 8.0 (2.00x) bf16 |", "ncnn 5.0e-01 **DIFFERS**",
                      "openvino 4.0e-03.", "default precision", "ncnn: one by one (all).", "**2.00x**"):
            self.assertIn(piece.rstrip("."), text)
        picture = tables.chart(made, "a & b")
        self.assertIn("2.00x openvino", picture)
        self.assertIn("a &amp; b", picture)

    def test_limits(self):
        self.assertEqual(contender.environment(2, "keep", "avx2")["ONEDNN_MAX_CPU_ISA"], "AVX2")
        self.assertEqual(contender.environment(2, "keep").get("WEFT_ISA"), os.environ.get("WEFT_ISA"))
        self.assertEqual(contender.environment(2, "keep")["WEFT_CPU_NO"], "tuned")
        for wrong in (["--isa", "sse"], ["--peers", "nobody"], ["--models", "nothing"],
                      ["--device", "cuda", "--isa", "avx2"]):
            with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
                peers.parse(["--runner", RUNNER, *wrong])


class Runner(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def ask(self, commands, *options):
        done = subprocess.run([RUNNER, "lenet5", "--batch", "2", "--threads", "1", *options], input=commands, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=100)
        return [json.loads(line) if line.startswith("{") else line for line in done.stdout.splitlines()]

    def test_protocol(self):
        path = os.path.join(self.folder.name, "y")
        facts, times, ok = self.ask(f"run 3\noutput {path}\nquit\n")
        self.assertTrue(facts["ready"])
        self.assertEqual(facts["precision"], "fp32")
        pairs = [[float(t) for t in pair.split("/")] for pair in times.split()]
        self.assertEqual(len(pairs), 3)
        self.assertTrue(all(wall > 0 and busy >= 0 for wall, busy in pairs))
        self.assertEqual(ok, "ok")
        values = peers.floats(path)
        self.assertEqual(len(values), 20)
        self.assertNotAlmostEqual(sum(values[:10]), 1, places=3)  # not the softmax's
        _, answer = self.ask("output /nonexistent/y\n")
        self.assertEqual(answer, "not written")

    def test_shared_files(self):
        path, images, weights = (os.path.join(self.folder.name, name) for name in ("y", "x", "w"))
        with open(images, "wb") as file:
            array.array("f", [0.5] * (2 * 32 * 32)).tofile(file)
        facts, _ = self.ask(f"output {path}\n", "--images", images)
        values = peers.floats(path)
        self.assertNotIn("random", facts)
        self.assertEqual(values[:10], values[10:])  # of two equal images
        with open(weights, "w", encoding="ascii") as file:
            file.write("no weights")
        facts, = self.ask("quit\n", "--weights", weights)
        self.assertTrue(facts["ready"])
        self.assertIn(weights, facts["random"])
        with open(images, "wb") as file:
            file.write(b"short")
        facts, = self.ask("quit\n", "--images", images)
        self.assertIn("skip", facts)

    def test_by_turns(self):
        where = os.path.join(self.folder.name, "out")
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            code = peers.main(["--runner", RUNNER, "--peers", "none", "--own-weights", "--models", "fashion-cnn",
                               "--batch", "1", "--threads", "1", "--rounds", "2", "--pause", "0", "--md", where + ".md",
                               "--json", where + ".json"])
        self.assertEqual(code, 0)
        with open(where + ".json", encoding="utf-8") as file:
            entry = json.load(file)["models"][0]
        self.assertEqual(len(entry["contenders"]["weft"]["cpu_ms"]), 2)
        with open(where + ".md", encoding="utf-8") as file:
            self.assertIn("| fashion-cnn |", file.read())


if __name__ == "__main__":
    unittest.main()
