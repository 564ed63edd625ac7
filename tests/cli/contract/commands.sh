#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What the command line takes and refuses: help, usage, values of options, completion, the manual, a disk that is full.
# sh commands.sh CASE WEFT PROBE SOURCE_DIR WORK_DIR SANITIZED
. "$(dirname "$0")/checks.sh"

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
--images --sort --reverse --svg --px --classes --output --json --progress
summary --batch --threads --device --isa --math --dialect --dot --output --json
models --output --json
devices --roof --threads --isa --output --json
explain --batch --threads --device --target --precision --isa --math --dialect --output --json
cost --batch --target --precision --train --steps --dialect --output --json
plans --batch --target --precision --threads --dialect --px --classes --key --output --json
dataset --output --json
dataset_bench --px --augment --decode --part --threads --seconds --seed --output --json --progress
dataset_check --threads --json --progress
dataset_hash --verify --json
dataset_pack --px --quality --as-stored --bad-images --threads --json --progress
dataset_preview --augment --rows --cols --out --part
dataset_stats --limit --px --json
selftest --threads --device --precision --only --case --quick --output --json
completion
help --man
version --json
LIST
    for page in "$source"/docs/man/*.[1-9]; do # by the page's name, as man has it
        name=$(basename "$page")
        expect 0 help "${name%.*}"
        true_that "$(wc -l < out) > 5"
    done
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
    refuses 2 "MODEL|FILE... is missing" bench
    refuses 2 "MODEL|FILE is missing" summary
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
    equal "weft eval lenet5 --data a<TAB>" "$(complete weft eval lenet5 --data a)" "a folder|a photo.jpg"
    equal "weft train lenet5 --out a<TAB>" "$(complete weft train lenet5 --out a)" "a folder"
    equal "weft cost --target h<TAB>" "$(complete weft cost --target h)" h100
    equal "weft cost --target lenet<TAB>" "$(complete weft cost --target lenet)" lenet.pth
    equal "weft summary lenet.<TAB>" "$(complete weft summary lenet.)" "lenet.pth"
    equal "weft models lenet.<TAB>" "$(complete weft models lenet.)" "" # takes no file
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
    told=$(ulimit -f 0; "$weft" models 2>&1 > limited; echo " $?")
    equal "weft models over the limit of a file's size" "$told" "weft: cannot write standard output: File too large
 74"
}

run_case
