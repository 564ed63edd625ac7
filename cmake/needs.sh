#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# needs.sh PACKAGE...: installs those of the named Debian packages that are missing, and does nothing (no network, no
# sudo) when all are there. Elsewhere than on Debian and its relatives it says what is needed and lets CMake find out.
set -eu

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "needs.sh: no apt here; needed (by their Debian names): $*" >&2
    exit 0
fi

missing=
for package in "$@"; do
    case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true) in
    *'ok installed') ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "needs.sh: run as root: apt-get install$missing" >&2
        exit 1
    fi
    as_root='sudo'
fi

echo "needs.sh: installing$missing" >&2
# shellcheck disable=SC2086 # word splitting is meant
$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
