#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# headers.sh TREE CC CXX INCLUDE...: each header compiles alone, first and twice, as C11; the public ones without any
# feature macro, and as C++17 where there is a C++ compiler (CXX not empty). Guards are named after the path.
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

complain()
{
    echo "$1" >&2
    status=1
}

# shellcheck disable=SC2086 # word splitting is meant
compile() # <header as included> <compiler and flags...>
{
    header=$1
    shift
    printf '#include %s\n#include %s\nextern int weft_lint;\n' "$header" "$header" | "$@" $warn - ||
        complain "$header does not compile alone: $*"
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
    include/*)
        compile "$included" "$cc" -std=c11 -Iinclude -x c
        [ -z "$cxx" ] || compile "$included" "$cxx" -std=c++17 -Iinclude -x c++
        ;;
    src/cpu/simd/*) # compiled once for each instruction set
        compile "$included" "$cc" -std=c11 -D_GNU_SOURCE -DWEFT_SIMD_ISA=portable -DWEFT_LANES=4 -Iinclude -Isrc -x c
        ;;
    *)
        # shellcheck disable=SC2086
        compile "$included" "$cc" -std=c11 -D_GNU_SOURCE -Iinclude -Isrc -I. $system -x c
        ;;
    esac
done
exit $status
