#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# weft selftest, bench, tune and devices as a user with a card would run them, on the plug-in whose libraries are
# stand-ins; and as one without a card: sh selftest.sh CASE WEFT PROBE PLUGIN WORK_DIR [MAKE_SET]
#
#   cpu      selftest of the CPU itself
#   double   selftest and bench on the stand-in card: of the ops some, cuda-backend has all
#   spoilt   a wrong number from a plan, always or once: selftest must say so
#   lost     a card that answers nothing after some launch: selftest ends there, with the case's name
#   tune     the plans that it keeps, and those who have nothing to tune
#   train    a training on it: as on the CPU, and to the same bits when it is resumed
#   missing  no plug-in
set -u
case=$1 weft=$2 probe=$3 plugin=$4 work=$5 make_set=${6:-}
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 99
. "${0%/*}/../cli/checks.sh"
export XDG_CACHE_HOME="$work/cache" # not the user's: plans there are for the real cuDNN
quick="--min-time 0 --reps 2 --warmup 0 --batch 1"

json() { "$probe" json "$1" "$2"; }

case $case in
cpu)
    unset WEFT_CUDA_PLUGIN
    expect 0 selftest --device cpu --quick -o report.json
    has out "ops, fp32:" "networks, fp32:" "memory, fp32:" "launches, fp32:" "lenet5, batch 2:"
    has out "the report is report.json"
    equal failed "$(json report.json failed)" 0
    equal complete "$(json report.json complete)" true
    equal device "$(json report.json device)" cpu
    expect 0 selftest --device cpu --quick --json -o again.json
    equal "the report on standard output" "$(json out passed)" "$(json again.json passed)"
    expect 73 selftest --device cpu --quick -o nosuch/report.json
    has err "cannot create nosuch/report.json"
    expect 2 selftest --device null
    expect 0 selftest --device cpu --quick --only ops --case "conv2d/1x1_to_1" -o some.json
    has err "fp32, ops: conv2d/1x1_to_10" "fp32, ops: conv2d/1x1_to_1000"
    equal "cases begun" "$(grep -c ops: err)" 2
    equal passed "$(json some.json passed)" 2
    tr -d ' \n' < some.json | grep -qF '"networks":[]' || fail "networks were run"
    expect 2 selftest --device cpu --quick --case "no such case" -o none.json
    has err "no case has 'no such case' in its name"
    head -n 1 none.json | grep -q '"complete":false' || fail "the journal does not begin with the report's head"
    ;;
double)
    export WEFT_CUDA_PLUGIN="$plugin"
    expect 0 selftest --quick --precision fp16 --only networks -o report.json
    has out "networks, fp16:" "Please send it"
    equal failed "$(json report.json failed)" 0
    expect 0 selftest --quick --precision fp16 --case pool -o report.json
    has out "ops, fp16:"
    equal failed "$(json report.json failed)" 0
    equal precision "$(json report.json ops.0.precision)" fp16
    expect 0 selftest --quick --precision bf16,fp32 --only ops --case lrn/ -o order.json
    equal "the first precision" "$(json order.json ops.0.precision)" bf16
    equal "the last precision" "$(json order.json ops.$(($(json order.json passed) - 1)).precision)" fp32
    expect 0 selftest --quick --only ops --case "rbf" -o order.json
    equal "fp16 comes first" "$(json order.json ops.0.precision)" fp16
    equal "fp32 comes last" "$(json order.json ops.$(($(json order.json passed) - 1)).precision)" fp32
    expect 2 selftest --quick --precision fp16,fp8 -o order.json
    has err "'fp8' is not one of"
    expect 0 plans lenet5 mobilenetv2 --precision fp16 --batch 1,2 --threads 2 -o json
    equal "plans by model and batch" "$(json out models.1.batch)" 2
    kept=$(ls "$work/cache/weft" | wc -l)
    [ "$kept" -gt 20 ] || fail "$kept plans were kept"
    expect 0 bench mobilenetv2 $quick --device cuda --precision fp16 --batch 2 -o json
    equal "plans after the card has run" "$(ls "$work/cache/weft" | wc -l)" "$kept"
    expect 2 plans lenet5 --batch 0
    expect 0 plans mobilenetv2 --px 96 --classes 10 --threads 2 -o json
    equal "pixels planned for" "$(json out models.0.px)" 96
    export WEFT_DOUBLE_OPENED="$work/opened"
    expect 0 bench lenet5 $quick --device cuda -o json
    unset WEFT_DOUBLE_OPENED
    equal "times that the card was opened, by the job alone" "$(grep -c . opened)" 1
    [ "$(json out results.0.ms_with_copy.n)" = "$(json out results.0.ms.n)" ] || fail "no times with the copy of images"
    expect 0 bench table lenet5 $quick --precision bf16 -o json
    equal "the GPU's precision" "$(json out results.1.precision)" bf16
    equal "the GPU's device" "$(json out results.1.device)" cuda
    case $(json out rows.0.gpu) in [0-9]*) ;; *) fail "no measured GPU time" ;; esac
    expect 0 bench lenet5 $quick --device cuda --precision fp16 -o json
    equal device "$(json out results.0.device)" cuda
    equal precision "$(json out results.0.precision)" fp16
    expect 0 bench lenet5 $quick --device auto -o json
    equal "auto" "$(json out results.0.device)" cuda
    expect 0 devices -o csv
    grep -q '^cuda,yes,' out || fail "the stand-in card is not available"
    ;;
spoilt)
    export WEFT_CUDA_PLUGIN="$plugin"
    export WEFT_DOUBLE_SPOIL=0
    expect 1 selftest --quick --precision fp32 --only ops --case conv2d/ -o report.json
    has out "FAILED conv2d/3x3 in fp32" "times what is allowed"
    [ "$(json report.json failed)" -gt 10 ] || fail "few tests failed"
    export WEFT_DOUBLE_SPOIL=2
    expect 1 selftest --quick --precision fp16 --only ops --case conv2d/ -o report.json
    has out "FAILED" "run 2 gave other bits than run 1"
    equal failed "$(json report.json failed)" 1
    ;;
lost)
    export WEFT_CUDA_PLUGIN="$plugin"
    export WEFT_DOUBLE_LOSE=20
    expect 1 selftest --quick --precision fp16,fp32 -o report.json
    has out "FAILED" "stopped after" "the device computes nothing any more"
    equal failed "$(json report.json failed)" 1
    equal complete "$(json report.json complete)" false
    last=$(grep -c . err)
    [ "$(json report.json passed)" -gt 0 ] || fail "nothing passed before the card was lost"
    equal "rows of the cases before it" "$(grep -c '"ok": true' report.json)" "$(json report.json passed)"
    equal "the case that began last is the one that failed" "$(sed -n "${last}s/fp16, ops: //p" err) in fp16" \
        "$(json report.json stopped)"
    ;;
tune)
    export WEFT_CUDA_PLUGIN="$plugin"
    export WEFT_CUDA_WITH=join,compose,dnn-product WEFT_CUDA_NO=pool # the stand-in's times say nothing about forms
    expect 0 tune lenet5 --precision fp16 --batch 1,2 --json
    equal "rows" "$(json out models.1.batch)" 2
    equal "plans" "$(json out models.0.plans)" 3
    for key in seconds untuned_ms ms gain; do
        [ -n "$(json out models.0.$key)" ] || fail "no $key in the JSON"
    done
    kept=$(ls cache/weft | wc -l) # three candidates of three layers, the faster of them, and the forms, for two batches
    equal "plans on disk" "$kept" 26
    expect 0 tune lenet5 --precision fp16 --batch 1
    has out untuned gain kept
    equal "plans on disk after it was tuned again" "$(ls cache/weft | wc -l)" 26
    export XDG_CACHE_HOME=/dev/null
    expect 74 tune lenet5 --precision fp16 --batch 1
    has err "cannot be kept on disk"
    unset WEFT_CUDA_PLUGIN
    expect 2 tune lenet5 --device null
    has err "nothing to tune on device null"
    ;;
train)
    export WEFT_CUDA_PLUGIN="$plugin"
    "$make_set" idx set 64
    net="train lenet5 -D keras --batch 8 --data set --schedule constant"
    expect 0 $net --device cuda --epochs 2 --out whole
    has out "device     cuda: Double" ", bf16"
    has whole/environment.txt "device cuda: " "precision bf16"
    grep -q "scale" out whole/metrics.jsonl && fail "bf16 has a scale"
    expect 0 $net --device cuda --epochs 1 --out part
    expect 0 train --resume part --device cuda --epochs 2
    for file in best last; do
        cmp whole/$file.safetensors part/$file.safetensors || fail "a resumed training gives other bits"
    done
    WEFT_DOUBLE_LATE=1 expect 0 $net --device cuda --epochs 2 --out late # what is queued runs as late as it may
    cmp whole/last.safetensors late/last.safetensors || fail "a late card gives other bits"
    expect 0 $net --device cuda --set "precision fp16" --epochs 2 --out scaled
    has out "scale      the gradient of the loss is multiplied with 65536" " skipped"
    grep -q '"scale":[0-9]*,"steps_skipped":[0-9]*}' scaled/metrics.jsonl || fail "metrics.jsonl has no scale"
    expect 0 $net --device cuda --set "precision fp16" --epochs 1 --out scaled-part
    expect 0 train --resume scaled-part --device cuda --epochs 2
    cmp scaled/last.safetensors scaled-part/last.safetensors || fail "a resumed training in fp16 gives other bits"
    expect 76 $net --device cuda --lr 1e30 --set "precision fp16; momentum 0; nesterov no" --epochs 4 --out no-scale
    grep -q "step 1[0-9]: the first number that is none" err || fail "it does not end when the scale has come to 1"
    WEFT_DOUBLE_LATE=1 expect 76 $net --device cuda --lr 1e30 --set "precision fp32; momentum 0; nesterov no" --out none
    has err "step 2: the first number that is none is" "element 0 of parameter c1/conv2d/weight"
    expect 0 $net --epochs 2 --out cpu
    expect 0 $net --device cuda --set "precision tf32" --epochs 2 --out tf32
    has out ", tf32"
    for run in tf32 cpu; do tail -n 1 $run/metrics.csv | cut -d, -f4; done | tr '\n' ' ' > losses
    awk '{ d = ($1 - $2) / $2; exit !(d < 1e-5 && d > -1e-5) }' losses || fail "the losses are $(cat losses)"
    expect 0 $net --device cuda --set "precision bf16" --ema .9 --optimizer rmsprop --epochs 1 --out half
    has out ", bf16"
    grep -q "^precision  *bf16" half/settings.recipe || fail "the run's settings lack its precision"
    expect 2 $net --set "precision bf16"
    has err "precision bf16: the device cpu computes in fp32"
    expect 0 cost lenet5 --train --target h100 -o json
    equal "precision of a step" "$(json out precision)" bf16
    [ "$(json out models.0.launches)" -lt 60 ] || fail "a step of LeNet-5 is $(json out models.0.launches) launches"
    expect 0 bench lenet5 -D keras --train --device cuda --batch 2 --warmup 1 --reps 4 --min-time 0 -o json
    equal "steps timed" "$(json out results.0.ms.n)" 4
    expect 0 selftest --quick --only training --precision bf16,fp32 -o training.json
    equal "networks trained" "$(json training.json passed)" 2
    ;;
missing)
    export WEFT_CUDA_PLUGIN="$work/nosuch.so"
    expect 69 selftest -o report.json
    has err "weft: " "nosuch.so"
    [ -e report.json ] && fail "a report of nothing was written"
    [ -s out ] && fail "something was printed"
    expect 69 bench table lenet5 $quick --device cuda
    has err "nosuch.so"
    expect 69 bench lenet5 $quick --device cuda
    expect 0 devices
    has out "nosuch.so"
    expect 0 bench table lenet5 $quick
    has out "GPU ms measured: no CUDA device"
    expect 0 bench lenet5 $quick --device auto -o json
    equal "auto" "$(json out results.0.device)" cpu
    ;;
*)
    fail "no case '$case'"
    ;;
esac
[ $failures -eq 0 ] || { echo "$failures failures"; exit 1; }
