#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# aarch64-root.sh FOLDER: fetches what weft and its tests are linked with as Debian's packages for arm64, of the release
# that runs here, and unpacks them below FOLDER, where cmake/aarch64.cmake and qemu look. Needs apt and the network, no
# root; the system's own packages and its list of architectures stay as they are. Does nothing when all is there.
set -eu

root=$1
wanted="libc6-dev libjansson-dev libjpeg-dev libpng-dev libwebp-dev libtiff-dev zlib1g-dev
librandom123-dev check"

done=$root/.packages
if [ -f "$done" ] && [ "$(cat "$done")" = "$wanted" ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    echo "aarch64-root.sh: no apt here; unpack these of Debian's packages for arm64 below $root:" $wanted >&2
    exit 1
fi

mkdir -p "$root"
root=$(cd "$root" && pwd)
apt=$root/.apt
mkdir -p "$apt/lists/partial" "$apt/archives/partial"
: >"$apt/status"
# An apt of its own: another architecture, nothing installed.
own() {
    apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State::Lists="$apt/lists" \
        -o Dir::State::status="$apt/status" -o Dir::Cache="$apt" -o Dir::Cache::archives="$apt/archives" \
        -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=true -o APT::Install-Recommends=false "$@"
}
own update
# shellcheck disable=SC2086 # word splitting is meant
own -y --download-only install $wanted
for package in "$apt"/archives/*.deb; do
    dpkg-deb -x "$package" "$root"
done
# What links to /lib means that of the folder.
find "$root" -type l -lname '/*' | while read -r link; do
    ln -sfn "$root$(readlink "$link")" "$link"
done
rm -rf "$apt"
echo "$wanted" >"$done"
