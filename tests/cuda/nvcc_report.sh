#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# nvcc_report.sh TREE WORK: what nvcc said of the kernels (WORK/NAME.ARCH.log, of -Xptxas -v) against the budget of
# every kernel, TREE/tests/cuda/budget.txt, and what WORK/kept has of PTX: the 16-byte loads and stores of those that
# claim them.
set -eu
work=$2
cd "$1"

# Kernel, instance, architecture, registers, shared bytes.
for log in "$work"/*.log; do
    arch=$(echo "$log" | sed 's/.*\.\([0-9]*\)\.log/\1/')
    awk -v arch="$arch" -F"'" '
        /Compiling entry function/ { name = $2 }
        /Used [0-9]+ registers/ {
            registers = $0; sub(/.*Used /, "", registers); sub(/ .*/, "", registers)
            shared = 0
            if (match($0, /[0-9]+ bytes smem/)) shared = substr($0, RSTART, RLENGTH - 11)
            print name, arch, registers, shared
        }' "$log"
done >"$work/raw"
awk '{ print $1 }' "$work/raw" | c++filt | sed 's/^void //; s/(.*//; s/ //g' | paste -d' ' - "$work/raw" |
    awk '{ kernel = $1; sub(/<.*/, "", kernel); print kernel, $1, $3, $4, $5 }' | sort >"$work/used"

status=0
awk '
    FILENAME ~ /budget/ { if (!/^#/ && NF) { registers[$1] = $2; shared[$1] = $3; seen[$1] = 0 } next }
    !($1 in registers) { print "FAILED " $2 ": not in budget.txt"; bad = 1; next }
    { seen[$1]++
      if ($4 > most[$1]) { most[$1] = $4; who[$1] = $2 " on sm_" $3 }
      if ($4 > registers[$1]) {
          printf "FAILED %s on sm_%s: %d registers, %d allowed\n", $2, $3, $4, registers[$1]; bad = 1 }
      if ($5 > shared[$1]) {
          printf "FAILED %s on sm_%s: %d bytes shared, %d allowed\n", $2, $3, $5, shared[$1]; bad = 1 } }
    END {
        for (k in seen) {
            if (!seen[k]) { print "FAILED " k ": in budget.txt, but no such kernel"; bad = 1 }
            else printf "%-12s %4d uses, at most %3d of %3d registers (%s)\n", k, seen[k], most[k], registers[k], who[k]
        }
        exit bad
    }' tests/cuda/budget.txt "$work/used" >"$work/report" || status=1
sort "$work/report"

# Packs of 16 bytes, or of 8 where half is enough: in each instance for packs (the first number among its arguments
# is not 1).
for ptx in "$work"/kept/*.ptx; do
    awk '/^\.visible \.entry|^\.entry/ { name = $0; sub(/.*entry /, "", name); sub(/\(.*/, "", name) }
         /ld\.global(\.nc)?\.v4/ { load[name]++ }
         /st\.global\.v4/ { store[name]++ }
         /ld\.global(\.nc)?\.v[24]/ { load8[name]++ }
         /st\.global\.v[24]/ { store8[name]++ }
         name != "" { all[name] = 1 }
         END { for (n in all) print n, load[n] + 0, store[n] + 0, load8[n] + 0, store8[n] + 0 }' "$ptx"
done >"$work/pieces"
awk '{ print $1 }' "$work/pieces" | c++filt | sed 's/^void //; s/(.*//; s/ //g' | paste -d' ' - "$work/pieces" |
    awk '
    FILENAME ~ /budget/ { if (!/^#/ && NF) wide[$1] = $4; next }
    { kernel = $1; sub(/<.*/, "", kernel); pack = $1
      if (wide[kernel] !~ /^(half-)?wide/ || !match(pack, /,[0-9]+/)) next
      if (substr(pack, RSTART + 1, RLENGTH - 1) == 1) next
      checked++
      if (wide[kernel] == "half-wide") { $3 = $5; $4 = $6 }
      if ($3 == 0 || (wide[kernel] != "wide-load" && $4 == 0)) {
          printf "FAILED %s: %d loads and %d stores of packs in its PTX\n", $1, $3, $4; bad = 1 } }
    END { if (!checked) { print "FAILED no kernel was looked at for packs"; bad = 1 }
          else print checked " instances read and write packs"
          exit bad }' tests/cuda/budget.txt - || status=1
exit $status
