#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes curves.txt: losses of a small network under PyTorch's optimisers and losses, from the seeded weights of
weft-weights(5). Each line: name, then the losses of steps 0, 1, ... RMSProp in TensorFlow's form and LAMB, which
PyTorch has not, are written out here.

    PYTHONPATH=../../docs/examples python3 make_curves.py > curves.txt"""
import torch
from torch.nn import functional as F

import seeded_weights as seeded

STEPS = 12
torch.manual_seed(0)
X = torch.tensor(seeded.images(8, 6, 6, 2, -1, 1)).permute(0, 3, 1, 2).double()
LABELS = torch.tensor([i * 3 % 5 for i in range(8)])
MIXED = .75 * F.one_hot(LABELS, 5).double() + .25 * F.one_hot(LABELS.flip(0), 5).double()
CLASS_WEIGHTS = torch.tensor([1, 2, .5, .25, 3]).double()


def parameters():
    shapes = {"conv/weight": (4, 3, 3, 2), "conv/bias": (4,), "dense/weight": (5, 144), "dense/bias": (5,)}
    return {n: torch.tensor(seeded.parameter(n, s)).double().requires_grad_() for n, s in shapes.items()}


def logits(p):
    x = torch.tanh(F.conv2d(X, p["conv/weight"].permute(0, 3, 1, 2), p["conv/bias"], padding=1))
    return F.linear(x.permute(0, 2, 3, 1).flatten(1), p["dense/weight"], p["dense/bias"])


class RMSPropTF:
    def __init__(self, p, lr, rho, momentum, epsilon, decay, start):
        self.p, self.lr, self.rho, self.momentum, self.epsilon = p, lr, rho, momentum, epsilon
        self.decay = decay
        self.square = [torch.full_like(q, start) for q in p]
        self.moved = [torch.zeros_like(q) for q in p]

    def step(self):
        with torch.no_grad():
            for q, s, m in zip(self.p, self.square, self.moved):
                g = q.grad + (self.decay * q if q.dim() > 1 else 0)
                s.mul_(self.rho).add_((1 - self.rho) * g * g)
                m.mul_(self.momentum).add_(self.lr * g / (s + self.epsilon).sqrt())
                q.sub_(m)


class Lamb:
    def __init__(self, p, lr, decay):
        self.p, self.lr, self.decay, self.t = p, lr, decay, 0
        self.m, self.v = [torch.zeros_like(q) for q in p], [torch.zeros_like(q) for q in p]

    def step(self):
        self.t += 1
        with torch.no_grad():
            for q, m, v in zip(self.p, self.m, self.v):
                m.mul_(.9).add_(.1 * q.grad)
                v.mul_(.999).add_(.001 * q.grad ** 2)
                r = m / (1 - .9 ** self.t) / ((v / (1 - .999 ** self.t)).sqrt() + 1e-6)
                ratio = 1.
                if q.dim() > 1:
                    r = r + self.decay * q
                    ratio = q.norm() / r.norm()
                q.sub_(self.lr * ratio * r)


def groups(p, decay):
    return [{"params": [q for q in p if q.dim() > 1], "weight_decay": decay},
            {"params": [q for q in p if q.dim() == 1], "weight_decay": 0}]


def curve(make, loss=lambda z: F.cross_entropy(z, LABELS), clip=lambda p: None):
    p = parameters()
    values, out = list(p.values()), []
    optimizer = make(values)
    for _ in range(STEPS):
        for q in values:
            q.grad = None
        now = loss(logits(p))
        now.backward()
        clip(values)
        optimizer.step()
        out.append(now.item())
    return out


def sgd(p):
    return torch.optim.SGD(groups(p, .01), lr=.05, momentum=.9, nesterov=True)


def plain(p):
    return torch.optim.SGD(p, lr=.1)


TABLE = {
    "sgd": curve(sgd),
    "adam": curve(lambda p: torch.optim.Adam(groups(p, .01), lr=.01)),
    "adamw": curve(lambda p: torch.optim.AdamW(groups(p, .1), lr=.01)),
    "rmsprop": curve(lambda p: RMSPropTF(p, .01, .9, .9, 1e-3, 1e-3, 1.)),
    "rmsprop_from_zero": curve(lambda p: RMSPropTF(p, .002, .9, .9, 1e-3, 1e-3, 0.)),
    "lamb": curve(lambda p: Lamb(p, .02, .01)),
    "clip_norm": curve(plain, clip=lambda p: torch.nn.utils.clip_grad_norm_(p, .5)),
    "clip_value": curve(plain, clip=lambda p: torch.nn.utils.clip_grad_value_(p, .02)),
    "smoothing": curve(plain, lambda z: F.cross_entropy(z, LABELS, label_smoothing=.1)),
    "class_weights": curve(plain, lambda z: F.cross_entropy(z, LABELS, weight=CLASS_WEIGHTS, reduction="none").mean()),
    "mixed": curve(plain, lambda z: F.cross_entropy(z, MIXED)),
    "bce": curve(plain, lambda z: F.binary_cross_entropy_with_logits(z, F.one_hot(LABELS, 5).double())),
    "bce_mixed": curve(plain, lambda z: F.binary_cross_entropy_with_logits(z, MIXED)),
}
for name, values in TABLE.items():
    print(name, *(f"{v:.12g}" for v in values))
