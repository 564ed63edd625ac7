#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# card.sh BUNDLE OUT [PART...]: weft on a GPU in some minutes, from the folder that `make bundle` unpacks to: first
# right, then fast. Each part writes what it measured into OUT and says in a line what came of it; what fails or runs
# out of time does not stop the next. Parts, in this order unless named:
#   right      the quick selftest and ten steps of training in every precision, side by side; memcheck and racecheck
#   tune       weft tune of MODELS at batch 32
#   peers      beside PyTorch by turns, at batch 32, 256 and 1, and steps of training at batch 128: all are set up side
#              by side (compiling takes two minutes of 16 cores and 100 GB), then timed one after the other
#   layers     every step of MODELS, with inverted residual units in pieces, and of steps of training
#   fashion    the recipe fashion, whole, on the data in FASHION
#   full       the selftest without --quick
# MODELS, TRAINED and PRECISION are variables of the environment; so is RUNNER, a weft_runner (build/bundle/bench), for
# peers.
# WEFT_CUDA_LIBRARIES chooses NVIDIA's libraries: PyTorch's own, unless it is set.
set -u
[ $# -ge 2 ] || { sed -n '4,18s/^# //p' "$0"; exit 2; }
bundle=$(cd "$1" && pwd) here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2" && out=$(cd "$2" && pwd)
shift 2
parts=${*:-right tune peers layers fashion full}
models=${MODELS:-resnet50 vgg16 mobilenetv2 efficientnet-b0 efficientnet-b4 densenet121} precision=${PRECISION:-fp16}
trained=${TRAINED:-resnet50 efficientnet-b0 mobilenetv2}
weft=$bundle/bin/weft start=$(date +%s)
export XDG_CACHE_HOME="${XDG_CACHE_HOME:-$out/cache}" PYTHONUNBUFFERED=1
if [ -z "${WEFT_CUDA_LIBRARIES:-}" ]; then
    WEFT_CUDA_LIBRARIES=$(python3 -c 'import glob, nvidia
print(":".join(sorted(d for p in nvidia.__path__ for d in glob.glob(p + "/*/lib"))))' 2>/dev/null)
    export WEFT_CUDA_LIBRARIES
fi

say() {
    echo "[$(($(date +%s) - start)) s] $*"
}

limited() { # SECONDS FILE COMMAND...: both outputs to FILE; a line if it ends badly
    seconds=$1 file=$out/$2
    shift 2
    timeout -k 5 "$seconds" "$@" >"$file" 2>&1 </dev/null
    code=$?
    [ $code = 0 ] || { say "exit code $code: $*"; tail -n 3 "$file" | cut -c1-300; }
    return $code
}

right() {
    pids=
    for p in fp16 bf16 tf32 fp32; do
        limited 150 "quick-$p.txt" "$weft" selftest --quick --precision $p --threads 3 -o "$out/quick-$p.json" &
        pids="$pids $!"
        limited 150 "steps-$p.txt" "$weft" selftest --only training --precision $p --threads 3 \
            -o "$out/steps-$p.json" &
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
    grep -hE 'FAILED|passed' "$out"/quick-*.txt "$out"/steps-*.txt
    grep -h 'SUMMARY' "$out"/*check.txt
}

tune() {
    for m in $models; do
        limited 90 "tune-$m.txt" "$weft" tune "$m" -p "$precision" -b 32 --wide
        grep -h " $precision " "$out/tune-$m.txt"
    done
}

compare() { # NAME ARGUMENT...: waits for $out/NAME.go before it times
    name=$1
    shift
    limited 400 "$name.txt" python3 "$here/../peers/peers.py" --runner "$RUNNER" --device cuda --ahead --rounds 5 \
        --pause .05 --threads 2 --hold "$out/$name.go" --json "$out/$name.json" --md "$out/$name.md" \
        --log "$out/$name.err" "$@"
}

await() { # FILE PID: until FILE is there, or the process has ended
    while [ ! -e "$1" ] && kill -0 "$2" 2>/dev/null; do
        sleep .5
    done
}

peers() {
    [ -x "${RUNNER:-}" ] || { say "RUNNER names no weft_runner"; return; }
    set --
    for b in 32 256 1; do
        compare "peers-$b" --precision "$precision" --models "$(echo "$models" | tr ' ' ',')" --batch $b --warmup 20 &
        set -- "$@" "peers-$b" $!
    done
    compare train --train --precision bf16 --models "$(echo "$trained" | tr ' ' ',')" --batch 128 --runs 8 --warmup 4 &
    set -- "$@" train $!
    await "$out/$1.go.ready" "$2"
    await "$out/$3.go.ready" "$4"
    await "$out/$5.go.ready" "$6"
    await "$out/$7.go.ready" "$8"
    while [ $# -gt 0 ]; do
        touch "$out/$1.go"
        wait "$2"
        say "$1"
        grep -h '^|' "$out/$1.md"
        shift 2
    done
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

nvidia-smi >"$out/smi.txt" 2>&1
limited 60 devices.txt "$weft" devices --wide && grep '^cuda' "$out/devices.txt" | cut -c1-160
for part in $parts; do
    say "$part"
    case $part in
    right | tune | peers | layers | fashion | full) $part ;;
    *) say "no part is called $part" ;;
    esac
done
say end
