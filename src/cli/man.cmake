# SPDX-License-Identifier: Apache-2.0
#
# Writes what the program prints to PAGE: the manual page of COMMAND, or the completion script of SHELL.
if(SHELL)
    set(arguments completion ${SHELL})
else()
    set(arguments help --man ${COMMAND})
endif()
execute_process(COMMAND ${PROGRAM} ${arguments} OUTPUT_VARIABLE text RESULT_VARIABLE code)
if(NOT code EQUAL 0)
    message(FATAL_ERROR "weft ${arguments}: exit code ${code}")
endif()
file(WRITE ${PAGE} "${text}")
