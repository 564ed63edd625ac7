#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# weft train on several ranks: sh ranks.sh CASE WEFT MAKE_SET WORK_DIR MPIRUN. Ends with 77 where there is no mpirun, or
# no plug-in of MPI.
set -u
case=$1 weft=$2 make_set=$3 work=$4 mpirun=$5
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 99

. "${0%/*}/checks.sh"
. "${0%/*}/runs.sh"
. "${0%/*}/launch.sh"

net="train lenet5 -D keras --data set"

# One, two and four ranks take the same images of each batch, and so the same steps; the bits are those of the number
# of ranks. Rank 0 alone speaks.
case_alike() {
    "$make_set" idx set 64
    set -- $net --batch 8 --epochs 2 --lr 0.02 --augment "crop-pad 2, flip"
    ends 0 "$weft" "$@" --out one
    ends 0 $launch -n 4 "$weft" "$@" --out four
    ends 0 $launch -n 2 "$weft" "$@" --out two
    has out "ranks      2 by" "4 of the 8 images of a step each; the learning rate is that of all 8" \
        "hidden behind the backward pass"
    [ "$(grep -c "^epoch" out)" = 2 ] || fail "not rank 0 alone has printed"
    close_to one two
    close_to one four
    ends 0 $launch -n 2 "$weft" "$@" --out again
    same two again
    ends 0 "$weft" "$@" --set "accumulate 3" --out rounds
    ends 0 $launch -n 2 "$weft" "$@" --set "accumulate 3" --out rounds-two
    close_to rounds rounds-two
    ls two > a.txt && ls one > b.txt
    cmp a.txt b.txt || fail "the folders of runs differ"
}

# What cannot train together says so.
case_refused() {
    "$make_set" idx set 32
    "$make_set" idx other 36
    set -- $net --batch 8 --epochs 1
    ends 2 $launch -n 3 "$weft" "$@"
    has err "batch: 8 images cannot be shared by 3 ranks: 6 or 9 can"
    ends 2 $launch -n 1 "$weft" "$@" --lr 0.5 : -n 1 "$weft" "$@" --lr 0.25
    has err "same settings and data: rank 1 has 'lr 0.25' where rank 0 has 'lr 0.5'"
    ends 2 $launch -n 1 "$weft" "$@" : -n 1 "$weft" $net --batch 8 --epochs 1 --data other
    has err "rank 1 has 'data "
    ends 69 env OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=2 WEFT_MPI_PLUGIN=/nowhere.so "$weft" "$@"
    has err "a launcher has started several processes of weft, which cannot train together" "/nowhere.so"
    # A rank that cannot go on does not leave the others waiting.
    $launch -n 1 "$weft" "$@" : -n 1 "$weft" $net --batch 8 --data nowhere > out 2> err < /dev/null && fail "no error"
    has err "nowhere"
    [ -d runs ] && fail "there is a run's folder"
}

# A rank that is killed, or stopped, ends all others in time, also where the launcher does nothing about it; what was
# saved goes on to the bits of a run that was not broken.
case_lost() {
    "$make_set" idx set 64
    tough=
    [ $open ] && tough="--enable-recovery --mca orte_abort_on_non_zero_status 0"
    set -- $net --batch 8 --epochs 8 --checkpoint 2steps --set
    ends 0 $launch -n 2 "$weft" "$@" "ema .9; accumulate 3" --out whole
    begin 30 "$@" "ema .9; accumulate 3; rank-timeout 3" --out broken
    kill -KILL "$(cat pid.1)"
    gone "$(cat pid.0)" 8 || fail "rank 0 is still there, 8 s after rank 1 was killed"
    has err "no answer from rank 1 for 3 s" "step "
    gone $launcher 5 || { fail "the launcher is still there"; kill -KILL $launcher; }
    begin 30 train --resume broken
    kill -STOP "$(cat pid.0)"
    gone "$(cat pid.1)" 8 || fail "rank 1 is still there, 8 s after rank 0 was stopped"
    has err "weft: rank 1: step " "no answer from rank 0 for 3 s"
    kill -KILL "$(cat pid.0)"
    gone $launcher 5 || { fail "the launcher is still there"; kill -KILL $launcher; }
    tough=
    begin 30 train --resume broken # all of them stop after the same step
    kill -USR1 $launcher
    wait $launcher
    [ $? -eq 75 ] || fail "ended by SIGUSR1: not exit code 75"
    has err "--resume broken goes on"
    ends 0 $launch -n 2 "$weft" train --resume broken --set "rank-timeout 60"
    same whole broken
    ends 0 "$weft" train --resume broken --epochs 9 # fewer ranks may go on
    has err "the run was made by 2 ranks, and goes on by 1"
}

case_$case
[ $failures -eq 0 ] || exit 1
