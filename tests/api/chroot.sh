#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# chroot.sh BUNDLE WORK [MACHINE]: the bundle (packaging/bundle.sh, of the build if BUNDLE is a folder) on a Debian that
# has nothing but Debian's base: it prints the table and says that CUDA is missing; with NVIDIA's wheels beside it finds
# each library there, only the driver is missing, and plans for a card are built.
# MACHINE: a folder with such a Debian; without one debootstrap makes it, from $DEBIAN_MIRROR. The wheels are those of
# PyTorch in $WEFT_WHEELS (a site-packages folder), or of the active Python environment; without them that half is left
# out, and said so. Exit code 77 where it cannot be tried: not root, no debootstrap, no mirror.
set -eu
bundle=$1 work=$2 machine=${3-}
fail() {
    echo "chroot: $*"
    exit 1
}
skip() {
    echo "chroot: skipped: $*"
    exit 77
}
[ "$(id -u)" = 0 ] || skip "only root may change its root"
umount "$work/debian/proc" 2>/dev/null || true # of a run that was killed
rm -rf "$work"
mkdir -p "$work"
if [ -d "$bundle" ]; then
    sh "$(dirname "$0")/../../packaging/bundle.sh" "$bundle" "$work/bundle"
    bundle=$(echo "$work"/bundle/*.tar.gz)
fi
[ -r "$bundle" ] || fail "there is no $bundle"
if [ -z "$machine" ]; then
    command -v debootstrap >/dev/null || skip "no debootstrap"
    machine=$work/debian
    mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
    debootstrap --variant=minbase bookworm "$machine" "$mirror" >"$work/log" 2>&1 ||
        { tail -n 3 "$work/log"; skip "debootstrap fails here"; }
fi
chroot "$machine" true || skip "no program runs in $machine"
mount -t proc proc "$machine/proc" || skip "/proc cannot be mounted there" # without it the loader knows no $ORIGIN
trap 'umount "$machine/proc"' EXIT

# What weft is linked with, and what NVIDIA packs, is not there.
known=$(chroot "$machine" dpkg-query -W -f '${Package}\n' |
    grep -E '^(libjansson|libjpeg|libpng|libwebp|libtiff|libhdf5|libgomp|cuda|libcu|libnv|nvidia|python)' || true)
[ -z "$known" ] || fail "$machine has $known"
rm -rf "$machine/opt/weft" "$machine/opt/env"
mkdir -p "$machine/opt/weft"
tar -xzf "$bundle" -C "$machine/opt/weft" --strip-components=1

run() { # NAME ENVIRONMENT... -- ARGUMENT...: its output to WORK/NAME; fails as weft does
    name=$1 env=
    shift
    while [ "$1" != -- ]; do env="$env $1" && shift; done
    shift
    code=0
    # shellcheck disable=SC2086 # names and values of our own
    chroot "$machine" env -i HOME=/root PATH=/usr/bin:/bin $env /opt/weft/bin/weft "$@" >"$work/$name" 2>&1 || code=$?
    echo "\$ weft $*" && cat "$work/$name"
    [ "$code" = 0 ] || fail "weft $* ends with $code"
}
said() { # NAME TEXT
    grep -qF -- "$2" "$work/$1" || fail "'$2' is not said"
}

run table -- bench table lenet5 --batch 1 --reps 1 --min-time 0
said table LeNet5
# Lines of libraries: cuda, what it is, its name, yes or no, its version, its file.
libraries() { # NAME: name, found, file of each
    awk '$1 == "cuda" { for (i = 2; i < NF; i++) if ($i ~ /\.so\.[0-9]+$/ && $(i + 1) ~ /^(yes|no)$/) {
        print $i, $(i + 1), ($(i + 1) == "yes" ? $NF : "-"); next } }' "$work/$1"
}
run devices -- devices --wide
said devices "libcuda.so.1 was not found"
[ -n "$(libraries devices)" ] || fail "no library is named"
[ -z "$(libraries devices | grep -v ' no -$')" ] || fail "a library is found where none is"

wheels=${WEFT_WHEELS:-$(ls -d "${VIRTUAL_ENV:-/nowhere}"/lib/python3*/site-packages 2>/dev/null | head -n 1)}
[ -d "$wheels/nvidia/cudnn" ] || { echo "chroot: no wheels of NVIDIA's ($wheels): that half is left out" && exit 0; }
mkdir -p "$machine/opt/env/lib/python3.11/site-packages/nvidia"
for part in cudnn cu13 nccl; do # links where they can be made
    [ -d "$wheels/nvidia/$part" ] || continue
    cp -Rl "$wheels/nvidia/$part" "$machine/opt/env/lib/python3.11/site-packages/nvidia/" 2>/dev/null ||
        cp -R "$wheels/nvidia/$part" "$machine/opt/env/lib/python3.11/site-packages/nvidia/"
done
run wheels VIRTUAL_ENV=/opt/env -- devices --wide
there=$(libraries wheels | awk '$2 == "yes" && $3 ~ "^/opt/env/"' | wc -l)
missing=$(libraries wheels | awk '$2 != "yes" || $3 !~ "^/opt/env/" { print $1 }' | tr '\n' ' ')
[ "$missing" = "libcuda.so.1 " ] || fail "$missing: only the driver should be missing"
echo "chroot: $there libraries found in the wheels, the driver alone is missing"
run plans VIRTUAL_ENV=/opt/env -- plans resnet18 --px 32 --batch 1 --precision fp16 --target h100
said plans resnet18
