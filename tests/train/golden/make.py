#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a golden file per network: loss and gradients of one training batch as torchvision and timm compute them, in
double precision, with seeded weights.

Run by developers when a network is added, never by the suite (with numpy, torch, torchvision, timm):

    python3 tests/train/golden/make.py build/release/lib/libweft.so [NETWORK[:SEED]...]

Of each gradient, in weft's layout, it keeps the norm and its products with PROBES vectors of random signs: the square
of such a product of a difference is on average the square of its norm. Nothing is dropped: rates of dropout are 0."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../../arch/golden"), os.path.join(HERE, "../../../docs/examples")]
import numpy as np

import make as arch
import nets
import seeded_weights as seeded

PROBES, LABELS = 2, (3, 7, 0, 5)
# NAME or NAME:SEED: seeds with which no element lies so near a kink (of a ReLU, of a maximum) that rounding moves it to
# the other side: a flipped one moves gradients by a hundredth.
NAMES = dict((n.split(":") + ["1"])[:2] for n in """alexnet vgg16 vgg19 googlenet
    resnet18 resnet34:2 resnext50-32x4d se-resnet18 se-resnet50:2 cspresnet50 mobilenetv2 efficientnet-b0
    efficientnet-b1 efficientnet-lite0""".split())


def lay_back(value, layout, shape):
    """The framework's gradient as weft has it: lay_out's inverse."""
    if layout.startswith("oihw"):
        value = value.transpose(0, 2, 3, 1)
    elif layout == "o(chw)":
        side = 2
        value = value.reshape(len(value), -1, side, side).transpose(0, 2, 3, 1)
    return value.reshape(shape)


def gradients(row, params, names, x):
    import torch
    net = nets.build_torch(row, arch.CLASSES).double()
    state = net.state_dict()
    with torch.no_grad():
        arch.fill(row, params, dict(names), {k: (tuple(v.shape), lambda value, v=v: v.copy_(
            torch.from_numpy(np.ascontiguousarray(value)).double())) for k, v in state.items()})
    net.train()
    net.drop_rate = 0.  # of timm's older networks, which drop without a module
    for m in net.modules():
        if "Drop" in type(m).__name__ or type(m).__name__ == "StochasticDepth":
            m.eval()
    y = net(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).double())
    loss = torch.nn.functional.cross_entropy(y, torch.tensor(LABELS))
    loss.backward()
    return float(loss.detach()), {n: p.grad.numpy() for n, p in net.named_parameters()}


def write(row, loss, lines):
    head = f"network {row.name} {row.dialect} px {row.px} seed {row.seed} gain {row.gain:g} loss {loss:.10g}"
    with open(os.path.join(HERE, f"{row.name}.txt"), "w", encoding="ascii") as f:
        f.write("\n".join([head, *lines]) + "\n")


def main():
    weft = arch.Weft(sys.argv[1])
    wanted = dict((n.split(":") + [NAMES.get(n, "1")])[:2] for n in sys.argv[2:]) or NAMES
    arch.BATCH = len(LABELS)
    for row in nets.ROWS:
        if row.name not in wanted or row.dialect != "torch":
            continue
        row = row._replace(seed=int(wanted[row.name]))
        params, _, raw = weft.network(row)
        names = weft.names(row)
        x = seeded.images(len(LABELS), row.px, row.px, 3, 0 if raw else -1, 255 if raw else 1, row.seed)
        loss, found = gradients(row, params, names, x)
        lines = []
        taken = {}
        for name, shape in params:
            theirs, layout, parts = names[name]
            if theirs not in found:
                continue  # a statistic
            grad = found[theirs]
            if parts > 1:
                part = taken.get(theirs, 0)
                taken[theirs] = part + 1
                grad = np.split(grad, parts)[part]
            grad = lay_back(grad, layout, shape).ravel()
            probes = [grad @ np.where(seeded.uniform(1, f"probe{k}", grad.size) < .5, -1., 1.) for k in range(PROBES)]
            lines.append(f"{name} {np.linalg.norm(grad):.7g} " + " ".join(f"{p:.7g}" for p in probes))
        write(row, loss, lines)
        print(f"{row.name}: loss {loss:.6g}, {len(lines)} gradients", flush=True)


if __name__ == "__main__":
    main()
