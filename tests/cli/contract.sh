#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The contract of the program, one case a run: sh contract.sh CASE WEFT PROBE SOURCE_DIR WORK_DIR SANITIZED
# Every check prints what it expected; the case fails with the number of failed checks.
set -u
case=$1 weft=$2 probe=$3 source=$4 work=$5 sanitized=$6
failures=0 checks=0
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 99
quick="--min-time 0 --reps 2 --warmup 0"

fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
    for file in out err; do
        [ -s $file ] && { echo "--- $file"; head -c 2000 $file; }
    done
}

# expect CODE ARGUMENT...: runs weft, its output in out and err.
expect() {
    wanted=$1
    shift
    checks=$((checks + 1))
    "$weft" "$@" > out 2> err < /dev/null
    code=$?
    [ $code -eq "$wanted" ] || fail "weft $*: exit code $code, expected $wanted"
}

# refuses CODE TEXT ARGUMENT...: one line on stderr that begins with "weft: " and holds TEXT, nothing on stdout.
refuses() {
    wanted=$1 text=$2
    shift 2
    expect "$wanted" "$@"
    [ -s out ] && fail "weft $*: printed on standard output"
    [ "$(wc -l < err)" -eq 1 ] || fail "weft $*: not one line of error"
    grep -q '^weft: ' err || fail "weft $*: the error does not begin with 'weft: '"
    grep -qF -- "$text" err || fail "weft $*: the error lacks '$text'"
}

has() { # FILE TEXT...
    file=$1
    shift
    for text; do
        checks=$((checks + 1))
        grep -qF -- "$text" "$file" || fail "$file lacks '$text'"
    done
}

hasnt() {
    checks=$((checks + 1))
    grep -qF -- "$2" "$1" && fail "$1 holds '$2'"
}

json() { "$probe" json "$1" "$2"; }

equal() { # WHAT FOUND EXPECTED
    checks=$((checks + 1))
    [ "$2" = "$3" ] || fail "$1 is '$2', expected '$3'"
}

# near USED PLANNED: no byte beyond the plan, and at most what rounding leaves unused at its end.
near() {
    true_that "$1 <= $2 && $1 > $2 - 4096"
}

true_that() { # an awk condition
    checks=$((checks + 1))
    awk "BEGIN { exit !($1) }" || fail "not so: $1"
}

case_help() {
    expect 0 --help
    has out bench "bench table" summary models devices explain cost plans selftest completion help version
    hasnt out bench-worker
    while read -r command options; do
        set -- $(echo "$command" | tr _ ' ')
        expect 0 "$@" --help
        has out "Usage: weft $*" --help $options
        cp out asked
        expect 0 help "$@"
        cmp -s out asked || fail "weft help $* differs from weft $* --help"
    done <<LIST
bench --batch --threads --reps --min-time --warmup --device --precision --isa --math --dialect --seed --images \
--layers --compare --fail-over --output --json --progress
bench_table --batch --threads --reps --min-time --warmup --device --precision --isa --math --dialect --seed \
--images --sort --reverse --svg --output --json --progress
summary --batch --threads --device --isa --math --dialect --dot --output --json
models --output --json
devices --roof --threads --isa --output --json
explain --batch --threads --device --target --precision --isa --math --dialect --output --json
cost --batch --target --precision --steps --dialect --output --json
plans --batch --target --precision --threads --dialect --output --json
selftest --threads --device --precision --only --case --quick --output --json
completion
help --man
version --json
LIST
    expect 0 help bench table
    cp out asked
    for name in bench-table weft-bench-table; do
        expect 0 help $name
        cmp -s out asked || fail "weft help $name differs from weft help bench table"
    done
    expect 0 help weft
    has out "Topics" weights
    refuses 2 "no help for 'weigts'; did you mean 'weights'?" help weigts
    refuses 2 "no help for 'bench-worker'" help bench-worker
    expect 0 version
    has out "weft 0."
    cp out asked
    expect 0 --version
    cmp -s out asked || fail "weft --version differs from weft version"
    expect 0 version --json
    equal version "$(json out weft)" "$(sed 's/weft //' asked)"
}

case_usage() {
    expect 2
    [ -s out ] && fail "weft without arguments printed on standard output"
    refuses 2 "unknown command 'sumary'; did you mean 'summary'?" sumary lenet5
    refuses 2 "unknown command 'zzzzzz'; see 'weft --help'" zzzzzz
    refuses 2 "unknown option '--barch'; did you mean '--batch'?" bench lenet5 --barch 3
    refuses 2 "unknown option '--zzzzzz'" bench lenet5 --zzzzzz
    refuses 2 "unknown option '-Z'" summary lenet5 -Z
    refuses 2 "unknown option '--dot'" bench lenet5 --dot
    refuses 2 "MODEL... is missing" bench
    refuses 2 "MODEL is missing" summary
    refuses 2 "unexpected argument 'vgg16'" summary lenet5 vgg16
    refuses 2 "unexpected argument 'x'" devices x
    refuses 66 "unknown network 'resnet51'; did you mean 'resnet50'?" summary resnet51
    refuses 66 "unknown network 'lenet'; did you mean 'lenet5'?" bench table lenet
    refuses 66 "mobilenetv2 has no dialect 'paper'; it has: keras" summary mobilenetv2 --dialect paper
    refuses 2 "no script for the shell 'tcsh'" completion tcsh
    refuses 2 "no help for 'sumary'" help sumary
    refuses 2 "unknown column 'siz'; did you mean 'size'?" bench table --sort siz
    refuses 2 "--fail-over needs --compare" bench lenet5 --fail-over 5
    refuses 2 "not by hand" bench-worker
    expect 0 summary -- lenet5
    expect 0 summary LeNet5
    expect 0 summary --dialect=keras lenet5
    has out "61706"
}

case_values() {
    refuses 2 "--batch: 0 is out of range, 1 to 65536" bench lenet5 --batch 0
    refuses 2 "--batch: 99999999999999999999 is out of range" bench lenet5 --batch 99999999999999999999
    refuses 2 "--batch: '' is not a whole number" bench lenet5 --batch=1,,2
    refuses 2 "--batch: '2x' is not a whole number" bench lenet5 -b 2x
    refuses 2 "--batch: '1,2' is not a single number" bench table lenet5 -b 1,2
    refuses 2 "--batch: more than 16 values" bench lenet5 -b 1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1
    refuses 2 "--batch needs a value" bench lenet5 --batch
    refuses 2 "-b needs a value" bench lenet5 -b
    refuses 2 "--json takes no value" models --json=yes
    refuses 2 "--min-time: 'nan' is not a number" bench lenet5 --min-time nan
    refuses 2 "--min-time: -1 is out of range" bench lenet5 --min-time=-1
    refuses 2 "--fail-over: '5 pounds' is not a percentage" bench lenet5 --fail-over "5 pounds"
    refuses 2 "--math: unknown value 'fats'; did you mean 'fast'?" bench lenet5 --math fats
    refuses 2 "--output: unknown value 'yaml'; one of text, md, csv, json" models -o yaml
    refuses 2 "--images: the value is empty" bench lenet5 --images ""
    expect 2 summary lenet5 --isa sse9
    has err "sse9"
    expect 2 summary lenet5 --device quantum
    has err "quantum"
}

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
    expect 0 models resnet50 -ojson
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

case_completion() {
    for shell in bash zsh fish; do
        expect 0 completion $shell
        has out summary resnet50 efficientnet-b0 bench
        hasnt out bench-worker
        cp out weft.$shell
        command -v $shell > /dev/null || continue
        $shell -n weft.$shell 2> err || fail "$shell does not parse its script"
    done
    command -v bash > /dev/null || return
    complete() { # WORD...: completes the last
        bash -c '. ./weft.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weft; IFS="|"; echo "${COMPREPLY[*]}"' \
            x "$@" 2> err
    }
    equal "weft su<TAB>" "$(complete weft su)" summary
    equal "weft summary lene<TAB>" "$(complete weft summary lene)" lenet5
    equal "weft bench ta<TAB>" "$(complete weft bench ta)" table
    equal "weft bench table --sv<TAB>" "$(complete weft bench table --sv)" --svg
    equal "weft bench --sv<TAB>" "$(complete weft bench --sv)" ""
    equal "weft bench --math st<TAB>" "$(complete weft bench --math st)" strict
    equal "weft bench --math = st<TAB>" "$(complete weft bench --math = st)" strict
    equal "weft bench -d cu<TAB>" "$(complete weft bench -d cu)" cuda
    equal "weft selftest --output te<TAB>" "$(complete weft selftest --output te)" ""
    : > "a photo.jpg"
    : > lenet.pth
    mkdir -p "a folder"
    equal "weft classify lene<TAB>" "$(complete weft classify lene)" "lenet5|lenet.pth"
    equal "weft classify lenet5 a<TAB>" "$(complete weft classify lenet5 a\ p)" "a photo.jpg"
    equal "weft classify lenet5 -w lenet.<TAB>" "$(complete weft classify lenet5 -w lenet.)" lenet.pth
    equal "weft convert lenet.<TAB>" "$(complete weft convert lenet.)" lenet.pth
    equal "weft eval lenet5 --data a<TAB>" "$(complete weft eval lenet5 --data a)" "a folder"
    equal "weft cost --target h<TAB>" "$(complete weft cost --target h)" h100
    equal "weft cost --target lenet<TAB>" "$(complete weft cost --target lenet)" lenet.pth
    equal "weft summary lenet.<TAB>" "$(complete weft summary lenet.)" "" # takes no file
}

case_man() {
    pages=-1 # weft(1) itself is no command
    for page in "$source"/docs/man/weft*.1; do
        name=$(basename "$page" .1)
        command=$(echo "$name" | sed 's/^weft-*//; s/-/ /g')
        expect 0 help --man $command
        cmp -s out "$page" || fail "docs/man/$name.1 is not what weft help --man $command prints: build the target man"
        has out ".SH NAME" ".SH SYNOPSIS" ".SH OPTIONS" ".SH EXIT STATUS"
        pages=$((pages + 1))
        command -v groff > /dev/null || continue
        groff -man -Tutf8 -ww -z out > lint 2>&1
        [ -s lint ] && fail "groff: $(head -3 lint)"
    done
    for page in "$source"/docs/man/weft-*.5; do # written by hand
        topic=$(basename "$page" .5 | sed 's/^weft-//')
        expect 0 help --man $topic
        cmp -s out "$page" || fail "weft help --man $topic differs from $page"
        expect 0 help $topic
        for word in $(sed -n 's/^\.SH //p' "$page"); do
            has out "$word"
        done
        equal "requests and escapes in weft help $topic" "$(grep -c '^ *\.[A-Z][A-Z]\|\\f\|\\-' out)" 0
        equal "lines that are too long" "$(awk 'length > 104' out)" ""
    done
    expect 0 help weights
    has out "    gamma, beta, mean, variance" "oihw    PyTorch's filters              ohwi; oi if ours is dense" \
        "    • One convolution of timm's CSPNets makes both halves of a stage; ours are two, each with its"
    equal pages $pages "$(cat "$source"/src/cli/*.c | grep '^const cli_command cli_' | grep -vc 'cli_top\|hidden')"
}

case_full_disk() {
    for command in "models" "models --json" "--help" "help --man bench" "completion bash" "summary lenet5" "version"; do
        checks=$((checks + 1))
        "$weft" $command > /dev/full 2> err
        equal "exit code of weft $command on a full disk" $? 74
        has err "No space left on device"
    done
    checks=$((checks + 1))
    "$weft" models >&- 2> err
    equal "exit code with standard output closed" $? 74
}

case_bench() {
    expect 0 bench lenet5 $quick --batch 1,3 --threads 1,2 -o json
    equal results "$(json out results)" 4
    equal rows "$(json out rows)" 4
    equal "batch of the last" "$(json out results.3.batch)" 3
    equal "threads of the last" "$(json out results.3.threads)" 2
    equal runs "$(json out results.0.ms.n)" 2
    equal "times kept" "$(json out results.0.ms.all)" 2
    equal finite "$(json out results.0.finite)" true
    equal "allocations in runs" "$(json out results.0.memory.allocations_in_runs)" 0
    near "$(json out results.0.memory.touched)" "$(json out results.0.memory.predicted.arena)"
    true_that "$(json out results.0.memory.allocator_peak) >= $(json out results.0.memory.predicted.peak)"
    true_that "$(json out results.0.ms.min) <= $(json out results.0.ms.median)"
    true_that "$(json out results.0.ms.median) <= $(json out results.0.ms.max)"
    true_that "$(json out results.0.ms.min) > 0"
    true_that "$(json out machine.roofs.1.gflops) > 0"
    expect 0 bench lenet5 $quick --seed 7 --min-time 0.05 --dialect keras
    has out "lenet5" "keras" "Roof with"
    expect 0 bench lenet5 --device null
    has out "lenet5" "null"
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
    equal "lines of csv" "$(grep -vc '^#' out)" $((steps + 1))
}

case_compare() {
    expect 0 bench lenet5 $quick --reps 5 -o json
    cp out old.json
    expect 0 bench lenet5 $quick --compare old.json
    has out "change"
    sed 's/"median": [0-9.e-]*/"median": 1e-06/' old.json > fast.json
    expect 1 bench lenet5 $quick --compare fast.json --fail-over 5%
    has err "slower than before, allowed is 5 %"
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
    equal "lines of csv" "$(grep -vc '^#' out)" 3
    commas=$(grep -v '^#' out | tr -cd ',\n' | sort -u | wc -l)
    equal "different numbers of fields in csv" "$commas" 1
    has out "mobilenetv2,keras,224,14,14155936,71.3,90.1,Keras Applications,3538984"
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
    on_terminal models --wide
    hasnt out "Left out"
    has out "published by"
    on_terminal explain resnet50
    has out "    refused before: "
    on_terminal bench table lenet5 mobilenetv2 --batch 1 $quick --progress never
    equal "a row when it is done, and one of the whole table" "$(grep -c '^MobileNetV2 ' out)" 2
    has out "$(printf '\033[J')" "* best of its column" "Left out to fit 80 columns"
}

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
    "$weft" help --man bench > out
    has out "interrupted"
}

case_svg() {
    expect 0 bench table lenet5 mobilenetv2 --batch 1 $quick --svg table.svg
    "$probe" xml table.svg || fail "table.svg is not well-formed"
    has table.svg "<svg xmlns" "MobileNetV2" "top-1 accuracy" "ms (logarithmic)" "<circle"
    hasnt table.svg "LeNet5" # no accuracy was published
    hasnt table.svg "nan"
    hasnt table.svg "inf"
    expect 73 bench table mobilenetv2 --batch 1 $quick --svg nosuch/table.svg
    has err "cannot create nosuch/table.svg"
    expect 74 bench table mobilenetv2 --batch 1 $quick --svg /dev/full
    echo '<a><b></a></b>' > bad.xml
    checks=$((checks + 1))
    "$probe" xml bad.xml 2> err && fail "the probe takes bad XML for good"
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

case_images() {
    expect 0 bench table lenet5 mobilenetv2 --batch 3 $quick --images "$source/tests/cli/images" -o json
    has err "b-cut.jpg"
    equal "skipped files are named once" "$(grep -c skipped err)" 1
    equal photographs "$(json out protocol.images)" 2
    equal input "$(json out protocol.input)" photographs
    true_that "$(json out rows.1.cpu) > 0"
    mkdir bad empty
    cp "$source/tests/cli/images/b-cut.jpg" bad/
    echo "no image" > bad/readme.txt
    expect 65 bench table lenet5 --batch 1 $quick --images bad
    has err "no photograph that can be read among 2 files" "readme.txt"
    refuses 65 "among 0 files" bench lenet5 $quick --images empty
    refuses 66 "nosuch" bench lenet5 $quick --images nosuch
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

case_progress() {
    expect 0 bench table lenet5 --batch 1 $quick
    [ -s err ] && fail "progress on something that is no terminal"
    expect 0 bench lenet5 --batch 1,2 $quick --progress always
    has err "[1/2] lenet5, batch 1, cpu: " "[2/2] lenet5, batch 2, cpu: " "to come about"
    expect 0 bench lenet5 --batch 1 $quick --progress never
    [ -s err ] && fail "progress although it is forbidden"
    script -qec true /dev/null > /dev/null 2>&1 < /dev/null || return 0 # no terminal to be had here
    script -qec "'$weft' bench lenet5 --batch 1 $quick > plain" /dev/null > out 2> err < /dev/null
    has out "[1/1] lenet5: " "elapsed"
    has plain "lenet5"
}

case_$case
echo "$case: $((checks)) checks, $failures failed"
[ $checks -gt 0 ] && [ $failures -eq 0 ]
