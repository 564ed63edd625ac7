#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# card.sh BUNDLE OUT [PART[:SECONDS]...]: weft on a GPU in some minutes, from the folder that `make bundle` unpacks to:
# first right, then fast. Each part writes what it measured into OUT, row by row, and says in a line what came of it;
# what fails or runs out of time does not stop the next. SECONDS: the most that a part may take, instead of its own
# limit. Parts, in this order unless named:
#   right      the quick selftest and ten steps of training in every precision, side by side; memcheck and racecheck
#   sums       steps of training of TRAINED in fp16 at TRAIN_BATCHES by turns with and without cuDNN's sums for norms
#   peers      beside PyTorch by turns, at BATCHES, and steps of training at TRAIN_BATCHES: all are set up side by side
#              (compiling takes two minutes of 16 cores and 100 GB), then timed one after the other
#   tune       weft tune of MODELS at batch 1, then at 32; from then on weft runs what was found
#   single     batch 1 of MODELS as tuned by turns with and without it, and of SMALL with and without overlap
#   table      the book's table, both columns
#   layers     every step of MODELS, with inverted residual units in pieces, and of steps of training
#   fashion    the recipe fashion, whole, on the data in FASHION
#   full       the selftest without --quick
#   autotune   AUTOTUNED at batch 32 beside torch.compile's max-autotune, which compiles for minutes
# MODELS, TRAINED, SMALL, AUTOTUNED, BATCHES, TRAIN_BATCHES, PRECISION and ROUNDS are variables of the environment; so
# is RUNNER, a weft_runner (build/bundle/bench), for peers and autotune.
# WEFT_CUDA_LIBRARIES chooses NVIDIA's libraries: PyTorch's own, unless it is set. Plans that were built ahead (weft
# plans) are found in OUT/cache/weft, or where XDG_CACHE_HOME says.
# A card for twice 250 s: ROUNDS=2 TRAINED="resnet50 efficientnet-b0" card.sh BUNDLE OUT right:110 sums:80 tune:50, then
# ROUNDS=2 card.sh BUNDLE OUT single:50 table:90 full:100; peers and autotune want a call each.
set -u
[ $# -ge 2 ] || { sed -n '4,28s/^# //p' "$0"; exit 2; }
bundle=$(cd "$1" && pwd) here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2" && out=$(cd "$2" && pwd)
shift 2
parts=${*:-right sums peers tune single table layers fashion full autotune}
models=${MODELS:-resnet50 vgg16 mobilenetv2 efficientnet-b0 efficientnet-b4 densenet121} precision=${PRECISION:-fp16}
trained=${TRAINED:-resnet50 efficientnet-b0 mobilenetv2} small=${SMALL:-efficientnet-b0 efficientnet-b4}
autotuned=${AUTOTUNED:-resnet50 mobilenetv2 efficientnet-b0}
batches=${BATCHES:-32 256 1} train_batches=${TRAIN_BATCHES:-128 256} rounds=${ROUNDS:-3}
weft=$bundle/bin/weft start=$(date +%s) deadline=
export XDG_CACHE_HOME="${XDG_CACHE_HOME:-$out/cache}" PYTHONUNBUFFERED=1
if [ -z "${WEFT_CUDA_LIBRARIES:-}" ]; then
    WEFT_CUDA_LIBRARIES=$(python3 -c 'import glob, nvidia
print(":".join(sorted(d for p in nvidia.__path__ for d in glob.glob(p + "/*/lib"))))' 2>/dev/null)
    export WEFT_CUDA_LIBRARIES
fi

say() {
    echo "[$(($(date +%s) - start)) s] $*"
}

by_comma() { # WORD...
    echo "$*" | tr ' ' ','
}

left() { # SECONDS: as many, or what is left of the part
    rest=$((deadline - $(date +%s)))
    [ $rest -lt "$1" ] && echo $rest || echo "$1"
}

limited() { # SECONDS FILE COMMAND...: both outputs to FILE; a line if it ends badly
    seconds=$(left "$1") log=$out/$2
    shift 2
    [ "$seconds" -gt 0 ] || { say "no time left: $*"; return 124; }
    timeout -k 5 "$seconds" "$@" >"$log" 2>&1 </dev/null
    code=$?
    [ $code = 0 ] || { say "exit code $code: $*"; tail -n 3 "$log" | cut -c1-300; }
    return $code
}

bench() { # FILE WITHOUT ARGUMENT...: rows of weft bench, after what weft was to do without, to the end of FILE
    rows=$out/$1 without=$2
    shift 2
    limited 60 bench.txt env WEFT_CUDA_NO="$without" sh -c 'exec "$@" 2>/dev/null' - "$weft" bench "$@" -d cuda \
        -o csv --columns model,batch,ms,min || return
    sed "1d;s/^/${without:-nothing},/" "$out/bench.txt" | tee -a "$rows"
}

turns() { # FILE WITHOUT ARGUMENT...: weft bench as it comes, and without, by turns
    file=$1 no=$2
    shift 2
    for round in $(seq "$rounds"); do
        bench "$file" "" "$@"
        bench "$file" "$no" "$@"
    done
}

right() {
    pids=
    for p in fp16 bf16 tf32 fp32; do
        limited 150 "steps-$p.txt" "$weft" selftest --only training --precision $p --threads 3 \
            -o "$out/steps-$p.json" &
        pids="$pids $!"
        limited 150 "quick-$p.txt" "$weft" selftest --quick --precision $p --threads 3 -o "$out/quick-$p.json" &
        pids="$pids $!"
    done
    sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
    for tool in memcheck racecheck; do
        [ -n "$sanitizer" ] || continue
        limited 150 $tool.txt "$sanitizer" --tool $tool --print-limit 20 "$weft" selftest --quick --only ops -p fp16 \
            --threads 2 -o "$out/$tool.json" &
        pids="$pids $!"
    done
    wait $pids
    grep -hE 'FAILED|passed' "$out"/steps-*.txt "$out"/quick-*.txt
    cat "$out"/*check.txt 2>/dev/null | grep 'SUMMARY'
}

sums() {
    for b in $train_batches; do
        turns sums.csv sums $trained --train -p fp16 -b "$b" --warmup 3 --reps 8 --min-time 0
    done
}

compare() { # NAME ARGUMENT...: waits for $out/NAME.go before it times
    name=$1
    shift
    limited 400 "$name.txt" python3 "$here/../peers/peers.py" --runner "$RUNNER" --device cuda --ahead --own-weights \
        --pause .05 --threads 2 --hold "$out/$name.go" --json "$out/$name.json" --md "$out/$name.md" \
        --log "$out/$name.err" "$@"
}

await() { # FILE PID: until FILE is there, the process has ended, or the part's time is over
    while [ ! -e "$1" ] && kill -0 "$2" 2>/dev/null && [ "$(left 1)" -gt 0 ]; do
        sleep .5
    done
}

time_held() { # NAME PID...: comparisons that were begun, one after the other, once all are ready
    n=0
    for word; do
        n=$((n + 1))
        [ $((n % 2)) = 0 ] && await "$out/$held.go.ready" "$word" || held=$word
    done
    while [ $# -gt 0 ]; do
        touch "$out/$1.go"
        wait "$2"
        say "$1"
        [ ! -e "$out/$1.md" ] || grep -h '^|' "$out/$1.md"
        shift 2
    done
}

peers() {
    [ -x "${RUNNER:-}" ] || { say "RUNNER names no weft_runner"; return; }
    set --
    for b in $batches; do
        compare "peers-$b" --precision "$precision" --models "$(by_comma $models)" --batch "$b" --warmup 20 \
            --rounds 5 --peers torch-eager,torch-reduce-overhead &
        set -- "$@" "peers-$b" $!
    done
    for b in $train_batches; do
        compare "train-$b" --train --precision bf16 --models "$(by_comma $trained)" --batch "$b" --runs 8 --warmup 4 \
            --rounds 5 &
        set -- "$@" "train-$b" $!
    done
    time_held "$@"
}

autotune() {
    [ -x "${RUNNER:-}" ] || { say "RUNNER names no weft_runner"; return; }
    compare autotune --precision "$precision" --models "$(by_comma $autotuned)" --batch 32 --warmup 20 --rounds 5 \
        --peers torch-max-autotune &
    time_held autotune $!
}

tune() {
    for b in 1 32; do
        for m in $models; do
            limited 60 "tune-$m-$b.txt" "$weft" tune "$m" -d cuda -p "$precision" -b $b -o csv
            grep -h "^$m," "$out/tune-$m-$b.txt" | tee -a "$out/tune.csv"
        done
    done
}

single() {
    turns tuned.csv tuned $models -p "$precision" -b 1 --warmup 20 --reps 50 --min-time .2
    turns overlap.csv overlap $small -p "$precision" -b 1 --warmup 20 --reps 50 --min-time .2
}

table() {
    limited 150 table.md "$weft" bench table --device auto -p "$precision" --reps 3 --min-time .3 -o md &&
        grep -h '^|' "$out/table.md"
}

layers() {
    for m in $models; do
        limited 30 "layers-$m.json" "$weft" bench "$m" -d cuda -p "$precision" -b 32 --layers --no-units --warmup 1 \
            --reps 10 --min-time 0 --threads 4 -o json
    done
    for m in $trained; do
        limited 30 "layers-train-$m.json" "$weft" bench "$m" --train -d cuda -p bf16 -b 128 --layers --warmup 1 \
            --reps 5 --min-time 0 --threads 4 -o json
    done
}

fashion() {
    [ -d "${FASHION:-}" ] || { say "FASHION names no folder of Fashion-MNIST"; return; }
    limited 180 fashion.txt "$weft" train --recipe fashion --data "$FASHION" --device cuda --out "$out/fashion"
    tail -n 2 "$out/fashion.txt"
}

full() {
    limited 300 full.txt "$weft" selftest -o "$out/full.json"
    grep -hE 'FAILED|passed' "$out/full.txt"
}

limit_of() { # PART: its own limit
    case $1 in
    right | tune | table) echo 150 ;;
    sums | single | layers) echo 90 ;;
    fashion) echo 180 ;;
    *) echo 300 ;;
    esac
}

nvidia-smi >"$out/smi.txt" 2>&1
deadline=$((start + 60))
limited 60 devices.txt "$weft" devices --wide && grep '^cuda' "$out/devices.txt" | cut -c1-160
for part in $parts; do
    name=${part%%:*} seconds=${part#*:}
    [ "$seconds" != "$part" ] || seconds=$(limit_of "$name")
    deadline=$(($(date +%s) + seconds))
    say "$name, at most $seconds s"
    case $name in
    right | sums | peers | tune | single | table | layers | fashion | full | autotune) $name ;;
    *) say "no part is called $name" ;;
    esac
done
say end
