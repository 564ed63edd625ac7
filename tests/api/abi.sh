#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# abi.sh CC INCLUDE SHARED GOLDEN WORK [--write]: holds what programs are compiled and linked against (abi.awk's lines,
# and that the library exports exactly the functions which the headers declare, under which version) against GOLDEN, the
# file of this soname. --write writes that file. Sizes and places are those of 64-bit machines (LP64), little more than
# pointers and long long; elsewhere only names, types and values are compared.
set -eu
cc=$1 include=$2 shared=$3 golden=$4 work=$5 mode=${6:-}
here=$(dirname "$0")
mkdir -p "$work"

fail() {
    echo "abi: $*" >&2
    exit 1
}

printf '#include <weft/weft.h>\n' >"$work/all.c"
"$cc" -E -std=c11 -I "$include" "$work/all.c" >"$work/all.i"
awk -f "$here/abi.awk" "$work/all.i" >"$work/probe.c" || exit 1
"$cc" -std=c11 -w -I "$include" "$work/probe.c" "$shared" "-Wl,-rpath,$(dirname "$shared")" -o "$work/probe"
"$work/probe" >"$work/lines" || fail "headers and $shared are not of one build"

sed -n 's/^function \([a-z0-9_]*\):.*/\1/p' "$work/lines" | LC_ALL=C sort >"$work/declared"
nm -D --defined-only "$shared" | awk '{ print $NF }' | sed 's/@.*//' | grep '^weft_' | LC_ALL=C sort >"$work/exported"
missing=$(LC_ALL=C comm -23 "$work/declared" "$work/exported")
[ -z "$missing" ] || fail "declared in $include and not exported by $shared:" $missing
secret=$(LC_ALL=C comm -13 "$work/declared" "$work/exported")
[ -z "$secret" ] || fail "exported by $shared and declared in no public header:" $secret

# The versions that programs ask for (cmake/versions.cmake): "weft_version@@WEFT_0.1".
nm -D --defined-only "$shared" | sed -n 's/.* weft_[a-z0-9_]*@@*/version /p' >>"$work/lines"
LC_ALL=C sort -u "$work/lines" >"$work/now"
if [ "$mode" = --write ]; then
    {
        echo "# What programs of this soname are built against, on 64-bit machines. Written anew by:"
        echo "#   cmake --build build/check --target abi"
        cat "$work/now"
    } >"$golden"
    exit 0
fi
[ -f "$golden" ] || fail "$golden is missing, a new soname begins: cmake --build build/check --target abi writes it"
grep -v '^#' "$golden" | LC_ALL=C sort >"$work/then"
if [ "$(getconf LONG_BIT)" != 64 ]; then
    for file in now then; do
        sed -e '/^struct /d' -e 's/: at [0-9]*, [0-9]* bytes:/:/' "$work/$file" >"$work/$file.names"
        mv "$work/$file.names" "$work/$file"
    done
fi
LC_ALL=C comm -13 "$work/now" "$work/then" >"$work/gone"
LC_ALL=C comm -23 "$work/now" "$work/then" >"$work/new"
if [ -s "$work/gone" ]; then
    cat >&2 <<END
abi: gone or changed since $(basename "$golden") (<), which is what programs with this soname were built against:
$(sed 's/^/  < /' "$work/gone")
$([ ! -s "$work/new" ] || sed 's/^/  > /' "$work/new")
The promise (docs/platforms.md): a program keeps running with every library of its soname. Option structs have no size
field: the library reads them whole, so that even a field at the end breaks programs that were built before. Undo the
change, or raise the version that the soname has (the minor one before 1.0, the major one after). As long as
CHANGELOG.md calls this version "not released", write the file anew: cmake --build build/check --target abi
END
    exit 1
fi
if [ -s "$work/new" ]; then
    cat >&2 <<END
abi: new since $(basename "$golden"):
$(sed 's/^/  > /' "$work/new")
Programs built before keep running. It goes with a new minor version, no patch (docs/platforms.md), and is promised from
then on: cmake --build build/check --target abi
END
    exit 1
fi
