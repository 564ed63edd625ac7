#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes schedules.txt: what PyTorch's schedulers say at some steps. Each line: name, then the rates of steps 0, 1, ...

    python3 make_schedules.py > schedules.txt"""
import warnings

import torch
from torch.optim import lr_scheduler as ls

warnings.simplefilter("ignore")


def rates(make, steps, rate):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    scheduler, out = make(optimizer), []
    for _ in range(steps):
        out.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return out


def warm(optimizer, after, steps, start):
    first = ls.LinearLR(optimizer, start_factor=start, total_iters=steps)
    return ls.SequentialLR(optimizer, [first, after], milestones=[steps])


def plateau(measures, **options):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.)
    scheduler, out = ls.ReduceLROnPlateau(optimizer, **options), []
    for m in measures:
        scheduler.step(m)
        out.append(optimizer.param_groups[0]["lr"])
    return out


FALLING = [5, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 3, 2.9999, 2.5, 2.6]
TABLE = {
    "step": rates(lambda o: ls.StepLR(o, 3, gamma=.5), 12, .1),
    "milestones": rates(lambda o: ls.MultiStepLR(o, [2, 7], gamma=.1), 12, .1),
    "exponential": rates(lambda o: ls.ExponentialLR(o, .97), 12, .1),
    "cosine": rates(lambda o: ls.CosineAnnealingLR(o, 11, eta_min=.001), 12, .1),
    "polynomial": rates(lambda o: ls.PolynomialLR(o, 11, power=2.), 12, .1),
    "warm_cosine": rates(lambda o: warm(o, ls.CosineAnnealingLR(o, 9), 3, .1), 12, .1),
    "warm_polynomial": rates(lambda o: warm(o, ls.PolynomialLR(o, 8, power=1.), 4, .01), 12, .1),
    "one_cycle": rates(lambda o: ls.OneCycleLR(o, .3, total_steps=12), 12, .1),
    "one_cycle_linear": rates(lambda o: ls.OneCycleLR(o, .3, total_steps=12, pct_start=.45, div_factor=10,
                                                      final_div_factor=100, anneal_strategy="linear"), 12, .1),
    "plateau": plateau(FALLING, factor=.5, patience=2),
    "plateau_cooldown": plateau(FALLING, factor=.5, patience=1, cooldown=2),
    "plateau_largest": plateau([10 - m for m in FALLING], factor=.1, patience=3, mode="max", threshold=.1),
}
for name, values in TABLE.items():
    print(name, *(f"{v:.12g}" for v in values))
