#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""For developers: writes whole modules as torch.save(module) pickles them: fixtures/answers-*.pth, each of one
convolution, one dense layer and something without tensors, and fixtures/layers.pth, of layers with options. Needs
torch; the suite reads what is committed.

    make_module_fixtures.py
"""
import os

import torch
from torch import nn

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")


def network(pool, *behind):
    return nn.Sequential(nn.Conv2d(1, 1, 1), nn.Sigmoid(), pool, nn.Flatten(), nn.Linear(1, 2), *behind)


def main():
    mean = nn.AdaptiveAvgPool2d(1)
    named = network(mean)
    named.add_module("maxpool", nn.Identity())
    layers = nn.Sequential(nn.Conv2d(2, 4, (3, 1), stride=(2, 1), padding=(1, 0), dilation=2, groups=2),
                           nn.BatchNorm2d(4, eps=1e-3), nn.Conv2d(4, 1, 1, padding="same"),
                           nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), nn.ZeroPad2d(1),
                           nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.AvgPool2d((2, 1)))
    torch.save(layers, os.path.join(HERE, "layers.pth"))
    net = nn.Sequential(nn.Linear(1, 1))  # what a call makes of a module, and of a dictionary
    torch.save(torch.compile(net, backend="eager"), os.path.join(HERE, "module-compiled.pth"))
    torch.save(torch.fx.symbolic_trace(net), os.path.join(HERE, "module-traced.pth"))
    for name, module in {"plain": network(mean, nn.Dropout()), "sigmoid": network(mean, nn.Sigmoid()),
                         "softmax": nn.Sequential(network(mean), nn.LogSoftmax(1)),
                         "maximum": network(nn.AdaptiveMaxPool2d(1)), "pool": named}.items():
        torch.save(module, os.path.join(HERE, f"answers-{name}.pth"))


if __name__ == "__main__":
    main()
