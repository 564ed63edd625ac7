#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What is left of a run that is interrupted or crashes, or lacks a device or memory.
# sh failures.sh CASE WEFT PROBE SOURCE_DIR WORK_DIR SANITIZED
. "$(dirname "$0")/checks.sh"

case_interrupt() {
    for command in "bench table lenet5 mobilenetv2" "bench lenet5 mobilenetv2"; do
        env --default-signal=INT "$weft" $command --batch 1 --min-time 1 --reps 1 --progress always -o json \
            > out 2> err &
        parent=$!
        tries=0
        while ! grep -q '^\[1/2\]' err && [ $tries -lt 400 ]; do
            sleep 0.05
            tries=$((tries + 1))
        done
        kill -INT $parent
        wait $parent
        equal "exit code of weft $command" $? 130
        equal "rows that were done" "$(json out rows)" 1
        equal "the row" "$(json out rows.0.model)" lenet5
        equal "results" "$(json out results)" 1
        equal interrupted "$(json out interrupted)" true
    done
    mkdir set
    for i in 0 1 2 3 4 5 6 7 8 9; do # a hundred images, which take seconds
        for k in 0 1 2 3 4 5 6 7 8 9; do
            cp "$source/tests/data/fixtures/444.jpg" set/$i$k.jpg
            echo "$i$k.jpg $i" >> labels
        done
    done
    env --default-signal=INT "$weft" eval resnet18 --seed 3 --data set --labels labels --batch 1 --progress always \
        --json --predictions each.csv > out 2> err &
    parent=$!
    tries=0
    while ! grep -q images err && [ $tries -lt 400 ]; do
        sleep 0.02
        tries=$((tries + 1))
    done
    kill -INT $parent
    wait $parent
    equal "exit code of weft eval" $? 130
    has err "interrupted: these are the figures of"
    equal "interrupted" "$(json out interrupted)" true
    checks=$((checks + 1))
    [ "$(json out images)" -lt 100 ] || fail "all images were evaluated"
    [ -e each.csv ] && fail "a file of an interrupted evaluation"
    "$weft" help --man bench > out
    has out "interrupted"
}

case_devices_missing() {
    expect 0 devices -o csv
    if grep -q '^cuda.*,yes,' out; then
        echo "this machine has a CUDA device"
        return
    fi
    expect 69 devices --device cuda
    has err "device cuda"
    has out cpu cuda
    refuses 69 "device cuda" summary lenet5 --device cuda
    refuses 69 "device cuda" bench lenet5 --device cuda
    refuses 69 "device cuda" bench table lenet5 --device cuda
    refuses 69 "device cuda" explain lenet5 --device cuda:1
    refuses 69 "device cuda" selftest
    expect 0 bench table lenet5 --batch 1 $quick -o json
    checks=$((checks + 1))
    case $(json out rows.0.missing.gpu) in "no CUDA device"*) ;; *) fail "no reason for the missing GPU time" ;; esac
}

# The process whose parent is $1.
child_of() {
    cat /proc/[0-9]*/stat 2> /dev/null | awk -v parent="$1" '$4 == parent { print $1; exit }'
}

case_crash() {
    "$weft" bench table lenet5 mobilenetv2 --batch 1 --min-time 4 --reps 1 -o json > out 2> err &
    parent=$!
    child=
    tries=0
    while [ -z "$child" ] && [ $tries -lt 200 ]; do
        sleep 0.05
        tries=$((tries + 1))
        child=$(child_of $parent)
    done
    checks=$((checks + 1))
    kill -ABRT "$child" || fail "no process to kill"
    wait $parent
    code=$?
    equal "exit code" $code 70
    equal rows "$(json out rows)" 2
    equal "the row that crashed" "$(json out rows.0.model)" lenet5
    case $(json out rows.0.failure) in "killed by signal 6"*) ;; *) fail "no reason in the row" ;; esac
    equal "the other's failure" "$(json out rows.1.failure)" null
    true_that "$(json out rows.1.cpu) > 0"
    has err "killed by signal 6"
}

case_memory() {
    if [ "$sanitized" = 1 ]; then
        echo "not with a sanitizer, which needs its address space"
        exit 77 # ctest: skipped
    fi
    (
        ulimit -v 600000
        "$weft" bench table lenet5 vgg16 --batch 1 $quick -o json > out 2> err
    )
    equal "exit code" $? 71
    equal rows "$(json out rows)" 2
    case $(json out rows.1.failure) in *"out of memory"*) ;; *) fail "no reason in the row" ;; esac
    true_that "$(json out rows.0.cpu) > 0"
    true_that "$(json out rows.1.memory_predicted) > 600000000"
}

run_case
