#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# startup.sh WEFT PLUGIN NODEVICE STUB: the ways in which a machine can lack CUDA. Each says what is missing and exits
# with 69; the CPU goes on with --device auto. A library is hidden by an empty file of its name, earlier on the library
# path.
# NODEVICE: folder of the stand-in driver. STUB: the toolkit's libcuda.so.
set -eu
weft=$1 plugin=$2 nodevice=$3 stub=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
# What is hidden on the library path is not to be found elsewhere.
unset WEFT_CUDA_LIBRARIES CONDA_PREFIX
export CUDA_PATH="$work/nowhere" VIRTUAL_ENV="$work/nowhere"

# expect NAME CODE TEXT COMMAND...: the exit code, and TEXT in what is said (not looked for if empty).
expect()
{
    name=$1 code=$2 text=$3
    shift 3
    got=0
    "$@" >"$work/out" 2>&1 || got=$?
    if [ "$got" -ne "$code" ]; then
        echo "$name: exit code $got, $code was expected:" && cat "$work/out" && failed=1
    elif [ -n "$text" ] && ! grep -qF -- "$text" "$work/out"; then
        echo "$name: '$text' is not said:" && cat "$work/out" && failed=1
    else
        echo "$name: as expected"
    fi
}

# run PATH ARGUMENT...: a short benchmark on a library path, with the plug-in.
run()
{
    path=$1
    shift
    LD_LIBRARY_PATH=$path WEFT_CUDA_PLUGIN=${PLUGIN-$plugin} \
        "$weft" bench lenet5 --batch 1 --reps 1 --min-time 0.01 --warmup 0 "$@"
}

hide()
{
    mkdir -p "$work/$1"
    : >"$work/$1/$1"
    echo "$nodevice:$work/$1"
}

mkdir "$work/stub"
ln -s "$stub" "$work/stub/libcuda.so.1"
if ldconfig -p 2>/dev/null | grep -q 'libcuda\.so\.1 '; then
    echo "no driver: skipped, this machine has one"
else
    expect "no driver" 69 "there is no NVIDIA driver (libcuda.so.1)" run "" --device cuda
fi
expect "the toolkit's stub for a driver" 69 "the toolkit's stub, not a driver" run "$work/stub" --device cuda
expect "a driver, no GPU" 69 "the NVIDIA driver finds no GPU" run "$nodevice" --device cuda
for library in libcudart.so.13 libcublasLt.so.13 libcudnn.so.9; do
    expect "no $library" 69 "$library" run "$(hide $library)" --device cuda
done
expect "no plug-in" 69 "CUDA plug-in" env PLUGIN="$work/nothing.so" sh -c \
    "WEFT_CUDA_PLUGIN=$work/nothing.so exec '$weft' bench lenet5 --device cuda"
for path in "" "$work/stub" "$nodevice" "$(hide libcublasLt.so.13)"; do
    expect "the CPU goes on" 0 "" run "$path" --device auto
done

# Plans for a card are built where there is none, those that must be compiled too, or it is said why not. ResNet-50 has
# none of these in 16 bits, which is what makes its first run soon: half a second went into its logits alone.
plans()
{
    LD_LIBRARY_PATH=$1 XDG_CACHE_HOME="$work/plans" WEFT_CUDA_PLUGIN="$plugin" \
        "$weft" plans resnet50 --batch 32 --precision fp16 --target h100
}
compiled() # NAME COUNT: so many of the plans on disk were compiled
{
    n=$(head -qn 1 "$work"/plans/weft/plan-* | LC_ALL=C awk '/^weft-plan/ { n += $8 } END { print n + 0 }')
    [ "$n" = "$2" ] || { echo "$1: $n plans were compiled, $2 expected" && failed=1; }
}
expect "plans, no driver" 0 "resnet50" plans ""
compiled "plans, no driver" 0
export WEFT_CUDA_NO=logits
expect "plans, no driver, cuDNN's logits" 0 "resnet50" plans ""
unset WEFT_CUDA_NO
compiled "plans, no driver, cuDNN's logits" 1
expect "plans, the toolkit's stub for a driver" 69 "the toolkit's stub, not a driver" plans "$work/stub"
expect "plans, no libnvrtc.so.13" 69 "libnvrtc.so.13" plans "$(hide libnvrtc.so.13)"

# What is missing is listed piece by piece, and is no failure.
expect "devices, no GPU" 0 "the NVIDIA driver finds no GPU" \
    env LD_LIBRARY_PATH="$nodevice" WEFT_CUDA_PLUGIN="$plugin" "$weft" devices -o json
for library in libcublasLt.so.13 libnvrtc.so.13 libcudnn_engines_precompiled.so.9; do
    expect "devices, no $library" 0 "$library" \
        env LD_LIBRARY_PATH="$(hide $library)" WEFT_CUDA_PLUGIN="$plugin" "$weft" devices -o json
done
exit $failed
