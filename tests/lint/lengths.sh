#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# lengths.sh TREE: no source over 500 lines, whether C, C++, CUDA, shell, awk, Python or CMake; no function of the first
# three over 60, from its brace to its brace; 120 in the kernels' folders src/cpu and src/cuda/kernel. Longer ones that
# are there today are lines of known.txt with the length that they may keep.
set -eu
cd "$1"
known=tests/lint/known.txt
[ -f "$known" ] || known=

dirs=
for dir in include src arch bench tests cmake packaging docs python .ci; do
    [ ! -d "$dir" ] || dirs="$dirs $dir"
done
# shellcheck disable=SC2086 # word splitting is meant
{
    find $dirs -type f \( -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' -o -name '*.cpp' -o -name '*.def' \
        -o -name '*.sh' -o -name '*.awk' -o -name '*.py' -o -name '*.cmake' -o -name CMakeLists.txt \
        -o -path '.ci/run' \)
    find . -maxdepth 1 -type f \( -name CMakeLists.txt -o -name Makefile \)
} | sed 's|^\./||' | LC_ALL=C sort | LC_ALL=C xargs awk '
    function judge(what, n, limit)
    {
        if (n <= limit)
            return
        longer[what] = 1
        if (what in may)
            limit = may[what]
        if (n > limit) {
            printf "%s: %d lines, %d are allowed\n", what, n, limit
            bad = 1
        }
    }
    function end_of_file() { if (name != "") judge("file " name, lines, 500) }
    FILENAME ~ /known\.txt$/ { if (/^(file|function) /) { n = $NF; sub(/ [0-9]+$/, ""); may[$0] = n } next }
    FNR == 1 { end_of_file(); name = FILENAME; c = name ~ /\.([ch]|cuh?|cpp)$/; start = 0; title = "" }
    { lines = FNR }
    /^[A-Za-z_].*\(/ { # the name before the first bracket; in it, where that is a macro: START_TEST(pool)
        title = $0
        while (match(title, /^[^(]*__attribute__\(\([^)]*\)\) */) || match(title, /^[A-Z_]+ /))
            title = substr(title, RLENGTH + 1)
        if (match(title, /[A-Z][A-Z0-9_]*\([a-z0-9_]+\)/)) {
            title = substr(title, RSTART, RLENGTH)
            sub(/.*\(/, "", title)
            sub(/\).*/, "", title)
        } else {
            sub(/ *\(.*/, "", title)
            sub(/.*[^A-Za-z0-9_]/, "", title)
        }
    }
    c && /^{$/ { start = FNR }
    /^}/ && start {
        judge("function " name " " title, FNR - start + 1, name ~ /^src\/(cpu|cuda\/kernel)\// ? 120 : 60)
        start = 0
    }
    END {
        end_of_file()
        for (what in may)
            if (!(what in longer)) {
                printf "tests/lint/known.txt: \"%s\" is short enough now: delete the line\n", what
                bad = 1
            }
        exit bad
    }' $known >&2
