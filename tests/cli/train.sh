#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The contract of weft train: sh train.sh CASE WEFT PROBE MAKE_SET WORK_DIR. Sets are drawn by make_set; networks are
# small and steps few.
set -u
case=$1 weft=$2 probe=$3 make_set=$4 work=$5
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 99
. "${0%/*}/checks.sh"
. "${0%/*}/runs.sh"

net="train lenet5 -D keras --batch 8 --data set"

# What is said, and what is in the folder of a run.
case_run() {
    "$make_set" idx set 64
    expect 0 $net --dry-run
    has out "64 images to train, 33 images to test" "16 images of each" "parameters are trained" "epochs of 8 steps" \
        "data set (--data)"
    [ -d runs ] && fail "--dry-run made a folder"
    expect 0 $net --epochs 3 --lr 0.02
    has out "epoch   3" "best " "weft classify runs/lenet5-1/best.safetensors"
    run=runs/lenet5-1
    for file in settings.recipe environment.txt metrics.csv metrics.jsonl loss.svg classes.csv confusion.csv \
        confusion.svg best.safetensors last.safetensors checkpoints/last checkpoints/best; do
        [ -s $run/$file ] || fail "$run lacks $file"
    done
    equal "lines of metrics.csv" "$(wc -l < $run/metrics.csv)" 4
    has $run/settings.recipe "# --lr" "# default" "# command line"
    "$probe" xml $run/loss.svg > out 2>&1 || fail "loss.svg is no XML"
    "$probe" xml $run/confusion.svg > out 2>&1 || fail "confusion.svg is no XML"
    has $run/classes.csv "class,name,images,right,answered,precision,recall,f1"
    has $run/environment.txt "isa " "threads "
    expect 0 $net --epochs 1 --json
    equal "the network in JSON" "$("$probe" json out model)" lenet5
    [ -d runs/lenet5-2 ] || fail "the second run has no folder of its own"
    refuses 73 "there is a run in it" $net --out $run
}

# Class folders whose names no line of UTF-8 text can say: what is trained is written, and read again. Nothing that a
# terminal obeys is printed, and a pipe in the folder is not waited for.
case_names() {
    raw=$(printf 'caf\351') broken=$(printf 'n\nl')
    "$make_set" idx set 64
    "$make_set" photos photos 12 || fail make_set
    mv photos/green "photos/$raw"
    mv photos/red "photos/$broken"
    run=$(printf 'run\033[31m')
    small="train lenet5 -D keras --batch 4 --data photos --epochs 1"
    expect 0 $small --out "$run"
    has out 'caf\xe9' 'n\nl' 'run\x1b[31m'
    LC_ALL=C grep -q "$(printf '[\001-\010\016-\037\177\351]')" out && fail "a terminal would obey what is printed"
    image=$(find photos/blue* -type f | head -1)
    expect 0 classify "$run/best.safetensors" "$image" -k 2
    grep -q 'caf\\xe9\|n\\nl' out || fail "no name of the classes"
    expect 0 $net --epochs 1 --out again
    for file in metrics.csv metrics.jsonl; do
        rm again/$file
        mkfifo again/$file # nobody reads it, nobody writes
    done
    timeout 60 "$weft" train --resume again --epochs 2 > out 2> err < /dev/null
    equal "exit code of a run with pipes in its folder" $? 0
    has err "again/metrics.csv: cannot be written: it is not a regular file"
    sed 's/"weft.classes":"4"/"weft.classes":"x"/' again/best.safetensors > wrong.safetensors
    refuses 65 "weft.classes is 'x'" $net --weights wrong.safetensors --dry-run
}

# Sentences for what is wrong.
case_settings() {
    "$make_set" idx set 16
    refuses 2 "which network?" train
    refuses 66 "did you mean 'lenet5'" train lenet6 --data set
    refuses 2 "--data DIR is missing" train resnet18
    refuses 2 "did you mean 'momentum'" $net --set "momentun 0.5"
    refuses 2 "--set: line 2: lr: 'x' is not a number" $net --set "epochs 1; lr x"
    refuses 2 "--optimizer: unknown value 'sdg'; did you mean 'sgd'?" $net --optimizer sdg
    refuses 66 "no recipe of that name" train --recipe nothing
    printf 'lr 0.1\n# a comment\nlr 0.2 # twice\n' > twice.recipe
    refuses 2 "twice.recipe: line 3: lr comes a second time" $net --recipe twice.recipe
    printf 'network lenet5\ndialect keras\nbatch 4 # few\nepochs 1\ndata set\n' > small.recipe
    expect 0 train --recipe small.recipe --dry-run
    has out "batch 4 (recipe small.recipe)" "1 epochs of 4 steps of 4 images"
    cp -r set 'set #1 "x" ' # a value that a line would end before, or take for a comment
    expect 0 train lenet5 -D keras --batch 8 --data 'set #1 "x" ' --epochs 1 --out odd
    has odd/settings.recipe '"set #1 \"x\" "'
    expect 0 train --resume odd --epochs 2
    has out "epoch   2"
    printf 'network lenet5\ndialect keras\ndata "set #1 \\"x\\" "   # odd\n' > odd.recipe
    expect 0 train --recipe odd.recipe --dry-run
    refuses 2 "neither auto nor a number" $net --batch many
    refuses 2 "time: '3 parsecs' is not a time" $net --time "3 parsecs"
    refuses 2 "memory: '3 moles' is not a size" $net --memory "3 moles" --dry-run
    refuses 2 "checkpoint: '0steps' is not a time" $net --checkpoint 0steps --dry-run
    refuses 2 "groups: 'lr=2' is not understood" $net --set "groups lr=2"
    expect 0 train --keys
    has out "plateau-patience EPOCHS"
    expect 0 train --help
    lines=$(grep -c "^  .[^ ]*  *--\|^      --" out)
    [ "$lines" -le 40 ] || fail "weft train has $lines options"
    expect 0 $net --batch auto --memory 3MiB --dry-run
    has out "(auto, of 3.0 MiB"
    for recipe in "$(dirname "$weft")"/../share/weft/recipes/*.recipe; do # all that are installed are understood
        expect 0 train lenet5 -D keras --recipe "$recipe" --data set --batch 4 --dry-run \
            --set "loss cross-entropy; dialect keras; px 32; ema 0; accumulate 1; augment none; aux auto"
    done
}

# A run that is killed, or ended by a signal, and goes on is one that was never ended.
case_resume() {
    "$make_set" idx set 96
    set -- $net --epochs 4 --checkpoint 5steps --set "keep 1; ema 0.9; augment crop-pad 2, flip"
    expect 0 "$@" --out whole
    expect 0 "$@" --out again -t 1
    same whole again
    for end in KILL KILL INT TERM USR1; do
        if [ -d broken ]; then set -- train --resume broken; else set -- "$@" --out broken; fi
        "$weft" "$@" > out 2> err < /dev/null &
        process=$!
        for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do # until it has saved something
            sleep 0.1
            [ -s broken/checkpoints/last ] || continue
            [ "$(cat broken/checkpoints/last)" = "$(cat seen 2> /dev/null)" ] || break
        done
        cat broken/checkpoints/last > seen 2>/dev/null
        kill -$end $process 2>/dev/null
        wait $process
        code=$?
        case $end-$code in # 0: it was ready before
        KILL-137 | INT-130 | TERM-143 | USR1-75 | *-0) ;;
        *) fail "ended by $end: exit code $code" ;;
        esac
    done
    expect 0 train --resume broken
    same whole broken
    refuses 2 "stands alone" train lenet5 --resume broken
    refuses 2 "the run was made with 'lr 0.05', and this would be 'lr 0.5'" train --resume broken --lr 0.5
}

# Killed KILLS times at random moments: what it saved last can always be read, and the bits are those of the unbroken
# run. Whatever comes to its end before is held against that, and begun again.
case_kills() {
    "$make_set" idx set 64
    set -- $net --epochs 30 --checkpoint 3steps --set "ema .9"
    expect 0 "$@" --out whole
    kills=0 ended=0
    while [ $kills -lt "${KILLS:-6}" ]; do
        if [ -f broken/checkpoints/last ]; then
            "$weft" train --resume broken > out 2> err < /dev/null &
        else
            rm -rf broken
            "$weft" "$@" --out broken > out 2> err < /dev/null &
        fi
        sleep "0.$(printf %03d $(($(od -An -N2 -tu2 /dev/urandom) % 400)))"
        kill -KILL $! 2> /dev/null
        wait $! 2> /dev/null
        code=$?
        case $code in
        137) kills=$((kills + 1)) ;;
        0)
            same whole broken
            ended=$((ended + 1))
            rm -rf broken
            ;;
        *) fail "killed $kills times: exit code $code" ;;
        esac
        grep -q "is taken instead" err && fail "killed $kills times: a checkpoint could not be read"
        [ $failures -eq 0 ] || return
    done
    if [ -f broken/checkpoints/last ]; then expect 0 train --resume broken; else expect 0 "$@" --out broken; fi
    same whole broken
    echo "killed $kills times; $((ended + 1)) runs to the end, of the same bits"
}

# A longer --epochs: of a constant rate it is one long run; damage falls back to the checkpoint before.
case_longer() {
    "$make_set" idx set 64
    set -- $net --schedule constant --lr 0.01
    expect 0 "$@" --epochs 4 --out long
    expect 0 "$@" --epochs 2 --out short
    expect 0 train --resume short --epochs 4
    same long short
    printf x | dd of=short/checkpoints/"$(cat short/checkpoints/last)"/state.safetensors bs=1 seek=4000 conv=notrunc \
        2>/dev/null
    expect 0 train --resume short
    has err "is taken instead"
    same long short
}

# Statistics of batch norms that are measured anew are those of the weights that are written, and of nothing else.
case_norms() {
    "$make_set" idx set 64
    set -- train fashion-resnet --batch 8 --data set --schedule constant --lr 0.01
    expect 0 "$@" --epochs 1 --out moved
    expect 0 "$@" --epochs 1 --set "norm-batches 4" --out measured
    expect 0 "$@" --epochs 1 --set "norm-batches 4" --out again -t 1
    same measured again
    expect 1 diff fashion-resnet moved/last.safetensors measured/last.safetensors
    has out "20 of 52 parameters differ" "unit3/b/batch_norm/mean" "unit3/b/batch_norm/variance"
    grep -E "/(weight|bias|gamma|beta) " out > trained && fail "not of norms' statistics: $(head -1 trained)"
    expect 0 "$@" --epochs 2 --set "norm-batches 4; ema .5" --out long
    expect 0 "$@" --epochs 1 --set "norm-batches 4; ema .5" --out short
    expect 0 train --resume short --epochs 2
    cmp long/last.safetensors short/last.safetensors || fail "a run that was made longer is another"
    expect 0 train lenet5 -D keras --batch 8 --data set --epochs 1 --set "norm-batches 4" # which has no norms
    refuses 2 "norm-batches" "$@" --set "norm-batches -1"
}

# Ends before the last epoch: the time is over, or nothing gets better. A run of which nothing was saved.
case_limits() {
    "$make_set" idx set 64
    expect 0 $net --epochs 3 --time 4s --out timed
    has out "time       4s are enough for" "best "
    epochs=$(grep -c "^epoch" out)
    [ "$epochs" -gt 3 ] || fail "4 seconds were enough for $epochs epochs"
    tail -1 timed/metrics.csv | awk -F, '$3 > 0.001 { exit 1 }' || fail "the schedule did not come to its end"
    "$weft" $net --epochs 3 --time 2s --out late > out 2> err < /dev/null & # held up until the time is over
    sleep 1
    kill -STOP $!
    sleep 2
    kill -CONT $!
    wait $! || fail "a run that was held up: exit code $?"
    has out "best "
    late=$(awk -F, 'NR > 1 && $11 > 2' late/metrics.csv | wc -l) # the epoch under way may end in the step that is late
    [ "$late" -le 2 ] || fail "$late epochs ended after the time was over"
    expect 0 $net --lr 0 --patience 2 --out patient
    equal "epochs without a better one" "$(grep -c "^epoch" out)" 3
    rm -r patient/checkpoints
    refuses 66 "ended before its first checkpoint" train --resume patient
    expect 0 $net --batch auto --memory 2MiB --dry-run
    first=$(sed -n 's/.*batch \([0-9]*\) (auto.*/\1/p' out)
    expect 0 $net --batch auto --memory 3MiB --dry-run
    second=$(sed -n 's/.*batch \([0-9]*\) (auto.*/\1/p' out)
    [ "$first" -lt "$second" ] || fail "more memory gives a batch of $second after $first"
    refuses 71 "a batch of 1 needs" $net --batch auto --memory 10KiB
    recomputes "$second"
}

# Of a batch that is given, what does not fit is recomputed, for the same bits; one image more than auto takes is such.
recomputes() {
    expect 0 $net --batch "$1" --memory 3MiB --dry-run
    ! grep -q recomputed out || fail "a batch that auto takes is recomputed"
    code=0
    "$weft" $net --batch "$(($1 + 1))" --memory 3MiB --dry-run >out 2>err || code=$?
    [ "$code" -eq 71 ] || has out "recomputed"
    refuses 71 "with all recomputed that helps" $net --batch 32 --memory 1MiB
    least=$(sed -n 's/.*a step needs \([0-9]*\)\..*as it is.*/\1/p' err)
    refuses 71 "give more --memory" $net --batch 32 --memory "$least"MiB
    more=$(awk "BEGIN { print $least + 3 }")
    expect 0 $net --batch 32 --memory "$more"MiB --dry-run
    expect 0 $net --batch auto --memory 3MiB --set "recompute yes" --dry-run
    again=$(sed -n 's/.*batch \([0-9]*\) (auto.*/\1/p' out)
    [ "$again" -ge "$1" ] || fail "with recompute the batch is $again, without $1"
}

peak_of() { # ARGUMENT...: $peak becomes the KiB that weft has resident at most
    "$probe" peak peak "$weft" "$@" > out 2> err < /dev/null || fail "weft $*: exit code $?"
    peak=$(cat peak)
}

# What --batch auto takes fills what it is given, to a twentieth: of what a run has resident beyond the program, the
# set, and the lists of the plan, which a dry run has, too.
case_memory() {
    "$make_set" idx set 512
    net="train fashion-cnn --data set --batch auto --epochs 1"
    peak_of $net --memory 192MiB --dry-run
    without=$peak
    peak_of $net --memory 192MiB
    has out "(auto, of 192.0 MiB)"
    awk "BEGIN { share = ($peak - $without) / 1024 / 192; print share; exit share < .95 || share > 1.05 }" ||
        fail "$peak KiB with memory, $without without: not 192 MiB"
}

# A number that is none: exit 76, and the good checkpoint stays.
case_numeric() {
    "$make_set" idx set 32
    set -- $net --lr 1e30 --schedule constant --set "momentum 0; nesterov no"
    breaks 76 "c1/conv2d/weight[0] is -inf: a store with numbers that are none is not saved; the checkpoint" \
        "$@" --out early --checkpoint 1steps
    breaks 76 "the first number that is none is -inf, element 0 of parameter c1/conv2d/weight" "$@" --out run
    has err "step 2" "is kept"
    expect 0 summary run/checkpoints/"$(cat run/checkpoints/last)"/state.safetensors --check
}

# The scale of the loss: in fp32 a power of two changes no bit; where none helps the run ends as ever, but later.
case_scale() {
    "$make_set" idx set 64
    set -- $net --schedule constant --epochs 2
    expect 0 "$@" --out plain
    grep -q "scale" out plain/metrics.jsonl && fail "a run in fp32 has a scale"
    for scale in 1024 auto; do
        expect 0 "$@" --set "loss-scale $scale" --out $scale
        cmp plain/last.safetensors $scale/last.safetensors || fail "loss-scale $scale gives other bits"
    done
    has out "scale      the gradient of the loss is multiplied with 65536" "waiting, scale 65536, 0 steps skipped"
    has auto/metrics.jsonl '"scale":65536,"steps_skipped":0}'
    expect 0 "$@" --epochs 1 --set "loss-scale auto" --out part
    expect 0 train --resume part --epochs 2 --json
    equal "scale" "$("$probe" json out loss_scale)" 65536
    same auto part
    refuses 2 "'loss-scale auto'" train --resume part --set "loss-scale 8"
    refuses 2 "loss-scale: '-1' is neither auto nor none nor a number" "$@" --set "loss-scale -1"
    refuses 2 "loss-scale: '8x' is neither" "$@" --set "loss-scale 8x"
    set -- train lenet5 -D keras --batch 2 --data set --lr 1e30 --schedule constant
    breaks 76 "step 18: the first number that is none" "$@" --set "momentum 0; nesterov no; loss-scale auto"
    breaks 76 "step 2: the first number that is none" "$@" --set "momentum 0; nesterov no; loss-scale 8"
}

# A body for other classes: taken, frozen, written so that classify, eval and convert have all they need.
case_transfer() {
    "$make_set" photos first 18
    rm -rf first/red
    "$make_set" photos photos 24
    net="train fashion-resnet --batch 8"
    expect 0 $net --data first --epochs 1 --out first.run --set "val-split 0.2"
    expect 0 $net --data photos --weights first.run/best.safetensors --freeze body --epochs 3 --lr 0.05 --out run
    has out "3: blue" "new ones for 3 classes, such as head" "stay as they are" "validate"
    expect 0 eval run/best.safetensors --data photos
    has out "24 images of photos, classes by class name"
    expect 0 classify run/best.safetensors photos/red/000.ppm
    expect 0 convert run/best.safetensors plain.npz
    has run/confusion.svg "blue &amp;"
    expect 0 $net --data photos --weights run/best.safetensors --freeze body --epochs 1 --out again
    has out "all " # the classifier, too
    # What was frozen is as it was, to the bit.
    expect 1 diff fashion-resnet run/best.safetensors again/best.safetensors
    has out "2 of 52 parameters differ" "head/dense/weight"
}

case_$case
[ $failures -eq 0 ] || exit 1
