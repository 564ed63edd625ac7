#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the tables and charts of weft and its peers on this machine's CPU, those of docs/benchmarks.md, anew.

    python3 bench/peers/report.py --runner build/bench/weft_runner --out peers

writes peers/cpu.md, a JSON file and a chart (SVG) for each table: batch 32, batch 1, limited to AVX2, and batch 32 with
the peers in their default precision. It takes hours; --tables and --models choose, and what follows -- goes to peers.py
as it is. A table whose JSON file is there already is not run again, so that a run that was broken off goes on.
"""
import argparse
import json
import os
import sys

import peers
from tables import chart, markdown

# The families of networks, large and small.
MODELS = ("alexnet,vgg16,googlenet,inception-v3,inception-resnet-v2,resnet18,resnet50,resnet152,resnet50v2,xception,"
          "densenet121,se-resnet50,resnext50-32x4d,mobilenet,mobilenetv2,nasnet-mobile,cspresnet50,efficientnet-b0,"
          "efficientnet-b3,efficientnet-b4")
# Name, title, arguments.
TABLES = [
    ("batch32", "Batch 32", ["--batch", "32"]),
    ("batch1", "Batch 1", ["--batch", "1"]),
    ("avx2", "Batch 32, limited to AVX2", ["--batch", "32", "--isa", "avx2"]),
    ("default", "Batch 32, peers in their default precision",
     ["--batch", "32", "--peer-precision", "default", "--peers", "openvino,ncnn"]),
]


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runner", required=True, help="weft_runner program")
    parser.add_argument("--out", default="peers-report", help="folder to write to (default: peers-report)")
    parser.add_argument("--models", default=MODELS, help="names by comma, or 'all' (default: twenty networks)")
    parser.add_argument("--rounds", type=int, default=10)
    names = [name for name, _, _ in TABLES]
    parser.add_argument("--tables", default=",".join(names), help=f"by comma, of {', '.join(names)} (default: all)")
    parser.add_argument("more", nargs="*", help="for peers.py, after --")
    args = parser.parse_args(argv)
    args.tables = args.tables.split(",")
    for name in args.tables:
        if name not in names:
            parser.error(f"no table named '{name}'; known: {', '.join(names)}")
    return args


def table(args, name, extra):
    """The report of one table; measured if no run before has."""
    path = os.path.join(args.out, f"{name}.json")
    if not os.path.exists(path):
        aside = path + ".tmp"
        peers.main(["--runner", args.runner, "--models", args.models, "--rounds", str(args.rounds), *extra, "--json",
                    aside, "--log", os.path.join(args.out, "log"), "--work", os.path.join(args.out, "networks"),
                    *args.more])
        os.replace(aside, path)
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main(argv=None):
    args = parse(argv)
    os.makedirs(args.out, exist_ok=True)
    parts = []
    for name, title, extra in TABLES:
        if name not in args.tables:
            continue
        report = table(args, name, extra)
        parts.append(f"## {title}\n\n{markdown(report)}")
        picture = chart(report, f"weft over its best peer: {title}, {report['cpu']}, {report['threads']} threads")
        if picture:
            parts.append(f"![weft over its best peer]({name}.svg)\n")
            with open(os.path.join(args.out, f"{name}.svg"), "w", encoding="utf-8") as file:
                file.write(picture)
    with open(os.path.join(args.out, "cpu.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(parts))
    print(f"written: {os.path.join(args.out, 'cpu.md')}", file=sys.stderr)


if __name__ == "__main__":
    main()
