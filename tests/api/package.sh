#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# package.sh CPACK CONFIG WORK: makes the .deb and the tarball of this build and looks into them: dependencies, the
# soname's link, a program that runs from where it is unpacked.
set -eu
cpack=$1 config=$2 work=$3
rm -rf "$work"
mkdir -p "$work/deb" "$work/tar"
"$cpack" --config "$config" -B "$work" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
deb=$(ls "$work"/weft_*.deb) tar=$(ls "$work"/weft-*.tar.gz)
fail() {
    echo "package: $*"
    exit 1
}
for library in libc6 libjansson4 libpng16-16 zlib1g; do
    dpkg-deb -f "$deb" Depends | grep -q "$library" || fail "$deb does not depend on $library"
done
dpkg-deb -x "$deb" "$work/deb"
tar -xzf "$tar" -C "$work/tar" --strip-components=1
[ -e "$work/deb/usr/share/doc/weft/copyright" ] || fail "$deb has no copyright"
for tree in "$work/deb/usr" "$work/tar"; do
    link=$(find "$tree" -name 'libweft.so.0.[0-9]')
    [ -L "$link" ] || fail "$tree: no link of the soname"
    "$tree/bin/weft" bench lenet5 -b 1 --min-time 0 --reps 1 --warmup 0 >"$work/out" || fail "$tree: weft does not run"
done
