# SPDX-License-Identifier: Apache-2.0
#
# Weft's headers for Doxygen: a comment on a line of its own documents what follows, one behind a declaration what
# stands before it, and the one on top the file. Doxygen's marks ('\\', '@', '<', '#') mean nothing in them.
function plain(text)
{
    gsub(/\\/, "\\\\", text)
    gsub(/[@#<>&%]/, "\\\\&", text)
    return text
}

FNR == 1 && /^\/\* SPDX/ {
    print "/** @file"
    top = 1
    next
}

top {
    print plain($0)
    if (/\*\//)
        top = 0
    next
}

inside {
    print plain($0)
    if (/\*\//)
        inside = 0
    next
}

/^[ ]*\/\* ---- / { # a heading
    print
    next
}

/^[ ]*\/\* / {
    sub(/\/\* /, "")
    print "/** " plain($0)
    inside = !/\*\//
    next
}

/[;,{][ ]*\/\* / || /[A-Z_0-9][ ]+\/\* / {
    at = index($0, "/* ")
    text = substr($0, at + 3)
    print substr($0, 1, at - 1) "/**< " plain(text)
    inside = text !~ /\*\//
    next
}

{ print }
