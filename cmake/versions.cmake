# SPDX-License-Identifier: Apache-2.0
#
# Writes the linker's version script of the shared library: the functions that the headers declare, under the name of
# the soname, and nothing else. A program asks for that version, so that two sonames of weft, which two libraries of one
# program may have brought, never answer for each other.
#   cmake -DHEADERS=<folder> -DNODE=WEFT_0.1 -DOUT=<file> -P versions.cmake
file(GLOB headers ${HEADERS}/*.h)
set(names "")
foreach(header ${headers})
    file(STRINGS ${header} lines REGEX "^WEFT_API ")
    foreach(line ${lines})
        if(NOT line MATCHES "^WEFT_API [^(]*[ *](weft_[a-z0-9_]+)\\(")
            message(FATAL_ERROR "${header}: \"${line}\": a function's name stands on the line of its WEFT_API")
        endif()
        list(APPEND names ${CMAKE_MATCH_1})
    endforeach()
endforeach()
list(SORT names)
list(JOIN names ";\n    " names)
file(WRITE ${OUT} "${NODE} {\nglobal:\n    ${names};\nlocal:\n    *;\n};\n")
