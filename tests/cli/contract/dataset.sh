#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Sets to train on: what weft dataset and its commands say of them.
# sh dataset.sh CASE WEFT PROBE SOURCE_DIR WORK_DIR SANITIZED
. "$(dirname "$0")/checks.sh"

images=$source/tests/cli/images

# A tree with two parts: 3 cats and 1 dog to train on, 1 dog to test.
make_tree() {
    mkdir -p t/train/cat t/train/dog t/test/dog
    for i in 1 2 3; do
        cp "$images/a-good.jpg" t/train/cat/$i.jpg
    done
    cp "$images/c-good.png" t/train/dog/1.png
    cp "$images/c-good.png" t/test/dog/2.png
    : > t/train/dog/notes.txt
}

# IDX files: 4 images of 2 x 2 pixels, 2 classes.
make_idx() {
    mkdir -p idx
    printf '\0\0\10\3\0\0\0\4\0\0\0\2\0\0\0\2\0\0\0\0\377\377\377\377\0\0\377\377\0\377\0\377' \
        > idx/train-images-idx3-ubyte
    printf '\0\0\10\1\0\0\0\4\0\1\0\1' > idx/train-labels-idx1-ubyte
}

case_dataset() {
    make_tree
    make_idx
    expect 0 dataset t
    has out "folders in t: train 4, test 1, 2 classes"
    has err "left out: 1 file (.txt), such as t/train/dog/notes.txt"
    equal "cats" "$(awk '$1 == "cat" { print $2, $3 }' out)" "3 0"
    expect 0 dataset idx --json
    equal kind "$(json out kind)" IDX
    equal train "$(json out parts.train)" 4
    equal "images of class 1" "$(json out counts.1.train)" 2
    refuses 2 "DATA is missing" dataset
    refuses 66 "no such folder" dataset nowhere
    refuses 2 "unexpected argument 'chekc'" dataset t chekc
    WEFT_DATA=$PWD/none expect 66 dataset cifar10
    has err "cifar10: not found in the folders of WEFT_DATA" "cifar-10-binary.tar.gz"
    mkdir -p none/mnist && cp idx/* none/mnist
    WEFT_DATA=$PWD/none expect 0 dataset mnist
    has out "IDX in $PWD/none/mnist, 2 x 2 x 1: train 4, 2 classes"
}

case_dataset_check() {
    make_tree
    expect 0 dataset check t --progress never
    has out "5 of 5 images are good"
    has err "class 'dog' has 1 image to train on"
    cp "$images/b-cut.jpg" t/train/cat/4.jpg
    cp "$images/b-cut.jpg" t/test/dog/5.jpg
    for threads in 1 2; do
        expect 65 dataset check t --threads $threads
        has out "t/train/cat/4.jpg" "t/test/dog/5.jpg" "5 of 7 images are good"
    done
    expect 65 dataset check t --json
    equal faults "$(json out faults.1 | cut -c 1-17)" t/test/dog/5.jpg:
}

case_dataset_hash() {
    make_tree
    expect 0 dataset hash t
    cp out list
    equal lines "$(wc -l < list)" 5
    (cd t && sha256sum -c --quiet ../list) || fail "sha256sum does not agree"
    expect 0 dataset hash t --verify list
    has out "5 files: 0 changed, 0 missing, 0 new"
    expect 0 dataset hash t --json
    equal digest "$(json out sha256)" "$(sha256sum < list | cut -d ' ' -f 1)"
    cp "$images/c-good.png" t/train/cat/4.png
    rm t/train/cat/1.jpg
    printf x >> t/train/cat/2.jpg
    expect 65 dataset hash t --verify list
    has out "train/cat/1.jpg: is in the list, not in the set" "train/cat/2.jpg: is another file" \
        "train/cat/4.png: is in the set, not in the list" "5 files: 1 changed, 1 missing, 1 new"
    echo "no digest" > list
    expect 65 dataset hash t --verify list
    has err "list: line 1"
    expect 66 dataset hash t --verify nothing
}

case_dataset_stats() {
    make_idx
    expect 0 dataset stats idx --json
    equal mean "$(json out mean.0)" 0.5
    equal std "$(json out std.0)" 0.5
    equal imbalance "$(json out imbalance)" 1
    make_tree
    expect 0 dataset stats t
    has out "imbalance    3.0: 'cat' has 3 images to train on, 'dog' 1" "of 0..1, at 224 x 224"
    expect 0 dataset stats t --json --px 32 --limit 2
    equal channels "$(json out mean)" 3
    equal looked_at "$(json out looked_at)" 2
}

case_dataset_preview() {
    make_idx
    expect 0 dataset preview idx --rows 2 --cols 3 --augment "crop-pad 1, flip" -o seen.png
    has out "seen.png: 3 x 2 images of 2 x 2 pixels"
    expect 0 dataset preview idx --rows 2 --cols 3 --augment "crop-pad 1, flip" -o again.png
    cmp -s seen.png again.png || fail "the same seed draws another picture"
    mkdir -p seen/a && cp seen.png seen/a
    expect 0 dataset check seen
    expect 0 dataset preview idx --rows 2 --cols 3 --augment "crop-pad 1, flip" --seed 1 -o other.png
    cmp -s seen.png other.png && fail "another seed draws the same picture"
    make_tree
    expect 0 dataset preview t --part test --px 24 --rows 1 --cols 2 --augment "resized-crop, mixup"
    [ -s preview.png ] || fail "no preview.png"
    refuses 2 "did you mean 'flip'" dataset preview idx --augment flap
    expect 73 dataset preview idx -o nowhere/x.png
    refuses 2 "no images in its part 'val'" dataset preview idx --part val
    expect 0 help augment
    has out "trivialaugment" "crop-pad PIXELS"
}

case_dataset_bench() {
    make_tree
    expect 0 dataset bench t --seconds .05 --threads 1 --px 24
    has out "images/s by 1 thread" "decoded as far as needed" "libjpeg-turbo alone" "of its pace" "% of it is"
    equal stages "$(awk '$1 ~ /^(read|decode|resize|augment|convert|all)$/ { printf "%s ", $1 }' out)" \
        "read decode resize augment convert all "
    expect 0 dataset bench t --seconds .05 --threads 2 --px 24 --decode exact --augment none --json
    equal decode "$(json out decode)" exact
    equal px "$(json out px)" 24
    [ "$(json out images)" -gt 0 ] || fail "no images were made"
    [ "$(json out jpegs)" -lt "$(json out stage_images)" ] || fail "a PNG file was taken for a JPEG file"
    equal stage "$(json out stages.1.stage)" decode
    make_idx
    expect 0 dataset bench idx --seconds .05 --threads 1 -o csv
    equal header "$(head -n 1 out)" stage,ms,share,rate
    grep -q libjpeg out && fail "libjpeg-turbo has no part in IDX files"
    refuses 2 "no images in its part 'val'" dataset bench idx --part val
    refuses 2 "did you mean 'flip'" dataset bench idx --augment flap
}

case_dataset_pack() {
    make_tree
    expect 0 dataset pack t t.pack --px 12
    has out "t.pack: 5 images" "5 made smaller, 0 JPEG files as they were"
    [ ! -e t.pack.part ] || fail "t.pack.part is left"
    cp t.pack before
    expect 0 dataset t.pack
    has out "pack in t.pack: train 4, test 1, 2 classes"
    expect 0 dataset check t.pack --progress never
    has out "5 of 5 images are good"
    expect 0 dataset hash t.pack
    (sha256sum -c --quiet out) || fail "sha256sum does not agree"
    expect 0 dataset stats t.pack --px 8
    expect 0 dataset bench t.pack --seconds .05 --threads 1 --px 8
    expect 0 dataset preview t.pack --rows 1 --cols 2 --px 8 --augment "resized-crop, flip"
    expect 0 train lenet5 --data t.pack --px 32 --batch 2 --dry-run
    has out "t.pack (pack): 4 images to train, 1 images to test"
    expect 0 dataset pack t again.pack --px 12 --threads 3 --json
    cmp -s t.pack again.pack || fail "another number of threads writes another file"
    equal resized "$(json out resized)" 5
    equal bytes "$(json out bytes)" "$(wc -c < again.pack)"
    expect 0 dataset pack t raw.pack --px 6 --quality raw
    expect 0 dataset check raw.pack --progress never

    # Accuracy of a part: what went in byte by byte is answered as in the folder.
    printf '%s\n' ant bee cat dog eel fly gnu hen ibis jay > names
    model="lenet5 -Dkeras --seed 3 --classes names"
    expect 0 dataset pack t same.pack --as-stored
    expect 0 eval $model --data t/train --predictions folder.csv
    expect 0 eval $model --data same.pack --part train --predictions packed.csv
    has out "4 images of same.pack (train), classes by class name"
    equal "cats of the pack" "$(grep -o 'train/cat.*' packed.csv)" "$(grep -o 'train/cat.*' folder.csv)"
    expect 0 eval $model --data t.pack --json
    equal part "$(json out part)" test
    equal "images of the part" "$(json out images)" 1
    expect 2 eval $model --data t.pack --part val
    has err "the pack has no images in its part 'val'"
    expect 2 eval $model --data t/train --part val
    has err "which only a pack has"

    # What is damaged is found; what fails leaves the pack that was there.
    printf X | dd of=t.pack bs=1 seek=70 conv=notrunc 2> /dev/null
    expect 65 dataset check t.pack --progress never
    has out "t.pack: entry 0 (train/cat/1.jpg): bytes 64 to" "are damaged" "4 of 5 images are good"
    head -c 500 before > cut.pack
    refuses 65 "cut.pack: has 500 bytes" dataset cut.pack
    refuses 65 "is a file that does not begin with WEFTPACK" dataset "$source/README.md"
    rm t/train/dog/notes.txt
    cp "$images/b-cut.jpg" t/train/cat/4.jpg
    refuses 65 "t/train/cat/4.jpg" dataset pack t before
    expect 0 dataset check before --progress never
    expect 0 dataset pack t before --bad-images skip:1
    has out "before: 5 images" "1 left out"
    has err "left out: t/train/cat/4.jpg"
    make_idx
    refuses 2 "in no need of a pack" dataset pack idx idx.pack
    refuses 2 "'101' is neither 1 to 100 nor raw" dataset pack t x.pack --quality 101
    refuses 2 "no regular file" dataset pack t t
    refuses 74 "cannot be created" dataset pack t nowhere/x.pack
}

run_case
