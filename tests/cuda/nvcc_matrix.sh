#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# nvcc_matrix.sh NVCC TREE WORK ARCH...: compiles every .cu of TREE/src/cuda for each sm_ARCH with warnings, spills and
# local memory as errors, and reports (nvcc_report.sh); the PTX is that of the first ARCH. Two files at a time.
set -eu
nvcc=$1 tree=$2 work=$3
shift 3
rm -rf "$work"
mkdir -p "$work"
cd "$tree"
flags="-O3 -std=c++17 -Iinclude -Isrc -Werror all-warnings -Xptxas -v,--warn-on-spills,--warn-on-local-memory-usage"
export nvcc flags work

# One job a line: architecture, file, and what else is asked of nvcc: to keep the PTX.
keep="--keep --keep-dir $work/kept"
mkdir -p "$work/kept"
for arch in "$@"; do
    for file in src/cuda/kernel/*.cu; do
        echo "$arch $file${keep:+ $keep}" # no blank at the end, which joins lines for xargs
    done
    keep=
done >"$work/jobs"

# shellcheck disable=SC2016 # expanded by the inner shell
xargs -P 2 -L 1 sh -c '
    arch=$0 file=$1 name=$(basename "$1" .cu)
    shift
    log=$work/$name.$arch.log
    if ! $nvcc $flags "$@" -arch=sm_$arch -c "$file" -o "$work/$name.$arch.o" >"$log" 2>&1; then
        { echo "FAILED $file for sm_$arch"; grep -iE "error|warning" "$log"; } >>"$work/failures"
    fi' <"$work/jobs"

if [ -s "$work/failures" ]; then
    cat "$work/failures" >&2
    exit 1
fi

exec sh tests/cuda/nvcc_report.sh . "$work"
