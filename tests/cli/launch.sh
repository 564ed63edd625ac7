# SPDX-License-Identifier: Apache-2.0
#
# What the tests of several ranks share, sourced after checks.sh, where $mpirun is set: $launch starts ranks, $open says
# that Open MPI does. Ends with 77 where there is no mpirun, or no plug-in of MPI.
[ -n "$mpirun" ] || { echo "skipped: there is no mpirun, or weft was built without MPI"; exit 77; }
launch="$mpirun" open=
"$mpirun" --version 2>&1 | grep -q "OpenRTE\|Open MPI\|PRTE" && open=yes
if [ $open ]; then
    launch="$launch --oversubscribe --bind-to none"
    [ "$(id -u)" = 0 ] && launch="$launch --allow-run-as-root"
fi

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
