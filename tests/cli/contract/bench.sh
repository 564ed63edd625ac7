#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# weft bench: results, layers, comparison with a result of before, photographs, progress.
# sh bench.sh CASE WEFT PROBE SOURCE_DIR WORK_DIR SANITIZED
. "$(dirname "$0")/checks.sh"

case_bench() {
    expect 0 bench lenet5 $quick --batch 1,3 --threads 1,2 -o json
    equal results "$(json out results)" 4
    equal rows "$(json out rows)" 4
    equal "batch of the last" "$(json out results.3.batch)" 3
    equal "threads of the last" "$(json out results.3.threads)" 2
    equal runs "$(json out results.0.ms.n)" 2
    true_that "$(json out schema) == 1"
    has out '"commit": "' '"compiler": "'
    equal "times kept" "$(json out results.0.ms.all)" 2
    equal finite "$(json out results.0.finite)" true
    equal "allocations in runs" "$(json out results.0.memory.allocations_in_runs)" 0
    near "$(json out results.0.memory.touched)" "$(json out results.0.memory.predicted.arena)"
    true_that "$(json out results.0.memory.allocator_peak) >= $(json out results.0.memory.predicted.peak)"
    true_that "$(json out results.0.ms.min) <= $(json out results.0.ms.median)"
    true_that "$(json out results.0.ms.median) <= $(json out results.0.ms.max)"
    true_that "$(json out results.0.ms.min) > 0"
    true_that "$(json out machine.roofs.1.gflops) > 0"
    equal "processor times kept" "$(json out results.0.cpu_ms.all)" 2
    true_that "$(json out results.0.noise.rounds) == 1 && $(json out results.0.noise.probes) >= 2"
    true_that "$(json out results.0.noise.least) <= $(json out results.0.noise.best)"
    true_that "$(json out results.0.noise.left) <= 1 && $(json out results.0.noise.repeated) <= 1"
    true_that "$(json out rows.0.probe_best) == $(json out results.0.noise.best)"
    equal "rounds and their repeats" "$(json out results.0.samples)" \
        $(($(json out results.0.noise.rounds) + $(json out results.0.noise.repeated)))
    equal "runs of a round" "$(json out results.0.samples.0.ms)" 2
    equal "processor times of a round" "$(json out results.0.samples.0.cpu_ms)" 2
    true_that "$(json out results.0.samples.0.probe) > 0"
    equal "rounds that count" "$(grep -c '"counts": true' out)" 4 # one of each result
    expect 0 bench lenet5 $quick --seed 7 --min-time 0.05 --dialect keras
    has out "lenet5" "keras" "Roof with" "lenet5, batch 32, threads" ": probe " "of the FMA peak beside it" "CPU time"
    expect 0 bench lenet5 $quick -o csv
    has out ",cpu_ms," ",probe_best,probe_least,probe_fma,rounds,rounds_marked,rounds_repeated,rounds_left,"
    expect 0 bench lenet5 --device null
    has out "lenet5" "null"
    hasnt out "probe"
    hasnt out "CPU time"
}

case_layers() {
    expect 0 bench lenet5 $quick --batch 2 --layers
    has out "c1/conv2d" "cpu.conv2d" "sums for every kernel"
    expect 0 bench lenet5 $quick --batch 2 --layers -o json
    steps=$(json out results.0.layers)
    equal "steps and layers" "$(json out results.0.steps)" "$steps"
    true_that "$(json out results.0.kernels) > 1 && $steps > 4"
    true_that "$(json out results.0.layers.0.flops) > 0 && $(json out results.0.layers.0.ms) > 0"
    expect 0 bench lenet5 $quick --batch 2 --layers -o csv
    equal "lines of csv" "$(wc -l < out)" $((steps + 1))
}

case_compare() {
    expect 0 bench lenet5 $quick --reps 25 -o json
    cp out old.json
    expect 0 bench lenet5 $quick --compare old.json
    has out "change"
    sed 's/"median": [0-9.e-]*/"median": 1e-06/' old.json > fast.json
    expect 1 bench lenet5 $quick --reps 25 --compare fast.json --fail-over 5%
    has err "slower than before, allowed is 5 %"
    sed -e 's/"median": [0-9.e-]*/"median": 1e-06/' -e 's/"q3": [0-9.e-]*/"q3": 1e9/' old.json > spread.json
    expect 0 bench lenet5 $quick --compare spread.json --fail-over 5%
    has err "slower than before" "but the runs spread by"
    expect 0 bench lenet5 $quick --compare spread.json --fail-over 5% --quiet
    hasnt err "warning"
    sed 's/"median": [0-9.e-]*/"median": 1e9/' old.json > slow.json
    expect 0 bench lenet5 $quick --compare=slow.json --fail-over=5% -o json
    true_that "$(json out rows.0.change) < -0.9"
    sed 's/"cpu": ".*"/"cpu": "Abacus 2000"/' old.json > abacus.json
    expect 0 bench lenet5 $quick --compare abacus.json
    has err "warning: abacus.json is of another CPU: Abacus 2000 (ISA "
    sed 's/"bandwidth": [0-9.e+-]*/"bandwidth": 1e6/' old.json > memory.json
    expect 0 bench lenet5 $quick --compare memory.json
    has err "warning: memory.json: the roof with" "and 1000000.0 GB/s"
    hasnt err "another CPU"
    expect 65 bench lenet5 $quick --batch 5 --compare old.json
    has err "old.json holds no result"
    refuses 66 "nosuch.json" bench lenet5 $quick --compare nosuch.json
    mkfifo pipe # nobody writes into it
    refuses 65 "pipe: is not a regular file; a result of weft bench" bench lenet5 $quick --compare pipe
    refuses 65 "not a regular file" bench lenet5 $quick --compare .
    echo '{ "results": 3 }' > wrong.json
    refuses 65 'no "results"' bench lenet5 $quick --compare wrong.json
    head -c 100 old.json > cut.json
    refuses 65 "cut.json: line" bench lenet5 $quick --compare cut.json
    expect 0 bench table lenet5 $quick -o json
    cp out table.json
    expect 0 bench lenet5 $quick --compare table.json
    has out "change"
}

case_images() {
    expect 0 bench table lenet5 mobilenetv2 --batch 3 $quick --images "$source/tests/cli/images" -o json
    has err "b-cut.jpg"
    equal "skipped files are named once" "$(grep -c skipped err)" 1
    equal photographs "$(json out protocol.images)" 2
    equal input "$(json out protocol.input)" photographs
    true_that "$(json out rows.1.cpu) > 0"
    mkdir -p classes/cat classes/dog
    cp "$source"/tests/cli/images/a*.jpg classes/cat/one.jpg
    cp "$source"/tests/cli/images/a*.jpg classes/dog/two.jpg
    expect 0 bench lenet5 --batch 3 $quick --images classes -o json
    equal "photographs of class folders" "$(json out protocol.images)" 2
    mkdir bad empty
    cp "$source/tests/cli/images/b-cut.jpg" bad/
    echo "no image" > bad/readme.txt
    expect 65 bench table lenet5 --batch 1 $quick --images bad
    has err "no photograph that can be read among 2 files" "readme.txt"
    refuses 65 "among 0 files" bench lenet5 $quick --images empty
    refuses 66 "nosuch" bench lenet5 $quick --images nosuch
}

case_progress() {
    expect 0 bench table lenet5 --batch 1 $quick
    [ -s err ] && fail "progress on something that is no terminal"
    expect 0 bench lenet5 --batch 1,2 $quick --progress always
    has err "[1/2] lenet5, batch 1, cpu: " "[2/2] lenet5, batch 2, cpu: " "to come about"
    expect 0 bench lenet5 --batch 1,2 $quick --progress always --quiet
    [ -s err ] && fail "progress in spite of --quiet"
    expect 0 summary lenet5 --verbose
    has err "weft: info: device cpu" "weft: debug: planned"
    expect 0 bench lenet5 --batch 1 $quick --progress never
    [ -s err ] && fail "progress although it is forbidden"
    script -qec true /dev/null > /dev/null 2>&1 < /dev/null || return 0 # no terminal to be had here
    script -qec "'$weft' bench lenet5 --batch 1 $quick > plain" /dev/null > out 2> err < /dev/null
    has out "[1/1] lenet5: " "elapsed"
    has plain "lenet5"
}

run_case
