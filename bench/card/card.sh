#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# card.sh BUNDLE OUT [PART...]: weft on a GPU in some minutes, from the folder that `make bundle` unpacks to: first
# right, then fast. Each part writes what it measured into OUT and says in a line what came of it; what fails or runs
# out of time does not stop the next. Parts, in this order unless named:
#   right      the quick selftest in every precision, side by side; memcheck and racecheck of the operations
#   tune       weft tune of MODELS at batch 32
#   peers      beside PyTorch by turns, at batch 32, 256 and 1 (compiling takes a minute of many cores)
#   layers     every step of MODELS, with inverted residual units in pieces
#   full       the selftest without --quick
# MODELS and PRECISION are variables of the environment; RUNNER is a weft_runner (build/bundle/bench) for peers.
# WEFT_CUDA_LIBRARIES chooses NVIDIA's libraries: PyTorch's own, unless it is set.
set -u
[ $# -ge 2 ] || { sed -n '4,14s/^# //p' "$0"; exit 2; }
bundle=$(cd "$1" && pwd) here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2" && out=$(cd "$2" && pwd)
shift 2
parts=${*:-right tune peers layers full}
models=${MODELS:-resnet50 vgg16 mobilenetv2 efficientnet-b0 efficientnet-b4 densenet121} precision=${PRECISION:-fp16}
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
    done
    sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
    for tool in memcheck racecheck; do
        [ -n "$sanitizer" ] || continue
        limited 150 $tool.txt "$sanitizer" --tool $tool --print-limit 20 "$weft" selftest --quick --only ops -p fp16 \
            --threads 2 -o "$out/$tool.json" &
        pids="$pids $!"
    done
    wait $pids
    grep -hE 'FAILED|passed' "$out"/quick-*.txt
    grep -h 'SUMMARY' "$out"/*check.txt
}

tune() {
    for m in $models; do
        limited 90 "tune-$m.txt" "$weft" tune "$m" -p "$precision" -b 32 --wide
        grep -h " $precision " "$out/tune-$m.txt"
    done
}

peers() {
    [ -x "${RUNNER:-}" ] || { say "RUNNER names no weft_runner"; return; }
    names=$(echo "$models" | tr ' ' ',')
    for b in 32 256 1; do
        limited 300 peers-$b.txt python3 "$here/../peers/peers.py" --runner "$RUNNER" --device cuda --ahead \
            --precision "$precision" --models "$names" --batch $b --rounds 5 --warmup 60 --pause .05 --threads 4 \
            --json "$out/peers-$b.json" --md "$out/peers-$b.md" --log "$out/peers.err"
        grep -h '^|' "$out/peers-$b.md"
    done
}

layers() {
    for m in $models; do
        limited 30 "layers-$m.json" "$weft" bench "$m" -d cuda -p "$precision" -b 32 --layers --no-units --warmup 1 \
            --reps 10 --min-time 0 --threads 4 -o json
    done
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
    right | tune | peers | layers | full) $part ;;
    *) say "no part is called $part" ;;
    esac
done
say end
