# SPDX-License-Identifier: Apache-2.0
#
# Reads the public headers as the preprocessor leaves them (cc -E, with its line marks) and writes a C program that
# prints what programs are compiled against, a line each: sizes of structs, place, size and type of every field, values
# of enumerators (but of those that count the others), types of functions and callbacks without their parameters' names.
# The program returns 1 if the library has other sizes than the headers. A declaration of another kind is an error here,
# so that none is left out.
function squeeze(s)
{
    gsub(/[ \t\n]+/, " ", s)
    gsub(/ ?\* ?/, "*", s)
    gsub(/\*+/, " &", s)
    sub(/^ +/, "", s)
    sub(/ +$/, "", s)
    gsub(/ ?, ?/, ", ", s)
    gsub(/\( /, "(", s)
    gsub(/ \)/, ")", s)
    gsub(/ \[/, "[", s)
    return s
}

function quoted(s)
{
    gsub(/\\/, "\\\\", s)
    gsub(/"/, "\\\"", s)
    gsub(/%/, "%%", s)
    return s
}

function die(what, s)
{
    printf "abi.awk: %s: \"%s\"; teach tests/api/abi.awk this kind of declaration\n", what, squeeze(s) >"/dev/stderr"
    failed = 1
    exit 1
}

# The parameter without its name: "const float *images" -> "const float *".
function nameless(p,    tail)
{
    p = squeeze(p)
    if (p ~ /\(/) # a callback
        return p
    tail = ""
    if (match(p, /\[.*\]$/)) {
        tail = substr(p, RSTART)
        p = substr(p, 1, RSTART - 1)
    }
    if (p ~ /[ *][A-Za-z_][A-Za-z0-9_]*$/)
        sub(/[A-Za-z_][A-Za-z0-9_]*$/, "", p)
    sub(/ $/, "", p)
    return p tail
}

# "int weft_f(int a, char *b)" -> "weft_f: int (int, char *)"
function prototype(s, kind,    open, head, name, list, n, i, parameters, out)
{
    s = squeeze(s)
    open = index(s, "(")
    if (kind == "callback")
        open = index(s, ")") + 1
    head = substr(s, 1, open - 1)
    parameters = substr(s, open + 1, length(s) - open - 1)
    if (!open || substr(s, length(s)) != ")" || !match(head, /weft_[a-z0-9_]+\)?$/))
        die("no function", s)
    name = substr(head, RSTART)
    sub(/\)$/, "", name)
    head = substr(head, 1, RSTART - 1)
    sub(/ ?\( ?\*$/, "", head)
    n = split(parameters, list, ",")
    out = ""
    for (i = 1; i <= n; i++)
        out = out (i > 1 ? ", " : "") nameless(list[i])
    printf "    puts(\"%s %s: %s(%s)\");\n", kind, name, quoted(head), quoted(out)
    if (kind == "function")
        functions = functions " " name
}

function row_of_field(type, name, text)
{
    if (name !~ /^[A-Za-z_][A-Za-z0-9_]*$/)
        die("a field of " type, text)
    printf "    printf(\"field %s.%s: at %%zu, %%zu bytes: %s\\n\", ", type, name, quoted(text)
    printf "offsetof(%s, %s), sizeof(((%s *)0)->%s));\n", type, name, type, name
}

function fields(type, body,    n, i, rows, k, m, parts, base, d, name, stars)
{
    n = split(body, rows, ";")
    for (i = 1; i <= n; i++) {
        d = squeeze(rows[i])
        if (d == "")
            continue
        if (match(d, /\( ?\*[a-z0-9_]+\)/)) {
            name = substr(d, RSTART, RLENGTH)
            gsub(/[(* )]/, "", name)
            row_of_field(type, name, d)
            continue
        }
        m = split(d, parts, ",")
        base = parts[1]
        sub(/[ *]*[A-Za-z_0-9]+ ?(\[[^\]]*\])*$/, "", base)
        for (k = 1; k <= m; k++) {
            name = parts[k]
            if (k == 1)
                name = substr(name, length(base) + 1)
            stars = name
            gsub(/[^*]/, "", stars)
            gsub(/\[[^\]]*\]|[* ]/, "", name)
            row_of_field(type, name, base (stars == "" ? "" : " ") stars)
        }
    }
}

function enumerators(body,    n, i, rows, name)
{
    n = split(body, rows, ",")
    for (i = 1; i <= n; i++) {
        name = squeeze(rows[i])
        sub(/ ?=.*/, "", name)
        if (name == "" || name ~ /_COUNT$/)
            continue
        if (name !~ /^WEFT_[A-Z0-9_]+$/)
            die("an enumerator", rows[i])
        printf "    printf(\"value %s: %%d\\n\", (int)%s);\n", name, name
    }
}

function body_of(s)
{
    sub(/^[^{]*\{/, "", s)
    sub(/\}[^}]*$/, "", s)
    return s
}

function declaration(s,    name)
{
    s = squeeze(s)
    if (s ~ /^@API /) {
        prototype(substr(s, 6), "function")
    } else if (s ~ /^(typedef )?enum [^{]*\{.*\}/) {
        enumerators(body_of(s))
    } else if (s ~ /^typedef struct weft_[a-z0-9_]+ ?\{.*\}/) {
        name = s
        sub(/^typedef struct /, "", name)
        sub(/[ {].*/, "", name)
        printf "    printf(\"struct %s: %%zu bytes\\n\", sizeof(%s));\n", name, name
        printf "    wrong |= differs(\"%s\", sizeof(%s));\n", name, name
        fields(name, body_of(s))
    } else if (s ~ /^typedef [^{]*\( ?\*weft_[a-z0-9_]+\)/) {
        sub(/^typedef /, "", s)
        prototype(s, "callback")
    } else if (s !~ /^typedef struct weft_[a-z0-9_]+ weft_[a-z0-9_]+$/ && s != "") {
        die("not known", s)
    }
}

BEGIN {
    print "/* Written by tests/api/abi.awk. */"
    print "#include <stdio.h>\n#include <weft/weft.h>\n"
    print "static int differs(const char *name, size_t size)\n{"
    print "    if (weft_struct_size(name) == size)\n        return 0;"
    print "    fprintf(stderr, \"%s: %zu bytes in the headers, weft_struct_size says %zu\\n\", name, size,"
    print "            weft_struct_size(name));\n    return 1;\n}\n"
    print "int main(void)\n{\n    int wrong = 0;"
}
/^# [0-9]+ "/ { ours = $3 ~ /\/weft\/[a-z]+\.h"$/; next }
ours && !/^#/ { text = text $0 "\n" }
END {
    if (failed)
        exit 1
    gsub(/__attribute__ *\(\(visibility *\("default"\)\)\)/, "@API", text)
    gsub(/__attribute__ *\(\([a-z_]+ *\([^()]*\)\)\)/, "", text)
    depth = 0
    while (match(text, /[{};]/)) {
        c = substr(text, RSTART, 1)
        statement = statement substr(text, 1, RSTART - 1)
        text = substr(text, RSTART + 1)
        depth += c == "{" ? 1 : c == "}" ? -1 : 0
        if (c == ";" && depth == 0) {
            declaration(statement)
            statement = ""
        } else {
            statement = statement c
        }
    }
    if (failed)
        exit 1
    print "    return wrong;\n}"
    print "/* functions:" functions " */"
}
