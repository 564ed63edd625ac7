#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# examples.sh TRAIN PYTHON SCRIPT LIBRARY MAKER: the examples of docs/examples learn a set of IDX files that MAKER
# writes, and end with more than 90 % of its test images right.
set -eu
train=$1 python=$2 script=$3 library=$4 maker=$5
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$maker" "$folder"

# ends WHO < output: the last line's percentage is above 90.
ends() {
    awk -v who="$1" '/^epoch/ { for (i = 1; i <= NF; i++) if ($i == "%") percent = $(i - 1) }
        { print } END { if (percent <= 90) { print who " ends with " percent " %"; exit 1 } }'
}
"$train" "$folder" 2 | ends train.c
if "$python" -c pass 2>/dev/null; then
    PYTHONDONTWRITEBYTECODE=1 WEFT_LIBRARY=$library "$python" "$script" "$folder" 2 | ends train.py
else
    echo "no python: train.py is left out"
fi
if "$train" "$folder/nowhere" 2>"$folder/error"; then
    echo "a folder that is not there is no error"
    exit 1
fi
grep -q nowhere "$folder/error"
