#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What the files of cases share, which read it first and call run_case last: one case a run, of the arguments CASE WEFT
# PROBE SOURCE_DIR WORK_DIR SANITIZED. Every check prints what it expected; the case fails with the number of failed
# checks.
set -u
case=$1 weft=$2 probe=$3 source=$4 work=$5 sanitized=$6
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 99
. "${0%/*}/../checks.sh"
quick="--min-time 0 --reps 2 --warmup 0"

hasnt() {
    checks=$((checks + 1))
    grep -qF -- "$2" "$1" && fail "$1 holds '$2'"
}

json() { "$probe" json "$1" "$2"; }

# near USED PLANNED: no byte beyond the plan, and at most what rounding leaves unused at its end.
near() {
    true_that "$1 <= $2 && $1 > $2 - 4096"
}

true_that() { # an awk condition
    checks=$((checks + 1))
    awk "BEGIN { exit !($1) }" || fail "not so: $1"
}

run_case() {
    case_$case
    echo "$case: $((checks)) checks, $failures failed"
    [ $checks -gt 0 ] && [ $failures -eq 0 ]
}
