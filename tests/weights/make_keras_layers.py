#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""For developers: writes layers-keras.gz, what Keras says of the layers of its networks.

A line for each network, with its classifier and without: Keras' version, the network, and the model's JSON with only
what weft reads of a layer behind the network: its class, name, activation and bounds. Needs keras with TensorFlow, or
tf-keras for Keras 2; each run replaces the lines of its own version.

    make_keras_layers.py [keras|tf_keras]
"""
import gzip, importlib, json, os, sys

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "layers-keras.gz")
NETWORKS = ["VGG16", "ResNet50", "ResNet50V2", "InceptionV3", "InceptionResNetV2", "Xception", "MobileNet",
            "MobileNetV2", "DenseNet121", "NASNetMobile", "EfficientNetB0"]
KEPT = ("name", "activation", "max_value", "negative_slope", "threshold")


def bare(layer):
    config = {k: v for k, v in layer["config"].items() if k in KEPT}
    if "layers" in layer["config"]:
        config["layers"] = [bare(inner) for inner in layer["config"]["layers"]]
    return {"class_name": layer["class_name"], "config": config}


def main():
    keras = importlib.import_module(sys.argv[1] if len(sys.argv) > 1 else "keras")
    version = keras.__version__.split(".")[0]
    lines = []
    if os.path.exists(HERE):
        lines = [line for line in gzip.open(HERE, "rt").read().splitlines() if not line.startswith(version)]
    for network in NETWORKS:
        for top in (True, False):
            model = getattr(keras.applications, network)(weights=None, include_top=top)
            text = json.dumps(bare(json.loads(model.to_json())), separators=(",", ":"))
            lines.append(f"{version} {network}{'' if top else '-base'} {text}")
    with open(HERE, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as out:
        out.write(("\n".join(sorted(lines)) + "\n").encode())


if __name__ == "__main__":
    main()
