# SPDX-License-Identifier: Apache-2.0
#
# readelf --wide --symbols --relocs OBJECT... | awk -f calls.awk: which functions of others each object names, a line
# each: "code|table FILE FUNCTION HOME", where HOME defines the function, and FILE names it in code (calls it, or takes
# its address) or in a table of constants. Then the circles of calls in code among the files of one folder, a line
# each: "circle FOLDER FILE...". Other folders' data (lists of kernels, tables of ops) is not here: it is no function.
function source(object)
{
    sub(/\/CMakeFiles\/[^\/]*\.dir\/(\.\/)?/, "/", object)
    sub(/\.o(bj)?$/, "", object)
    if (sub(/^.*\/src\//, "src/", object) || sub(/^.*\/arch\//, "arch/", object)) # the last: the tree may lie in a src
        return object
    return "" # a test's
}

function folder(path)
{
    sub(/\/[^\/]*$/, "", path)
    return path
}

function reach(from, at, k) # marks what `from` calls, over any number of files
{
    for (k = 1; k <= n_calls[at]; k++)
        if (!((from, calls[at, k]) in reached)) {
            reached[from, calls[at, k]] = 1
            reach(from, calls[at, k])
        }
}

/^File: / { file = source($2) }
/^Relocation section / { kind = $3 ~ /^'\.rela?\.text/ ? "code" : $3 ~ /^'\.rela?\.(data|rodata)/ ? "table" : "" }
/^Symbol table / { kind = "symbols" }
(kind == "code" || kind == "table") && $3 ~ /^R_/ && $5 ~ /^[A-Za-z_]/ { uses[file, $5, kind] = 1 }
kind == "symbols" && $4 == "FUNC" && $5 != "LOCAL" && $7 != "UND" {
    if (!($8 in home) || home[$8] ~ /^src\/cuda\//) # whose own of that name forwards to the library's
        home[$8] = file
}

END {
    for (use in uses) {
        split(use, part, SUBSEP)
        file = part[1]
        other = home[part[2]]
        if (file == "" || other == "" || other == file)
            continue
        print part[3], file, part[2], other
        if (part[3] == "code" && folder(file) == folder(other) && !((file, other) in seen)) {
            seen[file, other] = 1
            calls[file, ++n_calls[file]] = other
            n_calls[other] += 0
        }
    }
    for (file in n_calls)
        reach(file, file)
    for (file in n_calls) { # the circle is printed from its first file
        circle = ""
        first = 1
        n = 0
        for (other in n_calls)
            if (((file, other) in reached) && ((other, file) in reached)) {
                if (other < file)
                    first = 0
                name = other
                sub(/.*\//, "", name)
                for (i = n++; i > 0 && names[i] > name; i--)
                    names[i + 1] = names[i]
                names[i + 1] = name
            }
        if (!first || n < 2)
            continue
        for (i = 1; i <= n; i++)
            circle = circle " " names[i]
        print "circle", folder(file) circle
    }
}
