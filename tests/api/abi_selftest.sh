#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# abi_selftest.sh CC INCLUDE SHARED GOLDEN WORK: abi.sh passes the headers as they are and catches each change that
# would break programs built before, each addition, and each function that only one of headers and library has.
set -eu
cc=$1 include=$2 shared=$3 golden=$4 work=$5
here=$(dirname "$0")
rm -rf "$work"
mkdir -p "$work"
status=0

check() { # HEADERS GOLDEN
    sh "$here/abi.sh" "$cc" "$1" "$shared" "$2" "$work/scratch" 2>"$work/report"
}

caught() { # HEADER SED-SCRIPT WHAT THE REPORT SAYS...
    rm -rf "$work/include"
    cp -R "$include" "$work/include"
    sed "$2" "$include/weft/$1" >"$work/include/weft/$1"
    if cmp -s "$include/weft/$1" "$work/include/weft/$1"; then
        echo "abi_selftest: \"$2\" changes nothing in $1"
        status=1
        return
    fi
    edit=$2
    shift 2
    if check "$work/include" "$golden"; then
        echo "abi_selftest: \"$edit\" is not found"
        status=1
    fi
    for say in "$@"; do
        grep -q -e "$say" "$work/report" || {
            echo "abi_selftest: of \"$edit\" it does not say \"$say\" but: $(cat "$work/report")"
            status=1
        }
    done
}

check "$include" "$golden" || { cat "$work/report"; exit 1; }

# The library is the same in each case, so that sizes differ from its own, too: the report says so before all else.
caught context.h 's/^    weft_tuning tuning;/    weft_tuning tuning; int extra[4];/' \
    'weft_ctx_opt: [0-9]* bytes in the headers'
caught tensor.h 's/WEFT_API size_t weft_dtype_size(.*/WEFT_API size_t weft_dtype_bytes(weft_dtype dtype);/' \
    'declared in .* not exported.* weft_dtype_bytes'
caught tensor.h '/WEFT_API size_t weft_dtype_size(/d' 'exported .* in no public header: weft_dtype_size'

# What keeps every size: two enumerators, two fields of one size, a parameter's type, a result's.
caught act.h 's/WEFT_ACT_RELU,/WEFT_ACT_XXX,/; s/WEFT_ACT_RELU6,/WEFT_ACT_RELU,/; s/WEFT_ACT_XXX,/WEFT_ACT_RELU6,/' \
    '< value WEFT_ACT_RELU: 1' '> value WEFT_ACT_RELU: 2' 'gone or changed' 'target abi'
caught context.h 's/^    double gflops;/    double other;/; s/^    double bandwidth;/    double gflops;/
    s/^    double other;/    double bandwidth;/' '< field weft_roof.gflops: at 0' '> field weft_roof.gflops: at 8'
caught tensor.h 's/weft_shape_nc(int64_t n,/weft_shape_nc(int32_t n,/' \
    '> function weft_shape_nc: weft_shape (int32_t, int64_t)'
caught tensor.h 's/WEFT_API bool weft_shape_equal/WEFT_API int weft_shape_equal/' '> function weft_shape_equal: int ('
caught context.h 's/weft_log_level level, const char \*message/const char *message, weft_log_level level/' \
    '> callback weft_log_fn: void(void \*, const char \*, weft_log_level)'

# What breaks nothing yet must be written down; another name of a parameter is no change at all.
caught act.h 's/    WEFT_ACT_COUNT/    WEFT_ACT_NEW, WEFT_ACT_COUNT/' '> value WEFT_ACT_NEW' 'new since' 'no patch'
caught tensor.h 's/^typedef enum weft_dtype/static inline int weft_two(void) { return 2; }\n&/' \
    'teach tests/api/abi.awk'
rm -rf "$work/include"
cp -R "$include" "$work/include"
sed 's/weft_shape_nc(int64_t n,/weft_shape_nc(int64_t images,/' "$include/weft/tensor.h" >"$work/include/weft/tensor.h"
check "$work/include" "$golden" || { echo "abi_selftest: a parameter's name is no part of it"; status=1; }

# Against the file of another library: a function that has vanished, a struct that has grown.
sed -e 's/^struct weft_ctx_opt: [0-9]*/struct weft_ctx_opt: 1/' \
    -e '$a function weft_gone: int (void)' "$golden" >"$work/old"
if check "$include" "$work/old" || ! grep -q '< function weft_gone: int (void)' "$work/report" ||
    ! grep -q '< struct weft_ctx_opt: 1 bytes' "$work/report"; then
    echo "abi_selftest: of an older file it says: $(cat "$work/report")"
    status=1
fi

# Functions under another version: no program built before finds them.
sed 's/^version .*/version WEFT_0.0/' "$golden" >"$work/old"
if check "$include" "$work/old" || ! grep -q '< version WEFT_0.0' "$work/report" ||
    ! grep -q '> version WEFT_' "$work/report"; then
    echo "abi_selftest: of another symbol version it says: $(cat "$work/report")"
    status=1
fi

# A new soname begins with no file.
if check "$include" "$work/none.txt" || ! grep -q 'a new soname begins' "$work/report"; then
    echo "abi_selftest: a missing file is not asked for"
    status=1
fi
exit $status
