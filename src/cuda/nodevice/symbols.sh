#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# symbols.sh LIBRARY: the functions of the driver's stub library, one SYMBOL(name) each, but for the three that
# libcuda.c answers itself.
set -eu
nm -D --defined-only "$1" |
    awk '$2 == "T" && $3 !~ /^(cuInit|cuDriverGetVersion|cuGetProcAddress_v2)$/ { print "SYMBOL(" $3 ")" }'
