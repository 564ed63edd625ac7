#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""For developers: writes fixtures/answers-*.pth, whole modules as torch.save(module) pickles them, each of one
convolution, one dense layer and something without tensors. Needs torch; the suite reads what is committed.

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
    for name, module in {"plain": network(mean, nn.Dropout()), "sigmoid": network(mean, nn.Sigmoid()),
                         "softmax": nn.Sequential(network(mean), nn.LogSoftmax(1)),
                         "maximum": network(nn.AdaptiveMaxPool2d(1)), "pool": named}.items():
        torch.save(module, os.path.join(HERE, f"answers-{name}.pth"))


if __name__ == "__main__":
    main()
