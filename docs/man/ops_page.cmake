# SPDX-License-Identifier: Apache-2.0
#
# Writes what ops_page says to PAGE, or, without WRITE, fails where the page says something else.
string(REPLACE "," ";" SOURCES "${SOURCES}")
execute_process(COMMAND ${PROGRAM} ${HEADER} ${SOURCES} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
if(WRITE)
    file(WRITE ${PAGE} "${text}")
else()
    file(READ ${PAGE} page)
    if(NOT page STREQUAL text)
        message(FATAL_ERROR "${PAGE} is not what the op table says: cmake --build <build> --target man writes it anew")
    endif()
endif()
