#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes network_curves.txt: losses of whole networks of torchvision in training, in double precision, from the seeded
weights of weft-weights(5). Each line: name, then the losses of steps 0, 1, ... With numpy, torch and torchvision:

    python3 tests/train/make_network_curves.py build/release/lib/libweft.so > tests/train/network_curves.txt

The batches are BATCHES of N images, taken by turns; nothing is dropped (rates of dropout and drop-path are 0). With the
argument `float` behind the library the same in single precision: how far rounding alone leads. At a rate of .01, where
ResNet-18 knows the images within twenty steps, PyTorch's own two curves are 1.3e-2 apart: rounding moves one of
millions of elements over the kink of a ReLU, which moves the gradient by 2e-3, and each step multiplies it."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../arch/golden"), os.path.join(HERE, "../../docs/examples")]
import numpy as np
import torch

import make as arch
import nets
import seeded_weights as seeded

STEPS, N, BATCHES, CLASSES = 20, 8, 4, 10
REAL = torch.float32 if "float" in sys.argv[2:] else torch.float64


class RMSPropTF:
    """TensorFlow's: the mean square starts at one, the root is taken of its sum with epsilon, momentum has the rate."""

    def __init__(self, p, lr, decay, rho=.9, momentum=.9, epsilon=1e-3):
        self.p, self.lr, self.decay, self.rho, self.momentum, self.epsilon = p, lr, decay, rho, momentum, epsilon
        self.square, self.moved = [torch.ones_like(q) for q in p], [torch.zeros_like(q) for q in p]

    def step(self):
        with torch.no_grad():
            for q, s, m in zip(self.p, self.square, self.moved):
                g = q.grad + (self.decay * q if q.dim() > 1 else 0)
                s.mul_(self.rho).add_((1 - self.rho) * g * g)
                m.mul_(self.momentum).add_(self.lr * g / (s + self.epsilon).sqrt())
                q.sub_(m)


def sgd(p, lr, decay):
    return torch.optim.SGD([{"params": [q for q in p if q.dim() > 1], "weight_decay": decay},
                            {"params": [q for q in p if q.dim() == 1], "weight_decay": 0}], lr=lr, momentum=.9)


# name: how, learning rate, weight decay: those of tests/train/network_curves.c
TABLE = {"resnet18": (sgd, .00005, 1e-4), "efficientnet-b0": (RMSPropTF, .004, 1e-5)}


def build(weft, row):
    params, _, raw = weft.network(row)
    net = nets.build_torch(row, CLASSES).to(REAL)
    with torch.no_grad():
        arch.fill(row, params, weft.names(row), {k: (tuple(v.shape), lambda value, v=v: v.copy_(
            torch.from_numpy(np.ascontiguousarray(value)).to(REAL))) for k, v in net.state_dict().items()})
    net.train()
    for m in net.modules():
        if "Drop" in type(m).__name__ or type(m).__name__ == "StochasticDepth":
            m.eval()
    x = seeded.images(N * BATCHES, row.px, row.px, 3, 0 if raw else -1, 255 if raw else 1, row.seed)
    return net, torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).to(REAL)


def curve(weft, row):
    net, x = build(weft, row)
    labels = torch.tensor([i * 3 % CLASSES for i in range(N * BATCHES)])
    make, lr, decay = TABLE[row.name]
    optimizer, out = make(list(net.parameters()), lr, decay), []
    for i in range(STEPS):
        part = slice(i % BATCHES * N, (i % BATCHES + 1) * N)
        net.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x[part]), labels[part])
        loss.backward()
        optimizer.step()
        out.append(loss.item())
    return out


def main():
    weft = arch.Weft(sys.argv[1])
    for row in nets.ROWS:
        if row.name in TABLE and row.dialect == "torch":
            print(row.name, *(f"{v:.10g}" for v in curve(weft, row)), flush=True)


if __name__ == "__main__":
    main()
