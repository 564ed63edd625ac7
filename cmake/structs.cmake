# SPDX-License-Identifier: Apache-2.0
#
# Writes the list of the public structs, X(weft_shape) and so on, as the headers have them:
#   cmake -DHEADERS=<folder> -DOUT=<header> -P structs.cmake
file(GLOB headers ${HEADERS}/*.h)
set(names "")
foreach(header ${headers})
    file(STRINGS ${header} lines REGEX "^typedef struct weft_[a-z0-9_]+ {")
    foreach(line ${lines})
        string(REGEX REPLACE "^typedef struct (weft_[a-z0-9_]+) {.*" "\\1" name "${line}")
        list(APPEND names ${name})
    endforeach()
endforeach()
list(SORT names)
set(text "/* Written by cmake/structs.cmake. */\n#define WEFT_STRUCTS(X)")
foreach(name ${names})
    string(APPEND text " \\\n    X(${name})")
endforeach()
file(WRITE ${OUT} "${text}\n")
