#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The contract of weft classify and weft eval, and of convert for them, and the example programs: sh classify.sh CASE
# WEFT PROBE MAKE_WEIGHTS SOURCE_DIR WORK_DIR SANITIZED CC LIBRARY. Every check prints what it expected; exit code 77:
# cannot be run here.
set -u
case=$1 weft=$2 probe=$3 make_weights=$4 source=$5 work=$6 sanitized=$7 cc=$8 library=$9
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 99
fixtures=$source/tests/data/fixtures
good="$fixtures/444.jpg $fixtures/rgb8.png $fixtures/grey.jpg"
. "${0%/*}/checks.sh"
input=in

json() { "$probe" json out "$1"; }

: > in
digits="zero one two three four five six seven eight nine"
case_classify() {
    refuses 2 "IMAGE is missing" classify lenet5
    refuses 2 "no weights for lenet5: give a file of torchvision, timm or Keras by --weights" classify lenet5 a.jpg
    refuses 2 "published are https://download.pytorch.org/models/resnet18-f37072fd.pth" classify resnet18 a.jpg
    refuses 66 "did you mean 'lenet5'" classify lenet6 --seed 1 a.jpg
    refuses 66 "no.safetensors: cannot be opened" classify lenet5 --weights no.safetensors a.jpg
    refuses 66 "no.safetensors: cannot be opened" classify no.safetensors a.jpg
    echo "not weights" > bad.safetensors
    refuses 65 "bad.safetensors" classify bad.safetensors a.jpg
    refuses 2 "--weights is given too" classify ./bad.safetensors --weights x.pth a.jpg
    "$make_weights" lenet5 keras lenet.safetensors $digits || fail make_weights
    refuses 2 "--seed is for networks without weights" classify lenet.safetensors --seed 1 a.jpg
    refuses 2 "are of lenet5 (keras), not of vgg16" classify vgg16 --weights lenet.safetensors a.jpg

    expect 0 classify lenet.safetensors $good
    has out 444.jpg rgb8.png grey.jpg " %  "
    has err "lenet5 (keras" "3 images in"
    equal "lines of text" "$(wc -l < out)" 18
    expect 0 classify lenet.safetensors $good --json --top 2
    equal "json images" "$(json images)" 3
    equal "json answers" "$(json images.1.top)" 2
    equal model "$(json model)" lenet5
    grep -q '"name": "\(zero\|one\|two\|three\|four\|five\|six\|seven\|eight\|nine\)"' out || fail "no label"
    for how in "-b 1" "-b 2" "-b 7" "-t 1" "-t 3" "--weights lenet.safetensors"; do
        cp out first
        model=lenet.safetensors
        [ "$how" = "--weights lenet.safetensors" ] && model=LeNet5\ -Dkeras
        expect 0 classify $model $good --json --top 2 $how
        cmp -s out first || fail "weft classify $how answers otherwise"
    done
    expect 0 classify lenet.safetensors $good -k 1000
    equal "lines of all classes" "$(wc -l < out)" 33

    printf '%s\n\n%s\n' $fixtures/444.jpg $fixtures/grey.jpg > in
    expect 0 classify lenet.safetensors - --json
    equal "images of standard input" "$(json images)" 2
    printf '%s\0' $fixtures/444.jpg $fixtures/grey.jpg "a
b.jpg" > in
    expect 65 classify lenet.safetensors - --json
    equal "images of find -print0" "$(json images)" 3
    equal "the third" "$(json images.2.file)" "a
b.jpg"
    equal "the second" "$(json images.1.file)" $fixtures/grey.jpg
    mkfifo pipe # nobody writes into it
    refuses 65 "pipe: is not a regular file" convert lenet.safetensors out.safetensors --classes pipe
    refuses 66 "nosuch.txt" convert lenet.safetensors out.safetensors --classes nosuch.txt
    printf '%s\n\n%s\n' $fixtures/444.jpg $fixtures/grey.jpg > in
    expect 0 classify lenet.safetensors $fixtures/rgb8.png - --json
    equal "images of both" "$(json images)" 3
    : > in

    expect 65 classify lenet.safetensors $fixtures/444.jpg $fixtures/bad-crc.png no.jpg $fixtures/grey.jpg --json
    equal "images with bad ones" "$(json images)" 4
    grep -q '"error": ".*CRC error' out || fail "the bad image has no error in JSON"
    has err "bad-crc.png" "no.jpg: cannot be opened"

    expect 0 classify lenet5 -Dkeras --seed 3 $fixtures/444.jpg
    has err "RANDOM WEIGHTS"
    has out "class "
    expect 0 classify mobilenet-0.25 --seed 3 $fixtures/444.jpg --json
    grep -q '"id": "n[0-9]*"' out || fail "no WordNet id"
}

# What strangers wrote (names of files, labels, metadata) reaches the terminal as text only.
case_escapes() {
    esc=$(printf 'a\033[31mred\007') bidi=$(printf 'b\342\200\256gpj') c1=$(printf 'c\302\2331m') raw=$(printf 'd\377')
    harmless() { # nothing that a terminal obeys in out and err
        for file in out err; do
            found=$(LC_ALL=C tr -d '\n' < $file |
                LC_ALL=C grep -c "[[:cntrl:]]\|$(printf '\302[\200-\237]')\|$(printf '\342\200[\250-\256]')\|$raw")
            equal "lines of $file with control characters, $1" "$found" 0
        done
    }
    "$make_weights" lenet5 keras lenet.safetensors "$esc" "$bidi" "$c1" 3 4 5 6 7 8 "é $esc" || fail make_weights
    cp $fixtures/444.jpg "$esc.jpg"
    cp $fixtures/444.jpg "$raw.jpg"
    expect 65 classify lenet.safetensors "$esc.jpg" "$raw.jpg" "$bidi.png" -k 10
    harmless "text"
    has out 'a\x1b[31mred\x07.jpg' 'd\xff.jpg' '  a\x1b[31mred\x07' 'b\xe2\x80\xaegpj' 'c\xc2\x9b1m' '  é a'
    has err 'b\xe2\x80\xaegpj.png'
    expect 65 classify lenet.safetensors "$esc.jpg" "$raw.jpg" "$bidi.png" -k 10 --json
    harmless "JSON"
    has out '"file": "d\\xff.jpg"' '\u009b1m' '\u202egpj' '\u001B[31mred\u0007' '"é a'
    equal "the name comes back" "$(json images.0.file)" "$esc.jpg"
    mkdir -p "data/$esc" data/1
    cp $good data/1
    expect 65 eval lenet.safetensors --data data
    harmless "eval"
    rm -r data
    for class in 0 1 2 3 4 5 6 7 8 9; do
        mkdir -p data/k$class
        cp $fixtures/444.jpg data/k$class
    done
    expect 0 eval lenet.safetensors --data data --csv classes.csv
    cp classes.csv out
    harmless "CSV"
    has out '0,,a\x1b[31mred\x07,1,'
    echo "not weights" > "$esc.safetensors"
    expect 65 convert "$esc.safetensors" out.safetensors
    harmless "convert"
    expect 2 convert "$esc.safetensors" "$esc.out"
    harmless "usage"
    [ "$(wc -l < err)" -eq 1 ] || fail "the error is not one line"
}

case_recipe() { # the options that set it reach the classifier, of classify and eval
    "$make_weights" lenet5 keras lenet.safetensors $digits || fail make_weights
    expect 0 classify lenet.safetensors $fixtures/444.jpg --json --mean .5 --std .25 --crop 0.5 --interpolation bicubic
    has out "px=32 channels=1 fit=short side=64 resample=bicubic preprocess=unit mean=0.5 std=0.25"
    expect 0 classify lenet.safetensors $fixtures/444.jpg --json --recipe "fit=crop share=0.5" --activation sigmoid
    has out "fit=crop share=0.500000" '"activation": "sigmoid"'
    mkdir -p data/zero && cp $fixtures/444.jpg data/zero
    cp $fixtures/gif-named.jpg data/zero/a.gif
    expect 0 eval lenet.safetensors --data data --json --mean .5 --std .25
    has out "mean=0.5 std=0.25"
    has err "not looked at: 1 .gif (data/zero/a.gif)"
    has out '".gif": 1'
    refuses 65 "colour=red" classify lenet.safetensors $fixtures/444.jpg --recipe colour=red
    refuses 65 "mean without std" eval lenet.safetensors --data data --mean .5
    refuses 65 "another size of image" classify lenet.safetensors $fixtures/444.jpg --px 64
    mkfifo pipe
    refuses 65 "pipe: is not a regular file" classify lenet.safetensors $fixtures/444.jpg --classes pipe
    refuses 65 "pipe: is not a regular file" eval lenet.safetensors --data data --labels pipe
    refuses 65 "pipe: is not a regular file" convert lenet.safetensors out.safetensors --model lenet5 --classes pipe
    printf 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n' > names.txt
    expect 0 classify lenet.safetensors $fixtures/444.jpg --json --top 10 --classes names.txt
    has out '"name": "j"'
}

# Which dictionary of a checkpoint is read: state_dict is all zero, state_dict_ema is not.
case_key() {
    "$(dirname "$make_weights")/cli_make_checkpoint" lenet5 keras run.pth || fail make_checkpoint
    model="lenet5 -Dkeras --weights run.pth"
    said='run.pth: the tensors under "state_dict" are taken; it also has: state_dict_ema (--key)'
    mkdir -p data/0
    cp $good data/0
    for class in 1 2 3 4 5 6 7 8 9; do
        mkdir data/$class
        cp $fixtures/grey.jpg data/$class
    done
    expect 0 classify $model $fixtures/444.jpg --top 1
    has out " 10.0 % "
    has err "$said"
    equal "lines about the key" "$(grep -c state_dict err)" 1
    expect 0 classify $model $fixtures/444.jpg --top 1 --key state_dict
    has out " 10.0 % "
    grep -q state_dict err && fail "classify: the key that was asked for is told"
    expect 0 classify $model $fixtures/444.jpg --top 1 --key state_dict_ema
    grep -qF " 10.0 % " out && fail "classify --key state_dict_ema: reads the other dictionary"
    cp out averages
    refuses 65 'no tensors under the key "ema"; there are under: state_dict, state_dict_ema' \
        classify $model $fixtures/444.jpg --key ema
    refuses 2 "--key is of a weight file" classify lenet5 --seed 1 $fixtures/444.jpg --key ema

    expect 0 eval $model --data data --json
    has err "$said"
    cp out plain
    expect 0 eval $model --data data --json --key state_dict_ema
    grep -q state_dict err && fail "eval: the key that was asked for is told"
    [ "$(grep calibration_error out)" = "$(grep calibration_error plain)" ] && fail "eval --key: the same answers"
    refuses 65 "there are under: state_dict, state_dict_ema" eval $model --data data --key ema

    expect 0 convert run.pth plain.safetensors --model lenet5 -Dkeras
    has out "taken:    state_dict" "also has: state_dict_ema"
    expect 0 convert run.pth ema.safetensors --model lenet5 -Dkeras --key state_dict_ema
    has out "taken:    state_dict_ema"
    expect 0 classify ema.safetensors $fixtures/444.jpg --top 1
    cmp -s out averages || fail "convert --key state_dict_ema: other weights than classify's"
    refuses 65 "there are under: state_dict, state_dict_ema" convert run.pth ema.npz --key ema
    [ -e ema.npz ] && fail "convert: a file is written with an unknown key"
    refuses 65 'there are no tensors under the key "ema"' convert plain.safetensors ema.npz --key ema

    expect 0 diff lenet5 -Dkeras run.pth plain.safetensors
    has err "$said"
    expect 1 diff lenet5 -Dkeras run.pth plain.safetensors --key state_dict_ema
    expect 0 diff lenet5 -Dkeras run.pth ema.safetensors --key state_dict_ema
    expect 1 diff lenet5 -Dkeras run.pth run.pth --key-b state_dict_ema
    expect 0 diff lenet5 -Dkeras ema.safetensors run.pth --key-b state_dict_ema
    refuses 2 "--key-b is of the file B" diff lenet5 -Dkeras run.pth --key-b x
    refuses 65 "there are under: state_dict, state_dict_ema" diff lenet5 -Dkeras run.pth --key x
}

# What convert is told of photographs and outputs stays with the weights: classify needs no options.
case_convert() {
    "$make_weights" lenet5 keras lenet.safetensors $digits || fail make_weights
    how="--mean .5 --std .25 --crop .5 --interpolation bicubic --activation sigmoid"
    expect 0 classify lenet.safetensors $fixtures/444.jpg $how
    cp out asked
    expect 0 convert lenet.safetensors mine.safetensors $how
    expect 0 classify mine.safetensors $fixtures/444.jpg
    cmp -s out asked || fail "the converted file is classified otherwise than with the same options"
    expect 0 classify lenet.safetensors $fixtures/444.jpg
    cmp -s out asked && fail "the options change nothing"
    expect 0 classify mine.safetensors $fixtures/444.jpg --json
    has out "px=32 channels=1 fit=short side=64 resample=bicubic preprocess=unit mean=0.5 std=0.25" \
        '"activation": "sigmoid"'
    expect 0 convert mine.safetensors again.npz --recipe "fit=squash preprocess=tf" # only that, of what the file says
    expect 0 classify again.npz $fixtures/444.jpg --json
    has out "px=32 channels=1 fit=squash resample=bicubic preprocess=tf\"" '"activation": "sigmoid"'
    refuses 65 "colour=red" convert lenet.safetensors no.npz --recipe colour=red
    refuses 65 "mean without std" convert lenet.safetensors no.npz --mean .5
    refuses 65 "another size of image" convert lenet.safetensors no.npz --px 64
    refuses 65 "images of 3 channels, lenet5 takes 1" convert lenet.safetensors no.npz --recipe channels=3
    refuses 2 "'relu'" convert lenet.safetensors no.npz --activation relu
    [ -e no.npz ] && fail "a file is written with what was refused"
}

# A user's own file in place of a network's name: its classes, images and numbers.
case_file() {
    "$make_weights" lenet5 keras mine.safetensors $digits eleven || fail make_weights
    "$make_weights" mobilenet-0.25 keras small.safetensors cat dog || fail make_weights
    expect 0 summary mine.safetensors --json
    equal model "$(json model)" lenet5
    equal classes "$(json classes)" 11
    equal weights "$(json weights)" mine.safetensors
    expect 0 summary mine.safetensors
    has out "weights      mine.safetensors: 11 classes" "c1/conv2d"
    expect 0 summary small.safetensors --px 96 --json
    equal pixels "$(json input.1)" 96
    refuses 2 "mine.safetensors is of 11 classes" summary mine.safetensors --classes 10
    refuses 66 "no.pth" summary no.pth
    refuses 65 "not a regular file" summary /dev/null

    expect 0 explain small.safetensors --px 64 --json
    equal "explained model" "$(json model)" mobilenet-0.25
    expect 0 bench mine.safetensors small.safetensors --px 32 --min-time 0 --reps 2 --warmup 0 -b 1 -o json
    equal "benched classes" "$(json results.0.classes)" 11
    equal "benched file" "$(json results.1.weights)" small.safetensors
    equal "benched pixels" "$(json results.1.px)" 32
    expect 65 bench mine.safetensors --px 48 -b 1 --min-time 0 --reps 1
    has err "tensor f6/weight has shape [84, 120], expected [84, 3000]"

    expect 0 summary mine.safetensors --check --json
    equal finite "$(json finite)" true
    equal digest "$(json sha256)" "$(sha256sum < mine.safetensors | cut -d' ' -f1)"
    size=$(wc -c < mine.safetensors)
    head -c $((size - 8)) mine.safetensors | LC_ALL=C sed s/weft.crc32/some.crc32/ > nan.safetensors
    printf '\000\000\300\177\000\000\200\377' >> nan.safetensors # a NaN and an infinity
    expect 76 summary nan.safetensors --check
    has err "1 of 10 tensors hold NaN or infinity, the first is "
    expect 76 summary nan.safetensors --check --json
    equal "not finite" "$(json finite)" false
    # What a few words in a file ask for is bounded by the network, wherever a file is taken.
    expect 0 convert mine.safetensors own.safetensors
    sed 's/px=32 channels=1 fit=squash/px=4096 channels=1 fit=crop/; s/weft.crc32/some.crc32/' own.safetensors \
        > large.safetensors
    sed 's/"weft.classes":"11"/"weft.classes":"12"/; s/weft.crc32/some.crc32/' own.safetensors > twelve.safetensors
    mkdir -p set/a set/b
    cp $fixtures/444.jpg set/a
    cp $fixtures/grey.jpg set/b
    quick="-b 1 --min-time 0 --reps 1 --warmup 0"
    for command in "classify large.safetensors $fixtures/444.jpg" "summary large.safetensors" \
        "explain large.safetensors" "bench large.safetensors $quick" "convert large.safetensors no.npz" \
        "eval large.safetensors --data set" "train lenet5 -Dkeras --weights large.safetensors --data set --dry-run"; do
        refuses 65 "large.safetensors: the recipe makes images of 4096 pixels; lenet5 is for 32, and 256" $command
    done
    refuses 65 "weft.classes is 12, the tensors are of 11 classes" convert twelve.safetensors no.npz
    [ -e no.npz ] && fail "a file is written with what was refused"
    cp mine.safetensors mine-0badc0de.safetensors
    expect 0 summary mine-0badc0de.safetensors --check
    has err "the name says that the SHA-256 begins with 0badc0de"
    cp mine.safetensors xlenet5.safetensors
    expect 0 summary xlenet5.safetensors
    [ -s err ] && fail "a file that says its network is doubted for its name"
}

case_inputs() { # folders, images and names on standard input
    "$make_weights" lenet5 keras lenet.safetensors $digits || fail make_weights
    mkdir -p photos/deep
    cp $fixtures/444.jpg photos/a.jpg
    cp $fixtures/rgb8.png photos/deep/b.png
    cp $fixtures/lossy.webp photos/deep/c.webp
    cp $fixtures/gif-named.jpg photos/d.gif
    expect 0 classify lenet.safetensors photos --json
    equal "images of a folder" "$(json images)" 3
    equal "the last of them" "$(json images.2.file)" photos/deep/c.webp
    has err "not looked at: 1 .gif (photos/d.gif)"
    mkdir none
    refuses 65 "none: no images in it" classify lenet.safetensors none
    for image in rgb8.png 444.jpg lossy.webp rgb.tif rgb24.bmp rgb.ppm; do
        expect 0 classify lenet.safetensors $fixtures/$image --json --top 1
        equal file "$(json images.0.file)" $fixtures/$image
        class=$(json images.0.top.0.class)
        cp $fixtures/$image in
        expect 0 classify lenet.safetensors - --json --top 1
        equal "images through a pipe" "$(json images)" 1
        equal "the class of $image through a pipe" "$(json images.0.top.0.class)" "$class"
    done
    "$weft" classify lenet.safetensors - < /dev/zero > out 2> err
    equal "exit code of a pipe of nothing that does not end" $? 65
    has err "empty names"
    { cat $fixtures/444.jpg && head -c 80000000 /dev/zero; } | "$weft" classify lenet.safetensors - > out 2> err
    equal "exit code of a picture that does not end" $? 65
    has err "the most that were expected of an image with this header"
    head -c 2000000 /dev/zero | tr '\0' x | "$weft" classify lenet.safetensors - > out 2> err
    equal "exit code of a name that does not end" $? 65
    has err "a name of more than"
    head -c 500 $fixtures/444.jpg > in
    expect 65 classify lenet.safetensors -
    has err "standard input"
    cp photos/a.jpg BMW.jpg
    cp photos/a.jpg P6
    for separator in '\n' '\0'; do
        printf "BMW.jpg$separator$separator""P6$separator""photos/deep" > in
        expect 0 classify lenet.safetensors - --json
        equal "images by names" "$(json images)" 4
    done
    : > in
}

case_eval() {
    for class in 0 1 2 3 4 5 6 7 8 9; do
        mkdir -p data/$class
        cp $good data/$class
    done
    model="lenet5 -Dkeras --seed 3"
    refuses 2 "--data DATA is missing" eval $model
    expect 66 eval $model --data none
    has err "none: cannot be listed"
    expect 0 eval $model --data data --json --csv classes.csv --confusion confusion.csv
    equal images "$(json images)" 30
    equal rule "$(json classes_by)" "sorted order"
    equal "top-1" "$(json top1_right)" 3 # each of the three images lies in every class once
    equal "top-5" "$(json top5_right)" 15
    equal "lines of classes.csv" "$(wc -l < classes.csv)" 11
    equal "images of classes.csv" "$(awk -F, 'NR > 1 { n += $4 } END { print n }' classes.csv)" 30
    equal "top-1 of classes.csv" "$(awk -F, 'NR > 1 { n += $5 } END { print n }' classes.csv)" 3
    equal "confusion.csv" "$(awk -F, 'NR > 1 { n += $7; d += $1 == $4 ? $7 : 0 } END { print n, d }' confusion.csv)" \
        "30 3"
    equal "classes that are scored" "$(awk -F, 'NR > 1 && $9 > 0 { n++ } END { print n }' classes.csv)" \
        "$(awk -F, 'NR > 1 && $5 > 0 { n++ } END { print n }' classes.csv)"
    expect 0 eval $model --data data --json --predictions images.csv --confusion confusion.svg
    equal "lines of images.csv" "$(wc -l < images.csv)" 31
    equal "right ones of images.csv" "$(awk -F, 'NR > 1 { n += $9; f += $10 } END { print n, f }' images.csv)" "3 15"
    equal "cells of confusion.svg" "$(grep -c '<rect.*<title>' confusion.svg)" "$(($(wc -l < confusion.csv) - 1))"
    has confusion.svg "class 3, taken for class" "3 of 30 images right" "</svg>"
    has out '"calibration_error"' '"macro_f1"'
    expect 0 eval $model --data data --batch 4 --threads 1
    has out "macro F1" "expected calibration error"
    has out "top-1  10.000 %   3 right" "top-5  50.000 %   15 right" "images/s"
    expect 0 eval $model --data data --limit 10 --json
    equal "limited images" "$(json images)" 10
    # What is published is of ImageNet, and of two classes nobody misses five.
    "$make_weights" mobilenet-0.25 keras pets.safetensors cat dog || fail make_weights
    mkdir -p pets/cat pets/dog
    cp $good pets/cat
    cp $good pets/dog
    expect 0 eval pets.safetensors --data pets --px 32
    has out "6 images of pets" "top-1  50.000 %   3 right"
    grep -E 'publishes|top-5' out && fail "eval: figures that are not of these images"

    cp $fixtures/bad-crc.png data/3
    expect 65 eval $model --data data
    has err "bad-crc.png" "CRC error"
    expect 0 eval $model --data data --bad-images skip:1 --json
    equal "images without the bad one" "$(json images)" 30
    equal "bad images" "$(json bad_images)" 1
    refuses 2 "neither fail nor skip:N" eval $model --data data --bad-images skip
    mv data/9 data/n00000001 && mkdir data/10 data/11
    expect 65 eval $model --data data
    has err "12 folders"

    mkdir flat
    cp $fixtures/444.jpg flat/ILSVRC2012_val_00000001.JPEG
    cp $fixtures/grey.jpg flat/ILSVRC2012_val_00000002.JPEG
    printf '3\n9\n' > labels.txt
    expect 0 eval $model --data flat --labels labels.txt --json
    equal "rule of the flat layout" "$(json classes_by)" "label file"
    expect 73 eval $model --data flat --labels labels.txt --csv none/classes.csv
    expect 65 eval $model --data data --predictions failed.csv
    [ -e failed.csv ] && fail "a file is left of a run that failed"
    mkdir kept
    for option in csv confusion predictions; do
        echo old > kept/$option
        expect 65 eval $model --data data --$option kept/$option
        told=$(ulimit -f 0
            "$weft" eval $model --data flat --labels labels.txt -q --$option kept/$option 2>&1 > /dev/null
            echo " $?")
        equal "--$option over the limit of a file's size" "$told" \
            "weft: --$option: cannot write kept/$option: File too large
 74"
        equal "the file of before" "$(cat kept/$option)" old
    done
    equal "files in their folder" "$(ls -A kept | tr '\n' ' ')" "confusion csv predictions "
    chmod 640 kept/csv
    ln -s kept/csv link
    expect 0 eval $model --data flat --labels labels.txt --csv link --predictions /dev/stdout
    equal "where the link leads" "$(head -c 6 kept/csv) $(stat -c %a kept/csv)" "class, 640"
    has out "file,"
    printf '3\n10\n' > labels.txt
    expect 65 eval $model --data flat --labels labels.txt
    has err "development kit"
}

# The C example, and that it is as short as the README says.
case_example() {
    [ "$sanitized" = 1 ] && exit 77
    "$make_weights" lenet5 keras lenet.safetensors $digits || fail make_weights
    folder=$(dirname "$library")
    "$cc" -std=c11 -Wall -Wextra -Werror -I"$source/include" "$source/docs/examples/classify.c" -o classify \
        -L"$folder" -lweft -Wl,-rpath,"$folder" || fail "classify.c does not compile"
    [ "$(wc -l < "$source/docs/examples/classify.c")" -lt 60 ] || fail "classify.c has 60 lines or more"
    ./classify lenet.safetensors $fixtures/444.jpg > out 2> err || fail "classify.c"
    equal "lines of classify.c" "$(wc -l < out)" 5
    cp out by_c
    "$weft" classify lenet.safetensors $fixtures/444.jpg --json > out 2> err || fail "weft classify"
    grep -qF "$(json images.0.top.0.name)" by_c || fail "classify.c and weft classify differ"
    ./classify lenet.safetensors no.jpg > out 2> err && fail "classify.c takes no.jpg"
    has err "no.jpg"
}

case_python() {
    command -v python3 > /dev/null || { echo "skipped: there is no python3"; exit 77; }
    [ "$sanitized" = 1 ] && { echo "skipped: Python cannot load a sanitized library"; exit 77; }
    "$make_weights" lenet5 keras lenet.safetensors $digits || fail make_weights
    WEFT_LIBRARY=$library python3 "$source/docs/examples/classify.py" lenet.safetensors $fixtures/444.jpg \
        $fixtures/grey.jpg > out 2> err || fail "classify.py"
    equal "lines of classify.py" "$(wc -l < out)" 10
    cp out by_python
    "$weft" classify lenet.safetensors $fixtures/444.jpg --json > out 2> err || fail "weft classify"
    head -1 by_python | grep -qF "$(json images.0.top.0.name)" || fail "classify.py and weft classify differ"
    WEFT_LIBRARY=$library python3 "$source/docs/examples/classify.py" no.safetensors x.jpg > out 2> err &&
        fail "classify.py takes no.safetensors"
    has err "no.safetensors"
}

case_$case
[ $failures -eq 0 ]
