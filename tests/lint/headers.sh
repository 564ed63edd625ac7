#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# headers.sh TREE CC CXX INCLUDE...: each header compiles first and twice, and before and after all of <weft/weft.h>, as
# C11 and, where there is a C++ compiler (CXX not empty), as C++17; the public ones without any feature macro. Guards
# are named after the path. Headers that do not are lines of known.txt.
set -eu
cd "$1"
cc=$2
cxx=$3
shift 3
system=
for dir in "$@"; do
    system="$system -isystem $dir"
done
warn='-Wall -Wextra -Wpedantic -Wundef -Werror -fsyntax-only'
status=0
known=tests/lint/known.txt
[ -f "$known" ] || known=/dev/null
report=$(mktemp)
trap 'rm -f "$report"' EXIT

complain()
{
    echo "$1" >&2
    status=1
}

# shellcheck disable=SC2086 # word splitting is meant
compile() # <file> <header as included> <compiler and flags...>
{
    line="header $1 $lang"
    header=$2
    shift 2
    failed=
    printf '#include %s\n#include %s\n#include <weft/weft.h>\nextern int weft_lint;\n' "$header" "$header" |
        "$@" $warn - 2>"$report" || failed=before
    [ -n "$failed" ] || printf '#include <weft/weft.h>\n#include %s\nextern int weft_lint;\n' "$header" |
        "$@" $warn - 2>"$report" || failed=after
    if grep -qxF "$line" "$known"; then
        [ -n "$failed" ] || complain "tests/lint/known.txt: \"$line\" no longer applies: delete the line"
    elif [ -n "$failed" ]; then
        cat "$report" >&2
        complain "$header does not compile alone, twice, or $failed <weft/weft.h>: $*"
    fi
}

both() # <file> <header as included> <flags...>
{
    file=$1
    included=$2
    shift 2
    lang=c
    compile "$file" "$included" "$cc" -std=c11 "$@" -x c
    lang=c++
    [ -z "$cxx" ] || compile "$file" "$included" "$cxx" -std=c++17 "$@" -x c++
}

for file in $(find include src arch -name '*.h' | LC_ALL=C sort); do
    case $file in
    include/weft/*) guard=WEFT_${file#include/weft/} included="<${file#include/}>" ;;
    src/*) guard=WEFT_${file#src/} included="\"${file#src/}\"" ;;
    *) guard=WEFT_$file included="\"$file\"" ;;
    esac
    guard=$(echo "$guard" | tr 'a-z/.-' 'A-Z___')
    short=$(basename "$(dirname "$file")")/$(basename "$file") # WEFT_SIMD_GEMM_H will do for cpu/simd/gemm.h
    short=WEFT_$(echo "$short" | tr 'a-z/.-' 'A-Z___')
    grep -qE "^#ifndef ($guard|$short)\$" "$file" || complain "$file: its guard should be $guard"

    case $file in
    include/*) both "$file" "$included" -Iinclude ;;
    src/cpu/simd/*) # compiled once for each instruction set
        both "$file" "$included" -D_GNU_SOURCE -DWEFT_SIMD_ISA=portable -DWEFT_LANES=4 -Iinclude -Isrc
        ;;
    # shellcheck disable=SC2086
    *) both "$file" "$included" -D_GNU_SOURCE -Iinclude -Isrc -I. $system ;;
    esac
done
exit $status
