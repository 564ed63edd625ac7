# SPDX-License-Identifier: Apache-2.0
#
# Writes the commit of the sources into a header, and leaves the header alone where it says so already:
#   cmake -DSOURCE=<tree> -DOUT=<header> -P commit.cmake
set(commit "")
find_program(GIT git)
if(GIT AND EXISTS ${SOURCE}/.git)
    execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse --short=12 HEAD OUTPUT_VARIABLE commit ERROR_QUIET
        OUTPUT_STRIP_TRAILING_WHITESPACE)
    execute_process(COMMAND ${GIT} -C ${SOURCE} diff --quiet HEAD -- RESULT_VARIABLE changed OUTPUT_QUIET ERROR_QUIET)
    if(commit AND changed EQUAL 1)
        string(APPEND commit "+")
    endif()
endif()
set(text "#define WEFT_COMMIT \"${commit}\"\n")
set(old "")
if(EXISTS ${OUT})
    file(READ ${OUT} old)
endif()
if(NOT old STREQUAL text)
    file(WRITE ${OUT} "${text}")
endif()
