# SPDX-License-Identifier: Apache-2.0
#
# What tests of programs share, sourced by them: every check counts and prints what it expected; out and err hold what
# the last command has printed, which reads the file $input, or nothing.
failures=0 checks=0

fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
    for file in out err; do
        [ -s $file ] && { echo "--- $file"; head -c 2000 $file; }
    done
}

ends() { # CODE COMMAND...: runs it
    wanted=$1
    shift
    checks=$((checks + 1))
    "$@" > out 2> err < "${input:-/dev/null}"
    code=$?
    [ $code -eq "$wanted" ] || fail "$*: exit code $code, expected $wanted"
}

expect() { # CODE ARGUMENT...: runs weft
    wanted=$1
    shift
    ends "$wanted" "$weft" "$@"
}

breaks() { # CODE TEXT ARGUMENT...: weft ends with an error that holds TEXT, whatever it has done until then
    wanted=$1 text=$2
    shift 2
    expect "$wanted" "$@"
    grep -qF -- "$text" err || fail "weft $*: the error lacks '$text'"
}

refuses() { # CODE TEXT ARGUMENT...: weft prints nothing but one line, "weft: " with TEXT behind it
    breaks "$@"
    shift 2
    [ -s out ] && fail "weft $*: printed on standard output"
    [ "$(wc -l < err)" -eq 1 ] || fail "weft $*: not one line of error"
    grep -q '^weft: ' err || fail "weft $*: the error does not begin with 'weft: '"
}

has() { # FILE TEXT...
    file=$1
    shift
    for text; do
        checks=$((checks + 1))
        grep -qF -- "$text" "$file" || fail "$file lacks '$text'"
    done
}

equal() { # WHAT FOUND EXPECTED
    checks=$((checks + 1))
    [ "$2" = "$3" ] || fail "$1 is '$2', expected '$3'"
}
