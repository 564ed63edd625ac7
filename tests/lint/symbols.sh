#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# symbols.sh SHARED STATIC ASSERTS(0|1) VERSION: the shared library exports weft_* and nothing else, all of them under
# VERSION (WEFT_0.1; none: without any); the static one, too, lends no other global name; neither imports what ends the
# process, prints, or keeps hidden state. __assert_fail is allowed only where assertions are on.
set -eu
shared=$1
static=$2
asserts=$3
version=$4
banned='abort|exit|_exit|_Exit|quick_exit|printf|vprintf|puts|putchar|putc|perror|__printf_chk|__vprintf_chk'
banned="$banned|stdout|stderr|rand|srand|random|srandom|drand48|lrand48|strtok|setlocale|signal|atexit"
[ "$asserts" = 1 ] || banned="$banned|__assert_fail"
status=0

complain() # <what> <list of names>
{
    [ -z "$2" ] || {
        echo "$1:" $2 >&2
        status=1
    }
}

if [ -n "$shared" ]; then
    complain "$shared exports" "$(nm -D --defined-only "$shared" | awk '{ print $NF }' | sed 's/@.*//' |
        grep -v '^weft_' | grep -Fvx "${version:-none}" || true)"
    complain "$shared exports not as ${version:-unversioned}" "$(nm -D --defined-only "$shared" |
        awk -v version="$version" 'BEGIN { end = version == "" ? "" : "@@" version }
            $NF ~ /^weft_/ { name = $NF; sub(/@.*/, "", name); if ($NF != name end) print $NF }')"
    complain "$shared imports" "$(nm -D --undefined-only "$shared" | awk '{ print $NF }' | sed 's/@.*//' |
        grep -Ex "$banned" || true)"
    [ "$(nm -D --defined-only "$shared" | grep -c ' weft_')" -gt 0 ] || complain "$shared" "exports nothing at all"
fi
complain "$static defines" "$(nm --defined-only --extern-only "$static" 2>/dev/null | awk 'NF == 3 { print $3 }' |
    grep -v '^weft_' | sort -u || true)"
complain "$static imports" "$(nm --undefined-only "$static" 2>/dev/null | awk 'NF == 2 { print $2 }' |
    grep -Ex "$banned" | sort -u || true)"
exit $status
