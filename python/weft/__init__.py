# SPDX-License-Identifier: Apache-2.0
"""Convolutional networks, by the C library weft: weights of torchvision, timm and Keras classify photographs.

    model = weft.load("efficientnet-lite0-57934424.pth")
    model.classify("coffee.jpg")[0].name
"""
from ._library import Error, version
from .model import Answer, Model, Network, load, models

__all__ = ["Answer", "Error", "Model", "Network", "load", "models", "version"]
__version__ = version()
