#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# weft train on several cards, each of a rank: the plug-in whose libraries are stand-ins, NCCL among them:
# sh ranks.sh CASE WEFT MAKE_SET PLUGIN WORK_DIR MPIRUN. Ends with 77 where there is no mpirun, or no plug-in of MPI.
#
#   alike   two and four cards train as one; by NCCL, through the host where one rank has none
#   rounds  batches whose gradients make one update: as one card, and their sums pass once
#   parts   the same where an epoch ends among them, through the host, and resumed
#   types   16 bits train as one card does, and a step that is not finite on one is left out on all
#   resnet  norms, shortcuts and several buckets: as two ranks of the CPU, and the same bits twice
#   slow    sums that take their time are no reason to end: a deadline counts from the last that has passed
#   lost    a rank that is killed or stopped ends the others in time, and the run goes on to the same bits
#   faults  every call of NCCL fails once: an error, or survived, and nothing is left open
set -u
case=$1 weft=$2 make_set=$3 plugin=$4 work=$5 mpirun=$6
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 99

. "${0%/*}/../cli/checks.sh"
. "${0%/*}/../cli/runs.sh"
. "${0%/*}/../cli/launch.sh"
# Not the user's cache, whose plans are for the real cuDNN; as many cards as ranks.
export XDG_CACHE_HOME="$work/cache" TMPDIR="$work" WEFT_CUDA_PLUGIN="$plugin" WEFT_DOUBLE_CARDS=4

same_weights() { # RUN RUN
    cmp "$1/last.safetensors" "$2/last.safetensors" || fail "$1 and $2 have other bits"
}

net="train lenet5 -D keras --data set --batch 8 --lr 0.02 --device cuda"

case_alike() {
    "$make_set" idx set 32
    set -- $net --epochs 2 --set "precision fp32"
    ends 0 "$weft" "$@" --out one
    ends 0 $launch -n 2 "$weft" "$@" --out two
    has out "gradients  pass between the cards by NCCL 2.28.3" "ranks      2 by"
    ends 0 $launch -n 2 "$weft" "$@" --out again
    ends 0 $launch -n 4 "$weft" "$@" --out four
    close_to one two
    close_to one four
    same_weights two again
    ends 0 $launch -n 1 "$weft" "$@" --out host : -n 1 env WEFT_DOUBLE_NCCL=21000 "$weft" "$@" --out host
    has err "gradients pass between the cards through the host" "rank 1: NCCL (libnccl.so.2): version 2.10.0"
    close_to one host
}

summed() { # FILE: numbers that NCCL added up on a rank
    sed -n 's/ summed$//p' "$1"
}

# Updates enough that both recordings are replayed.
case_rounds() {
    "$make_set" idx set 32
    often="precision fp32" two="precision fp32; accumulate 2"
    set -- $net --epochs 2
    ends 0 "$weft" "$@" --set "$two" --out one
    passed=
    for how in "$often" "$two"; do
        rm -f books
        ends 0 $launch -n 1 "$weft" "$@" --set "$how" --out two : \
            -n 1 env WEFT_DOUBLE_BOOKS=books "$weft" "$@" --set "$how" --out two
        grep -q "^0 open $" books || fail "$how: $(cat books)"
        passed="$passed $(summed books)"
        [ "$how" = "$two" ] || rm -r two
    done
    echo "numbers summed: $passed"
    echo "$passed" | awk '{ exit !(NF == 2 && $1 > 1.9 * $2) }' || fail "sums of two batches pass for each of them"
    close_to one two
    ends 0 $launch -n 2 "$weft" "$@" --set "$two" --out again
    same_weights two again
}

# Epochs that end in the midst of batches that belong together.
case_parts() {
    "$make_set" idx set 32
    set -- $net --schedule constant --set "precision fp32; accumulate 3"
    ends 0 "$weft" "$@" --epochs 2 --out one
    ends 0 $launch -n 1 "$weft" "$@" --epochs 2 --out host : \
        -n 1 env WEFT_DOUBLE_NCCL=21000 "$weft" "$@" --epochs 2 --out host
    close_to one host
    ends 0 $launch -n 2 "$weft" "$@" --epochs 1 --out part
    ends 0 $launch -n 2 "$weft" train --resume part --device cuda --epochs 2
    ends 0 $launch -n 2 "$weft" "$@" --epochs 2 --out whole
    close_to one whole
    same_weights whole part
}

case_types() {
    "$make_set" idx set 32
    for type in bf16 fp16; do
        set -- $net --epochs 1 --set "precision $type"
        ends 0 "$weft" "$@" --out one-$type
        ends 0 $launch -n 2 "$weft" "$@" --out two-$type
        ends 0 $launch -n 2 "$weft" "$@" --out again-$type
        close_to one-$type two-$type 5e-4
        same_weights two-$type again-$type
    done
    # A plan writes no numbers once, on one card alone.
    none="spoil 40 2"
    ends 0 $launch -n 1 env WEFT_DOUBLE_FAIL="$none" "$weft" "$@" --out bad-0 : -n 1 "$weft" "$@" --out bad-0
    has out "1 step skipped"
    ends 0 $launch -n 1 "$weft" "$@" --out bad-1 : -n 1 env WEFT_DOUBLE_FAIL="$none" "$weft" "$@" --out bad-1
    has out "1 step skipped"
    same_weights bad-0 bad-1
    cmp -s bad-0/last.safetensors two-fp16/last.safetensors && fail "nothing was skipped"
}

case_resnet() {
    "$make_set" idx set 16
    set -- train fashion-resnet --data set --px 8 --batch 8 --lr 0.005 --epochs 1
    ends 0 $launch -n 2 "$weft" "$@" --device cuda --set "precision fp32" --out two
    has out "gradients  pass between the cards by NCCL"
    ends 0 $launch -n 2 "$weft" "$@" --device cuda --set "precision fp32" --out again
    ends 0 $launch -n 2 "$weft" "$@" --out cpu
    close_to cpu two 2e-4
    same_weights two again
}

# Four steps are queued, each of a dozen sums, which take longer together than the deadline.
case_slow() {
    "$make_set" idx set 32
    set -- $net --epochs 1
    ends 0 $launch -n 2 "$weft" "$@" --set "precision fp32" --out two
    export WEFT_DOUBLE_SUM_SECONDS=0.5
    start=$(date +%s)
    ends 0 $launch -n 2 "$weft" "$@" --set "precision fp32; rank-timeout 14" --out slow
    [ $(($(date +%s) - start)) -gt 14 ] || fail "the sums were not slow"
    same_weights two slow
}

case_lost() {
    "$make_set" idx set 64
    tough=
    [ $open ] && tough="--enable-recovery --mca orte_abort_on_non_zero_status 0"
    set -- $net --epochs 4 --checkpoint 2steps
    ends 0 $launch -n 2 "$weft" "$@" --set "precision fp32" --out whole
    begin 60 "$@" --set "precision fp32; rank-timeout 12" --out broken
    kill -KILL "$(cat pid.1)"
    gone "$(cat pid.0)" 17 || fail "rank 0 is still there, 17 s after rank 1 was killed"
    has err "no answer from rank 1 for 12 s" "step "
    gone $launcher 5 || { fail "the launcher is still there"; kill -KILL $launcher; }
    begin 60 train --resume broken --device cuda
    kill -STOP "$(cat pid.0)"
    gone "$(cat pid.1)" 17 || fail "rank 1 is still there, 17 s after rank 0 was stopped"
    has err "weft: rank 1: step " "no answer from rank 0 for 12 s"
    kill -KILL "$(cat pid.0)"
    gone $launcher 5 || { fail "the launcher is still there"; kill -KILL $launcher; }
    ends 0 $launch -n 2 "$weft" train --resume broken --device cuda --set "rank-timeout 60"
    same_weights whole broken
}

# Of rank 1; rank 0 must end, too. The ninth sum is in a recorded step.
case_faults() {
    "$make_set" idx set 32
    set -- $net --epochs 1 --set "precision fp32; rank-timeout 5"
    for fault in "ncclGetVersion 1 1" "ncclCommInitRankConfig 1 1" "ncclCommGetAsyncError 1 1" "ncclGroupStart 1 1" \
        "ncclAllReduce 1 1" "ncclAllReduce 2 6" "ncclGroupEnd 1 1" "ncclGroupEnd 2 1" "ncclCommFinalize 1 1" \
        "ncclCommDestroy 1 1" "cudaStreamQuery 1 1" "cudaEventQuery 1 1"; do
        rm -rf run books
        $launch -n 1 "$weft" "$@" --out run : \
            -n 1 env WEFT_DOUBLE_FAIL="$fault" WEFT_DOUBLE_BOOKS=books "$weft" "$@" --out run > out 2> err < /dev/null
        code=$?
        [ $code -lt 80 ] || fail "$fault: exit code $code"
        [ $code -eq 0 ] || grep -q "^weft: " err || fail "$fault: no sentence"
        [ ! -s books ] || grep -q "^0 open $" books || fail "$fault: $(cat books)"
        echo "$fault: $code $(cat books 2> /dev/null) $(head -n 1 err)"
    done
}

case_$case
[ $failures -eq 0 ] || exit 1
