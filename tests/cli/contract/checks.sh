#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What the files of cases share, which read it first and call run_case last: one case a run, of the arguments CASE WEFT
# PROBE SOURCE_DIR WORK_DIR SANITIZED. Every check prints what it expected; the case fails with the number of failed
# checks.
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

run_case() {
    case_$case
    echo "$case: $((checks)) checks, $failures failed"
    [ $checks -gt 0 ] && [ $failures -eq 0 ]
}
