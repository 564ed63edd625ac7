# SPDX-License-Identifier: Apache-2.0
#
# What tests that compare trainings share, sourced after checks.sh.

same() { # RUN RUN: last checkpoints, weights and metrics are the same but for times
    for file in checkpoints/"$(cat "$1/checkpoints/last")"/state.safetensors best.safetensors last.safetensors; do
        cmp "$1/$file" "$2/$file" || fail "$1/$file and $2/$file differ"
    done
    cut -d, -f1-8 "$1/metrics.csv" > a.csv
    cut -d, -f1-8 "$2/metrics.csv" > b.csv
    cmp a.csv b.csv || fail "metrics of $1 and $2 differ"
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
