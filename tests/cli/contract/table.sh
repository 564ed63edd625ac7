#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# weft bench table: its rows, its formats, its picture.
# sh table.sh CASE WEFT PROBE SOURCE_DIR WORK_DIR SANITIZED
. "$(dirname "$0")/checks.sh"

case_table() {
    expect 0 bench table mobilenetv2 lenet5 --batch 1 $quick -o json
    equal rows "$(json out rows)" 2
    equal "the smaller first" "$(json out rows.0.model)" lenet5
    equal params "$(json out rows.1.params)" 3538984
    equal macs "$(json out rows.1.macs)" 300774272
    equal top1 "$(json out rows.1.top1)" 71.3
    equal source "$(json out rows.1.source)" "Keras Applications"
    equal "GPU time published" "$(json out rows.1.gpu_published)" 3.8
    true_that "$(json out rows.1.cpu) > 0 && $(json out rows.1.fma_share) > 0 && $(json out rows.1.bandwidth_share) > 0"
    near "$(json out rows.1.memory)" "$(json out rows.1.memory_predicted)"
    equal "best size" "$(json out rows.0.best.0)" size
    expect 0 bench table mobilenetv2 lenet5 --batch 1 $quick --sort top1 --reverse -o json
    equal "numbers before none" "$(json out rows.0.model)" mobilenetv2
    expect 0 bench table vgg16 vgg19 resnet50 --dialect keras --device null -o json
    equal "resnet50 first" "$(json out rows.0.model)" resnet50
    checks=$((checks + 1))
    json out rows.0.flags 2> probe.err && fail "resnet50 is flagged"
    equal "flag of vgg16" "$(json out rows.1.flags.0)" gpu_published
    equal "null runs nothing" "$(json out rows.1.cpu)" null
    true_that "$(json out rows.1.memory_predicted) > 500000000"
    has out "VGG16 235.7, VGG19 285.6"
    expect 0 bench table --device null -o json
    equal "the book's table" "$(json out rows)" 15
    equal "sorted by size: first" "$(json out rows.0.model)" mobilenetv2
    equal "sorted by size: last" "$(json out rows.14.model)" efficientnet-b7
}

case_table_sizes() {
    expect 0 summary mobilenetv2 --px 96 --classes 10 -o json
    params=$(json out params) macs=$(json out macs)
    expect 0 bench table mobilenetv2 lenet5 --px 96 --classes 10 --batch 1 --device null -o json
    equal "the smaller first" "$(json out rows.0.model)" mobilenetv2
    equal "pixels" "$(json out rows.0.px)" 96
    equal "pixels of the run" "$(json out results.0.px)" 96
    equal "classes of the run" "$(json out results.0.classes)" 10
    equal "parameters of ten classes" "$(json out rows.0.params)" "$params"
    equal "arithmetic of 96 pixels" "$(json out rows.0.macs)" "$macs"
    equal "accuracy of another network" "$(json out rows.0.top1)" null
    hasnt out "Published by"
    has out "left out"
    expect 0 bench table mobilenetv2 --px 224 --batch 1 --device null -o json
    equal "accuracy of the size that was published" "$(json out rows.0.top1)" 71.3
    "$weft" bench table inception-v3 mobilenetv2 --px 32 --batch 1 --device null -o json > out 2> err
    [ $? -ne 0 ] || fail "Inception-v3 ran on 32 pixels"
    equal "the other goes on" "$(json out rows.0.px)" 32
}

case_table_formats() {
    expect 0 bench --batch 1 $quick table lenet5 mobilenetv2
    has out "LeNet5" "MobileNetV2" "71.3" "±" "Roof with" "* best of its column" "Published by Keras Applications"
    checks=$((checks + 1))
    grep -q ' $' out && fail "a line ends with a blank"
    expect 0 bench table lenet5 mobilenetv2 --batch 1 $quick -o md
    has out "| MobileNetV2 | 224 |" "|---|--:|" "**"
    cells=$(grep '^|' out | tr -cd '|\n' | sort -u | wc -l)
    equal "different numbers of cells in Markdown rows" "$cells" 1
    expect 0 bench table lenet5 mobilenetv2 --batch 1 $quick -o csv
    equal "lines of csv" "$(wc -l < out)" 3 # names and rows, for readers that know no comments
    has err "Roof with" "Published by Keras Applications"
    commas=$(tr -cd ',\n' < out | sort -u | wc -l)
    equal "different numbers of fields in csv" "$commas" 1
    has out "mobilenetv2,keras,224,14,14155936,71.3,90.1,Keras Applications,3538984"
    expect 0 bench table lenet5 --device null -o csv --quiet
    [ -s err ] && fail "something beside the table in spite of --quiet"
}

case_svg() {
    expect 0 bench table lenet5 mobilenetv2 --batch 1 $quick --svg table.svg
    "$probe" xml table.svg || fail "table.svg is not well-formed"
    has table.svg "<svg xmlns" "MobileNetV2" "top-1 accuracy" "ms (logarithmic)" "<circle"
    has table.svg "<polyline" "MiB of weights" "best of their speed"
    has table.svg "not drawn, without a published accuracy or a measured time: LeNet5"
    hasnt table.svg "as published</title>" # times of 32 images
    if [ "$sanitized" = 0 ]; then # batches of 32 take too long there
        expect 0 bench table lenet5 mobilenetv2 mobilenet-0.25 --batch 32 $quick --svg published.svg
        "$probe" xml published.svg || fail "published.svg is not well-formed"
        has published.svg "MobileNetV2: 25.9 ms as published" "time as published"
        hasnt published.svg "nan" "inf"
    fi
    hasnt table.svg "nan"
    hasnt table.svg "inf"
    refuses 73 "cannot create nosuch/table.svg" bench table mobilenetv2 --batch 1 $quick --svg nosuch/table.svg
    refuses 73 "cannot create ." bench table mobilenetv2 --batch 1 $quick --svg . # before anything is measured
    echo old > old.svg
    expect 66 bench table lenet5 --batch 1 $quick --svg old.svg
    equal old.svg "$(cat old.svg)" old
    expect 66 bench table lenet5 --batch 1 $quick --svg new.svg
    [ -e new.svg ] && fail "new.svg was left"
    expect 74 bench table mobilenetv2 --batch 1 $quick --svg /dev/full
    echo '<a><b></a></b>' > bad.xml
    checks=$((checks + 1))
    "$probe" xml bad.xml 2> err && fail "the probe takes bad XML for good"
}

run_case
