#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# loop.sh OBJDUMP OBJECT FUNCTION SHARE: the innermost loop of FUNCTION with the most multiplications by a lane (fmla):
# they are SHARE per cent of it at least, and nothing of it is on the stack.
set -eu
"$1" -d --no-show-raw-insn "$2" | awk -v name="$3" -v share="$4" '
$2 == "<" name ">:" { inside = 1; next }
inside && NF == 0 { exit }
inside {
    at = $1
    sub(/:$/, "", at)
    line[++count] = $0
    place[at] = count
    if ($2 ~ /^(b\.|cbn?z|tbn?z)/) {
        target = $0
        sub(/ <.*/, "", target)
        sub(/.*[ ,\t]/, "", target)
        if (target in place)
            loop(place[target], count)
    }
}
# A loop with another in it, which has ended before it, is not an innermost one.
function loop(first, last,    i, n, stack) {
    for (i = 1; i <= loops; i++)
        if (begin[i] >= first)
            return
    begin[++loops] = first
    for (i = first; i <= last; i++) {
        n += line[i] ~ /\tfmla\t.*\.s\[[0-3]\]/
        stack += line[i] ~ /\[sp/
    }
    if (n > most) {
        most = n
        size = last - first + 1
        spills = stack
    }
}
END {
    if (!most) {
        print name ": no loop of multiplications by a lane"
        exit 1
    }
    printf "%s: %d of the %d instructions of its loop multiply (%d %%), %d are of the stack\n", name, most, size,
        100 * most / size, spills
    exit 100 * most < share * size || spills > 0
}'
