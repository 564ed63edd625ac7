# SPDX-License-Identifier: Apache-2.0
#
# What the tests of several ranks share, sourced where $mpirun is set: $launch starts ranks, $open says that Open MPI
# does. Ends with 77 where there is no mpirun, or no plug-in of MPI.
failures=0
[ -n "$mpirun" ] || { echo "skipped: there is no mpirun, or weft was built without MPI"; exit 77; }
launch="$mpirun" open=
"$mpirun" --version 2>&1 | grep -q "OpenRTE\|Open MPI\|PRTE" && open=yes
if [ $open ]; then
    launch="$launch --oversubscribe --bind-to none"
    [ "$(id -u)" = 0 ] && launch="$launch --allow-run-as-root"
fi

fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
    for file in out err; do
        [ -s $file ] && { echo "--- $file"; head -c 2000 $file; }
    done
}

has() { # FILE TEXT...
    file=$1
    shift
    for text; do
        grep -qF -- "$text" "$file" || fail "$file lacks '$text'"
    done
}

expect() { # CODE COMMAND...: its output in out and err
    wanted=$1
    shift
    "$@" > out 2> err < /dev/null
    code=$?
    [ $code -eq "$wanted" ] || fail "$*: exit code $code, expected $wanted"
}

close_to() { # RUN RUN [SHARE]: losses to that, 1e-6
    paste -d, "$1/metrics.csv" "$2/metrics.csv" | awk -F, -v share="${3-1e-6}" 'NR > 1 {
        for (i = 4; i <= 6; i += 2) {
            off = $i - $(i + 11)
            if (off < 0) off = -off
            if (off > share * $i) { print "epoch " $1 ": " $i " and " $(i + 11); bad = 1 }
        }
        if ($5 != $16 || $2 != $13) { print "epoch " $1 ": " $5 " and " $16 " right"; bad = 1 }
    } END { exit bad || NR < 2 }' || fail "$1 and $2 are not the same training"
}

# Starts broken, or goes on with it, by two ranks of which each notes its number, and waits until something new is
# saved, so many seconds at most. $launcher becomes its number.
begin() { # SECONDS ARGUMENT...
    seconds=$1
    shift
    cat broken/checkpoints/last > seen 2> /dev/null
    rm -f pid.*
    $launch -n 2 $tough sh -c 'echo $$ > pid.${OMPI_COMM_WORLD_RANK-$PMI_RANK}; exec "$@"' sh "$weft" "$@" \
        > out 2> err < /dev/null &
    launcher=$!
    for i in $(seq $((seconds * 20))); do
        sleep 0.05
        [ -s broken/checkpoints/last ] && ! cmp -s broken/checkpoints/last seen && return
    done
    fail "nothing was saved in $seconds s"
}

gone() { # PID SECONDS: whether it ends within them
    for i in $(seq $(($2 * 10))); do
        kill -0 "$1" 2> /dev/null || return 0
        sleep 0.1
    done
    return 1
}
