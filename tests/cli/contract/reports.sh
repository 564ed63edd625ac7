#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What the commands that run no network print: models, summary, devices, explain, and every table's columns.
# sh reports.sh CASE WEFT PROBE SOURCE_DIR WORK_DIR SANITIZED
. "$(dirname "$0")/checks.sh"

case_models() {
    expect 0 models
    has out lenet5 mobilenetv2 efficientnet-b7 "Keras Applications" paper keras torch
    cp out text
    expect 0 models --json
    cp out models.json
    equal schema "$(json models.json schema)" 1
    equal "lenet5 is a default" "$(json models.json models.0.default)" true
    equal "lenet5 is in the table" "$(json models.json models.0.in_table)" false
    rows=$(json models.json models)
    true_that "$rows >= 19"
    equal "rows of text" "$(($(wc -l < text) - 2))" "$rows"
    expect 0 models 'mobilenet-*' -o csv --columns name
    equal "networks of a pattern" "$(sed 1d out | sort | tr '\n' ' ')" "mobilenet-0.25 mobilenet-0.5 mobilenet-0.75 "
    expect 0 models xcept
    has out xception
    refuses 66 "did you mean 'resnet50'" models wide_resnet50_2
    expect 0 models resnet50 -ojson
    equal "published files" "$(json out models.0.weights.1.file)" resnet50-11ad3fa6.pth
    equal "their digests" "$(json out models.0.weights.1.digest)" sha256:11ad3fa6
    equal "dialects of resnet50" "$(json out models)" 3
    expect 0 models -o csv
    equal "lines of csv" "$(wc -l < out)" $((rows + 1))
    expect 0 models -o md mobilenetv2
    has out "| mobilenetv2 | MobileNetV2 | keras | 224 |" "71.3"
}

# Every document is one object that says its version, and answers yes or no by true or false.
case_json() {
    for command in version models "summary lenet5" "explain lenet5" devices "bench lenet5 --device null" \
        "bench table lenet5 --device null" "convert --names lenet5"; do
        expect 0 $command --json
        equal "schema of weft $command" "$(json out schema)" 1
        hasnt out '": "yes"'
        hasnt out '": "no"'
    done
}

case_summary() {
    expect 0 summary resnet50 --dialect torch
    has out conv2d batch_norm "25557032" "[1, 224, 224, 3]"
    expect 0 summary resnet50 --dialect torch --json --batch 4
    equal params "$(json out params)" 25557032
    equal macs "$(json out macs)" 4089184256
    equal input "$(json out input.0)" 4
    expect 0 summary mobilenetv2 --px 96 --classes 7 --json
    equal pixels "$(json out input.1)" 96
    equal classes "$(json out classes)" 7
    refuses 2 "--key is of a weight file" summary lenet5 --key x
    refuses 2 "--check looks at a weight file" summary lenet5 --check
    expect 0 summary lenet5 --dot
    has out "digraph" "c1/conv2d" "->"
    equal "braces of dot" "$(tr -cd '{}' < out)" "{}"
    expect 0 summary lenet5 -o csv
    has out "name,op,detail,output,params"
}

case_devices() {
    expect 0 devices
    has out cpu null cuda
    expect 0 devices --json --roof --threads 1
    equal threads "$(json out roof.threads)" 1
    equal "the CPU is available" "$(json out devices.0.available)" true
    true_that "$(json out roof.gflops) > 0.1 && $(json out roof.bandwidth) > 0.1"
}

case_explain() {
    expect 0 explain mobilenetv2 --json
    true_that "$(json out steps) > 10"
    true_that "$(json out steps.0.in.1) == 224"
    kernel=$(json out steps.0.kernel)
    case $kernel in cpu.*) ;; *) fail "the first kernel is '$kernel'" ;; esac
    expect 0 explain mobilenetv2 --isa ref
    has out "refused before" "cpu.conv2d"
    expect 0 explain vgg16 --math strict
    hasnt out "winograd  "
}

# What is faster here is not known; but what was found is kept, and can be left out.
case_tune() {
    unset WEFT_CPU_NO
    export XDG_CACHE_HOME="$PWD/cache"
    expect 0 tune lenet5 --device cpu --batch 1,2 --threads 1 --json
    equal batches "$(json out models)" 2
    equal steps "$(json out models.1.steps)" 7
    true_that "$(json out models.0.changed) >= 0 && $(json out models.0.gain) > 0"
    set -- cache/weft/cpu-*
    equal "files kept" $# 1
    has "$1" ", 1 threads, fast math"
    expect 0 tune lenet5 --device cpu --batch 1 --threads 1 --math strict --isa ref
    has out "untuned" "kept in" "changed"
    set -- cache/weft/cpu-*
    equal "files kept, of another isa" $# 2
    expect 0 explain lenet5 --threads 1 --json
    true_that "$(json out steps) == 7"
    echo nonsense > "$1"
    echo nonsense > "$2"
    expect 0 explain lenet5 --threads 1 --verbose
    has err "is ignored"
    WEFT_CPU_NO=tuned
    export WEFT_CPU_NO
    refuses 2 "WEFT_CPU_NO=tuned" tune lenet5 --device cpu
    expect 0 explain lenet5 --threads 1 --verbose
    hasnt err "is ignored"
    WEFT_CPU_NO=all
    refuses 2 "is not one of tuned" explain lenet5
    unset WEFT_CPU_NO
    refuses 2 "nothing to tune on device null" tune lenet5 --device null
    XDG_CACHE_HOME=/dev/null
    expect 74 tune lenet5 --device cpu --batch 1 --threads 1
    has err "/dev/null"
}

# Of a step of training: FLOPs of a layer by hand, and the memory that bench plans.
case_cost_train() {
    expect 0 cost lenet5 --dialect keras --train --batch 8 --json
    cp out total.json
    equal "FLOPs of inference" "$(json out models.0.inference_flops)" $((2 * 416520 * 8))
    true_that "$(json out models.0.flops_ratio) > 2.5 && $(json out models.0.flops_ratio) < 4"
    true_that "$(json out models.0.param_bytes) >= 2 * 4 * 61706" # momentum is as large as they are
    peak=$(json out models.0.peak_bytes)
    expect 0 bench lenet5 --dialect keras --train $quick --batch 8 --threads 1 --json
    equal "planned by bench" "$(json out rows.0.memory_predicted)" "$peak"
    expect 0 cost lenet5 --dialect keras --train --batch 8 --steps -o csv --columns model,flops
    has out "step,name,op,kernel,detail,flops,bytes" "c1/conv2d" conv2d_dw "lenet5,"
    expect 0 cost lenet5 --dialect keras --train --batch 8 --steps --json
    equal "the head" "$(json out steps.6.name)" head/dense
    equal "its FLOPs, with a bias" "$(json out steps.6.flops)" $((8 * (2 * 84 * 10 + 10)))
    expect 0 cost mobilenetv2 lenet5 --train
    has out "a step of training on the CPU" "mobilenetv2" "lenet5" "/ inference"
    refuses 66 "did you mean" cost mobilenetv22 --train
}

case_columns() {
    expect 0 models lenet5 --columns name,macs,paper -o csv
    equal "head of csv" "$(head -1 out)" "name,macs,paper"
    has out "lenet5,325680,"
    expect 0 models lenet5 --columns macs,name,in_table
    has out "GMACs  model   table" "0.000  lenet5  no"
    expect 0 models lenet5 --columns px,name -o md
    has out "| px | model |" "| 32 | lenet5 |"
    expect 0 bench lenet5 $quick --batch 1 --columns model,ms
    equal "columns of bench" "$(grep -c 'model.*ms$' out)" 1
    expect 0 bench lenet5 $quick --batch 1 --layers --columns name,kernel -o csv
    has out "name,kernel" "c1/conv2d,cpu.conv2d"
    refuses 2 "--columns: unknown column 'pape'; did you mean 'paper'?" models --columns pape
    for command in "bench table" "bench vgg19" "bench vgg19 --layers" "summary vgg19" "explain vgg19" devices; do
        refuses 2 "--columns: unknown column 'zzzzz'" $command --columns zzzzz
    done
}

# On a terminal of 80 columns tables keep to them, and say what they left out.
case_terminal() {
    LC_ALL=C.UTF-8 && export LC_ALL
    NO_COLOR=1 && export NO_COLOR # whose marks are not text, and wc counts them
    on_terminal() { script -qec "stty cols 80 rows 60; '$weft' $*" /dev/null < /dev/null | tr -d '\r' > out; }
    expect 0 models
    true_that "$(wc -L < out) > 100" # no terminal, no limit
    script -qec true /dev/null > /dev/null 2>&1 < /dev/null || return 0 # no terminal to be had here
    for command in models "explain resnet50" "summary resnet50" devices "bench lenet5 $quick --progress never" \
        "bench lenet5 --layers $quick --progress never"; do
        on_terminal "$command"
        checks=$((checks + 1))
        [ "$(wc -L < out)" -le 80 ] || fail "a line of weft $command is wider than the terminal"
    done
    on_terminal "bench table --help"
    checks=$((checks + 1))
    [ "$(wc -L < out)" -le 80 ] || fail "a line of weft bench table --help is wider than the terminal"
    on_terminal models
    has out "Left out to fit 80 columns: paper, source"
    escape=$(printf '\033')
    hasnt out "$escape"
    NO_COLOR= && export NO_COLOR # not set
    on_terminal models
    has out "$escape[1m" "$escape[0m"
    on_terminal models --color never
    hasnt out "$escape"
    expect 0 models --color always
    has out "$escape[1m"
    expect 0 models
    hasnt out "$escape"
    NO_COLOR=1
    on_terminal models --wide
    hasnt out "Left out"
    has out "published by"
    on_terminal explain resnet50
    has out "    refused before: "
    on_terminal bench table lenet5 mobilenetv2 --batch 1 $quick --progress never
    equal "a row when it is done, and one of the whole table" "$(grep -c '^MobileNetV2 ' out)" 2
    has out "$(printf '\033[J')" "* best of its column" "Left out to fit 80 columns"
}

run_case
