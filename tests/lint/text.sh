#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# text.sh TREE: rules on the text of every source file: an SPDX line on top, at most 120 columns, no tabs or trailing
# blanks in C, what is left to do names its issue, and WEFT_CUDA is asked about in src/backend/devices.c alone.
set -eu
cd "$1"

dirs=
for dir in include src arch bench tests cmake packaging docs python .ci; do
    [ ! -d "$dir" ] || dirs="$dirs $dir"
done
# shellcheck disable=SC2086 # word splitting is meant
{
    find $dirs -type f \( -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' -o -name '*.cpp' -o -name '*.def' \
        -o -name '*.cmake' -o -name '*.sh' -o -name '*.awk' -o -name '*.py' -o -name CMakeLists.txt \
        -o -path '.ci/run' \)
    find . -maxdepth 1 -type f \( -name CMakeLists.txt -o -name Makefile -o -name .clang-format -o -name .clang-tidy \)
} | sed 's|^\./||' | LC_ALL=C sort >"${TMPDIR:-/tmp}/weft-lint-$$"
trap 'rm -f "${TMPDIR:-/tmp}/weft-lint-$$"' EXIT

LC_ALL=C xargs awk '
    function complain(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; bad = 1 }
    FNR == 1 { if (name != "" && !spdx) { printf "%s:1: no SPDX line\n", name; bad = 1 }
               name = FILENAME; spdx = 0; c = name ~ /\.([ch]|cuh?|cpp|def)$/ }
    FNR <= 2 && /SPDX-License-Identifier: Apache-2\.0/ { spdx = 1 }
    { columns = $0; gsub(/[\200-\277]/, "", columns) } # a character of UTF-8 counts once
    length(columns) > 120 { complain(length(columns) " columns, 120 are allowed") }
    c && /\t/ { complain("tab") }
    c && /[ \t\r]$/ { complain("blank at the end") }
    /TO[D]O/ && !/TO[D]O\(#[0-9]+\):/ { complain("write TO" "DO(#issue):") }
    c && /^[ \t]*#[ \t]*(if|ifdef|ifndef|elif).*WEFT_CUDA([^_A-Z]|$)/ && name != "src/backend/devices.c" {
        complain("WEFT_CUDA belongs into src/backend/devices.c") }
    END { if (name != "" && !spdx) { printf "%s:1: no SPDX line\n", name; bad = 1 } exit bad }
' <"${TMPDIR:-/tmp}/weft-lint-$$"
