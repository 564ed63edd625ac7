# SPDX-License-Identifier: Apache-2.0
#
# The reference of the public headers as HTML, by Doxygen: the target `reference`. With WEFT_REFERENCE `all` makes it
# and it is installed; without, it is installed if it was made.
find_program(DOXYGEN doxygen)
find_program(AWK NAMES gawk mawk awk)
mark_as_advanced(DOXYGEN AWK)
if(NOT DOXYGEN OR NOT AWK)
    if(WEFT_REFERENCE)
        message(FATAL_ERROR "WEFT_REFERENCE=${WEFT_REFERENCE}, but there is no doxygen, or no awk")
    endif()
    return()
endif()
set(reference ${PROJECT_BINARY_DIR}/reference)
configure_file(${PROJECT_SOURCE_DIR}/docs/reference/Doxyfile.in ${reference}/Doxyfile @ONLY)
set(all "")
set(optional OPTIONAL)
if(WEFT_REFERENCE)
    set(all ALL)
    set(optional "")
endif()
add_custom_target(reference ${all} VERBATIM COMMENT "reference of the public headers: ${reference}/html/index.html"
    COMMAND ${DOXYGEN} ${reference}/Doxyfile)
if(WEFT_INSTALL)
    install(DIRECTORY ${reference}/html DESTINATION ${CMAKE_INSTALL_DOCDIR} ${optional})
endif()
