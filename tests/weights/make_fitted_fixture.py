#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""For developers: writes fixtures/keras/fitted.keras, a model as Keras 2 saves it behind fit(): with variables of the
optimizer and of metrics, and layers that are counted by class. Needs tf-keras; the suite reads what is committed."""
import os

import numpy as np
import tf_keras as keras

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "keras")


def main():
    layers = keras.layers
    model = keras.Sequential([layers.InputLayer((4, 4, 1)), layers.Conv2D(2, 3, name="conv"), layers.Flatten(),
                              layers.Dense(3, name="preds")])
    model.compile("sgd", "mse", metrics=["accuracy"])
    model.fit(np.zeros((2, 4, 4, 1)), np.zeros((2, 3)), verbose=0)
    model.save(os.path.join(HERE, "fitted.keras"))


if __name__ == "__main__":
    main()
