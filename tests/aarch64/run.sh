#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run.sh SOURCE [TESTS]: builds weft for AArch64 and runs by qemu-user what shows that the NEON kernels are right: the
# op walker on every kernel and case, golden logits of three networks, and the unit tests of threads, vector functions,
# caches, random numbers and conversions. TESTS is a pattern for ctest, instead of all. Before them the share of
# multiplications in the loop that a matrix product spends its time in, which must touch no stack.
set -eu
cd "$1"
units='unit_(act|alloc|cast|cpu|roof|rng|sha256|shape)'
tests=${2:-"^($units|op-(contract|examples|walker|walker-rest)|graph-odd|arch_golden_small)\$"}
build=build/aarch64

skip() {
    echo "skipped: $1; make aarch64 gets what is missing"
    exit 77
}
command -v aarch64-linux-gnu-gcc >/dev/null || skip "there is no aarch64-linux-gnu-gcc (Debian: gcc-aarch64-linux-gnu)"
command -v qemu-aarch64 >/dev/null || skip "there is no qemu-aarch64 (Debian: qemu-user)"
[ -e build/aarch64-root/.packages ] || [ -e /usr/lib/aarch64-linux-gnu/libjansson.so ] ||
    skip "there are no libraries for AArch64 in build/aarch64-root (cmake/aarch64-root.sh)"

cmake --preset aarch64
names=$(ctest --test-dir $build -N -R "$tests" | sed -n 's/-rest$//; s/^ *Test *#[0-9]*: //p' | sort -u) # the programs
# shellcheck disable=SC2086 # word splitting is meant
cmake --build --preset aarch64 --target unit_pool weft_runner $names
sh tests/aarch64/loop.sh aarch64-linux-gnu-objdump $build/src/cpu/simd/CMakeFiles/weft_simd_neon.dir/gemm.c.o \
    tile_7x3 75
ctest --test-dir $build --output-on-failure -R "$tests"
# Forks of a process with threads, which have a case of their own, are more than qemu 7 bears.
CK_RUN_CASE=pool ctest --test-dir $build --output-on-failure -R '^unit_pool$'

# The same bits for one thread and for three, of a network with every kind of kernel.
emulate="qemu-aarch64"
[ -e build/aarch64-root/.packages ] && emulate="$emulate -L build/aarch64-root"
for threads in 1 3; do
    printf 'output %s\nquit\n' "$build/logits.$threads" |
        $emulate $build/bench/weft_runner mobilenetv2 --px 96 --batch 2 --threads $threads --isa neon
done
cmp "$build/logits.1" "$build/logits.3"
echo "mobilenetv2: the same bits for 1 and for 3 threads"
