#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# bundle.sh [--without-cuda] BUILD OUT: from a build to OUT/weft-VERSION-linux-MACHINE and the same as .tar.gz: a folder
# that runs wherever it is put, with the program, the library, the CUDA plug-in, the helper for HDF5 and the shared
# libraries that they need. Left to the machine are the C and C++ runtimes, and NVIDIA's libraries, which weft looks
# for itself. The plug-in of MPI is left out: it must be built with the MPI that starts it.
set -eu
without_cuda=no limit_mib=25
if [ "$1" = --without-cuda ]; then
    without_cuda=yes
    shift
fi
build=$1 out=$2
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")
source=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$build/CMakeCache.txt")
name=weft-$version-linux-$(uname -m)
tree=$out/$name

fail() {
    echo "bundle: $*" >&2
    exit 1
}

of_machine() { # NAME: comes with the C library, the compiler, or NVIDIA's driver and wheels
    case $1 in
    ld-linux* | libc.so* | libm.so* | libdl.so* | libpthread.so* | librt.so* | libresolv.so*) ;;
    libstdc++* | libgcc_s* | libcu* | libnv*) ;;
    *) return 1 ;;
    esac
}

needed() { # FILE: name and path of each library that it is loaded with
    ldd "$1" | awk '$2 == "=>" { print $1, $3 }'
}

licence_of() { # FILE: the copyright file of the package that it comes from
    package=$(dpkg -S "$(realpath "$1")" 2>/dev/null | sed 's/:.*//' | head -n 1)
    [ -n "$package" ] || package=$(dpkg -S "$1" 2>/dev/null | sed 's/:.*//' | head -n 1)
    [ -r "/usr/share/doc/$package/copyright" ] || fail "no licence is known of $1"
    cp -L "/usr/share/doc/$package/copyright" "$tree/share/doc/weft/licences/$package"
}

copy_needed() { # FILE FOLDER: what FILE is loaded with and neither the machine nor the bundle has
    needed "$1" | while read -r library path; do
        if of_machine "$library" || [ -e "$tree/lib/$library" ] || [ -e "$2/$library" ]; then
            continue
        fi
        [ -r "$path" ] || fail "$1 needs $library, which is not here"
        mkdir -p "$2"
        cp -L "$path" "$2/$library"
        licence_of "$path"
    done
}

rm -rf "$tree" "$tree.tar.gz"
mkdir -p "$tree"
cmake --install "$build" --prefix "$tree" --strip >/dev/null
find "$tree" \( -name '*.a' -o -name libweft_mpi.so \) -delete
rm -rf "$tree/include" "$tree"/lib*/pkgconfig "$tree"/lib*/cmake "$tree"/lib*/libweft.so
mkdir -p "$tree/share/doc/weft/licences"
cp "$source/LICENSE" "$tree/share/doc/weft/"
plugin=$(find "$tree" -name libweft_cuda.so)
[ "$without_cuda" = yes ] || [ -n "$plugin" ] || fail "$build has no CUDA plug-in: cmake --preset bundle builds it"

library=$(find "$tree" -name 'libweft.so.*' -type l)
[ "$(dirname "$library")" = "$tree/lib" ] || fail "configure with -DCMAKE_INSTALL_LIBDIR=lib"
copy_needed "$tree/bin/weft" "$tree/lib"
copy_needed "$library" "$tree/lib"
[ -z "$plugin" ] || copy_needed "$plugin" "$tree/lib"
helper=$(find "$tree" -name weft-h5)
[ -z "$helper" ] || copy_needed "$helper" "$tree/lib/weft/h5" # many, of libraries that HDF5 never calls here

# It must run from anywhere, on nothing but itself.
moved=$(mktemp -d)
trap 'rm -rf "$moved"' EXIT
cp -R "$tree" "$moved/elsewhere"
find "$moved/elsewhere" -type f \( -perm -u+x -o -name '*.so*' \) | while read -r file; do
    case $file in */share/* | */lib/*.so* | */h5/*) continue ;; esac # those below are loaded by these
    env -i ldd "$file" | awk '$2 == "=>" { print $1, $3 }' | while read -r library path; do
        case $path in "$moved/elsewhere"/*) continue ;; esac
        of_machine "$library" || fail "$file takes $library from $path"
    done
done
env -i "$moved/elsewhere/bin/weft" --version >/dev/null || fail "the program does not run elsewhere"
env -i "$moved/elsewhere/bin/weft" bench lenet5 --batch 1 --reps 1 --warmup 0 --min-time 0 -o json >/dev/null ||
    fail "lenet5 does not run elsewhere"

tar -C "$out" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" -cf - "$name" |
    gzip -9n >"$tree.tar.gz"
bytes=$(wc -c <"$tree.tar.gz")
[ "$bytes" -le $((limit_mib << 20)) ] || fail "$tree.tar.gz has $bytes bytes, more than $limit_mib MiB"
echo "$tree.tar.gz: $((bytes >> 10)) KiB, unpacked $(du -sk "$tree" | cut -f1) KiB"
