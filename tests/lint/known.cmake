# SPDX-License-Identifier: Apache-2.0
#
# What a lint finds, less what known.txt lists. That list only shrinks: a line that no longer applies fails, too.
set(found_keys "")
set(found_texts "")

# found(<key> <text>): one violation; key is its line in known.txt.
macro(found key text)
    list(APPEND found_keys "${key}")
    list(APPEND found_texts "${text}")
endmacro()

# judge(<kind>...): fails with what was found and is not known, and with lines of these kinds that nothing answers to.
function(judge)
    set(known "")
    if(EXISTS ${ROOT}/tests/lint/known.txt)
        file(STRINGS ${ROOT}/tests/lint/known.txt known REGEX "^[a-z]")
    endif()
    set(count 0)
    foreach(key text IN ZIP_LISTS found_keys found_texts)
        if(NOT key IN_LIST known)
            message(NOTICE "${text}")
            math(EXPR count "${count} + 1")
        endif()
    endforeach()
    foreach(line IN LISTS known)
        string(REGEX MATCH "^[a-z]+" kind "${line}")
        if(kind IN_LIST ARGN AND NOT line IN_LIST found_keys)
            message(NOTICE "tests/lint/known.txt: \"${line}\" no longer applies: delete the line")
            math(EXPR count "${count} + 1")
        endif()
    endforeach()
    if(count)
        message(FATAL_ERROR "${count} to mend")
    endif()
endfunction()
