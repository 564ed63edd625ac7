#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# No files of a program call each other in a circle: sh circles.sh NM OBJECT...
# A file needs those that define what it does not; tsort names the files of a circle.
set -u
nm=$1
shift
pairs=$(for object; do
    "$nm" -g "$object" | awk -v file="$(basename "$object" .o)" 'NF > 1 { print file, $(NF - 1), $NF }'
done | awk '
    $2 == "U" { needs[$1, $3] = 1; next }
    { where[$3] = $1 }
    END {
        for (pair in needs) {
            split(pair, p, SUBSEP)
            if (p[2] in where && where[p[2]] != p[1])
                print p[1], where[p[2]]
        }
    }' | sort -u)
[ "$(echo "$pairs" | wc -l)" -gt 5 ] || { echo "no calls between $# files were found"; exit 1; }
circle=$(echo "$pairs" | tsort 2>&1 > /dev/null) && exit 0
echo "these files call each other in a circle:"
echo "$circle" | sed -n 's/^tsort: \([^- ]*\.c\)$/    \1/p' | sort -u
exit 1
