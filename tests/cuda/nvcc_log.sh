#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# nvcc_log.sh WORK ARCH NVCC ARGUMENT...: runs nvcc, and keeps what it says of a .cu file in WORK/NAME.ARCH.log: shown
# where it fails.
set -u
work=$1 arch=$2
shift 2
for word in "$@"; do
    case $word in
    *.cu) name=$(basename "$word" .cu) ;;
    esac
done
mkdir -p "$work/kept"
"$@" 2>"$work/$name.$arch.log" && exit
code=$?
cat "$work/$name.$arch.log" >&2
exit $code
